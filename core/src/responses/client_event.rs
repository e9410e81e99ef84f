//! Messages that a client sends on a WebSocket: requests and steering
//! ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields), and the public WebSocket mode).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::{Item, parse_input};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, array, string};
use crate::responses::json::raw::RawJson;
use crate::responses::json::strict;
use crate::responses::record::serde_by_text;
use crate::responses::request::{CreateResponse, ItemEncoding, MessageFields};

/// A message of a client.
///
/// ```
/// use turnwire::responses::ClientEvent;
///
/// let text = r#"{"type":"response.steer","previous_response_id":"resp_1","input":"Other way"}"#;
/// let ClientEvent::Steer(steer) = ClientEvent::parse(text)? else { panic!("not steering") };
/// assert_eq!(steer.previous_response_id, "resp_1");
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// Requests a response.
    Create(Box<CreateMessage>),
    /// Steers the response in progress.
    Steer(SteerMessage),
    /// A message of another `type`, unchanged.
    Other {
        /// Its `type`.
        kind: String,
        /// The whole message.
        raw: RawJson<'static>,
    },
}

/// Requests a response: the request, and the members that a message adds to it.
///
/// ```
/// use turnwire::responses::{ClientEvent, CreateMessage, CreateResponse};
///
/// let message = CreateMessage::new(CreateResponse::new("gpt-x", "Hi"));
/// assert!(ClientEvent::Create(Box::new(message)).to_raw().as_str().starts_with(r#"{"type":"response.create","model":"gpt-x""#));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CreateMessage {
    /// The request.
    pub request: CreateResponse,
    /// The id of the previous response.
    pub previous_response_id: Option<String>,
    /// `false` means a prewarm, which generates nothing.
    pub generate: Option<bool>,
    /// The lane; `None` means the default lane.
    pub stream_id: Option<String>,
}

/// Steers a response with further input. The input takes effect with the successor's `response.created`.
///
/// ```
/// use turnwire::responses::{ClientEvent, SteerMessage};
///
/// let message = ClientEvent::Steer(SteerMessage::text("resp_1", "Other way"));
/// assert_eq!(
///     message.to_raw().as_str(),
///     r#"{"type":"response.steer","previous_response_id":"resp_1","input":"Other way"}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SteerMessage {
    /// The id of the response.
    pub previous_response_id: String,
    /// The lane, if it is named.
    pub stream_id: Option<String>,
    /// The input, as JSON: a string, or an array of messages.
    pub input: RawJson<'static>,
    /// Unknown members.
    pub extra: ExtraMembers,
}

impl ClientEvent {
    /// Parses a message, as a server does.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not a JSON object with a `type`, or lacks a required member of a known type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        strict::check(json)?;
        let mut members = Members::parse(json)?;
        match members.kind() {
            "" => Err(Malformed::missing("message", "type")),
            "response.create" => Ok(Self::Create(Box::new(CreateMessage {
                previous_response_id: members.optional("previous_response_id")?,
                generate: members.optional("generate")?,
                stream_id: members.optional("stream_id")?,
                request: {
                    // The public mode omits `stream` and means `true`.
                    let stream: Option<bool> = members.optional("stream")?;
                    let mut request = CreateResponse::read(members)?;
                    request.stream = stream.unwrap_or(true);
                    request
                },
            }))),
            "response.steer" => Ok(Self::Steer(SteerMessage {
                previous_response_id: members.required("previous_response_id")?,
                stream_id: members.optional("stream_id")?,
                input: members.required_raw("input")?,
                extra: members.rest(),
            })),
            kind => Ok(Self::Other { kind: kind.into(), raw: RawJson::trusted(json).into_owned() }),
        }
    }

    /// Appends the message.
    pub fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        match self {
            Self::Create(create) => create.encode(wire, out),
            Self::Steer(steer) => steer.encode(out),
            Self::Other { raw, .. } => out.extend_from_slice(raw.as_str().as_bytes()),
        }
    }

    /// Returns the message as JSON, with everything that it has.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.encode(ItemEncoding::EVERYTHING, &mut out);
        RawJson::written(out)
    }

    /// Returns the lane of the message.
    #[must_use]
    pub fn stream_id(&self) -> Option<&str> {
        match self {
            Self::Create(create) => create.stream_id.as_deref(),
            Self::Steer(steer) => steer.stream_id.as_deref(),
            Self::Other { .. } => None,
        }
    }
}

serde_by_text!(ClientEvent);

impl CreateMessage {
    /// Creates a request on the default lane, without a previous response.
    #[must_use]
    pub const fn new(request: CreateResponse) -> Self {
        Self { request, previous_response_id: None, generate: None, stream_id: None }
    }

    /// Appends the message.
    pub fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let frame = MessageFields {
            previous_response_id: self.previous_response_id.as_deref(),
            generate: self.generate,
            stream_id: self.stream_id.as_deref(),
            ..MessageFields::default()
        };
        self.request.encode_ws(&frame, wire, out);
    }
}

impl SteerMessage {
    /// Creates a steering message with a text of the user.
    #[must_use]
    pub fn text(previous_response_id: &str, text: &str) -> Self {
        Self::new(previous_response_id, RawJson::string(text))
    }

    /// Creates a steering message with messages.
    #[must_use]
    pub fn items(previous_response_id: &str, items: &[Item]) -> Self {
        let mut out = Vec::new();
        array(items, &mut out, Item::encode);
        Self::new(previous_response_id, RawJson::built(String::from_utf8(out).expect("JSON is written as UTF-8")))
    }

    fn new(previous_response_id: &str, input: RawJson<'static>) -> Self {
        Self { previous_response_id: previous_response_id.into(), stream_id: None, input, extra: ExtraMembers::new() }
    }

    /// Parses the input.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is neither a string nor an array of items.
    pub fn input(&self) -> Result<Vec<Item>, Malformed> {
        parse_input(self.input.as_str())
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("type", "response.steer");
        object.optional("stream_id", self.stream_id.as_deref());
        string(&self.previous_response_id, object.key("previous_response_id"));
        object.raw("input", self.input.as_str());
        object.extra(&self.extra);
        object.end();
    }
}
