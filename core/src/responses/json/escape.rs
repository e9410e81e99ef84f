//! JSON strings, escaped.

use alloc::vec::Vec;

use memchr::memchr;

#[cfg(feature = "simd")]
use crate::responses::json::vector_escape::escape_vectors;

/// The number of bytes that are searched and copied at once.
const BLOCK: usize = 32;

/// The length of the longest escape.
const LONGEST: usize = 6;

/// The room for a block of which every byte is escaped, and for one that is copied behind it.
const ROOM: usize = BLOCK * LONGEST + BLOCK;

/// The number of bytes for which memory is prepared at once, where characters are escaped.
const PIECE: usize = 1024;

/// The letter of each escape of two characters. The other characters that must be escaped are below U+0020, and have 0 here.
const LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    letters[b'"' as usize] = b'"';
    letters[b'\\' as usize] = b'\\';
    letters[0x08] = b'b';
    letters[b'\t' as usize] = b't';
    letters[b'\n' as usize] = b'n';
    letters[0x0C] = b'f';
    letters[b'\r' as usize] = b'r';
    letters
};

/// The character of each escape of two characters, by its letter. Other bytes have 0 here.
const CHARACTERS: [u8; 256] = {
    let (mut characters, mut character) = ([0; 256], 0);
    while character < LETTERS.len() {
        characters[LETTERS[character] as usize] = character as u8;
        character += 1;
    }
    characters[0] = 0;
    characters[b'/' as usize] = b'/';
    characters
};

/// The length of the longest text that is written in one step.
const SHORT: usize = 32;

/// Writes a JSON string.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    if !short::<false>(text.as_bytes(), false, out) {
        out.push(b'"');
        long(text.as_bytes(), out);
        out.push(b'"');
    }
}

/// Writes the beginning of a member: its key and a colon, behind a comma unless it is the first.
pub(crate) fn key(key: &str, is_first: bool, out: &mut Vec<u8>) {
    if !short::<true>(key.as_bytes(), !is_first, out) {
        out.extend_from_slice(if is_first { b"\"" } else { b",\"" });
        long(key.as_bytes(), out);
        out.extend_from_slice(b"\":");
    }
}

/// Writes a short text without escapes, as most keys, names and ids are, in quotes, behind a comma and before a colon where asked for.
/// Returns false and writes nothing if the text is another one.
///
/// All copies have constant lengths, and the length of the vector is written twice only: each change of it waits for the one before.
#[inline(always)]
fn short<const COLON: bool>(text: &[u8], comma: bool, out: &mut Vec<u8>) -> bool {
    const ROOM: usize = SHORT + 4;
    let start = out.len();
    let length = text.len();
    if length > SHORT {
        return false;
    }
    out.extend_from_slice(&[0; ROOM]);
    let Some(room) = out[start..].first_chunk_mut::<ROOM>() else { return false };
    let before = 1 + usize::from(comma);
    room[0] = b',';
    room[before - 1] = b'"';
    let middle = &mut room[before..before + length];
    let is_clean = copy_ends::<16>(text, middle)
        .or_else(|| copy_ends::<8>(text, middle))
        .or_else(|| copy_ends::<4>(text, middle))
        .or_else(|| copy_ends::<2>(text, middle))
        .or_else(|| copy_ends::<1>(text, middle))
        .unwrap_or(true);
    room[before + length] = b'"';
    if COLON {
        room[before + length + 1] = b':';
    }
    out.truncate(if is_clean { start + before + length + 1 + usize::from(COLON) } else { start });
    is_clean
}

/// Copies the first and the last bytes of a text of at most twice as many, which may overlap, and returns whether none must be escaped;
/// or nothing if it is shorter.
#[inline(always)]
fn copy_ends<const N: usize>(text: &[u8], room: &mut [u8]) -> Option<bool> {
    let (first, last) = (text.first_chunk::<N>()?, text.last_chunk::<N>()?);
    *room.first_chunk_mut::<N>()? = *first;
    *room.last_chunk_mut::<N>()? = *last;
    Some(is_clean_chunk(first) & is_clean_chunk(last))
}

/// Returns whether no byte of a chunk must be escaped.
#[inline(always)]
fn is_clean_chunk<const N: usize>(chunk: &[u8; N]) -> bool {
    let mut word = [b' '; 8];
    match word.first_chunk_mut::<N>() {
        Some(room) => {
            *room = *chunk;
            is_clean_word(u64::from_le_bytes(word))
        }
        None => !has_escape(chunk),
    }
}

