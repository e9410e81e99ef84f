//! `ResponseCommand`: what a client asks of a response that is being made, on a WebSocket
//! ([docs/protocol.md §15.1](crate::docs::protocol#151-steering) to §15.3).

use alloc::string::String;

use crate::responses::client_event::{ClientEvent, SteerMessage};
use crate::responses::event::Envelope;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::raw::RawJson;
use crate::responses::json::strict;

/// What a client asks of a response that is being made, on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseCommand {
    /// `response.steer`: further input.
    Steer(SteerMessage),
    /// `response.interrupt`.
    Interrupt {
        /// The response.
        response_id: String,
        /// `discard_partial_items`, or another mode.
        mode: Option<String>,
    },
    /// `response.inject`: output of the client's tools.
    Inject {
        /// The response.
        response_id: String,
        /// The items, as JSON.
        input: RawJson<'static>,
    },
}

impl ResponseCommand {
    /// Reads the message of a client. Returns `None` when it is another message.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is one of these messages and lacks what belongs to it.
    pub fn parse(text: &str) -> Result<Option<Self>, Malformed> {
        let mut members = match Envelope::scan(text)?.kind() {
            "response.steer" => {
                return match ClientEvent::parse(text)? {
                    ClientEvent::Steer(message) => Ok(Some(Self::Steer(message))),
                    ClientEvent::Create(_) | ClientEvent::Other { .. } => Ok(None),
                };
            }
            "response.interrupt" | "response.inject" => {
                strict::check(text)?;
                Members::parse(text)?
            }
            _ => return Ok(None),
        };
        let response_id = members.required("response_id")?;
        Ok(Some(if members.kind() == "response.inject" {
            Self::Inject { response_id, input: members.required_raw("input")? }
        } else {
            Self::Interrupt { response_id, mode: members.optional("mode")? }
        }))
    }

    /// The response that the command is about. It determines the lane, which such a message does not name.
    #[must_use]
    pub fn response_id(&self) -> &str {
        match self {
            Self::Steer(message) => &message.previous_response_id,
            Self::Interrupt { response_id, .. } | Self::Inject { response_id, .. } => response_id,
        }
    }
}
