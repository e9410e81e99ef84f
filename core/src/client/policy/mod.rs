//! Decisions, as pure functions.

mod backoff;
mod connection_failure;
mod recovery;

pub(super) use connection_failure::{connect_failure, connection_lost, http_failure, unstreamed_failure};
pub(super) use recovery::{
    FailedAttempt, FailurePoint, HandshakeRejection, Recovery, RecoveryRules, decide, rejection,
};
