//! UTF-8 that arrives in pieces: the characters that are split between two pieces.

/// The length in bytes of the longest character.
const LONGEST: usize = 4;

/// The bytes so far of a character that is incomplete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PartialChar {
    bytes: [u8; LONGEST],
    length: u8,
}

/// The effect of one more byte on an incomplete character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CharStep {
    /// The byte belongs to the character, which is still incomplete.
    Incomplete,
    /// The byte completes the character.
    Complete(char),
    /// The byte cannot follow; it was not taken.
    Invalid,
}

impl PartialChar {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }

    /// Returns the number of bytes so far; 0 if there is no incomplete character.
    pub(crate) const fn len(self) -> usize {
        self.length as usize
    }

    /// Keeps an incomplete character: the [`incomplete_suffix`] of a piece.
    pub(crate) fn start(&mut self, suffix: &[u8]) {
        self.clear();
        for (place, byte) in self.bytes.iter_mut().zip(suffix) {
            *place = *byte;
            self.length += 1;
        }
    }

    /// Appends one byte to the incomplete character.
    pub(crate) fn push(&mut self, byte: u8) -> CharStep {
        let length = self.len();
        // Four bytes are a character or invalid, so an incomplete one leaves room.
        self.bytes[length] = byte;
        match core::str::from_utf8(&self.bytes[..=length]) {
            Ok(text) => {
                let step = text.chars().next().map_or(CharStep::Invalid, CharStep::Complete);
                self.clear();
                step
            }
            Err(error) if error.error_len().is_some() => CharStep::Invalid,
            Err(_) => {
                self.length += 1;
                CharStep::Incomplete
            }
        }
    }

    pub(crate) const fn clear(&mut self) {
        self.length = 0;
    }
}

/// Returns the number of bytes at the end that more bytes could complete to a character.
pub(crate) fn incomplete_suffix(bytes: &[u8]) -> usize {
    let lead = (1..=bytes.len().min(LONGEST - 1)).find(|back| bytes[bytes.len() - back] >= 0xC0);
    let Some(length) = lead else { return 0 };
    match core::str::from_utf8(&bytes[bytes.len() - length..]) {
        Err(error) if error.error_len().is_none() => length,
        Ok(_) | Err(_) => 0,
    }
}
