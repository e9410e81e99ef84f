//! `Resumption`: what was delivered of a background response, so that the rest of it can be requested when its stream is lost
//! ([docs/protocol.md §15.9](crate::docs::protocol#159-background-responses)).

use crate::responses::{DeliveredOutput, Envelope};

/// What an attempt of a request asks the server for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::client) enum AttemptKind {
    /// A new response, or an operation.
    #[default]
    Create,
    /// The rest of a background response, whose stream was lost.
    Resume,
    /// The cancellation of a background response.
    Cancel,
}

/// What was delivered of a background response.
#[derive(Debug, Default)]
pub(in crate::client) struct Resumption {
    /// The number of the last event that was delivered.
    last: Option<i64>,
    /// How many events were delivered.
    delivered: u64,
    /// How many events of the resumed stream were delivered before, where events have no numbers.
    skipped: u64,
    /// The stream is a resumed one, so that events may come a second time.
    is_resumed: bool,
    output: DeliveredOutput,
}

impl Resumption {
    /// Creates the state of a response of which another process has delivered the events up to this number.
    pub(in crate::client) fn after(last: Option<i64>) -> Self {
        Self { last, ..Self::default() }
    }

    /// Returns the number of the last event that was delivered, if it has one.
    pub(in crate::client) const fn last(&self) -> Option<i64> {
        self.last
    }

    /// Returns the output that was delivered.
    pub(in crate::client) const fn output(&self) -> &DeliveredOutput {
        &self.output
    }

    /// The rest of the response was requested. A server that does not number its events sends all of them again.
    pub(in crate::client) const fn begin_rest(&mut self) {
        self.is_resumed = true;
        self.skipped = if self.last.is_none() { self.delivered } else { 0 };
    }

    /// The events that follow are the rest, and no event among them was delivered before.
    pub(in crate::client) const fn expect_rest_only(&mut self) {
        self.skipped = 0;
    }

    /// Returns whether an event is to be delivered, and records it: one that was delivered before is not, and an end always is.
    pub(in crate::client) fn admit(&mut self, envelope: &Envelope<'_>) -> bool {
        let number = envelope.sequence_number();
        if !envelope.class().is_terminal() && self.is_repeated(number) {
            return false;
        }
        self.last = self.last.max(number);
        self.delivered += 1;
        self.output.record(envelope);
        true
    }

    fn is_repeated(&mut self, number: Option<i64>) -> bool {
        match (number, self.last) {
            (Some(number), Some(last)) => self.is_resumed && number <= last,
            (None, Some(_)) => false,
            (_, None) => {
                let is_repeated = self.skipped > 0;
                self.skipped = self.skipped.saturating_sub(1);
                is_repeated
            }
        }
    }
}
