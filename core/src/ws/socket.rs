//! One end of an open WebSocket connection: messages, the replies it owes, and the closing handshake.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::decode::Decoder;
use super::deflate::Params;
use super::encode::{Encoder, SendError};
use super::error::Error;
use super::frame::CONTROL;
use super::{Close, Limits, Message, Role};
use crate::entropy::{Keys, Seed};

/// How far the closing handshake has come (RFC 6455 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Both ends may send.
    Open,
    /// This end has closed, or is about to; the other's close frame has not come.
    Closing,
    /// The other end's close frame has come, or it broke the protocol. Once what [`write_pending_replies`](WebSocket::write_pending_replies) yields is written, a
    /// server closes the TCP connection, and a client waits for that a while (RFC 6455 §7.1.1).
    Closed,
}

/// What the end of the bytes means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eof {
    /// The closing handshake was complete, or at least the peer's close frame had come.
    Clean,
    /// No close frame came: 1006 (RFC 6455 §7.1.5), between messages.
    Abnormal,
    /// No close frame came, and a message was cut.
    Truncated,
}

/// One end of an open connection. Replies are owed in slots, never in a queue: a peer that pings without ever reading costs
/// nothing (only its newest ping needs an answer, RFC 6455 §5.5.3).
///
/// ```
/// use turnwire::ws::{Close, Limits, Message, Role, State, WebSocket};
///
/// let mut server = WebSocket::new(Role::Server, Limits::default(), None, [1; 32]);
/// let mut client = WebSocket::new(Role::Client, Limits::default(), None, [2; 32]);
/// client.close(1000, "done")?;
/// let (mut wire, mut reply) = (Vec::new(), Vec::new());
/// client.write_pending_replies(&mut wire);
/// let close = Message::Close(Some(Close { code: 1000, reason: "done" }));
/// assert_eq!(server.decode(&mut wire.as_slice())?, Some(close));
/// server.write_pending_replies(&mut reply);
/// client.decode(&mut reply.as_slice())?;
/// assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct WebSocket {
    decoder: Decoder,
    encoder: Encoder,
    keys: Keys,
    pong: Option<Payload>,
    /// The close frame to send: owed, or sent already.
    close: Option<(Box<Payload>, bool)>,
    peer: Peer,
}

enum Peer {
    Open,
    Closed(Option<(u16, String)>),
    Failed,
}

/// What a control frame carries.
#[derive(Clone, Copy)]
struct Payload {
    bytes: [u8; CONTROL],
    length: usize,
}

impl Payload {
    fn new(bytes: &[u8]) -> Self {
        let mut payload = Self { bytes: [0; CONTROL], length: bytes.len().min(CONTROL) };
        payload.bytes[..payload.length].copy_from_slice(&bytes[..payload.length]);
        payload
    }

    /// A close frame's payload; a reason that is too long is cut between two characters.
    fn close(code: u16, reason: &str) -> Self {
        let room = CONTROL - 2;
        let cut = (0..=reason.len().min(room)).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
        let mut bytes = [0; CONTROL];
        bytes[..2].copy_from_slice(&code.to_be_bytes());
        bytes[2..2 + cut].copy_from_slice(&reason.as_bytes()[..cut]);
        Self { bytes, length: 2 + cut }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl WebSocket {
    /// An end whose handshake is done. `deflate`: what it agreed on. Masking keys are drawn from the seed.
    #[must_use]
    pub fn new(role: Role, limits: Limits, deflate: Option<&Params>, seed: Seed) -> Self {
        Self {
            decoder: Decoder::new(role, limits, deflate),
            encoder: Encoder::new(role, deflate),
            keys: Keys::new(seed),
            pong: None,
            close: None,
            peer: Peer::Open,
        }
    }

    /// Decodes up to the end of the next message or control frame. A ping's answer, and the answer to a close frame, are owed
    /// from here on: [`write_pending_replies`](Self::write_pending_replies) yields them.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first violation; sticky. The close frame that says so is owed.
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let Self { decoder, pong, close, peer, .. } = self;
        let result = decoder.decode(input);
        owe(&result, pong, close, peer);
        result
    }

    /// The same in a slice that may be changed.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_in_place<'s, 'i: 's>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'s>>, Error> {
        let Self { decoder, pong, close, peer, .. } = self;
        let result = decoder.decode_in_place(input);
        owe(&result, pong, close, peer);
        result
    }

    /// How many bytes there must be at the front of `input` for its first message to be lent from it: see [`Decoder::bytes_to_borrow`].
    #[must_use]
    pub fn bytes_to_borrow(&self, input: &[u8]) -> Option<usize> {
        self.decoder.bytes_to_borrow(input)
    }

    /// Appends a message. For a close frame use [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// [`SendError`], and nothing was appended: [`SendError::Closing`] once a close frame was asked for, owed or received.
    pub fn send(&mut self, message: Message<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        if self.close.is_some() {
            return Err(SendError::Closing);
        }
        if let Message::Close(close) = message {
            return self.close(close.map_or(1000, |close| close.code), close.map_or("", |close| close.reason));
        }
        let key = self.key();
        self.encoder.encode(message, key, out)
    }

