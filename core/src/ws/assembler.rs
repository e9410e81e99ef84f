//! Assembly of messages that are not whole in the caller's slice: fragmented, split between reads, or compressed.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::deflate::{self, Inflater, Params, SharedPool};
use super::error::Error;
use super::limits::Limits;
use super::mask::{self, Key, PayloadBytes};
use super::role::Role;
use super::utf8::Utf8Validator;
use crate::buffer::{self, RETAINED};

/// The number of bytes that a message may inflate to whatever the ratio is.
const RATIO_FREE: usize = 64 * 1024;

/// The number of bytes of text that are unmasked, validated and copied at a time: few enough to stay in the nearest cache.
const STEP: usize = 4096;

/// The number of compressed bytes that are unmasked and inflated at a time.
const INFLATED_STEP: usize = 16 * 1024;

/// The number of bytes of text that are validated at once, within a step.
const BLOCK: usize = 64;

/// Assembles one message at a time.
pub(super) struct MessageAssembler {
    limits: Limits,
    message: Option<PartialMessage>,
    /// The bytes of a binary message; also room for unmasked bytes.
    bytes: Vec<u8>,
    /// The validated text of an uncompressed text message.
    text: String,
    /// If permessage-deflate was negotiated.
    inflation: Option<Box<Inflation>>,
}

/// What compressed messages need, in a box because most connections have none.
struct Inflation {
    inflater: Inflater,
    /// The inflated bytes of the current message.
    bytes: Vec<u8>,
}

/// A message whose last frame is not complete.
#[derive(Clone, Copy)]
struct PartialMessage {
    text: bool,
    compressed: bool,
    utf8: Utf8Validator,
    fragments: usize,
    /// The sum of the payload lengths that its frames have declared.
    declared: usize,
}

/// A complete message, whose payload is in the assembler.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompleteMessage {
    text: bool,
    compressed: bool,
}

