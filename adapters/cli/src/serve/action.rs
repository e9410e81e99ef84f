//! The actions of a scripted server in response to a request.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use turnwire::connection::{CommandError, ServerConnection};
use turnwire::http::Headers;
use turnwire::time::Instant;

use super::command::Source;
use super::faults::Faults;
use super::status::Exchange;
use super::store::Cancelled;

/// The number of bytes that wait to be written from which on the next action waits.
const MAX_UNSENT: usize = 32 * 1024;

/// The number of responses of one connection that may be incomplete at a time.
const MAX_RESPONSES: usize = 64;

/// The memory in bytes that the incomplete responses of one connection may take before it takes another request.
const MAX_HELD: usize = 4 * 1024 * 1024;

/// The memory of an event beside its text: its reference count, and what the allocator adds.
const EVENT_OVERHEAD: usize = 32;

/// One action.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Accepts a WebSocket handshake.
    Accept(Headers),
    /// Responds with a whole body.
    Respond(u16, Headers, Vec<u8>),
    /// Begins an event stream.
    Begin(Headers),
    /// Sends an event.
    Send(Arc<str>),
    /// Ends the event stream.
    End,
    /// Does nothing for a while.
    Pause(Duration),
    /// Closes the connection with this code.
    Close(u16),
}

impl Action {
    /// Returns whether it writes the head of a response.
    const fn has_head(&self) -> bool {
        matches!(self, Self::Accept(_) | Self::Respond(..) | Self::Begin(_))
    }

    /// Returns the memory that it takes.
    fn bytes(&self) -> usize {
        let own = match self {
            Self::Send(event) => event.len() + EVENT_OVERHEAD,
            Self::Respond(_, _, body) => body.len(),
            Self::Accept(_) | Self::Begin(_) | Self::End | Self::Pause(_) | Self::Close(_) => 0,
        };
        own + size_of::<Self>()
    }

    fn perform(&self, now: Instant, connection: &mut ServerConnection) -> Result<(), CommandError> {
        match self {
            Self::Accept(headers) => connection.accept(now, headers),
            Self::Respond(status, headers, body) => connection.respond(now, *status, headers, body),
            Self::Begin(headers) => connection.begin_stream(now, headers),
            Self::Send(event) => connection.send(now, event),
            Self::End => connection.end_stream(now),
            Self::Pause(_) => Ok(()),
            Self::Close(code) => {
                connection.close(now, *code, "");
                Ok(())
            }
        }
    }
}

/// Where a response is cut: after this number of its bytes, or at its end, if it is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) at: u64,
    /// With a reset instead of an orderly end.
    pub(super) reset: bool,
}

/// The response to one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) actions: VecDeque<Action>,
    pub(super) cut: Option<Cut>,
    /// The last event, once the response is cancelled: it takes the place of the actions that are left.
    pub(super) cancelled: Option<Cancelled>,
    /// The pause before each byte of the head but the first.
    pub(super) head_byte: Option<Duration>,
    /// What it was made from, so that it can be steered or interrupted.
    pub(super) source: Option<Box<Source>>,
    /// Its line on the status page.
    pub(super) exchange: Option<Arc<Exchange>>,
}

impl Plan {
    pub(super) fn one(action: Action) -> Self {
        Self { actions: [action].into(), ..Self::default() }
    }

    /// Returns the memory that it takes: its actions, and what they were made from, which takes about as much.
    pub(super) fn bytes(&self) -> usize {
        let actions: usize = self.actions.iter().map(Action::bytes).sum();
        if self.source.is_some() { 2 * actions } else { actions }
    }

    /// Cuts the response before its end, so that it is not complete.
    pub(super) fn cut_before_end(&mut self, cut: Cut) {
        let is_end = |action: &Action| matches!(action, Action::End);
        if self.actions.back().is_some_and(is_end) {
            self.actions.pop_back();
        }
        let at = match self.actions.back() {
            Some(Action::Send(_)) => {
                self.actions.pop_back();
                cut.at
            }
            // The head of a whole response is longer.
            Some(Action::Respond(..)) => cut.at % 64,
            _ => cut.at,
        };
        self.cut = Some(Cut { at, ..cut });
    }

    /// Performs all actions at once, without their pauses. A cut closes the connection.
    pub(super) fn perform(self, now: Instant, connection: &mut ServerConnection) -> Result<(), CommandError> {
        self.actions.iter().try_for_each(|action| action.perform(now, connection))?;
        if self.cut.is_some() {
            connection.close(now, 1011, "");
        }
        Ok(())
    }
}

