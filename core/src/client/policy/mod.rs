//! Decisions, as pure functions.

mod backoff;
mod connection_failure;
mod failed_attempt;
mod handshake_rejection;
mod recovery;

pub(super) use connection_failure::{connect_failure, connection_lost, http_failure, unstreamed_failure};
pub(super) use failed_attempt::{FailedAttempt, FailurePoint};
pub(super) use handshake_rejection::{HandshakeRejection, rejection};
pub(super) use recovery::{Recovery, RecoveryRules, decide};
