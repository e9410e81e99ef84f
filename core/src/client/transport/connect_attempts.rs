//! The failed attempts to open the connection, which all waiting requests share.

use crate::connection::Transport;
use crate::time::Instant;

/// The failed attempts to open a connection since one was open. The delay before the next attempt belongs to the connection: a
/// request that is submitted during the delay waits for its end, too.
#[derive(Debug, Default)]
pub(in crate::client) struct ConnectAttempts {
    failed: u32,
    retry: Option<ConnectRetry>,
}

#[derive(Debug)]
struct ConnectRetry {
    transport: Transport,
    at: Instant,
}

impl ConnectAttempts {
    /// Returns the number of the next retry, from 1.
    pub(in crate::client) const fn next_retry(&self) -> u32 {
        self.failed.saturating_add(1)
    }

    /// Records a failed attempt after which a request waits for the next one, at this time.
    pub(in crate::client) const fn record_failure(&mut self, transport: Transport, retry_at: Instant) {
        self.failed = self.failed.saturating_add(1);
        self.retry = Some(ConnectRetry { transport, at: retry_at });
    }

    /// Records that a connection is open, or that no request waits for one.
    pub(in crate::client) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns whether the time of the next attempt has not come. An attempt with another transport need not wait.
    pub(in crate::client) fn must_wait(&self, now: Instant, transport: Transport) -> bool {
        self.retry.as_ref().is_some_and(|retry| retry.transport == transport && now < retry.at)
    }

    /// Returns the time of the next attempt.
    pub(in crate::client) fn retry_at(&self) -> Option<Instant> {
        self.retry.as_ref().map(|retry| retry.at)
    }
}
