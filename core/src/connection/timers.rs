//! What is due when.

use core::time::Duration;

use super::config::{Deadline, IdleActivity, Timeouts};
use crate::entropy::Entropy;
use crate::time::Instant;

/// When a peer was last heard of, by what was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastActivity {
    /// Any byte.
    pub bytes: Option<Instant>,
    /// A control frame: a ping or a pong.
    pub control: Option<Instant>,
    /// A whole event of a response that was awaited.
    pub event: Option<Instant>,
    /// Such an event that moved its response on: see [`Timeouts::progress`].
    pub progress: Option<Instant>,
}

/// The clocks of one connection: what is being waited for, and when the peer was last heard of.
/// How long what may take is the configuration's to say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// A head is awaited since then.
    head: Option<Instant>,
    /// An event is awaited since then.
    event: Option<Instant>,
    /// Events are awaited at all since then.
    awaited: Option<Instant>,
    /// A WebSocket is open since then.
    open: Option<Instant>,
    seen: LastActivity,
    /// Bytes wait to be written, and none was since then.
    write: Option<Instant>,
    /// The closing handshake is under way since then.
    close: Option<Instant>,
    /// When the next ping is due, and how often they are.
    ping: Option<(Instant, Duration)>,
}

/// What has come due.
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

    /// A WebSocket is open.
    pub(super) const fn opened(&mut self, now: Instant) {
        self.open = Some(now);
    }

    /// A request was sent on a WebSocket: whatever is awaited besides, waiting begins anew.
    pub(super) const fn restart_idle(&mut self, now: Instant) {
        (self.event, self.awaited) = (Some(now), Some(now));
    }

    /// A response is awaited or goes on; or none is in flight.
    pub(super) fn await_events(&mut self, now: Instant, in_flight: bool) {
        self.event = in_flight.then(|| self.event.unwrap_or(now));
        self.awaited = in_flight.then(|| self.awaited.unwrap_or(now));
    }

    /// An event came. `progress`: it moves its response on.
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

    /// Bytes came; whether that counts for what is idle is a setting.
    pub(super) fn on_bytes(&mut self, now: Instant, activity: IdleActivity) {
        self.seen.bytes = Some(now);
        if activity == IdleActivity::Bytes {
            self.event = self.event.map(|_| now);
        }
    }

    /// Bytes were appended, or written.
    pub(super) fn on_write_progress(&mut self, now: Instant, waiting: bool, progress: bool) {
        self.write = match (waiting, self.write) {
            (false, _) => None,
            (true, Some(since)) if !progress => Some(since),
            (true, _) => Some(now),
        };
    }

    /// The connection is closing: nothing else is awaited any more.
    pub(super) fn closing(&mut self, now: Instant) {
        self.close = self.close.or(Some(now));
        (self.head, self.event, self.awaited, self.open, self.ping) = (None, None, None, None, None);
    }

    /// The connection is over.
    pub(super) const fn stop(&mut self) {
        (self.head, self.event, self.awaited, self.open, self.ping) = (None, None, None, None, None);
        (self.close, self.write) = (None, None);
    }

    /// Pings are due this often, give or take a tenth: connections that were opened together shall not ping together for ever.
    pub(super) fn ping_every(&mut self, now: Instant, every: Option<Duration>, entropy: &mut Entropy) {
        self.ping = every.map(|every| (now + jittered(every, entropy), every));
    }

    pub(super) fn next(&self, timeouts: &Timeouts) -> Option<Instant> {
        self.deadlines(timeouts).map(|(at, _)| at).min()
    }

    /// What is due first, if it is due now. A ping is put off by asking.
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
        // Since it was seen, or since it could be.
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

/// A time between nine and eleven tenths of this one, and never none at all.
fn jittered(every: Duration, entropy: &mut Entropy) -> Duration {
    // A month between two pings is as good as never, and far from what would overflow.
    let most = Duration::from_secs(30 * 24 * 3600);
    every.min(most).mul_f64(0.9 + 0.2 * entropy.unit()).max(Duration::from_millis(1))
}
