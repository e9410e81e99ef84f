//! `Exchange`: one request of a client, and the way to respond.

use core::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::request::Parts;
use tokio::sync::mpsc;
use turnwire::connection::Transport;
use turnwire::responses::request::Input;
use turnwire::responses::{CreateMessage, CreateResponse, ErrorObject, ResponseCommand, ResponseWriter, TURN_STATE};

use crate::output::{Output, OutputSender, SendError};
use crate::respond::Responder;

/// One request of a client, over either transport. `Debug` shows no content and no headers.
pub struct Exchange {
    pub(crate) message: CreateMessage,
    pub(crate) text: String,
    pub(crate) turn_token: Option<String>,
    pub(crate) parts: Arc<Parts>,
    pub(crate) transport: Transport,
    pub(crate) output: OutputSender,
    pub(crate) commands: mpsc::Receiver<ResponseCommand>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("transport", &self.transport)
            .field("lane", &self.output.lane)
            .field("model", &self.message.request.model)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Returns the request.
    #[must_use]
    pub const fn request(&self) -> &CreateResponse {
        &self.message.request
    }

    /// Returns the id of the response that the request continues.
    #[must_use]
    pub fn previous_response_id(&self) -> Option<&str> {
        self.message.previous_response_id.as_deref().or(self.message.request.previous_response_id.as_deref())
    }

    /// Returns the items of the whole conversation: those of the responses that the request continues, if the server has a
    /// [`History`](crate::History), and those of the request.
    #[must_use]
    pub fn conversation(&self) -> Input {
        let continuation = self.output.continuation.as_ref();
        continuation.map_or(&self.message.request.input, |continuation| &continuation.conversation).clone()
    }

    /// Returns whether the client only wants the server to prepare (`generate: false`): begin and complete a response without output.
    #[must_use]
    pub fn is_prewarm(&self) -> bool {
        self.message.generate == Some(false)
    }

    /// Returns whether the response goes on when the client leaves: with a [`History`](crate::History), over HTTP, if the request says
    /// `background: true`. [`Responder::begin`] then says that it is queued first. Over a WebSocket, a server with a history rejects such a
    /// request; without a history, the member has no effect.
    #[must_use]
    pub fn is_background(&self) -> bool {
        self.message.request.background == Some(true)
            && self.transport == Transport::Http
            && self.output.continuation.is_some()
    }

    /// Returns the request as the client sent it: JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the turn token that the client sent.
    #[must_use]
    pub fn turn_token(&self) -> Option<&str> {
        self.turn_token.as_deref()
    }

    /// Returns the head of the HTTP request, or of the WebSocket handshake.
    #[must_use]
    pub fn head(&self) -> &Parts {
        &self.parts
    }

    /// Returns the transport.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the lane on a WebSocket (`stream_id`). `None` means the default lane.
    #[must_use]
    pub fn lane(&self) -> Option<&str> {
        self.output.lane.as_deref()
    }

    /// Rejects the request: over HTTP with this status, on a WebSocket with an `error` event.
    ///
    /// # Errors
    ///
    /// Returns [`SendError`] when the client has left.
    pub async fn reject(self, status: u16, error: ErrorObject) -> Result<(), SendError> {
        self.output.send(Output::Rejected { status, error }).await
    }

    /// Begins to respond, with this id. The response repeats the members of the request.
    #[must_use]
    pub fn respond(self, response_id: &str) -> Responder {
        self.respond_and_listen(response_id).0
    }

    /// As [`respond`](Self::respond), and returns what the client says about the response meanwhile: steering, interruption,
    /// injection. Without a listener, the client gets no reply to these, and the response goes on.
    #[must_use]
    pub fn respond_and_listen(self, response_id: &str) -> (Responder, mpsc::Receiver<ResponseCommand>) {
        let is_background = self.is_background();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let created_at = i64::try_from(now).unwrap_or(i64::MAX);
        let mut writer =
            ResponseWriter::new(response_id, &self.message.request.model, created_at).for_request(&self.text);
        if let Some(lane) = &self.output.lane {
            writer = writer.on_lane(lane);
        }
        (Responder::new(self.output, writer, is_background), self.commands)
    }

    /// Returns the turn token of a `POST`.
    pub(crate) fn token_of(parts: &Parts) -> Option<String> {
        Some(parts.headers.get(TURN_STATE)?.to_str().ok()?.into())
    }
}
