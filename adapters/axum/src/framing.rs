//! What hyper accepts of a head in HTTP/1 and a proxy may read otherwise: the end of the request, and its host.

use http::request::Parts;
use http::{Version, header};

/// Checks a head whose framing hyper has accepted.
///
/// # Errors
///
/// Returns the reason why the request is rejected, and its connection closed.
pub(crate) fn check(parts: &Parts, is_upgrade: bool) -> Result<(), &'static str> {
    let headers = &parts.headers;
    let count = |name: header::HeaderName| headers.get_all(name).iter().count();
    // RFC 9112 §3.2. A request of HTTP/1.0 may have none.
    if count(header::HOST) > 1 || (count(header::HOST) == 0 && parts.version == Version::HTTP_11) {
        return Err("The request must have exactly one Host header.");
    }
    // RFC 9112 §6.1: hyper reads the body of any list of codings that ends with `chunked`.
    let is_chunked = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    match count(header::TRANSFER_ENCODING) {
        0 => {}
        1 if headers.get(header::TRANSFER_ENCODING).is_some_and(is_chunked) && count(header::CONTENT_LENGTH) == 0 => {}
        _ => return Err("The transfer coding must be chunked alone, without a Content-Length."),
    }
    // What is behind the head of a handshake is read as frames.
    let is_empty = |value: &header::HeaderValue| value.as_bytes() == b"0";
    if is_upgrade
        && (count(header::TRANSFER_ENCODING) > 0 || !headers.get_all(header::CONTENT_LENGTH).iter().all(is_empty))
    {
        return Err("A WebSocket handshake has no body.");
    }
    Ok(())
}
