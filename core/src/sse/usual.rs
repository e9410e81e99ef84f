//! How the events of a stream usually begin: with the bytes that the one before began with.

use core::ops::Range;

use arrayvec::ArrayString;
use memchr::memchr2;

use super::Limits;
use super::block::Spans;

const EVENT: &[u8] = b"event: ";

/// How a data line begins.
const DATA: &[u8] = b"data: ";

/// The longest beginning that is remembered. Comparing a fixed number of bytes under a mask takes a few vector instructions;
/// comparing as many as there are would be a call.
const LONGEST: usize = 64;

/// The mask for so many bytes begins so many bytes before the middle.
const MASKS: [u8; 2 * LONGEST] = {
    let mut masks = [0; 2 * LONGEST];
    masks.split_at_mut(LONGEST).0.copy_from_slice(&[u8::MAX; LONGEST]);
    masks
};

/// The last event's lines up to its data: `event: NAME`, or none, and the name of the data's field.
///
/// Bytes that equal them mean what they meant, so that neither the line's end nor its field has to be searched for again.
pub(super) struct Usual {
    begin: [u8; LONGEST],
    /// All ones where `begin` has bytes.
    mask: [u8; LONGEST],
    length: usize,
    /// The name; empty when none is given.
    pub(super) name: ArrayString<LONGEST>,
    /// The longest data that no limit forbids.
    room: usize,
    /// The event that is next has not begun, and the stream stands at a line's start: only then can it begin as usual.
    pub(super) is_next: bool,
}

/// An event that begins as usual.
pub(super) struct Found {
    pub(super) data: Range<usize>,
    /// Both line ends behind the data are there. Otherwise the input ends inside the data.
    pub(super) whole: bool,
}

impl Usual {
    pub(super) const fn new() -> Self {
        Self {
            begin: [0; LONGEST],
            mask: [0; LONGEST],
            length: 0,
            name: ArrayString::new_const(),
            room: 0,
            is_next: false,
        }
    }

    /// Where the data is, if the bytes at `at` begin as usual and are an event of one data line, or as much of it
    /// as has come.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<Found> {
        let rest = bytes.get(at..)?;
        let begins = match rest.first_chunk() {
            Some(first) => self.is_usual(first),
            None => rest.starts_with(self.begin.get(..self.length)?),
        };
        let rest = rest.get(self.length..).filter(|_| begins)?;
        let end = memchr2(b'\r', b'\n', rest);
        let length = end.unwrap_or(rest.len());
        let whole = matches!(rest.get(length..length + 2), Some(b"\n\n"));
        let data = at + self.length;
        let found = Found { data: data..data + length, whole };
        (length <= self.room && whole == end.is_some()).then_some(found)
    }

    #[inline]
    fn is_usual(&self, bytes: &[u8; LONGEST]) -> bool {
        let expected = self.begin.iter().zip(&self.mask);
        bytes.iter().zip(expected).fold(0, |other, (byte, (begin, mask))| other | ((byte ^ begin) & mask)) == 0
    }

    /// Remembers how the event at `at` began, which had these values. Anything but the two forms is forgotten, for other fields
    /// have effects of their own.
    pub(super) fn learn(&mut self, bytes: &[u8], at: usize, spans: &Spans, limits: &Limits) {
        let begin = spans.data.as_ref().and_then(|data| bytes.get(at..data.start)).unwrap_or_default();
        let name = match (&spans.name, begin.strip_prefix(EVENT)) {
            (None, _) if begin == DATA => Some(""),
            (Some(name), Some(rest)) if name.start == at + EVENT.len() => match rest.split_at_checked(name.len()) {
                Some((name, b"\ndata: ")) => simdutf8::basic::from_utf8(name).ok(),
                _ => None,
            },
            _ => None,
        };
        self.length = 0;
        if let (Some(name), Some(place)) = (name, self.begin.get_mut(..begin.len())) {
            place.copy_from_slice(begin);
            self.begin[begin.len()..].fill(0);
            self.mask.copy_from_slice(&MASKS[LONGEST - begin.len()..][..LONGEST]);
            self.length = begin.len();
            self.name.clear();
            // It is a part of what is no longer than this has room for.
            let _ = self.name.try_push_str(name);
            self.room = limits.data.min(limits.line.saturating_sub(DATA.len()));
        }
    }

    /// Whether there is anything to expect.
    pub(super) const fn is_known(&self) -> bool {
        self.length > 0
    }
}
