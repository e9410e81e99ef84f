//! TLS with peers of several kinds: their certificates, their alerts, and how they end a session.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use turnwire::client::{Provider, Settings, TransportPreference};
use turnwire::proxy::ProxySelector;
use turnwire::responses::FailureKind;
use turnwire_rustls::rustls::crypto::ring;
use turnwire_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use turnwire_rustls::rustls::server::WebPkiClientVerifier;
use turnwire_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use turnwire_rustls::{ClientConfigBuilder, server_config};
use turnwire_tokio::{Client, ClientBuilder};

use crate::setup::{TransportSetup, turn};

/// A stream of events that completes a response.
const EVENTS: &str = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n\
    data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"output\":[]}}\n\n";

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertifiedKey<KeyPair> {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
    change(&mut params);
    let signing_key = KeyPair::generate().expect("a key");
    CertifiedKey { cert: params.self_signed(&signing_key).expect("a certificate"), signing_key }
}

fn pair(made: &CertifiedKey<KeyPair>) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    (vec![made.cert.der().clone()], key)
}

fn server_of(made: &CertifiedKey<KeyPair>) -> Arc<ServerConfig> {
    let (chain, key) = pair(made);
    server_config(chain, key).expect("a configuration")
}

fn trust(made: &CertifiedKey<KeyPair>) -> Arc<ClientConfig> {
    ClientConfigBuilder::new()
        .roots_pem(made.cert.pem().as_bytes())
        .and_then(ClientConfigBuilder::build)
        .expect("roots")
}

/// How a peer ends its side of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With `close_notify`, then the socket.
    CloseNotify,
    /// The socket alone, in an orderly way.
    SocketOnly,
    /// With `close_notify`, and reads on until the client ends, too.
    HalfClosed,
    /// With a record that was not encrypted with the session's key, then the socket.
    BadRecord,
}

async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    let head = String::from_utf8(head).expect("an ASCII head");
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    stream.read_exact(&mut body).await.expect("a body");
    head
}

/// Serves one response on each connection, whose body ends with the connection, and ends as `end` says. Returns the address.
async fn serve(tls: Arc<ServerConfig>, end: End, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(tls);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_request(&mut stream).await;
            let kind = if body.starts_with('{') { "application/json" } else { "text/event-stream" };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).await.expect("a response");
            stream.flush().await.expect("a response");
            match end {
                End::CloseNotify => stream.shutdown().await.expect("an end"),
                End::SocketOnly => stream.get_mut().0.shutdown().await.expect("an end"),
                End::BadRecord => {
                    // Application data (RFC 8446 §5.1) whose authentication tag is zero.
                    let record = [&[23, 3, 3, 0, 32][..], &[0; 32]].concat();
                    stream.get_mut().0.write_all(&record).await.expect("a record");
                    // The client ends the session with an alert.
                    let _ = stream.get_mut().0.read(&mut [0; 1024]).await;
                }
                End::HalfClosed => {
                    let (_, session) = stream.get_mut();
                    session.send_close_notify();
                    stream.flush().await.expect("an end");
                    // The client ends its side, too, instead of waiting for the end of the socket.
                    let mut rest = Vec::new();
                    stream.get_mut().0.read_to_end(&mut rest).await.expect("the client's end");
                }
            }
        }
    });
    address
}

fn client(address: SocketAddr, tls: Arc<ClientConfig>) -> Client {
    let setup = TransportSetup { choice: TransportPreference::Http, tls: true };
    build(setup.provider(address), setup.settings(), tls)
}

fn build(mut provider: Provider, settings: Settings, tls: Arc<ClientConfig>) -> Client {
    provider.idle_timeout = Duration::from_secs(10);
    let builder = ClientBuilder::default().tls(tls).proxies(ProxySelector::new());
    builder.build(provider, TransportSetup::credentials(), settings).expect("a client")
}

/// Connects with a trusted root to a server with this certificate. Returns the failure, which is final and of TLS.
async fn refused(shown: &CertifiedKey<KeyPair>, trusted: &CertifiedKey<KeyPair>) -> String {
    let address = serve(server_of(shown), End::CloseNotify, EVENTS).await;
    let failure = turn(&mut client(address, trust(trusted))).await.expect_err("an unusable certificate");
    assert_eq!((failure.kind, failure.retryable), (FailureKind::Tls, false), "{failure:?}");
    failure.message
}

