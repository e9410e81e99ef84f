//! Queries for the results of requests.

use std::time::Duration;

use turnwire::client::{OwnedEvent, OwnedOutcome, RequestId, RequestReport};
use turnwire::responses::Failure;

use super::{Kind, Pair, Seen};

impl Pair {
    /// Returns the outcome of the request, if it has ended.
    #[must_use]
    pub fn outcome(&self, id: RequestId) -> Option<&OwnedOutcome> {
        self.finished(id).map(|(outcome, _)| outcome)
    }

    /// Returns the report of the request, if it has ended.
    #[must_use]
    pub fn report(&self, id: RequestId) -> Option<&RequestReport> {
        self.finished(id).map(|(_, report)| report)
    }

    fn finished(&self, id: RequestId) -> Option<(&OwnedOutcome, &RequestReport)> {
        self.events.iter().find_map(|event| match event {
            OwnedEvent::Finished { id: of, outcome, report } if *of == id => Some((outcome, report)),
            _ => None,
        })
    }

    /// Returns the id of the completed response.
    ///
    /// # Panics
    ///
    /// If the request did not complete.
    pub fn completed(&self, id: RequestId) -> String {
        match self.outcome(id) {
            Some(OwnedOutcome::Completed(completed)) => completed.id.clone().unwrap_or_default(),
            other => panic!("{id} has the outcome {other:?}"),
        }
    }

    /// Returns the failure of the request.
    ///
    /// # Panics
    ///
    /// If the request did not fail.
    #[must_use]
    pub fn failure(&self, id: RequestId) -> Failure {
        match self.outcome(id) {
            Some(OwnedOutcome::Failed(failure)) => failure.clone(),
            other => panic!("{id} has the outcome {other:?}"),
        }
    }

    /// Returns the types of the server events that were delivered to the request.
    #[must_use]
    pub fn kinds(&self, id: RequestId) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                OwnedEvent::Server { id: of, event } if *of == id => Some(event.kind().to_owned()),
                _ => None,
            })
            .collect()
    }

    /// Returns what the servers received, of one kind.
    #[must_use]
    pub fn seen(&self, kind: Kind) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.kind == kind).collect()
    }

    /// Returns the WebSocket messages that the servers received.
    #[must_use]
    pub fn texts(&self) -> Vec<&Seen> {
        self.seen(Kind::Text)
    }

    /// Returns the HTTP requests that the servers received.
    #[must_use]
    pub fn posts(&self) -> Vec<&Seen> {
        self.seen(Kind::Post)
    }

    /// Returns the handshakes that the servers received.
    #[must_use]
    pub fn upgrades(&self) -> Vec<&Seen> {
        self.seen(Kind::Upgrade)
    }

    /// Returns the delays of all `Retry` events.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        let delay = |event: &OwnedEvent| match event {
            OwnedEvent::Retry { delay, .. } => Some(*delay),
            _ => None,
        };
        self.events.iter().filter_map(delay).collect()
    }
}
