//! A server with TLS, and a client that trusts its certificate and nothing else.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, Item};
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
    turn.send(CreateResponse::new("gpt-x", vec![Item::user("Say hello.")]))?;
    while let Some(event) = turn.next().await {
        match event {
            Event::Connected { transport, .. } => println!("connected to {url}: {transport:?}"),
            Event::Finished { outcome: Outcome::Completed(response), .. } => {
                println!("{} completed", response.id.as_deref().unwrap_or_default())
            }
            Event::Finished { outcome, .. } => return Err(format!("no response: {outcome:?}").into()),
            _ => {}
        }
    }
    Ok(())
}
