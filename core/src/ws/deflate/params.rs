//! The parameters of permessage-deflate that both ends have negotiated.

use crate::ws::role::Role;

/// The smallest window that can be named, 256 bytes, as a power of two.
pub(super) const SMALLEST: u8 = 8;

/// The largest window, 32 KiB, as a power of two.
pub(super) const LARGEST: u8 = 15;

/// The end of each compressed message, which is not sent (RFC 7692 §7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The negotiated parameters.
///
/// ```
/// use turnwire::ws::deflate::Params;
/// use turnwire::ws::{Limits, Role, WebSocket};
///
/// let params = Params::default().with_server_no_context_takeover(true);
/// let socket = WebSocket::new(Role::Client, Limits::default(), Some(&params), [1; 32]);
/// # let _ = socket;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Params {
    /// Whether the server begins each message with an empty window (RFC 7692 §7.1.1.1).
    pub server_no_context_takeover: bool,
    /// Whether the client begins each message with an empty window (RFC 7692 §7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window, 8 to 15 (RFC 7692 §7.1.2.1).
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window, 8 to 15 (RFC 7692 §7.1.2.2).
    pub client_max_window_bits: u8,
}

impl Params {
    /// Sets [`server_no_context_takeover`](Self::server_no_context_takeover).
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self, enabled: bool) -> Self {
        self.server_no_context_takeover = enabled;
        self
    }

    /// Sets [`client_no_context_takeover`](Self::client_no_context_takeover).
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self, enabled: bool) -> Self {
        self.client_no_context_takeover = enabled;
        self
    }

    /// Sets [`server_max_window_bits`](Self::server_max_window_bits).
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: u8) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// Sets [`client_max_window_bits`](Self::client_max_window_bits).
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, bits: u8) -> Self {
        self.client_max_window_bits = bits;
        self
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: LARGEST,
            client_max_window_bits: LARGEST,
        }
    }
}

impl Params {
    /// Returns whether `sender` keeps its window from one message to the next.
    pub(super) const fn takeover(&self, sender: Role) -> bool {
        match sender {
            Role::Client => !self.client_no_context_takeover,
            Role::Server => !self.server_no_context_takeover,
        }
    }

    /// Returns the base-2 logarithm of the window of `sender`.
    pub(super) const fn window_bits(&self, sender: Role) -> u8 {
        match sender {
            Role::Client => self.client_max_window_bits,
            Role::Server => self.server_max_window_bits,
        }
    }
}
