//! Decompression of received messages.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::history::History;
use super::params::{LARGEST, Params, TAIL};
use super::pool::SharedPool;
use crate::buffer;
use crate::ws::role::Role;

/// An empty stored block that begins at a byte boundary (RFC 1951 §3.2.4).
const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xFF, 0xFF];

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a deflate stream, or the stream ends inside a block.
    Corrupt,
    /// The message inflates to more than the limit.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the compressed message is corrupt",
            Self::TooLong => "the message inflates to more than the limit",
        })
    }
}

impl core::error::Error for Error {}

/// Inflates the messages that one end receives.
///
/// A message is complete only if the four bytes that the sender left out complete an empty stored block, exactly. A stream
/// that ends inside a block is an error: what the tail decodes to there is not part of the message.
///
/// ```
/// use turnwire::ws::Role;
/// use turnwire::ws::deflate::{Deflater, Inflater, Params};
///
/// let params = Params::default();
/// let mut deflater = Deflater::new(&params, Role::Server).expect("the window is at least 2^9");
/// let (mut compressed, mut text) = (Vec::new(), Vec::new());
/// deflater.message(b"hello hello hello", &mut compressed);
/// let mut inflater = Inflater::new(&params, Role::Client);
/// inflater.push(&compressed, &mut text, 1024)?;
/// inflater.end()?;
/// assert_eq!(text, b"hello hello hello");
/// # Ok::<(), turnwire::ws::deflate::Error>(())
/// ```
pub struct Inflater {
    /// `None` until the first bytes arrive, and after its memory was released.
    stream: Option<Box<Inflate>>,
    /// The window, if the sender keeps it from one message to the next.
    history: History,
    takeover: bool,
    /// Whether the stream has received bytes since it was created or reset.
    used: bool,
    /// Whether the current message has received bytes.
    begun: bool,
    /// Whether the last block was a final one: a new stream follows it (RFC 7692 §7.2.3.4).
    finished: bool,
    pool: Option<SharedPool>,
}

impl Inflater {
    /// Creates an inflater for what `role` receives.
    ///
    /// Its window has the largest size, 32 KiB, whatever was negotiated: a smaller one would decode the same.
    #[must_use]
    pub fn new(params: &Params, role: Role) -> Self {
        Self {
            stream: None,
            history: History::new(1 << LARGEST),
            takeover: params.takeover(role.peer()),
            used: false,
            begun: false,
            finished: false,
            pool: None,
        }
    }

    /// Uses memory of this pool from now on.
    pub fn use_pool(&mut self, pool: &SharedPool) {
        self.pool = Some(pool.clone());
    }

