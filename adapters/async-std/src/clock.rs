//! The system's monotonic clock, with the timers of async-io.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::time;

use async_io::Timer;
use turnwire::time::Instant;

/// The system's monotonic clock, measured from the creation of this value, and one timer.
#[derive(Debug)]
pub struct Clock {
    epoch: time::Instant,
    /// The deadline, and the timer that is set to it.
    timer: Option<(time::Instant, Timer)>,
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    /// Waits until the time has come. `None` never comes.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        // A deadline that the clock cannot represent never expires.
        let Some(until) = until.and_then(|until| self.epoch.checked_add(until.as_duration())) else {
            return Poll::Pending;
        };
        let (at, timer) = self.timer.get_or_insert_with(|| (until, Timer::at(until)));
        if *at != until {
            *at = until;
            timer.set_at(until);
        }
        let _at = ready!(Pin::new(timer).poll(cx));
        // An expired timer does not fire again: the next wait creates a new one.
        self.timer = None;
        Poll::Ready(())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { epoch: time::Instant::now(), timer: None }
    }
}