/// The responses of a connection that are not complete. On HTTP there is at most one.
#[derive(Debug, Default)]
pub(super) struct Responses(Vec<Response>);

#[derive(Debug)]
struct Response {
    plan: Plan,
    /// The memory that it takes: that of the actions that are left, and of what they were made from.
    held: usize,
    /// The end of the pause at the front.
    resume_at: Option<Instant>,
    /// Whether the first action was performed.
    begun: bool,
    /// The number of events of the response that were sent. Negative, while those of the response before it are sent.
    sent: i64,
}

/// The connection has ended before the response, or the response was complete already.
impl Drop for Response {
    fn drop(&mut self) {
        if let Some(exchange) = &self.plan.exchange {
            exchange.end(false);
        }
    }
}

/// The condition for the next action of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) unsent: Option<usize>,
    pub(super) until: Option<Instant>,
    /// The connection is to be cut now.
    pub(super) cut: bool,
    /// An action was performed.
    pub(super) progressed: bool,
}

impl Responses {
    /// Returns whether no further response can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_RESPONSES || self.held() >= MAX_HELD
    }

    /// Returns the number of responses.
    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the memory that the responses take.
    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|response| response.held).sum()
    }

    /// Measures the responses again, after a command has changed one of them.
    pub(super) fn measure(&mut self) {
        self.0.iter_mut().for_each(|response| response.held = response.plan.bytes());
    }

    pub(super) fn push(&mut self, plan: Plan) {
        if !plan.actions.is_empty() || plan.cut.is_some() {
            let held = plan.bytes();
            self.0.push(Response { plan, held, resume_at: None, begun: false, sent: 0 });
        }
    }

    /// Returns the plan of the response with this id, and the number of its events that were sent. Its pause ends.
    pub(super) fn find(&mut self, id: &str) -> Option<(&mut Plan, &mut i64)> {
        let is_it = |response: &&mut Response| response.plan.source.as_ref().is_some_and(|source| source.id() == id);
        let response = self.0.iter_mut().find(is_it)?;
        response.resume_at = None;
        Some((&mut response.plan, &mut response.sent))
    }

    /// Performs the actions whose time has come, as far as the peer reads.
    pub(super) fn run(&mut self, now: Instant, connection: &mut ServerConnection, faults: &Faults) -> Next {
        let mut next = Next::default();
        for response in &mut self.0 {
            response.run(now, connection, faults, &mut next);
        }
        self.0.retain(|response| !response.plan.actions.is_empty());
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        next
    }
}

impl Response {
    fn run(&mut self, now: Instant, connection: &mut ServerConnection, faults: &Faults, next: &mut Next) {
        if !self.begun {
            self.begun = true;
            if let Some(cut) = self.plan.cut {
                faults.cut_after(connection.poll_transmit().len(), cut.at, cut.reset);
            }
        }
        if let Some(last) = self.plan.cancelled.as_ref().and_then(|cancelled| cancelled.get()) {
            let stream = self.plan.actions.iter().any(|action| matches!(action, Action::End));
            self.plan.actions = [Action::Send(Arc::clone(last))].into();
            self.plan.actions.extend(stream.then_some(Action::End));
            self.plan.cancelled = None;
            self.held = self.plan.bytes();
        }
        while let Some(action) = self.plan.actions.front() {
            if connection.poll_transmit().len() > MAX_UNSENT {
                next.unsent = Some(MAX_UNSENT);
                return;
            }
            if let Action::Pause(pause) = action {
                let until = *self.resume_at.get_or_insert_with(|| now + *pause);
                if now < until {
                    next.until = next.until.into_iter().chain([until]).min();
                    return;
                }
                self.resume_at = None;
            } else {
                let before = connection.poll_transmit().len();
                if action.perform(now, connection).is_err() {
                    // The connection has ended; its last event gives the reason.
                    self.plan.actions.clear();
                    self.held = 0;
                    return;
                }
                if let (true, Some(pause)) = (action.has_head(), self.plan.head_byte.take()) {
                    faults.slow_head(connection.poll_transmit(), before, pause);
                }
            }
            if let Action::Send(_) = action {
                self.sent += 1;
                self.plan.exchange.iter().for_each(|exchange| exchange.sent());
            }
            next.progressed = true;
            self.held = self.held.saturating_sub(action.bytes());
            self.plan.actions.pop_front();
        }
        if let Some(exchange) = &self.plan.exchange {
            exchange.end(self.plan.cut.is_none());
        }
        if self.plan.cut.is_some() {
            next.cut |= faults.cut_at_end(connection.poll_transmit().len());
        }
    }
}
