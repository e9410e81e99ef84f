//! Masking (RFC 6455 §5.3), in loops that the compiler turns into vector instructions.

use alloc::vec::Vec;
use core::ops::Range;

#[cfg(feature = "simd")]
use fearless_simd::{Level, Simd as _};

/// A masking key, turned so that its first byte is for the next byte of payload.
pub(super) type Key = [u8; 4];

/// As many bytes as one step takes: what fits the registers of every target.
const BLOCK: usize = 64;

/// Masked or plain bytes of the caller's.
#[derive(Debug)]
pub(super) enum Source<'i> {
    /// They must stay as they are.
    Kept(&'i [u8]),
    /// They may be unmasked where they lie.
    Free(&'i mut [u8]),
}

impl<'i> Source<'i> {
    pub(super) const fn as_slice(&self) -> &[u8] {
        match self {
            Self::Kept(bytes) => bytes,
            Self::Free(bytes) => bytes,
        }
    }

    pub(super) fn slice(&mut self, range: Range<usize>) -> Source<'_> {
        match self {
            Self::Kept(bytes) => Source::Kept(&bytes[range]),
            Self::Free(bytes) => Source::Free(&mut bytes[range]),
        }
    }

    /// The bytes without their mask, if they have one: where they lie, or in `room`, which is emptied before.
    pub(super) fn plain<'p>(self, key: Option<Key>, room: &'p mut Vec<u8>) -> &'p [u8]
    where
        'i: 'p,
    {
        match (self, key) {
            (Self::Kept(bytes), None) => bytes,
            (Self::Free(bytes), None) => bytes,
            (Self::Kept(bytes), Some(key)) => {
                room.clear();
                room.reserve(bytes.len());
                append(key, bytes, room);
                room
            }
            (Self::Free(bytes), Some(key)) => {
                apply(key, bytes);
                bytes
            }
        }
    }
}

/// The key for what follows `length` bytes of payload.
pub(super) const fn turn(key: Key, length: usize) -> Key {
    [key[length % 4], key[(length + 1) % 4], key[(length + 2) % 4], key[(length + 3) % 4]]
}

/// Masks or unmasks `bytes` where they lie.
#[inline]
pub(super) fn apply(key: Key, bytes: &mut [u8]) {
    widest(
        #[inline(always)]
        || apply_blocks(key, bytes),
    );
}

#[inline(always)]
fn apply_blocks(key: Key, bytes: &mut [u8]) {
    let wide = widen(key);
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = mixed(block, &wide);
    }
    let (words, rest) = rest.as_chunks_mut::<8>();
    for word in words {
        *word = mixed_word(*word, key);
    }
    for (byte, key) in rest.iter_mut().zip(widen::<8>(key)) {
        *byte ^= key;
    }
}

/// Appends `bytes` to `out`, which has room for them, masked or unmasked on the way. Blocks of a constant size go through
/// registers, and all of them are one extension: so the vector's length waits for the block before it only once.
#[inline]
pub(super) fn append(key: Key, bytes: &[u8], out: &mut Vec<u8>) {
    let wide = widen(key);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    out.extend(blocks.iter().flat_map(|block| mixed(block, &wide)));
    let (words, rest) = rest.as_chunks::<8>();
    out.extend(words.iter().flat_map(|word| mixed_word(*word, key)));
    out.extend(rest.iter().zip(&widen::<8>(key)).map(|(byte, key)| byte ^ key));
}

/// Compiles what it calls for each width of vector instructions, and picks the processor's widest at run time. A text is checked
/// in loads of 32 bytes right after it was unmasked, and a load waits long for what came in narrower stores.
#[cfg(feature = "simd")]
#[inline(always)]
fn widest<R>(work: impl FnOnce() -> R) -> R {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    fearless_simd::dispatch!(level, simd => simd.vectorize(work))
}

#[cfg(not(feature = "simd"))]
#[inline(always)]
fn widest<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(always)]
fn mixed<const N: usize>(bytes: &[u8; N], wide: &[u8; N]) -> [u8; N] {
    let mut mixed = *bytes;
    for (byte, key) in mixed.iter_mut().zip(wide) {
        *byte ^= key;
    }
    mixed
}

/// Eight bytes as one number: byte by byte they would not become one instruction.
#[inline(always)]
const fn mixed_word(bytes: [u8; 8], [a, b, c, d]: Key) -> [u8; 8] {
    (u64::from_ne_bytes(bytes) ^ u64::from_ne_bytes([a, b, c, d, a, b, c, d])).to_ne_bytes()
}

#[inline(always)]
fn widen<const N: usize>(key: Key) -> [u8; N] {
    let mut wide = [0; N];
    for word in wide.as_chunks_mut::<4>().0 {
        *word = key;
    }
    wide
}
