//! What a runtime is told beside the client's request, and the limit of what waits to be read.

use alloc::string::String;
use alloc::vec::Vec;

/// The settings of a [`Socket`](super::Socket).
///
/// A page cannot set the headers of a WebSocket handshake. Servers that serve pages therefore take the API key from a subprotocol:
///
/// ```
/// use turnwire::web::Settings;
///
/// let mut settings = Settings::new();
/// settings.subprotocols = vec!["realtime".into()];
/// settings.key_subprotocol = Some("openai-insecure-api-key.".into());
/// ```
///
/// Whoever can read the page can read such a key. Give pages only keys that expire soon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The subprotocols to request, in this order. Default: none. A server must select one of them: where it selects none, a browser
    /// closes the WebSocket.
    pub subprotocols: Vec<String>,
    /// The prefix of the subprotocol that contains the API key, which is the token of `Authorization: Bearer`. It is requested last.
    /// Default: `None`, which means that the key is not sent.
    pub key_subprotocol: Option<String>,
    /// The number of bytes that may wait to be read. When more arrive, the connection is lost. Default: 64 MiB. A WebSocket of the Web
    /// cannot be told to wait; a body is read only while [`wants_input`](super::Socket::wants_input).
    pub max_waiting: usize,
}

impl Settings {
    /// Creates the default settings.
    #[must_use]
    pub const fn new() -> Self {
        Self { subprotocols: Vec::new(), key_subprotocol: None, max_waiting: 64 * 1024 * 1024 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