/// The payload of a complete message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'m> {
    Binary(&'m [u8]),
    /// Text that has been validated.
    Text(&'m str),
    /// Text whose last piece has not been validated.
    Unvalidated(&'m [u8]),
}

impl MessageAssembler {
    pub(super) fn new(role: Role, limits: Limits, deflate: Option<&Params>) -> Self {
        let inflation =
            deflate.map(|params| Box::new(Inflation { inflater: Inflater::new(params, role), bytes: Vec::new() }));
        Self { limits, message: None, bytes: Vec::new(), text: String::new(), inflation }
    }

    /// Uses memory of this pool for decompression.
    pub(super) fn use_pool(&mut self, pool: &SharedPool) {
        if let Some(inflation) = &mut self.inflation {
            inflation.inflater.use_pool(pool);
        }
    }

    /// Returns whether permessage-deflate was negotiated.
    pub(super) const fn inflates(&self) -> bool {
        self.inflation.is_some()
    }

    /// Returns whether a message is incomplete.
    pub(super) const fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Returns the number of bytes that are kept.
    pub(super) fn buffered(&self) -> usize {
        let incomplete = self.message.as_ref().map_or(0, |message| match message.compressed {
            false => message.utf8.incomplete_len(),
            true => 0,
        });
        let inflated = self.inflation.as_ref().map_or(0, |inflation| inflation.bytes.len());
        self.bytes.len() + self.text.len() + incomplete + inflated
    }

    /// Begins a message with the header of its first frame.
    pub(super) fn begin(&mut self, text: bool, compressed: bool, length: usize) -> Result<(), Error> {
        let utf8 = Utf8Validator::default();
        self.message = Some(PartialMessage { text, compressed, utf8, fragments: 0, declared: 0 });
        self.add_frame(length)
    }

    /// Adds the header of one more frame of the message.
    pub(super) fn add_frame(&mut self, length: usize) -> Result<(), Error> {
        let Some(message) = &mut self.message else { return Err(Error::Continuation) };
        message.fragments += 1;
        let limit = self.limits.fragments();
        if message.fragments > limit {
            return Err(Error::TooManyFragments { limit });
        }
        message.declared = message.declared.saturating_add(length);
        if message.declared > self.limits.message {
            return Err(Error::MessageTooLong { limit: self.limits.message });
        }
        Ok(())
    }

    /// Adds a piece of a frame's payload. `fin`: the frame is the last one of the message. `ends`: the piece is the last one of
    /// the frame.
    ///
    /// Text is validated here, except for the last piece of a compressed message, which is validated as a whole afterwards.
    pub(super) fn push(
        &mut self,
        key: Option<Key>,
        mut piece: PayloadBytes<'_>,
        fin: bool,
        ends: bool,
    ) -> Result<(), Error> {
        let size = piece.as_slice().len();
        let Some(message) = &mut self.message else { return Err(Error::Continuation) };
        let last = fin && ends;
        if message.compressed && self.inflation.is_some() {
            let (mut at, mut key) = (0, key);
            // A piece may be as long as the message; its unmasked copy is not.
            while size - at > INFLATED_STEP {
                self.inflate(key, piece.slice(at..at + INFLATED_STEP), false)?;
                key = key.map(|key| mask::rotate_key(key, INFLATED_STEP));
                at += INFLATED_STEP;
            }
            return self.inflate(key, piece.slice(at..size), last);
        }
        // From the header of the last frame on, the length of the message is known.
        let limit = if fin { message.declared } else { self.limits.message };
        if !message.text {
            let piece = piece.as_slice();
            buffer::reserve(&mut self.bytes, piece.len(), limit);
            match key {
                None => self.bytes.extend_from_slice(piece),
                Some(key) => mask::append(key, piece, &mut self.bytes),
            }
            return Ok(());
        }
        let (mut at, mut key) = (0, key);
        while at < size {
            // The borders of steps depend only on the position in the message, not on how reads split it, so equal texts take
            // equal branches.
            let received = self.text.len() + message.utf8.incomplete_len();
            let room = if received.is_multiple_of(BLOCK) { STEP - received % STEP } else { BLOCK - received % BLOCK };
            let step = at..size.min(at + room);
            let text = piece.slice(step.clone()).unmask(key, &mut self.bytes);
            append_text(&mut message.utf8, text, &mut self.text, limit)?;
            key = key.map(|key| mask::rotate_key(key, step.len()));
            at = step.end;
        }
        self.bytes.clear();
        if last && message.utf8.incomplete_len() > 0 { Err(Error::Utf8) } else { Ok(()) }
    }

    /// Inflates a text message in a single frame without a mask, at the border of two messages.
    pub(super) fn inflate_text(&mut self, payload: &[u8]) -> Result<CompleteMessage, Error> {
        self.begin(true, true, payload.len())?;
        self.push(None, PayloadBytes::Shared(payload), true, true)?;
        Ok(self.end())
    }

    fn inflate(&mut self, key: Option<Key>, piece: PayloadBytes<'_>, last: bool) -> Result<(), Error> {
        let (Some(message), Some(inflation)) = (&mut self.message, &mut self.inflation) else { return Ok(()) };
        let Inflation { inflater, bytes: inflated } = &mut **inflation;
        let limit = inflated_limit(&self.limits, message.declared);
        let piece = piece.unmask(key, &mut self.bytes);
        let start = inflated.len();
        let mut result = inflater.push(piece, inflated, limit);
        if last && result.is_ok() {
            result = inflater.end();
        }
        self.bytes.clear();
        let new = &inflated[start..];
        if let Err(error) = result {
            // Invalid text before the error takes precedence, so that the result does not depend on how reads split it.
            let invalid = message.text && !message.utf8.push(new);
            return Err(if invalid { Error::Utf8 } else { inflate_error(error, limit) });
        }
        if message.text && !last && !message.utf8.push(new) {
            return Err(Error::Utf8);
        }
        Ok(())
    }

    /// Ends the message. Its payload is kept until [`clear`](Self::clear).
    pub(super) fn end(&mut self) -> CompleteMessage {
        let message = self.message.take();
        CompleteMessage {
            text: message.is_some_and(|message| message.text),
            compressed: message.is_some_and(|message| message.compressed),
        }
    }

    /// Unmasks a message that is whole in the caller's slice, which must not be changed.
    pub(super) fn unmask_copy<'a>(&'a mut self, key: Key, payload: &'a [u8]) -> &'a [u8] {
        PayloadBytes::Shared(payload).unmask(Some(key), &mut self.bytes)
    }

    pub(super) fn payload(&self, message: CompleteMessage) -> Payload<'_> {
        match (&self.inflation, message.text) {
            (Some(inflation), true) if message.compressed => Payload::Unvalidated(&inflation.bytes),
            (Some(inflation), false) if message.compressed => Payload::Binary(&inflation.bytes),
            (_, true) => Payload::Text(&self.text),
            (_, false) => Payload::Binary(&self.bytes),
        }
    }

    /// Empties the buffers for the next message.
    pub(super) fn clear(&mut self) {
        let inflated = self.inflation.as_mut().map(|inflation| &mut inflation.bytes);
        for buffer in [Some(&mut self.bytes), inflated].into_iter().flatten() {
            buffer.clear();
            buffer.shrink_to(RETAINED);
        }
        self.text.clear();
        self.text.shrink_to(RETAINED);
    }

    /// Frees the memory of all buffers, between two messages.
    pub(super) fn release_memory(&mut self) {
        (self.bytes, self.text) = (Vec::new(), String::new());
        if let Some(inflation) = &mut self.inflation {
            inflation.inflater.release_memory();
            inflation.bytes = Vec::new();
        }
    }
}

/// Validates a piece of text and appends its complete characters.
fn append_text(utf8: &mut Utf8Validator, piece: &[u8], out: &mut String, limit: usize) -> Result<(), Error> {
    let (completed, text) = utf8.decode(piece).ok_or(Error::Utf8)?;
    buffer::reserve_text(out, completed.map_or(0, char::len_utf8) + text.len(), limit);
    out.extend(completed);
    out.push_str(text);
    Ok(())
}

/// Returns the number of bytes that a message may inflate to, if its frames have declared `declared` bytes. The number of
/// received bytes does not count, because it would make the result depend on how reads split the frames.
fn inflated_limit(limits: &Limits, declared: usize) -> usize {
    let by_ratio = limits.ratio.map_or(usize::MAX, |ratio| {
        declared.saturating_mul(usize::try_from(ratio).unwrap_or(usize::MAX)).saturating_add(RATIO_FREE)
    });
    limits.message.min(by_ratio)
}

const fn inflate_error(error: deflate::Error, limit: usize) -> Error {
    match error {
        deflate::Error::Corrupt => Error::Inflate,
        deflate::Error::TooLong => Error::MessageTooLong { limit },
    }
}
