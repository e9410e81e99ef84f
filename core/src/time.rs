//! Layer 0: a point in time that the caller measured.
//!
//! Nothing in this crate can read a clock. Every function that needs the time has it as a parameter, as an [`Instant`]: a
//! [`Duration`] since an epoch that the caller chooses once, such as the start of the process, of the connection or of a test.
//! All instants that are passed to one state machine must have the same epoch.

use core::ops::Add;
pub use core::time::Duration;

/// A point in time, as a [`Duration`] since the caller's epoch.
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
    /// The epoch.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The instant `since_epoch` after the caller's epoch.
    #[must_use]
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// Returns the time since the caller's epoch.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// Returns the time from `earlier` until this instant, or zero if `earlier` is later.
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
