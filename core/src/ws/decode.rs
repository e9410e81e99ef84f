//! Decoding of frames as messages.

mod known;

use alloc::boxed::Box;
use core::fmt;
use core::mem;

use super::assembler::{CompleteMessage, MessageAssembler, Payload};
use super::deflate::{Params, SharedPool};
use super::error::Error;
use super::fast_path::{self, SingleFrameMessage};
use super::frame::{CONTROL, Header, HeaderContext, LONGEST, Opcode};
use super::limits::Limits;
use super::mask::{self, Key, PayloadBytes};
use super::message::{Close, Message};
use super::role::Role;
use super::utf8;

/// Decodes the frames that one end receives.
///
/// A message that is whole in the caller's slice is borrowed from it, unless it has to be unmasked and the slice may not be
/// changed. Any other message is assembled in a buffer that grows as its bytes arrive.
///
/// ```
/// use turnwire::ws::{Decoder, Limits, Message, Role};
///
/// let mut decoder = Decoder::new(Role::Client, Limits::default(), None);
/// let mut input: &[u8] = b"\x81\x02hi\x89";
/// assert_eq!(decoder.decode(&mut input)?, Some(Message::Text("hi")));
/// assert_eq!(decoder.decode(&mut input)?, None); // a ping's header is incomplete
/// # Ok::<(), turnwire::ws::Error>(())
/// ```
pub struct Decoder {
    role: Role,
    limits: Limits,
    stage: Stage,
    header: PartialHeader,
    frame: Option<PartialFrame>,
    assembler: MessageAssembler,
    /// Room for the payload of a control frame. `None` after the memory was released, until the next one.
    control: Option<Box<[u8; CONTROL]>>,
}

/// The position in the stream.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// At the border of two messages, with empty buffers.
    Idle,
    /// At the border of two messages. The last one may be borrowed from the assembler, whose buffers are to be emptied.
    OutputBorrowed,
    /// In a frame or a message.
    InMessage,
    /// At the border of two messages. The last one, or what was wrong with it, has not been returned.
    Unreturned(Result<CompleteMessage, Error>),
    /// Behind a close frame: the rest is skipped.
    Closed,
    Failed(Error),
}

/// A header whose end has not arrived.
#[derive(Clone, Copy, Debug)]
struct PartialHeader {
    bytes: [u8; LONGEST],
    length: u8,
}

/// A frame whose end has not arrived.
#[derive(Clone, Copy, Debug)]
struct PartialFrame {
    fin: bool,
    opcode: Opcode,
    /// The masking key for the next byte.
    key: Option<Key>,
    /// The number of bytes that are missing.
    missing: usize,
    /// The number of bytes that have arrived.
    received: usize,
}

/// A message or control frame that is complete, and where its payload is.
enum Ready {
    SingleFrame(SingleFrameMessage),
    /// In the assembler.
    Assembled(CompleteMessage),
    /// In the decoder's control buffer, validated.
    Control {
        opcode: Opcode,
        length: usize,
    },
}

impl Decoder {
    /// Creates a decoder for what `role` receives. `deflate`: the negotiated parameters.
    #[must_use]
    pub fn new(role: Role, limits: Limits, deflate: Option<&Params>) -> Self {
        Self {
            role,
            limits,
            stage: Stage::Idle,
            header: PartialHeader { bytes: [0; LONGEST], length: 0 },
            frame: None,
            assembler: MessageAssembler::new(role, limits, deflate),
            control: Some(Box::new([0; CONTROL])),
        }
    }

    /// Uses memory of this pool for permessage-deflate from now on.
    pub fn use_pool(&mut self, pool: &SharedPool) {
        self.assembler.use_pool(pool);
    }

