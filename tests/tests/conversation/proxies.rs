//! Clients that reach a server through a proxy, over both transports.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use turnwire::client::TransportPreference;
use turnwire::proxy::ProxySelector;
use turnwire::responses::{Failure, FailureKind};
use turnwire_cli::serve::{self, Script, ScriptedServer};
use turnwire_rustls::ClientBuilder;
use turnwire_rustls::rustls::{ClientConfig, ServerConfig};
use turnwire_tokio::{Client, TcpIo};

use super::proxy::{Behaviour, Proxy};
use crate::setup::{TransportSetup, turn};

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

/// A server that answers every request, and counts its connections.
struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    async fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Self { address, accepted: Arc::default() };
        let accepted = Arc::clone(&server.accepted);
        let script = Script::parse("[[reply]]\ntext = \"one two\"\n").expect("a script");
        let scripted = Arc::new(ScriptedServer::new(script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a client");
                accepted.fetch_add(1, Ordering::SeqCst);
                let mut connection =
                    turnwire_tokio::accept(stream, serve::config(false), tls.clone()).expect("a connection");
                let scripted = Arc::clone(&scripted);
                tokio::spawn(async move { serve::serve(&mut connection, &scripted).await });
            }
        });
        server
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn client(setup: TransportSetup, server: SocketAddr, tls: Arc<ClientConfig>, proxies: ProxySelector) -> Client {
    let builder = ClientBuilder::new(TcpIo::new()).tls(Arc::clone(&tls)).proxy_tls(tls).proxies(proxies);
    builder.build(setup.provider(server), TransportSetup::credentials(), setup.settings()).expect("a client")
}

fn selector(url: &str) -> ProxySelector {
    let mut selector = ProxySelector::new();
    selector.set_all_proxy(url).expect("a proxy");
    selector
}

/// Runs two turns through a proxy, without and with TLS to the server.
async fn two_turns_succeed(behaviour: Behaviour, scheme: &str, userinfo: &str) {
    for choice in TRANSPORTS {
        for tls in [false, true] {
            let setup = TransportSetup { choice, tls };
            let (trust, certificate) = TransportSetup { choice, tls: true }.tls();
            let server = Server::start(certificate.clone().filter(|_| tls)).await;
            let proxy = Proxy::start(behaviour, certificate.filter(|_| scheme == "https")).await;
            let url = format!("{scheme}://{userinfo}{}", proxy.address);
            let mut client = client(setup, server.address, trust, selector(&url));
            for _ in 0..2 {
                turn(&mut client).await.unwrap_or_else(|failure| panic!("{behaviour:?} {setup:?}: {failure}"));
            }
            let target = ("127.0.0.1".to_owned(), server.address.port());
            assert!(proxy.targets().iter().all(|asked| *asked == target), "{:?}", proxy.targets());
            assert_eq!(proxy.targets().len(), server.accepted(), "every connection came through the proxy");
            assert_eq!((proxy.accepted(), server.accepted()), (1, 1), "the connection is used for both turns");
            let forwards = scheme.starts_with("http") && choice == TransportPreference::Http && !tls;
            let line = format!("POST http://{}/v1/responses HTTP/1.1", server.address);
            assert_eq!(proxy.forwarded(), vec![line; if forwards { 2 } else { 0 }], "{setup:?}");
            client.close().await;
        }
    }
}

#[tokio::test]
async fn http_connect_two_turns_succeed() {
    two_turns_succeed(Behaviour::Connect(None), "http", "").await;
}

#[tokio::test]
async fn http_connect_with_basic_credentials_two_turns_succeed() {
    // "user:p@ss" in base64.
    two_turns_succeed(Behaviour::Connect(Some("dXNlcjpwQHNz")), "http", "user:p%40ss@").await;
}

#[tokio::test]
async fn http_connect_over_tls_two_turns_succeed() {
    two_turns_succeed(Behaviour::Connect(None), "https", "").await;
}

