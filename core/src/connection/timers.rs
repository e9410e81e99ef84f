//! Deadlines and pings of a connection, and the time of the peer's last activity.

use core::time::Duration;

use super::config::{Deadline, IdleActivity, Timeouts};
use crate::entropy::Entropy;
use crate::time::Instant;

/// The latest instant, at which sums saturate. A deadline there never expires.
const NEVER: Instant = Instant::from_duration(Duration::MAX);

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
    /// The last such event that counts as progress of its response: see
    /// [`Timeouts::progress`](super::client::Timeouts::progress).
    pub progress: Option<Instant>,
}

/// The points in time from which the deadlines of a connection are computed. [`Timeouts`] has the durations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// The input that the peer must send next, other than events.
    input: Option<Input>,
    /// The time since which the next event is pending.
    event: Option<Instant>,
    /// The time since which any response is pending.
    awaited: Option<Instant>,
    /// The time at which the WebSocket was opened.
    open: Option<Instant>,
    seen: LastActivity,
    /// The part of the waiting bytes that must be written next.
    write: Option<Window>,
    /// The time at which the connection started to close.
    close: Option<Instant>,
    /// The time of the next ping.
    ping: Option<Instant>,
    /// No input is wanted: the deadlines of the peer's bytes do not run.
    paused: bool,
}

/// A period of time, and the number of bytes that must be written before it ends.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    left: usize,
}

/// Something that the peer has to send.
#[derive(Clone, Copy, Debug)]
struct Input {
    awaited: Awaited,
    since: Instant,
    /// For [`Awaited::Rest`]: the number of bytes that must come before the period ends.
    left: usize,
}

/// A deadline that has expired, or a ping to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Expired(Deadline),
    Ping,
}

/// The input that a connection waits for, other than events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Server: the first byte of a request.
    Request,
    /// Server: a message, on a WebSocket without a request in flight.
    Message,
    /// A head, or the rest of it.
    Head,
    /// Server: the rest of a body, or of a message.
    Rest,
}

impl Timers {
    pub(super) const fn last_seen(&self) -> LastActivity {
        self.seen
    }

    /// Starts the deadline of a response's head.
    pub(super) const fn await_head(&mut self, now: Instant) {
        self.input = Some(Input { awaited: Awaited::Head, since: now, left: 0 });
    }

    pub(super) const fn on_head(&mut self) {
        self.input = None;
    }

    /// Starts or keeps the deadline of what a server waits for, and stops all others of that kind. `quota`: the number of
    /// bytes that must come in a period, if a body or message is incomplete.
    pub(super) fn await_input(&mut self, now: Instant, awaited: Option<Awaited>, quota: usize) {
        if self.input.map(|input| input.awaited) != awaited {
            self.input = awaited.map(|awaited| Input { awaited, since: now, left: quota });
        }
    }

