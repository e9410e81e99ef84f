//! `ServerViolation`: a violation of the protocol by a server.

use alloc::string::String;

use crate::turn::Violation;

/// A violation of the protocol by a server. It is reported after the event, and the response goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerViolation {
    /// The event is not allowed in the state of its request.
    #[error(transparent)]
    Order(#[from] Violation),
    /// The response names another previous response than its request did.
    #[error("the response continues another response than its request names")]
    PreviousResponse {
        /// The id that the request contained.
        sent: Option<String>,
        /// The id that the response contains, truncated at 256 bytes.
        echoed: String,
    },
}
