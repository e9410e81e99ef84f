//! Decoder of one direction of a WebSocket, with or without the handshake.

use serde::Serialize;
use turnwire::http::{HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::ws::deflate::Params;
use turnwire::ws::{Decoder, Error, Limits, Message, Role};

use super::event::{self, Events};
use super::http::{self, Responses};
use super::output::{Bytes, Output};
use super::{Decode, DecodeError, Ending, FramingError, Layer};

/// One direction of a WebSocket.
pub(super) struct Recording {
    role: Role,
    layer: Layer,
    deflate: bool,
    state: State,
    events: Events,
    /// Offset of the end of the last message.
    offset: u64,
    /// Number of bytes that were decoded.
    seen: u64,
}

enum State {
    /// Too few bytes to tell a handshake from a frame.
    Start(Vec<u8>),
    Request(HeadDecoder<Request>),
    /// Keeps all bytes: a rejected handshake is decoded as an HTTP response.
    Response(HeadDecoder<Response>, Vec<u8>),
    Rejected(Responses),
    Open(Decoder),
}

#[derive(Serialize)]
struct Line<'a> {
    opcode: u8,
    /// Always true: fragments are joined, and compressed messages are inflated.
    fin: bool,
    #[serde(flatten)]
    payload: Bytes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
}

/// Limits of a recording.
const LIMITS: Limits = Limits::new().with_frame(64 << 20).with_message(256 << 20).with_ratio(None);

impl Recording {
    pub(super) fn new(role: Role, layer: Layer, deflate: bool) -> Self {
        Self { role, layer, deflate, state: State::Start(Vec::new()), events: Events::default(), offset: 0, seen: 0 }
    }

    /// Detects a handshake: it begins with `HTTP/` (client) or `GET ` (server). As a frame, this would set reserved bits.
    fn start(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let State::Start(kept) = &mut self.state else { return Ok(()) };
        kept.extend_from_slice(input);
        let expected: &[u8] = if self.role == Role::Client { b"HTTP/" } else { b"GET " };
        let length = kept.len().min(expected.len());
        if kept[..length] == expected[..length] && length < expected.len() {
            return Ok(());
        }
        let kept = core::mem::take(kept);
        self.state = match (kept.starts_with(expected), self.role) {
            (false, _) => State::Open(self.open(None)),
            (true, Role::Client) => State::Response(HeadDecoder::new(HeadLimits::default()), Vec::new()),
            (true, Role::Server) => State::Request(HeadDecoder::new(HeadLimits::default())),
        };
        self.advance(&kept, out)
    }

    /// Creates the decoder. An inflater with the largest window and context takeover can decode messages of any parameters.
    fn open(&self, handshake: Option<&Headers>) -> Decoder {
        let negotiated = handshake.is_some_and(|headers| {
            let mut extensions = headers.tokens("sec-websocket-extensions");
            extensions.any(|extension| extension.starts_with(b"permessage-deflate"))
        });
        let params = (negotiated || self.deflate).then(Params::default);
        Decoder::new(self.role, LIMITS, params.as_ref())
    }

    fn advance(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let length = input.len() as u64;
        match &mut self.state {
            State::Start(_) => return self.start(input, out),
            State::Request(decoder) => {
                let Some(head) = decoder.decode(&mut input).map_err(|error| http::framing_error(&error, 0))? else {
                    self.seen += length - input.len() as u64;
                    return Ok(());
                };
                self.state = State::Open(self.open(Some(&head.headers)));
            }
            State::Response(decoder, kept) => {
                kept.extend_from_slice(input);
                let Some(head) = decoder.decode(&mut input).map_err(|error| http::framing_error(&error, 0))? else {
                    self.seen += length - input.len() as u64;
                    return Ok(());
                };
                if head.status() != 101 {
                    let mut responses = Responses::new(self.layer);
                    responses.feed(kept, out)?;
                    self.state = State::Rejected(responses);
                    return Ok(());
                }
                self.state = State::Open(self.open(Some(&head.headers)));
            }
            State::Rejected(responses) => return responses.feed(input, out),
            State::Open(_) => {}
        }
        self.seen += length - input.len() as u64;
        self.offset = self.offset.max(self.seen);
        self.messages(input, out)
    }

    fn messages(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let State::Open(decoder) = &mut self.state else { return Ok(()) };
        loop {
            let before = input.len();
            let message = decoder.decode(&mut input);
            self.seen += (before - input.len()) as u64;
            match message {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => {
                    self.offset = self.seen;
                    match self.layer {
                        Layer::Frames => frame(message, out)?,
                        Layer::Events => self.events.message(self.role, message, out)?,
                    }
                }
                Err(error) => return Err(framing_error(error, self.offset).into()),
            }
        }
    }
}

impl Decode for Recording {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        self.advance(input, out)
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError> {
        let truncated = match &mut self.state {
            State::Start(kept) => !kept.is_empty(),
            State::Request(_) | State::Response(..) => true,
            State::Rejected(responses) => return responses.end(out),
            State::Open(decoder) => decoder.is_partial() || self.events.is_open(),
        };
        if truncated {
            out.truncated()?;
        }
        Ok(Ending::of(truncated))
    }
}

impl Events {
    /// Prints the payload of a message that this role received.
    fn message(&mut self, role: Role, message: Message<'_>, out: &mut Output<'_>) -> std::io::Result<()> {
        match (message, role) {
            (Message::Text(text), Role::Client) => self.payload(text, out),
            (Message::Text(text), Role::Server) => event::client(text, out),
            _ => Ok(()),
        }
    }
}

fn frame(message: Message<'_>, out: &mut Output<'_>) -> std::io::Result<()> {
    let (opcode, payload, close_code) = match message {
        Message::Text(text) => (0x1, Bytes::Text(text), None),
        Message::Binary(bytes) => (0x2, Bytes::hex(bytes), None),
        Message::Close(close) => {
            (0x8, Bytes::Text(close.map_or("", |close| close.reason)), close.map(|close| close.code))
        }
        Message::Ping(bytes) => (0x9, Bytes::of(bytes), None),
        Message::Pong(bytes) => (0xA, Bytes::of(bytes), None),
        // Other variants do not come from a frame.
        _ => return Ok(()),
    };
    out.line(&Line { opcode, fin: true, payload, close_code })
}

fn framing_error(error: Error, offset: u64) -> FramingError {
    let limit = if let Error::FrameTooLong { limit }
    | Error::MessageTooLong { limit }
    | Error::TooManyFragments { limit } = error
    {
        Some(limit)
    } else {
        (error == Error::ControlTooLong).then_some(125)
    };
    FramingError { error: error.to_string(), offset, limit }
}
