//! One line of an event stream: which field it is (WHATWG HTML §9.2.6).

/// A field that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

const FIELDS: [(&[u8], Field); 4] =
    [(b"data", Field::Data), (b"event", Field::Event), (b"id", Field::Id), (b"retry", Field::Retry)];

/// The longest beginning of a line that can be undecided: a name without its colon.
const UNDECIDED: usize = 5;

/// A whole line as its field and where its value begins in the line, or `None` when it is a comment or an unknown field.
#[inline]
pub(super) const fn split(line: &[u8]) -> Option<(Field, usize)> {
    // Spelled out, because a search in the table costs as much as the rest of the decoder does.
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

/// The field of a line that begins so, and the length of its name and colon.
pub(super) fn field(line: &[u8]) -> Option<(Field, usize)> {
    FIELDS
        .into_iter()
        .find_map(|(name, field)| line.strip_prefix(name)?.starts_with(b":").then_some((field, name.len() + 1)))
}

/// A line whose end has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing of it has come.
    Start,
    /// What has come is a beginning of a field's name, or all of it.
    Undecided { bytes: [u8; UNDECIDED], length: usize },
    /// In a field's value. `fresh`: nothing of the value has come, so one space may still be passed over.
    Value { field: Field, fresh: bool },
    /// A comment or an unknown field.
    Skipped,
}

/// What one more byte makes of an undecided line.
pub(super) fn decide(bytes: [u8; UNDECIDED], length: usize, byte: u8) -> Line {
    if byte == b':' {
        return match whole(&bytes[..length]) {
            Some(field) => Line::Value { field, fresh: true },
            None => Line::Skipped,
        };
    }
    if length == UNDECIDED {
        return Line::Skipped;
    }
    let mut longer = bytes;
    longer[length] = byte;
    let length = length + 1;
    match FIELDS.iter().any(|(name, _)| name.starts_with(&longer[..length])) {
        true => Line::Undecided { bytes: longer, length },
        false => Line::Skipped,
    }
}

/// The field of a line that is nothing but its name.
pub(super) fn whole(name: &[u8]) -> Option<Field> {
    FIELDS.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
}

/// The beginning of a line of which nothing has come.
pub(super) const fn start() -> Line {
    Line::Undecided { bytes: [0; UNDECIDED], length: 0 }
}
