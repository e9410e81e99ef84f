//! A fast path: recognises a delta that differs from an earlier one only in the values of a few members.
//!
//! Most events of a response are deltas of one item: their texts differ, their sequence numbers, and their padding. All other bytes are
//! equal to bytes that a scan has validated, and therefore mean the same. Only the values are scanned, with the code that scans
//! every value, so that the result is exactly that of a scan of the whole payload.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::envelope::Envelope;
use super::fields::{DELTA_FIELDS, index_of};
use super::found::ShortFound;
use super::members::Member;
use super::position::{Position as _, SHORT_ESCAPED, SHORT_KEPT, short};
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

/// The positions of the members of a delta.
type Positions = [[u16; 2]; DELTA_FIELDS];

// What the documentation of those who remember shapes says.
const _: () = assert!(SHAPES * (size_of::<Shape>() + LONGEST_SHAPE) <= 7 * 1024);

/// The shapes of the last deltas of different shapes.
#[derive(Default)]
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    /// The index of the shape of the last delta.
    recent: usize,
    /// The index of the shape that the next new one replaces, once there are [`SHAPES`].
    oldest: usize,
}

/// A payload of which only some values vary.
pub(crate) struct Shape {
    /// The payload.
    text: String,
    /// Whether the payload has no line end.
    is_line: bool,
    event_type: EventType,
    /// The positions of its members. In place of the integer that varies and is kept there is 0.
    positions: Positions,
    /// All ones where that integer is kept.
    integer: Positions,
    /// The varying values, by position.
    holes: [Hole; HOLES],
    hole_count: usize,
}

/// A value that varies.
#[derive(Clone, Copy)]
struct Hole {
    start: usize,
    end: usize,
    is_integer: bool,
    /// Whether the value is an integer that is kept in place of its position.
    is_kept: bool,
    /// Whether the value is a string with escapes.
    is_escaped: bool,
    /// All ones where a position is behind the start of the value.
    behind: Positions,
    /// The flag of a string with escapes, in the value's own position; none if the type does not have the member.
    flag: Positions,
}

impl Shapes {
    pub(crate) const fn new() -> Self {
        Self { shapes: Vec::new(), recent: 0, oldest: 0 }
    }