    /// Decodes up to the end of the next message or control frame. Returns `None` when all input is consumed. Masked payloads are
    /// copied.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first violation. All messages before it have been returned. Every later call returns the same error and
    /// consumes nothing.
    #[inline]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let bytes: &'i [u8] = input;
        let Some(message) = self.find_single_frame(bytes) else { return self.decode_general(input) };
        *input = &bytes[message.span.end..];
        self.copy_single_frame(message, bytes)
    }

    fn decode_general<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let bytes: &'i [u8] = input;
        let mut at = 0;
        let ready = self.next(PayloadBytes::Shared(bytes), &mut at);
        *input = &bytes[at..];
        match ready? {
            None => Ok(None),
            Some(Ready::SingleFrame(message)) => self.copy_single_frame(message, bytes),
            Some(Ready::Assembled(message)) => assembled(&mut self.stage, self.assembler.payload(message)),
            Some(Ready::Control { opcode, length }) => control(opcode, self.control(length)).map(Some),
        }
    }

    #[inline]
    fn copy_single_frame<'s, 'i: 's>(
        &'s mut self,
        message: SingleFrameMessage,
        bytes: &'i [u8],
    ) -> Result<Option<Message<'s>>, Error> {
        let SingleFrameMessage { text, key, span } = message;
        let Some(key) = key else { return validated(&mut self.stage, text, &bytes[span]) };
        self.stage = Stage::OutputBorrowed;
        validated(&mut self.stage, text, self.assembler.unmask_copy(key, &bytes[span]))
    }

    /// Does the same as [`decode`](Self::decode) with a slice that may be changed: masked payloads are unmasked in place.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn decode_in_place<'s, 'i: 's>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'s>>, Error> {
        let Some(message) = self.find_single_frame(input) else { return self.decode_general_in_place(input) };
        let (taken, rest) = mem::take(input).split_at_mut(message.span.end);
        *input = rest;
        unmask_in_place(&mut self.stage, message, taken)
    }

    fn decode_general_in_place<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Message<'s>>, Error> {
        let mut at = 0;
        let ready = self.next(PayloadBytes::Mutable(input), &mut at);
        let (taken, rest) = mem::take(input).split_at_mut(at);
        *input = rest;
        match ready? {
            None => Ok(None),
            Some(Ready::SingleFrame(message)) => unmask_in_place(&mut self.stage, message, taken),
            Some(Ready::Assembled(message)) => assembled(&mut self.stage, self.assembler.payload(message)),
            Some(Ready::Control { opcode, length }) => control(opcode, self.control(length)).map(Some),
        }
    }

    /// Returns the number of bytes that `input` must have for the message at its start to be borrowed from it. Returns `None`
    /// if it has them, or if no number would suffice because the message is compressed, fragmented, a control frame or
    /// invalid.
    ///
    /// Meant for callers that own the buffer they read into: instead of having a split message assembled and so copied, they can
    /// keep its beginning and read the rest behind it. Nothing is consumed, and [`decode`](Self::decode) accepts any input at any
    /// time. The caller decides how much to keep for a declared length.
    #[must_use]
    pub fn bytes_to_borrow(&self, input: &[u8]) -> Option<usize> {
        if !self.is_between_messages() {
            return None;
        }
        match Header::parse(input, self.header_context()) {
            Ok(Some((header, size))) => {
                let needed = size.checked_add(header.length)?;
                let is_single = fast_path::is_single_frame(&self.limits, &header).is_some();
                (is_single && needed > input.len()).then_some(needed)
            }
            Ok(None) => (!input.is_empty()).then_some(input.len() + 1),
            Err(_) => None,
        }
    }

    /// Returns whether a frame or a message is incomplete, so that an end of the bytes would truncate it.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.header.length > 0 || self.frame.is_some() || self.assembler.is_in_message()
    }

    /// Returns the number of bytes that are kept of an incomplete message, or of the last message that was assembled.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.assembler.buffered()
    }

    /// Frees memory that only the next message needs: with permessage-deflate, all except the window, at most 32 KiB. Does
    /// nothing within a frame or a message.
    pub fn release_memory(&mut self) {
        if !self.is_partial() && !self.has_unreturned() {
            self.assembler.release_memory();
            self.control = None;
            if matches!(self.stage, Stage::OutputBorrowed) {
                self.stage = Stage::Idle;
            }
        }
    }

    /// Frees the memory of the last message, once it is no longer borrowed.
    #[inline]
    pub(super) fn release_message(&mut self) {
        if matches!(self.stage, Stage::OutputBorrowed) {
            self.assembler.clear();
            self.stage = Stage::Idle;
        }
    }

    /// Returns the fast path: a message in a single frame at the start of the input.
    #[inline]
    fn find_single_frame(&mut self, bytes: &[u8]) -> Option<SingleFrameMessage> {
        self.release_message();
        if self.is_between_messages() { fast_path::find(&self.limits, self.role, bytes) } else { None }
    }

    /// Returns whether the next byte begins a message or a control frame.
    #[inline]
    const fn is_between_messages(&self) -> bool {
        matches!(self.stage, Stage::Idle | Stage::OutputBorrowed)
    }

    fn next(&mut self, bytes: PayloadBytes<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        let result = match self.stage {
            Stage::Idle | Stage::OutputBorrowed | Stage::InMessage => self.advance(bytes, at),
            Stage::Unreturned(result) => result.map(|message| Some(Ready::Assembled(message))),
            Stage::Failed(error) => return Err(error),
            Stage::Closed => {
                *at = bytes.as_slice().len();
                return Ok(None);
            }
        };
        self.stage = match &result {
            Err(error) => Stage::Failed(*error),
            Ok(Some(Ready::Assembled(_))) => Stage::OutputBorrowed,
            Ok(Some(Ready::Control { opcode: Opcode::Close, .. })) => Stage::Closed,
            Ok(_) if self.is_partial() => Stage::InMessage,
            Ok(_) => Stage::Idle,
        };
        result
    }

    fn advance(&mut self, mut bytes: PayloadBytes<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        loop {
            if self.frame.is_none() {
                let Some(header) = self.read_header(bytes.as_slice(), at)? else { return Ok(None) };
                if let Some(message) = fast_path::take(&self.limits, &header, bytes.as_slice(), at) {
                    return Ok(Some(Ready::SingleFrame(message)));
                }
                self.begin_frame(&header)?;
            }
            let ready = self.read_payload(&mut bytes, at)?;
            if ready.is_some() || self.frame.is_some() {
                return Ok(ready);
            }
        }
    }

    fn header_context(&self) -> HeaderContext {
        HeaderContext {
            masked: self.role == Role::Server,
            deflate: self.assembler.inflates(),
            in_message: self.assembler.is_in_message(),
            limit: self.limits.frame,
        }
    }

    /// Reads the next header. Keeps it, and returns `None`, if it is incomplete.
    fn read_header(&mut self, bytes: &[u8], at: &mut usize) -> Result<Option<Header>, Error> {
        let context = self.header_context();
        let rest = &bytes[*at..];
        if self.header.length == 0
            && let Some((header, size)) = Header::parse(rest, context)?
        {
            *at += size;
            return Ok(Some(header));
        }
        let kept = usize::from(self.header.length);
        let more = rest.len().min(LONGEST - kept);
        self.header.bytes[kept..kept + more].copy_from_slice(&rest[..more]);
        match Header::parse(&self.header.bytes[..kept + more], context)? {
            Some((header, size)) => {
                *at += size - kept;
                self.header.length = 0;
                Ok(Some(header))
            }
            None => {
                *at += more;
                self.header.length += more as u8;
                Ok(None)
            }
        }
    }

    fn begin_frame(&mut self, header: &Header) -> Result<(), Error> {
        let Header { fin, rsv1, opcode, length, mask } = *header;
        match opcode {
            Opcode::Text | Opcode::Binary => self.assembler.begin(opcode == Opcode::Text, rsv1, length)?,
            Opcode::Continuation => self.assembler.add_frame(length)?,
            Opcode::Close | Opcode::Ping | Opcode::Pong => {}
        }
        self.frame = Some(PartialFrame { fin, opcode, key: mask, missing: length, received: 0 });
        Ok(())
    }

    /// Reads what has arrived of the frame's payload. Returns the message or control frame that it completes.
    fn read_payload(&mut self, bytes: &mut PayloadBytes<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        let size = frame.missing.min(bytes.as_slice().len() - *at);
        if size == 0 && frame.missing > 0 {
            return Ok(None);
        }
        let piece = bytes.slice(*at..*at + size);
        *at += size;
        frame.missing -= size;
        let (ends, is_control) = (frame.missing == 0, frame.opcode.is_control());
        if is_control {
            let room = self.control.get_or_insert_with(|| Box::new([0; CONTROL]));
            let place = &mut room[frame.received..frame.received + size];
            place.copy_from_slice(piece.as_slice());
            if let Some(key) = frame.key {
                mask::apply(key, place);
            }
        } else {
            self.assembler.push(frame.key, piece, frame.fin, ends)?;
        }
        frame.received += size;
        frame.key = frame.key.map(|key| mask::rotate_key(key, size));
        if !ends {
            return Ok(None);
        }
        let PartialFrame { fin, opcode, received, .. } = *frame;
        self.frame = None;
        if is_control {
            return self.end_control(opcode, received).map(Some);
        }
        Ok(fin.then(|| Ready::Assembled(self.assembler.end())))
    }

    fn end_control(&self, opcode: Opcode, length: usize) -> Result<Ready, Error> {
        if opcode == Opcode::Close {
            Close::parse(self.control(length))?;
        }
        Ok(Ready::Control { opcode, length })
    }

    /// Returns the payload of a control frame of this length.
    fn control(&self, length: usize) -> &[u8] {
        self.control.as_deref().map_or(&[], |room| &room[..length])
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, limits, stage, .. } = self;
        let mut decoder = f.debug_struct("Decoder");
        decoder.field("role", role).field("limits", limits).field("stage", stage).field("buffered", &self.buffered());
        decoder.finish_non_exhaustive()
    }
}

