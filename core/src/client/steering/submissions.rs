//! `Submissions`: the steering submissions of one request, and what the server's replies do to them.

use alloc::string::String;
use alloc::vec::Vec;

use super::update::{SteeringUpdate, SubmissionId};
use crate::client::requests::LaneId;
use crate::responses::{RawJson, SteerOutcome, SteerReply};
use crate::turn::{SubmissionInput, SubmissionState};

/// One steering submission.
#[derive(Clone, Debug)]
pub(in crate::client) struct Submission {
    id: SubmissionId,
    state: SubmissionState,
    /// The response that it steers.
    response_id: String,
    /// The id that the server has given to it.
    steer_id: Option<String>,
    input: RawJson<'static>,
}

impl Submission {
    pub(in crate::client) fn new(id: SubmissionId, response_id: &str, input: RawJson<'static>) -> Self {
        Self { id, state: SubmissionState::Sent, response_id: response_id.into(), steer_id: None, input }
    }

    /// Applies an input. Returns the update, if the state has changed.
    fn apply(&mut self, input: SubmissionInput, reply: Option<&SteerReply>) -> Option<SteeringUpdate> {
        self.state = self.state.after(input)?;
        if self.steer_id.is_none() {
            self.steer_id = reply.and_then(|reply| reply.steer_id.clone());
        }
        let comes_back = matches!(self.state, SubmissionState::Failed | SubmissionState::Unknown);
        let given_back = reply.and_then(|reply| reply.input.clone());
        Some(SteeringUpdate {
            submission: self.id,
            state: self.state,
            steer_id: self.steer_id.clone(),
            input: comes_back.then(|| given_back.unwrap_or_else(|| self.input.clone())),
            error: reply.and_then(|reply| reply.error.clone()),
            required_input: reply.and_then(|reply| reply.required_input.clone()),
        })
    }

    fn is_reply(&self, reply: &SteerReply) -> bool {
        match (&self.steer_id, &reply.steer_id) {
            (Some(own), Some(named)) => own == named,
            // Not until it is accepted does it have an id.
            (Some(_), None) => !self.state.is_final() && self.is_of(reply),
            (None, _) => self.state == SubmissionState::Sent && self.is_of(reply),
        }
    }

    /// Whether the reply names the response that it steers, or none.
    fn is_of(&self, reply: &SteerReply) -> bool {
        reply.response_id.as_ref().is_none_or(|named| *named == self.response_id)
    }
}

/// The steering submissions of one request, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(in crate::client) struct Submissions(Vec<Submission>);

impl Submissions {
    pub(in crate::client) fn push(&mut self, submission: Submission) {
        self.0.push(submission);
    }

    /// The number of submissions that can still change.
    pub(in crate::client) fn open(&self) -> usize {
        self.0.iter().filter(|submission| !submission.state.is_final()).count()
    }

    /// Whether the lane belongs to the request because of one of them.
    pub(in crate::client) fn hold_lane(&self) -> bool {
        self.0.iter().any(|submission| submission.state.holds_lane())
    }

    /// Whether the server has, or may have, taken further input for the response.
    pub(in crate::client) fn is_steered(&self) -> bool {
        self.0.iter().any(|submission| submission.state != SubmissionState::Failed)
    }

    /// Whether this is a reply to one of them.
    pub(in crate::client) fn owns(&self, reply: &SteerReply) -> bool {
        self.find(reply).is_some()
    }

    /// The submission that a reply is for: the one with the id that it names, or the first that was sent for the response and has
    /// not been answered. A reply that gives the input back is for the one with this input.
    fn find(&self, reply: &SteerReply) -> Option<usize> {
        let named = |submission: &Submission| submission.steer_id.is_some() && submission.steer_id == reply.steer_id;
        if let Some(at) = self.0.iter().position(named) {
            return Some(at);
        }
        let mut candidates = self.0.iter().enumerate().filter(|(_, submission)| submission.is_reply(reply));
        let first = candidates.clone().next();
        let unanswered = candidates.clone().find(|(_, submission)| submission.state == SubmissionState::Sent);
        let same_input = candidates.find(|(_, submission)| reply.gives_back(&submission.input));
        same_input.or(unanswered).or(first).map(|(at, _)| at)
    }

