//! The clients: each asks once, and is kept.

use std::any::Any;

use smol::Async;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use turnwire::client::{ClientSetup, Credentials, Provider, Settings, TransportPreference};
use turnwire::responses::CreateResponse;
use turnwire::ws::deflate::Offer;
use turnwire_driver::{ClientDriver, Io};
use turnwire_rustls::ClientConfigBuilder;
use turnwire_rustls::rustls::pki_types::ServerName;

use crate::{Setup, WARM_UP};

type Held = Vec<Box<dyn Any>>;

/// Makes connections one by one. Calls `observe` with their number after the warm-up and when all of them are idle.
pub fn run(setup: &Setup, address: &str, certificate: &str, count: usize, mut observe: impl FnMut(usize)) {
    let mut held: Held = Vec::new();
    let tls = setup.tls.then(|| {
        let builder = ClientConfigBuilder::new().roots_pem(certificate.as_bytes()).expect("a certificate");
        builder.build().expect("a configuration")
    });
    let shared = ClientSetup::new(provider(setup, address), settings(setup)).expect("valid");
    if setup.tokio {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for at in 0..count {
                if at == WARM_UP {
                    observe(at);
                }
                held.push(if setup.socket {
                    let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
                    match &tls {
                        Some(tls) => {
                            let name = ServerName::try_from("127.0.0.1").expect("a name");
                            let connector = tokio_rustls::TlsConnector::from(tls.clone());
                            Box::new(echo(connector.connect(name, stream).await.expect("a session")).await)
                        }
                        None => Box::new(echo(stream).await),
                    }
                } else {
                    let mut builder = turnwire_tokio::ClientBuilder::default();
                    if let Some(tls) = &tls {
                        builder = builder.tls(tls.clone());
                    }
                    let mut client = builder.build_with_setup(&shared, Credentials::None).expect("valid");
                    ask(&mut client, setup).await;
                    Box::new(client)
                });
            }
            tokio::time::sleep(core::time::Duration::from_millis(500)).await;
            observe(held.len());
        });
    } else {
        smol::block_on(async {
            for at in 0..count {
                if at == WARM_UP {
                    observe(at);
                }
                held.push(if setup.socket {
                    let address: std::net::SocketAddr = address.parse().expect("an address");
                    let mut stream = Async::<std::net::TcpStream>::connect(address).await.expect("a connection");
                    stream.write_all(b"a").await.expect("it is open");
                    stream.read_exact(&mut [0]).await.expect("an answer");
                    Box::new(stream)
                } else {
                    let mut builder = turnwire_async_std::ClientBuilder::default();
                    if let Some(tls) = &tls {
                        builder = builder.tls(tls.clone());
                    }
                    let mut client = builder.build_with_setup(&shared, Credentials::None).expect("valid");
                    ask(&mut client, setup).await;
                    Box::new(client)
                });
            }
            smol::Timer::after(core::time::Duration::from_millis(500)).await;
            observe(held.len());
        });
    }
}

/// Sends a byte and reads it again.
async fn echo<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) -> S {
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"a").await.expect("it is open");
    tokio::io::AsyncWriteExt::flush(&mut stream).await.expect("it is open");
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut [0]).await.expect("an answer");
    stream
}

fn provider(setup: &Setup, address: &str) -> Provider {
    let scheme = if setup.tls { "https" } else { "http" };
    let mut provider = Provider::new("bench", &format!("{scheme}://{address}/v1"));
    provider.capabilities.websocket = setup.websocket;
    provider.capabilities.deflate = setup.deflate;
    provider
}

fn settings(setup: &Setup) -> Settings {
    let mut settings = Settings::default();
    settings.transport = if setup.websocket { TransportPreference::WebSocket } else { TransportPreference::Http };
    settings.connection.deflate_offer = setup.deflate.then(Offer::default);
    settings.connection.deflate_pool = setup.pool.clone();
    settings
}

async fn ask<I: Io>(client: &mut ClientDriver<I>, setup: &Setup) {
    let request = CreateResponse::new("gpt-x", setup.question.as_str());
    let response = client.turn().expect("no request is in flight").ask(request).await.expect("an answer");
    assert_eq!(response.output_text(), setup.answer.concat());
}
