//! One direction of a WebSocket, with or without the handshake in front.

use serde::Serialize;
use turnwire::http::{HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::ws::deflate::Params;
use turnwire::ws::{Decoder, Error, Limits, Message, Role};

use super::http::{self, Responses};
use super::output::{Bytes, Output};
use super::{Broken, Decode, Failed, Layer, event};

/// One direction of a WebSocket.
pub(super) struct Recording {
    role: Role,
    layer: Layer,
    deflate: bool,
    state: State,
    /// Bytes of the input that were decoded, up to the end of the last message.
    offset: u64,
    seen: u64,
}

enum State {
    /// Too few bytes have come to know whether a handshake does.
    Start(Vec<u8>),
    Request(HeadDecoder<Request>),
    /// All bytes are kept: an answer that refuses is decoded as one.
    Response(HeadDecoder<Response>, Vec<u8>),
    Refused(Responses),
    Open(Decoder),
}

#[derive(Serialize)]
struct Line<'a> {
    opcode: u8,
    /// Fragments are joined, and compressed messages inflated, so that this is always true.
    fin: bool,
    #[serde(flatten)]
    payload: Bytes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
}

#[derive(Serialize)]
struct End {
    end: &'static str,
}

/// What a recording may hold.
const LIMITS: Limits = Limits { frame: 64 << 20, message: 256 << 20, ratio: None };

impl Recording {
    pub(super) const fn new(role: Role, layer: Layer, deflate: bool) -> Self {
        Self { role, layer, deflate, state: State::Start(Vec::new()), offset: 0, seen: 0 }
    }

    /// What a client receives begins with `HTTP/` where it begins with a handshake, and what a server receives with `GET `. As
    /// frames these would be reserved bits.
    fn start(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
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

    /// Whatever the parameters are, an inflater with the largest window that forgets nothing can read the messages.
    fn open(&self, handshake: Option<&Headers>) -> Decoder {
        let agreed = handshake.is_some_and(|headers| {
            let mut extensions = headers.tokens("sec-websocket-extensions");
            extensions.any(|extension| extension.starts_with(b"permessage-deflate"))
        });
        let params = (agreed || self.deflate).then(Params::default);
        Decoder::new(self.role, LIMITS, params.as_ref())
    }

    fn advance(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
        let length = input.len() as u64;
        match &mut self.state {
            State::Start(_) => return self.start(input, out),
            State::Request(decoder) => {
                let Some(head) = decoder.decode(&mut input).map_err(|error| http::broken(&error, 0))? else {
                    return Ok(());
                };
                self.state = State::Open(self.open(Some(&head.headers)));
            }
            State::Response(decoder, kept) => {
                kept.extend_from_slice(input);
                let Some(head) = decoder.decode(&mut input).map_err(|error| http::broken(&error, 0))? else {
                    return Ok(());
                };
                if head.status() != 101 {
                    let mut responses = Responses::new(self.layer);
                    responses.feed(kept, out)?;
                    self.state = State::Refused(responses);
                    return Ok(());
                }
                self.state = State::Open(self.open(Some(&head.headers)));
            }
            State::Refused(responses) => return responses.feed(input, out),
            State::Open(_) => {}
        }
        self.seen += length - input.len() as u64;
        self.offset = self.offset.max(self.seen);
        self.messages(input, out)
    }

    fn messages(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
        let State::Open(decoder) = &mut self.state else { return Ok(()) };
        loop {
            let before = input.len();
            let message = decoder.decode(&mut input);
            self.seen += (before - input.len()) as u64;
            match message {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => {
                    self.offset = self.seen;
                    put(self.layer, self.role, message, out)?;
                }
                Err(error) => return Err(broken(error, self.offset).into()),
            }
        }
    }
}

impl Decode for Recording {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
        self.advance(input, out)
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<(), Failed> {
        let truncated = match &mut self.state {
            State::Start(kept) => !kept.is_empty(),
            State::Request(_) | State::Response(..) => true,
            State::Refused(responses) => return responses.end(out),
            State::Open(decoder) => decoder.is_partial(),
        };
        if truncated {
            out.line(&End { end: "truncated" })?;
        }
        Ok(())
    }
}

fn put(layer: Layer, role: Role, message: Message<'_>, out: &mut Output<'_>) -> std::io::Result<()> {
    if layer == Layer::Events {
        return match (message, role) {
            (Message::Text(text), Role::Client) => event::server(text, out),
            (Message::Text(text), Role::Server) => event::client(text, out),
            _ => Ok(()),
        };
    }
    let (opcode, payload, close_code) = match message {
        Message::Text(text) => (0x1, Bytes::Text(text), None),
        Message::Binary(bytes) => (0x2, Bytes::hex(bytes), None),
        Message::Close(close) => {
            (0x8, Bytes::Text(close.map_or("", |close| close.reason)), close.map(|close| close.code))
        }
        Message::Ping(bytes) => (0x9, Bytes::of(bytes), None),
        Message::Pong(bytes) => (0xA, Bytes::of(bytes), None),
        // No other frame has an opcode.
        _ => return Ok(()),
    };
    out.line(&Line { opcode, fin: true, payload, close_code })
}

fn broken(error: Error, offset: u64) -> Broken {
    let limit = if let Error::FrameTooLong { limit }
    | Error::MessageTooLong { limit }
    | Error::TooManyFragments { limit } = error
    {
        Some(limit)
    } else {
        (error == Error::ControlTooLong).then_some(125)
    };
    Broken { error: error.to_string(), offset, limit }
}
