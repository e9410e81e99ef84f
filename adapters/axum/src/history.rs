//! `History`: the responses that a server remembers, so that a request can continue one by its id.

use core::fmt;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use turnwire::responses::request::Input;
use turnwire::responses::{CreateResponse, Envelope, ErrorObject, Item, Response};

/// The memory of a remembered response besides its JSON, in bytes.
const OVERHEAD: usize = 256;

/// The number of responses that one WebSocket remembers: the last one of each lane, at most 32 named ones and the default lane.
const LANES: usize = 33;

/// The limits of a [`History`].
///
/// ```
/// use turnwire_axum::HistoryLimits;
///
/// let limits = HistoryLimits::new().responses(16).connection_bytes(1 << 20);
/// assert_eq!((limits.responses, limits.bytes, limits.connection_bytes), (16, 64 << 20, 1 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryLimits {
    /// The number of stored responses: 1024. Beyond it, the oldest one is forgotten.
    pub responses: usize,
    /// The bytes of JSON of all stored responses and of the requests that led to each: 64 MiB. Items that responses share count for
    /// each of them. Beyond it, the oldest response is forgotten.
    pub bytes: usize,
    /// The same for the last response of each lane, which a WebSocket remembers for itself: 16 MiB a connection.
    pub connection_bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl HistoryLimits {
    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { responses: 1024, bytes: 64 << 20, connection_bytes: 16 << 20 }
    }

    /// Sets the number of stored responses.
    #[must_use]
    pub const fn responses(mut self, responses: usize) -> Self {
        self.responses = responses;
        self
    }

    /// Sets the bytes of all stored responses.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the bytes that one WebSocket remembers for itself.
    #[must_use]
    pub const fn connection_bytes(mut self, bytes: usize) -> Self {
        self.connection_bytes = bytes;
        self
    }
}

/// The responses that a server remembers, with the conversation that led to each. Clones are the same history.
///
/// [`Responses::with_history`](crate::Responses::with_history) makes a server continue them: a request that names a
/// `previous_response_id` gets the conversation by [`Exchange::conversation`](crate::Exchange::conversation), or is rejected with
/// `previous_response_not_found`. A response with `store: false` can be continued only on the WebSocket that it was made on, and only as the
/// last one of its lane; one that a request of that lane failed to continue is forgotten there.
#[derive(Clone, Default)]
pub struct History {
    limits: HistoryLimits,
    stored: Arc<Mutex<Entries>>,
}

/// Shows counts, and no content.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = lock(&self.stored);
        f.debug_struct("History")
            .field("limits", &self.limits)
            .field("responses", &stored.entries.len())
            .field("bytes", &stored.bytes)
            .finish()
    }
}

impl History {
    /// Creates an empty history with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty history with these limits.
    #[must_use]
    pub fn with_limits(limits: HistoryLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Returns a stored response, as JSON.
    #[must_use]
    pub fn response(&self, id: &str) -> Option<String> {
        lock(&self.stored).get(id).map(|entry| entry.response.as_ref().to_owned())
    }

    /// Forgets a stored response. Returns whether it was stored.
    pub fn remove(&self, id: &str) -> bool {
        lock(&self.stored).remove(|entry| entry.id.as_ref() == id)
    }

    /// Returns what a request continues.
    ///
    /// # Errors
    ///
    /// Returns the error for the client if the previous response is unknown, or has no open call for an output of the request.
    pub(crate) fn resume(
        &self,
        connection: &ConnectionHistory,
        lane: Option<&str>,
        request: &CreateResponse,
        previous: Option<&str>,
        length: usize,
    ) -> Result<Continuation, Box<ErrorObject>> {
        let mut continuation = Continuation {
            history: self.clone(),
            connection: connection.clone(),
            lane: lane.map(Into::into),
            previous: previous.map(Into::into),
            conversation: Input::new(),
            bytes: length,
        };
        if let Some(previous) = previous {
            let known = connection.get(previous).or_else(|| lock(&self.stored).get(previous).cloned());
            let Some(known) = known else { return Err(Box::new(not_found(previous))) };
            if let Some(call) = unknown_call(&known.conversation, &request.input) {
                continuation.forget_previous();
                return Err(Box::new(call));
            }
            continuation.bytes = continuation.bytes.saturating_add(known.bytes);
            continuation.conversation = known.conversation;
        }
        continuation.conversation.append(request.input.clone());
        Ok(continuation)
    }
}

/// The last response of each lane of one WebSocket. A request over HTTP has none.
#[derive(Clone, Default)]
pub(crate) struct ConnectionHistory(Option<Arc<Mutex<Entries>>>);

impl ConnectionHistory {
    pub(crate) fn of_websocket() -> Self {
        Self(Some(Arc::default()))
    }

