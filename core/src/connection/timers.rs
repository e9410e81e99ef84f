//! Deadlines and pings of a connection, and the time of the peer's last activity.

use core::time::Duration;

use super::config::{Deadline, IdleActivity, Timeouts};
use crate::entropy::Entropy;
use crate::time::Instant;

/// The time of a peer's last activity, by kind. `None` means that there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastActivity {
    /// The last bytes.
    pub bytes: Option<Instant>,
    /// The last control frame: a ping or a pong.
    pub control: Option<Instant>,
    /// The last whole event of a pending response.
    pub event: Option<Instant>,
    /// The last such event that counts as progress of its response: see [`Timeouts::progress`].
    pub progress: Option<Instant>,
}

/// The points in time from which the deadlines of a connection are computed. [`Timeouts`] has the durations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// The time since which a response head is pending.
    head: Option<Instant>,
    /// The time since which the next event is pending.
    event: Option<Instant>,
    /// The time since which any response is pending.
    awaited: Option<Instant>,
    /// The time at which the WebSocket was opened.
    open: Option<Instant>,
    seen: LastActivity,
    /// The time of the last write progress, while bytes are waiting to be written.
    write: Option<Instant>,
    /// The time at which the connection started to close.
    close: Option<Instant>,
    /// The time of the next ping, and the interval of pings.
    ping: Option<(Instant, Duration)>,
}

/// A deadline that has expired, or a ping to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Expired(Deadline),
    Ping,
}

impl Timers {
    pub(super) const fn last_seen(&self) -> LastActivity {
        self.seen
    }

    pub(super) const fn await_head(&mut self, now: Instant) {
        self.head = Some(now);
    }

    pub(super) const fn on_head(&mut self) {
        self.head = None;
    }

    /// Records that the WebSocket has been opened.
    pub(super) const fn opened(&mut self, now: Instant) {
        self.open = Some(now);
    }

    /// Restarts the deadlines for events, because a request was sent on a WebSocket.
    pub(super) const fn restart_idle(&mut self, now: Instant) {
        (self.event, self.awaited) = (Some(now), Some(now));
    }

    /// Starts or keeps the deadlines for events while a response is in flight, and stops them otherwise.
    pub(super) fn await_events(&mut self, now: Instant, in_flight: bool) {
        self.event = in_flight.then(|| self.event.unwrap_or(now));
        self.awaited = in_flight.then(|| self.awaited.unwrap_or(now));
    }

    /// Records an event. `progress`: whether it counts as progress of its response.
    pub(super) fn on_event(&mut self, now: Instant, progress: bool) {
        self.event = self.event.map(|_| now);
        self.seen.event = Some(now);
        if progress {
            self.seen.progress = Some(now);
        }
    }

    pub(super) const fn on_control(&mut self, now: Instant) {
        self.seen.control = Some(now);
    }

    /// Records bytes. The configured `activity` decides whether they restart the idle deadline.
    pub(super) fn on_bytes(&mut self, now: Instant, activity: IdleActivity) {
        self.seen.bytes = Some(now);
        if activity == IdleActivity::Bytes {
            self.event = self.event.map(|_| now);
        }
    }

    /// Updates the write deadline. `waiting`: whether unsent bytes are left. `progress`: whether bytes were written.
    pub(super) fn on_write_progress(&mut self, now: Instant, waiting: bool, progress: bool) {
        self.write = match (waiting, self.write) {
            (false, _) => None,
            (true, Some(since)) if !progress => Some(since),
            (true, _) => Some(now),
        };
    }

    /// Starts the close deadline and stops all others except the write deadline.
    pub(super) fn closing(&mut self, now: Instant) {
        self.close = self.close.or(Some(now));
        (self.head, self.event, self.awaited, self.open, self.ping) = (None, None, None, None, None);
    }

    /// Stops all deadlines and pings.
    pub(super) const fn stop(&mut self) {
        (self.head, self.event, self.awaited, self.open, self.ping) = (None, None, None, None, None);
        (self.close, self.write) = (None, None);
    }

    /// Starts pings at this interval, with a jitter of a tenth, so that connections opened together do not keep pinging
    /// together.
    pub(super) fn ping_every(&mut self, now: Instant, every: Option<Duration>, entropy: &mut Entropy) {
        self.ping = every.map(|every| (now + jittered(every, entropy), every));
    }

    /// The time of the first deadline or ping.
    pub(super) fn next(&self, timeouts: &Timeouts) -> Option<Instant> {
        self.deadlines(timeouts).map(|(at, _)| at).min()
    }

    /// The first deadline or ping that is due at `now`. A ping that is returned is scheduled anew.
    pub(super) fn due(&mut self, now: Instant, timeouts: &Timeouts, entropy: &mut Entropy) -> Option<Due> {
        let (at, due) = self.deadlines(timeouts).min_by_key(|(at, _)| *at)?;
        if at > now {
            return None;
        }
        if let (Due::Ping, Some((next, every))) = (due, &mut self.ping) {
            *next = now + jittered(*every, entropy);
        }
        Some(due)
    }

    fn deadlines(&self, timeouts: &Timeouts) -> impl Iterator<Item = (Instant, Due)> {
        let passed = |since: Option<Instant>, limit: Option<Duration>, deadline| {
            since.zip(limit).map(|(since, limit)| (since + limit, Due::Expired(deadline)))
        };
        // The later of the last activity and the time from which activity is expected.
        let last =
            |seen: Option<Instant>, since: Option<Instant>| since.map(|since| seen.map_or(since, |at| at.max(since)));
        let seen = self.seen;
        [
            passed(self.head, timeouts.head, Deadline::Head),
            passed(self.event, timeouts.idle, Deadline::Idle),
            passed(last(seen.progress, self.awaited), timeouts.progress, Deadline::Progress),
            passed(last(seen.bytes, self.awaited), timeouts.bytes, Deadline::Bytes),
            passed(last(seen.control, self.open), timeouts.control, Deadline::Control),
            passed(self.write, timeouts.write, Deadline::Write),
            passed(self.close, Some(timeouts.close), Deadline::Close),
            self.ping.map(|(at, _)| (at, Due::Ping)),
        ]
        .into_iter()
        .flatten()
    }
}

/// Returns `every` with a random deviation of up to a tenth, and at least one millisecond.
fn jittered(every: Duration, entropy: &mut Entropy) -> Duration {
    // Limits the interval to 30 days, so that the arithmetic cannot overflow.
    let most = Duration::from_secs(30 * 24 * 3600);
    every.min(most).mul_f64(0.9 + 0.2 * entropy.unit()).max(Duration::from_millis(1))
}
