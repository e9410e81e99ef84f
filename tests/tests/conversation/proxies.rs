//! Clients that reach a server through a proxy, over both transports.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use turnwire::client::TransportPreference;
use turnwire::proxy::ProxySelector;
use turnwire::responses::{Failure, FailureKind};
use turnwire_cli::serve::{self, Script, ScriptedServer};
use turnwire_rustls::ClientBuilder;
use turnwire_rustls::rustls::{ClientConfig, ServerConfig};
use turnwire_tokio::{Client, TcpIo};

use crate::setup::{TransportSetup, turn};

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

/// What a proxy does with a connection.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// HTTP CONNECT; requires these Basic credentials, if there are any.
    Connect(Option<&'static str>),
    /// SOCKS5; requires this username and password, if there are any.
    Socks5(Option<(&'static str, &'static str)>),
    Socks4a,
    /// Waits before it connects and responds.
    Late(Duration),
    /// Reads the request and closes the socket.
    Dies,
    /// Reads the request and never responds.
    Stalls,
    /// Responds to every request with this status.
    Refuses(u16),
    /// Forwards requests, and responds to CONNECT with 403.
    ForwardsOnly,
}

/// A proxy in this process.
struct Proxy {
    address: SocketAddr,
    /// Connections that it accepted.
    accepted: Arc<AtomicUsize>,
    /// Hosts and ports that it connected to.
    targets: Arc<Mutex<Vec<(String, u16)>>>,
    /// The start lines of requests that it forwarded.
    forwarded: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(behaviour: Behaviour, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = Self { address, accepted: Arc::default(), targets: Arc::default(), forwarded: Arc::default() };
        let (accepted, targets) = (Arc::clone(&proxy.accepted), Arc::clone(&proxy.targets));
        let forwarded = Arc::clone(&proxy.forwarded);
        let tls = tls.map(TlsAcceptor::from);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a client");
                accepted.fetch_add(1, Ordering::SeqCst);
                let (targets, forwarded, tls) = (Arc::clone(&targets), Arc::clone(&forwarded), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => relay(stream, behaviour, &targets, &forwarded).await,
                            Err(_) => None,
                        },
                        None => relay(stream, behaviour, &targets, &forwarded).await,
                    }
                });
            }
        });
        proxy
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn targets(&self) -> Vec<(String, u16)> {
        self.targets.lock().expect("no panic").clone()
    }

    fn forwarded(&self) -> Vec<String> {
        self.forwarded.lock().expect("no panic").clone()
    }
}

/// Serves one connection of a proxy, until either side ends. Returns `None` when the connection ends before bytes are relayed.
async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    behaviour: Behaviour,
    targets: &Mutex<Vec<(String, u16)>>,
    forwarded: &Mutex<Vec<String>>,
) -> Option<()> {
    let (host, port, success): (String, u16, &[u8]) = match behaviour {
        Behaviour::Socks5(required) => socks5(&mut client, required).await?,
        Behaviour::Socks4a => socks4a(&mut client).await?,
        Behaviour::Connect(_)
        | Behaviour::Late(_)
        | Behaviour::Dies
        | Behaviour::Stalls
        | Behaviour::Refuses(_)
        | Behaviour::ForwardsOnly => {
            let head = http(&mut client, behaviour).await?;
            let Some(target) = head.strip_prefix("CONNECT ") else {
                return forward(client, head, targets, forwarded).await;
            };
            let (host, port) = target.split(' ').next()?.rsplit_once(':')?;
            (host.to_owned(), port.parse().ok()?, b"HTTP/1.1 200 Connection established\r\n\r\n")
        }
    };
    targets.lock().expect("no panic").push((host.clone(), port));
    let mut server = TcpStream::connect((host.as_str(), port)).await.ok()?;
    client.write_all(success).await.ok()?;
    client.flush().await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).expect("an ASCII head"))
}

