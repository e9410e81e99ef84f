//! JSON strings, escaped with the widest vector instructions of the processor, which are selected at run time.
//!
//! Each byte is put beside the byte that may have to stand before it, a backslash, and a mask says which of these are kept. So an escape
//! costs no branch, which the processor could not predict.

use fearless_simd::{Level, Select as _, Simd, SimdBase as _, SimdMask as _, dispatch, u8x16};

/// The letters of the escapes of two characters, by character; that of U+000F, which has none, stands for all from there on.
const LETTERS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, b'b', b't', b'n', 0, b'f', b'r', 0, 0];

/// The length of the longest vector.
const LONGEST: usize = 64;

/// The index of each byte of the longest vector.
const INDICES: [u8; LONGEST] = {
    let mut indices = [0; LONGEST];
    let mut index = 0;
    while index < LONGEST {
        indices[index] = index as u8;
        index += 1;
    }
    indices
};

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
        let Some(length) = room.get_mut(written..).and_then(|room| escape_vector(simd, chunk, 0, room)) else {
            return (read, written);
        };
        (read, written) = (read + S::u8s::LEN, written + length);
    }
    let rest = chunks.remainder();
    if rest.is_empty() {
        return (read, written);
    }
    // The last vector of the text, of which the front is written already; of a shorter text, the front is no text.
    let skipped = S::u8s::LEN - rest.len();
    let mut padded = [0; LONGEST];
    let last = text.len().checked_sub(S::u8s::LEN).and_then(|start| text.get(start..)).unwrap_or_else(|| {
        padded[skipped..S::u8s::LEN].copy_from_slice(rest);
        &padded[..S::u8s::LEN]
    });
    match escape_vector(simd, last, skipped, &mut room[written..]) {
        Some(length) => (text.len(), written + length),
        None => (read, written),
    }
}

/// Writes one vector of text, escaped, without the bytes at its front that are to be skipped, and returns the length; or nothing if there is
/// no room for it, or a character of another kind.
#[inline(always)]
fn escape_vector<S: Simd>(simd: S, text: &[u8], skipped: usize, room: &mut [u8]) -> Option<usize> {
    let room = room.get_mut(..2 * S::u8s::LEN)?;
    let (nothing, backslash) = (S::u8s::splat(simd, NOTHING), S::u8s::splat(simd, b'\\'));
    let letters = S::u8s::block_splat(u8x16::load_array_ref(simd, &LETTERS));
    let source = S::u8s::from_slice(simd, text);
    let is_skipped = S::u8s::from_slice(simd, &INDICES[..S::u8s::LEN]).simd_lt(S::u8s::splat(simd, skipped as u8));
    let control = source.simd_lt(S::u8s::splat(simd, 0x20));
    let is_escaped = control | source.simd_eq(S::u8s::splat(simd, b'"')) | source.simd_eq(backslash);
    let escaped = is_escaped & !is_skipped;
    let letter = letters.swizzle_dyn_within_blocks(source.min(S::u8s::splat(simd, 15)));
    let last = is_skipped.select(nothing, control.select(letter, source));
    if last.simd_eq(S::u8s::splat(simd, 0)).any_true() {
        return None;
    }
    let first = escaped.select(backslash, nothing);
    // The lengths are those of the characters and the backslashes: where the second half begins is known before the first is compressed.
    let (half, escapes) = (S::u8s::LEN / 2, escaped.to_bitmask());
    let middle = half.saturating_sub(skipped) + (escapes & ((1 << half) - 1)).count_ones() as usize;
    for (start, half) in [(0, first.zip_low(last)), (middle, first.zip_high(last))] {
        half.compress(!half.simd_eq(nothing)).store_slice(&mut room[start..start + S::u8s::LEN]);
    }
    Some(S::u8s::LEN - skipped + escapes.count_ones() as usize)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;

    /// Escapes a text, and compares what was written with what serde_json writes of what was read. Returns how much was read.
    fn escaped<S: Simd>(simd: S, text: &str) -> usize {
        let mut room = vec![0; 2 * text.len() + 2 * LONGEST];
        let (read, written) = simd.vectorize(|| escape_with(simd, text.as_bytes(), &mut room));
        let expected = serde_json::to_string(&text[..read]).expect("a string is serialized");
        assert_eq!(str::from_utf8(&room[..written]), Ok(&expected[1..expected.len() - 1]), "{text:?}");
        read
    }

    fn escaped_by_each_width(text: &str, is_read: impl Fn(usize) -> bool) {
        let level = Level::try_detect().unwrap_or(Level::baseline());
        let mut read = vec![dispatch!(level, simd => escaped(simd, text))];
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            read.extend(level.as_avx2().map(|simd| escaped(simd, text)));
            read.extend(level.as_sse4_2().map(|simd| escaped(simd, text)));
        }
        assert!(read.iter().all(|read| is_read(*read)), "{read:?} of {text:?}");
    }

    #[test]
    fn text_of_any_length_is_escaped_by_vectors_of_each_width() {
        let pattern = "a\"bc\\d\n\"\"\\\\e\t\u{8}\u{c}\rfgh\u{e9}ij ";
        for start in pattern.char_indices().map(|(at, _)| at) {
            let text: String = pattern[start..].chars().chain(pattern.chars().cycle()).take(200).collect();
            for end in text.char_indices().map(|(at, _)| at) {
                escaped_by_each_width(&text[..end], |read| read == end);
            }
        }
    }

    #[test]
    fn vectors_end_before_a_character_whose_escape_is_longer() {
        for at in 0..150 {
            let text: String = (0..150).map(|index| if index == at { '\u{1}' } else { '"' }).collect();
            escaped_by_each_width(&text, |read| read <= at && read + LONGEST > at);
        }
    }
}
