//! permessage-deflate (RFC 7692): compressing and inflating, and what a handshake can agree on.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

pub use super::offer::{Offer, ServerPolicy};
use super::{Role, buffer};

/// The end of each compressed message, which is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// More than can be made of the tail, and of a byte behind it: 258 bytes a bit.
const MADE_OF_TAIL: usize = 16 * 1024;

/// The largest window, 32 KiB, as a power of two.
pub(super) const LARGEST: u8 = 15;

/// What both ends agreed on.
///
/// ```
/// use turnwire::ws::deflate::Params;
/// use turnwire::ws::{Limits, Role, WebSocket};
///
/// let params = Params { server_no_context_takeover: true, ..Params::default() };
/// let socket = WebSocket::new(Role::Client, Limits::default(), Some(&params), [1; 32]);
/// # let _ = socket;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    /// The server begins each message with an empty window (RFC 7692 §7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client begins each message with an empty window (RFC 7692 §7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window, 8 to 15 (RFC 7692 §7.1.2.1).
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window, 8 to 15 (RFC 7692 §7.1.2.2).
    pub client_max_window_bits: u8,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: LARGEST,
            client_max_window_bits: LARGEST,
        }
    }
}

impl Params {
    const fn of(&self, sender: Role) -> (bool, u8) {
        match sender {
            Role::Client => (self.client_no_context_takeover, self.client_max_window_bits),
            Role::Server => (self.server_no_context_takeover, self.server_max_window_bits),
        }
    }
}

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no deflate stream, or one that is cut inside a block.
    #[error("the compressed message is corrupt")]
    Corrupt,
    /// The message inflates to more than the limit.
    #[error("the message inflates to more than the limit")]
    TooLong,
}

/// Inflates the messages that one end receives.
///
/// A message is at its end only when the four bytes that the sender left out complete an empty stored block, exactly: a
/// stream that was cut inside a block is refused, not filled up with what the tail happens to decode to.
///
/// ```
/// use turnwire::ws::Role;
/// use turnwire::ws::deflate::{Deflater, Inflater, Params};
///
/// let params = Params::default();
/// let mut deflater = Deflater::new(&params, Role::Server).expect("a window that can be compressed with");
/// let (mut compressed, mut text) = (Vec::new(), Vec::new());
/// deflater.message(b"hello hello hello", &mut compressed);
/// let mut inflater = Inflater::new(&params, Role::Client);
/// inflater.push(&compressed, &mut text, 1024)?;
/// inflater.end(&mut text)?;
/// assert_eq!(text, b"hello hello hello");
/// # Ok::<(), turnwire::ws::deflate::Error>(())
/// ```
pub struct Inflater {
    stream: Box<Inflate>,
    takeover: bool,
    /// The stream has seen bytes since it was made or reset.
    used: bool,
    /// The current message has brought bytes.
    begun: bool,
    /// The last block was a final one: what follows is a new stream (RFC 7692 §7.2.3.4).
    finished: bool,
}

impl Inflater {
    /// An inflater for what `role` receives.
    ///
    /// It keeps the largest window whatever was agreed on: a smaller one decodes the same, and memory is taken as it is used.
    #[must_use]
    pub fn new(params: &Params, role: Role) -> Self {
        let sender = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let (no_takeover, _) = params.of(sender);
        let stream = Box::new(Inflate::new(false, LARGEST));
        Self { stream, takeover: !no_takeover, used: false, begun: false, finished: false }
    }

    /// Inflates the next piece of a message behind what `out` holds, to at most `limit` bytes in all.
    ///
    /// # Errors
    ///
    /// [`Error`]; the inflater is good for nothing afterwards.
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

