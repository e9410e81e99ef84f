//! One end of an open WebSocket connection: messages, pending replies, and the closing handshake.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::decode::Decoder;
use super::deflate::{Params, SharedPool};
use super::encode::{Encoder, SendError};
use super::error::Error;
use super::frame::CONTROL;
use super::limits::Limits;
use super::message::{Close, Message, is_close_code};
use super::role::Role;
use crate::entropy::{MaskingKeys, Seed};
use crate::truncate::truncated;

/// The state of the closing handshake (RFC 6455 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Both ends may send.
    Open,
    /// This end has sent a close frame, or has one pending. The peer's close frame has not arrived.
    Closing,
    /// The peer's close frame has arrived, or the peer has violated the protocol. Once the
    /// [pending replies](WebSocket::write_pending_replies) are written, a server closes the TCP connection, and a client waits
    /// for that for some time (RFC 6455 §7.1.1).
    Closed,
}

/// The meaning of the end of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eof {
    /// The peer's close frame had arrived.
    Clean,
    /// The bytes ended between messages, without a close frame: 1006 (RFC 6455 §7.1.5).
    Abnormal,
    /// The bytes ended inside a message, without a close frame.
    Truncated,
}

/// One end of an open connection.
///
/// At most one pong and one close frame are pending. So a peer that sends pings but does not read costs no memory: only its last
/// ping needs a pong (RFC 6455 §5.5.3).
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
    /// A client has them.
    keys: Option<MaskingKeys>,
    pong: Pong,
    close: CloseFrame,
    peer: Peer,
}

/// The pong of this end.
struct Pong {
    is_pending: bool,
    /// Its payload if it is pending, and room for one otherwise. `None` after the memory was released, until the next ping.
    payload: Option<Box<ControlPayload>>,
}

impl Default for Pong {
    fn default() -> Self {
        Self { is_pending: false, payload: Some(Box::new(ControlPayload::new(&[]))) }
    }
}

impl Pong {
    /// Puts a pong in the place of the one that is pending, if there is one.
    fn set(&mut self, payload: ControlPayload) {
        self.is_pending = true;
        match &mut self.payload {
            Some(place) => **place = payload,
            None => self.payload = Some(Box::new(payload)),
        }
    }

    /// Returns the payload of the pong that is pending, which is not pending any more.
    fn take(&mut self) -> Option<&ControlPayload> {
        self.payload.as_deref().filter(|_| core::mem::take(&mut self.is_pending))
    }

    fn release(&mut self) {
        if !self.is_pending {
            self.payload = None;
        }
    }
}

/// The close frame of this end.
enum CloseFrame {
    None,
    Pending(Box<ControlPayload>),
    Sent,
}

impl CloseFrame {
    const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    fn pending(payload: ControlPayload) -> Self {
        Self::Pending(Box::new(payload))
    }
}

/// The other end.
enum Peer {
    Open,
    Closed(Option<Box<(u16, String)>>),
    Failed,
}

/// The payload of a control frame.
#[derive(Clone, Copy)]
struct ControlPayload {
    bytes: [u8; CONTROL],
    length: u8,
}