    /// Applies a reply of the server. Returns the update, if a state has changed.
    pub(in crate::client) fn apply_reply(&mut self, reply: &SteerReply) -> Option<SteeringUpdate> {
        let at = self.find(reply)?;
        let input = match reply.outcome {
            SteerOutcome::Accepted => SubmissionInput::Accepted,
            SteerOutcome::Pending => SubmissionInput::Pending,
            SteerOutcome::Failed => SubmissionInput::Failed,
        };
        self.0[at].apply(input, Some(reply))
    }

    /// The response that applies the input of accepted and pending submissions exists: that of those that steered this response.
    /// Where the server has accepted none, it has accepted the first without a reply.
    pub(in crate::client) fn commit(&mut self, response_id: &str) -> Vec<SteeringUpdate> {
        let of_response = |submission: &&mut Submission| submission.response_id == response_id;
        let mut updates = Vec::new();
        let answered = |state| matches!(state, SubmissionState::Accepted | SubmissionState::Pending);
        for submission in self.0.iter_mut().filter(of_response).filter(|submission| answered(submission.state)) {
            updates.extend(submission.apply(SubmissionInput::Successor, None));
        }
        if updates.is_empty() {
            let mut sent = self.0.iter_mut().filter(of_response);
            let first = sent.find(|submission| submission.state == SubmissionState::Sent);
            updates.extend(first.and_then(|submission| submission.apply(SubmissionInput::Successor, None)));
        }
        updates
    }

    /// Applies an input to each submission that holds the lane.
    pub(in crate::client) fn end(&mut self, input: SubmissionInput) -> Vec<SteeringUpdate> {
        let open = self.0.iter_mut().filter(|submission| submission.state.holds_lane());
        open.filter_map(|submission| submission.apply(input, None)).collect()
    }

    /// Takes the submissions that wait at the server for the next request.
    pub(in crate::client) fn take_pending(&mut self) -> Vec<Submission> {
        self.0.extract_if(.., |submission| submission.state == SubmissionState::Pending).collect()
    }
}

/// The maximum number of submissions of ended requests that wait for a request. Beyond it, the oldest is given up.
const MAX_WAITING: usize = 64;

/// The submissions of requests that have ended, each with its lane. Their inputs wait at the server, until a request continues the
/// response that they steered, or the connection ends.
#[derive(Debug, Default)]
pub(in crate::client) struct WaitingSubmissions(Vec<(LaneId, Submission)>);

impl WaitingSubmissions {
    /// Adds submissions of a lane. Returns the updates of those that are given up.
    pub(in crate::client) fn add(&mut self, lane: &LaneId, submissions: Vec<Submission>) -> Vec<SteeringUpdate> {
        self.0.extend(submissions.into_iter().map(|submission| (lane.clone(), submission)));
        let excess = self.0.len().saturating_sub(MAX_WAITING);
        self.0.drain(..excess).filter_map(|(_, mut given_up)| given_up.apply(SubmissionInput::Lost, None)).collect()
    }

    /// Moves those to a request that continues the response that they steered.
    pub(in crate::client) fn move_to(&mut self, lane: Option<&str>, response_id: &str, request: &mut Submissions) {
        let continued = self.0.extract_if(.., |(of, submission)| of.is(lane) && submission.response_id == response_id);
        request.0.extend(continued.map(|(_, submission)| submission));
    }

    /// Applies a reply of the server. Returns `None` when it is for none of them.
    pub(in crate::client) fn apply_reply(&mut self, reply: &SteerReply) -> Option<Option<SteeringUpdate>> {
        let at = self.0.iter().position(|(_, submission)| submission.is_reply(reply))?;
        let update = match reply.outcome {
            SteerOutcome::Failed => self.0[at].1.apply(SubmissionInput::Failed, Some(reply)),
            SteerOutcome::Accepted | SteerOutcome::Pending => None,
        };
        self.0.retain(|(_, submission)| !submission.state.is_final());
        Some(update)
    }

    /// The connection has ended, and with it what the server remembers.
    pub(in crate::client) fn give_up(&mut self) -> Vec<SteeringUpdate> {
        self.0.drain(..).filter_map(|(_, mut given_up)| given_up.apply(SubmissionInput::Lost, None)).collect()
    }
}
