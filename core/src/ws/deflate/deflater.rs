//! Compression of sent messages.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateFlush};

use super::history::History;
use super::params::{LARGEST, Params, TAIL};
use super::pool::SharedPool;
use crate::ws::role::Role;

/// The number of bytes of text that are kept while the compressor's memory is released. The next message can refer to
/// them. A compressor may always use less than the whole window; 8 KiB are some thirty events of this protocol.
const KEPT: usize = 8 * 1024;

/// Compresses the messages that one end sends.
///
/// ```
/// use turnwire::ws::Role;
/// use turnwire::ws::deflate::{Deflater, Params};
///
/// let mut out = Vec::new();
/// let mut deflater = Deflater::new(&Params::default(), Role::Client).expect("the window is at least 2^9");
/// deflater.message(&[b'x'; 1000], &mut out);
/// assert!(out.len() < 50);
/// ```
pub struct Deflater {
    /// `None` until the first message, and after its memory was released.
    stream: Option<Box<Deflate>>,
    /// The end of the text, if the window is kept from one message to the next.
    history: History,
    takeover: bool,
    window_bits: u8,
    pool: Option<SharedPool>,
}

impl Deflater {
    /// Level 1: for messages of this protocol's size and similarity, it takes a tenth of the time of level 6 and
    /// compresses nearly as well.
    const LEVEL: i32 = 1;

    /// Creates a compressor for what `role` sends. Returns `None` if the negotiated window is smaller than 2^9, which this
    /// library cannot keep to: messages are then sent uncompressed, which is always allowed (RFC 7692 §6).
    #[must_use]
    pub fn new(params: &Params, role: Role) -> Option<Self> {
        let (takeover, window_bits) = (params.takeover(role), params.window_bits(role));
        (9..=LARGEST).contains(&window_bits).then(|| {
            let history = History::new(KEPT.min(1 << window_bits));
            Self { stream: None, history, takeover, window_bits, pool: None }
        })
    }

    /// Uses memory of this pool from now on.
    pub fn use_pool(&mut self, pool: &SharedPool) {
        self.pool = Some(pool.clone());
    }

    /// Compresses a whole message and appends the result to `out`.
    pub fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        let (start, mut taken) = (out.len(), 0);
        let Self { stream, history, window_bits, pool, .. } = self;
        let stream = stream.get_or_insert_with(|| restored(*window_bits, history, pool.as_ref()));
        loop {
            let length = out.len();
            let step = (payload.len() - taken).clamp(512, 64 * 1024);
            out.resize(length + step, 0);
            let (total_in, total_out) = (stream.total_in(), stream.total_out());
            let result = stream.compress(&payload[taken..], &mut out[length..], DeflateFlush::SyncFlush);
            let delta = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
            taken += delta(stream.total_in(), total_in);
            let produced = delta(stream.total_out(), total_out);
            out.truncate(length + produced);
            // Unused room means that the flush is complete. A stream that was created here cannot fail.
            if result.is_err() || produced < step {
                break;
            }
        }
        // Every sync flush ends with the tail, which is left out.
        out.truncate(out.len().saturating_sub(TAIL.len()).max(start));
        if out.len() == start {
            out.push(0);
        }
        if self.takeover {
            self.history.push(payload);
        } else {
            stream.reset();
        }
    }

    /// Frees the compressor's memory, except for the last 8 KiB of text. The next message restores it, and can refer to no
    /// more than these.
    pub fn release_memory(&mut self) {
        self.release_stream();
        self.history.release_memory();
    }

    fn release_stream(&mut self) {
        if let (Some(stream), Some(pool)) = (self.stream.take(), &self.pool) {
            pool.put_compressor(stream, self.window_bits);
        }
    }
}

impl Drop for Deflater {
    fn drop(&mut self) {
        self.release_stream();
    }
}

/// Returns a stream whose window begins with the end of the text before it.
fn restored(window_bits: u8, history: &mut History, pool: Option<&SharedPool>) -> Box<Deflate> {
    let pooled = pool.and_then(|pool| pool.compressor(window_bits));
    let mut stream = pooled.unwrap_or_else(|| Box::new(Deflate::new(Deflater::LEVEL, false, window_bits)));
    let text = history.dictionary();
    if !text.is_empty() {
        // Fails only within a stream. Without the text the stream is valid, too.
        let _ = stream.set_dictionary(text);
    }
    stream
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}