#[tokio::test]
async fn socks5_two_turns_succeed() {
    two_turns_succeed(Behaviour::Socks5(None), "socks5h", "").await;
}

#[tokio::test]
async fn socks5_with_password_two_turns_succeed() {
    two_turns_succeed(Behaviour::Socks5(Some(("user", "secret"))), "socks5", "user:secret@").await;
}

#[tokio::test]
async fn socks4a_two_turns_succeed() {
    two_turns_succeed(Behaviour::Socks4a, "socks4a", "").await;
}

#[tokio::test]
async fn late_proxy_within_connect_timeout_two_turns_succeed() {
    two_turns_succeed(Behaviour::Late(Duration::from_millis(80)), "http", "").await;
}

/// Sends one request to a host with TLS, through a proxy that does not connect to it. Returns the failure and how often the proxy was
/// asked.
async fn failure(behaviour: Behaviour, scheme: &str, userinfo: &str, retries: u32) -> (Failure, usize) {
    failure_of(true, behaviour, scheme, userinfo, retries).await
}

async fn failure_of(tls: bool, behaviour: Behaviour, scheme: &str, userinfo: &str, retries: u32) -> (Failure, usize) {
    let setup = TransportSetup { choice: TransportPreference::Http, tls };
    let (trust, _) = setup.tls();
    let server = Server::start(None).await;
    let proxy = Proxy::start(behaviour, None).await;
    let mut provider = setup.provider(server.address);
    provider.retry.max_retries = retries;
    provider.retry.base_delay = Duration::from_millis(1);
    provider.connect_timeout = Duration::from_millis(400);
    let proxies = selector(&format!("{scheme}://{userinfo}{}", proxy.address));
    let builder = ClientBuilder::new(TcpIo::new()).tls(trust).proxies(proxies);
    let mut client = builder.build(provider, TransportSetup::credentials(), setup.settings()).expect("a client");
    let failure = turn(&mut client).await.expect_err("the proxy does not connect");
    assert_eq!(server.accepted(), 0, "the server is never reached directly");
    assert!(!format!("{failure} {failure:?}").contains("secret"), "{failure:?}");
    (*failure, proxy.accepted())
}

#[tokio::test]
async fn proxy_requires_credentials_request_fails_without_retry() {
    let (failure, asked) = failure(Behaviour::Connect(Some("x")), "http", "", 3).await;
    assert_eq!((failure.kind, failure.retryable, asked), (FailureKind::Connect, false, 1));
    assert!(failure.message.contains("requires authentication (status 407)"), "{failure}");
    assert!(failure.message.contains("http://127.0.0.1:"), "the proxy is named: {failure}");
}

#[tokio::test]
async fn proxy_rejects_credentials_request_fails_without_retry() {
    let (failure, asked) = failure(Behaviour::Connect(Some("x")), "http", "user:secret@", 3).await;
    assert_eq!((failure.kind, failure.retryable, asked), (FailureKind::Connect, false, 1));
    assert!(failure.message.contains("rejected the credentials (status 407)"), "{failure}");
    let (failure, asked) = self::failure(Behaviour::Socks5(Some(("user", "other"))), "socks5", "user:secret@", 3).await;
    assert_eq!((failure.kind, failure.retryable, asked), (FailureKind::Connect, false, 1));
    assert!(failure.message.contains("rejected the username or password"), "{failure}");
}

#[tokio::test]
async fn proxy_fails_temporarily_request_is_retried() {
    for behaviour in [Behaviour::Refuses(503), Behaviour::Dies] {
        let (failure, asked) = failure(behaviour, "http", "", 2).await;
        assert_eq!((failure.kind, failure.retryable, asked), (FailureKind::Connect, true, 3), "{behaviour:?}");
    }
}

#[tokio::test]
async fn proxy_forbids_host_request_fails_without_retry() {
    let (failure, asked) = failure(Behaviour::Refuses(403), "http", "", 2).await;
    assert_eq!((failure.kind, failure.retryable, asked), (FailureKind::Connect, false, 1));
    assert!(failure.message.contains("403"), "{failure}");
}

