//! The clients: sockets that count events in what they read, so that they need little processor time themselves.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use memchr::memmem;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// What all clients have seen.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// From the time at which a delta was due to when it was read, in microseconds.
    pub(crate) delays: Vec<u32>,
    pub(crate) completed: u64,
    /// Responses that ended before their end.
    pub(crate) cut: u64,
    /// Requests that were not answered at all, and sent again.
    pub(crate) repeated: u64,
    /// Connections that were refused.
    pub(crate) refused: u64,
}

impl Tally {
    /// Returns the delay that this part of the deltas did not exceed, in milliseconds.
    pub(crate) fn delay(&mut self, part: f64) -> f64 {
        self.delays.sort_unstable();
        let last = self.delays.len().saturating_sub(1) as f64;
        self.delays.get((last * part) as usize).map_or(f64::NAN, |delay| f64::from(*delay) / 1000.0)
    }
}

/// The state that clients share.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) address: Rc<str>,
    pub(crate) is_websocket: bool,
    pub(crate) tally: Rc<RefCell<Tally>>,
    buffer: Rc<RefCell<Vec<u8>>>,
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    /// Some of its events came.
    Cut,
    /// Nothing came.
    Unanswered,
    /// There was no connection.
    Refused,
}

impl Clients {
    pub(crate) fn new(address: &str, is_websocket: bool) -> Self {
        Self {
            address: address.into(),
            is_websocket,
            tally: Rc::default(),
            buffer: Rc::new(RefCell::new(vec![0; 65536])),
        }
    }

    /// Sends a request, and reads its response.
    pub(crate) async fn ask(&self, model: &str) -> (End, Option<TcpStream>) {
        let mut scanner = Scanner::default();
        let end = self.try_ask(model, &mut scanner).await;
        match end {
            Ok(stream) => (End::Completed, Some(stream)),
            Err(_) if scanner.events > 0 => (End::Cut, None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => (End::Refused, None),
            Err(_) => (End::Unanswered, None),
        }
    }

    /// Sends a request, and returns the connection without reading anything of the response.
    pub(crate) async fn send(&self, model: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(&*self.address).await?;
        let body = format!(r#"{{"type":"response.create","model":"{model}","input":"hi","stream":true}}"#);
        if self.is_websocket {
            stream.write_all(HANDSHAKE.as_bytes()).await?;
            // What follows the head of the handshake is read with the response.
            stream.write_all(&frame(body.as_bytes())).await?;
        } else {
            let length = body.len();
            let head = format!(
                "POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
        }
        Ok(stream)
    }

    /// Counts how a request ended.
    pub(crate) fn count(&self, end: End) {
        let mut tally = self.tally.borrow_mut();
        match end {
            End::Completed => tally.completed += 1,
            End::Cut => tally.cut += 1,
            End::Unanswered => tally.repeated += 1,
            End::Refused => tally.refused += 1,
        }
    }

    async fn try_ask(&self, model: &str, scanner: &mut Scanner) -> io::Result<TcpStream> {
        let stream = self.send(model).await?;
        loop {
            stream.readable().await?;
            let mut buffer = self.buffer.borrow_mut();
            match stream.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    if scanner.read(&buffer[..length], &mut self.tally.borrow_mut()) {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stream)
    }
}

const HANDSHAKE: &str = "GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Returns a text frame, masked with zeros.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("a short message");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Finds events in bytes, whatever is around them.
#[derive(Default)]
struct Scanner {
    kept: Vec<u8>,
    events: u64,
}

const EVENT: &[u8] = br#""type":"response."#;
const DUE: &[u8] = br#""delta":"@"#;

/// The longest text that is looked for.
const LONGEST: usize = 48;

impl Scanner {
    /// Counts what is there. Returns whether the response has ended.
    fn read(&mut self, bytes: &[u8], tally: &mut Tally) -> bool {
        let now = micros();
        tally.bytes += bytes.len() as u64;
        self.kept.extend_from_slice(bytes);
        let (mut limit, mut done, mut has_ended) = (self.kept.len(), 0, false);
        for at in memmem::find_iter(&self.kept, DUE) {
            let digits = &self.kept[at + DUE.len()..];
            let Some(end) = memchr::memchr(b' ', digits) else {
                limit = at;
                break;
            };
            let due: u64 = core::str::from_utf8(&digits[..end]).ok().and_then(|due| due.parse().ok()).unwrap_or(now);
            tally.delays.push(u32::try_from(now.saturating_sub(due)).unwrap_or(u32::MAX));
            done = at + DUE.len() + end;
        }
        for at in memmem::find_iter(&self.kept[..limit], EVENT) {
            let kind = &self.kept[at + EVENT.len()..];
            if kind.len() < 10 {
                limit = at;
                break;
            }
            self.events += 1;
            tally.events += 1;
            has_ended |= kind.starts_with(b"completed\"");
            done = done.max(at + EVENT.len());
        }
        let from = done.max(limit.min(self.kept.len().saturating_sub(LONGEST)));
        self.kept.drain(..from);
        has_ended
    }
}

/// The time in microseconds. All processes of a machine have the same.
pub(crate) fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
