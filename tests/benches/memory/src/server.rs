//! The server: answers each request with 100 text deltas.

use std::io::{BufRead as _, stdin};
use std::net::TcpListener;
use std::sync::Arc;

use smol::Async;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use turnwire::connection::server::{Config, Event};
use turnwire::http::Headers;
use turnwire::responses::ResponseWriter;
use turnwire::ws::deflate::ServerPolicy;
use turnwire_driver::{Io, ServerDriver};
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;

use crate::{Setup, resident};

fn tls() -> (Arc<ServerConfig>, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = turnwire_rustls::server_config(vec![made.cert.der().clone()], key).expect("a configuration");
    (config, made.cert.pem())
}

fn config(setup: &Setup) -> Arc<Config> {
    let mut config = Config::default();
    config.deflate_policy = setup.deflate.then(|| {
        let without = !setup.takeover;
        ServerPolicy::default().with_server_no_context_takeover(without).with_client_no_context_takeover(without)
    });
    config.deflate_pool = setup.pool.clone();
    Arc::new(config)
}

/// Serves until the standard input ends, and prints its resident memory for each line of the standard input.
pub fn run(setup: &Setup) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let (tls, pem) = if setup.tls { Some(tls()).unzip() } else { (None, None) };
    let pem = pem.unwrap_or_default();
    println!("{}", pem.lines().count());
    pem.lines().for_each(|line| println!("{line}"));
    std::thread::spawn(|| {
        stdin().lock().lines().for_each(|_| println!("{}", resident()));
        std::process::exit(0);
    });
    if setup.tokio { tokio_server(setup, listener, tls) } else { smol_server(setup, listener, tls) }
}

fn tokio_server(setup: &Setup, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    listener.set_nonblocking(true).expect("a socket");
    let local = tokio::task::LocalSet::new();
    let (config, answer) = (config(setup), Arc::new(setup.answer.clone()));
    local.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            if setup.socket {
                match tls.clone() {
                    Some(tls) => tokio::task::spawn_local(async move {
                        let accepting = Box::pin(tokio_rustls::TlsAcceptor::from(tls).accept(stream));
                        echo(accepting.await.expect("a session")).await;
                    }),
                    None => tokio::task::spawn_local(echo(stream)),
                };
            } else {
                let server = turnwire_tokio::accept(stream, Arc::clone(&config), tls.clone()).expect("a session");
                tokio::task::spawn_local(serve(server, Arc::clone(&answer)));
            }
        }
    });
}

/// Sends each byte back.
async fn echo<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) {
    let mut byte = [0];
    while tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await.is_ok_and(|length| length > 0) {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &byte).await;
        // A TLS session writes only what is flushed.
        let _ = tokio::io::AsyncWriteExt::flush(&mut stream).await;
    }
}

fn smol_server(setup: &Setup, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
    let executor = smol::LocalExecutor::new();
    let (config, answer) = (config(setup), Arc::new(setup.answer.clone()));
    smol::block_on(executor.run(async {
        let listener = Async::new(listener).expect("a socket");
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            if setup.socket {
                executor
                    .spawn(async move {
                        let mut byte = [0];
                        while stream.read(&mut byte).await.is_ok_and(|length| length > 0) {
                            let _ = stream.write_all(&byte).await;
                        }
                    })
                    .detach();
            } else {
                let server = turnwire_async_std::accept(stream, Arc::clone(&config), tls.clone()).expect("a session");
                executor.spawn(serve(server, Arc::clone(&answer))).detach();
            }
        }
    }));
}

async fn serve<I: Io>(mut server: ServerDriver<I>, answer: Arc<Vec<String>>) {
    loop {
        let is_post = match server.next().await {
            None | Some(Event::Closed(_)) => return,
            Some(Event::Upgrade { .. }) => {
                let now = server.now();
                server.connection().accept(now, &Headers::new()).expect("it was asked for");
                continue;
            }
            Some(Event::Request { .. }) => true,
            Some(Event::Text { .. }) => false,
            Some(_) => continue,
        };
        let now = server.now();
        let connection = server.connection();
        if is_post {
            connection.begin_stream(now, &Headers::new()).expect("a request waits");
        }
        let mut writer = ResponseWriter::new("resp_1", "gpt-x", 1_767_225_600);
        let mut events = writer.begin();
        for delta in answer.iter() {
            events.extend(writer.text("msg_1", delta));
        }
        events.extend(writer.complete(None, None));
        for event in events {
            connection.send(now, &event.to_json()).expect("it is open");
        }
        if is_post {
            connection.end_stream(now).expect("a stream is open");
        }
    }
}
