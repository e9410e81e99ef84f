//! Messages that do not lie whole in the caller's slice: fragmented, cut by reads, or compressed.

use alloc::string::String;
use alloc::vec::Vec;

use super::buffer;
use super::deflate::{self, Inflater, Params};
use super::error::Error;
use super::mask::{self, Key, Source};
use super::utf8::Utf8;
use super::{Limits, Role};

/// What is kept of a buffer that one message made large, and what a message may inflate to whatever the ratio is.
const RETAINED: usize = 64 * 1024;

/// How much text is unmasked, checked and copied at a time: little enough to stay in the nearest cache from each to the next.
const STEP: usize = 4096;

/// How much text is checked at once, within a step.
const BLOCK: usize = 64;

/// Assembles one message at a time.
pub(super) struct Assembly {
    limits: Limits,
    message: Option<Begun>,
    /// The message's bytes, unless they are text as they come; compressed ones only until they are inflated.
    bytes: Vec<u8>,
    /// The message's text, checked as far as it has come. A compressed message's is with the inflater.
    text: String,
    inflater: Option<(Inflater, Vec<u8>)>,
}

/// What is known of the message.
#[derive(Clone, Copy)]
struct Begun {
    text: bool,
    compressed: bool,
    utf8: Utf8,
    fragments: usize,
    /// What its frames announced so far.
    announced: usize,
}

/// A whole message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    text: bool,
    compressed: bool,
}

/// Its payload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'m> {
    Binary(&'m [u8]),
    /// Text that was checked on its way.
    Text(&'m str),
    /// Text that was not checked as one yet.
    Unchecked(&'m [u8]),
}

impl Assembly {
    pub(super) fn new(role: Role, limits: Limits, deflate: Option<&Params>) -> Self {
        let inflater = deflate.map(|params| (Inflater::new(params, role), Vec::new()));
        Self { limits, message: None, bytes: Vec::new(), text: String::new(), inflater }
    }

    pub(super) const fn inflates(&self) -> bool {
        self.inflater.is_some()
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.message.is_some()
    }

    /// How many bytes are kept.
    pub(super) fn buffered(&self) -> usize {
        let unfinished = self.message.as_ref().map_or(0, |message| match message.compressed {
            false => message.utf8.unfinished(),
            true => 0,
        });
        self.bytes.len()
            + self.text.len()
            + unfinished
            + self.inflater.as_ref().map_or(0, |(_, inflated)| inflated.len())
    }

    /// Begins a message with its first frame's header.
    pub(super) fn begin(&mut self, text: bool, compressed: bool, length: usize) -> Result<(), Error> {
        let begun = Begun { text, compressed, utf8: Utf8::default(), fragments: 0, announced: 0 };
        self.message = Some(begun);
        self.go_on(length)
    }

    /// Counts one more frame of the message.
    pub(super) fn go_on(&mut self, length: usize) -> Result<(), Error> {
        let Some(message) = &mut self.message else { return Err(Error::Continuation) };
        message.fragments += 1;
        let limit = self.limits.fragments();
        if message.fragments > limit {
            return Err(Error::TooManyFragments { limit });
        }
        message.announced = message.announced.saturating_add(length);
        if message.announced > self.limits.message {
            return Err(Error::MessageTooLong { limit: self.limits.message });
        }
        Ok(())
    }

    /// Takes a piece of a frame's payload. `fin`: the frame is the message's last; `ends`: the frame ends with this piece.
    ///
    /// Text is checked here as far as it has come, but for the last piece of a compressed message: whoever lends that one checks
    /// it whole.
    pub(super) fn push(&mut self, key: Option<Key>, mut piece: Source<'_>, fin: bool, ends: bool) -> Result<(), Error> {
        let size = piece.as_slice().len();
        let Some(message) = &mut self.message else { return Err(Error::Continuation) };
        let last = fin && ends;
        if message.compressed && self.inflater.is_some() {
            return self.inflate(key, piece, last);
        }
        // Once the last frame has announced itself, the message's length is known.
        let limit = if fin { message.announced } else { self.limits.message };
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
            // Steps lie at the same places of a message however reads cut it, so the same text takes the same branches.
            let come = self.text.len() + message.utf8.unfinished();
            let room = if come.is_multiple_of(BLOCK) { STEP - come % STEP } else { BLOCK - come % BLOCK };
            let step = at..size.min(at + room);
            let text = piece.slice(step.clone()).plain(key, &mut self.bytes);
            append_text(&mut message.utf8, text, &mut self.text, limit)?;
            key = key.map(|key| mask::turn(key, step.len()));
            at = step.end;
        }
        self.bytes.clear();
        if last && message.utf8.unfinished() > 0 { Err(Error::Utf8) } else { Ok(()) }
    }

    fn inflate(&mut self, key: Option<Key>, piece: Source<'_>, last: bool) -> Result<(), Error> {
        let (Some(message), Some((inflater, inflated))) = (&mut self.message, &mut self.inflater) else {
            return Ok(());
        };
        let limit = inflated_limit(&self.limits, message.announced);
        let piece = piece.plain(key, &mut self.bytes);
        let start = inflated.len();
        let mut result = inflater.push(piece, inflated, limit);
        if last && result.is_ok() {
            result = inflater.end(inflated);
        }
        self.bytes.clear();
        let fresh = &inflated[start..];
        if let Err(error) = result {
            // What came out before the error comes first, whichever read it came with.
            let broken = message.text && !message.utf8.push(fresh);
            return Err(if broken { Error::Utf8 } else { refused(error, limit) });
        }
        if message.text && !last && !message.utf8.push(fresh) {
            return Err(Error::Utf8);
        }
        Ok(())
    }

    /// Ends the message, whose bytes are kept until [`clear`](Self::clear).
    pub(super) fn end(&mut self) -> Whole {
        let message = self.message.take();
        Whole {
            text: message.is_some_and(|message| message.text),
            compressed: message.is_some_and(|message| message.compressed),
        }
    }

    /// Unmasks a message that is whole in the caller's slice, but must not be changed there.
    pub(super) fn copy<'a>(&'a mut self, key: Key, payload: &'a [u8]) -> &'a [u8] {
        Source::Kept(payload).plain(Some(key), &mut self.bytes)
    }

    pub(super) fn payload(&self, whole: Whole) -> Payload<'_> {
        match (&self.inflater, whole.text) {
            (Some((_, inflated)), true) if whole.compressed => Payload::Unchecked(inflated),
            (Some((_, inflated)), false) if whole.compressed => Payload::Binary(inflated),
            (_, true) => Payload::Text(&self.text),
            (_, false) => Payload::Binary(&self.bytes),
        }
    }

    /// Makes room for the next message.
    pub(super) fn clear(&mut self) {
        let inflated = self.inflater.as_mut().map(|(_, inflated)| inflated);
        for buffer in [Some(&mut self.bytes), inflated].into_iter().flatten() {
            buffer.clear();
            buffer.shrink_to(RETAINED);
        }
        self.text.clear();
        self.text.shrink_to(RETAINED);
    }
}

