//! Clients and servers over streams that are no TCP sockets, and dialers of the application.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use tokio::io::{DuplexStream, duplex};
use turnwire::client::{ConnectTarget, Event, Outcome, Provider, TransportPreference};
use turnwire::proxy::ProxySelector;
use turnwire::responses::{CreateResponse, FailureKind, Item};
use turnwire_cli::serve::{self, Script, ScriptedServer};
use turnwire_driver::{ClientDriver, Io};
use turnwire_rustls::rustls::{ClientConfig, ServerConfig};
use turnwire_tokio::{StreamClientBuilder, StreamIo, accept_stream};

use crate::setup::TransportSetup;

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

fn scripted() -> Arc<ScriptedServer> {
    Arc::new(ScriptedServer::new(Script::parse("[[reply]]\ntext = \"one two\"\n").expect("a script")))
}

/// Sends one request. Returns how it failed, if it did.
async fn turn<I: Io>(client: &mut ClientDriver<I>) -> Result<(), (FailureKind, String)> {
    let mut turn = client.turn().expect("a turn");
    turn.send(CreateResponse::new("gpt-x", vec![Item::user("hi")])).expect("a request");
    let mut result = None;
    while let Some(event) = turn.next().await {
        match event {
            Event::Finished { outcome: Outcome::Completed(_), .. } => result = Some(Ok(())),
            Event::Finished { outcome: Outcome::Failed(failure), .. } => {
                result = Some(Err((failure.kind, failure.message.clone())));
            }
            _ => {}
        }
    }
    result.expect("the request has ended")
}

/// A dialer whose streams are pipes of this size to a server in the process.
fn pipes(
    size: usize,
    tls: Option<Arc<ServerConfig>>,
    dialed: Arc<AtomicUsize>,
) -> impl FnMut(ConnectTarget) -> core::future::Ready<io::Result<DuplexStream>> {
    let scripted = scripted();
    move |target| {
        assert_eq!((target.host.as_str(), target.tls), ("127.0.0.1", false), "TLS is a layer above the stream");
        dialed.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = duplex(size);
        let mut connection = accept_stream(theirs, serve::config(false), tls.clone()).expect("a connection");
        let scripted = Arc::clone(&scripted);
        tokio::spawn(async move { serve::serve(&mut connection, &scripted).await });
        core::future::ready(Ok(ours))
    }
}

fn builder<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    io: StreamIo<S>,
    trust: Arc<ClientConfig>,
) -> StreamClientBuilder<S> {
    StreamClientBuilder::new(io).tls(trust).proxies(ProxySelector::new())
}

#[tokio::test]
async fn pipes_of_any_size_turns_succeed_on_one_stream() {
    for choice in TRANSPORTS {
        for (size, tls) in [(1, false), (7, true), (64, false), (4096, true)] {
            let setup = TransportSetup { choice, tls };
            let (trust, certificate) = setup.tls();
            let dialed = Arc::new(AtomicUsize::new(0));
            let io = StreamIo::with_dialer(pipes(size, certificate, Arc::clone(&dialed)));
            let provider = setup.provider(([127, 0, 0, 1], 80).into());
            let mut client =
                builder(io, trust).build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
            for _ in 0..2 {
                turn(&mut client).await.unwrap_or_else(|failure| panic!("{setup:?} {size}: {failure:?}"));
            }
            assert_eq!(dialed.load(Ordering::SeqCst), 1, "the stream is used for both turns");
            client.close().await;
        }
    }
}

#[tokio::test]
async fn dialer_fails_error_is_the_failure_and_is_retried() {
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let dialed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dialed);
    let io = StreamIo::<DuplexStream>::with_dialer(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        core::future::ready(Err(io::Error::other("no tunnel")))
    });
    let mut provider = setup.provider(([127, 0, 0, 1], 80).into());
    (provider.retry.max_retries, provider.retry.base_delay) = (2, Duration::from_millis(1));
    let (trust, _) = setup.tls();
    let mut client =
        builder(io, trust).build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
    let (kind, message) = turn(&mut client).await.expect_err("no stream");
    assert_eq!((kind, dialed.load(Ordering::SeqCst)), (FailureKind::Connect, 3));
    assert!(message.contains("no tunnel"), "{message}");
}

#[tokio::test]
async fn dialer_never_completes_connect_timeout_drops_it() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dropped);
    let io = StreamIo::<DuplexStream>::with_dialer(move |_| {
        let dropped = Dropped(Arc::clone(&counted));
        async move {
            core::future::pending::<()>().await;
            drop(dropped);
            unreachable!("the dialer never completes")
        }
    });
    let mut provider = setup.provider(([127, 0, 0, 1], 80).into());
    provider.connect_timeout = Duration::from_millis(50);
    let (trust, _) = setup.tls();
    let mut client =
        builder(io, trust).build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
    assert!(turn(&mut client).await.is_err());
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "the attempt was cancelled");
}

#[test]
fn sockets_of_async_std_turns_succeed() {
    use async_std::net::{TcpListener, TcpStream};
    async_std::task::block_on(async {
        for choice in TRANSPORTS {
            for tls in [false, true] {
                let setup = TransportSetup { choice, tls };
                let (trust, certificate) = setup.tls();
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("an address");
                async_std::task::spawn(async move {
                    let scripted = scripted();
                    let (stream, _) = listener.accept().await.expect("a client");
                    let accepted = turnwire_async_std::accept_stream(stream, serve::config(true), certificate);
                    serve::serve(&mut accepted.expect("a connection"), &scripted).await;
                });
                let io = turnwire_async_std::StreamIo::with_dialer(|target: ConnectTarget| async move {
                    TcpStream::connect((target.host.as_str(), target.port)).await
                });
                let builder = turnwire_async_std::StreamClientBuilder::new(io).tls(trust).proxies(ProxySelector::new());
                let provider: Provider = setup.provider(address);
                let mut client =
                    builder.build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
                for _ in 0..2 {
                    turn(&mut client).await.unwrap_or_else(|failure| panic!("{setup:?}: {failure:?}"));
                }
                client.close().await;
            }
        }
    });
}

#[test]
fn blocking_client_looks_names_up_on_another_thread() {
    use turnwire_blocking::{ClientBuilder, block_on};
    let (url, _) = serve::demo(Script::parse("[[reply]]\ntext = \"one\"\n").expect("a script")).expect("a port");
    let port = url.rsplit_once(':').expect("a port").1;
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let run = |base_url: String| {
        let mut provider = setup.provider(([127, 0, 0, 1], 80).into());
        (provider.base_url, provider.allow_plain) = (base_url, true);
        provider.connect_timeout = Duration::from_millis(500);
        let builder = ClientBuilder::default().proxies(ProxySelector::new());
        let mut client = builder.build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
        block_on(turn(&mut client))
    };
    run(format!("http://localhost:{port}")).expect("a response");
    // Where no resolver answers, the deadline ends the attempt, and the lookup's thread is left behind.
    let (kind, _) = run("http://no-such-host.invalid/v1".to_owned()).expect_err("no such name");
    assert!(matches!(kind, FailureKind::Connect | FailureKind::Timeout), "{kind:?}");
}
