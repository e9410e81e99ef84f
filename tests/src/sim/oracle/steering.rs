//! Checks of steering: what became of each submission, and that nothing of it reaches another request.

use turnwire::client::{RequestId, SteeringUpdate, SubmissionId};
use turnwire::turn::{SubmissionInput, SubmissionState};

use super::Oracle;

/// A steering submission of the application.
#[derive(Debug)]
pub(super) struct Steering {
    id: SubmissionId,
    /// Index of the request whose response it steers.
    ask: usize,
    state: SubmissionState,
}

impl Oracle<'_> {
    /// Records that the application has steered a request.
    pub fn steered(&mut self, id: SubmissionId, ask: usize) {
        self.steerings.push(Steering { id, ask, state: SubmissionState::Sent });
    }

    /// Returns whether a request was steered.
    pub(super) fn is_steered(&self, ask: usize) -> bool {
        self.steerings.iter().any(|steering| steering.ask == ask)
    }

    /// Returns whether a server has, or may have, the input of a submission of a request.
    pub(super) fn has_open_steering(&self, ask: usize) -> bool {
        self.steerings.iter().any(|steering| steering.ask == ask && steering.state != SubmissionState::Failed)
    }

    /// Checks `Event::Steering`.
    pub(super) fn steering_changed(&mut self, id: Option<RequestId>, update: &SteeringUpdate) {
        let Some(at) = self.steerings.iter().position(|steering| steering.id == update.submission) else {
            return self.violated("law 13", || format!("submission {} was not made", update.submission));
        };
        let Steering { ask, state, .. } = self.steerings[at];
        let inputs = SubmissionInput::ALL.into_iter().filter(|input| state.after(*input) == Some(update.state));
        let Some(input) = inputs.clone().next() else {
            return self.violated("law 13", || {
                format!("submission {} changes from {state:?} to {:?}", update.submission, update.state)
            });
        };
        self.stats.steer(state, input);
        self.steerings[at].state = update.state;
        let own = self.requests[ask].id;
        // The next request of the lane applies an input that waits at the server.
        let takes_over = |id: RequestId| {
            state == SubmissionState::Pending
                && self.find(id).is_some_and(|other| self.requests[other].lane == self.requests[ask].lane)
        };
        let is_own = id.is_none_or(|id| id == own || takes_over(id));
        self.require(is_own, "law 13", || format!("a submission of request {own} was reported to request {id:?}"));
        let gives_back = matches!(update.state, SubmissionState::Failed | SubmissionState::Unknown);
        self.require(gives_back == update.input.is_some(), "law 13", || {
            format!("submission {} is {:?}, with input: {}", update.submission, update.state, update.input.is_some())
        });
    }

    /// Checks `Event::Continued`.
    pub(super) fn continued(&mut self, id: RequestId, response_id: &str) {
        let own = self.find(id).and_then(|at| self.response_of(self.requests[at].attempt.as_ref()?));
        let is_own = own.is_some_and(|own| self.responses[own].id.starts_with(response_id));
        self.require(is_own, "law 13", || {
            format!("request {id} continues as {response_id}, which is not its response")
        });
    }

    /// Checks at the end of a run that the application knows what became of each submission.
    pub(super) fn check_steerings(&mut self) {
        let open: Vec<String> = self
            .steerings
            .iter()
            .filter(|steering| !steering.state.is_final())
            .map(|steering| format!("{}: {:?}", steering.id, steering.state))
            .collect();
        self.require(open.is_empty(), "law 13", || format!("submissions are open at the end: {}", open.join(", ")));
    }
}