/// Writes text, escaped. The beginning that needs no escape, usually all of it, is copied at once.
fn long(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    // Where the beginning has an escape, the rest usually has more: the search for the first one would end in a branch that cannot be
    // predicted.
    if let Some(beginning) = bytes.first_chunk::<{ 4 * BLOCK }>()
        && has_escape(beginning)
    {
        return escape_text(bytes, out);
    }
    let (blocks, short) = bytes.as_chunks::<BLOCK>();
    let clean = blocks.iter().take_while(|block| !has_escape(block)).count();
    let is_clean = clean == blocks.len() && is_clean(short);
    let (plain, rest) = bytes.split_at(if is_clean { bytes.len() } else { clean * BLOCK });
    out.extend_from_slice(plain);
    escape_text(rest, out);
}

/// Writes text of which some characters are to be escaped.
fn escape_text(mut text: &[u8], out: &mut Vec<u8>) {
    while !text.is_empty() {
        let start = out.len();
        // The cursor of a slice is in a register, unlike the length of a vector.
        out.resize(start + text.len().min(PIECE) + PIECE / 8 + ROOM, 0);
        let (mut read, mut written) = escape_vectors(text, &mut out[start..]);
        while read < text.len()
            && let Some(room) = out[start + written..].first_chunk_mut::<ROOM>()
        {
            let rest = &text[read..];
            if let Some(two) = rest.first_chunk::<{ 2 * BLOCK }>()
                && !has_escape(two)
            {
                room[..two.len()].copy_from_slice(two);
                (read, written) = (read + two.len(), written + two.len());
                continue;
            }
            let length = rest.len().min(BLOCK);
            written += match rest.first_chunk() {
                Some(source) => escape_block(source, length, room),
                None => {
                    let mut source = [b' '; 2 * BLOCK];
                    source[..rest.len()].copy_from_slice(rest);
                    escape_block(&source, length, room)
                }
            };
            read += length;
        }
        out.truncate(start + written);
        text = &text[read..];
    }
}

/// Without vector instructions, nothing is escaped by them.
#[cfg(not(feature = "simd"))]
const fn escape_vectors(_: &[u8], _: &mut [u8]) -> (usize, usize) {
    (0, 0)
}

/// Writes the first `length` bytes of a source, escaped; none of those behind them in the block is to be escaped. Returns the number of
/// bytes that were written.
///
/// Whole blocks are copied, of which the next copy replaces what does not belong there: that is faster than copies of the right length.
#[inline]
fn escape_block(source: &[u8; 2 * BLOCK], length: usize, room: &mut [u8; ROOM]) -> usize {
    let mut found = escapes(source);
    let (mut read, mut written) = (0, 0);
    while found != 0 {
        room[written..written + BLOCK].copy_from_slice(&source[read..read + BLOCK]);
        let at = found.trailing_zeros() as usize;
        found &= found - 1;
        written += at - read;
        read = at + 1;
        let (escape, length) = escape(source[at]);
        room[written..written + LONGEST].copy_from_slice(&escape);
        written += length;
    }
    room[written..written + BLOCK].copy_from_slice(&source[read..read + BLOCK]);
    written + length - read
}

/// Returns the positions of the bytes of a block that must be escaped, as bits.
#[inline]
fn escapes(source: &[u8; 2 * BLOCK]) -> u32 {
    // Moves the lowest bits of the bytes of a word to its highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    // Without an early exit, so that the compiler makes vector instructions of it.
    let (block, _) = source.split_first_chunk::<BLOCK>().expect("a block is shorter than two");
    let found = block.map(|byte| u8::from(must_be_escaped(byte)));
    let (words, _) = found.as_chunks::<8>();
    let bits = words.iter().map(|word| (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) as u32);
    bits.enumerate().fold(0, |all, (at, bits)| all | bits << (8 * at))
}

/// Returns whether a block contains a byte that must be escaped.
#[inline]
fn has_escape<const N: usize>(block: &[u8; N]) -> bool {
    block.iter().fold(false, |found, byte| found | must_be_escaped(*byte))
}

/// Returns whether none of a few bytes must be escaped.
#[inline]
fn is_clean(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| is_clean_word(u64::from_le_bytes(*word))) && !rest.iter().any(|byte| must_be_escaped(*byte))
}

#[inline]
const fn is_clean_word(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // A byte is below U+0020, or zero, if taking that number or 1 from it borrows from its highest bit, which it has not itself.
    let (quote, backslash) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
    let found = (word.wrapping_sub(ONES * 0x20) & !word)
        | (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash);
    found & (ONES << 7) == 0
}

const fn must_be_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Returns the escape of a byte and its length.
#[inline]
fn escape(byte: u8) -> ([u8; LONGEST], usize) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    match LETTERS[usize::from(byte)] {
        0 => {
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0F)]);
            ([b'\\', b'u', b'0', b'0', high, low], LONGEST)
        }
        letter => ([b'\\', letter, 0, 0, 0, 0], 2),
    }
}

