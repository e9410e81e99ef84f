//! A fast path: recognises a delta that differs from an earlier one only in the values of a few members.
//!
//! Most events of a response are deltas of one item: their texts differ, their sequence numbers, and their padding. All other bytes are
//! equal to bytes that a scan has validated, and therefore mean the same. Only the values are scanned, with the code that scans
//! every value, so that the result is exactly that of a scan of the whole payload.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::envelope::{AllSpans, Envelope};
use super::members::{INLINE, Member, NO_PLACE, Places, Span, Spans};
use super::server_event::ServerEvent;
use super::table::EventType;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::scan::Cursor;

/// The number of shapes to remember: those of lanes that take turns, or of items.
pub(crate) const SHAPES: usize = 4;

/// The longest payload whose shape is remembered, in bytes.
const LONGEST_SHAPE: usize = 1024;

/// The longest payload that is compared with shapes. A longer one gains little.
const LONGEST_MATCH: usize = 4096;

/// The members whose values differ from delta to delta.
const VARYING: [Member; HOLES] = [Member::delta, Member::logprobs, Member::obfuscation, Member::sequence_number];

const HOLES: usize = 4;

/// The shapes of the last deltas of different shapes.
#[derive(Default)]
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    /// The index of the shape of the last delta.
    recent: usize,
    /// The index of the shape that the next new one replaces, once there are [`SHAPES`].
    oldest: usize,
}

/// The shape of a payload that was remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeMatch {
    /// Its index, below [`SHAPES`].
    pub(crate) index: usize,
    /// It was remembered just now, in place of another one.
    pub(crate) is_new: bool,
}

/// A payload of which only some values vary.
struct Shape {
    /// The payload.
    text: String,
    event_type: EventType,
    /// One bit for each of its members.
    present: u64,
    /// The positions of its members, in the order of the bits.
    at: [Span; INLINE],
    /// For each member, the index of its position.
    places: Places,
    /// For each position, how many varying values are before it.
    preceding: [u8; INLINE],
    /// The varying values, by position.
    holes: [Hole; HOLES],
    hole_count: usize,
}

/// A value that varies.
#[derive(Clone, Copy, Default)]
struct Hole {
    start: usize,
    end: usize,
    /// The index of its position in the spans.
    slot: usize,
}

impl Shapes {
    pub(crate) const fn new() -> Self {
        Self { shapes: Vec::new(), recent: 0, oldest: 0 }
    }

    /// Does what [`ServerEvent::parse_named`] does.
    #[inline]
    pub(super) fn parse<'a>(&mut self, text: &'a str, event_type: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        if let Some((index, spans)) = self.recognize(text) {
            let Shape { event_type, places, .. } = &self.shapes[index];
            let spans = AllSpans { text, spans: &spans, places };
            return ServerEvent::read_members(*event_type, &Cow::Borrowed(event_type.name()), &spans);
        }
        let envelope = Envelope::find(text, event_type)?;
        self.learn(&envelope);
        ServerEvent::read(&envelope)
    }

    /// Does what [`Envelope::scan_named`] does, and says which shape the payload has.
    #[inline]
    pub(crate) fn scan_named<'a>(
        &mut self,
        text: &'a str,
        event_type: &'a str,
    ) -> Result<(Envelope<'a>, Option<ShapeMatch>), Malformed> {
        if let Some((index, at)) = self.recognize(text) {
            let Shape { event_type, present, .. } = self.shapes[index];
            let envelope = Envelope::known(text, event_type, Spans { present, at, all: None });
            return Ok((envelope, Some(ShapeMatch { index, is_new: false })));
        }
        let envelope = Envelope::scan_named(text, event_type)?;
        let learnt = self.learn(&envelope).map(|index| ShapeMatch { index, is_new: true });
        Ok((envelope, learnt))
    }

    /// Returns the index of the payload's shape, and the positions that a scan would find.
    #[inline]
    fn recognize(&mut self, text: &str) -> Option<(usize, [Span; INLINE])> {
        let recent = self.shapes.get(self.recent).filter(|_| text.len() <= LONGEST_MATCH)?;
        if let Some(spans) = recent.recognize(text) {
            return Some((self.recent, spans));
        }
        self.recognize_other(text)
    }

    #[inline(never)]
    fn recognize_other(&mut self, text: &str) -> Option<(usize, [Span; INLINE])> {
        let others = self.shapes.iter().enumerate().filter(|(index, _)| *index != self.recent);
        let (index, spans) = others.filter_map(|(index, shape)| Some((index, shape.recognize(text)?))).next()?;
        self.recent = index;
        Some((index, spans))
    }

    /// Remembers the shape of a delta. Returns its index, or `None` if it is no delta or too long.
    #[inline(never)]
    fn learn(&mut self, envelope: &Envelope<'_>) -> Option<usize> {
        let is_short = envelope.text().len() <= LONGEST_SHAPE && envelope.spans.all.is_none();
        if !is_short || !envelope.is_plain_delta() {
            return None;
        }
        self.recent = if self.shapes.len() < SHAPES {
            self.shapes.push(Shape::empty());
            self.shapes.len() - 1
        } else {
            self.oldest
        };
        self.oldest = (self.recent + 1) % SHAPES;
        self.shapes.get_mut(self.recent)?.learn(envelope);
        Some(self.recent)
    }
}

