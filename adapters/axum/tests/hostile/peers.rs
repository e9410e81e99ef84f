//! The clients: sockets that send any bytes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::servers::{SOON, Server};

pub(crate) const HANDSHAKE: &str = "GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Returns a request for a response, of this model.
pub(crate) fn post(model: &str) -> Vec<u8> {
    let body = format!(r#"{{"model":"{model}","input":"hi","stream":true}}"#);
    let length = body.len();
    format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Returns the same as a WebSocket message.
pub(crate) fn message(model: &str) -> Vec<u8> {
    frame(0x81, format!(r#"{{"type":"response.create","model":"{model}","input":"hi"}}"#).as_bytes())
}

/// Returns a frame of a client, masked with zeros. `first`: its first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => bytes.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

pub(crate) struct Peer {
    stream: TcpStream,
    /// What was read and not yet taken.
    read: Vec<u8>,
}

impl Peer {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).expect("the kernel accepts");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        stream.set_write_timeout(Some(SOON)).expect("a timeout");
        Self { stream, read: Vec::new() }
    }

    /// Opens a WebSocket.
    pub(crate) fn websocket(server: &Server) -> Self {
        let mut peer = Self::connect(server);
        peer.send(HANDSHAKE.as_bytes());
        assert_eq!(peer.head(), 101, "{:?}", server.kind);
        peer
    }

    /// Sends bytes. The server may have closed the connection meanwhile.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends the same bytes again and again until the server takes no more. Returns how many it took.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> usize {
        self.stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        let mut sent = 0;
        while sent < 256 << 20 {
            match self.stream.write(bytes) {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
        sent
    }

    /// Sends a byte every few milliseconds until the server closes the connection. Returns what it said.
    pub(crate) fn drip(&mut self, byte: u8) -> String {
        self.stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
        let until = Instant::now() + SOON;
        let mut buffer = [0; 4096];
        loop {
            assert!(Instant::now() < until, "the connection is still open");
            let _ = self.stream.write(&[byte]);
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Returns what the server sends until it closes the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        // A reset is an end too.
        let end = self.stream.read_to_end(&mut self.read);
        let waits = end.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(!waits, "the connection is still open; read so far: {:?}", String::from_utf8_lossy(&self.read));
        core::mem::take(&mut self.read)
    }

    /// Reads a head, and returns its status.
    pub(crate) fn head(&mut self) -> u16 {
        let head = self.until(b"\r\n\r\n");
        let status = head.get(9..12).and_then(|status| core::str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(&head)))
    }

    /// Reads up to and including these bytes.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            match self.stream.read(&mut buffer) {
                Ok(length @ 1..) => self.read.extend_from_slice(&buffer[..length]),
                end => panic!("{end:?} after {:?}", String::from_utf8_lossy(&self.read)),
            }
        }
    }

    /// Returns the close code of the server, after reading everything before it.
    pub(crate) fn close_code(&mut self) -> u16 {
        let bytes = self.rest();
        let mut rest = bytes.as_slice();
        while let [first, second, after @ ..] = rest {
            let (length, after) = match (second, after) {
                (126, [high, low, after @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), after),
                (127, [_, _, _, _, bytes @ ..]) if bytes.len() >= 4 => {
                    let length = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
                    (usize::try_from(length).expect("a short frame"), &bytes[4..])
                }
                (length, after) => (usize::from(*length), after),
            };
            if *first == 0x88 {
                return u16::from_be_bytes([after[0], after[1]]);
            }
            rest = after.get(length..).unwrap_or_default();
        }
        panic!("no close frame: {:?}", String::from_utf8_lossy(&bytes));
    }

    /// Returns whether the server sends nothing for a moment, and the connection stays open.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let end = self.stream.read(&mut [0]);
        self.stream.set_read_timeout(Some(SOON)).expect("a timeout");
        end.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Waits until the server sends something, or closes the connection.
    pub(crate) fn wait(&self) {
        let _ = self.stream.peek(&mut [0]);
    }

    /// Sends no more, and still reads. The server may have closed the connection meanwhile.
    pub(crate) fn end_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
}

/// The server still answers a well-behaved client, over both transports.
pub(crate) fn assert_serves(server: &Server) {
    let mut peer = Peer::connect(server);
    peer.send(&post("hello"));
    assert_eq!(peer.head(), 200, "{:?}", server.kind);
    peer.until(b"response.completed");
    let mut peer = Peer::websocket(server);
    peer.send(&message("hello"));
    peer.until(b"response.completed");
}

/// Waits until the number of sent deltas no longer grows, and returns it.
pub(crate) fn sent_at_last(server: &Server) -> usize {
    let mut before = 0;
    loop {
        sleep(Duration::from_millis(100));
        let sent = server.sent();
        if sent == before && sent > 0 {
            return sent;
        }
        before = sent;
    }
}
