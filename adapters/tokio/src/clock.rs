//! Tokio's clock.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};

use tokio::time::{self, Sleep};
use turnwire::time::Instant;

/// Tokio's clock, measured from the creation of this value, and one timer.
#[derive(Debug)]
pub struct Clock {
    epoch: time::Instant,
    sleep: Option<Pin<Box<Sleep>>>,
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
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { epoch: time::Instant::now(), sleep: None }
    }
}
