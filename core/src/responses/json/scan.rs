//! A validating scan of JSON text that allocates nothing and does not recurse.
//!
//! It accepts what `serde_json` accepts when skipping a value, and the numbers `NaN`, `Infinity` and `-Infinity`
//! ([docs/differences.md row 45](crate::docs::differences)). The depth is bounded.

use super::lenient::NOT_NUMBERS;
use super::plain::plain;
use crate::responses::json::malformed::Malformed;

/// Maximum nesting: the kind of each open bracket is one bit of a word.
const DEPTH: u32 = 128;

/// The flag in the end of a position for a string with escapes.
pub(in crate::responses) const ESCAPED: u32 = 1 << 31;

/// Why a scan ends early. It is small, because every step of the scan may return it; the cursor has the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::responses) enum Fault {
    /// Not JSON.
    Json,
    /// Nested too deeply.
    Depth,
}

/// A position in JSON text.
#[derive(Clone, Copy)]
pub(in crate::responses) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(in crate::responses) at: usize,
}

impl<'a> Cursor<'a> {
    pub(in crate::responses) const fn new(text: &'a str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// Begins at the first of these bytes, which may be no text: what is consumed may be none either.
    pub(in crate::responses) const fn of_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the fault with its position.
    pub(in crate::responses) const fn error(&self, fault: Fault) -> Malformed {
        match fault {
            Fault::Json => Malformed::InvalidJson { offset: self.at },
            Fault::Depth => Malformed::TooDeep,
        }
    }

    /// Returns the next byte, without consuming it.
    #[inline]
    pub(in crate::responses) fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Returns the next byte that is not white space, without consuming it.
    #[inline]
    pub(in crate::responses) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
        None
    }

    /// Consumes this byte, after white space, or fails.
    #[inline]
    pub(in crate::responses) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(Fault::Json);
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes a string whose quote is next. Returns whether it has escapes.
    #[inline]
    pub(in crate::responses) fn string(&mut self) -> Result<bool, Fault> {
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
        } else {
            self.expect(b'"')?;
        }
        self.at = plain(self.bytes, self.at);
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(false);
        }
        self.escaped().map(|()| true)
    }

    /// Consumes the rest of a string, from its first escape on.
    fn escaped(&mut self) -> Result<(), Fault> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(Fault::Json),
            }
            self.at = plain(self.bytes, self.at);
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or_default();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Fault::Json);
                }
                6
            }
            _ => return Err(Fault::Json),
        };
        self.at += length;
        Ok(())
    }

    /// Consumes one value. Returns whether it is a string with escapes.
    #[inline]
    pub(in crate::responses) fn value(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(_) => self.nested().map(|()| false),
            None => Err(Fault::Json),
        }
    }

    /// Consumes one value, and the white space before it. Returns its position; the end has the flag [`ESCAPED`] if it is a string with
    /// escapes. The text must be shorter than that flag.
    #[inline]
    pub(in crate::responses) fn span(&mut self) -> Result<(u32, u32), Fault> {
        self.peek();
        let start = self.at;
        let flag = if self.value()? { ESCAPED } else { 0 };
        Ok((start as u32, self.at as u32 | flag))
    }

    /// Consumes a value that is an integer below 65 536, and returns it. Consumes nothing of any other value, nor if white space is
    /// around it, nor of less than 8 bytes.
    #[inline]
    pub(in crate::responses) fn small_integer(&mut self) -> Option<u16> {
        const DIGITS: u32 = 5;

        // The integer and the byte behind it are within 8 bytes, of which fewer may be left.
        let rest = self.bytes.get(self.at..)?;
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => u64::from_le_bytes(*self.bytes.last_chunk()?).checked_shr(8 * (8 - rest.len() as u32))?,
        };
        let digits = word ^ 0x3030_3030_3030_3030;
        // The high bit of each byte that is no digit, and maybe of bytes behind the first one.
        let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
        let count = others.trailing_zeros() / 8;
        let is_integer = (1..=DIGITS).contains(&count) && (count == 1 || digits & 0xFF != 0);
        if !is_integer || !matches!((word >> (8 * count)) as u8, b',' | b'}') {
            return None;
        }
        // The digits are moved behind zeros, and added up in pairs, fours and eights.
        let pairs = (digits << (64 - 8 * count)).wrapping_mul(2561) >> 8 & 0x00FF_00FF_00FF_00FF;
        let fours = pairs.wrapping_mul(6_553_601) >> 16 & 0x0000_FFFF_0000_FFFF;
        let integer = u16::try_from(fours.wrapping_mul(42_949_672_960_001) >> 32).ok()?;
        self.at += count as usize;
        Some(integer)
    }

    fn nested(&mut self) -> Result<(), Fault> {
        let mut open = Brackets::default();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    open.push(true)?;
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    open.push(false)?;
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(_) => self.literal()?,
                None => return Err(Fault::Json),
            }
            if !self.close(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: consumes closing brackets. Returns whether another value follows.
    #[inline]
    fn close(&mut self, open: &mut Brackets) -> Result<bool, Fault> {
        loop {
            let Some(is_object) = open.last() else { return Ok(false) };
            match (self.peek(), is_object) {
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    open.pop();
                }
                (Some(b','), _) => {
                    self.at += 1;
                    if is_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                _ => return Err(Fault::Json),
            }
        }
    }

    #[inline]
    fn key(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.expect(b':')
    }

    fn literal(&mut self) -> Result<(), Fault> {
        let rest = &self.bytes[self.at..];
        let words = [&b"true"[..], b"false", b"null"].into_iter().chain(NOT_NUMBERS);
        let word = words.into_iter().find(|word| rest.starts_with(word));
        self.at += word.ok_or(Fault::Json)?.len();
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Fault> {
        self.at += usize::from(self.bytes[self.at] == b'-');
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            // The sign belonged to `-Infinity`.
            Some(b'I') => return self.literal(),
            _ => self.digits()?,
        }
        match self.bytes.get(self.at) {
            Some(b'.' | b'e' | b'E') => self.fraction(),
            _ => Ok(()),
        }
    }

    fn fraction(&mut self) -> Result<(), Fault> {
        if self.bytes[self.at] == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { Err(Fault::Json) } else { Ok(()) }
    }
}

/// The kinds of the open brackets: a one bit is an object.
#[derive(Default)]
struct Brackets {
    kinds: u128,
    depth: u32,
}

impl Brackets {
    const fn push(&mut self, is_object: bool) -> Result<(), Fault> {
        if self.depth == DEPTH {
            return Err(Fault::Depth);
        }
        self.kinds = self.kinds << 1 | is_object as u128;
        self.depth += 1;
        Ok(())
    }

    const fn last(&self) -> Option<bool> {
        if self.depth == 0 { None } else { Some(self.kinds & 1 == 1) }
    }

    const fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }
}