    /// Records bytes of a body or message.
    pub(super) fn on_incoming(&mut self, now: Instant, length: usize, quota: usize) {
        if let Some(input) = &mut self.input {
            input.left = input.left.saturating_sub(length);
            if input.left == 0 && input.awaited == Awaited::Rest {
                (input.since, input.left) = (now, quota);
            }
        }
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

    /// Updates the write deadline. `waiting`: the number of unsent bytes. `written`: the number of bytes that were
    /// written. `quota`: the number of bytes that must be written in a period, if more are waiting.
    pub(super) fn on_write(&mut self, now: Instant, waiting: usize, written: usize, quota: usize) {
        let fresh = Window { since: now, left: waiting.min(quota) };
        self.write = match self.write {
            _ if waiting == 0 => None,
            Some(Window { since, left }) if written < left => Some(Window { since, left: left - written }),
            Some(_) | None => Some(fresh),
        };
    }

    /// Starts the close deadline and stops all others except the write deadline.
    pub(super) fn closing(&mut self, now: Instant) {
        *self = Self { close: self.close.or(Some(now)), write: self.write, seen: self.seen, ..Self::default() };
    }

    /// Stops all deadlines and pings.
    pub(super) fn stop(&mut self) {
        *self = Self { seen: self.seen, ..Self::default() };
    }

    /// Starts pings at this interval, with a jitter of a tenth, so that connections opened together do not keep pinging
    /// together.
    pub(super) fn ping_every(&mut self, now: Instant, every: Option<Duration>, entropy: &mut Entropy) {
        self.ping = every.map(|every| now + jittered(every, entropy));
    }

    /// Suspends the deadlines of the peer's bytes.
    pub(super) const fn pause(&mut self) {
        self.paused = true;
    }

    /// Restarts the deadlines of the peer's bytes if they were suspended.
    pub(super) fn resume(&mut self, now: Instant) {
        if !core::mem::take(&mut self.paused) {
            return;
        }
        for since in [&mut self.event, &mut self.awaited, &mut self.open] {
            *since = since.map(|_| now);
        }
        self.input = self.input.map(|input| Input { since: now, ..input });
    }

    /// Returns the time of the first deadline or ping. `reading`: whether input is wanted.
    pub(super) fn next(&self, timeouts: &Timeouts, reading: bool) -> Option<Instant> {
        self.deadlines(timeouts, reading).map(|(at, _)| at).min()
    }

    /// Returns the first deadline or ping that is due at `now`. After a ping, the next one must be scheduled.
    pub(super) fn due(&self, now: Instant, timeouts: &Timeouts) -> Option<Due> {
        let (at, due) = self.deadlines(timeouts, !self.paused).min_by_key(|(at, _)| *at)?;
        (at <= now).then_some(due)
    }

    fn deadlines(&self, timeouts: &Timeouts, reading: bool) -> impl Iterator<Item = (Instant, Due)> {
        let passed = |since: Option<Instant>, limit: Option<Duration>, deadline| {
            since.zip(limit).map(|(since, limit)| (since + limit, Due::Expired(deadline)))
        };
        // The later of the last activity and the time from which activity is expected.
        let last =
            |seen: Option<Instant>, since: Option<Instant>| since.map(|since| seen.map_or(since, |at| at.max(since)));
        let seen = self.seen;
        let input = self.input.map(|Input { awaited, since, .. }| match awaited {
            Awaited::Head => (Some(since), timeouts.head, Deadline::Head),
            Awaited::Rest => (Some(since), timeouts.body, Deadline::Body),
            Awaited::Request => (Some(since), timeouts.request, Deadline::Idle),
            Awaited::Message => (last(seen.bytes, Some(since)), timeouts.websocket_idle, Deadline::Idle),
        });
        let of_input = [
            input.and_then(|(since, limit, deadline)| passed(since, limit, deadline)),
            passed(self.event, timeouts.idle, Deadline::Idle),
            passed(last(seen.progress, self.awaited), timeouts.progress, Deadline::Progress),
            passed(last(seen.bytes, self.awaited), timeouts.bytes, Deadline::Bytes),
            passed(last(seen.control, self.open), timeouts.control, Deadline::Control),
        ];
        let others = [
            passed(self.write.map(|window| window.since), timeouts.write, Deadline::Write),
            passed(self.close, Some(timeouts.close), Deadline::Close),
            self.ping.map(|at| (at, Due::Ping)),
        ];
        let of_input = of_input.into_iter().filter(move |_| reading);
        of_input.chain(others).flatten().filter(|(at, _)| *at < NEVER)
    }
}

/// Returns `every` with a random deviation of up to a tenth, and at least one millisecond.
fn jittered(every: Duration, entropy: &mut Entropy) -> Duration {
    // Limits the interval to 30 days, so that the arithmetic cannot overflow.
    let most = Duration::from_secs(30 * 24 * 3600);
    every.min(most).mul_f64(0.9 + 0.2 * entropy.unit()).max(Duration::from_millis(1))
}
