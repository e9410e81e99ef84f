//! The clocks of the runtime, and timers.

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use gloo_timers::callback::Timeout;
use js_sys::Reflect;
use turnwire::time::Instant;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::shared::Shared;

/// The longest time in milliseconds of a timer. Longer ones would end at once.
const LONGEST: u32 = i32::MAX as u32;

/// Returns a member of the global object, which a window and a worker have alike.
pub(crate) fn global(name: &str) -> JsValue {
    Reflect::get(&js_sys::global(), &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Returns the time since the page was opened.
pub(crate) fn now() -> Instant {
    let performance: web_sys::Performance = global("performance").unchecked_into();
    Instant::from_duration(milliseconds(performance.now()))
}

/// Returns the time of the wall clock.
pub(crate) fn wall_clock() -> SystemTime {
    UNIX_EPOCH + milliseconds(js_sys::Date::now())
}

/// Whatever the runtime says, the clock does not panic.
fn milliseconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count / 1000.0).unwrap_or_default()
}

/// A timer, which wakes the task. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Timer {
    until: Instant,
    fired: Rc<Cell<bool>>,
    _timeout: Timeout,
}

impl Timer {
    pub(crate) fn start(until: Instant, shared: &Shared) -> Self {
        // Rounded up, so that the time has come when the timer ends.
        let milliseconds = until.saturating_duration_since(now()).as_micros().div_ceil(1000);
        let milliseconds = u32::try_from(milliseconds).unwrap_or(LONGEST).min(LONGEST);
        let fired = Rc::new(Cell::new(false));
        let (shared, told) = (shared.clone(), Rc::clone(&fired));
        let timeout = Timeout::new(milliseconds, move || {
            told.set(true);
            shared.wake();
        });
        Self { until, fired, _timeout: timeout }
    }

    /// Returns whether the timer is still going to wake the task at this time.
    pub(crate) fn is_set_to(&self, until: Instant) -> bool {
        self.until == until && !self.fired.get()
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.fired.get()
    }
}