    /// A new masking key, for the end that needs one.
    fn key(&mut self) -> [u8; 4] {
        match self.encoder.role() {
            Role::Client => self.keys.next(),
            Role::Server => [0; 4],
        }
    }

    /// Begins the closing handshake, unless it has begun. A reason over 123 bytes is cut between two characters.
    ///
    /// # Errors
    ///
    /// [`SendError::CloseCode`] when the code must not be sent.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), SendError> {
        if !super::is_close_code(code) {
            return Err(SendError::CloseCode(code));
        }
        if self.close.is_none() {
            self.close = Some((Box::new(Payload::close(code, reason)), false));
        }
        Ok(())
    }

    /// Appends the replies that are owed: at most one pong and one close frame. Returns whether there were any. Call it when
    /// what was appended before has been written, so that they cannot pile up.
    pub fn write_pending_replies(&mut self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if let Some(pong) = self.pong.take().filter(|_| !matches!(self.close, Some((_, true)))) {
            let key = self.key();
            // A ping's payload is no longer than a pong's may be.
            let _ = self.encoder.encode(Message::Pong(pong.bytes()), key, out);
        }
        if let Some((payload, _)) = self.close.take_if(|(_, sent)| !*sent) {
            let key = self.key();
            let close = match payload.bytes() {
                [high, low, reason @ ..] => Some(Close {
                    code: u16::from_be_bytes([*high, *low]),
                    reason: core::str::from_utf8(reason).unwrap_or_default(),
                }),
                _ => None,
            };
            let _ = self.encoder.encode(Message::Close(close), key, out);
            self.close = Some((payload, true));
        }
        out.len() > start
    }

    /// Whether [`write_pending_replies`](Self::write_pending_replies) has something to append.
    #[must_use]
    pub const fn has_pending_replies(&self) -> bool {
        matches!(self.close, Some((_, false))) || (self.pong.is_some() && self.close.is_none())
    }

    /// How far the closing handshake has come.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.peer, &self.close) {
            (Peer::Open, None) => State::Open,
            (Peer::Open, Some(_)) => State::Closing,
            (Peer::Closed(_) | Peer::Failed, _) => State::Closed,
        }
    }

    /// The code and reason of the peer's close frame: `None` without one, and 1005 for one that carried no code
    /// (RFC 6455 §7.1.5).
    #[must_use]
    pub fn peer_close(&self) -> Option<Close<'_>> {
        match &self.peer {
            Peer::Open | Peer::Failed => None,
            Peer::Closed(None) => Some(Close { code: 1005, reason: "" }),
            Peer::Closed(Some((code, reason))) => Some(Close { code: *code, reason }),
        }
    }

    /// The peer will send no more bytes.
    #[must_use]
    pub const fn eof(&self) -> Eof {
        match self.peer {
            Peer::Closed(_) | Peer::Failed => Eof::Clean,
            Peer::Open if self.decoder.is_partial() => Eof::Truncated,
            Peer::Open => Eof::Abnormal,
        }
    }

    /// Frees memory that only the next received message needs: see [`Decoder::release_memory`]. For a connection that is
    /// idle, because the next message takes longer.
    pub fn release_input_memory(&mut self) {
        self.decoder.release_memory();
    }

    /// Frees memory that only the next sent message needs: see [`Encoder::release_memory`].
    pub fn release_output_memory(&mut self) {
        self.encoder.release_memory();
    }

    /// How many bytes are kept of a message that is not whole.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.decoder.buffered()
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decoder, encoder, .. } = self;
        let mut socket = f.debug_struct("WebSocket");
        socket.field("decoder", decoder).field("encoder", encoder).field("state", &self.state());
        socket.field("has_pending_replies", &self.has_pending_replies()).finish_non_exhaustive()
    }
}

/// What the protocol owes for what was received.
fn owe(
    result: &Result<Option<Message<'_>>, Error>,
    pong: &mut Option<Payload>,
    close: &mut Option<(Box<Payload>, bool)>,
    peer: &mut Peer,
) {
    match result {
        Ok(Some(Message::Ping(payload))) if close.is_none() => *pong = Some(Payload::new(payload)),
        Ok(Some(Message::Close(received))) => {
            *pong = None;
            *peer = Peer::Closed(received.map(|close| (close.code, close.reason.into())));
            if close.is_none() {
                let echo = received.map_or(Payload::new(&[]), |received| Payload::close(received.code, ""));
                *close = Some((Box::new(echo), false));
            }
        }
        Err(error) if matches!(peer, Peer::Open) => {
            *pong = None;
            *peer = Peer::Failed;
            if close.is_none() {
                *close = Some((Box::new(Payload::close(error.close_code(), "")), false));
            }
        }
        Ok(_) | Err(_) => {}
    }
}
