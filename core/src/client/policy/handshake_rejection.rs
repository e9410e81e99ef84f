//! What the status of a rejected WebSocket handshake means.

/// The meaning of the status of a rejected WebSocket handshake (docs/differences.md row 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum HandshakeRejection {
    /// The server supports no WebSocket at this URL.
    NoWebSocket,
    /// The server may support HTTP alone: a server without a WebSocket route answers with many statuses.
    Unclear,
    /// The status holds for a request over HTTP as well: credentials, payment, rate limits, the proxy, errors of the server.
    AnyTransport,
}

/// Returns the meaning of the status of a rejected handshake.
pub(in crate::client) const fn rejection(status: u16) -> HandshakeRejection {
    match status {
        404 | 405 | 426 | 501 => HandshakeRejection::NoWebSocket,
        401 | 402 | 407 | 429 => HandshakeRejection::AnyTransport,
        200..=499 => HandshakeRejection::Unclear,
        _ => HandshakeRejection::AnyTransport,
    }
}
