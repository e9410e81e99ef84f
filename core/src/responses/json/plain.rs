//! The search for what ends the plain part of a JSON string.

#[cfg(feature = "simd")]
use fearless_simd::{Level, Simd, SimdBase as _, SimdMask as _, dispatch, u8x16};

/// The number of bytes that are searched at once. Most strings of an event are shorter, so that their length causes no branch.
const BLOCK: usize = 16;

/// Returns the position of the first quote, backslash or control character from `at` on, or the end.
#[inline]
pub(super) fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if let Some(found) = special(block) {
            return at + found;
        }
        at += BLOCK;
    }
    short(bytes, at)
}

/// Does what [`plain`] does, where fewer bytes than a block are left.
#[inline(never)]
fn short(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')).count()
}

/// Returns the index of the first quote, backslash or control character.
#[cfg(feature = "simd")]
#[inline]
fn special(block: &[u8; BLOCK]) -> Option<usize> {
    // Of the instructions that every processor of the target has: a selection at run time would be a call.
    let found = dispatch!(Level::baseline(), simd => special_bits(simd, block));
    (found != 0).then(|| found.trailing_zeros() as usize)
}

#[cfg(feature = "simd")]
#[inline(always)]
fn special_bits<S: Simd>(simd: S, block: &[u8; BLOCK]) -> u64 {
    let block = u8x16::load_array_ref(simd, block);
    let equal = |byte| block.simd_eq(u8x16::splat(simd, byte));
    let control = block.min(u8x16::splat(simd, 0x1F)).simd_eq(block);
    (equal(b'"') | equal(b'\\') | control).to_bitmask()
}

/// Returns the index of the first quote, backslash or control character.
#[cfg(not(feature = "simd"))]
#[inline]
fn special(block: &[u8; BLOCK]) -> Option<usize> {
    special_of_words(block)
}

/// Does the same without vectors.
#[cfg(any(test, not(feature = "simd")))]
#[inline]
fn special_of_words(block: &[u8; BLOCK]) -> Option<usize> {
    let (words, _) = block.as_chunks();
    match [special_bytes(words[0]), special_bytes(words[1])] {
        [0, 0] => None,
        [0, high] => Some(8 + high.trailing_zeros() as usize / 8),
        [low, _] => Some(low.trailing_zeros() as usize / 8),
    }
}

/// Returns the high bit of each byte that is a quote, a backslash or a control character, and maybe of bytes after the
/// first such byte.
#[cfg(any(test, not(feature = "simd")))]
#[inline]
const fn special_bytes(word: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;

    // A byte that is zero after the XOR, or below 0x20, borrows. A borrow only affects higher bytes, so the lowest bit
    // is always right.
    let word = u64::from_le_bytes(word);
    let (quote, backslash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5C));
    let found = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    found & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_special_byte_is_found_with_and_without_vectors() {
        for (at, byte) in (0..BLOCK).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
            for after in [b'x', b'"', b'\\', 0, 0x7F, 0xFF] {
                let mut block = [0x80; BLOCK];
                block[at] = byte;
                block[at + 1..].fill(after);
                let expected = block.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
                assert_eq!(special(&block), expected, "{block:?}");
                assert_eq!(special_of_words(&block), expected, "{block:?}");
            }
        }
    }
}
