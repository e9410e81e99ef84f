//! One request on its way: what it is, where it stands, what has been seen of its response.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::RequestReport;
use super::request::{RawOperation, Request, RequestId};
use crate::connection::Transport;
use crate::responses::{Item, RequestProgress, ResponseInfoTracker};
use crate::time::Instant;
use crate::turn::{RequestInput, RequestState};

/// What is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// A response; `warm` asks for none of its output.
    Create {
        request: Box<Request>,
        warm: bool,
    },
    Call(Box<RawOperation>),
}

/// Where the request stands with the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It can go as soon as a connection can take it.
    Ready,
    /// It goes again at this time.
    Pausing(Instant),
    /// New credentials are awaited, until this time.
    Asking(Instant),
    /// It was sent; until this time something must have come of it.
    Sent { deadline: Option<Instant> },
}

/// What may still be done for the request.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// How often it has been made again on this transport.
    pub(super) retries: u32,
    /// How often new credentials were asked for.
    pub(super) asked: u32,
    /// It has been made again in full because the server had forgotten what it built on.
    pub(super) resent_in_full: bool,
    /// It goes over HTTP, whatever the others do.
    pub(super) over_http: bool,
}

/// What has been seen of the response.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The request's step in the turn's table, of the last attempt.
    pub(super) state: RequestState,
    /// How far the request got. Terminal events do not lower it. A new attempt sets it back to `Sent`, unless an earlier attempt
    /// delivered output.
    pub(super) progress: RequestProgress,
    /// The items that are done; `None` when one of them could not be read, so that nothing can build on them.
    pub(super) items: Option<Vec<Item>>,
    /// How many bytes they came in.
    pub(super) item_bytes: usize,
    pub(super) derivation: ResponseInfoTracker,
    pub(super) last_event: Instant,
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: RequestId,
    pub(super) ask: Ask,
    pub(super) stage: Stage,
    pub(super) budget: Budget,
    pub(super) seen: Seen,
    pub(super) asked_at: Instant,
    pub(super) sent_at: Instant,
    pub(super) report: RequestReport,
}

impl Flight {
    pub(super) fn new(id: RequestId, ask: Ask, now: Instant) -> Self {
        Self {
            id,
            ask,
            stage: Stage::Ready,
            budget: Budget::default(),
            seen: Seen::default(),
            asked_at: now,
            sent_at: now,
            report: RequestReport::default(),
        }
    }

    pub(super) fn lane(&self) -> Option<&str> {
        match &self.ask {
            Ask::Create { request, .. } => request.lane.as_deref(),
            Ask::Call(_) => None,
        }
    }

    pub(super) const fn is_sent(&self) -> bool {
        matches!(self.stage, Stage::Sent { .. })
    }

    /// Whether none of the response's output is wanted.
    pub(super) const fn is_warm(&self) -> bool {
        matches!(self.ask, Ask::Create { warm: true, .. })
    }

    pub(super) const fn is_call(&self) -> bool {
        matches!(self.ask, Ask::Call(_))
    }

    /// Whether a token of the turn goes with it.
    pub(super) const fn bears_token(&self) -> bool {
        match &self.ask {
            Ask::Create { .. } => true,
            Ask::Call(call) => call.send_turn_token,
        }
    }

    /// It was handed to a connection.
    pub(super) fn sent(&mut self, now: Instant, transport: Transport, deadline: Option<Instant>) {
        self.stage = Stage::Sent { deadline };
        self.sent_at = now;
        self.seen = Seen {
            state: RequestState::Requested,
            progress: match self.seen.progress {
                RequestProgress::OutputSeen => RequestProgress::OutputSeen,
                RequestProgress::NotSent | RequestProgress::Sent | RequestProgress::Created => RequestProgress::Sent,
            },
            items: Some(Vec::new()),
            item_bytes: 0,
            derivation: ResponseInfoTracker::default(),
            last_event: now,
        };
        self.report.attempts += 1;
        self.report.transport = Some(transport);
        self.report.first_event = None;
        self.report.response_id = None;
    }

    /// Takes a step of the turn's table, if there is one.
    pub(super) fn step(&mut self, input: RequestInput) {
        if let Some(next) = self.seen.state.after(input) {
            self.seen.state = next;
        }
        let reached = match self.seen.state {
            RequestState::Created => RequestProgress::Created,
            RequestState::Output => RequestProgress::OutputSeen,
            RequestState::Idle
            | RequestState::Requested
            | RequestState::Completed
            | RequestState::Failed
            | RequestState::Incomplete
            | RequestState::Cancelled
            | RequestState::Lost => return,
        };
        self.seen.progress = self.seen.progress.max(reached);
    }

    /// Something came of it.
    pub(super) fn heard(&mut self, now: Instant, bytes: usize) {
        self.seen.last_event = now;
        self.report.received_bytes += bytes;
        if self.report.first_event.is_none() {
            self.report.first_event = Some(now.saturating_duration_since(self.sent_at));
        }
    }

    /// An item is done. More than `limit` bytes of them are not kept: nothing will build on them then.
    pub(super) fn item(&mut self, text: Option<&str>, limit: usize) {
        self.seen.item_bytes += text.map_or(0, str::len);
        let kept = text.filter(|_| self.seen.item_bytes <= limit);
        let item = kept.and_then(|text| Item::parse(text).ok());
        self.seen.items = self.seen.items.take().zip(item).map(|(mut items, item)| {
            items.push(item);
            items
        });
    }

    /// How far the request got, for `Failure::progress`.
    pub(super) const fn progress(&self) -> RequestProgress {
        self.seen.progress
    }

    /// The response's id, as an event's `response` has it.
    pub(super) fn learn_id(&mut self, response: Option<&str>) {
        #[derive(serde::Deserialize)]
        struct Named {
            id: String,
        }
        if let Some(named) = response.and_then(|text| serde_json::from_str::<Named>(text).ok()) {
            self.report.response_id = Some(named.id);
        }
    }

    /// The report, as it is at the end.
    pub(super) fn closed_report(mut self, now: Instant) -> (Ask, Option<Vec<Item>>, RequestReport) {
        self.report.total = now.saturating_duration_since(self.asked_at);
        (self.ask, self.seen.items, self.report)
    }
}
