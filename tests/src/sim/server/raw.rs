//! Bytes that a conforming server does not write.

use crate::sim::random::Random;

/// Formats a server's WebSocket frame with this first byte.
#[must_use]
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(u8::try_from(short).unwrap_or_default()),
        long => {
            bytes.push(126);
            bytes.extend(u16::try_from(long).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Formats a text message as three frames, with a ping between them.
#[must_use]
pub fn fragments(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    [frame(0x01, first), frame(0x89, b"between"), frame(0x00, second), frame(0x80, third)].concat()
}

/// Returns frames that violate RFC 6455.
#[must_use]
pub fn bad_frames(random: &mut Random) -> Vec<u8> {
    match random.below(10) {
        0 => frame(0x83, b"reserved opcode"),
        1 => frame(0xC1, b"compressed, and nobody agreed to it, or it is no deflate"),
        2 => frame(0x09, b"a ping in pieces"),
        3 => frame(0x80, b"a continuation of nothing"),
        4 => frame(0x88, &[3]),
        5 => frame(0x88, &[0x03, 0xEE]),
        6 => frame(0x81, &[0xFF, 0xFE, 0xFD]),
        7 => vec![0x81, 0x85, 1, 2, 3, 4, b'm', b'a', b's', b'k', b'!'],
        8 => [frame(0x01, b"{"), frame(0x81, b"{}")].concat(),
        _ => vec![0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
    }
}

/// Returns bytes that are not a valid HTTP response head, or announce an invalid body.
#[must_use]
pub fn bad_head(random: &mut Random) -> Vec<u8> {
    random
        .pick(&[
            &b"SMTP ready\r\n\r\n"[..],
            b"HTTP/1.1 1000 Far\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nab",
            b"\0\0\0\0",
        ])
        .to_vec()
}

/// Returns a handshake response that the client must not accept.
#[must_use]
pub fn forged(random: &mut Random) -> Vec<u8> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let tail = random.pick(&[
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "\r\n",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Extensions: x-turbo\r\n\r\n",
    ]);
    format!("{head}{tail}").into_bytes()
}

/// Formats one chunk of a body.
#[must_use]
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Returns bytes that are not a valid chunked body.
#[must_use]
pub fn bad_body(random: &mut Random) -> Vec<u8> {
    random
        .pick(&[
            &b"zz\r\n"[..],
            b"ffffffffffffffffff\r\n",
            b"5\r\nabcdeXX",
            b"-1\r\n",
            b"0\r\nbad trailer\r\n\r\n",
            b"\r\n\r\n",
        ])
        .to_vec()
}
