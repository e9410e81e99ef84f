//! JSON strings, escaped with the widest vector instructions of the processor, which are selected at run time.
//!
//! Each byte is put beside the byte that may have to stand before it, a backslash, and a mask says which of these are kept. So an escape
//! costs no branch, which the processor could not predict.

use fearless_simd::{Level, Select as _, Simd, SimdBase as _, SimdMask as _, dispatch, u8x16};

/// The letters of the escapes of two characters, by character; that of U+000F, which has none, stands for all from there on.
const LETTERS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, b'b', b't', b'n', 0, b'f', b'r', 0, 0];

/// The length of the longest vector.
const LONGEST: usize = 64;

/// A byte that no text contains.
const NOTHING: u8 = 0xFF;

/// Writes the beginning of a text, escaped: whole vectors, up to one with a character whose escape has six characters, or for which
/// there is no room. Returns the number of bytes that were read, and of those that were written.
pub(super) fn escape_vectors(text: &[u8], room: &mut [u8]) -> (usize, usize) {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    if is_slow(level) {
        return (0, 0);
    }
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || escape_with(simd, text, room)
    ))
}

/// Returns whether these instructions cannot move bytes by a table.
fn is_slow(level: Level) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return level.as_sse4_2().is_none();
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    return level.is_fallback();
}

#[inline(always)]
fn escape_with<S: Simd>(simd: S, text: &[u8], room: &mut [u8]) -> (usize, usize) {
    let (mut read, mut written) = (0, 0);
    let mut chunks = text.chunks_exact(S::u8s::LEN);
    for chunk in &mut chunks {
        let Some(length) = room.get_mut(written..).and_then(|room| escape_vector(simd, chunk, room)) else {
            return (read, written);
        };
        (read, written) = (read + S::u8s::LEN, written + length);
    }
    let rest = chunks.remainder();
    let mut padded = [b' '; LONGEST];
    padded[..rest.len()].copy_from_slice(rest);
    match escape_vector(simd, &padded[..S::u8s::LEN], &mut room[written..]) {
        Some(length) => (text.len(), written + length - (S::u8s::LEN - rest.len())),
        None => (read, written),
    }
}

/// Writes one vector of text, escaped, and returns the length; or nothing if there is no room for it, or a character of another kind.
#[inline(always)]
fn escape_vector<S: Simd>(simd: S, text: &[u8], room: &mut [u8]) -> Option<usize> {
    let room = room.get_mut(..2 * S::u8s::LEN)?;
    let (nothing, backslash) = (S::u8s::splat(simd, NOTHING), S::u8s::splat(simd, b'\\'));
    let letters = S::u8s::block_splat(u8x16::load_array_ref(simd, &LETTERS));
    let source = S::u8s::from_slice(simd, text);
    let control = source.simd_lt(S::u8s::splat(simd, 0x20));
    let escaped = control | source.simd_eq(S::u8s::splat(simd, b'"')) | source.simd_eq(backslash);
    let letter = letters.swizzle_dyn_within_blocks(source.min(S::u8s::splat(simd, 15)));
    let last = control.select(letter, source);
    if last.simd_eq(S::u8s::splat(simd, 0)).any_true() {
        return None;
    }
    let first = escaped.select(backslash, nothing);
    let mut written = 0;
    for half in [first.zip_low(last), first.zip_high(last)] {
        let kept = !half.simd_eq(nothing);
        half.compress(kept).store_slice(&mut room[written..written + S::u8s::LEN]);
        written += kept.to_bitmask().count_ones() as usize;
    }
    Some(written)
}
