//! Masking (RFC 6455 §5.3), in loops that the compiler can vectorize.

use alloc::vec::Vec;
use core::ops::Range;

#[cfg(feature = "simd")]
use fearless_simd::{Level, Simd as _};

/// A masking key, rotated so that its first byte is for the next byte of the payload.
pub(super) type Key = [u8; 4];

/// The number of bytes of one step, which fit the registers of every target.
const BLOCK: usize = 64;

/// Bytes of the caller, masked or not.
#[derive(Debug)]
pub(super) enum PayloadBytes<'i> {
    /// They must not be changed.
    Shared(&'i [u8]),
    /// They may be unmasked in place.
    Mutable(&'i mut [u8]),
}

impl<'i> PayloadBytes<'i> {
    pub(super) const fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Mutable(bytes) => bytes,
        }
    }

    pub(super) fn slice(&mut self, range: Range<usize>) -> PayloadBytes<'_> {
        match self {
            Self::Shared(bytes) => PayloadBytes::Shared(&bytes[range]),
            Self::Mutable(bytes) => PayloadBytes::Mutable(&mut bytes[range]),
        }
    }

    /// Returns the unmasked bytes: in place, or in `room`, which is emptied before.
    pub(super) fn unmask<'p>(self, key: Option<Key>, room: &'p mut Vec<u8>) -> &'p [u8]
    where
        'i: 'p,
    {
        match (self, key) {
            (Self::Shared(bytes), None) => bytes,
            (Self::Mutable(bytes), None) => bytes,
            (Self::Shared(bytes), Some(key)) => {
                room.clear();
                room.reserve(bytes.len());
                append(key, bytes, room);
                room
            }
            (Self::Mutable(bytes), Some(key)) => {
                apply(key, bytes);
                bytes
            }
        }
    }
}

/// Returns the key for the bytes behind `length` bytes of payload.
pub(super) const fn rotate_key(key: Key, length: usize) -> Key {
    [key[length % 4], key[(length + 1) % 4], key[(length + 2) % 4], key[(length + 3) % 4]]
}

/// Masks or unmasks `bytes` in place.
#[inline]
pub(super) fn apply(key: Key, bytes: &mut [u8]) {
    with_simd(
        #[inline(always)]
        || apply_blocks(key, bytes),
    );
}

#[inline(always)]
fn apply_blocks(key: Key, bytes: &mut [u8]) {
    let wide = widen(key);
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = xor_block(block, &wide);
    }
    let (words, rest) = rest.as_chunks_mut::<8>();
    for word in words {
        *word = xor_word(*word, key);
    }
    for (byte, key) in rest.iter_mut().zip(widen::<8>(key)) {
        *byte ^= key;
    }
}

/// Appends `bytes` to `out`, which has room for them, and masks or unmasks them on the way. Blocks of a constant size go through
/// registers, and a single `extend` appends all of them, so that the vector's length is updated only once.
#[inline]
pub(super) fn append(key: Key, bytes: &[u8], out: &mut Vec<u8>) {
    let wide = widen(key);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    out.extend(blocks.iter().flat_map(|block| xor_block(block, &wide)));
    let (words, rest) = rest.as_chunks::<8>();
    out.extend(words.iter().flat_map(|word| xor_word(*word, key)));
    out.extend(rest.iter().zip(&widen::<8>(key)).map(|(byte, key)| byte ^ key));
}

/// Calls `work` with the widest vector instructions of the processor, selected at run time. Text is validated in loads of 32 bytes
/// right after it was unmasked, and such a load waits long for narrower stores.
#[cfg(feature = "simd")]
#[inline(always)]
fn with_simd<R>(work: impl FnOnce() -> R) -> R {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    fearless_simd::dispatch!(level, simd => simd.vectorize(work))
}

#[cfg(not(feature = "simd"))]
#[inline(always)]
fn with_simd<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(always)]
fn xor_block<const N: usize>(bytes: &[u8; N], wide: &[u8; N]) -> [u8; N] {
    let mut masked = *bytes;
    for (byte, key) in masked.iter_mut().zip(wide) {
        *byte ^= key;
    }
    masked
}

/// Masks eight bytes as one number. Byte by byte, they would not become a single instruction.
#[inline(always)]
const fn xor_word(bytes: [u8; 8], [a, b, c, d]: Key) -> [u8; 8] {
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
