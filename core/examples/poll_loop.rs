//! A custom loop in one screen: a client on one non-blocking socket, without a runtime and without an adapter.
//!
//! `cargo run -p turnwire --example poll_loop` asks a server on a thread of its own; with a base URL and a model behind `--` it
//! asks that server, with the key in `OPENAI_API_KEY`.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time;

use mio::{Events, Interest, Poll, Registry, Token};
use turnwire::client::{Client, ConnectError, ConnectTarget, Credentials, Event, Provider, Settings, SocketCommand};
use turnwire::connection::{LossReason, ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::{CreateResponse, EventData, Item};
use turnwire::time::Instant;
use turnwire_rustls::TlsSession;
use turnwire_rustls::rustls::ClientConfig;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().map_or_else(demo_server, Ok)?;
    let model = arguments.next().unwrap_or_else(|| "gpt-x".into());
    let key = Credentials::bearer(std::env::var("OPENAI_API_KEY").unwrap_or_else(|_| "none".into()));
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut client = Client::new(Provider::new("example", &url), key, Settings::default(), seed)?;

    let (mut asked, mut out) = (false, io::stdout());
    drive(&mut client, turnwire_rustls::client_config()?, |now, client| {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Server { event, .. } => {
                    if let EventData::OutputTextDelta { delta, .. } = event.data {
                        let _ = write!(out, "{delta}");
                    }
                }
                Event::Finished { outcome, report, .. } => {
                    let _ = writeln!(out, "\n{outcome:?} after {:?}", report.total);
                }
                _ => {}
            }
        }
        if !asked {
            let request = CreateResponse::new(&model, vec![Item::user("Say hi")]);
            asked = client.send(now, request).is_ok();
        } else if !client.has_pending_requests() {
            client.close(now);
        }
    })?;
    Ok(())
}

/// Everybody's loop: events, finished?, dial, write, read, wait. `app` uses the events and commands the client.
pub(crate) fn drive(
    client: &mut Client,
    tls: Arc<ClientConfig>,
    mut app: impl FnMut(Instant, &mut Client),
) -> io::Result<()> {
    let epoch = time::Instant::now();
    let now = || Instant::from_duration(epoch.elapsed());
    let (mut place, mut ready) = (Poll::new()?, Events::with_capacity(8));
    let mut socket: Option<Socket> = None;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        app(now(), client);
        if client.is_finished() {
            return Ok(());
        }
        let command = client.poll_socket();
        // Whether the client is to be asked again before a wait.
        let mut busy = command.is_some();
        match command {
            Some(SocketCommand::Connect(target)) => match Socket::open(&target, &tls, place.registry()) {
                Ok(opened) => socket = Some(opened),
                Err(why) => client.handle_connect_failed(now(), why),
            },
            Some(SocketCommand::Disconnect) => socket = None,
            None => {}
        }
        if let Some(open) = &mut socket {
            match open.exchange(client, &mut buffer, now()) {
                Ok(moved) => busy |= moved,
                Err(why) => {
                    let (text, up) = (why.to_string(), open.up);
                    busy = true;
                    socket = None;
                    // Not an orderly end: a body that ends with the connection is not whole.
                    match (up, why.kind()) {
                        (false, _) => client.handle_connect_failed(now(), ConnectError::Tls(text)),
                        (true, ErrorKind::Other) => client.handle_lost(now(), LossReason::Tls(text)),
                        (true, _) => client.handle_lost(now(), LossReason::Network(text)),
                    }
                }
            }
        }
        let left = client.poll_timeout().map(|at| at.saturating_duration_since(now()));
        if !busy && !client.has_event() && !client.is_finished() {
            place.poll(&mut ready, left)?;
        }
        if client.poll_timeout().is_some_and(|at| at <= now()) {
            client.handle_timeout(now());
        }
    }
}

struct Socket {
    stream: mio::net::TcpStream,
    tls: Option<TlsSession>,
    /// Whether the client was told that the socket is open.
    up: bool,
}

impl Socket {
    /// Connecting blocks here, to keep the example short.
    fn open(target: &ConnectTarget, tls: &Arc<ClientConfig>, registry: &Registry) -> Result<Self, ConnectError> {
        let connect = || {
            let stream = TcpStream::connect((target.host.as_str(), target.port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            registry.register(&mut stream, Token(0), Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        };
        let stream = connect().map_err(|error: io::Error| ConnectError::Network(error.to_string()))?;
        let tls = target.tls.then(|| TlsSession::client(Arc::clone(tls), &target.host)).transpose();
        Ok(Self { stream, tls: tls.map_err(|error| ConnectError::Tls(error.to_string()))?, up: false })
    }

    /// Writes and reads once. Returns whether anything moved.
    fn exchange(&mut self, client: &mut Client, buffer: &mut [u8], now: Instant) -> io::Result<bool> {
        let mut moved = false;
        if !self.up && self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking()) {
            self.up = true;
            client.handle_connected(now);
            moved = true;
        }
        if let Some(tls) = &mut self.tls {
            if self.up && tls.poll_transmit().is_empty() {
                let length = tls.encrypt(client.poll_transmit());
                client.handle_written(now, length);
            }
            let written = would_block(self.stream.write(tls.poll_transmit()))?.unwrap_or(0);
            tls.handle_written(written);
            moved |= written > 0;
        } else if !client.poll_transmit().is_empty() {
            let written = would_block(self.stream.write(client.poll_transmit()))?.unwrap_or(0);
            client.handle_written(now, written);
            moved |= written > 0;
        }
        if self.up && !client.wants_input() {
            return Ok(moved);
        }
        let Some(length) = would_block(self.stream.read(buffer))? else { return Ok(moved) };
        match (&mut self.tls, length) {
            (None, 0) if self.up => client.handle_eof(now),
            (Some(tls), 0) if self.up && tls.peer_has_closed() => client.handle_eof(now),
            // Under TLS, the peer ends its bytes with close_notify; without it they may have been cut.
            (_, 0) => return Err(ErrorKind::UnexpectedEof.into()),
            (Some(tls), _) => {
                tls.handle_input(&buffer[..length]).map_err(io::Error::other)?;
                let plain = tls.poll_plaintext().len();
                client.handle_input(now, tls.poll_plaintext());
                tls.consume_plaintext(plain);
            }
            (None, _) => client.handle_input(now, &buffer[..length]),
        }
        Ok(true)
    }
}

/// `None` where a socket is not ready.
fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        result => result.map(Some),
    }
}

/// A server for one conversation, on a thread of its own: the same loop, blocking, in the other role.
fn demo_server() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    std::thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
        let (mut stream, _) = listener.accept()?;
        let mut server = ServerConnection::new(server::Config::new(), [7; 32]);
        let mut buffer = vec![0; 16 * 1024];
        let now = Instant::ZERO; // it sets no deadline that could matter here
        while !server.is_finished() {
            match stream.read(&mut buffer)? {
                0 => server.handle_eof(now),
                length => server.handle_input(now, &buffer[..length]),
            }
            loop {
                match server.poll_event() {
                    None => break,
                    Some(server::Event::Upgrade { .. }) => server.accept(now, &Headers::new())?,
                    Some(server::Event::Text { .. }) => {
                        for event in [
                            r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
                            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi "}"#,
                            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"there."}"#,
                            r#"{"type":"response.completed","response":{"id":"resp_1"}}"#,
                        ] {
                            server.send(now, event)?;
                        }
                    }
                    Some(_) => {}
                }
            }
            stream.write_all(server.poll_transmit())?;
            server.handle_written(now, server.poll_transmit().len());
        }
        Ok(())
    });
    Ok(url)
}