/// Forwards requests in absolute form to the host of the first one.
async fn forward<S: AsyncRead + AsyncWrite + Unpin>(
    client: S,
    mut head: String,
    targets: &Mutex<Vec<(String, u16)>>,
    forwarded: &Mutex<Vec<String>>,
) -> Option<()> {
    let authority = head.split("http://").nth(1).expect("a request in absolute form").split('/').next()?.to_owned();
    let (host, port) = authority.rsplit_once(':')?;
    targets.lock().expect("no panic").push((host.to_owned(), port.parse().ok()?));
    let (mut from_server, mut to_server) = TcpStream::connect(&authority).await.ok()?.into_split();
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let requests = async {
        loop {
            forwarded.lock().expect("no panic").push(head.lines().next()?.to_owned());
            // The server gets the target in origin form, and not the proxy's credentials.
            let kept = head.split_inclusive("\r\n").filter(|line| !line.starts_with("Proxy-Authorization"));
            let origin = kept.collect::<String>().replacen(&format!(" http://{authority}"), " ", 1);
            let length = head.split("Content-Length: ").nth(1)?.split('\r').next()?.parse().ok()?;
            let mut body = vec![0; length];
            from_client.read_exact(&mut body).await.ok()?;
            to_server.write_all(&[origin.as_bytes(), &body].concat()).await.ok()?;
            head = read_head(&mut from_client).await?;
        }
    };
    let responses = async {
        let mut buffer = vec![0; 4096];
        loop {
            let length = from_server.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
            to_client.write_all(&buffer[..length]).await.ok()?;
            to_client.flush().await.ok()?;
        }
    };
    tokio::select! {
        ended = requests => ended,
        ended = responses => ended,
    }
}

/// Reads the head of a request that the proxy accepts.
async fn http<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, behaviour: Behaviour) -> Option<String> {
    let head = read_head(client).await?;
    let refusal = match behaviour {
        Behaviour::Connect(Some(required)) if !head.contains(&format!("Proxy-Authorization: Basic {required}\r\n")) => {
            Some("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"".to_owned())
        }
        Behaviour::Refuses(status) => Some(format!("{status} No")),
        Behaviour::ForwardsOnly if head.starts_with("CONNECT ") => Some("403 Forbidden".to_owned()),
        Behaviour::Dies => return None,
        Behaviour::Stalls => {
            sleep(Duration::from_secs(60)).await;
            return None;
        }
        Behaviour::Late(delay) => {
            sleep(delay).await;
            None
        }
        Behaviour::Connect(_) | Behaviour::Socks5(_) | Behaviour::Socks4a | Behaviour::ForwardsOnly => None,
    };
    if let Some(refusal) = refusal {
        let response = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n");
        client.write_all(response.as_bytes()).await.ok()?;
        client.flush().await.ok()?;
        return None;
    }
    Some(head)
}

async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    required: Option<(&str, &str)>,
) -> Option<(String, u16, &'static [u8])> {
    assert_eq!(client.read_u8().await.ok()?, 5);
    let mut methods = vec![0; client.read_u8().await.ok()?.into()];
    client.read_exact(&mut methods).await.ok()?;
    let method = if required.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xff]).await.ok()?;
        client.flush().await.ok()?;
        return None;
    }
    client.write_all(&[5, method]).await.ok()?;
    client.flush().await.ok()?;
    if let Some((username, password)) = required {
        assert_eq!(client.read_u8().await.ok()?, 1);
        let mut given = Vec::new();
        for _ in 0..2 {
            let mut text = vec![0; client.read_u8().await.ok()?.into()];
            client.read_exact(&mut text).await.ok()?;
            given.push(text);
        }
        let accepted = given == [username.as_bytes(), password.as_bytes()];
        client.write_all(&[1, u8::from(!accepted)]).await.ok()?;
        client.flush().await.ok()?;
        if !accepted {
            return None;
        }
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await.ok()?;
    assert_eq!(head[..3], [5, 1, 0]);
    let host = match head[3] {
        1 => IpAddr::from(Ipv4Addr::from(client.read_u32().await.ok()?)).to_string(),
        3 => {
            let mut name = vec![0; client.read_u8().await.ok()?.into()];
            client.read_exact(&mut name).await.ok()?;
            String::from_utf8(name).ok()?
        }
        other => panic!("address type {other}"),
    };
    let port = client.read_u16().await.ok()?;
    Some((host, port, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
}

async fn socks4a<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S) -> Option<(String, u16, &'static [u8])> {
    assert_eq!(client.read_u16().await.ok()?, 0x0401);
    let port = client.read_u16().await.ok()?;
    let address = Ipv4Addr::from(client.read_u32().await.ok()?);
    zero_terminated(client).await?;
    let is_name = address.octets()[..3] == [0; 3];
    let host = if is_name { zero_terminated(client).await? } else { address.to_string() };
    Some((host, port, &[0, 90, 0, 0, 0, 0, 0, 0]))
}

async fn zero_terminated(client: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = Vec::new();
    loop {
        match client.read_u8().await.ok()? {
            0 => return String::from_utf8(text).ok(),
            byte => text.push(byte),
        }
    }
}

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
