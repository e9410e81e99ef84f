//! A proxy in this process, which behaves as a test says.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use turnwire_rustls::rustls::ServerConfig;

/// What a proxy does with a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Behaviour {
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
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    /// Connections that it accepted.
    accepted: Arc<AtomicUsize>,
    /// Hosts and ports that it connected to.
    targets: Arc<Mutex<Vec<(String, u16)>>>,
    /// The start lines of requests that it forwarded.
    forwarded: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(super) async fn start(behaviour: Behaviour, tls: Option<Arc<ServerConfig>>) -> Self {
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

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn targets(&self) -> Vec<(String, u16)> {
        self.targets.lock().expect("no panic").clone()
    }

    pub(super) fn forwarded(&self) -> Vec<String> {
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
