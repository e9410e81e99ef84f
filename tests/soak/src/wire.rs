//! Bytes of a client: requests, handshakes, frames, and deflate blocks written by hand.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const REQUEST: &str = r#"{"type":"response.create","model":"m","stream":true,"input":"hi"}"#;

/// Returns a request over HTTP.
pub(crate) fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

pub(crate) fn request() -> Vec<u8> {
    post(REQUEST)
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    Ok(stream)
}

/// Opens a WebSocket.
pub(crate) fn websocket(address: SocketAddr, deflate: bool) -> io::Result<TcpStream> {
    let mut stream = connect(address)?;
    let extension = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let head = format!(
        "GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extension}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let head = read_until(&mut stream, b"\r\n\r\n")?;
    if head.starts_with(b"HTTP/1.1 101 ") { Ok(stream) } else { Err(io::Error::other("the handshake was refused")) }
}

/// Reads byte by byte up to and including `end`.
pub(crate) fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1]);
    while !bytes.ends_with(end) {
        stream.read_exact(&mut buffer)?;
        bytes.push(buffer[0]);
    }
    Ok(bytes)
}

/// Returns a frame of a client, masked with zeros. `first`: its first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("at most 125")),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).expect("two bytes").to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Returns a request as a text frame.
pub(crate) fn message() -> Vec<u8> {
    frame(0x81, REQUEST.as_bytes())
}

/// Returns a request as a compressed frame: a stored block (RFC 1951 §3.2.4), and the empty one whose last four bytes are
/// left out (RFC 7692 §7.2.1).
pub(crate) fn compressed_message() -> Vec<u8> {
    let length = u16::try_from(REQUEST.len()).expect("a short request");
    let mut payload = vec![0];
    payload.extend(length.to_le_bytes());
    payload.extend((!length).to_le_bytes());
    payload.extend(REQUEST.as_bytes());
    payload.push(0);
    frame(0xc1, &payload)
}

/// Returns a compressed frame that inflates to `size` bytes and more: one byte, repeated by matches of 258 bytes (RFC 1951
/// §3.2.6).
pub(crate) fn bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // Not the last block, fixed codes.
    bits.push(0, 1);
    bits.push(1, 2);
    for byte in br#"{"type":"response.create","input":"x"# {
        bits.push_code(0x30 + u32::from(*byte), 8);
    }
    for _ in 0..size / 258 {
        bits.push_code(0xc5, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    // An empty stored block, without its last four bytes.
    bits.push(0, 3);
    frame(0xc1, &bits.finish())
}

/// Bits, from the lowest of each byte on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, value: u32, length: usize) {
        for at in 0..length {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if value >> at & 1 == 1 {
                self.bytes[self.count / 8] |= 1 << (self.count % 8);
            }
            self.count += 1;
        }
    }

    /// A Huffman code, whose highest bit comes first.
    fn push_code(&mut self, code: u32, length: usize) {
        (0..length).rev().for_each(|at| self.push(code >> at & 1, 1));
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
