//! The gzip content coding (RFC 9110 §8.4.1.3, RFC 1952), undone piece by piece within bounds.
//!
//! ```
//! use turnwire::http::gzip::{Decoder, Limits};
//!
//! # let coded: &[u8] = &[31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0];
//! let mut decoder = Decoder::new(Limits::default());
//! let mut text = Vec::new();
//! for mut read in coded.chunks(7) {
//!     while let Some(piece) = decoder.decode(&mut read)? {
//!         text.extend_from_slice(piece);
//!     }
//! }
//! decoder.eof()?;
//! assert_eq!(text, b"hello");
//! # Ok::<(), turnwire::http::Error>(())
//! ```

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::error::Error;
use super::head::Response;

/// Bytes of one piece at most.
const PIECE: usize = 16 * 1024;

/// After so many bytes the ratio is looked at, again and again: at the same places however the bytes are cut into reads.
const BLOCK: u64 = 512;

/// So many bytes may come of whatever few there are, before the ratio counts.
const GRACE: u64 = 64 * 1024;

/// The largest window and a gzip header, as zlib counts.
const WINDOW: u8 = 15 + 16;

/// What bounds a coded body.
///
/// ```
/// use turnwire::http::gzip::{Decoder, Limits};
///
/// let decoder = Decoder::new(Limits { output: 1024 * 1024, ..Limits::default() });
/// # let _ = decoder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may come of it in all: 64 MiB.
    pub output: u64,
    /// Bytes that may come of each of its bytes, on the whole, behind the first 64 KiB: 256. Deflate itself ends at 1032.
    pub ratio: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 64 * 1024 * 1024, ratio: 256 }
    }
}

/// Undoes the coding of one body. `Debug` shows how far it is, and nothing of what the body holds.
///
/// ```
/// use turnwire::http::Response;
/// use turnwire::http::gzip::{Decoder, Limits};
///
/// let mut head = Response::new(200)?;
/// head.headers.append("Content-Encoding", "gzip")?;
/// assert!(Decoder::response(&head, Limits::default())?.is_some());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Decoder {
    limits: Limits,
    stream: Box<Inflate>,
    piece: Box<[u8]>,
    taken: u64,
    given: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has come.
    Start,
    /// Inside a member. `more`: there may be output that takes no input.
    Member {
        more: bool,
    },
    /// A member has ended: the body may, too.
    Between,
    Failed(Error),
}

impl Decoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let stream = Box::new(Inflate::new(true, WINDOW));
        Self { limits, stream, piece: vec![0; PIECE].into(), taken: 0, given: 0, state: State::Start }
    }

    /// The decoder for the body of this response; `None` when it is sent as it is.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCoding`] when another coding was applied, or more than one.
    pub fn response(head: &Response, limits: Limits) -> Result<Option<Self>, Error> {
        let mut codings = head.content_codings();
        match (codings.next(), codings.next()) {
            (None, _) => Ok(None),
            (Some(coding), None) if is(coding, b"gzip") || is(coding, b"x-gzip") => Ok(Some(Self::new(limits))),
            (Some(_), _) => Err(Error::ContentCoding),
        }
    }

    /// The next piece of what the coding hides, never empty. `None`: all of `input` was taken, and nothing more comes of it.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCorrupt`], [`Error::ContentTooLong`] or [`Error::ContentRatio`], sticky; what came before is good.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, Error> {
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Start | State::Between | State::Member { more: false } if input.is_empty() => return Ok(None),
                State::Between => *self.stream = Inflate::new(true, WINDOW),
                State::Start | State::Member { .. } => {}
            }
            let length = self.inflate(input);
            if length > 0 {
                return Ok(Some(&self.piece[..length]));
            }
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the coded stream has not, or has not begun; an earlier error again.
    pub fn eof(&mut self) -> Result<(), Error> {
        match self.state {
            State::Between => Ok(()),
            State::Failed(error) => Err(error),
            State::Start | State::Member { .. } => {
                self.state = State::Failed(Error::Truncated);
                Err(Error::Truncated)
            }
        }
    }

    /// One call of the inflater, up to the end of the block. Returns how many bytes of the piece came of it.
    fn inflate(&mut self, input: &mut &[u8]) -> usize {
        // Everything must have come of a block before the next one begins, or the ratio would be looked at too late.
        let drains = self.state == State::Member { more: true } && self.taken.is_multiple_of(BLOCK);
        let block = if drains { 0 } else { BLOCK - self.taken % BLOCK };
        let offered = &input[..input.len().min(usize::try_from(block).unwrap_or(PIECE))];
        // At the limit there is room for one byte, which must not come.
        let left = self.limits.output.saturating_sub(self.given);
        let room = usize::try_from(left).unwrap_or(PIECE).clamp(1, PIECE);
        let (taken, given) = (self.stream.total_in(), self.stream.total_out());
        let result = self.stream.decompress(offered, &mut self.piece[..room], InflateFlush::NoFlush);
        let taken = self.stream.total_in() - taken;
        let length = usize::try_from(self.stream.total_out() - given).unwrap_or(room);
        *input = &input[usize::try_from(taken).unwrap_or(input.len())..];
        self.taken += taken;
        if left == 0 && length > 0 {
            self.state = State::Failed(Error::ContentTooLong { limit: self.limits.output });
            return 0;
        }
        self.given += length as u64;
        self.state = match result {
            Ok(Status::StreamEnd) => State::Between,
            Ok(_) if length == room => State::Member { more: true },
            Ok(_) if taken > 0 || length > 0 || offered.is_empty() => State::Member { more: false },
            Ok(_) | Err(_) => State::Failed(Error::ContentCorrupt),
        };
        let whole = self.taken.is_multiple_of(BLOCK) && self.state != State::Member { more: true };
        if whole && self.given > self.taken.saturating_mul(self.limits.ratio.into()).saturating_add(GRACE) {
            self.state = State::Failed(Error::ContentRatio { limit: self.limits.ratio });
        }
        length
    }
}

fn is(coding: &[u8], name: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(name)
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("taken", &self.taken)
            .field("given", &self.given)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
