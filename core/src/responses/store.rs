//! `ResponseStore`: the events of background responses that a server keeps, so that a client whose stream was lost can have the
//! rest ([docs/protocol.md §15.9](crate::docs::protocol#159-background-responses)).

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt;

use crate::responses::event::Envelope;

/// The memory of an event besides its text, and that of a response besides its id and events, in bytes.
const OVERHEAD: usize = 64;

/// The limits of a [`ResponseStore`].
///
/// ```
/// use turnwire::responses::StoreLimits;
///
/// let limits = StoreLimits::new().responses(16).response_bytes(1 << 20);
/// assert_eq!((limits.responses, limits.bytes), (16, 64 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreLimits {
    /// The number of responses: 1024. Beyond it, the oldest one that has ended is forgotten, or else the oldest one.
    pub responses: usize,
    /// The bytes of all events: 64 MiB. Beyond it, responses are forgotten in the same order.
    pub bytes: usize,
    /// The bytes of the events of one response: 16 MiB. A response that becomes longer is forgotten.
    pub response_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl StoreLimits {
    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { responses: 1024, bytes: 64 << 20, response_bytes: 16 << 20 }
    }

    /// Sets the number of responses.
    #[must_use]
    pub const fn responses(mut self, responses: usize) -> Self {
        self.responses = responses;
        self
    }

    /// Sets the bytes of all events.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the bytes of the events of one response.
    #[must_use]
    pub const fn response_bytes(mut self, response_bytes: usize) -> Self {
        self.response_bytes = response_bytes;
        self
    }
}

/// The events of responses, in their order and with their numbers. It needs no clock and no I/O, and its memory is bounded by
/// [`StoreLimits`].
///
/// A server adds each event of a background response when it is made, whether or not a client still reads the stream. To
/// resume a stream, it sends the events after the number that the client names, and then those that are added: again those after
/// the last number that it has sent.
///
/// ```
/// use turnwire::responses::ResponseStore;
///
/// let mut store = ResponseStore::default();
/// store.begin("resp_1");
/// let created = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"queued"}}"#;
/// let delta = r#"{"type":"response.output_text.delta","sequence_number":1,"delta":"Ro"}"#;
/// assert!(store.push("resp_1", created) && store.push("resp_1", delta));
/// let rest: Vec<&str> = store.events_after("resp_1", Some(0)).expect("it is known").collect();
/// assert_eq!((rest, store.has_ended("resp_1")), (vec![delta], Some(false)));
/// assert!(store.events_after("resp_2", None).is_none());
/// ```
#[derive(Clone, Default)]
pub struct ResponseStore {
    limits: StoreLimits,
    /// The oldest one first.
    responses: VecDeque<StoredResponse>,
    bytes: usize,
}

#[derive(Clone)]
struct StoredResponse {
    id: String,
    /// The events with their numbers.
    events: VecDeque<(i64, String)>,
    /// The place of the newest event that has the response object.
    newest_object: Option<usize>,
    bytes: usize,
    has_ended: bool,
}

/// Shows counts, and no event.
impl fmt::Debug for ResponseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStore")
            .field("limits", &self.limits)
            .field("responses", &self.responses.len())
            .field("bytes", &self.bytes)
            .finish()
    }
}

impl ResponseStore {
    /// Creates an empty store with these limits.
    #[must_use]
    pub fn new(limits: StoreLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Begins to keep the events of a response. An earlier response with this id is forgotten.
    pub fn begin(&mut self, id: &str) {
        self.remove(id);
        let bytes = OVERHEAD + id.len();
        let events = VecDeque::new();
        self.responses.push_back(StoredResponse {
            id: id.into(),
            events,
            newest_object: None,
            bytes,
            has_ended: false,
        });
        self.bytes += bytes;
        self.forget_excess();
    }

    /// Adds an event of a response. An event without a `sequence_number` gets the number after that of the event before, from 0, for
    /// the purposes of the store alone. Returns whether the event is kept: not if the response is unknown, has ended or has become
    /// too long.
    pub fn push(&mut self, id: &str, event: &str) -> bool {
        let Some(at) = self.position(id) else { return false };
        let response = &mut self.responses[at];
        if response.has_ended {
            return false;
        }
        let envelope = Envelope::scan(event).ok();
        let number = envelope.as_ref().and_then(Envelope::sequence_number);
        let following = response.events.back().map_or(0, |(last, _)| last.saturating_add(1));
        if envelope.as_ref().is_some_and(|envelope| envelope.response().is_some()) {
            response.newest_object = Some(response.events.len());
        }
        response.has_ended = envelope.is_some_and(|envelope| envelope.class().is_terminal());
        response.events.push_back((number.unwrap_or(following), event.into()));
        let added = OVERHEAD + event.len();
        response.bytes += added;
        self.bytes += added;
        if response.bytes > self.limits.response_bytes {
            self.remove(id);
            return false;
        }
        self.forget_excess();
        self.position(id).is_some()
    }

    /// Returns the events of a response whose number is higher than `after`, or all of them. `None` if the response is unknown.
    #[must_use]
    pub fn events_after(&self, id: &str, after: Option<i64>) -> Option<impl Iterator<Item = &str>> {
        let response = self.get(id)?;
        let is_later = move |number: i64| after.is_none_or(|after| number > after);
        Some(response.events.iter().filter(move |(number, _)| is_later(*number)).map(|(_, event)| event.as_str()))
    }

    /// Returns whether a response has ended. `None` if it is unknown.
    #[must_use]
    pub fn has_ended(&self, id: &str) -> Option<bool> {
        self.get(id).map(|response| response.has_ended)
    }

    /// Returns the newest event of a response that has the response object.
    #[must_use]
    pub fn newest_object(&self, id: &str) -> Option<&str> {
        let response = self.get(id)?;
        response.events.get(response.newest_object?).map(|(_, event)| event.as_str())
    }

    /// Returns the number of the last event of a response.
    #[must_use]
    pub fn last_number(&self, id: &str) -> Option<i64> {
        self.get(id)?.events.back().map(|(number, _)| *number)
    }

    /// Forgets a response. Returns whether it was known.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(removed) = self.position(id).and_then(|at| self.responses.remove(at)) else { return false };
        self.bytes -= removed.bytes;
        true
    }

    /// Returns the number of responses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.responses.len()
    }

    /// Returns whether there is no response.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }

    /// Returns the bytes that the events take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_excess(&mut self) {
        while self.responses.len() > self.limits.responses || self.bytes > self.limits.bytes {
            let ended = self.responses.iter().position(|response| response.has_ended);
            let Some(forgotten) = self.responses.remove(ended.unwrap_or(0)) else { return };
            self.bytes -= forgotten.bytes;
        }
    }

    fn get(&self, id: &str) -> Option<&StoredResponse> {
        self.responses.iter().find(|response| response.id == id)
    }

    /// The newest responses are asked for most often.
    fn position(&self, id: &str) -> Option<usize> {
        self.responses.iter().rposition(|response| response.id == id)
    }
}
