//! Events that repeat an earlier one except for a few values: what was found out about the earlier one holds for them as well.

use alloc::boxed::Box;
use alloc::string::String;

use super::lanes::LaneStates;
use crate::responses::{Envelope, Malformed, SHAPES, ShapeMatch, Shapes};

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
    /// Scans a payload as [`Envelope::scan_named`] does.
    #[inline]
    pub(super) fn scan<'a>(
        &mut self,
        text: &'a str,
        event_type: &'a str,
    ) -> Result<(Envelope<'a>, Option<ShapeMatch>), Malformed> {
        self.0.get_or_insert_default().shapes.scan_named(text, event_type)
    }

    /// Returns the lane of an event that needs no more than that: an event of its shape was expected and changed nothing, and the
    /// lanes' states are the same. Then this holds for it too, because its effect depends on the states and on nothing in which it
    /// differs.
    #[inline]
    pub(super) fn lane(&self, shape: Option<ShapeMatch>, lanes: &LaneStates) -> Option<Option<&str>> {
        let shape = shape.filter(|shape| !shape.is_new)?;
        let known = self.0.as_ref()?.lanes.get(shape.index)?;
        (known.generation == lanes.generation()).then_some(known.lane.as_deref())
    }

    /// Records an event that was expected on this lane. `before`: the generation of the states before it.
    pub(super) fn record(&mut self, shape: Option<ShapeMatch>, lane: Option<&str>, before: u64, lanes: &LaneStates) {
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
    pub(super) fn forget(&mut self, shape: Option<ShapeMatch>) {
        if let Some(known) = self.lane_of(shape) {
            known.generation = 0;
        }
    }

    fn lane_of(&mut self, shape: Option<ShapeMatch>) -> Option<&mut KnownLane> {
        self.0.as_mut()?.lanes.get_mut(shape?.index)
    }

    /// Frees the memory.
    pub(super) fn release(&mut self) {
        self.0 = None;
    }
}
