//! The requests of a client that have not ended.

mod active;
mod lane;
mod received;
mod resumption;
mod submission;
mod table;

pub(super) use active::{ActiveRequest, HeldEnd, RequestPhase, RetryState, SendRecord};
pub(super) use lane::LaneId;
pub(super) use resumption::AttemptKind;
pub(super) use submission::Submission;
pub(super) use table::RequestTable;
