//! Laws of the server role: a connection that reads arbitrary input from a client, and responds to what it delivers.

use std::time::Duration;

use turnwire::connection::{LossReason, ServerConnection, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::deflate::ServerPolicy;

use crate::chunks::Chunks;

const START: Instant = Instant::from_duration(Duration::from_secs(1000));

/// How the application responds, and which features it uses: each bit of the first byte of an input.
#[derive(Clone, Copy, Debug)]
pub struct Habits(pub u8);

impl Habits {
    const fn streams(self) -> bool {
        self.0 & 1 != 0
    }

    const fn refuses_upgrades(self) -> bool {
        self.0 & 2 != 0
    }

    const fn deflates(self) -> bool {
        self.0 & 4 != 0
    }

    const fn has_small_limits(self) -> bool {
        self.0 & 8 != 0
    }

    const fn closes(self) -> bool {
        self.0 & 16 != 0
    }

    const fn loses_the_end(self) -> bool {
        self.0 & 32 != 0
    }

    fn config(self) -> server::Config {
        let mut config = server::Config::new();
        config.ping_interval = Some(Duration::from_secs(25));
        config.deflate_policy = self.deflates().then(ServerPolicy::default);
        if self.has_small_limits() {
            config.max_body = 256;
            config.max_backlog = 512;
            config.max_send_backlog = 1024;
            config.head_limits.bytes = 512;
            config.message_limits = config.message_limits.with_message(256).with_frame(200);
        }
        config
    }
}

/// What the application saw, and what the peer got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The events, in a form for comparison.
    pub events: Vec<String>,
    /// The bytes that were written, unless the peer pinged: only the newest ping gets a pong (RFC 6455 §5.5.3).
    pub written: Vec<u8>,
    closed: bool,
}

/// What an event calls for.
enum Reply {
    Request,
    Upgrade,
    Text(Option<String>),
    Nothing,
}

struct Server {
    connection: ServerConnection,
    habits: Habits,
    observed: Observed,
}

impl Server {
    fn new(habits: Habits) -> Self {
        let connection = ServerConnection::new(habits.config(), [2; 32]);
        Self { connection, habits, observed: Observed::default() }
    }

    /// Takes all events, responds to each, and writes what waits.
    fn serve(&mut self, now: Instant) -> Result<(), String> {
        loop {
            self.write(now);
            let Some(event) = self.connection.poll_event() else { return Ok(()) };
            if self.observed.closed {
                return Err(format!("event after the close reason: {event:?}"));
            }
            let (shown, reply) = match &event {
                server::Event::Request { head, body } => {
                    (format!("{} {} {body:?}", head.method(), head.target()), Reply::Request)
                }
                server::Event::Upgrade { head } => (format!("upgrade {}", head.target()), Reply::Upgrade),
                server::Event::Text { lane, command, text } => {
                    // The lane of a command is that of the response which it names, if that was sent before.
                    let shown = lane.as_ref().filter(|_| command.is_none());
                    (format!("{shown:?} {command:?} {text}"), Reply::Text(lane.clone()))
                }
                server::Event::Malformed { malformed, text } => (format!("{malformed} {text}"), Reply::Nothing),
                server::Event::Closed(reason) => {
                    self.observed.closed = true;
                    (format!("closed {reason:?}"), Reply::Nothing)
                }
                other => (format!("{other:?}"), Reply::Nothing),
            };
            self.observed.events.push(shown);
            self.reply(now, &reply);
        }
    }

