//! Reference implementation of the `ws` layer after RFC 6455 §5: checks everything again after each byte.
//!
//! It supports no extension. It validates the whole text of a message after each byte, which takes quadratic time, so
//! inputs must be short.

use turnwire::ws::{Error, Limits, Role, is_close_code};

use crate::laws::ws::Owned;

/// Decodes all messages of `input` for `role`. Returns also the violation that ended decoding.
#[must_use]
pub fn decode(role: Role, limits: Limits, input: &[u8]) -> (Vec<Owned>, Option<Error>) {
    let mut decoder = Decoder { role, limits, frame: Vec::new(), message: None, messages: Vec::new(), closed: false };
    for byte in input {
        if decoder.closed {
            break;
        }
        decoder.frame.push(*byte);
        if let Err(error) = decoder.check() {
            return (decoder.messages, Some(error));
        }
    }
    (decoder.messages, None)
}

struct Decoder {
    role: Role,
    limits: Limits,
    /// The bytes of the current frame so far, with its header, masked as received.
    frame: Vec<u8>,
    /// Of the current message: whether it is text, the payloads of its complete frames, and their number.
    message: Option<(bool, Vec<u8>, usize)>,
    messages: Vec<Owned>,
    closed: bool,
}

impl Decoder {
    fn check(&mut self) -> Result<(), Error> {
        let first = self.frame[0];
        let (fin, opcode) = (first >> 7 == 1, first & 0b1111);
        if first & 0b0111_0000 != 0 {
            return Err(Error::ReservedBits);
        }
        match opcode {
            0 if self.message.is_none() => return Err(Error::Continuation),
            1 | 2 if self.message.is_some() => return Err(Error::Interrupted),
            0..=2 => {}
            8..=10 if !fin => return Err(Error::ControlFragmented),
            8..=10 => {}
            _ => return Err(Error::ReservedOpcode),
        }
        let Some(second) = self.frame.get(1).copied() else { return Ok(()) };
        match (self.role, second >> 7) {
            (Role::Server, 0) => return Err(Error::NotMasked),
            (Role::Client, 1) => return Err(Error::Masked),
            _ => {}
        }
        let short = usize::from(second & 0b0111_1111);
        if opcode >= 8 && short > 125 {
            return Err(Error::ControlTooLong);
        }
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(extended) = self.frame.get(2..2 + wide) else { return Ok(()) };
        let length = match wide {
            0 => short as u128,
            _ => extended.iter().fold(0, |length, byte| length * 256 + u128::from(*byte)),
        };
        if (wide == 2 && length < 126) || (wide == 8 && !(0x1_0000..0x8000_0000_0000_0000).contains(&length)) {
            return Err(Error::Length);
        }
        if opcode < 8 && length > self.limits.frame as u128 {
            return Err(Error::FrameTooLong { limit: self.limits.frame });
        }
        let key_at = 2 + wide;
        let payload_at = key_at + if self.role == Role::Server { 4 } else { 0 };
        let Some(key) = self.frame.get(key_at..payload_at) else { return Ok(()) };
        let payload: Vec<u8> = self.frame[payload_at..]
            .iter()
            .enumerate()
            .map(|(i, b)| if key.is_empty() { *b } else { b ^ key[i % 4] })
            .collect();
        if opcode < 8 {
            self.check_message(opcode, length, &payload)?;
        }
        if (payload.len() as u128) < length {
            return Ok(());
        }
        self.frame.clear();
        if opcode >= 8 { self.control(opcode, payload) } else { self.data(fin, opcode, payload) }
    }

    /// Checks the message limits and the text so far.
    fn check_message(&self, opcode: u8, length: u128, payload: &[u8]) -> Result<(), Error> {
        let (text, before, fragments) = match &self.message {
            Some((text, before, fragments)) => (*text, before.clone(), *fragments),
            None => (opcode == 1, Vec::new(), 0),
        };
        let limit = (self.limits.message / 16 * 2).max(65_536);
        if fragments + 1 > limit {
            return Err(Error::TooManyFragments { limit });
        }
        if before.len() as u128 + length > self.limits.message as u128 {
            return Err(Error::MessageTooLong { limit: self.limits.message });
        }
        match core::str::from_utf8(&[&before, payload].concat()) {
            Err(error) if text && error.error_len().is_some() => Err(Error::Utf8),
            _ => Ok(()),
        }
    }

    fn data(&mut self, fin: bool, opcode: u8, payload: Vec<u8>) -> Result<(), Error> {
        let (text, mut bytes, fragments) = self.message.take().unwrap_or((opcode == 1, Vec::new(), 0));
        bytes.extend(payload);
        match (fin, text) {
            (false, _) => self.message = Some((text, bytes, fragments + 1)),
            (true, false) => self.messages.push(Owned::Binary(bytes)),
            (true, true) => self.messages.push(Owned::Text(String::from_utf8(bytes).map_err(|_| Error::Utf8)?)),
        }
        Ok(())
    }

    fn control(&mut self, opcode: u8, payload: Vec<u8>) -> Result<(), Error> {
        self.messages.push(match (opcode, payload.as_slice()) {
            (9, _) => Owned::Ping(payload),
            (10, _) => Owned::Pong(payload),
            (_, []) => Owned::Close(None),
            (_, [_]) => return Err(Error::CloseLength),
            (_, [high, low, reason @ ..]) => {
                let code = u16::from(*high) * 256 + u16::from(*low);
                if !is_close_code(code) {
                    return Err(Error::CloseCode(code));
                }
                let reason = core::str::from_utf8(reason).map_err(|_| Error::Utf8)?;
                Owned::Close(Some((code, reason.to_owned())))
            }
        });
        self.closed = opcode == 8;
        Ok(())
    }
}
