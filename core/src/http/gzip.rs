//! Decoding of the gzip content coding (RFC 9110 §8.4.1.3, RFC 1952), within limits.
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

/// Maximum size of one piece in bytes.
const PIECE: usize = 16 * 1024;

/// The number of coded bytes after which the ratio is checked, so that the checks do not depend on how the bytes are split.
const BLOCK: u64 = 512;

/// The number of decoded bytes from which on the ratio counts.
const GRACE: u64 = 64 * 1024;

/// zlib's parameter for the largest window and a gzip header.
const WINDOW: u8 = 15 + 16;

/// The limits of a coded body.
///
/// ```
/// use turnwire::http::gzip::{Decoder, Limits};
///
/// let decoder = Decoder::new(Limits::default().with_output(1024 * 1024));
/// # let _ = decoder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of decoded bytes. Default: 64 MiB.
    pub output: u64,
    /// Maximum number of decoded bytes for each coded byte, on average, beyond the first 64 KiB. Default: 256. Deflate cannot
    /// exceed 1032.
    pub ratio: u32,
}

impl Limits {
    /// The default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { output: 64 * 1024 * 1024, ratio: 256 }
    }

    /// Sets the maximum number of decoded bytes.
    #[must_use]
    pub const fn with_output(mut self, bytes: u64) -> Self {
        self.output = bytes;
        self
    }

    /// Sets the maximum number of decoded bytes for each coded byte.
    #[must_use]
    pub const fn with_ratio(mut self, ratio: u32) -> Self {
        self.ratio = ratio;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// Decodes one body. `Debug` shows its progress, and nothing of the content.
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
    /// Nothing has arrived.
    Start,
    /// In a member. `more`: there may be more output without input.
    Member {
        more: bool,
    },
    /// Behind a member, where the body may end.
    Between,
    Failed(Error),
}

impl Decoder {
    /// Creates a decoder at the start of a body.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let stream = Box::new(Inflate::new(true, WINDOW));
        Self { limits, stream, piece: vec![0; PIECE].into(), taken: 0, given: 0, state: State::Start }
    }

    /// Creates the decoder for the body of this response. Returns `None` if no coding was applied.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCoding`] if another coding was applied, or more than one.
    pub fn response(head: &Response, limits: Limits) -> Result<Option<Self>, Error> {
        let mut codings = head.content_codings();
        match (codings.next(), codings.next()) {
            (None, _) => Ok(None),
            (Some(coding), None) if is(coding, b"gzip") || is(coding, b"x-gzip") => Ok(Some(Self::new(limits))),
            (Some(_), _) => Err(Error::ContentCoding),
        }
    }

    /// Decodes the next piece, which is never empty. Returns `None` when all of the input is consumed and decoded.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCorrupt`], [`Error::ContentTooLong`] or [`Error::ContentRatio`]. The pieces before it are valid. Every later
    /// call returns the same error.
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

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the coded stream is incomplete or empty; an earlier error again.
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

    /// Inflates up to the end of the block, once. Returns the number of bytes of the piece.
    fn inflate(&mut self, input: &mut &[u8]) -> usize {
        // All output of a block is taken before the next block begins, so that the ratio is checked in time.
        let drains = self.state == State::Member { more: true } && self.taken.is_multiple_of(BLOCK);
        let block = if drains { 0 } else { BLOCK - self.taken % BLOCK };
        let offered = &input[..input.len().min(usize::try_from(block).unwrap_or(PIECE))];
        // At the limit there is room for one byte more, to notice that there is one.
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