    /// Commands may fail, when the peer has closed in the meantime; they never panic.
    fn reply(&mut self, now: Instant, reply: &Reply) {
        let (connection, none) = (&mut self.connection, Headers::new());
        let mut events = |lane: Option<&str>| {
            let lane = lane.map_or_else(String::new, |lane| format!(r#""stream_id":"{lane}","#));
            for event in [
                format!(r#"{{{lane}"type":"response.created","response":{{"id":"r"}}}}"#),
                format!(r#"{{{lane}"type":"response.output_text.delta","delta":"hello hello"}}"#),
                format!(r#"{{{lane}"type":"response.completed","response":{{"id":"r"}}}}"#),
            ] {
                let _ = connection.send(now, &event);
            }
        };
        let _ = match reply {
            Reply::Upgrade if self.habits.refuses_upgrades() => connection.respond(now, 426, &none, b"no"),
            Reply::Upgrade => connection.accept(now, &none),
            Reply::Request if self.habits.streams() => {
                let _ = connection.begin_stream(now, &none);
                let _ = connection.send_keep_alive(now);
                let mut events = |event: &str| connection.send(now, event).is_ok();
                events(r#"{"type":"response.created","response":{"id":"r"}}"#);
                events(r#"{"type":"response.completed","response":{"id":"r"}}"#);
                connection.end_stream(now)
            }
            Reply::Request => connection.respond(now, 200, &none, b"{}"),
            Reply::Text(lane) => {
                events(lane.as_deref());
                if self.habits.closes() {
                    connection.close(now, 1000, "enough");
                }
                Ok(())
            }
            Reply::Nothing => Ok(()),
        };
    }

    fn write(&mut self, now: Instant) {
        while !self.connection.poll_transmit().is_empty() {
            let bytes = self.connection.poll_transmit();
            let length = bytes.len().min(700);
            self.observed.written.extend_from_slice(&bytes[..length]);
            self.connection.handle_written(now, length);
        }
    }
}

/// Reads the input in these reads, then the end of the connection.
///
/// # Errors
///
/// If the connection does not close, or goes on afterwards.
pub fn observe(habits: Habits, input: &[u8], chunks: &Chunks, extra_polls: bool) -> Result<Observed, String> {
    let mut server = Server::new(habits);
    for read in chunks.cut(input) {
        server.connection.handle_input(START, read);
        if extra_polls {
            let connection = &server.connection;
            let _ =
                (connection.poll_timeout(), connection.wants_input(), connection.has_event(), connection.state(None));
        }
        server.serve(START)?;
    }
    if habits.loses_the_end() {
        server.connection.handle_lost(START, LossReason::Network("reset".into()));
    } else {
        server.connection.handle_eof(START);
    }
    server.serve(START)?;
    deadlines(&mut server)?;
    let (connection, observed) = (&mut server.connection, &server.observed);
    connection.handle_input(START, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let refused = connection.send(START, "{}").is_err() && connection.accept(START, &Headers::new()).is_err();
    let quiet = connection.poll_event().is_none() && connection.poll_transmit().is_empty();
    if !(observed.closed && refused && quiet && connection.is_finished() && connection.poll_timeout().is_none()) {
        return Err(format!("the connection has ended but goes on: {connection:?}"));
    }
    Ok(server.observed)
}

/// Law 7: each next deadline is later, and at some time there is none.
fn deadlines(server: &mut Server) -> Result<(), String> {
    let mut now = START;
    for _ in 0..1000 {
        let Some(at) = server.connection.poll_timeout() else { return Ok(()) };
        now = now.max(at);
        server.connection.handle_timeout(now);
        if server.connection.poll_timeout().is_some_and(|next| next <= now) {
            return Err(format!("at {now:?} the next deadline is not later"));
        }
        server.serve(now)?;
    }
    Err("deadlines never end".into())
}

/// Law 7, for a peer that sends this and then nothing: the connection ends by itself.
///
/// # Errors
///
/// If it does not.
pub fn silence_ends(habits: Habits, input: &[u8]) -> Result<(), String> {
    let mut server = Server::new(habits);
    server.connection.handle_input(START, input);
    server.serve(START)?;
    // A connection that has received nothing waits for ever: the adapter that accepted it has a deadline.
    deadlines(&mut server)?;
    if server.connection.is_finished() || input.is_empty() {
        Ok(())
    } else {
        Err(format!("a silent peer keeps the connection: {:?}", server.connection))
    }
}

/// A client's frame, with a masking key of zeros.
fn text_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text);
    frame
}

/// A valid handshake, and one text message for each line, or the rest as it is.
fn websocket(input: &[u8], lines: bool) -> Vec<u8> {
    let mut bytes = b"GET /v1/responses HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        .to_vec();
    if lines {
        bytes.extend(input.split(|byte| *byte == b'\n').flat_map(text_frame));
    } else {
        bytes.extend(input);
    }
    bytes
}

/// The laws over arbitrary input: the first bytes choose the habits, the transport and the split.
///
/// # Errors
///
/// As of [`observe`] and [`silence_ends`], and if the events or the output depend on the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [habits, sizes, input @ ..] = input else { return Ok(()) };
    let framed;
    let bytes = match habits >> 6 {
        0 | 1 => input,
        how => {
            framed = websocket(input, how == 2);
            &framed
        }
    };
    let habits = Habits(*habits);
    let whole = observe(habits, bytes, &Chunks::Whole, false)?;
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15) + 1, usize::from(sizes >> 4) * 5]);
    let cut = observe(habits, bytes, &chunks, true)?;
    if whole.events != cut.events {
        return Err(format!("{chunks:?}: {:?}, but whole: {:?}", cut.events, whole.events));
    }
    silence_ends(habits, bytes)
}