    fn get(&self, id: &str) -> Option<Entry> {
        lock(self.0.as_ref()?).get(id).cloned()
    }
}

/// What a request continues, and where its response is remembered.
pub(crate) struct Continuation {
    history: History,
    connection: ConnectionHistory,
    lane: Option<Box<str>>,
    previous: Option<Box<str>>,
    /// The items up to and with those of the request.
    pub(crate) conversation: Input,
    /// The bytes of the conversation's JSON.
    bytes: usize,
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuation").field("items", &self.conversation.len()).finish_non_exhaustive()
    }
}

impl Continuation {
    /// Remembers the response that this event ends. One that failed is not remembered, and its predecessor is forgotten on the lane.
    pub(crate) fn remember(&self, event: &str) {
        let Ok(envelope) = Envelope::scan(event) else { return };
        let (Some(json), Some(response)) = (envelope.response(), Response::from_event(&envelope)) else {
            return self.forget_previous();
        };
        let Some(id) = response.id else { return };
        if response.status.as_deref() == Some("failed") {
            return self.forget_previous();
        }
        let mut conversation = self.conversation.clone();
        conversation.append(response.output.into());
        let entry = Entry {
            id: id.into(),
            lane: self.lane.clone(),
            conversation,
            response: json.into(),
            bytes: self.bytes.saturating_add(json.len()).saturating_add(OVERHEAD),
        };
        let limits = &self.history.limits;
        if let Some(connection) = &self.connection.0 {
            let mut connection = lock(connection);
            connection.remove(|known| known.lane == entry.lane);
            connection.insert(entry.clone(), LANES, limits.connection_bytes);
        }
        // The response object repeats the member of the request, which is true unless the request says otherwise.
        if response.store != Some(false) {
            lock(&self.history.stored).insert(entry, limits.responses, limits.bytes);
        }
    }

    /// Forgets the previous response on the lane of the request.
    pub(crate) fn forget_previous(&self) {
        if let (Some(connection), Some(previous)) = (&self.connection.0, &self.previous) {
            lock(connection).remove(|known| known.lane == self.lane && known.id.as_ref() == previous.as_ref());
        }
    }
}

/// A response, and the conversation up to it.
#[derive(Clone)]
struct Entry {
    id: Arc<str>,
    lane: Option<Box<str>>,
    /// The items of the requests and responses, which entries of one conversation share.
    conversation: Input,
    /// The response object, as JSON.
    response: Arc<str>,
    bytes: usize,
}

/// Responses, the oldest one first.
#[derive(Default)]
struct Entries {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Entries {
    fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.id.as_ref() == id)
    }

    /// Adds a response. One with the same id is replaced, and the oldest ones are forgotten beyond the limits.
    fn insert(&mut self, entry: Entry, count: usize, bytes: usize) {
        self.remove(|known| known.id == entry.id);
        self.bytes = self.bytes.saturating_add(entry.bytes);
        self.entries.push_back(entry);
        while self.entries.len() > count || self.bytes > bytes {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
        }
    }

    fn remove(&mut self, is_it: impl Fn(&Entry) -> bool) -> bool {
        let removed = self.entries.iter().position(is_it).and_then(|at| self.entries.remove(at));
        self.bytes = self.bytes.saturating_sub(removed.as_ref().map_or(0, |entry| entry.bytes));
        removed.is_some()
    }
}

fn lock(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found(id: &str) -> ErrorObject {
    let message = format!("Previous response with id '{id}' not found.");
    let mut error = ErrorObject::new("previous_response_not_found", &message).of_type("invalid_request_error");
    error.param = Some("previous_response_id".into());
    error
}

/// Returns the error for the first output of a call that is not open: not in the conversation, or with an output there.
fn unknown_call(conversation: &Input, input: &Input) -> Option<ErrorObject> {
    let mut open = HashSet::new();
    for (item, is_new) in conversation.iter().map(|item| (item, false)).chain(input.iter().map(|item| (item, true))) {
        let output = match item {
            Item::FunctionCall(call) => {
                open.insert(call.call_id.as_str());
                continue;
            }
            Item::CustomToolCall(call) => {
                open.insert(call.call_id.as_str());
                continue;
            }
            Item::FunctionCallOutput(output) => output.call_id.as_str(),
            Item::CustomToolCallOutput(output) => output.call_id.as_str(),
            _ => continue,
        };
        if !open.remove(output) && is_new {
            let message = format!("No tool call found for function call output with call_id {output}.");
            let mut error = ErrorObject::new("no_such_call", &message).of_type("invalid_request_error");
            error.param = Some("input".into());
            return Some(error);
        }
    }
    None
}
