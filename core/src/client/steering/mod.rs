//! Further input for a response that is being made: what was sent, what became of it, and how an interruption is doing
//! ([docs/protocol.md §15.1](crate::docs::protocol#151-steering), [§15.2](crate::docs::protocol#152-interruption)).

mod interruption;
mod submissions;
mod update;

pub(super) use interruption::Interruption;
pub(super) use submissions::{Submission, Submissions, WaitingSubmissions};
pub use update::{SteeringUpdate, SubmissionId};