#[tokio::test]
async fn certificate_of_an_authority_as_leaf_failure_says_how_to_create_another() {
    // As `openssl req -x509` creates one.
    let made = certificate(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let message = refused(&made, &made).await;
    assert!(message.contains("CA:TRUE") && message.contains("basicConstraints=critical,CA:FALSE"), "{message}");
}

#[tokio::test]
async fn certificate_without_the_host_failure_names_subject_alternative_names() {
    let made = certificate(|params| params.subject_alt_names = vec![]);
    let message = refused(&made, &made).await;
    assert!(message.contains("-addext subjectAltName="), "{message}");
}

#[tokio::test]
async fn certificate_of_unknown_issuer_failure_names_ssl_cert_file() {
    let message = refused(&certificate(|_| {}), &certificate(|_| {})).await;
    assert!(message.contains("SSL_CERT_FILE"), "{message}");
}

#[tokio::test]
async fn certificate_that_has_expired_failure_says_so() {
    let made = certificate(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let message = refused(&made, &made).await;
    assert!(message.contains("expired"), "{message}");
}

/// Serves with a certificate, and requires one of the client.
fn requiring(made: &CertifiedKey<KeyPair>, client: &CertifiedKey<KeyPair>) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(client.cert.der().clone()).expect("a root");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let (chain, key) = pair(made);
    let builder = builder.with_client_cert_verifier(verifier.expect("a verifier"));
    Arc::new(builder.with_single_cert(chain, key).expect("a configuration"))
}

#[tokio::test]
async fn server_requires_client_certificate_turn_completes_with_one_only() {
    let (made, own) = (certificate(|_| {}), certificate(|_| {}));
    let address = serve(requiring(&made, &own), End::CloseNotify, EVENTS).await;
    let builder = ClientConfigBuilder::new().roots_pem(made.cert.pem().as_bytes()).expect("roots");
    let builder = builder.client_certificate_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes());
    let config = builder.and_then(ClientConfigBuilder::build).expect("a configuration");
    turn(&mut client(address, config)).await.expect("a response");

    // In TLS 1.3 the client's handshake ends before the server has seen that there is no certificate.
    let failure = turn(&mut client(address, trust(&made))).await.expect_err("no certificate");
    assert!(failure.message.contains("requires a client certificate"), "{failure}");
}

#[tokio::test]
async fn configuration_that_offers_http_2_session_uses_http_1() {
    let made = certificate(|_| {});
    let mut server = ServerConfig::clone(&server_of(&made));
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()]; // in this order it prefers them
    let address = serve(Arc::new(server), End::CloseNotify, EVENTS).await;
    let mut config = ClientConfig::clone(&trust(&made));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    turn(&mut client(address, Arc::new(config))).await.expect("a response");
}

#[tokio::test]
async fn body_ends_with_connection_only_close_notify_makes_it_whole() {
    let made = certificate(|_| {});
    // The terminal event is missing, so that the end of the body decides.
    let (first, _) = EVENTS.split_once("\n\n").expect("two events");
    let first: &'static str = String::leak(format!("{first}\n\n"));
    for (end, expected) in [(End::CloseNotify, false), (End::SocketOnly, true)] {
        let address = serve(server_of(&made), end, first).await;
        let failure = turn(&mut client(address, trust(&made))).await.expect_err("no terminal event");
        assert_eq!(failure.message.contains("close_notify"), expected, "{end:?}: {failure}");
    }
}

/// The JSON of a response, all of whose bytes have come when the session breaks.
const RESPONSE: &str = r#"{"id":"resp_1","object":"response","status":"completed","output":[]}"#;

#[tokio::test]
async fn record_with_a_bad_mac_is_a_failure_of_tls_and_no_end_of_a_body() {
    let made = certificate(|_| {});
    let address = serve(server_of(&made), End::CloseNotify, RESPONSE).await;
    turn(&mut client(address, trust(&made))).await.expect("a whole body");
    let (first, _) = EVENTS.split_once("\n\n").expect("two events");
    let first: &'static str = String::leak(format!("{first}\n\n"));
    for body in [RESPONSE, first] {
        let address = serve(server_of(&made), End::BadRecord, body).await;
        let failure = turn(&mut client(address, trust(&made))).await.expect_err("the session broke");
        assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
    }
    let address = serve(server_of(&made), End::SocketOnly, RESPONSE).await;
    turn(&mut client(address, trust(&made))).await.expect_err("no close_notify");
}

#[tokio::test]
async fn terminal_event_has_arrived_missing_close_notify_does_not_matter() {
    let made = certificate(|_| {});
    for end in [End::CloseNotify, End::SocketOnly, End::HalfClosed] {
        let address = serve(server_of(&made), end, EVENTS).await;
        let mut client = client(address, trust(&made));
        for _ in 0..2 {
            // The second turn needs another connection, which is no retry: there are none.
            turn(&mut client).await.unwrap_or_else(|failure| panic!("{end:?}: {failure}"));
        }
    }
}

/// Answers the first bytes of each connection with `reply`, without TLS.
async fn answers_with(reply: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (mut stream, _): (TcpStream, _) = listener.accept().await.expect("a client");
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(reply).await;
        }
    });
    address
}

#[tokio::test]
async fn port_without_tls_failure_says_so() {
    let address = answers_with(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let failure = turn(&mut client(address, trust(&certificate(|_| {})))).await.expect_err("no TLS");
    assert_eq!((failure.kind, failure.retryable), (FailureKind::Tls, false), "{failure:?}");
    assert!(failure.message.contains("does not speak TLS"), "{failure}");
}

#[tokio::test]
async fn alert_during_handshake_failure_names_it() {
    // A fatal alert of TLS 1.2: `handshake_failure`, and `protocol_version`.
    for (reply, expected) in
        [(&[21, 3, 3, 0, 2, 2, 40], "HandshakeFailure"), (&[21, 3, 3, 0, 2, 2, 70], "neither TLS 1.2 nor TLS 1.3")]
    {
        let address = answers_with(reply).await;
        let failure = turn(&mut client(address, trust(&certificate(|_| {})))).await.expect_err("an alert");
        assert_eq!((failure.kind, failure.retryable), (FailureKind::Tls, false), "{failure:?}");
        assert!(failure.message.contains(expected), "{failure}");
    }
}
