//! The protocol that a connection speaks.

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP/1.1: one request at a time, with an event stream or a whole body as the response.
    Http,
    /// One WebSocket that carries all requests. A request may name a *lane*, which is our name for a `stream_id`.
    WebSocket,
}
