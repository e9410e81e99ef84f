//! The requests of a client that have not ended.

mod active;
mod lane;
mod resumption;
mod table;

pub(super) use active::{ActiveRequest, HeldEnd, RequestPhase, RetryState, SendRecord, Submission};
pub(super) use lane::LaneId;
pub(super) use resumption::AttemptKind;
pub(super) use table::RequestTable;