    /// Does what [`ServerEvent::parse_named`] does.
    #[inline]
    pub(crate) fn parse<'a>(&mut self, text: &'a str, event_type: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        let mut found = ShortFound::NOTHING;
        if self.recognize(text, &mut found).is_some() {
            return found.read(text, Ok, Err);
        }
        let envelope = Envelope::find(text, event_type)?;
        self.learn(&envelope);
        ServerEvent::read(&envelope)
    }

    /// Returns the index of the payload's shape, below [`SHAPES`], and tells what a scan would find; `None` if it has none of the shapes.
    #[inline]
    pub(crate) fn recognize(&mut self, text: &str, found: &mut ShortFound) -> Option<usize> {
        let (recent, shape) = self.recent()?;
        if shape.is_whole(text.as_bytes(), found) { Some(recent) } else { self.recognize_other(text, found) }
    }

    #[inline(never)]
    fn recognize_other(&mut self, text: &str, found: &mut ShortFound) -> Option<usize> {
        let mut others = self.shapes.iter().enumerate().filter(|(index, _)| *index != self.recent);
        let (index, _) = others.find(|(_, shape)| shape.is_whole(text.as_bytes(), found))?;
        self.recent = index;
        Some(index)
    }

    /// Returns the shape of the last delta, and its index.
    #[inline]
    pub(crate) fn recent(&self) -> Option<(usize, &Shape)> {
        Some((self.recent, self.shapes.get(self.recent)?))
    }

    /// Remembers the shape of a delta, perhaps in place of another one. Returns its index, or `None` if it is no delta or too long.
    #[inline(never)]
    pub(crate) fn learn(&mut self, envelope: &Envelope<'_>) -> Option<usize> {
        if envelope.text().len() > LONGEST_SHAPE || !envelope.is_plain_delta() {
            return None;
        }
        self.recent = if self.shapes.len() < SHAPES {
            self.shapes.push(Shape::EMPTY);
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
    const EMPTY: Self = Self {
        text: String::new(),
        is_line: false,
        event_type: EventType::Other,
        positions: [[0; 2]; DELTA_FIELDS],
        integer: [[0; 2]; DELTA_FIELDS],
        holes: [Hole::EMPTY; HOLES],
        hole_count: 0,
    };

    fn learn(&mut self, envelope: &Envelope<'_>) {
        self.text.clear();
        // The memory stays within that of the longest payload.
        self.text.reserve_exact(envelope.text().len());
        self.text.push_str(envelope.text());
        self.is_line = !self.text.contains(['\n', '\r']);
        self.event_type = envelope.event_type;
        let positions = envelope.positions();
        for (position, known) in self.positions.iter_mut().zip(positions) {
            *position = short(known);
        }
        (self.integer, self.hole_count) = ([[0; 2]; DELTA_FIELDS], 0);
        for member in VARYING {
            // An empty array is nearly always followed by another one.
            let Some(value) = envelope.raw(member).filter(|value| *value != "[]") else { continue };
            let (start, _) = envelope.spans.get(member);
            let range = start as usize..start as usize + value.len();
            let index = index_of(self.event_type, member);
            let hole = Hole::new(member, range, index, &self.positions);
            if hole.is_kept {
                self.positions[index][0] = 0;
                self.integer[index][0] = u16::MAX;
            }
            self.holes[self.hole_count] = hole;
            self.hole_count += 1;
        }
        self.holes[..self.hole_count].sort_unstable_by_key(|hole| hole.start);
    }

    /// Returns whether a payload has this shape, and tells what a scan finds in it.
    #[inline]
    pub(crate) fn is_whole(&self, payload: &[u8], found: &mut ShortFound) -> bool {
        self.recognize::<false>(payload, found) == Some(payload.len())
    }

    /// Returns the length of the payload of this shape at the front of these bytes, which has no line end, and tells what a scan finds in
    /// it.
    #[inline]
    pub(crate) fn line_length(&self, bytes: &[u8], found: &mut ShortFound) -> Option<usize> {
        if self.is_line { self.recognize::<true>(bytes, found) } else { None }
    }

    /// Returns the length of the payload of this shape at the front of these bytes, at most [`LONGEST_MATCH`], and tells the positions of its
    /// members. It is JSON if it is UTF-8. `SCALAR`: its values must be strings or numbers.
    ///
    /// What is found is written where the caller keeps it: each move would wait until it has left the store buffer.
    #[inline]
    fn recognize<const SCALAR: bool>(&self, bytes: &[u8], found: &mut ShortFound) -> Option<usize> {
        let (bytes, known) = (bytes.get(..LONGEST_MATCH).unwrap_or(bytes), self.text.as_bytes());
        // What is added to the known positions: it is kept in vectors, unlike a copy of them.
        let mut moves: Positions = [[0; 2]; DELTA_FIELDS];
        let (mut cursor, mut known_at, mut kept) = (Cursor::of_bytes(bytes), 0, 0);
        for hole in &self.holes[..self.hole_count] {
            let constant = known.get(known_at..hole.start)?;
            if !bytes.get(cursor.at..)?.starts_with(constant) {
                return None;
            }
            cursor.at += constant.len();
            let start = cursor.at;
            let integer = if hole.is_integer { cursor.small_integer() } else { None };
            let is_escaped = match (integer, hole.is_kept) {
                (Some(integer), true) => {
                    kept = integer;
                    false
                }
                (None, false) => Self::value::<SCALAR>(&mut cursor)?,
                _ => return None,
            };
            known_at = hole.end;
            // Modulo 2^16, as the flag of a string with escapes is a part of the sum.
            let longer = (cursor.at - start).wrapping_sub(hole.end - hole.start) as u16;
            for (moved, behind) in moves.as_flattened_mut().iter_mut().zip(hole.behind.as_flattened()) {
                *moved = moved.wrapping_add(longer & behind);
            }
            if is_escaped != hole.is_escaped {
                for (moved, flag) in moves.as_flattened_mut().iter_mut().zip(hole.flag.as_flattened()) {
                    *moved = moved.wrapping_add(*flag);
                }
            }
        }
        let constant = known.get(known_at..)?;
        let is_known = match constant {
            // The usual end, which a comparison of any length would call a function for.
            [brace] => bytes.get(cursor.at) == Some(brace),
            _ => bytes.get(cursor.at..)?.starts_with(constant),
        };
        let known = self.positions.as_flattened().iter().zip(self.integer.as_flattened());
        for (moved, (position, integer)) in moves.as_flattened_mut().iter_mut().zip(known) {
            *moved = moved.wrapping_add(*position).wrapping_add(kept & integer);
        }
        found.event_type = self.event_type;
        if let Some(positions) = found.positions.first_chunk_mut() {
            *positions = moves;
        }
        is_known.then_some(cursor.at + constant.len())
    }

    /// Consumes a value without white space before it. Returns whether it is a string with escapes.
    #[inline]
    fn value<const SCALAR: bool>(cursor: &mut Cursor<'_>) -> Option<bool> {
        match cursor.next() {
            Some(b'"') => cursor.string().ok(),
            Some(b'-' | b'0'..=b'9') => cursor.value().ok(),
            // Neither a string nor a number contains a line end.
            Some(b' ' | b'\n' | b'\r' | b'\t') | None => None,
            Some(_) if SCALAR => None,
            Some(_) => cursor.value().ok(),
        }
    }
}

impl Hole {
    const EMPTY: Self = Self {
        start: 0,
        end: 0,
        is_integer: false,
        is_kept: false,
        is_escaped: false,
        behind: [[0; 2]; DELTA_FIELDS],
        flag: [[0; 2]; DELTA_FIELDS],
    };

    /// `positions`: those of the payload, in which the value is at `range`; its own is at `index`, if the type has the member.
    fn new(member: Member, range: Range<usize>, index: usize, positions: &Positions) -> Self {
        let is_behind = |at: u16| if usize::from(at & !SHORT_ESCAPED) > range.start { u16::MAX } else { 0 };
        let behind =
            positions.map(|[start, end]| if end == SHORT_KEPT { [0; 2] } else { [is_behind(start), is_behind(end)] });
        let (mut is_kept, mut is_escaped, mut flag) = (false, false, [[0; 2]; DELTA_FIELDS]);
        if let (Some(position), Some(flag)) = (positions.get(index), flag.get_mut(index)) {
            (is_kept, is_escaped) = (position.integer().is_some(), position.is_escaped());
            *flag = [0, SHORT_ESCAPED];
        }
        Self { start: range.start, end: range.end, is_integer: member.is_integer(), is_kept, is_escaped, behind, flag }
    }
}

/// Shows nothing of the payloads.
impl fmt::Debug for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shapes").field("count", &self.shapes.len()).finish_non_exhaustive()
    }
}
