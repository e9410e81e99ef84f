//! `History`: the responses that a server remembers, so that a request can continue one by its id.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use turnwire::responses::request::Input;
use turnwire::responses::{CallStep, Chains, CreateResponse, Envelope, ErrorObject, OpenCalls, Response};

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
#[derive(Clone)]
pub struct History {
    limits: HistoryLimits,
    stored: Arc<Mutex<Chains<Remembered>>>,
}

/// What is remembered of a response.
#[derive(Clone)]
struct Remembered {
    /// The items of the requests and responses up to it, which the responses of one conversation share.
    conversation: Input,
    /// The response object, as JSON.
    response: Arc<str>,
    bytes: usize,
}

/// Shows counts, and no content.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = lock(&self.stored);
        f.debug_struct("History")
            .field("limits", &self.limits)
            .field("responses", &stored.len())
            .field("bytes", &stored.bytes())
            .finish()
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// Creates an empty history with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(HistoryLimits::new())
    }

    /// Creates an empty history with these limits.
    #[must_use]
    pub fn with_limits(limits: HistoryLimits) -> Self {
        Self { limits, stored: Arc::new(Mutex::new(Chains::new(limits.responses, limits.bytes))) }
    }

    /// Returns a stored response, as JSON.
    #[must_use]
    pub fn response(&self, id: &str) -> Option<String> {
        lock(&self.stored).get(id).map(|known| known.response.as_ref().to_owned())
    }

    /// Forgets a stored response. Returns whether it was stored.
    pub fn remove(&self, id: &str) -> bool {
        lock(&self.stored).forget(id).is_some()
    }

    /// Returns the responses that a new WebSocket remembers for itself: none yet.
    pub(crate) fn of_websocket(&self) -> ConnectionHistory {
        ConnectionHistory(Some(Arc::new(Mutex::new(Chains::of_connection(LANES, self.limits.connection_bytes)))))
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
            calls: OpenCalls::default(),
            bytes: length,
        };
        match previous {
            // What a client says of its own calls is not checked.
            None => continuation.calls.extend(&request.input),
            Some(previous) => {
                if let Err(error) = continuation.resume(previous, &request.input) {
                    continuation.forget_previous();
                    return Err(error);
                }
            }
        }
        continuation.conversation.append(request.input.clone());
        Ok(continuation)
    }
}

/// The last response of each lane of one WebSocket. A request over HTTP has none.
#[derive(Clone, Default)]
pub(crate) struct ConnectionHistory(Option<Arc<Mutex<Chains<Remembered>>>>);

/// What a request continues, and where its response is remembered.
pub(crate) struct Continuation {
    history: History,
    connection: ConnectionHistory,
    lane: Option<Box<str>>,
    previous: Option<Box<str>>,
    /// The items up to and with those of the request.
    pub(crate) conversation: Input,
    /// The calls of the conversation that have no output.
    calls: OpenCalls,
    /// The bytes of the conversation's JSON.
    bytes: usize,
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuation").field("items", &self.conversation.len()).finish_non_exhaustive()
    }
}

impl Continuation {
    fn resume(&mut self, previous: &str, input: &Input) -> Result<(), Box<ErrorObject>> {
        let connection = self.connection.0.as_deref().map(lock);
        let stored = lock(&self.history.stored);
        let steps = || input.iter().filter_map(CallStep::of);
        let own = connection.as_ref().and_then(|connection| connection.resume(previous, steps()));
        let known = own.or_else(|| stored.resume(previous, steps()));
        let (known, calls) = known.ok_or_else(|| ErrorObject::previous_response_not_found(previous))??;
        self.bytes = self.bytes.saturating_add(known.bytes);
        self.conversation = known.conversation.clone();
        self.calls = calls;
        Ok(())
    }

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
        let mut calls = self.calls.clone();
        calls.extend(&response.output);
        let mut conversation = self.conversation.clone();
        conversation.append(response.output.into());
        let bytes = self.bytes.saturating_add(json.len()).saturating_add(OVERHEAD);
        let remembered = Remembered { conversation, response: json.into(), bytes };
        let lane = self.lane.as_deref();
        if let Some(connection) = &self.connection.0 {
            lock(connection).remember(lane, &id, calls.clone(), remembered.clone(), bytes);
        }
        // The response object repeats the member of the request, which is true unless the request says otherwise.
        if response.store != Some(false) {
            lock(&self.history.stored).remember(lane, &id, calls, remembered, bytes);
        }
    }

    /// Forgets the previous response on the lane of the request.
    pub(crate) fn forget_previous(&self) {
        if let (Some(connection), Some(previous)) = (&self.connection.0, &self.previous) {
            lock(connection).forget_on_lane(self.lane.as_deref(), previous);
        }
    }
}

fn lock(chains: &Mutex<Chains<Remembered>>) -> MutexGuard<'_, Chains<Remembered>> {
    chains.lock().unwrap_or_else(PoisonError::into_inner)
}
