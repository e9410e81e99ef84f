//! What became of requests: the questions that tests ask.

use std::time::Duration;

use turnwire::client::{OwnedEvent, OwnedOutcome, RequestId, RequestReport};
use turnwire::responses::Failure;

use super::{Kind, Pair, Seen};

impl Pair {
    /// How the request ended, if it has.
    #[must_use]
    pub fn outcome(&self, id: RequestId) -> Option<&OwnedOutcome> {
        self.finished(id).map(|(outcome, _)| outcome)
    }

    /// What the request took, if it has ended.
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

    /// The id of the response that the request was completed by.
    ///
    /// # Panics
    ///
    /// When it was not completed.
    pub fn completed(&self, id: RequestId) -> String {
        match self.outcome(id) {
            Some(OwnedOutcome::Completed(completed)) => completed.id.clone().unwrap_or_default(),
            other => panic!("{id} ended as {other:?}"),
        }
    }

    /// The failure that the request ended with.
    ///
    /// # Panics
    ///
    /// When it did not fail.
    #[must_use]
    pub fn failure(&self, id: RequestId) -> Failure {
        match self.outcome(id) {
            Some(OwnedOutcome::Failed(failure)) => failure.clone(),
            other => panic!("{id} ended as {other:?}"),
        }
    }

    /// The kinds of the server's events that were delivered to the request.
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

    /// What was seen of one kind.
    #[must_use]
    pub fn seen(&self, kind: Kind) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.kind == kind).collect()
    }

    /// The WebSocket messages that were seen.
    #[must_use]
    pub fn texts(&self) -> Vec<&Seen> {
        self.seen(Kind::Text)
    }

    /// The HTTP requests that were seen.
    #[must_use]
    pub fn posts(&self) -> Vec<&Seen> {
        self.seen(Kind::Post)
    }

    /// The handshakes that were seen.
    #[must_use]
    pub fn upgrades(&self) -> Vec<&Seen> {
        self.seen(Kind::Upgrade)
    }

    /// The delays of the retries that were told.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        let delay = |event: &OwnedEvent| match event {
            OwnedEvent::Retry { delay, .. } => Some(*delay),
            _ => None,
        };
        self.events.iter().filter_map(delay).collect()
    }
}
