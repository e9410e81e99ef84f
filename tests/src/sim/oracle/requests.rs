//! What the client did with a request: sent it, retried it, ended it.

use core::time::Duration;

use turnwire::client::{Event, OwnedEvent, OwnedOutcome, RequestId, Sent, TransportPreference};
use turnwire::connection::Transport;
use turnwire::http::HeaderValue;
use turnwire::responses::{Failure, FailureKind, Item, RequestProgress};
use turnwire::time::Instant;
use turnwire::turn::{self, RequestInput};

use super::{Ask, Attempt, Oracle, Told};
use crate::sim::fault::{Fault, Faults};
use crate::sim::stats::OUTCOMES;

/// What an application asked for.
#[derive(Debug)]
pub struct Asked {
    /// The lane.
    pub lane: usize,
    /// The input.
    pub input: Vec<Item>,
    /// Its texts.
    pub texts: Vec<String>,
    /// For a call: whether it bears the token.
    pub call: Option<bool>,
    /// Nothing is to be generated.
    pub warm: bool,
}

impl Oracle<'_> {
    /// The application made a request.
    pub fn asked(&mut self, id: RequestId, asked: Asked) {
        self.stats.requests += 1;
        self.asks.push(Ask {
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
        });
    }

    /// A token came to the client.
    pub(super) fn offered(&mut self, token: &str) {
        if self.turn.token.is_none() && token.len() <= turn::Turn::MAX_TOKEN {
            self.turn.token = Some(token.into());
        }
    }

    /// The token that a request must bear now.
    fn due_token(&self, at: usize, transport: Transport) -> Option<String> {
        let bears = self.plan.provider.capabilities.turn_token && self.asks[at].call != Some(false);
        let token = self.turn.token.clone().filter(|_| bears)?;
        // What no header can hold is left out over HTTP (§8.3).
        let fits = transport == Transport::WebSocket || fits_header(&token);
        fits.then_some(token)
    }

    /// The client handed a request to a connection.
    pub(super) fn sent(&mut self, now: Instant, link: usize, key: u32, id: RequestId, sent: Sent, token: Option<&str>) {
        let Some(at) = self.find(id) else { return self.breaks("law 11", || format!("request {id} was not asked")) };
        let due = self.due_token(at, sent.transport);
        let (resend, budget) = (self.plan.settings.resend_after_output, self.plan.budget());
        let turn = self.turn.number;
        self.left_behind(at, sent.transport);
        let ask = &mut self.asks[at];
        ask.attempts += 1;
        let early = ask.not_before.take().is_some_and(|until| now.as_duration() < until);
        // A clock that steps back after the delay has passed makes it look longer.
        let early = early && !self.plan.faults.has(Fault::JumpBack);
        let ask = &self.asks[at];
        let (attempts, output, ended, flying) = (ask.attempts, ask.output, ask.ended, ask.attempt.is_some());
        let of_turn = ask.turn == turn;
        let generates = ask.warm && sent.transport == Transport::Http;
        self.asks[at].items.clear();
        let track = self.track(link);
        track.sent.push(Told { ask: at, token: due.clone(), incremental: sent.incremental, key });
        let nth = track.sent.len() - 1;
        self.asks[at].attempt = Some(Attempt { link, nth, transport: sent.transport, cursor: 0, last: None });
        self.stats.sent += 1;
        self.stats.incremental += u64::from(sent.incremental);
        self.stats.tokens += u64::from(due.is_some());
        self.demand(due.as_deref() == token, "law 10", || {
            format!("request {id} was sent with the token {token:?}, and the turn's is {due:?}")
        });
        self.demand(!generates, "prewarm", || format!("request {id} warms up, and HTTP can only answer"));
        self.demand(of_turn, "law 10", || format!("request {id} was sent in another turn than it was asked in"));
        self.demand(ended.is_none(), "law 11", || format!("request {id} was sent after it had ended"));
        self.demand(!flying, "law 11", || format!("request {id} was sent while it was in flight"));
        self.demand(!output || resend, "no resend", || {
            format!("request {id} was sent again after its output was seen")
        });
        self.demand(attempts <= budget, "budget", || format!("request {id} was sent {attempts} times, of {budget}"));
        self.demand(attempts == sent.attempt, "law 11", || format!("request {id} counts its attempts wrongly"));
        self.demand(!early, "budget", || format!("request {id} was sent before its delay had passed"));
        if self.asks[at].call.is_none() {
            self.step(self.asks[at].lane, RequestInput::Request);
        }
        self.match_up(link, nth);
    }

    /// A request that falls back to HTTP leaves its attempt behind without a word of its own.
    fn left_behind(&mut self, at: usize, transport: Transport) {
        let before = self.asks[at].attempt.as_ref().map(|attempt| attempt.transport);
        if before != Some(Transport::WebSocket)
            || transport != Transport::Http
            || self.plan.settings.transport != TransportPreference::Auto
        {
            return;
        }
        let lane = self.asks[at].lane;
        if let Some(attempt) = self.asks[at].attempt.take()
            && !attempt.last.is_some_and(|last| self.payloads[last].is_end())
        {
            self.step(lane, RequestInput::Lost);
        }
    }

    /// The client will make a request again.
    pub(super) fn retried(&mut self, now: Instant, id: RequestId, failure: &Failure, retries: u32, delay: Duration) {
        self.stats.outcomes[4] += 1;
        let Some(at) = self.find(id) else { return self.breaks("law 11", || format!("request {id} was not asked")) };
        let retry = &self.plan.provider.retry;
        let budget = retry.max_retries;
        let of_connection = self.asks[at].attempt.is_none();
        self.lost(at, failure);
        self.asks[at].not_before = Some(now.as_duration() + delay);
        let ended = self.asks[at].ended.is_some();
        self.demand(!ended, "law 11", || format!("request {id} is retried after its end"));
        self.demand(retries <= budget, "budget", || format!("request {id} is retried {retries} times, of {budget}"));
        let own = failure.delay.is_none()
            && !matches!(failure.kind, FailureKind::ConnectionLimit | FailureKind::PreviousResponseNotFound);
        let base = self.plan.provider.retry.base_delay * (1 << retries.saturating_sub(1));
        if own {
            let fits =
                |base: Duration| delay >= base.mul_f64(0.9) - Duration::from_millis(1) && delay <= base.mul_f64(1.1);
            // Attempts to connect are counted for the connection, which may have failed more or less often than the request.
            let shared = |step: u32| fits(self.plan.provider.retry.base_delay * (1 << step));
            let right = if of_connection { (0..=2 * budget + 1).any(shared) } else { fits(base) };
            self.demand(right, "jitter", || {
                format!("request {id} waits {delay:?}, and should {base:?}, give or take a tenth")
            });
            if base >= Duration::from_secs(1) {
                self.nominal.push(delay == base);
            }
        }
    }

    /// An attempt has failed: where that leaves the lane.
    fn lost(&mut self, at: usize, failure: &Failure) {
        let lane = self.asks[at].lane;
        let Some(attempt) = self.asks[at].attempt.take() else { return };
        let ended = attempt.last.is_some_and(|last| self.payloads[last].is_end());
        if self.asks[at].call.is_none() && !ended {
            self.step(lane, if failure.status.is_some() { RequestInput::Failed } else { RequestInput::Lost });
        }
    }

    /// A request has ended.
    pub(super) fn finished(&mut self, id: RequestId, outcome: &OwnedOutcome) {
        let Some(at) = self.find(id) else { return self.breaks("law 11", || format!("request {id} was not asked")) };
        let before = self.asks[at].ended;
        self.demand(before.is_none(), "law 11", || format!("request {id} ended twice"));
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
                let bears = self.asks[at].call == Some(true);
                if let Some(token) = head.headers.get_str("x-codex-turn-state").filter(|_| bears) {
                    self.offered(token);
                }
                self.asks[at].attempt = None;
                1
            }
            OwnedOutcome::Failed(failure) => {
                self.failed(at, failure);
                2
            }
            OwnedOutcome::Cancelled => {
                let meant = self.asks[at].cancelled;
                self.demand(meant, "law 11", || format!("request {id} was cancelled, and nobody did"));
                let ended = |last: usize| self.payloads[last].is_end();
                let flying = self.asks[at].attempt.take().is_some_and(|attempt| !attempt.last.is_some_and(ended));
                if flying && self.asks[at].call.is_none() {
                    self.step(self.asks[at].lane, RequestInput::Cancel);
                }
                3
            }
            OwnedOutcome::PrewarmSkipped => {
                let warm = self.asks[at].warm;
                self.demand(warm, "law 11", || format!("request {id} was skipped, and asked for an answer"));
                let ended = |last: usize| self.payloads[last].is_end();
                if self.asks[at].attempt.take().is_some_and(|attempt| !attempt.last.is_some_and(ended)) {
                    self.step(self.asks[at].lane, RequestInput::Lost);
                }
                3
            }
            _ => return self.breaks("law 3", || format!("request {id} ended in a way that is not known")),
        };
        self.stats.outcomes[how] += 1;
        self.asks[at].ended = Some(OUTCOMES[how]);
        let clean = self.plan.faults == Faults::NONE;
        let fine = how != 2 || self.plan.provider.capabilities.max_request_bytes.is_some();
        let once = self.asks[at].attempts <= 1;
        self.demand(!clean || (fine && once), "progress", || format!("request {id} failed, and nothing was wrong"));
    }

    /// The request ended with its response, whose last payload is of this class.
    fn ended_by(&mut self, at: usize, class: RequestInput, response: Option<&str>) {
        let id = self.asks[at].id;
        let attempt = self.asks[at].attempt.take();
        let whole = attempt.as_ref().is_some_and(|attempt| {
            let own = self.response_of(attempt);
            let last = attempt.last.map(|last| &self.payloads[last]);
            own.zip(last).is_some_and(|(own, last)| {
                last.class == class
                    && last.response == own
                    && response.is_none_or(|id| self.responses[own].id == id)
                    && self.responses[own].payloads.len() == attempt.cursor
            })
        });
        self.demand(whole, "law 11", || format!("request {id} ended with {response:?}, and its response did not"));
    }

    fn failed(&mut self, at: usize, failure: &Failure) {
        let ask = &self.asks[at];
        let (id, output, attempts) = (ask.id, ask.output, ask.attempts);
        self.demand((failure.progress == RequestProgress::OutputSeen) == output, "replay", || {
            format!("request {id} failed with {:?}, and output was seen: {output}", failure.progress)
        });
        self.demand((failure.progress == RequestProgress::NotSent) == (attempts == 0), "replay", || {
            format!("request {id} failed with {:?}, and was sent {attempts} times", failure.progress)
        });
        self.lost(at, failure);
    }

    /// The client told something.
    pub fn heard(&mut self, now: Instant, link: usize, key: u32, event: &Event<'_>) {
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
            Event::HttpFallback(_) => self.stats.outcomes[5] += 1,
            Event::Info { id, info: derived } => self.derived(*id, derived),
            _ => {}
        }
    }
}

/// Whether a header can hold the token as it is.
fn fits_header(token: &str) -> bool {
    HeaderValue::new(token.as_bytes()).is_ok_and(|value| value.as_bytes() == token.as_bytes())
}