    /// Ends the message: supplies the bytes that were left out and sees that they fit.
    ///
    /// # Errors
    ///
    /// [`Error`]; the inflater is good for nothing afterwards.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let begun = core::mem::take(&mut self.begun);
        // A compressed message without a byte is an empty one, and a final block needs no tail.
        if begun && !self.finished {
            let length = out.len();
            // The inflater stops where a block ends. With one byte more than the tail it stops before that byte only when
            // the block ends with the tail.
            let [a, b, c, d] = TAIL;
            // Whatever is made of the tail is no part of the message: it is corrupt then, and not too long.
            let taken =
                self.inflate(&[a, b, c, d, 0], out, length.saturating_add(MADE_OF_TAIL), InflateFlush::Block)?;
            if taken != TAIL.len() || out.len() != length {
                return Err(Error::Corrupt);
            }
        }
        if self.finished || !self.takeover {
            self.restart();
        }
        Ok(())
    }

    fn restart(&mut self) {
        if core::mem::take(&mut self.used) {
            self.stream.reset(false);
        }
        self.finished = false;
    }

    /// Inflates until `input` is taken, the stream stops, or the limit is passed. Returns how many bytes were taken.
    fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize, flush: InflateFlush) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            self.used = true;
            let length = out.len();
            // One byte of room more than allowed, to tell a message that ends at the limit from one that goes on.
            let room = limit.saturating_add(1).saturating_sub(length);
            let step = (input.len() - taken).saturating_mul(4).clamp(512, 64 * 1024).min(room);
            buffer::reserve(out, step, limit.saturating_add(1));
            out.resize(length + step, 0);
            let (came_in, came_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(&input[taken..], &mut out[length..], flush);
            let delta = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
            taken += delta(self.stream.total_in(), came_in);
            let produced = delta(self.stream.total_out(), came_out);
            out.truncate(length + produced);
            if out.len() > limit {
                return Err(Error::TooLong);
            }
            match status {
                Err(_) => return Err(Error::Corrupt),
                Ok(Status::StreamEnd) => {
                    self.finished = true;
                    return Ok(taken);
                }
                // A full output may hide more of it; a part-filled one is all there is.
                Ok(Status::Ok | Status::BufError) if produced < step => return Ok(taken),
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}

/// Compresses the messages that one end sends.
///
/// ```
/// use turnwire::ws::Role;
/// use turnwire::ws::deflate::{Deflater, Params};
///
/// let mut out = Vec::new();
/// let mut deflater = Deflater::new(&Params::default(), Role::Client).expect("a window that can be compressed with");
/// deflater.message(&[b'x'; 1000], &mut out);
/// assert!(out.len() < 50);
/// ```
pub struct Deflater {
    stream: Box<Deflate>,
    takeover: bool,
}

impl Deflater {
    /// Level 1: on messages of this protocol's size and likeness it costs a tenth of level 6 and is nearly as small.
    const LEVEL: i32 = 1;

    /// A compressor for what `role` sends, or `None` when the agreed window is smaller than this library can keep to (raw
    /// deflate begins at 2^9): then messages go uncompressed, which is always allowed (RFC 7692 §6).
    #[must_use]
    pub fn new(params: &Params, role: Role) -> Option<Self> {
        let (no_takeover, bits) = params.of(role);
        let stream = (9..=LARGEST).contains(&bits).then(|| Box::new(Deflate::new(Self::LEVEL, false, bits)))?;
        Some(Self { stream, takeover: !no_takeover })
    }

    /// Compresses a whole message behind what `out` holds.
    pub fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let mut taken = 0;
        loop {
            let length = out.len();
            let step = (payload.len() - taken).clamp(512, 64 * 1024);
            out.resize(length + step, 0);
            let (came_in, came_out) = (self.stream.total_in(), self.stream.total_out());
            let result = self.stream.compress(&payload[taken..], &mut out[length..], DeflateFlush::SyncFlush);
            let delta = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
            taken += delta(self.stream.total_in(), came_in);
            let produced = delta(self.stream.total_out(), came_out);
            out.truncate(length + produced);
            // Room left over means that the flush is complete. An error cannot happen on a stream that was set up here.
            if result.is_err() || produced < step {
                break;
            }
        }
        // A sync flush ends with the tail, always; it is exactly what is left out.
        out.truncate(out.len().saturating_sub(TAIL.len()).max(start));
        if out.len() == start {
            out.push(0);
        }
        if !self.takeover {
            self.stream.reset();
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}
