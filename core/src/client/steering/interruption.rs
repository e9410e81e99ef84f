//! `Interruption`: a request that the client wants to interrupt.

use alloc::string::String;

use crate::client::config::AbandonMode;
use crate::time::Instant;

/// The interruption of a request.
#[derive(Clone, Debug)]
pub(in crate::client) struct Interruption {
    /// When the client stops waiting for the end of the response.
    pub(in crate::client) until: Instant,
    /// What follows when the server does not interrupt the response. `None`: the response goes on.
    pub(in crate::client) otherwise: Option<AbandonMode>,
    /// The response that the server was asked to interrupt.
    pub(in crate::client) asked: Option<String>,
}
