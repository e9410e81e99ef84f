//! UTF-8 that comes in pieces, refused at its first bad byte (RFC 6455 §8.1).

/// The longest character.
const LONGEST: usize = 4;

/// What has come of a character that is not whole.
#[derive(Clone, Copy, Default)]
pub(super) struct Utf8 {
    partial: [u8; LONGEST],
    length: u8,
}

impl Utf8 {
    /// Checks the next piece. Returns whether everything so far is, or can still become, UTF-8.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        self.take(piece).is_some()
    }

    /// Checks the next piece, and returns what became whole with it: the character that was begun before, and text. `None`:
    /// this is not UTF-8, whatever follows.
    pub(super) fn take<'p>(&mut self, mut piece: &'p [u8]) -> Option<(Option<char>, &'p str)> {
        let mut begun = None;
        while self.length > 0 {
            let [byte, rest @ ..] = piece else { return Some((None, "")) };
            self.partial[usize::from(self.length)] = *byte;
            self.length += 1;
            piece = rest;
            match core::str::from_utf8(&self.partial[..usize::from(self.length)]) {
                Ok(text) => {
                    begun = text.chars().next();
                    self.length = 0;
                }
                Err(error) if error.error_len().is_some() => return None,
                // Four bytes are a character or an error, so there is always room for the next.
                Err(_) => {}
            }
        }
        let (whole, tail) = piece.split_at(piece.len() - unfinished(piece));
        let text = check(whole)?;
        self.begin(tail).then_some((begun, text))
    }

    /// How many bytes have come of a character that is not whole.
    pub(super) const fn unfinished(&self) -> usize {
        self.length as usize
    }

    /// Keeps the beginning of a character, if that is what it is.
    fn begin(&mut self, tail: &[u8]) -> bool {
        if core::str::from_utf8(tail).is_err_and(|error| error.error_len().is_some()) {
            return false;
        }
        for (place, byte) in self.partial.iter_mut().zip(tail) {
            *place = *byte;
            self.length += 1;
        }
        true
    }
}

/// The text that these bytes are. Of the two checks that there are, the one that could also say where an error lies is the
/// quicker on text that is ASCII here and there, and no slower on other text.
#[inline]
pub(super) fn check(bytes: &[u8]) -> Option<&str> {
    simdutf8::compat::from_utf8(bytes).ok()
}

/// How many bytes at the end are a character's lead byte with fewer than all of its others.
fn unfinished(piece: &[u8]) -> usize {
    for (before, byte) in piece.iter().rev().take(LONGEST - 1).enumerate() {
        let needs = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0.. => 4,
            0x00..=0x7F => 1,
        };
        return if before + 1 < needs { before + 1 } else { 0 };
    }
    0
}
