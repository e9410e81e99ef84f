//! A server with TLS, and a client that trusts its certificate and nothing else.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Provider, Settings};
use turnwire::responses::CreateResponse;
use turnwire_rustls::rustls::RootCertStore;
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;
use turnwire_rustls::{client_config_with_roots, server_config};
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    // A real server reads its certificate and key from files.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let tls = server_config(vec![made.cert.der().clone()], key)?;

    let demo = Demo { tls: Some(tls), ..Demo::default() };
    let url = demo.serve(|_, writer| support::message(writer, &["Hello."])).await?;

    // `Client::new` trusts the roots of the platform; a client of a private server has its own.
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let trusted = client_config_with_roots(roots)?;
    let provider = Provider::new("example", &url);
    let mut client = Client::with_tls(provider, Credentials::bearer("key"), Settings::default(), trusted)?;

    let mut turn = client.turn()?;
    let response = turn.ask_with(CreateResponse::new("gpt-x", "Say hello."), |event| {
        if let Event::Connected { transport, .. } = event {
            println!("connected to {url}: {transport:?}");
        }
    });
    println!("{}", response.await?.output_text());
    Ok(())
}
