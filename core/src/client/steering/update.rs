//! `SteeringUpdate`: what became of a steering submission.

use core::fmt;

use crate::responses::{RawJson, SteerError};
use crate::turn::SubmissionState;

/// Names one steering submission of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub(in crate::client) u64);

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The new state of a steering submission. `Debug` shows the length of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SteeringUpdate {
    /// The submission.
    pub submission: SubmissionId,
    /// Its state.
    pub state: SubmissionState,
    /// The id that the server has given to it.
    pub steer_id: Option<alloc::string::String>,
    /// Its input, when the server gave it back or when it is not known whether it was applied.
    pub input: Option<RawJson<'static>>,
    /// Why the server gave it back.
    pub error: Option<SteerError>,
    /// What the next request must contain so that the server applies the input: an array of stubs.
    pub required_input: Option<RawJson<'static>>,
}
