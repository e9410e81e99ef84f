//! Encoding of heads and chunks. It cannot fail, because heads are checked when they are built.

use alloc::vec::Vec;

use super::head::{Request, Response, Version};
use super::headers::Headers;

/// Appends a request head.
pub fn encode_request(head: &Request, out: &mut Vec<u8>) {
    for part in [head.method.as_bytes(), b" ", head.target.as_bytes(), b" ", version(head.version), b"\r\n"] {
        out.extend_from_slice(part);
    }
    headers(&head.headers, out);
}

/// Appends a response head.
pub fn encode_response(head: &Response, out: &mut Vec<u8>) {
    let status = head.status;
    let digits =
        [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + u8::try_from(digit % 10).unwrap_or(0));
    for part in [version(head.version), b" ", &digits, b" ", head.reason.as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
    headers(&head.headers, out);
}

/// Appends one chunk of a chunked body. For empty data, it appends nothing, because an empty chunk would end the body.
pub fn encode_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    begin_chunk(data.len(), out);
    out.extend_from_slice(data);
    end_chunk(out);
}

/// Appends what precedes the data of a chunk of this length, which is not 0. The data and [`end_chunk`] follow.
pub(crate) fn begin_chunk(length: usize, out: &mut Vec<u8>) {
    const DIGITS: usize = 2 * size_of::<usize>();
    let mut line = [0; DIGITS + 2];
    line[DIGITS..].copy_from_slice(b"\r\n");
    let (mut at, mut left) = (DIGITS, length);
    while left > 0 {
        at -= 1;
        line[at] = b"0123456789abcdef"[left % 16];
        left /= 16;
    }
    out.extend_from_slice(&line[at..]);
}

/// Appends what follows the data of a chunk.
pub(crate) fn end_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk of a chunked body, without trailers.
pub fn encode_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

const fn version(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    }
}

fn headers(headers: &Headers, out: &mut Vec<u8>) {
    for (name, value) in headers.iter() {
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
}
