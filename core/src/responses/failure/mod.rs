//! Failures of requests, and their details
//! ([docs/protocol.md §6](crate::docs::protocol#6-errors)).

mod delay;
mod details;
mod error_body;
#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod failure;
mod from_close;
mod from_event;
mod from_http;
mod kind_of;
mod user_message;

pub(in crate::responses) use delay::duration;
pub use delay::{retry_after, try_again_in};
pub use failure::{Failure, FailureDetails, FailureKind, RequestProgress};
