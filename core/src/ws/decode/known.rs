//! A fast path of a client: text messages that the caller knows, because they repeat an earlier one except for a few values.

use super::{Decoder, Stage};
use crate::ws::assembler::Payload;
use crate::ws::fast_path::{self, SingleFrameMessage};
use crate::ws::role::Role;
use crate::ws::utf8;

impl Decoder {
    /// See [`WebSocket::decode_known`](crate::ws::WebSocket::decode_known).
    #[inline]
    pub(in crate::ws) fn decode_known<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        is_known: impl FnOnce(&'s [u8]) -> bool,
    ) -> Option<&'s str> {
        let bytes: &'i [u8] = input;
        let Some(message) = self.find_single_frame(bytes) else { return self.inflate_known(input, is_known) };
        let SingleFrameMessage { text: true, key: None, span } = message else { return None };
        let (payload, rest) = (&bytes[span.start..span.end], &bytes[span.end..]);
        if !is_known(payload) {
            return None;
        }
        let text = utf8::validate(payload)?;
        *input = rest;
        Some(text)
    }

    /// Does so with a compressed message. If it is not known, the next call of [`decode`](Self::decode) returns it.
    fn inflate_known<'s>(&'s mut self, input: &mut &[u8], is_known: impl FnOnce(&'s [u8]) -> bool) -> Option<&'s str> {
        if !self.is_between_messages() || !self.assembler.inflates() || self.role == Role::Server {
            return None;
        }
        let span = fast_path::find_compressed(&self.limits, input)?;
        let (frame, rest) = input.split_at(span.end);
        *input = rest;
        let result = self.assembler.inflate_text(&frame[span.start..]);
        self.stage = Stage::Unreturned(result);
        let Payload::Unvalidated(payload) = self.assembler.payload(result.ok()?) else { return None };
        if !is_known(payload) {
            return None;
        }
        let text = utf8::validate(payload)?;
        self.stage = Stage::OutputBorrowed;
        Some(text)
    }

    /// Returns whether [`decode_known`](Self::decode_known) has read a message, or found an error, that was not returned: the next call of
    /// [`decode`](Self::decode) returns it.
    pub(in crate::ws) const fn has_unreturned(&self) -> bool {
        matches!(self.stage, Stage::Unreturned(_))
    }
}
