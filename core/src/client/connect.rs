//! `SocketCommand`, the actions on sockets that a client requests, where a socket leads, and the error of opening one.

use alloc::string::String;
use core::fmt;

use crate::http::HeaderValue;

/// An action on the socket that the loop must perform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketCommand {
    /// Drop the current socket, if there is one, and open this one, TLS included.
    Connect(ConnectTarget),
    /// Drop the socket, or stop opening one.
    Disconnect,
}

/// The address of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnectTarget {
    /// A host name or an IP address without brackets. The certificate must be for this name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the socket uses TLS.
    pub tls: bool,
    /// Whether the socket carries a WebSocket. It must then lead to the host itself. Otherwise it may lead to an HTTP proxy that
    /// forwards requests: see [`handle_connected_to_proxy`](super::Client::handle_connected_to_proxy).
    pub websocket: bool,
}

impl ConnectTarget {
    /// Creates a target that does not carry a WebSocket.
    #[must_use]
    pub fn new(host: &str, port: u16, tls: bool) -> Self {
        Self { host: host.into(), port, tls, websocket: false }
    }
}

/// An HTTP proxy that forwards requests, to which a socket leads. `Debug` shows no credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardProxy {
    /// The value of `Proxy-Authorization` (RFC 9110 §11.7.2), if the proxy requires one.
    pub authorization: Option<HeaderValue>,
}

impl ForwardProxy {
    /// Creates a proxy. `authorization` is the value of `Proxy-Authorization`, which is treated as sensitive.
    #[must_use]
    pub fn new(authorization: Option<HeaderValue>) -> Self {
        Self { authorization: authorization.map(HeaderValue::into_sensitive) }
    }
}

/// Why a socket could not be opened. The text is that of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name could not be resolved, or no connection was accepted.
    Network(String),
    /// The TLS handshake failed, for example because the certificate is not trusted.
    Tls(String),
    /// A proxy did not connect to the host, or no proxy could be selected because its configuration is invalid.
    Proxy {
        /// The proxy and what it reported, without credentials.
        message: String,
        /// Whether another attempt can succeed without a change of the configuration.
        retryable: bool,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(message) => write!(f, "network error: {message}"),
            Self::Tls(message) => write!(f, "tls error: {message}"),
            Self::Proxy { message, .. } => write!(f, "proxy error: {message}"),
        }
    }
}

impl core::error::Error for ConnectError {}
