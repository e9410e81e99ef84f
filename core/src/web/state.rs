//! The states of a socket, and the reading of what the client writes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::http::{BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Request};
use crate::ws::{self, Message, handshake};

/// The state of a socket: what it reads from the client, and what the runtime does for it.
pub(super) enum State {
    /// Not open, or ended: what the client writes is dropped.
    Closed,
    /// Reads the head of the client's request.
    Head(Box<HeadDecoder<Request>>),
    /// Reads the body of the client's request.
    Body {
        head: Box<Request>,
        body: BodyDecoder,
        bytes: Vec<u8>,
    },
    /// The runtime opens a WebSocket.
    Opening(Box<Request>),
    WebSocket(Box<Frames>),
    /// The runtime closes the WebSocket.
    Closing(Option<Code>),
    /// The runtime sends the request. `is_head`: its method is HEAD, whose response has no body.
    Fetching {
        is_head: bool,
    },
    /// The head of the response has arrived.
    Response {
        bodiless: bool,
    },
}

/// The framing between the client and this socket: that of a server.
pub(super) struct Frames {
    pub(super) decoder: ws::Decoder,
    pub(super) encoder: ws::Encoder,
}

/// A close code that can be in a frame.
pub(super) type Code = u16;

/// What a part of the client's bytes leads to.
pub(super) enum Step {
    Incomplete,
    Request(Request),
    RequestWithBody(Request, Vec<u8>),
    Text(String),
    Pong(Vec<u8>),
    Close(Option<Code>, String),
    Nothing,
    Invalid(&'static str),
}

impl State {
    /// The state of a socket that was just opened.
    pub(super) fn request() -> Self {
        Self::Head(Box::new(HeadDecoder::new(client_head_limits())))
    }

    /// Takes some of the client's bytes.
    pub(super) fn step(&mut self, bytes: &mut &[u8]) -> Step {
        const NO_HTTP: Step = Step::Invalid("the client wrote bytes that are not an HTTP request");
        match self {
            Self::Head(decoder) => match decoder.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Err(_) => NO_HTTP,
                Ok(Some(head)) if handshake::is_upgrade(&head) => Step::Request(head),
                Ok(Some(head)) => match BodyDecoder::request(&head, BodyLimits::new()) {
                    Ok(body) => {
                        *self = Self::Body { head: Box::new(head), body, bytes: Vec::new() };
                        Step::Nothing
                    }
                    Err(_) => NO_HTTP,
                },
            },
            Self::Body { head, body, bytes: collected } => match body.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Err(_) => NO_HTTP,
                Ok(Some(BodyPart::Data(data))) => {
                    collected.extend_from_slice(data);
                    Step::Nothing
                }
                Ok(Some(BodyPart::End(_))) => Step::RequestWithBody((**head).clone(), mem::take(collected)),
            },
            Self::WebSocket(frames) => match frames.decoder.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Ok(Some(Message::Text(text))) => Step::Text(text.into()),
                Ok(Some(Message::Ping(payload))) => Step::Pong(payload.into()),
                Ok(Some(Message::Pong(_))) => Step::Nothing,
                Ok(Some(Message::Close(close))) => {
                    Step::Close(close.map(|close| close.code), close.map_or("", |close| close.reason).into())
                }
                Ok(Some(Message::Binary(_))) | Err(_) => {
                    Step::Invalid("the client wrote bytes that are no text message")
                }
            },
            // Nothing follows a handshake before its response, or a request: a response ends the connection.
            Self::Closed | Self::Opening(_) | Self::Closing(_) | Self::Fetching { .. } | Self::Response { .. } => {
                *bytes = &[];
                Step::Incomplete
            }
        }
    }
}

/// The client's own heads are as long as the application makes them.
const fn client_head_limits() -> HeadLimits {
    HeadLimits::new().with_bytes(usize::MAX).with_headers(1024)
}
