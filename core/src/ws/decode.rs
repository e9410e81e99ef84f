//! Frames to messages.

use core::fmt;
use core::mem;

use super::assemble::{Assembly, Payload, Whole};
use super::deflate::Params;
use super::error::Error;
use super::frame::{CONTROL, Expected, Header, LONGEST, Opcode};
use super::mask::{self, Key, Source};
use super::plain::Plain;
use super::{Close, Limits, Message, Role, is_close_code, utf8};

/// Decodes what one peer receives.
///
/// A message that lies whole in the caller's slice is lent from it, unless it has to be unmasked and the slice may not be
/// changed; any other is assembled in one buffer that grows as its bytes arrive.
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
    pub(super) role: Role,
    pub(super) limits: Limits,
    pub(super) stage: Stage,
    header: Partial,
    frame: Option<Frame>,
    assembly: Assembly,
    control: [u8; CONTROL],
}

/// What the next byte is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// The first of a message or control frame, and nothing is kept.
    Between,
    /// The same, but what was lent last is in the assembly's buffers, which are to be emptied.
    Given,
    /// Something else.
    Within,
    /// One that is passed over: a close frame came.
    Closed,
    /// One that is not taken.
    Failed(Error),
}

/// A header of which not all has come.
#[derive(Clone, Copy, Debug)]
struct Partial {
    bytes: [u8; LONGEST],
    length: usize,
}

/// The frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    opcode: Opcode,
    /// For the next byte.
    key: Option<Key>,
    left: usize,
    come: usize,
}

/// What is ready, and where its bytes are.
enum Ready {
    Plain(Plain),
    /// An assembled data message.
    Assembled(Whole),
    /// A control frame, checked.
    Control {
        opcode: Opcode,
        length: usize,
    },
}

impl Decoder {
    /// A decoder for what `role` receives. `deflate`: what the handshake agreed on.
    #[must_use]
    pub fn new(role: Role, limits: Limits, deflate: Option<&Params>) -> Self {
        Self {
            role,
            limits,
            stage: Stage::Between,
            header: Partial { bytes: [0; LONGEST], length: 0 },
            frame: None,
            assembly: Assembly::new(role, limits, deflate),
            control: [0; CONTROL],
        }
    }

