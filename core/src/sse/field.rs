//! The fields of an event stream's lines (WHATWG HTML §9.2.6).

/// A known field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

const FIELDS: [(&[u8], Field); 4] =
    [(b"data", Field::Data), (b"event", Field::Event), (b"id", Field::Id), (b"retry", Field::Retry)];

/// The length in bytes of the longest name of a field.
const LONGEST: usize = 5;

/// Splits a whole line into its field and the position of the value. `None` for a comment or an unknown field.
#[inline]
pub(super) const fn split(line: &[u8]) -> Option<(Field, usize)> {
    // Written out: a search in the table takes as long as the rest of the decoder.
    let (field, name, rest) = match line {
        [b'd', b'a', b't', b'a', rest @ ..] => (Field::Data, 4, rest),
        [b'e', b'v', b'e', b'n', b't', rest @ ..] => (Field::Event, 5, rest),
        [b'i', b'd', rest @ ..] => (Field::Id, 2, rest),
        [b'r', b'e', b't', b'r', b'y', rest @ ..] => (Field::Retry, 5, rest),
        _ => return None,
    };
    match rest {
        [b':', b' ', ..] => Some((field, name + 2)),
        [b':', ..] => Some((field, name + 1)),
        [] => Some((field, name)),
        [_, ..] => None,
    }
}

/// Returns the field with whose name and colon the line begins, and the length of both.
pub(super) fn prefix(line: &[u8]) -> Option<(Field, usize)> {
    FIELDS
        .into_iter()
        .find_map(|(name, field)| line.strip_prefix(name)?.starts_with(b":").then_some((field, name.len() + 1)))
}

/// The state of a line whose end has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartialLine {
    /// Nothing of it has arrived.
    Start,
    /// The bytes so far are the beginning of a field's name, or all of it.
    Name { bytes: [u8; LONGEST], length: usize },
    /// In a field's value. `at_start`: nothing of it has arrived, so a leading space is still skipped.
    Value { field: Field, at_start: bool },
    /// In a comment or an unknown field.
    Skipped,
}

impl PartialLine {
    /// A line whose name may begin with the next byte.
    pub(super) const NAME: Self = Self::Name { bytes: [0; LONGEST], length: 0 };

    /// The state after one more byte of an incomplete name.
    pub(super) fn after_name_byte(bytes: [u8; LONGEST], length: usize, byte: u8) -> Self {
        if byte == b':' {
            return match by_name(&bytes[..length]) {
                Some(field) => Self::Value { field, at_start: true },
                None => Self::Skipped,
            };
        }
        if length == LONGEST {
            return Self::Skipped;
        }
        let mut longer = bytes;
        longer[length] = byte;
        let length = length + 1;
        match FIELDS.iter().any(|(name, _)| name.starts_with(&longer[..length])) {
            true => Self::Name { bytes: longer, length },
            false => Self::Skipped,
        }
    }
}

/// Returns the field with this name.
pub(super) fn by_name(name: &[u8]) -> Option<Field> {
    FIELDS.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
}