    /// Inflates the next piece of a message and appends the result to `out`, up to a length of `limit` bytes in total.
    ///
    /// # Errors
    ///
    /// [`Error`]. The inflater cannot be used afterwards.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
        self.begun |= !piece.is_empty();
        while !piece.is_empty() {
            if self.finished {
                self.restart();
            }
            let taken = self.inflate(piece, out, limit, InflateFlush::SyncFlush)?;
            piece = &piece[taken..];
        }
        Ok(())
    }

    /// Ends the message: inflates the bytes that the sender left out, and checks that they complete the last block.
    ///
    /// # Errors
    ///
    /// [`Error`]. The inflater cannot be used afterwards.
    pub fn end(&mut self) -> Result<(), Error> {
        let begun = core::mem::take(&mut self.begun);
        // A compressed message without any byte is an empty one, and a final block needs no tail.
        if begun && !self.finished {
            // The inflater stops at the end of a block. Of five bytes it takes four only if the block ends with the tail.
            let [a, b, c, d] = TAIL;
            if self.inflate_nothing(&[a, b, c, d, 0], InflateFlush::Block)? != TAIL.len() {
                return Err(Error::Corrupt);
            }
            // A block that ends inside the tail's last byte leaves one bits behind. Each number of them makes the header of
            // the next block that of an invalid or a final one, so that an empty block is one only at a byte boundary.
            if !self.finished {
                let taken = self.inflate_nothing(&EMPTY_BLOCK, InflateFlush::SyncFlush)?;
                // If nothing was taken, the tail completed a final block, which is noticed here.
                if self.finished && taken != 0 {
                    return Err(Error::Corrupt);
                }
            }
        }
        if self.finished || !self.takeover {
            self.restart();
        }
        Ok(())
    }

    /// Frees the decompressor's memory between two messages, except for the window, at most 32 KiB. The next message
    /// restores it. Does nothing within a message.
    pub fn release_memory(&mut self) {
        if !self.begun {
            self.release_stream();
            self.used = false;
            self.history.release_memory();
        }
    }

    fn release_stream(&mut self) {
        if let (Some(stream), Some(pool)) = (self.stream.take(), &self.pool) {
            pool.put_decompressor(stream);
        }
    }

    /// Starts a new stream, with an empty window.
    fn restart(&mut self) {
        if core::mem::take(&mut self.used)
            && let Some(stream) = &mut self.stream
        {
            stream.reset(false);
        }
        self.history.clear();
        self.finished = false;
    }

    /// Returns the stream, restored from the window if its memory was released. Each message ends at a byte boundary, so the
    /// window is all of the state that remains then.
    fn stream(&mut self) -> Result<&mut Inflate, Error> {
        if self.stream.is_none() {
            let pooled = self.pool.as_ref().and_then(SharedPool::decompressor);
            let mut stream = pooled.unwrap_or_else(|| Box::new(Inflate::new(false, LARGEST)));
            let window = self.history.dictionary();
            if !window.is_empty() {
                stream.set_dictionary(window).map_err(|_| Error::Corrupt)?;
            }
            self.stream = Some(stream);
        }
        self.used = true;
        self.stream.as_deref_mut().ok_or(Error::Corrupt)
    }

    /// Inflates what must have no output. Returns how many bytes were taken.
    fn inflate_nothing(&mut self, input: &[u8], flush: InflateFlush) -> Result<usize, Error> {
        let Step { taken, produced, status } = decompress(self.stream()?, input, &mut [0], flush);
        self.finished |= matches!(status, Ok(Status::StreamEnd));
        if status.is_err() || produced != 0 { Err(Error::Corrupt) } else { Ok(taken) }
    }

    /// Inflates until all of `input` is taken, the stream ends, or the limit is passed. Returns how many bytes were taken.
    fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize, flush: InflateFlush) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            let stream = self.stream()?;
            let length = out.len();
            // One byte more than allowed tells a message that ends at the limit from one that continues.
            let room = limit.saturating_add(1).saturating_sub(length);
            let size = (input.len() - taken).saturating_mul(4).clamp(512, 64 * 1024).min(room);
            buffer::reserve(out, size, limit.saturating_add(1));
            out.resize(length + size, 0);
            let step = decompress(stream, &input[taken..], &mut out[length..], flush);
            let Step { produced, status, .. } = step;
            taken += step.taken;
            out.truncate(length + produced);
            if out.len() > limit {
                return Err(Error::TooLong);
            }
            if self.takeover {
                self.history.push(&out[length..]);
            }
            match status {
                Err(_) => return Err(Error::Corrupt),
                Ok(Status::StreamEnd) => {
                    self.finished = true;
                    return Ok(taken);
                }
                // If the output is full, there may be more of it.
                Ok(Status::Ok | Status::BufError) if produced < size => return Ok(taken),
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }
}

/// What one call of the decompressor has done.
struct Step {
    /// How many bytes of the input it took.
    taken: usize,
    /// How many bytes it wrote, also before an error.
    produced: usize,
    status: Result<Status, InflateError>,
}

fn decompress(stream: &mut Inflate, input: &[u8], room: &mut [u8], flush: InflateFlush) -> Step {
    let (total_in, total_out) = (stream.total_in(), stream.total_out());
    let status = stream.decompress(input, room, flush);
    let since = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
    Step { taken: since(stream.total_in(), total_in), produced: since(stream.total_out(), total_out), status }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.release_stream();
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}
