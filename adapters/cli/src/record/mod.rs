//! `turnwire record`: a proxy that records exchanges with a server, over both transports (docs/recordings.md).

mod deltas;
mod proxy;
mod redact;
mod writer;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, Write as _};
use std::net;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpStream};
use turnwire::client::ConnectTarget;
use turnwire_tokio::TcpIo;
use url::Url;

use self::writer::Recorder;
use crate::serve;
use crate::tls::{TlsConfigs, TlsOptions};

/// Options of `turnwire record`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Base URL of the server.
    #[arg(long, value_name = "URL")]
    pub upstream: String,
    /// Folder of the recording. It is created, and must be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Address to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Maximum number of open connections. Further ones are answered with 503.
    #[arg(long, value_name = "NUMBER", default_value_t = MAX_CONNECTIONS)]
    pub max_connections: usize,
    /// Options for TLS.
    #[command(flatten)]
    pub tls: TlsOptions,
}

impl Options {
    /// Parses arguments as the command line does, without the command's name.
    ///
    /// # Errors
    ///
    /// Returns the error that the command would print.
    pub fn parse_arguments(arguments: &[&str]) -> Result<Self, String> {
        crate::arguments::parse(arguments)
    }
}

/// The server behind the proxy.
#[derive(Clone, Debug)]
struct Upstream {
    target: ConnectTarget,
    /// The value of `Host`.
    authority: String,
    /// The path of the base URL, without a slash at its end.
    path: String,
    tls: TlsConfigs,
}

impl Upstream {
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("--upstream: {error}"))?;
        let tls = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            scheme => return Err(format!("--upstream: the scheme is `{scheme}`, and must be http, https, ws or wss")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("--upstream: the url has no host")?;
        let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let target = ConnectTarget::new(host.trim_matches(['[', ']']), port, tls);
        Ok(Self { target, authority, path: url.path().trim_end_matches('/').to_owned(), tls: TlsConfigs::default() })
    }

    /// Returns the target of a request of a client, whose base URL ends in `/v1`.
    fn target_of(&self, target: &str) -> String {
        format!("{}{}", self.path, target.strip_prefix("/v1").unwrap_or(target))
    }
}

/// Runs `turnwire record` until the process ends.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "turnwire: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let tls = options.tls.configs().map_err(io::Error::other)?;
    let mut proxy = Proxy::new(&options.upstream, &options.out, options.max_connections)?;
    proxy.upstream.tls = tls;
    let listener = net::TcpListener::bind(options.listen)?;
    writeln!(io::stdout(), "listening on http://{}/v1", listener.local_addr()?)?;
    proxy.run(listener)
}

/// Starts a recording proxy in this process on a free loopback port. Returns its base URL.
///
/// # Errors
///
/// Returns an error when the URL is invalid, the folder is not empty, or no port can be opened.
pub fn spawn(upstream: &str, out: &Path) -> io::Result<String> {
    spawn_with(upstream, out, MAX_CONNECTIONS)
}

/// The same with a limit of open connections.
///
/// # Errors
///
/// Those of [`spawn`].
pub fn spawn_with(upstream: &str, out: &Path, max_connections: usize) -> io::Result<String> {
    let proxy = Proxy::new(upstream, out, max_connections)?;
    let listener = net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    // An error ends the proxy: its port then refuses connections.
    thread::Builder::new().name("record".to_owned()).spawn(move || proxy.run(listener))?;
    Ok(url)
}

struct Proxy {
    upstream: Upstream,
    recorder: Arc<Recorder>,
    max_connections: usize,
    open: Arc<AtomicUsize>,
}

impl Proxy {
    fn new(upstream: &str, out: &Path, max_connections: usize) -> io::Result<Self> {
        let upstream = Upstream::parse(upstream).map_err(io::Error::other)?;
        Ok(Self { upstream, recorder: Arc::new(Recorder::create(out)?), max_connections, open: Arc::default() })
    }

    fn run(self, listener: net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let mut connections = 0;
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // No file descriptor is left, or the peer has gone already.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                if self.open.load(Ordering::Relaxed) >= self.max_connections {
                    serve::refuse(stream);
                    continue;
                }
                connections += 1;
                self.serve(stream, connections);
            }
        })
    }

    fn serve(&self, stream: TcpStream, number: u64) {
        let guard = OpenConnection::new(&self.open);
        let (upstream, recorder) = (self.upstream.clone(), Arc::clone(&self.recorder));
        // Fails only because of a TLS configuration, and there is none.
        let Ok(server) = turnwire_rustls::accept(TcpIo::from_stream(stream), serve::config(true), None) else { return };
        tokio::spawn(async move {
            if let Err(error) = proxy::serve(server, upstream, &recorder, number).await {
                let _ = writeln!(io::stderr(), "turnwire: the recording cannot be written: {error}");
            }
            drop(guard);
        });
    }
}

/// The number of open connections by default. Each has one to the server beside it.
const MAX_CONNECTIONS: usize = 256;

/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// Counts a connection while it is open, even if its task panics.
struct OpenConnection(Arc<AtomicUsize>);

impl OpenConnection {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Upstream;

    #[test]
    fn the_base_url_takes_the_place_of_the_own_one() {
        let upstream = Upstream::parse("https://api.example.com/openai/v1/").expect("a url");
        assert_eq!(
            (upstream.target.port, upstream.target.tls, upstream.authority.as_str()),
            (443, true, "api.example.com")
        );
        assert_eq!(upstream.target_of("/v1/responses?x=1"), "/openai/v1/responses?x=1");
        assert_eq!(upstream.target_of("/other"), "/openai/v1/other");
        let local = Upstream::parse("http://[::1]:8080").expect("a url");
        assert_eq!((local.target.host.as_str(), local.authority.as_str()), ("::1", "[::1]:8080"));
        assert_eq!(local.target_of("/v1/models"), "/models");
        assert!(Upstream::parse("ftp://x").is_err() && Upstream::parse("x").is_err());
    }
}