impl Shape {
    const fn empty() -> Self {
        Self {
            text: String::new(),
            event_type: EventType::Other,
            present: 0,
            at: Spans::NONE.at,
            places: NO_PLACE,
            preceding: [0; INLINE],
            holes: [Hole { start: 0, end: 0, slot: 0 }; HOLES],
            hole_count: 0,
        }
    }

    fn learn(&mut self, envelope: &Envelope<'_>) {
        self.text.clear();
        self.text.push_str(envelope.text());
        self.event_type = envelope.event_type;
        let Spans { present, at, .. } = envelope.spans;
        (self.present, self.at, self.places) = (present, at, envelope.spans.places().1);
        self.hole_count = 0;
        for member in VARYING {
            // An empty array is nearly always followed by another one.
            let Some(value) = envelope.raw(member).filter(|value| *value != "[]") else { continue };
            let slot = envelope.spans.rank(member);
            let start = at[slot].0 as usize;
            self.holes[self.hole_count] = Hole { start, end: start + value.len(), slot };
            self.hole_count += 1;
        }
        let holes = &mut self.holes[..self.hole_count];
        holes.sort_unstable_by_key(|hole| hole.start);
        for (preceding, (start, _)) in self.preceding.iter_mut().zip(at) {
            *preceding = holes.iter().map(|hole| u8::from(hole.start < start as usize)).sum();
        }
    }

    /// Returns the positions that a scan finds in a payload of this shape; `None` for any other payload.
    #[inline]
    fn recognize(&self, text: &str) -> Option<[Span; INLINE]> {
        let (bytes, known) = (text.as_bytes(), self.text.as_bytes());
        let (mut cursor, mut known_at) = (Cursor::new(text), 0);
        // How much farther behind each varying value the text is than the known one.
        let mut shifts = [0_u32; HOLES + 1];
        let mut values = [(0, 0); HOLES];
        for (index, hole) in self.holes[..self.hole_count].iter().enumerate() {
            let constant = known.get(known_at..hole.start)?;
            if !bytes.get(cursor.at..)?.starts_with(constant) {
                return None;
            }
            cursor.at += constant.len();
            values[index] = cursor.span().ok()?;
            known_at = hole.end;
            shifts[index + 1] = (cursor.at as u32).wrapping_sub(hole.end as u32);
        }
        if bytes.get(cursor.at..)? != known.get(known_at..)? {
            return None;
        }
        let mut at = self.at;
        for ((start, end), preceding) in at.iter_mut().zip(self.preceding) {
            let shift = shifts[usize::from(preceding)];
            (*start, *end) = (start.wrapping_add(shift), end.wrapping_add(shift));
        }
        for (hole, value) in self.holes[..self.hole_count].iter().zip(values) {
            at[hole.slot] = value;
        }
        Some(at)
    }
}

/// Shows nothing of the payloads.
impl fmt::Debug for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shapes").field("count", &self.shapes.len()).finish_non_exhaustive()
    }
}