impl Assembly {
    /// Frees the memory of all buffers, between two messages.
    pub(super) fn release_memory(&mut self) {
        (self.bytes, self.text) = (Vec::new(), String::new());
        if let Some((inflater, inflated)) = &mut self.inflater {
            inflater.release_memory();
            *inflated = Vec::new();
        }
    }
}

/// Checks a piece of text and appends what is whole of it.
fn append_text(utf8: &mut Utf8, piece: &[u8], out: &mut String, limit: usize) -> Result<(), Error> {
    let (begun, text) = utf8.take(piece).ok_or(Error::Utf8)?;
    buffer::reserve_text(out, begun.map_or(0, char::len_utf8) + text.len(), limit);
    out.extend(begun);
    out.push_str(text);
    Ok(())
}

/// What a message may inflate to when its frames have announced this many bytes. Not when that many have come: then it would
/// depend on how reads cut the frames.
fn inflated_limit(limits: &Limits, announced: usize) -> usize {
    let by_ratio = limits.ratio.map_or(usize::MAX, |ratio| {
        announced.saturating_mul(usize::try_from(ratio).unwrap_or(usize::MAX)).saturating_add(RETAINED)
    });
    limits.message.min(by_ratio)
}

const fn refused(error: deflate::Error, limit: usize) -> Error {
    match error {
        deflate::Error::Corrupt => Error::Inflate,
        deflate::Error::TooLong => Error::MessageTooLong { limit },
    }
}
