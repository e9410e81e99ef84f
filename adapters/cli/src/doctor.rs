//! `turnwire doctor`: checks whether a server is reachable, and reports the result of the TLS and WebSocket handshakes
//! (docs/protocol.md §9.9). It requests no response.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Instant as Clock;

use turnwire::connection::client::{Config, Event};
use turnwire::connection::{ClientConnection, CloseReason, Transport};
use turnwire::http::{HeaderValue, Headers, Response};
use turnwire::time::Instant;
use turnwire_rustls::{TlsSession, client_config};
use url::Url;

use crate::chat::Exit;

/// Options of `turnwire doctor`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Base URL of the server.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1")]
    pub base_url: String,
    /// Environment variable that contains the API key. Optional.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// Timeout of each step, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
}

/// Time to wait for a close frame after an accepted handshake.
const GRACE: Duration = Duration::from_millis(250);

/// Runs `turnwire doctor`: prints one line per step.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let mut out = io::stdout();
    match examine(options, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            let _ = writeln!(io::stderr(), "turnwire: {exit}");
            exit.code()
        }
    }
}

/// Examines the server and writes one line per step to `out`.
///
/// # Errors
///
/// Returns [`Exit`] when a step fails. A server that rejects WebSocket still counts as reachable.
pub fn examine(options: &Options, out: &mut dyn Write) -> Result<(), Exit> {
    let server_url = ServerUrl::parse(&options.base_url)?;
    let limit = Duration::from_secs(options.timeout);
    let start = Clock::now();
    let addresses: Vec<SocketAddr> = (server_url.host.as_str(), server_url.port)
        .to_socket_addrs()
        .map_err(|error| Exit::Connect(error.to_string()))?
        .collect();
    writeln!(out, "name: {} is {addresses:?}, {}", server_url.host, elapsed_ms(start))?;

    let start = Clock::now();
    let stream = connect(&addresses, limit)?;
    writeln!(out, "tcp: connected to {}, {}", stream.peer_addr()?, elapsed_ms(start))?;

    let start = Clock::now();
    let mut stream = BlockingStream { stream, tls: None };
    if server_url.tls {
        let negotiated = stream.secure(&server_url.host)?;
        writeln!(out, "tls: {negotiated}, {}", elapsed_ms(start))?;
    } else {
        writeln!(out, "tls: none, the base url uses plain http")?;
    }

    let start = Clock::now();
    let mut headers = Headers::new();
    if let Ok(key) = std::env::var(&options.api_key_env) {
        let value = HeaderValue::new(format!("Bearer {}", key.trim()).as_bytes());
        let value = value.map_err(|_| {
            Exit::Arguments(format!("the environment variable `{}` contains no valid API key", options.api_key_env))
        })?;
        // Cannot fail: the name is valid, and the value was checked above.
        let _ = headers.set("Authorization", value.into_sensitive());
    }
    probe(&server_url, &mut stream, &headers, start, out)
}

/// The parts of a base URL.
struct ServerUrl {
    host: String,
    port: u16,
    tls: bool,
    authority: String,
    target: String,
}

impl ServerUrl {
    fn parse(base: &str) -> Result<Self, Exit> {
        let bad = |reason: &str| Exit::Arguments(format!("the base url: {reason}"));
        let url = Url::parse(base).map_err(|error| bad(&error.to_string()))?;
        let tls = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return Err(bad("the scheme is not supported")),
        };
        let name = url.host_str().ok_or_else(|| bad("there is no host"))?;
        Ok(Self {
            host: name.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            authority: url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")),
            target: format!("{}/responses", url.path().trim_end_matches('/')),
        })
    }
}

fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Exit> {
    let mut last_error = Exit::Connect("the host has no address".into());
    for address in addresses {
        match TcpStream::connect_timeout(address, limit) {
            Ok(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                return Ok(stream);
            }
            Err(error) => last_error = socket_error(&error),
        }
    }
    Err(last_error)
}

/// A blocking socket with or without TLS.
struct BlockingStream {
    stream: TcpStream,
    tls: Option<TlsSession>,
}

