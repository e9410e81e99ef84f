//! `turnwire doctor`: whether a server can be reached, what TLS agreed on, and what the WebSocket handshake says
//! (`docs/protocol.md` §9.9). It asks for no response.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Instant as Clock;

use turnwire::connection::{ClientConnection, CloseReason, Config, Transport, client::Event};
use turnwire::http::{HeaderValue, Headers, Response};
use turnwire::time::Instant;
use turnwire_rustls::{TlsSession, client_config};
use url::Url;

use crate::chat::Exit;

/// Whom to examine.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the server is.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1")]
    pub base_url: String,
    /// The environment variable that holds the API key, if there is one.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// How long each step may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
}

/// How long an accepted handshake is watched for a close frame that follows at once.
const GRACE: Duration = Duration::from_millis(250);

/// Examines the server, one line per step.
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

/// The same to `out`.
///
/// # Errors
///
/// [`Exit`] says at which step the server could not be reached. One that will not speak WebSocket can.
pub fn examine(options: &Options, out: &mut dyn Write) -> Result<(), Exit> {
    let place = Place::of(&options.base_url)?;
    let limit = Duration::from_secs(options.timeout);
    let began = Clock::now();
    let addresses: Vec<SocketAddr> = (place.host.as_str(), place.port)
        .to_socket_addrs()
        .map_err(|error| Exit::Connect(error.to_string()))?
        .collect();
    writeln!(out, "name: {} is {addresses:?}, {}", place.host, taken(began))?;

    let began = Clock::now();
    let stream = connect(&addresses, limit)?;
    writeln!(out, "tcp: connected to {}, {}", stream.peer_addr()?, taken(began))?;

    let began = Clock::now();
    let mut line = Line { stream, tls: None };
    if place.tls {
        let agreed = line.secure(&place.host)?;
        writeln!(out, "tls: {agreed}, {}", taken(began))?;
    } else {
        writeln!(out, "tls: none, the base url is a plain one")?;
    }

    let began = Clock::now();
    let mut headers = Headers::new();
    if let Ok(key) = std::env::var(&options.api_key_env) {
        let value = HeaderValue::new(format!("Bearer {}", key.trim()).as_bytes());
        let value = value.map_err(|_| Exit::Arguments(format!("`{}` holds no API key", options.api_key_env)))?;
        // A name that is a token, and a value that is one.
        let _ = headers.set("Authorization", value.into_sensitive());
    }
    probe(&place, &mut line, &headers, began, out)
}

/// A base URL's parts.
struct Place {
    host: String,
    port: u16,
    tls: bool,
    authority: String,
    target: String,
}

impl Place {
    fn of(base: &str) -> Result<Self, Exit> {
        let bad = |why: &str| Exit::Arguments(format!("the base url: {why}"));
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
    let mut last = Exit::Connect("the name has no address".into());
    for address in addresses {
        match TcpStream::connect_timeout(address, limit) {
            Ok(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                return Ok(stream);
            }
            Err(error) => last = lost(&error),
        }
    }
    Err(last)
}

/// A blocking socket, with TLS or without.
struct Line {
    stream: TcpStream,
    tls: Option<TlsSession>,
}

impl Line {
    fn secure(&mut self, host: &str) -> Result<String, Exit> {
        let failed = |error: turnwire_rustls::Error| Exit::Tls(error.to_string());
        let mut tls = TlsSession::client(client_config().map_err(failed)?, host).map_err(failed)?;
        let mut buffer = vec![0; 16 * 1024];
        while tls.is_handshaking() {
            self.stream.write_all(tls.poll_transmit()).map_err(|error| lost(&error))?;
            tls.handle_written(tls.poll_transmit().len());
            match self.stream.read(&mut buffer).map_err(|error| lost(&error))? {
                0 => return Err(Exit::Tls("the server hung up during the handshake".into())),
                length => tls.handle_input(&buffer[..length]).map_err(failed)?,
            }
        }
        let agreed = tls.negotiated_summary().unwrap_or_default();
        self.tls = Some(tls);
        Ok(agreed)
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

    /// What comes next; nothing at the end.
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

/// Shakes hands, and waits a little for what follows at once.
fn probe(place: &Place, line: &mut Line, headers: &Headers, began: Clock, out: &mut dyn Write) -> Result<(), Exit> {
    let now = || Instant::from_duration(began.elapsed());
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Exit::Arguments(error.to_string()))?;
    let mut connection = ClientConnection::new(Config::new(&place.authority), Transport::WebSocket, seed);
    connection.upgrade(now(), &place.target, headers).map_err(|misuse| Exit::Arguments(misuse.to_string()))?;
    let mut shaken = false;
    loop {
        line.write(connection.poll_transmit()).map_err(|error| lost(&error))?;
        connection.handle_written(now(), connection.poll_transmit().len());
        match line.read() {
            Ok(bytes) if bytes.is_empty() => connection.handle_eof(now()),
            Ok(bytes) => connection.handle_input(now(), &bytes),
            Err(error) if shaken && is_timeout(&error) => {
                writeln!(out, "websocket: nothing follows within {} ms, as it should be", GRACE.as_millis())?;
                return Ok(());
            }
            Err(error) => return Err(lost(&error)),
        }
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Upgraded { head } => {
                    writeln!(out, "websocket: accepted, {}{}", taken(began), said(head))?;
                    shaken = true;
                }
                Event::Rejected { head, .. } => {
                    let verdict = match head.status() {
                        426 => "refused, as by a server that speaks HTTP only",
                        401 | 403 => "refused for want of credentials",
                        _ => "refused",
                    };
                    writeln!(out, "websocket: {verdict}, status {}, {}", head.status(), taken(began))?;
                    return Ok(());
                }
                Event::Closed(CloseReason::Peer { code, reason }) => {
                    writeln!(out, "websocket: closed at once with code {code}: {reason}")?;
                    return Ok(());
                }
                Event::Closed(closed) => return Err(Exit::Protocol(closed.to_string())),
                _ => {
                    writeln!(out, "websocket: a message came unasked, and the socket is open")?;
                    return Ok(());
                }
            }
        }
        if shaken {
            line.stream.set_read_timeout(Some(GRACE))?;
        }
    }
}

/// What the head of an accepted handshake says beside the handshake.
fn said(head: &Response) -> String {
    let known = ["openai-model", "x-models-etag", "x-reasoning-included", "x-request-id", "sec-websocket-extensions"];
    let present = known.iter().filter_map(|name| head.headers.get_str(name).map(|value| format!("; {name}: {value}")));
    present.collect()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn lost(error: &io::Error) -> Exit {
    if is_timeout(error) {
        Exit::Timeout("the server does not answer".into())
    } else {
        Exit::Connect(error.to_string())
    }
}

fn taken(began: Clock) -> String {
    format!("{} ms", began.elapsed().as_millis())
}
