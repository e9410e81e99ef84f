//! `History`: the responses that a server remembers, so that a request can continue one by its id.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum_core::response::Response as AxumResponse;
use turnwire::responses::request::Input;
use turnwire::responses::{CallStep, Chains, CreateResponse, Envelope, ErrorObject, OpenCalls, Response};

use crate::background::Backgrounds;
use crate::post;

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
///
/// A request over HTTP with `background: true` gets a response that goes on when its client leaves: its handler runs in a task of its own,
/// and its events are kept within the default [`StoreLimits`](turnwire::responses::StoreLimits). A response that is forgotten at these
/// limits is ended. The protocol has no background responses over WebSocket: there, such a request is rejected with status 400 and the code
/// `unsupported_parameter`.
#[derive(Clone)]
pub struct History {
    limits: HistoryLimits,
    stored: Arc<Mutex<Chains<Remembered>>>,
    pub(crate) backgrounds: Backgrounds,
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
        let stored = Arc::new(Mutex::new(Chains::new(limits.responses, limits.bytes)));
        Self { limits, stored, backgrounds: Backgrounds::default() }
    }

    /// Returns a stored response, as JSON. One that runs in the background is returned as it is now.
    #[must_use]
    pub fn response(&self, id: &str) -> Option<String> {
        let stored = lock(&self.stored).get(id).map(|known| known.response.as_ref().to_owned());
        stored.or_else(|| self.backgrounds.object(id))
    }

    /// Forgets a stored response. One that runs in the background is ended. Returns whether it was known.
    pub fn remove(&self, id: &str) -> bool {
        let was_in_background = self.backgrounds.remove(id);
        lock(&self.stored).forget(id).is_some() || was_in_background
    }

    /// Returns the event stream of a background response (`GET …/responses/ID?stream=true&starting_after=N`): the events after the number
    /// `after`, or all of them, and those that are still to come. `None` if there is no background response with this id.
    #[must_use]
    pub fn stream(&self, id: &str, after: Option<i64>) -> Option<AxumResponse> {
        self.backgrounds.is_known(id).then(|| post::follow(self.backgrounds.clone(), id.into(), after))
    }

    /// Cancels a background response (`POST …/responses/ID/cancel`): its handler is dropped, and its streams end with
    /// `response.cancelled`. Returns the response as it is then, as JSON; one that has ended stays as it is. `None` if there is no
    /// background response with this id.
    #[must_use]
    pub fn cancel(&self, id: &str) -> Option<String> {
        self.backgrounds.cancel(id)
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
