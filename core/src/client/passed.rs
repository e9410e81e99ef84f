//! When a deadline has passed.

use core::time::Duration;

use crate::time::Instant;

/// The latest instant. A deadline that an addition saturated to it never passes, whatever time the loop reports.
pub(super) const NEVER: Instant = Instant::from_duration(Duration::MAX);

/// Returns whether a deadline has passed.
pub(super) fn has_passed(deadline: Instant, now: Instant) -> bool {
    deadline <= now && deadline != NEVER
}
