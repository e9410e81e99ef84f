//! Steering, interruption and injection on a WebSocket: what a client sends, and what a server replies
//! ([docs/protocol.md §15.1](crate::docs::protocol#151-steering) to §15.3).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::event::Envelope;
use crate::responses::event::envelope::Member;
use crate::responses::item::{ContentPart, Item, parse_input};
use crate::responses::item_encoding::{ItemEncoding, ItemIds};
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::json::object_writer::{Object, array};
use crate::responses::json::raw::RawJson;
use crate::truncate::truncated;

/// What became of a steering submission, as a server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SteerOutcome {
    Accepted,
    Pending,
    Failed,
}

/// A server's reply to a steering message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SteerReply {
    pub(crate) outcome: SteerOutcome,
    /// The id that the server has given to the submission.
    pub(crate) steer_id: Option<String>,
    /// The response that was steered.
    pub(crate) response_id: Option<String>,
    /// The input, when it is given back.
    pub(crate) input: Option<RawJson<'static>>,
    /// The code and the message of the error.
    pub(crate) error: Option<SteerError>,
    /// What the next request must contain: an array of stubs.
    pub(crate) required_input: Option<RawJson<'static>>,
}

/// Why a server gave the input of a steering submission back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SteerError {
    /// `response_not_found`, `invalid_input`, `steering_not_supported`, `too_many_pending_steers`, `response_already_completed`,
    /// `response_not_active`, `successor_creation_failed`, or another code.
    pub code: Option<String>,
    /// What happened, in words.
    pub message: Option<String>,
}

/// The maximum length of an id, a code or a message that is kept of a reply, in bytes.
const MAX_TEXT: usize = 1024;

impl SteerReply {
    /// Reads the reply, if the event is one.
    pub(crate) fn read(envelope: &Envelope<'_>) -> Option<Self> {
        let outcome = match envelope.kind() {
            "response.steer.accepted" => SteerOutcome::Accepted,
            "response.steer.pending" => SteerOutcome::Pending,
            "response.steer.failed" => SteerOutcome::Failed,
            _ => return None,
        };
        let steer = envelope.raw(Member::steer).unwrap_or("{}");
        let error = envelope
            .raw(Member::error)
            .map(|error| SteerError { code: text_of(error, "code"), message: text_of(error, "message") });
        Some(Self {
            outcome,
            steer_id: text_of(steer, "id"),
            response_id: text_of(steer, "previous_response_id"),
            input: member(steer, "input").map(|input| RawJson::trusted(input).into_owned()),
            error: error.filter(|_| outcome == SteerOutcome::Failed),
            required_input: envelope.value(Member::required_input).map(RawJson::into_owned),
        })
    }
}

impl SteerReply {
    /// Whether it gives this input back, in whatever form: a string is the same as a message with it as its text.
    pub(crate) fn gives_back(&self, input: &RawJson<'_>) -> bool {
        let Some(given) = &self.input else { return false };
        given == input || parse_input(given.as_str()).is_ok_and(|given| parse_input(input.as_str()) == Ok(given))
    }
}

/// A member that is a non-empty string, truncated at [`MAX_TEXT`].
fn text_of(object: &str, name: &str) -> Option<String> {
    let mut text: String = lenient::read(member(object, name)?).ok()?;
    text.truncate(truncated(&text, MAX_TEXT).len());
    Some(text).filter(|text| !text.is_empty())
}

impl Envelope<'_> {
    /// Whether the server accepts or refuses to interrupt a response.
    pub(crate) fn interrupt_reply(&self) -> Option<InterruptReply> {
        match self.kind() {
            "response.interrupt.accepted" => Some(InterruptReply::Accepted),
            "response.interrupt.failed" => Some(InterruptReply::Failed),
            _ => None,
        }
    }

    /// The response that the message of a client steers, interrupts or injects into.
    pub(crate) fn commanded_response(&self) -> Option<Cow<'_, str>> {
        match self.kind() {
            "response.steer" => self.string_opt(Member::previous_response_id),
            "response.interrupt" | "response.inject" => self.response_id(),
            _ => None,
        }
    }

    /// Whether the event is information about the response that it names, and about no other.
    pub(crate) fn names_its_response(&self) -> bool {
        let kind = self.kind();
        self.is_metadata()
            || kind.starts_with("response.interrupt.")
            || kind.starts_with("response.inject.")
            || kind == "response.output_item.interrupted"
    }

    /// Whether the event ends a response that a successor follows.
    pub(crate) fn is_steered_end(&self) -> bool {
        self.kind() == "response.incomplete" && self.incomplete_reason().as_deref() == Some("steered")
    }

    /// Whether an `error` says that a response is not known.
    pub(crate) fn is_unknown_response(&self) -> bool {
        let nested = || text_of(self.raw(Member::error)?, "code");
        nested().or_else(|| self.string_opt(Member::code).map(Into::into)).as_deref() == Some("response_not_found")
    }
}

/// A server's reply to a request to interrupt a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InterruptReply {
    Accepted,
    Failed,
}

/// Whether a server takes these items as the input of a steering message: messages of the user, at least one.
pub(crate) fn is_steer_input(items: &[Item]) -> bool {
    !items.is_empty() && items.iter().all(|item| matches!(item, Item::Message(message) if message.role == "user"))
}

/// The input of a steering message: of each message its role and its content, without an id.
pub(crate) fn steer_input(items: &[Item]) -> RawJson<'static> {
    let mut out = Vec::new();
    array(items, &mut out, |item, out| {
        if let Item::Message(message) = item {
            let mut object = Object::new(out);
            object.string("type", "message");
            object.string("role", &message.role);
            object.array("content", &message.content, ContentPart::encode);
            object.end();
        } else {
            item.encode_for(ItemEncoding { ids: ItemIds::None, passthrough: false }, out);
        }
    });
    RawJson::built(String::from_utf8(out).expect("JSON is written as UTF-8"))
}

/// The text of a `response.steer`. It names no lane, which follows from the response.
pub(crate) fn steer_message(response_id: &str, input: &RawJson<'_>) -> String {
    message(|object| {
        object.string("type", "response.steer");
        object.string("previous_response_id", response_id);
        object.raw("input", input.as_str());
    })
}

/// The text of a `response.interrupt`.
pub(crate) fn interrupt_message(response_id: &str) -> String {
    message(|object| {
        object.string("type", "response.interrupt");
        object.string("response_id", response_id);
        object.string("mode", "discard_partial_items");
    })
}

/// The text of a `response.inject`: output of the client's tools for a response that waits for it.
pub(crate) fn inject_message(response_id: &str, items: &[Item]) -> String {
    message(|object| {
        object.string("type", "response.inject");
        object.string("response_id", response_id);
        object.array("input", items, |item, out| {
            item.encode_for(ItemEncoding { ids: ItemIds::None, passthrough: false }, out);
        });
    })
}

fn message(write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    write(&mut object);
    object.end();
    String::from_utf8(out).expect("JSON is written as UTF-8")
}
