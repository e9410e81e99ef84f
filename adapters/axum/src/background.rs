//! Background responses: their handlers run whether or not a client reads, and their events are kept, so that a stream can be resumed.

use core::fmt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use turnwire::responses::{Envelope, ErrorObject, EventData, Response, ResponseStore, ServerEvent};

use crate::output::{Output, OutputOnLane, OutputSender, SendError};

/// The background responses of a history. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Backgrounds {
    state: Arc<Mutex<State>>,
    /// Says that there are more events.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    events: ResponseStore,
    /// The handlers that run, by the id of their response.
    running: HashMap<String, AbortHandle>,
}

impl Default for Backgrounds {
    fn default() -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(()) }
    }
}

/// How a background response began.
pub(crate) enum Begun {
    Response { id: String, turn_token: Option<String> },
    Rejected { status: u16, error: ErrorObject },
}

/// Shows a count, and no content.
impl fmt::Debug for Backgrounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backgrounds").field("responses", &self.state().events.len()).finish_non_exhaustive()
    }
}

impl Backgrounds {
    /// Runs a handler in a task of its own, and keeps the events that it sends. Returns when the response has begun.
    pub(crate) async fn start(
        &self,
        handler: impl Future<Output = Result<(), SendError>> + Send + 'static,
        output: OutputSender,
        mut outputs: mpsc::Receiver<OutputOnLane>,
    ) -> Begun {
        let handler = tokio::spawn(handler);
        let abort = handler.abort_handle();
        tokio::spawn(async move {
            // It has ended, was cancelled or has panicked.
            let _ = handler.await;
            output.end().await;
        });
        let mut turn_token = None;
        while let Some((_, output)) = outputs.recv().await {
            match output {
                Output::TurnToken(token) => turn_token = Some(token),
                Output::Rejected { status, error } => return Begun::Rejected { status, error },
                Output::Event { json, .. } => {
                    let response = Envelope::scan(&json).ok().and_then(|envelope| Response::from_event(&envelope));
                    let Some(Response { id: Some(id), store, .. }) = response else { break };
                    // The response object repeats the member of the request, which is true unless the request says otherwise.
                    if store == Some(false) {
                        abort.abort();
                        return Begun::Rejected { status: 400, error: must_be_stored() };
                    }
                    self.begin(&id, abort);
                    self.push(&id, &json);
                    tokio::spawn(self.clone().keep(id.clone(), outputs));
                    return Begun::Response { id, turn_token };
                }
            }
        }
        Begun::Rejected { status: 500, error: ErrorObject::default() }
    }

    /// Begins to keep the events of a response, and ends the handlers of those that are forgotten for it.
    fn begin(&self, id: &str, handler: AbortHandle) {
        let State { events, running } = &mut *self.state();
        events.begin(id);
        running.retain(|known, handler| {
            let is_kept = known != id && events.has_ended(known).is_some();
            if !is_kept {
                handler.abort();
            }
            is_kept
        });
        running.insert(id.into(), handler);
    }

    /// Keeps the further events, until the handler has ended or the response is forgotten.
    async fn keep(self, id: String, mut outputs: mpsc::Receiver<OutputOnLane>) {
        while let Some((_, output)) = outputs.recv().await {
            if let Output::Event { json, .. } = output
                && !self.push(&id, &json)
            {
                break;
            }
        }
        let mut state = self.state();
        if let Some(handler) = state.running.remove(&id) {
            handler.abort();
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Adds an event. Returns whether it is kept.
    fn push(&self, id: &str, event: &str) -> bool {
        let is_kept = self.state().events.push(id, event);
        self.changed.send_replace(());
        is_kept
    }

    /// Returns the response object as it is now.
    pub(crate) fn object(&self, id: &str) -> Option<String> {
        object_of(self.state().events.newest_object(id)?)
    }

    /// Forgets a response, and ends its handler. Returns whether it was known.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut state = self.state();
        if let Some(handler) = state.running.remove(id) {
            handler.abort();
        }
        let is_known = state.events.remove(id);
        self.changed.send_replace(());
        is_known
    }

    /// Cancels a response, unless it has ended. Returns the response object, or `None` if it is unknown.
    pub(crate) fn cancel(&self, id: &str) -> Option<String> {
        let mut state = self.state();
        if state.events.has_ended(id)? {
            return object_of(state.events.newest_object(id)?);
        }
        let mut response = Response::parse(&object_of(state.events.newest_object(id)?)?).ok()?;
        response.status = Some("cancelled".into());
        let object = response.to_raw();
        let number = state.events.last_number(id)?.saturating_add(1);
        let event = ServerEvent::new(EventData::Cancelled { response: Some(object.clone()) }).numbered(number);
        state.events.push(id, &event.to_json());
        if let Some(handler) = state.running.remove(id) {
            handler.abort();
        }
        drop(state);
        self.changed.send_replace(());
        Some(object.as_str().to_owned())
    }

    pub(crate) fn is_known(&self, id: &str) -> bool {
        self.state().events.has_ended(id).is_some()
    }

    /// Sends the events of a response after this number, and those that are still to come.
    pub(crate) async fn follow(
        self,
        id: String,
        mut after: Option<i64>,
        output: OutputSender,
    ) -> Result<(), SendError> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let (events, last, has_ended) = self.events_after(&id, after);
            after = last.or(after);
            for event in events {
                let Ok(envelope) = Envelope::scan(&event) else { continue };
                let (kind, is_end) = (envelope.kind().to_owned(), envelope.class().is_terminal());
                output.send(Output::Event { json: event, kind, is_end }).await?;
            }
            // Fails never: this value has a sender.
            if has_ended || changed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Returns events, the number of the last one, and whether none will follow.
    fn events_after(&self, id: &str, after: Option<i64>) -> (Vec<String>, Option<i64>, bool) {
        let state = self.state();
        let events = state.events.events_after(id, after).map(|events| events.map(str::to_owned).collect());
        let has_ended = state.events.has_ended(id).unwrap_or(true);
        (events.unwrap_or_default(), state.events.last_number(id), has_ended)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn must_be_stored() -> ErrorObject {
    let error = ErrorObject::new("invalid_value", "A background response must be stored.");
    let mut error = error.of_type("invalid_request_error");
    error.param = Some("background".into());
    error
}

/// Returns the response object of an event.
fn object_of(event: &str) -> Option<String> {
    Some(Envelope::scan(event).ok()?.response()?.to_owned())
}
