//! A fast path: predicts that an event begins with the same bytes as the one before it.

use core::ops::Range;

use arrayvec::ArrayString;
use memchr::memchr2;

use super::event_buffer::BorrowedFields;
use super::limits::Limits;

const EVENT: &[u8] = b"event: ";

/// The beginning of a data line.
pub(super) const DATA: &[u8] = b"data: ";

/// The longest prefix that is remembered. A comparison of a fixed number of bytes under a mask is a few vector instructions;
/// one of a variable number would be a call.
const LONGEST: usize = 64;

/// The mask of a prefix of n bytes begins n bytes before the middle.
const MASKS: [u8; 2 * LONGEST] = {
    let mut masks = [0; 2 * LONGEST];
    masks.split_at_mut(LONGEST).0.copy_from_slice(&[u8::MAX; LONGEST]);
    masks
};

/// The lines of the last event up to its data: `event: TYPE`, or none, and the name of the data's field.
///
/// Equal bytes have the same meaning, so neither the end of a line nor its field has to be searched for again.
pub(super) struct PrefixPredictor {
    prefix: [u8; LONGEST],
    /// All ones where `prefix` has bytes.
    mask: [u8; LONGEST],
    length: usize,
    /// The event type; empty if the prefix names none.
    pub(super) event_type: ArrayString<LONGEST>,
    /// The length of the longest data that passes no limit.
    room: usize,
    /// Whether the stream is at the start of an event, so that the prediction applies.
    pub(super) applies: bool,
}

/// An event that begins as predicted.
pub(super) struct Predicted {
    pub(super) data: Range<usize>,
    /// Whether both line ends behind the data have arrived. Otherwise the input ends inside the data.
    pub(super) whole: bool,
}

impl PrefixPredictor {
    pub(super) const fn new() -> Self {
        Self {
            prefix: [0; LONGEST],
            mask: [0; LONGEST],
            length: 0,
            event_type: ArrayString::new_const(),
            room: 0,
            applies: false,
        }
    }

    /// Finds the data, if the bytes at `at` begin as predicted and are an event of one data line, or the part of it that has
    /// arrived.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<Predicted> {
        let rest = self.behind_prefix(bytes, at)?;
        let end = memchr2(b'\r', b'\n', rest);
        let length = end.unwrap_or(rest.len());
        let whole = matches!(rest.get(length..length + 2), Some(b"\n\n"));
        let data = at + self.length;
        let predicted = Predicted { data: data..data + length, whole };
        (length <= self.room && whole == end.is_some()).then_some(predicted)
    }

    /// Finds the data, if the bytes at `at` begin as predicted and are an event of one data line that is whole. `length`: see
    /// [`decode_known`](super::Decoder::decode_known).
    #[inline]
    pub(super) fn find_known<'i>(
        &self,
        bytes: &'i [u8],
        at: usize,
        length: impl FnOnce(&'i [u8]) -> Option<usize>,
    ) -> Option<Range<usize>> {
        let rest = self.behind_prefix(bytes, at)?;
        let length = length(rest)?;
        let whole = rest.get(length..length + 2) == Some(b"\n\n");
        let data = at + self.length;
        (whole && length <= self.room).then_some(data..data + length)
    }

    /// Returns the bytes behind the prefix, if the bytes at `at` begin with it.
    #[inline]
    fn behind_prefix<'i>(&self, bytes: &'i [u8], at: usize) -> Option<&'i [u8]> {
        let rest = bytes.get(at..)?;
        let begins = match rest.first_chunk() {
            Some(first) => self.matches(first),
            None => rest.starts_with(self.prefix.get(..self.length)?),
        };
        rest.get(self.length..).filter(|_| begins)
    }

    #[inline]
    fn matches(&self, bytes: &[u8; LONGEST]) -> bool {
        let expected = self.prefix.iter().zip(&self.mask);
        bytes.iter().zip(expected).fold(0, |other, (byte, (prefix, mask))| other | ((byte ^ prefix) & mask)) == 0
    }

    /// Remembers the beginning of the event at `at`, which has these fields. An event of any other form than these two clears the
    /// prediction, because other fields have effects of their own.
    pub(super) fn learn(&mut self, bytes: &[u8], at: usize, fields: &BorrowedFields, limits: &Limits) {
        let prefix = fields.data.as_ref().and_then(|data| bytes.get(at..data.start)).unwrap_or_default();
        let event_type = match (&fields.event_type, prefix.strip_prefix(EVENT)) {
            (None, _) if prefix == DATA => Some(""),
            (Some(name), Some(rest)) if name.start == at + EVENT.len() => match rest.split_at_checked(name.len()) {
                Some((name, b"\ndata: ")) => simdutf8::basic::from_utf8(name).ok(),
                _ => None,
            },
            _ => None,
        };
        self.length = 0;
        if let (Some(event_type), Some(place)) = (event_type, self.prefix.get_mut(..prefix.len())) {
            place.copy_from_slice(prefix);
            self.prefix[prefix.len()..].fill(0);
            self.mask.copy_from_slice(&MASKS[LONGEST - prefix.len()..][..LONGEST]);
            self.length = prefix.len();
            self.event_type.clear();
            // Cannot fail: the type is a part of the prefix, which has the same maximum length.
            let _ = self.event_type.try_push_str(event_type);
            self.room = limits.data.min(limits.line.saturating_sub(DATA.len()));
        }
    }

    /// Returns whether there is a prediction.
    pub(super) const fn is_known(&self) -> bool {
        self.length > 0
    }
}
