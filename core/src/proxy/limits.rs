//! The limits of a handshake.

use crate::http::HeadLimits;

/// Limits of a handshake with an HTTP proxy. The replies of SOCKS proxies have at most 262 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The head of a response.
    pub head: HeadLimits,
    /// Interim (1xx) responses before the final one: 16.
    pub max_interim: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: HeadLimits::default(), max_interim: 16 }
    }
}
