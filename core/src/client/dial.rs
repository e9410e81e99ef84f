//! What a client wants of sockets.

use alloc::string::String;

/// What is to be done about the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketCommand {
    /// Drop the socket there is, if any, and open this one; TLS is part of opening it.
    Connect(ConnectTarget),
    /// Drop the socket, open or not.
    Disconnect,
}

/// Where a socket leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnectTarget {
    /// A name or an address, without brackets. It is also the name that a certificate must have.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

impl ConnectTarget {
    /// A place to dial.
    #[must_use]
    pub fn new(host: &str, port: u16, tls: bool) -> Self {
        Self { host: host.into(), port, tls }
    }
}

/// Why a socket could not be opened. The text is the system's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name could not be resolved, or nobody answered.
    #[error("network error: {0}")]
    Network(String),
    /// TLS could not be established: a certificate that is not trusted, for one.
    #[error("tls error: {0}")]
    Tls(String),
}