#[tokio::test]
async fn forwarding_proxy_requires_credentials_request_fails_without_retry() {
    for userinfo in ["", "user:secret@"] {
        let (failure, asked) = failure_of(false, Behaviour::Connect(Some("x")), "http", userinfo, 3).await;
        assert_eq!((failure.status, asked), (Some(407), 1), "{failure:?}");
    }
}

#[tokio::test]
async fn forwarding_proxy_fails_temporarily_request_is_retried() {
    let (failure, asked) = failure_of(false, Behaviour::Refuses(503), "http", "", 2).await;
    assert_eq!((failure.status, asked), (Some(503), 3), "{failure:?}");
    let (failure, asked) = failure_of(false, Behaviour::Dies, "http", "", 2).await;
    assert_eq!((failure.retryable, asked), (true, 3), "{failure:?}");
}

#[tokio::test]
async fn proxy_opens_no_tunnel_auto_falls_back_to_http() {
    for behaviour in [Behaviour::ForwardsOnly, Behaviour::Connect(None)] {
        let setup = TransportSetup { choice: TransportPreference::Auto, tls: false };
        let server = Server::start(None).await;
        let proxy = Proxy::start(behaviour, None).await;
        let mut client = client(setup, server.address, setup.tls().0, selector(&format!("http://{}", proxy.address)));
        for _ in 0..2 {
            turn(&mut client).await.unwrap_or_else(|failure| panic!("{behaviour:?}: {failure}"));
        }
        let forwards = matches!(behaviour, Behaviour::ForwardsOnly);
        assert_eq!(proxy.forwarded().len(), if forwards { 2 } else { 0 }, "{behaviour:?}");
        assert_eq!(client.client().is_http_fallback(), forwards, "{behaviour:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn proxy_stalls_connect_timeout_expires() {
    let (failure, asked) = failure(Behaviour::Stalls, "http", "", 0).await;
    assert_eq!(asked, 1);
    assert!(failure.kind == FailureKind::Timeout || failure.kind == FailureKind::Connect, "{failure:?}");
}

#[tokio::test]
async fn proxy_is_not_listening_failure_names_the_proxy() {
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let (trust, _) = setup.tls();
    let server = Server::start(None).await;
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("a port");
    let mut client = client(setup, server.address, trust, selector(&format!("http://{closed}")));
    let failure = turn(&mut client).await.expect_err("no proxy");
    assert_eq!((failure.kind, failure.retryable, server.accepted()), (FailureKind::Connect, true, 0));
    assert!(failure.message.contains(&closed.to_string()), "{failure}");
}

#[tokio::test]
async fn no_proxy_names_host_connection_is_direct() {
    for choice in TRANSPORTS {
        let setup = TransportSetup { choice, tls: false };
        let (trust, _) = setup.tls();
        let server = Server::start(None).await;
        let proxy = Proxy::start(Behaviour::Connect(None), None).await;
        let mut proxies = selector(&format!("http://{}", proxy.address));
        proxies.set_no_proxy("example.com, 127.0.0.0/8");
        let mut client = client(setup, server.address, trust, proxies);
        turn(&mut client).await.expect("a response");
        assert_eq!((proxy.accepted(), server.accepted()), (0, 1));
    }
}

#[tokio::test]
async fn proxy_certificate_is_not_trusted_nothing_is_sent() {
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let (_, certificate) = TransportSetup { tls: true, ..setup }.tls();
    let (trust, _) = setup.tls(); // in another certificate
    let server = Server::start(None).await;
    let proxy = Proxy::start(Behaviour::Connect(None), certificate).await;
    let mut client = client(setup, server.address, trust, selector(&format!("https://u:secret@{}", proxy.address)));
    let failure = turn(&mut client).await.expect_err("an untrusted proxy");
    assert_eq!((failure.retryable, proxy.targets().len(), server.accepted()), (false, 0, 0));
    assert!(failure.message.contains("certificate"), "{failure}");
}
