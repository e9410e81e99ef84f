//! The state of one lane: its newest request, and the last responses that ended on it.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::responses::{Envelope, EventClass};
use crate::turn::RequestState;

/// Maximum length of the id of a response or an item to remember, in bytes.
const MAX_ID: usize = 256;

/// Number of ended responses to remember, per lane.
const MAX_ENDED: usize = 4;

/// Number of items to remember, per lane, of the current response and of those that have ended.
const MAX_ITEMS: usize = 16;

/// The state of the newest request on one lane, and what is known of its response and of earlier ones.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) state: RequestState,
    /// The newest request has no end yet. A cancelled one may still get one.
    pub(super) awaits_end: bool,
    /// The newest response has ended, and a successor of it may come by itself.
    pub(super) held: bool,
    /// The number of the newest request.
    pub(super) request: u64,
    /// The id of the response to the newest request, once the server has sent it.
    pub(super) current: Option<Box<str>>,
    history: Option<Box<History>>,
}

/// What is remembered of the responses of a lane, newest first.
#[derive(Debug, Default)]
struct History {
    /// The ids of the last responses that ended.
    ended: Vec<Box<str>>,
    /// The ids of items of the current response.
    items: Vec<Box<str>>,
    /// The ids of items of responses that ended.
    ended_items: Vec<Box<str>>,
}

impl Lane {
    /// Returns whether an event belongs to a response before the pending one.
    pub(super) fn is_late(&self, envelope: &Envelope<'_>, id: Option<&str>, item: Option<&str>) -> bool {
        let history = self.history.as_deref().filter(|_| self.awaits_end || self.held);
        let Some(history) = history else { return false };
        let is_of_ended = id.is_some_and(|id| knows(&history.ended, id)) && self.current.as_deref() != id;
        let class = envelope.class();
        // The end is late even if other events came before it, or the pending response has started. A cancelled response
        // is skipped up to its own end, not up to that of another response.
        if class.is_terminal() {
            return is_of_ended;
        }
        match class {
            EventClass::Informational => {
                is_of_ended || (envelope.names_its_response() && self.current.is_some() && self.differs(id))
            }
            // Until the pending response has started, output may still be that of one that has ended. A response may
            // have the id of one that has ended: some servers give every response the same.
            EventClass::Output => {
                let requested = self.state == RequestState::Requested || self.held;
                requested && (is_of_ended || item.is_some_and(|item| knows(&history.ended_items, item)))
            }
            // Once more the `response.created` of the response that may have a successor.
            EventClass::Created => self.held && is_of_ended,
            EventClass::Completed
            | EventClass::Failed
            | EventClass::Incomplete
            | EventClass::Cancelled
            | EventClass::Error => false,
        }
    }

    /// Whether a `response.created` is that of a successor: no request is pending, and either a successor is expected, or the
    /// response names the last one that ended as the one that it continues.
    pub(super) fn is_succeeded_by(&self, envelope: &Envelope<'_>, id: Option<&str>) -> bool {
        if self.state.is_in_flight() || self.awaits_end {
            return false;
        }
        let ended = self.history.as_deref().and_then(|history| history.ended.first()).map(|id| &**id);
        self.held || (ended.is_some() && ended != id && envelope.echoed_previous_response().as_deref() == ended)
    }

    /// Whether an event names a response that has ended, or an item of one.
    pub(super) fn has_ended(&self, envelope: &Envelope<'_>) -> bool {
        let Some(history) = self.history.as_deref() else { return false };
        let is_known = |ids: &[Box<str>], id: Option<Cow<'_, str>>| id.is_some_and(|id| knows(ids, &id));
        is_known(&history.ended, response_id(envelope)) || is_known(&history.ended_items, item_id(envelope))
    }

    /// Whether a response of this id has ended.
    pub(super) fn has_ended_response(&self, id: &str) -> bool {
        self.history.as_deref().is_some_and(|history| knows(&history.ended, id))
    }

    /// Returns whether the current response has an item of this id.
    pub(super) fn has_item(&self, id: &str) -> bool {
        self.history.as_deref().is_some_and(|history| knows(&history.items, id))
    }

    /// Returns whether an event names another response than the current one.
    pub(super) fn differs(&self, id: Option<&str>) -> bool {
        id.is_some() && self.current.as_deref() != id
    }

    /// Records the end of a response.
    pub(super) fn end_response(&mut self, id: Option<Box<str>>) {
        self.awaits_end = false;
        let ended = id.or_else(|| self.current.clone());
        self.current = None;
        let history = self.history.get_or_insert_default();
        if let Some(ended) = ended {
            remember(&mut history.ended, ended, MAX_ENDED);
        }
        for item in history.items.drain(..).rev() {
            remember(&mut history.ended_items, item, MAX_ITEMS);
        }
    }

    /// Records an item of the current response. Returns whether it is a new one.
    pub(super) fn add_item(&mut self, id: &str) -> bool {
        let history = self.history.get_or_insert_default();
        let is_new = !knows(&history.items, id);
        if is_new {
            remember(&mut history.items, id.into(), MAX_ITEMS);
        }
        is_new
    }
}

fn knows(ids: &[Box<str>], id: &str) -> bool {
    ids.iter().any(|known| **known == *id)
}

fn remember(ids: &mut Vec<Box<str>>, id: Box<str>, limit: usize) {
    ids.truncate(limit - 1);
    ids.insert(0, id);
}

/// Returns the id of the response that an event names, if it is a non-empty string of at most [`MAX_ID`] bytes.
pub(super) fn response_id<'e>(envelope: &Envelope<'e>) -> Option<Cow<'e, str>> {
    let class = envelope.class();
    let named = if class == EventClass::Created || class.is_terminal() { envelope.id_of_response() } else { None };
    named.or_else(|| envelope.response_id()).filter(|id| (1..=MAX_ID).contains(&id.len()))
}

/// Returns the id of the item that an event names, with the same limits.
pub(super) fn item_id<'e>(envelope: &Envelope<'e>) -> Option<Cow<'e, str>> {
    let id = envelope.item_id().or_else(|| envelope.id_of_item());
    id.filter(|id| (1..=MAX_ID).contains(&id.len()))
}
