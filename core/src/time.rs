//! Floor 0: a point in time that somebody else measured.
//!
//! Nothing in this crate can read a clock. Every function that needs to know the time is told it, as an [`Instant`]: a
//! [`Duration`] since an epoch that the caller picks once (the start of the process, of the connection, of a test) and
//! then keeps to. Two instants with different epochs must never meet.

use core::ops::Add;
pub use core::time::Duration;

/// A point in time, as a [`Duration`] since the caller's own epoch.
///
/// ```
/// use turnwire::time::{Duration, Instant};
///
/// let start = Instant::ZERO;
/// let later = start + Duration::from_millis(250);
/// assert_eq!(later.saturating_duration_since(start), Duration::from_millis(250));
/// assert_eq!(start.saturating_duration_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The instant that lies `since_epoch` after the caller's epoch.
    #[must_use]
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// How long after the caller's epoch this is.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// The time from `earlier` until this instant, or zero when `earlier` is later: clocks that step back do no harm.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Saturates at the largest instant instead of overflowing.
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}