impl BlockingStream {
    fn secure(&mut self, host: &str) -> Result<String, Exit> {
        let failed = |error: turnwire_rustls::Error| Exit::Tls(error.to_string());
        let mut tls = TlsSession::client(client_config().map_err(failed)?, host).map_err(failed)?;
        let mut buffer = vec![0; 16 * 1024];
        while tls.is_handshaking() {
            self.stream.write_all(tls.poll_transmit()).map_err(|error| socket_error(&error))?;
            tls.handle_written(tls.poll_transmit().len());
            match self.stream.read(&mut buffer).map_err(|error| socket_error(&error))? {
                0 => return Err(Exit::Tls("the server closed the connection during the handshake".into())),
                length => tls.handle_input(&buffer[..length]).map_err(failed)?,
            }
        }
        let negotiated = tls.negotiated_summary().unwrap_or_default();
        self.tls = Some(tls);
        Ok(negotiated)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.stream.write_all(bytes) };
        while !bytes.is_empty() {
            let taken = tls.encrypt(bytes);
            bytes = &bytes[taken..];
            self.stream.write_all(tls.poll_transmit())?;
            tls.handle_written(tls.poll_transmit().len());
        }
        Ok(())
    }

    /// Reads the next plaintext. Returns an empty vector at the end of the input.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = self.stream.read(&mut buffer)?;
            let Some(tls) = &mut self.tls else {
                buffer.truncate(length);
                return Ok(buffer);
            };
            tls.handle_input(&buffer[..length]).map_err(io::Error::other)?;
            let plain = tls.poll_plaintext().to_vec();
            tls.consume_plaintext(plain.len());
            if !plain.is_empty() || length == 0 {
                return Ok(plain);
            }
        }
    }
}

/// Performs the WebSocket handshake, and waits [`GRACE`] for a close frame.
fn probe(
    server_url: &ServerUrl,
    stream: &mut BlockingStream,
    headers: &Headers,
    start: Clock,
    out: &mut dyn Write,
) -> Result<(), Exit> {
    let now = || Instant::from_duration(start.elapsed());
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Exit::Arguments(error.to_string()))?;
    let mut connection = ClientConnection::new(Config::new(&server_url.authority), Transport::WebSocket, seed);
    connection.upgrade(now(), &server_url.target, headers).map_err(|error| Exit::Arguments(error.to_string()))?;
    let mut upgraded = false;
    loop {
        stream.write(connection.poll_transmit()).map_err(|error| socket_error(&error))?;
        connection.handle_written(now(), connection.poll_transmit().len());
        match stream.read() {
            Ok(bytes) if bytes.is_empty() => connection.handle_eof(now()),
            Ok(bytes) => connection.handle_input(now(), &bytes),
            Err(error) if upgraded && is_timeout(&error) => {
                writeln!(out, "websocket: nothing follows within {} ms, as expected", GRACE.as_millis())?;
                return Ok(());
            }
            Err(error) => return Err(socket_error(&error)),
        }
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Upgraded { head } => {
                    writeln!(out, "websocket: accepted, {}{}", elapsed_ms(start), response_headers(head))?;
                    upgraded = true;
                }
                Event::Rejected { head, .. } => {
                    let outcome = match head.status() {
                        426 => "refused, the server supports HTTP only",
                        401 | 403 => "refused, credentials are missing or invalid",
                        _ => "refused",
                    };
                    writeln!(out, "websocket: {outcome}, status {}, {}", head.status(), elapsed_ms(start))?;
                    return Ok(());
                }
                Event::Closed(CloseReason::Peer { code, reason }) => {
                    writeln!(out, "websocket: closed immediately with code {code}: {reason}")?;
                    return Ok(());
                }
                Event::Closed(closed) => return Err(Exit::Protocol(closed.to_string())),
                _ => {
                    writeln!(out, "websocket: an unsolicited message arrived; the connection is open")?;
                    return Ok(());
                }
            }
        }
        if upgraded {
            stream.stream.set_read_timeout(Some(GRACE))?;
        }
    }
}

/// Formats the known headers of an accepted handshake.
fn response_headers(head: &Response) -> String {
    let known = ["openai-model", "x-models-etag", "x-reasoning-included", "x-request-id", "sec-websocket-extensions"];
    let present = known.iter().filter_map(|name| head.headers.get_str(name).map(|value| format!("; {name}: {value}")));
    present.collect()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn socket_error(error: &io::Error) -> Exit {
    if is_timeout(error) {
        Exit::Timeout("the server does not respond".into())
    } else {
        Exit::Connect(error.to_string())
    }
}

fn elapsed_ms(start: Clock) -> String {
    format!("{} ms", start.elapsed().as_millis())
}
