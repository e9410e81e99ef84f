//! The setup of a conversation: the transport, and TLS with a generated certificate.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::timeout;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings, TransportPreference};
use turnwire::proxy::ProxySelector;
use turnwire::responses::{CreateResponse, Failure};
use turnwire_driver::Io;
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;
use turnwire_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use turnwire_rustls::{Client, ClientBuilder};

/// The transport, with or without TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransportSetup {
    pub(crate) choice: TransportPreference,
    pub(crate) tls: bool,
}

impl TransportSetup {
    pub(crate) fn provider(self, address: SocketAddr) -> Provider {
        let scheme = if self.tls { "https" } else { "http" };
        let mut provider = Provider::new("test", &format!("{scheme}://127.0.0.1:{}/v1", address.port()));
        provider.retry.max_retries = 0;
        provider
    }

    pub(crate) fn settings(self) -> Settings {
        let mut settings = Settings::default();
        settings.transport = self.choice;
        settings
    }

    pub(crate) fn credentials() -> Credentials {
        Credentials::bearer("test-key")
    }

    /// Returns the TLS configurations of both ends, with a self-signed certificate. The client's one exists also
    /// without TLS.
    pub(crate) fn tls(self) -> (Arc<ClientConfig>, Option<Arc<ServerConfig>>) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let client = turnwire_rustls::client_config_with_roots(roots).expect("a configuration");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let server = turnwire_rustls::server_config(vec![made.cert.der().clone()], key).expect("a configuration");
        (client, self.tls.then_some(server))
    }
}

/// A client that trusts a certificate, and reaches every host directly, whatever the environment says.
pub(crate) fn client<S: Io + Default>(provider: Provider, settings: Settings, trust: Arc<ClientConfig>) -> Client<S> {
    let builder = ClientBuilder::default().tls(trust).proxies(ProxySelector::new());
    builder.build(provider, TransportSetup::credentials(), settings).expect("a client")
}

/// Sends one request, and returns its failure, if it failed.
pub(crate) async fn turn(client: &mut turnwire_tokio::Client) -> Result<(), Box<Failure>> {
    let mut turn = client.turn().expect("a turn");
    turn.send(CreateResponse::new("gpt-x", "hi")).expect("a request");
    let mut result = None;
    while let Some(event) = timeout(Duration::from_secs(20), turn.next()).await.expect("an event") {
        match event {
            Event::Finished { outcome: Outcome::Completed(_), .. } => result = Some(Ok(())),
            Event::Finished { outcome: Outcome::Failed(failure), .. } => result = Some(Err(Box::new(failure.clone()))),
            _ => {}
        }
    }
    result.expect("the request has ended")
}