#[inline]
fn unmask_in_place<'m>(
    stage: &mut Stage,
    message: SingleFrameMessage,
    taken: &'m mut [u8],
) -> Result<Option<Message<'m>>, Error> {
    let payload = &mut taken[message.span];
    if let Some(key) = message.key {
        mask::apply(key, payload);
    }
    validated(stage, message.text, payload)
}

/// Returns a whole data message, after validating its text.
#[inline]
fn validated<'m>(stage: &mut Stage, text: bool, payload: &'m [u8]) -> Result<Option<Message<'m>>, Error> {
    if !text {
        return Ok(Some(Message::Binary(payload)));
    }
    match utf8::validate(payload) {
        Some(text) => Ok(Some(Message::Text(text))),
        None => {
            *stage = Stage::Failed(Error::Utf8);
            Err(Error::Utf8)
        }
    }
}

fn assembled<'m>(stage: &mut Stage, payload: Payload<'m>) -> Result<Option<Message<'m>>, Error> {
    match payload {
        Payload::Binary(bytes) => Ok(Some(Message::Binary(bytes))),
        Payload::Text(text) => Ok(Some(Message::Text(text))),
        Payload::Unvalidated(bytes) => validated(stage, true, bytes),
    }
}

fn control(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, Error> {
    match opcode {
        Opcode::Ping => Ok(Message::Ping(payload)),
        Opcode::Pong => Ok(Message::Pong(payload)),
        Opcode::Close | Opcode::Continuation | Opcode::Text | Opcode::Binary => {
            Close::parse(payload).map(Message::Close)
        }
    }
}
