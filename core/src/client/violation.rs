//! `ServerViolation`: a violation of the protocol by a server.

use alloc::string::String;
use core::fmt;

use crate::turn::Violation;

/// A violation of the protocol by a server. It is reported after the event, and the response goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerViolation {
    /// The event is not allowed in the state of its request.
    Order(Violation),
    /// The response names another previous response than its request did.
    PreviousResponse {
        /// The id that the request contained.
        sent: Option<String>,
        /// The id that the response contains, truncated at 256 bytes.
        echoed: String,
    },
}

impl fmt::Display for ServerViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(error) => fmt::Display::fmt(error, f),
            Self::PreviousResponse { .. } => {
                f.write_str("the response continues another response than its request names")
            }
        }
    }
}

impl core::error::Error for ServerViolation {}

impl From<Violation> for ServerViolation {
    fn from(error: Violation) -> Self {
        Self::Order(error)
    }
}