impl ControlPayload {
    fn new(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(CONTROL)];
        let mut payload = Self { bytes: [0; CONTROL], length: bytes.len() as u8 };
        payload.bytes[..bytes.len()].copy_from_slice(bytes);
        payload
    }

    /// Creates the payload of a close frame. A reason that is too long is truncated between two characters.
    fn close(code: u16, reason: &str) -> Self {
        let reason = truncated(reason, CONTROL - 2);
        let mut bytes = [0; CONTROL];
        bytes[..2].copy_from_slice(&code.to_be_bytes());
        bytes[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
        Self { bytes, length: 2 + reason.len() as u8 }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl WebSocket {
    /// Creates an end of a connection whose opening handshake is complete. `deflate`: the negotiated parameters. A client derives
    /// its masking keys from the seed.
    #[must_use]
    pub fn new(role: Role, limits: Limits, deflate: Option<&Params>, seed: Seed) -> Self {
        Self {
            decoder: Decoder::new(role, limits, deflate),
            encoder: Encoder::new(role, deflate),
            keys: matches!(role, Role::Client).then(|| MaskingKeys::new(seed)),
            pong: Pong::default(),
            close: CloseFrame::None,
            peer: Peer::Open,
        }
    }

    /// Uses memory of this pool for permessage-deflate from now on.
    pub fn use_pool(&mut self, pool: &SharedPool) {
        self.decoder.use_pool(pool);
        self.encoder.use_pool(pool);
    }

    /// Decodes up to the end of the next message or control frame. After a ping or a close frame, a reply is pending:
    /// [`write_pending_replies`](Self::write_pending_replies) writes it.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first violation. A close frame with its code is pending. Every later call returns the same error.
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let Self { decoder, pong, close, peer, .. } = self;
        let result = decoder.decode(input);
        queue_reply(&result, pong, close, peer);
        result
    }

    /// Takes the text message at the front of `input`, if it is whole in one frame without a mask, and its payload is known. Returns the text.
    /// Consumes nothing of anything else, except for a compressed message, which the next call of [`decode`](Self::decode) returns.
    #[inline]
    pub(crate) fn decode_known<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        is_known: impl FnOnce(&'s [u8]) -> bool,
    ) -> Option<&'s str> {
        self.decoder.decode_known(input, is_known)
    }

    /// Returns whether a message, or an error, that [`decode_known`](Self::decode_known) has consumed is the next to be returned.
    pub(crate) const fn has_unreturned(&self) -> bool {
        self.decoder.has_unreturned()
    }

    /// Does the same with a slice that may be changed: see [`Decoder::decode_in_place`].
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_in_place<'s, 'i: 's>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'s>>, Error> {
        let Self { decoder, pong, close, peer, .. } = self;
        let result = decoder.decode_in_place(input);
        queue_reply(&result, pong, close, peer);
        result
    }

    /// Returns the number of bytes of `input` that are needed to borrow its first message: see [`Decoder::bytes_to_borrow`].
    #[must_use]
    pub fn bytes_to_borrow(&self, input: &[u8]) -> Option<usize> {
        self.decoder.bytes_to_borrow(input)
    }

    /// Appends a message. For a close frame use [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// [`SendError`]: [`SendError::Closing`] if a close frame is pending, was sent or was received. Nothing was appended.
    pub fn send(&mut self, message: Message<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        if !self.close.is_none() {
            return Err(SendError::Closing);
        }
        if let Message::Close(close) = message {
            return self.close(close.map_or(1000, |close| close.code), close.map_or("", |close| close.reason));
        }
        self.encoder.encode(message, next_key(&mut self.keys), out)
    }

    /// Starts the closing handshake, unless it has started already. A reason of more than 123 bytes is truncated between two
    /// characters.
    ///
    /// # Errors
    ///
    /// [`SendError::CloseCode`] if the code must not be sent. Nothing was changed.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), SendError> {
        if !is_close_code(code) {
            return Err(SendError::CloseCode(code));
        }
        if self.close.is_none() {
            self.close = CloseFrame::pending(ControlPayload::close(code, reason));
        }
        Ok(())
    }

    /// Appends the pending replies: at most one pong and one close frame. Returns whether there were any. Call it once the bytes
    /// that were appended before are written, so that replies do not accumulate.
    pub fn write_pending_replies(&mut self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if let Some(pong) = self.pong.take().filter(|_| !matches!(self.close, CloseFrame::Sent)) {
            let key = next_key(&mut self.keys);
            // Cannot fail: the payload of a ping is short enough for a pong.
            let _ = self.encoder.encode(Message::Pong(pong.bytes()), key, out);
        }
        if let CloseFrame::Pending(payload) = &self.close {
            // Every payload here was built from a valid code and a text, or is empty.
            let close = Close::parse(payload.bytes()).unwrap_or_default();
            let key = next_key(&mut self.keys);
            let _ = self.encoder.encode(Message::Close(close), key, out);
            self.close = CloseFrame::Sent;
        }
        out.len() > start
    }

    /// Returns whether [`write_pending_replies`](Self::write_pending_replies) would append anything.
    #[must_use]
    pub const fn has_pending_replies(&self) -> bool {
        matches!(self.close, CloseFrame::Pending(_)) || (self.pong.is_pending && self.close.is_none())
    }

    /// Returns the state of the closing handshake.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.peer, &self.close) {
            (Peer::Open, CloseFrame::None) => State::Open,
            (Peer::Open, CloseFrame::Pending(_) | CloseFrame::Sent) => State::Closing,
            (Peer::Closed(_) | Peer::Failed, _) => State::Closed,
        }
    }

    /// Returns the code and reason of the peer's close frame; `None` if none has arrived. The code is 1005 if the frame has
    /// none (RFC 6455 §7.1.5).
    #[must_use]
    pub fn peer_close(&self) -> Option<Close<'_>> {
        match &self.peer {
            Peer::Open | Peer::Failed => None,
            Peer::Closed(None) => Some(Close { code: 1005, reason: "" }),
            Peer::Closed(Some(close)) => Some(Close { code: close.0, reason: &close.1 }),
        }
    }

    /// Returns the meaning of an end of the bytes at this point.
    #[must_use]
    pub const fn eof(&self) -> Eof {
        match self.peer {
            Peer::Closed(_) | Peer::Failed => Eof::Clean,
            Peer::Open if self.decoder.is_partial() => Eof::Truncated,
            Peer::Open => Eof::Abnormal,
        }
    }

    /// Frees the memory of the last message, once it is no longer borrowed.
    pub(crate) fn release_message(&mut self) {
        self.decoder.release_message();
    }

    /// Frees memory that only the next received message needs: see [`Decoder::release_memory`]. Meant for an idle connection,
    /// because the next message takes longer.
    pub fn release_input_memory(&mut self) {
        self.decoder.release_memory();
    }

    /// Frees memory that only the next sent message needs: see [`Encoder::release_memory`], and that of masking keys and pongs.
    pub fn release_output_memory(&mut self) {
        self.encoder.release_memory();
        self.pong.release();
        if let Some(keys) = &mut self.keys {
            keys.release();
        }
    }

    /// Returns the number of bytes that are kept of an incomplete message.
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

/// Returns a new masking key, if this end needs one.
fn next_key(keys: &mut Option<MaskingKeys>) -> [u8; 4] {
    keys.as_mut().map_or([0; 4], MaskingKeys::next)
}

/// Queues the reply that the protocol requires.
fn queue_reply(result: &Result<Option<Message<'_>>, Error>, pong: &mut Pong, close: &mut CloseFrame, peer: &mut Peer) {
    match result {
        Ok(Some(Message::Ping(payload))) if close.is_none() => pong.set(ControlPayload::new(payload)),
        Ok(Some(Message::Close(received))) => {
            pong.is_pending = false;
            *peer = Peer::Closed(received.map(|close| Box::new((close.code, close.reason.into()))));
            if close.is_none() {
                let echo =
                    received.map_or(ControlPayload::new(&[]), |received| ControlPayload::close(received.code, ""));
                *close = CloseFrame::pending(echo);
            }
        }
        Err(error) if matches!(peer, Peer::Open) => {
            pong.is_pending = false;
            *peer = Peer::Failed;
            if close.is_none() {
                *close = CloseFrame::pending(ControlPayload::close(error.close_code(), ""));
            }
        }
        Ok(_) | Err(_) => {}
    }
}
