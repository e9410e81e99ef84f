//! `Lateness`: an expired deadline that is not reported yet, because the input in the socket is read first.

use core::time::Duration;

use turnwire::time::Instant;

/// How long input is read before an expired deadline is reported: long enough for the bytes that are in the socket already, and a bound
/// for a peer that never stops sending.
const GRACE: Duration = Duration::from_secs(5);

/// How late this task is, if a deadline has expired.
#[derive(Debug, Default)]
pub(super) struct Lateness(Option<Late>);

#[derive(Clone, Copy, Debug)]
struct Late {
    /// When the expiry was noticed.
    since: Instant,
    /// If anything was read since then, the peer has until this time: as long as this task was late, because the peer could not send
    /// meanwhile.
    until: Instant,
    has_read: bool,
}

impl Lateness {
    /// Records that a deadline has expired. Returns whether input is read before that is reported.
    pub(super) fn expire(&mut self, now: Instant, deadline: Instant) -> bool {
        let lateness = now.saturating_duration_since(deadline).min(GRACE);
        let late = self.0.get_or_insert(Late { since: now, until: now + lateness, has_read: false });
        now.saturating_duration_since(late.since) < GRACE
    }

    /// Records that there was input.
    pub(super) const fn record_input(&mut self) {
        if let Some(late) = &mut self.0 {
            late.has_read = true;
        }
    }

    /// Returns until when more input is awaited.
    pub(super) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.0.filter(|late| late.has_read && now < late.until).map(|late| late.until)
    }
}