/// The escape of U+FFFD.
const REPLACEMENT: &str = "\\ufffd";

/// Returns the length of an escape, or of a pair of surrogates, and the escape that replaces a lone surrogate.
pub(super) fn length_and_replacement(bytes: &[u8]) -> (usize, Option<&'static str>) {
    match code_unit(bytes) {
        Some(unit) => match unicode_escape(unit, bytes) {
            (length, Some(_)) => (length, None),
            (length, None) => (length, Some(REPLACEMENT)),
        },
        None => (2, None),
    }
}

/// Returns the length and the character of an escape, or of a pair of surrogates; U+FFFD for a lone surrogate. `None` if JSON has no such
/// escape.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Option<(usize, char)> {
    let [b'\\', letter, ..] = bytes else { return None };
    match CHARACTERS[usize::from(*letter)] {
        0 => {
            let (length, character) = unicode_escape(code_unit(bytes)?, bytes);
            Some((length, character.unwrap_or(char::REPLACEMENT_CHARACTER)))
        }
        character => Some((2, character.into())),
    }
}

/// Returns the length and the character of an escape that begins with this code unit; no character if that is a lone surrogate.
fn unicode_escape(unit: u16, bytes: &[u8]) -> (usize, Option<char>) {
    let low = || bytes.get(6..).and_then(code_unit).filter(|low| matches!(low, 0xDC00..=0xDFFF));
    match (unit, low()) {
        (0xD800..=0xDBFF, Some(low)) => {
            let pair = 0x10000 + ((u32::from(unit) - 0xD800) << 10 | (u32::from(low) - 0xDC00));
            (12, char::from_u32(pair))
        }
        (unit, _) => (6, char::from_u32(unit.into())),
    }
}

/// Returns the position in the text of a JSON string, without its quotes, behind so many bytes of what it is decoded to. `None` if it is
/// shorter, or if a character is there.
pub(in crate::responses) fn position_of_decoded(escaped: &str, decoded: usize) -> Option<usize> {
    let (bytes, mut at, mut count) = (escaped.as_bytes(), 0, 0);
    while count < decoded {
        let (length, width) = match bytes.get(at)? {
            b'\\' => decoded_escape(&bytes[at..]),
            _ => (1, 1),
        };
        at += length;
        count += width;
    }
    (count == decoded && escaped.is_char_boundary(at)).then_some(at)
}

/// Returns the number of bytes to which the text of a JSON string, without its quotes, is decoded.
pub(in crate::responses) fn decoded_len(escaped: &str) -> usize {
    let (bytes, mut at, mut count) = (escaped.as_bytes(), 0, 0);
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        let (length, width) = decoded_escape(&bytes[at + next..]);
        at += next + length;
        count += next + width;
    }
    count + bytes.len().saturating_sub(at)
}

/// Returns the length of an escape, or of a pair of surrogates, and that of the character in UTF-8.
fn decoded_escape(bytes: &[u8]) -> (usize, usize) {
    decode(bytes).map_or((2, 1), |(length, character)| (length, character.len_utf8()))
}

/// Returns the code unit of an escape `\uXXXX`.
pub(in crate::responses) fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::responses::json::lenient;

    #[test]
    fn text_with_one_escape_anywhere_is_written_as_serde_json_writes_it() {
        for length in [1, 31, 32, 33, 127, 128, 129, 200] {
            for at in 0..length {
                for escaped in ["\"", "\n", "\u{1}"] {
                    let text = format!("{}{escaped}{}", "a".repeat(at), "b".repeat(length - 1 - at));
                    let mut out = Vec::new();
                    string(&text, &mut out);
                    assert_eq!(String::from_utf8(out).ok(), serde_json::to_string(&text).ok());
                }
            }
        }
    }

    #[test]
    fn positions_behind_decoded_bytes_are_those_of_the_decoded_text() {
        for text in [
            "",
            "abc",
            "Z\u{fc}rich",
            "a\\n\\\"\\\\b",
            "\\u0041\\u00e9\\u20AC!",
            "\\ud83d\\ude00x",
            "\\ud83dx",
            "\u{1F600}",
        ] {
            let decoded: String = lenient::read(&format!("\"{text}\"")).expect("a string");
            assert_eq!(decoded_len(text), decoded.len(), "{text}");
            for count in 0..decoded.len() + 3 {
                let rest = position_of_decoded(text, count)
                    .map(|at| lenient::read::<String>(&format!("\"{}\"", &text[at..])).expect("the rest is a string"));
                assert_eq!(rest.as_deref(), decoded.get(count..), "{text}, {count}");
            }
        }
    }
}
