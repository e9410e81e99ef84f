//! Encoding of messages as frames.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::deflate::{Deflater, Params, SharedPool};
use super::frame::{CONTROL, Header, LONGEST, Opcode};
use super::mask;
use super::message::{Close, Message, is_close_code};
use super::role::Role;

/// The reason why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// A ping or pong contains more than 125 bytes, or a close reason more than 123 (RFC 6455 §5.5).
    ControlTooLong,
    /// The close code is reserved or out of range (RFC 6455 §7.4).
    CloseCode(u16),
    /// A close frame was sent or is pending. Nothing may follow it (RFC 6455 §5.5.1).
    Closing,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlTooLong => f.write_str("a control frame contains at most 125 bytes"),
            Self::CloseCode(code) => write!(f, "close code {code} must not be sent"),
            Self::Closing => f.write_str("the connection is closing"),
        }
    }
}

impl core::error::Error for SendError {}

/// Encodes the messages that one end sends. Each message becomes one frame.
///
/// ```
/// use turnwire::ws::{Encoder, Message, Role};
///
/// let mut out = Vec::new();
/// Encoder::new(Role::Server, None).encode(Message::Text("hi"), [0; 4], &mut out)?;
/// assert_eq!(out, b"\x81\x02hi");
/// # Ok::<(), turnwire::ws::SendError>(())
/// ```
pub struct Encoder {
    role: Role,
    /// If permessage-deflate was negotiated, with a window that this library supports.
    deflation: Option<Box<Deflation>>,
}

/// What compressed messages need, in a box because most connections have none.
struct Deflation {
    deflater: Deflater,
    /// The compressed bytes of the current message.
    bytes: Vec<u8>,
}

impl Encoder {
    /// Creates an encoder for what `role` sends. `deflate`: the negotiated parameters.
    #[must_use]
    pub fn new(role: Role, deflate: Option<&Params>) -> Self {
        let deflater = deflate.and_then(|params| Deflater::new(params, role));
        Self { role, deflation: deflater.map(|deflater| Box::new(Deflation { deflater, bytes: Vec::new() })) }
    }

    /// Uses memory of this pool for permessage-deflate from now on.
    pub fn use_pool(&mut self, pool: &SharedPool) {
        if let Some(deflation) = &mut self.deflation {
            deflation.deflater.use_pool(pool);
        }
    }

    /// Appends a message. A client masks it with `key`, which must be unpredictable for the peer, and a new one for each message
    /// (RFC 6455 §5.3). A server ignores the key.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the message is not a valid control frame. Nothing was appended.
    #[inline]
    pub fn encode(&mut self, message: Message<'_>, key: [u8; 4], out: &mut Vec<u8>) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.data(Opcode::Text, text.as_bytes(), key, out),
            Message::Binary(bytes) => self.data(Opcode::Binary, bytes, key, out),
            Message::Ping(bytes) => return self.control(Opcode::Ping, bytes, key, out),
            Message::Pong(bytes) => return self.control(Opcode::Pong, bytes, key, out),
            Message::Close(None) => return self.control(Opcode::Close, &[], key, out),
            Message::Close(Some(close)) => {
                let mut payload = [0; CONTROL];
                return self.control(Opcode::Close, close_payload(close, &mut payload)?, key, out);
            }
        }
        Ok(())
    }

    #[inline]
    fn data(&mut self, opcode: Opcode, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
        match &mut self.deflation {
            None => frame(self.role, opcode, false, payload, key, out),
            Some(deflation) => {
                deflation.bytes.clear();
                deflation.deflater.message(payload, &mut deflation.bytes);
                frame(self.role, opcode, true, &deflation.bytes, key, out);
            }
        }
    }

    /// Frees memory that only the next message needs: with permessage-deflate, all except the last 8 KiB that were sent. The next
    /// message can refer only to these.
    pub fn release_memory(&mut self) {
        if let Some(deflation) = &mut self.deflation {
            deflation.deflater.release_memory();
            deflation.bytes = Vec::new();
        }
    }

    fn control(&self, opcode: Opcode, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) -> Result<(), SendError> {
        if payload.len() > CONTROL {
            return Err(SendError::ControlTooLong);
        }
        frame(self.role, opcode, false, payload, key, out);
        Ok(())
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deflater = self.deflation.as_ref().map(|deflation| &deflation.deflater);
        f.debug_struct("Encoder").field("role", &self.role).field("deflater", &deflater).finish_non_exhaustive()
    }
}

fn close_payload<'c>(close: Close<'_>, control: &'c mut [u8; CONTROL]) -> Result<&'c [u8], SendError> {
    if !is_close_code(close.code) {
        return Err(SendError::CloseCode(close.code));
    }
    let length = 2 + close.reason.len();
    let payload = control.get_mut(..length).ok_or(SendError::ControlTooLong)?;
    payload[..2].copy_from_slice(&close.code.to_be_bytes());
    payload[2..].copy_from_slice(close.reason.as_bytes());
    Ok(&control[..length])
}

fn frame(role: Role, opcode: Opcode, rsv1: bool, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    out.reserve(LONGEST + payload.len());
    let header = Header { fin: true, rsv1, opcode, length: payload.len(), mask: None };
    match role {
        Role::Client => {
            Header { mask: Some(key), ..header }.encode(out);
            mask::append(key, payload, out);
        }
        Role::Server => {
            header.encode(out);
            out.extend_from_slice(payload);
        }
    }
}
