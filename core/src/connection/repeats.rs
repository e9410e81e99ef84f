//! Events that repeat an earlier one except for a few values: what was found out about the earlier one holds for them as well.

use alloc::boxed::Box;
use alloc::string::String;

use super::lanes::LaneStates;
use crate::responses::{Envelope, Malformed, SHAPES, Shape, Shapes, ShortFound};

/// The shapes of the last deltas, and the lanes that they belong to. Allocated by the first event.
#[derive(Debug, Default)]
pub(super) struct Repeats(Option<Box<Known>>);

#[derive(Debug, Default)]
struct Known {
    shapes: Shapes,
    lanes: [KnownLane; SHAPES],
}

/// The lane of the events of a shape. They were expected there, and changed nothing.
#[derive(Debug, Default)]
struct KnownLane {
    lane: Option<String>,
    /// The generation of the lanes' states for which that holds; 0 for none.
    generation: u64,
}

impl Repeats {
    /// Returns the shape of a payload, and tells what a scan would find; `None` if it repeats no earlier one.
    #[inline]
    pub(super) fn recognize(&mut self, text: &str, found: &mut ShortFound) -> Option<usize> {
        self.0.as_mut()?.shapes.recognize(text, found)
    }

    /// Scans a payload as [`Envelope::scan_named`] does, and returns its shape. `shape`: the shape, if it was recognized.
    pub(super) fn scan<'a>(
        &mut self,
        text: &'a str,
        event_type: &'a str,
        shape: Option<usize>,
    ) -> Result<(Envelope<'a>, Option<usize>), Malformed> {
        let envelope = Envelope::scan_named(text, event_type)?;
        let shape = shape.or_else(|| self.0.get_or_insert_default().shapes.learn(&envelope));
        Ok((envelope, shape))
    }

    /// Returns whether an event of this shape needs no more than its lane: one was expected and changed nothing, and the lanes' states
    /// are the same. Then this holds for it too, because its effect depends on the states and on nothing in which it differs.
    #[inline]
    pub(super) fn is_known(&self, shape: usize, lanes: &LaneStates) -> bool {
        self.known_lane(shape).is_some_and(|known| known.generation == lanes.generation())
    }

    /// Returns the shape of the last delta, and its lane, if an event of this shape [is known](Self::is_known).
    #[inline]
    pub(super) fn known(&self, lanes: &LaneStates) -> Option<(&Shape, Option<&str>)> {
        let (index, shape) = self.0.as_ref()?.shapes.recent()?;
        self.is_known(index, lanes).then(|| (shape, self.lane(index)))
    }

    /// Returns the lane of the events of a shape that [is known](Self::is_known).
    #[inline]
    pub(super) fn lane(&self, shape: usize) -> Option<&str> {
        self.known_lane(shape)?.lane.as_deref()
    }

    #[inline]
    fn known_lane(&self, shape: usize) -> Option<&KnownLane> {
        self.0.as_ref()?.lanes.get(shape)
    }

    /// Records an event that was expected on this lane. `before`: the generation of the states before it.
    pub(super) fn record(&mut self, shape: Option<usize>, lane: Option<&str>, before: u64, lanes: &LaneStates) {
        let Some(known) = self.lane_of(shape) else { return };
        let is_unchanged = before == lanes.generation();
        known.generation = if is_unchanged { before } else { 0 };
        match (&mut known.lane, lane) {
            (Some(known), Some(lane)) => {
                known.clear();
                known.push_str(lane);
            }
            (known, lane) => *known = lane.map(String::from),
        }
    }

    /// Forgets that the lane of a shape is known.
    pub(super) fn forget(&mut self, shape: Option<usize>) {
        if let Some(known) = self.lane_of(shape) {
            known.generation = 0;
        }
    }

    fn lane_of(&mut self, shape: Option<usize>) -> Option<&mut KnownLane> {
        self.0.as_mut()?.lanes.get_mut(shape?)
    }

    /// Frees the memory.
    pub(super) fn release(&mut self) {
        self.0 = None;
    }
}
