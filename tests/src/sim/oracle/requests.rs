//! Checks of the events of a request: sent, retried, ended.

use core::time::Duration;

use turnwire::client::{Event, OwnedEvent, OwnedOutcome, RequestId, Sent, TransportPreference};
use turnwire::connection::Transport;
use turnwire::http::HeaderValue;
use turnwire::responses::{Failure, FailureKind, Item, RequestProgress};
use turnwire::time::Instant;
use turnwire::turn::{self, RequestInput};

use super::{Attempt, Oracle, SentRecord, TrackedRequest};
use crate::sim::fault::{Fault, Faults};
use crate::sim::stats::OUTCOMES;

/// A request as the application submitted it.
#[derive(Debug)]
pub struct Submission {
    /// Index of its lane.
    pub lane: usize,
    /// Its input.
    pub input: Vec<Item>,
    /// The texts of its input.
    pub texts: Vec<String>,
    /// For a unary call: whether it carries the turn token.
    pub call: Option<bool>,
    /// Whether it is a prewarm, which generates nothing.
    pub warm: bool,
}

impl Oracle<'_> {
    /// Records that the application submitted a request.
    pub fn submitted(&mut self, id: RequestId, asked: Submission) {
        self.stats.requests += 1;
        self.requests.push(TrackedRequest {
            id,
            turn: self.turn.number,
            lane: asked.lane,
            texts: asked.texts,
            input: asked.input,
            call: asked.call,
            warm: asked.warm,
            attempts: 0,
            attempt: None,
            output: false,
            items: Vec::new(),
            not_before: None,
            ended: None,
            cancelled: false,
            interrupted: false,
        });
    }

    /// Records that the client received a turn token.
    pub(super) fn token_received(&mut self, token: &str) {
        if self.turn.token.is_none() && token.len() <= turn::Turn::MAX_TOKEN {
            self.turn.token = Some(token.into());
        }
    }

    /// Returns the turn token that a request must carry now.
    fn expected_token(&self, at: usize, transport: Transport) -> Option<String> {
        let bears = self.plan.provider.capabilities.turn_token && self.requests[at].call != Some(false);
        let token = self.turn.token.clone().filter(|_| bears)?;
        // A turn token that is not a valid header value is omitted over HTTP (docs/protocol.md §8.3).
        let fits = transport == Transport::WebSocket || fits_header(&token);
        fits.then_some(token)
    }

    /// Checks `Event::Sent`.
    pub(super) fn sent(&mut self, now: Instant, link: usize, key: u32, id: RequestId, sent: Sent, token: Option<&str>) {
        let Some(at) = self.find(id) else {
            return self.violated("law 11", || format!("request {id} was not submitted"));
        };
        let due = self.expected_token(at, sent.transport);
        let (resend, budget) = (self.plan.settings.resend_after_output, self.plan.budget());
        let turn = self.turn.number;
        self.fell_back(at, sent.transport);
        let ask = &mut self.requests[at];
        ask.attempts += 1;
        let early = ask.not_before.take().is_some_and(|until| now.as_duration() < until);
        // If the clock stepped back after the delay had passed, the request seems to be sent too early.
        let early = early && !self.plan.faults.has(Fault::JumpBack);
        let ask = &self.requests[at];
        let (attempts, output, ended, in_flight) = (ask.attempts, ask.output, ask.ended, ask.attempt.is_some());
        let of_turn = ask.turn == turn;
        let generates = ask.warm && sent.transport == Transport::Http;
        self.requests[at].items.clear();
        let track = self.connection(link);
        track.sent.push(SentRecord { ask: at, token: due.clone(), incremental: sent.incremental, key });
        let nth = track.sent.len() - 1;
        self.requests[at].attempt =
            Some(Attempt { link, nth, transport: sent.transport, cursor: 0, last: None, end: None });
        self.stats.sent += 1;
        self.stats.incremental += u64::from(sent.incremental);
        self.stats.tokens += u64::from(due.is_some());
        self.require(due.as_deref() == token, "law 10", || {
            format!("request {id} was sent with the turn token {token:?}, expected {due:?}")
        });
        self.require(!generates, "prewarm", || format!("request {id} is a prewarm and was sent over HTTP"));
        self.require(of_turn, "law 10", || format!("request {id} was not sent in the turn in which it was submitted"));
        self.require(ended.is_none(), "law 11", || format!("request {id} was sent after it had ended"));
        self.require(!in_flight, "law 11", || format!("request {id} was sent while another attempt was in flight"));
        self.require(!output || resend, "no resend", || {
            format!("request {id} was sent again after output had been delivered")
        });
        let steered = self.has_open_steering(at);
        self.require(!steered, "once", || format!("request {id} was sent again after it had been steered"));
        self.require(attempts <= budget, "budget", || {
            format!("request {id} was sent {attempts} times, at most {budget} are allowed")
        });
        self.require(attempts == sent.attempt, "law 11", || {
            format!("request {id} reports attempt {}, expected {attempts}", sent.attempt)
        });
        self.require(!early, "budget", || format!("request {id} was sent before its retry delay had passed"));
        if self.requests[at].call.is_none() {
            self.step(self.requests[at].lane, RequestInput::Request);
        }
        self.compare_sent(link, nth);
    }

    /// Ends the WebSocket attempt of a request that falls back to HTTP: the client emits no event for it.
    fn fell_back(&mut self, at: usize, transport: Transport) {
        let before = self.requests[at].attempt.as_ref().map(|attempt| attempt.transport);
        if before != Some(Transport::WebSocket)
            || transport != Transport::Http
            || self.plan.settings.transport != TransportPreference::Auto
        {
            return;
        }
        let lane = self.requests[at].lane;
        if let Some(attempt) = self.requests[at].attempt.take()
            && attempt.end.is_none()
        {
            self.step(lane, RequestInput::Lost);
        }
    }

    /// Checks `Event::Retry`.
    pub(super) fn retried(&mut self, now: Instant, id: RequestId, failure: &Failure, retries: u32, delay: Duration) {
        self.stats.outcomes[4] += 1;
        let Some(at) = self.find(id) else {
            return self.violated("law 11", || format!("request {id} was not submitted"));
        };
        let retry = &self.plan.provider.retry;
        let budget = retry.max_retries;
        // After a fallback, no event says which attempt it ended.
        let of_connection = self.requests[at].attempt.is_none() || self.stats.outcomes[5] > 0;
        self.lost(at, failure);
        self.requests[at].not_before = Some(now.as_duration() + delay);
        let ended = self.requests[at].ended.is_some();
        self.require(!ended, "law 11", || format!("request {id} is retried after it has ended"));
        self.require(retries <= budget, "budget", || {
            format!("request {id} is retried {retries} times, at most {budget} are allowed")
        });
        let own = failure.delay.is_none()
            && !matches!(failure.kind, FailureKind::ConnectionLimit | FailureKind::PreviousResponseNotFound);
        let base = self.plan.provider.retry.base_delay * (1 << retries.saturating_sub(1));
        if own {
            let fits =
                |base: Duration| delay >= base.mul_f64(0.9) - Duration::from_millis(1) && delay <= base.mul_f64(1.1);
            // Failed connection attempts are counted per connection, so their number may differ from the request's
            // retries.
            let shared = |step: u32| fits(self.plan.provider.retry.base_delay * (1 << step));
            let right = if of_connection { (0..=2 * budget + 1).any(shared) } else { fits(base) };
            self.require(right, "jitter", || format!("request {id} waits {delay:?}, expected {base:?} ± 10 %"));
            if base >= Duration::from_secs(1) {
                self.nominal.push(delay == base);
            }
        }
    }

    /// Updates the lane's state after a failed attempt.
    fn lost(&mut self, at: usize, failure: &Failure) {
        let lane = self.requests[at].lane;
        let Some(attempt) = self.requests[at].attempt.take() else { return };
        let ended = attempt.end.is_some();
        if self.requests[at].call.is_none() && !ended {
            self.step(lane, if failure.status.is_some() { RequestInput::Failed } else { RequestInput::Lost });
        }
    }

    /// Checks `Event::Finished`.
    pub(super) fn finished(&mut self, id: RequestId, outcome: &OwnedOutcome) {
        let Some(at) = self.find(id) else {
            return self.violated("law 11", || format!("request {id} was not submitted"));
        };
        let before = self.requests[at].ended;
        self.require(before.is_none(), "law 11", || format!("request {id} ended twice"));
        let how = match outcome {
            OwnedOutcome::Completed(completed) => {
                self.ended_by(at, RequestInput::Completed, completed.id.as_deref());
                0
            }
            OwnedOutcome::Incomplete(incomplete) => {
                self.ended_by(at, RequestInput::Incomplete, incomplete.id.as_deref());
                2
            }
            OwnedOutcome::OperationCompleted { head, .. } => {
                let bears = self.requests[at].call == Some(true);
                if let Some(token) = head.headers.get_str("x-codex-turn-state").filter(|_| bears) {
                    self.token_received(token);
                }
                self.requests[at].attempt = None;
                1
            }
            OwnedOutcome::Failed(failure) => {
                self.failed(at, failure);
                2
            }
            OwnedOutcome::Cancelled => {
                let meant = self.requests[at].cancelled;
                self.require(meant, "law 11", || {
                    format!("request {id} is reported as cancelled, but the application did not cancel it")
                });
                let in_flight = self.requests[at].attempt.take().is_some_and(|attempt| attempt.end.is_none());
                if in_flight && self.requests[at].call.is_none() {
                    self.step(self.requests[at].lane, RequestInput::Cancel);
                }
                3
            }
            OwnedOutcome::PrewarmSkipped => {
                let warm = self.requests[at].warm;
                self.require(warm, "law 11", || format!("request {id} was skipped although it is not a prewarm"));
                if self.requests[at].attempt.take().is_some_and(|attempt| attempt.end.is_none()) {
                    self.step(self.requests[at].lane, RequestInput::Lost);
                }
                3
            }
            _ => return self.violated("law 3", || format!("request {id} has an unknown outcome")),
        };
        self.stats.outcomes[how] += 1;
        self.requests[at].ended = Some(OUTCOMES[how]);
        let clean = self.plan.faults == Faults::NONE;
        let fine = how != 2 || self.plan.provider.capabilities.max_request_bytes.is_some();
        let once = self.requests[at].attempts <= 1;
        self.require(!clean || (fine && once), "progress", || {
            format!("request {id} failed or was retried without a fault")
        });
    }

    /// Checks that the request ended with its own response, whose last payload has this class.
    fn ended_by(&mut self, at: usize, class: RequestInput, response: Option<&str>) {
        let id = self.requests[at].id;
        let attempt = self.requests[at].attempt.take();
        let whole = attempt.as_ref().is_some_and(|attempt| {
            let own = self.response_of(attempt);
            let last = attempt.end.map(|last| &self.payloads[last]);
            // What is said of a steered response after its end may come too late, or not at all.
            let is_steered = self.is_steered(at);
            own.zip(last).is_some_and(|(own, last)| {
                last.class == class
                    && last.response == own
                    && response.is_none_or(|id| last.text.contains(&format!("\"{id}\"")))
                    && (self.responses[own].payloads.len() == attempt.cursor || is_steered)
            })
        });
        self.require(whole, "law 11", || {
            format!("request {id} ended with {response:?}, which is not the end of its response")
        });
    }

    fn failed(&mut self, at: usize, failure: &Failure) {
        let ask = &self.requests[at];
        let (id, output, attempts) = (ask.id, ask.output, ask.attempts);
        self.require((failure.progress == RequestProgress::OutputSeen) == output, "replay", || {
            format!("request {id} failed with {:?}; output was delivered: {output}", failure.progress)
        });
        self.require((failure.progress == RequestProgress::NotSent) == (attempts == 0), "replay", || {
            format!("request {id} failed with {:?} after being sent {attempts} times", failure.progress)
        });
        self.lost(at, failure);
    }

    /// Checks an event of the client.
    pub fn observe(&mut self, now: Instant, link: usize, key: u32, event: &Event<'_>) {
        self.stats.events += 1;
        match event {
            Event::Sent { id, sent, turn_token: turn_state } => self.sent(now, link, key, *id, *sent, *turn_state),
            Event::Server { id, event } => self.delivered(link, *id, event.raw().unwrap_or_default(), false),
            Event::Malformed { id, text, .. } => self.delivered(link, *id, text, true),
            Event::Retry { id, failure, retries, delay } => self.retried(now, *id, failure, *retries, *delay),
            Event::Finished { id, .. } => {
                if let OwnedEvent::Finished { outcome, .. } = event.clone().into_owned() {
                    self.finished(*id, &outcome);
                }
            }
            Event::CredentialsNeeded { id, failure } => {
                if let Some(at) = self.find(*id) {
                    self.lost(at, failure);
                }
            }
            Event::Steering { id, update } => self.steering_changed(*id, update),
            Event::Continued { id, response_id } => self.continued(*id, response_id),
            Event::HttpFallback(_) => self.stats.outcomes[5] += 1,
            Event::Info { id, info: derived } => self.informed(*id, derived),
            _ => {}
        }
    }
}

/// Returns whether the token is a valid header value without change.
fn fits_header(token: &str) -> bool {
    HeaderValue::new(token.as_bytes()).is_ok_and(|value| value.as_bytes() == token.as_bytes())
}
