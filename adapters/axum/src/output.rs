//! What a handler sends, and the state of its response.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::Continuation;
use tokio::sync::mpsc;
use turnwire::responses::{Envelope, ErrorObject, ResponseWriter, ServerEvent};

/// Maximum number of events that wait to be written, besides those in the connection's own buffer.
pub(crate) const WAITING: usize = 8;

/// One output of a handler.
#[derive(Debug)]
pub(crate) enum Output {
    /// The turn token, before the first event.
    TurnToken(String),
    Event {
        json: String,
        kind: String,
        /// Whether it ends the response.
        is_end: bool,
    },
    /// The request is rejected, before the first event.
    Rejected { status: u16, error: ErrorObject },
}

impl Output {
    pub(crate) fn event(event: &ServerEvent<'_>) -> Self {
        let json = event.to_json();
        let is_end = Envelope::scan(&json).is_ok_and(|envelope| envelope.class().is_terminal());
        Self::Event { json, kind: event.kind().into(), is_end }
    }
}

/// An output, and the lane of its request.
pub(crate) type OutputOnLane = (Option<String>, Output);

/// The client has left: it gets nothing more of this response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError;

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client has left")
    }
}

impl core::error::Error for SendError {}

/// Where the outputs of one exchange go.
#[derive(Clone, Debug)]
pub(crate) struct OutputSender {
    pub(crate) lane: Option<String>,
    pub(crate) sender: mpsc::Sender<OutputOnLane>,
    progress: Arc<Mutex<Progress>>,
    /// What the request continues, if the server has a history.
    pub(crate) continuation: Option<Arc<Continuation>>,
}

#[derive(Debug, Default)]
struct Progress {
    has_ended: bool,
    /// The writer of a response that its handler did not end.
    unfinished: Option<Box<ResponseWriter>>,
}

impl OutputSender {
    pub(crate) fn new(
        lane: Option<String>,
        sender: mpsc::Sender<OutputOnLane>,
        continuation: Option<Continuation>,
    ) -> Self {
        Self { lane, sender, progress: Arc::default(), continuation: continuation.map(Arc::new) }
    }

    pub(crate) async fn send(&self, output: Output) -> Result<(), SendError> {
        let is_end = matches!(output, Output::Event { is_end: true, .. } | Output::Rejected { .. });
        if is_end {
            self.progress().has_ended = true;
            // Before the client can continue it.
            self.remember(&output);
        }
        self.sender.send((self.lane.clone(), output)).await.map_err(|_| SendError)
    }

    fn remember(&self, end: &Output) {
        let Some(continuation) = &self.continuation else { return };
        match end {
            Output::Event { json, .. } => continuation.remember(json),
            Output::Rejected { .. } => continuation.forget_previous(),
            Output::TurnToken(_) => {}
        }
    }

    pub(crate) fn leave_unfinished(&self, writer: ResponseWriter) {
        self.progress().unfinished = Some(Box::new(writer));
    }

    /// Ends the response if its handler did not.
    pub(crate) async fn end(&self) {
        let unfinished = {
            let mut progress = self.progress();
            if progress.has_ended {
                return;
            }
            progress.unfinished.take()
        };
        let error =
            ErrorObject::new("server_error", "The server has ended the response early.").of_type("server_error");
        let outputs = match unfinished {
            Some(writer) => writer.fail(&error).iter().map(Output::event).collect(),
            None => vec![Output::Rejected { status: 500, error }],
        };
        for output in outputs {
            // If the client has left, nobody needs it.
            let _ = self.send(output).await;
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
