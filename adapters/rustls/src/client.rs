//! Clients and servers over any socket. Each runtime's adapter is built on them.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::{ClientConfig, ServerConfig};
use turnwire::client::{Client as ClientState, ClientSetup, Credentials, InvalidProvider, Provider, Settings};
use turnwire::connection::{ServerConnection, server::Config};
use turnwire::proxy::ProxySelector;
use turnwire_driver::{ClientDriver, Io, ProxyIo, ServerDriver, proxies_from_environment};

use crate::error::Error;
use crate::io::TlsIo;

/// The layers of a client's socket, from the inside: a socket of type `S`, TLS to the proxy, the handshake with the proxy, TLS to the
/// host. Each layer does nothing where it is not needed.
pub type ClientIo<S> = TlsIo<ProxyIo<TlsIo<S>>>;

/// A client over sockets of one type, with TLS and proxies. It dereferences to [`ClientDriver`], which has the methods.
///
/// ```
/// use turnwire::client::{Credentials, Provider, Settings};
/// use turnwire_driver::Io;
///
/// /// Creates a client over sockets of any runtime.
/// fn client<S: Io + Default>() -> Result<turnwire_rustls::Client<S>, turnwire::client::InvalidProvider> {
///     turnwire_rustls::Client::new(Provider::openai(), Credentials::bearer("key"), Settings::default())
/// }
/// ```
#[derive(Debug)]
pub struct Client<S: Io>(ClientDriver<ClientIo<S>>);

impl<S: Io + Default> Client<S> {
    /// Creates a client of `provider`. It opens no connection before the first request. Its random seed comes from the operating
    /// system, its proxies come from the environment ([`proxies_from_environment`]).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when the configuration allows no request: the error names the invalid part.
    pub fn new(provider: Provider, credentials: Credentials, settings: Settings) -> Result<Self, InvalidProvider> {
        ClientBuilder::default().build(provider, credentials, settings)
    }

    /// Creates a client with its own TLS configuration instead of [`client_config`](crate::client_config).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_tls(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, InvalidProvider> {
        ClientBuilder::default().tls(tls).build(provider, credentials, settings)
    }
}

/// Builds a [`Client`] with its own socket, TLS configuration or proxies.
///
/// ```
/// use turnwire::client::{Credentials, InvalidProvider, Provider, Settings};
/// use turnwire::proxy::ProxySelector;
/// use turnwire_driver::Io;
/// use turnwire_rustls::{Client, ClientBuilder};
///
/// /// Creates a client that uses one proxy for every host, whatever the environment says.
/// fn client<S: Io>(socket: S, proxies: ProxySelector) -> Result<Client<S>, InvalidProvider> {
///     let builder = ClientBuilder::new(socket).proxies(proxies);
///     builder.build(Provider::openai(), Credentials::bearer("key"), Settings::default())
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder<S> {
    socket: S,
    tls: Option<Arc<ClientConfig>>,
    proxy_tls: Option<Arc<ClientConfig>>,
    proxies: Option<ProxySelector>,
}

impl<S: Io + Default> Default for ClientBuilder<S> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S: Io> ClientBuilder<S> {
    /// Begins with a socket that is not open, the TLS configuration [`client_config`](crate::client_config), and the proxies of the
    /// environment.
    pub const fn new(socket: S) -> Self {
        Self { socket, tls: None, proxy_tls: None, proxies: None }
    }

    /// Sets the TLS configuration for hosts.
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Sets the TLS configuration for proxies, which is otherwise [`client_config`](crate::client_config).
    pub fn proxy_tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.proxy_tls = Some(config);
        self
    }

    /// Sets the proxies. The environment is then not read. With an empty selector, every host is reached directly.
    pub fn proxies(mut self, proxies: ProxySelector) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Creates the client.
    ///
    /// An invalid proxy in the environment is no error here: every connection attempt fails with it, because a direct connection is
    /// not what the environment asks for.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when the configuration allows no request: the error names the invalid part.
    pub fn build(
        self,
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<Client<S>, InvalidProvider> {
        self.build_with_setup(&ClientSetup::new(provider, settings)?, credentials)
    }

    /// Creates a client that shares its provider and its settings with others: an idle client then takes 1.5 KiB less.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_with_setup(self, setup: &ClientSetup, credentials: Credentials) -> Result<Client<S>, InvalidProvider> {
        let io = self.into_io();
        let mut client = ClientState::with_setup(setup, credentials, seed())?;
        // A system time before 1970 is wrong: use no wall clock.
        if let Ok(unix) = SystemTime::now().duration_since(UNIX_EPOCH) {
            client.set_wall_clock(io.now(), unix.as_millis().try_into().unwrap_or(u64::MAX));
        }
        Ok(Client(ClientDriver::new(client, io)))
    }

    fn into_io(self) -> ClientIo<S> {
        let proxies = self.proxies.map_or_else(proxies_from_environment, Ok);
        let to_proxy = TlsIo::with_optional_config(self.socket, self.proxy_tls);
        TlsIo::with_optional_config(ProxyIo::new(to_proxy, proxies), self.tls)
    }
}

impl<S: Io> Deref for Client<S> {
    type Target = ClientDriver<ClientIo<S>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Io> DerefMut for Client<S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Serves an accepted socket, with TLS if `tls` is set.
///
/// # Errors
///
/// Returns [`Error::Session`] when the TLS configuration is unusable. The socket is dropped.
pub fn accept<S: Io>(
    socket: S,
    config: impl Into<Arc<Config>>,
    tls: Option<Arc<ServerConfig>>,
) -> Result<ServerDriver<TlsIo<S>>, Error> {
    Ok(ServerDriver::new(ServerConnection::new(config, seed()), TlsIo::accepted(socket, tls)?))
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    // That of the TLS library, so that no crate is built for this alone.
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut seed).expect("the operating system has a random source");
    seed
}
