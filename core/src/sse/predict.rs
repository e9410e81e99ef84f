//! A fast path: predicts that an event begins with the same bytes as the one before it.

use core::ops::Range;

use arrayvec::{ArrayString, ArrayVec};
use memchr::memchr2;

use super::event_buffer::BorrowedFields;
use super::limits::Limits;

const EVENT: &[u8] = b"event: ";

/// The beginning of a data line.
pub(super) const DATA: &[u8] = b"data: ";

/// The longest prefix that is remembered.
const LONGEST: usize = 64;

/// The lines of the last event up to its data: `event: TYPE`, or none, and the name of the data's field.
///
/// Equal bytes have the same meaning, so neither the end of a line nor its field has to be searched for again.
pub(super) struct PrefixPredictor {
    prefix: ArrayVec<u8, LONGEST>,
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
        Self { prefix: ArrayVec::new_const(), event_type: ArrayString::new_const(), room: 0, applies: false }
    }

    /// Finds the data, if the bytes at `at` begin as predicted and are an event of one data line, or the part of it that has
    /// arrived.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<Predicted> {
        let rest = bytes.get(at..)?.strip_prefix(self.prefix.as_slice())?;
        let end = memchr2(b'\r', b'\n', rest);
        let length = end.unwrap_or(rest.len());
        let whole = matches!(rest.get(length..length + 2), Some(b"\n\n"));
        let data = at + self.prefix.len();
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
        let rest = bytes.get(at..)?.strip_prefix(self.prefix.as_slice())?;
        let length = length(rest)?;
        let whole = rest.get(length..length + 2) == Some(b"\n\n");
        let data = at + self.prefix.len();
        (whole && length <= self.room).then_some(data..data + length)
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
        self.prefix.clear();
        if let Some(event_type) = event_type
            && self.prefix.try_extend_from_slice(prefix).is_ok()
        {
            self.event_type.clear();
            // Cannot fail: the type is a part of the prefix, which has the same maximum length.
            let _ = self.event_type.try_push_str(event_type);
            self.room = limits.data.min(limits.line.saturating_sub(DATA.len()));
        }
    }

    /// Returns whether there is a prediction.
    pub(super) fn is_known(&self) -> bool {
        !self.prefix.is_empty()
    }
}