    /// Decodes up to the end of the next message or control frame. `None`: all of the input was taken. Masked payloads are
    /// copied.
    ///
    /// # Errors
    ///
    /// [`Error`] at the first violation; sticky, and nothing more is taken. What came before it has been given out.
    #[inline]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let bytes: &'i [u8] = input;
        let Some(plain) = self.plain(bytes) else { return self.decode_any(input) };
        *input = &bytes[plain.span.end..];
        self.lend_copied(plain, bytes)
    }

    fn decode_any<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let bytes: &'i [u8] = input;
        let mut at = 0;
        let ready = self.next(Source::Kept(bytes), &mut at);
        *input = &bytes[at..];
        match ready? {
            None => Ok(None),
            Some(Ready::Plain(plain)) => self.lend_copied(plain, bytes),
            Some(Ready::Assembled(whole)) => assembled(&mut self.stage, self.assembly.payload(whole)),
            Some(Ready::Control { opcode, length }) => control(opcode, &self.control[..length]).map(Some),
        }
    }

    #[inline]
    fn lend_copied<'s, 'i: 's>(&'s mut self, plain: Plain, bytes: &'i [u8]) -> Result<Option<Message<'s>>, Error> {
        let Plain { text, key, span } = plain;
        let Some(key) = key else { return lend(&mut self.stage, text, &bytes[span]) };
        self.stage = Stage::Given;
        lend(&mut self.stage, text, self.assembly.copy(key, &bytes[span]))
    }

    /// The same in a slice that may be changed: masked payloads are unmasked where they lie.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn decode_in_place<'s, 'i: 's>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'s>>, Error> {
        let Some(plain) = self.plain(input) else { return self.decode_any_in_place(input) };
        let (taken, rest) = mem::take(input).split_at_mut(plain.span.end);
        *input = rest;
        lend_in_place(&mut self.stage, plain, taken)
    }

    fn decode_any_in_place<'s, 'i: 's>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'s>>, Error> {
        let mut at = 0;
        let ready = self.next(Source::Free(input), &mut at);
        let (taken, rest) = mem::take(input).split_at_mut(at);
        *input = rest;
        match ready? {
            None => Ok(None),
            Some(Ready::Plain(plain)) => lend_in_place(&mut self.stage, plain, taken),
            Some(Ready::Assembled(whole)) => assembled(&mut self.stage, self.assembly.payload(whole)),
            Some(Ready::Control { opcode, length }) => control(opcode, &self.control[..length]).map(Some),
        }
    }

    /// Whether the end of the bytes here would cut a frame or a message.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.header.length > 0 || self.frame.is_some() || self.assembly.has_begun()
    }

    /// How many bytes are kept of a message that is not whole, or of the one that was lent last.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.assembly.buffered()
    }

    /// Frees memory that only the next message needs; with permessage-deflate, all but the window, at most 32 KiB. Does
    /// nothing within a frame or message.
    pub fn release_memory(&mut self) {
        if !self.is_partial() {
            self.assembly.release_memory();
            if matches!(self.stage, Stage::Given) {
                self.stage = Stage::Between;
            }
        }
    }

    pub(super) fn empty(&mut self) {
        self.assembly.clear();
        self.stage = Stage::Between;
    }

    fn next(&mut self, bytes: Source<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        match self.stage {
            Stage::Between | Stage::Given | Stage::Within => {}
            Stage::Failed(error) => return Err(error),
            Stage::Closed => {
                *at = bytes.as_slice().len();
                return Ok(None);
            }
        }
        let result = self.advance(bytes, at);
        self.stage = match &result {
            Err(error) => Stage::Failed(*error),
            Ok(Some(Ready::Assembled(_))) => Stage::Given,
            Ok(Some(Ready::Control { opcode: Opcode::Close, .. })) => Stage::Closed,
            Ok(_) if self.is_partial() => Stage::Within,
            Ok(_) => Stage::Between,
        };
        result
    }

    fn advance(&mut self, mut bytes: Source<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        loop {
            if self.frame.is_none() {
                let Some(header) = self.header(bytes.as_slice(), at)? else { return Ok(None) };
                if let Some(plain) = self.at_once(&header, bytes.as_slice(), at) {
                    return Ok(Some(Ready::Plain(plain)));
                }
                self.begin(&header)?;
            }
            let whole = self.payload(&mut bytes, at)?;
            if whole.is_some() || self.frame.is_some() {
                return Ok(whole);
            }
        }
    }

    /// What the next header is judged by.
    pub(super) fn expected(&self) -> Expected {
        Expected {
            masked: self.role == Role::Server,
            deflate: self.assembly.inflates(),
            inside: self.assembly.has_begun(),
            limit: self.limits.frame,
        }
    }

    /// Reads the next header. `None`: it is not whole, and was put aside.
    fn header(&mut self, bytes: &[u8], at: &mut usize) -> Result<Option<Header>, Error> {
        let expected = self.expected();
        let rest = &bytes[*at..];
        if self.header.length == 0
            && let Some((header, size)) = Header::parse(rest, expected)?
        {
            *at += size;
            return Ok(Some(header));
        }
        let kept = self.header.length;
        let more = rest.len().min(LONGEST - kept);
        self.header.bytes[kept..kept + more].copy_from_slice(&rest[..more]);
        match Header::parse(&self.header.bytes[..kept + more], expected)? {
            Some((header, size)) => {
                *at += size - kept;
                self.header.length = 0;
                Ok(Some(header))
            }
            None => {
                *at += more;
                self.header.length += more;
                Ok(None)
            }
        }
    }

    fn begin(&mut self, header: &Header) -> Result<(), Error> {
        let Header { fin, rsv1, opcode, length, mask } = *header;
        match opcode {
            Opcode::Text | Opcode::Binary => self.assembly.begin(opcode == Opcode::Text, rsv1, length)?,
            Opcode::Continuation => self.assembly.go_on(length)?,
            Opcode::Close | Opcode::Ping | Opcode::Pong => {}
        }
        self.frame = Some(Frame { fin, opcode, key: mask, left: length, come: 0 });
        Ok(())
    }

    /// Takes what has come of the frame's payload, and says what it made ready.
    fn payload(&mut self, bytes: &mut Source<'_>, at: &mut usize) -> Result<Option<Ready>, Error> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        let size = frame.left.min(bytes.as_slice().len() - *at);
        if size == 0 && frame.left > 0 {
            return Ok(None);
        }
        let piece = bytes.slice(*at..*at + size);
        *at += size;
        frame.left -= size;
        let (ends, is_control) = (frame.left == 0, frame.opcode.is_control());
        if is_control {
            let place = &mut self.control[frame.come..frame.come + size];
            place.copy_from_slice(piece.as_slice());
            if let Some(key) = frame.key {
                mask::apply(key, place);
            }
        } else {
            self.assembly.push(frame.key, piece, frame.fin, ends)?;
        }
        frame.come += size;
        frame.key = frame.key.map(|key| mask::turn(key, size));
        if !ends {
            return Ok(None);
        }
        let Frame { fin, opcode, come, .. } = *frame;
        self.frame = None;
        if is_control {
            return self.end_control(opcode, come).map(Some);
        }
        Ok(fin.then(|| Ready::Assembled(self.assembly.end())))
    }

    fn end_control(&self, opcode: Opcode, length: usize) -> Result<Ready, Error> {
        if opcode == Opcode::Close {
            close(&self.control[..length])?;
        }
        Ok(Ready::Control { opcode, length })
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
fn lend_in_place<'m>(stage: &mut Stage, plain: Plain, taken: &'m mut [u8]) -> Result<Option<Message<'m>>, Error> {
    let payload = &mut taken[plain.span];
    if let Some(key) = plain.key {
        mask::apply(key, payload);
    }
    lend(stage, plain.text, payload)
}

/// A whole data message, its text checked.
#[inline]
fn lend<'m>(stage: &mut Stage, text: bool, payload: &'m [u8]) -> Result<Option<Message<'m>>, Error> {
    if !text {
        return Ok(Some(Message::Binary(payload)));
    }
    match utf8::check(payload) {
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
        Payload::Unchecked(bytes) => lend(stage, true, bytes),
    }
}

fn control(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, Error> {
    match opcode {
        Opcode::Ping => Ok(Message::Ping(payload)),
        Opcode::Pong => Ok(Message::Pong(payload)),
        Opcode::Close | Opcode::Continuation | Opcode::Text | Opcode::Binary => close(payload).map(Message::Close),
    }
}

/// The payload of a close frame (RFC 6455 §5.5.1).
fn close(payload: &[u8]) -> Result<Option<Close<'_>>, Error> {
    match payload {
        [] => Ok(None),
        [_] => Err(Error::CloseLength),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !is_close_code(code) {
                return Err(Error::CloseCode(code));
            }
            let reason = core::str::from_utf8(reason).map_err(|_| Error::Utf8)?;
            Ok(Some(Close { code, reason }))
        }
    }
}
