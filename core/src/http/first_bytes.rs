//! The first bytes of a message, which show whether the peer speaks HTTP/1 (docs/differences.md row 51).

use super::error::{Error, Protocol};
use super::syntax::is_token;

/// The number of bytes that are examined.
pub(super) const EXAMINED: usize = 12;

/// The first byte of a TLS record: of an alert, of a handshake (RFC 8446 §5.1).
const TLS_RECORDS: [u8; 2] = [0x15, 0x16];

/// Checks the first bytes of a response. Every response begins with `HTTP/` (RFC 9112 §4).
pub(super) fn check_response(start: &[u8]) -> Result<(), Error> {
    let could_be = |known: &[u8]| start.len() < known.len() && known.starts_with(start);
    let seems = |protocol| Err(Error::NotHttp { seems: protocol });
    match start {
        start if start.starts_with(b"HTTP/") || could_be(b"HTTP/") || could_be(b"SSH-") => Ok(()),
        start if start.starts_with(b"SSH-") => seems(Protocol::Ssh),
        [first, ..] if TLS_RECORDS.contains(first) => seems(Protocol::Tls),
        // The length of a SETTINGS frame, which is the first of a server (RFC 9113 §3.4).
        [0, ..] => seems(Protocol::Http2),
        _ => Err(Error::StartLine),
    }
}

/// Checks the first bytes of a request. Every request begins with a token (RFC 9112 §3).
pub(super) fn check_request(start: &[u8]) -> Result<(), Error> {
    let seems = |protocol| Err(Error::NotHttp { seems: protocol });
    match start {
        start if start.starts_with(b"SSH-") => seems(Protocol::Ssh),
        // The connection preface of a client (RFC 9113 §3.4).
        start if start.starts_with(b"PRI * HTTP/2") => seems(Protocol::Http2),
        [first, ..] if TLS_RECORDS.contains(first) => seems(Protocol::Tls),
        [first, ..] if !is_token(*first) => Err(Error::StartLine),
        _ => Ok(()),
    }
}
