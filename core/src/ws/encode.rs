//! Messages to frames.

use alloc::vec::Vec;
use core::fmt;

use super::deflate::{Deflater, Params};
use super::frame::{CONTROL, Header, LONGEST, Opcode};
use super::{Close, Message, Role, is_close_code, mask};

/// Why a message cannot be sent. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A ping or pong carries more than 125 bytes, or a close reason is longer than 123 (RFC 6455 §5.5).
    #[error("a control frame carries at most 125 bytes")]
    ControlTooLong,
    /// The close code is for local use, reserved, or out of range (RFC 6455 §7.4).
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// A close frame was sent, or is owed: nothing may follow it (RFC 6455 §5.5.1).
    #[error("the connection is closing")]
    Closing,
}

/// Encodes what one peer sends. Each message becomes one frame.
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
    deflater: Option<(Deflater, Vec<u8>)>,
}

impl Encoder {
    /// An encoder for what `role` sends. `deflate`: what the handshake agreed on.
    #[must_use]
    pub fn new(role: Role, deflate: Option<&Params>) -> Self {
        let deflater = deflate.and_then(|params| Deflater::new(params, role));
        Self { role, deflater: deflater.map(|deflater| (deflater, Vec::new())) }
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    /// Appends the message. `key` masks it when this is a client: take it from a source that the peer cannot predict, and a
    /// new one for each message (RFC 6455 §5.3). A server has no use for it.
    ///
    /// # Errors
    ///
    /// [`SendError`], and nothing was appended.
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
        match &mut self.deflater {
            None => frame(self.role, opcode, false, payload, key, out),
            Some((deflater, compressed)) => {
                compressed.clear();
                deflater.message(payload, compressed);
                frame(self.role, opcode, true, compressed, key, out);
            }
        }
    }

    /// Frees memory that only the next message needs; with permessage-deflate, all but the last 8 KiB of what was sent. The
    /// next message can be compressed only with reference to these.
    pub fn release_memory(&mut self) {
        if let Some((deflater, compressed)) = &mut self.deflater {
            deflater.release_memory();
            *compressed = Vec::new();
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
        let deflater = self.deflater.as_ref().map(|(deflater, _)| deflater);
        f.debug_struct("Encoder").field("role", &self.role).field("deflater", &deflater).finish_non_exhaustive()
    }
}

fn close_payload<'c>(close: Close<'_>, control: &'c mut [u8; CONTROL]) -> Result<&'c [u8], SendError> {
    if !is_close_code(close.code) {
        return Err(SendError::CloseCode(close.code));
    }
    let length = 2 + close.reason.len();
    let place = control.get_mut(..length).ok_or(SendError::ControlTooLong)?;
    place[..2].copy_from_slice(&close.code.to_be_bytes());
    place[2..].copy_from_slice(close.reason.as_bytes());
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
