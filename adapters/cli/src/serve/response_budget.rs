//! The memory for responses that are not yet sent, of all connections.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The memory for unsent responses. When it is used up, the connections whose peers have read nothing for the longest time are
/// dropped, so that peers that read are served.
#[derive(Debug)]
pub(super) struct ResponseBudget {
    max: usize,
    shares: Mutex<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    /// The sum of all shares.
    held: usize,
    /// The number of the newest connection.
    last: u64,
    of: BTreeMap<u64, Held>,
}

/// Drops a connection.
type DropConnection = Box<dyn FnOnce() + Send>;

/// What one connection holds.
#[derive(Default)]
struct Held {
    bytes: usize,
    /// Since when the peer has read too little for the next event. `None` while the connection does not wait for the peer.
    waits_since: Option<Instant>,
    drop_connection: Option<DropConnection>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl ResponseBudget {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, shares: Mutex::default() })
    }

    /// Returns the share of a new connection.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        let mut shares = self.lock();
        shares.last += 1;
        let number = shares.last;
        shares.of.insert(number, Held::default());
        Share { budget: Arc::clone(self), number }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        // A poisoned lock is safe to use: no code that can panic runs while it is held.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shares {
    fn remove(&mut self, number: u64) -> Option<DropConnection> {
        let removed = self.of.remove(&number)?;
        self.held -= removed.bytes;
        removed.drop_connection
    }

    fn set(&mut self, number: u64, bytes: usize) {
        if let Some(held) = self.of.get_mut(&number) {
            self.held = self.held - held.bytes + bytes;
            held.bytes = bytes;
        }
    }

    /// Returns the connection that has waited for its peer for the longest time.
    fn longest_waiting(&self) -> Option<u64> {
        let waiting = self.of.iter().filter_map(|(number, held)| Some((held.waits_since?, *number)));
        waiting.min().map(|(_, number)| number)
    }
}

/// The share of one connection. It is returned when this value is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<ResponseBudget>,
    number: u64,
}

impl Share {
    /// Sets how the connection is dropped.
    pub(super) fn set_drop(&self, drop_connection: impl FnOnce() + Send + 'static) {
        if let Some(held) = self.budget.lock().of.get_mut(&self.number) {
            held.drop_connection = Some(Box::new(drop_connection));
        }
    }

    /// Takes memory, so that the connection holds this number of bytes. Drops other connections that wait for their peers, if there is
    /// not enough. Returns whether there is enough then.
    pub(super) fn admit(&self, bytes: usize) -> bool {
        let mut dropped = Vec::new();
        let mut shares = self.budget.lock();
        let admitted = loop {
            let others = shares.held - shares.of.get(&self.number).map_or(0, |held| held.bytes);
            // A single long response is sent if nothing else is.
            if others == 0 || others.saturating_add(bytes) <= self.budget.max {
                shares.set(self.number, bytes);
                break true;
            }
            match shares.longest_waiting().filter(|number| *number != self.number) {
                Some(number) => dropped.extend(shares.remove(number)),
                None => break false,
            }
        };
        drop(shares);
        dropped.into_iter().for_each(|drop_connection| drop_connection());
        admitted
    }

    /// Records what the connection holds now. `waits`: for its peer to read. `progressed`: something was sent since the last call.
    pub(super) fn update(&self, bytes: usize, waits: bool, progressed: bool) {
        let mut shares = self.budget.lock();
        shares.set(self.number, bytes);
        if let Some(held) = shares.of.get_mut(&self.number) {
            held.waits_since = match held.waits_since {
                Some(since) if waits && !progressed => Some(since),
                _ => waits.then(Instant::now),
            };
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let removed = self.budget.lock().remove(self.number);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    use super::{ResponseBudget, Share};

    fn counted(share: &Share) -> Arc<AtomicUsize> {
        let drops = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&drops);
        share.set_drop(move || {
            shared.fetch_add(1, Ordering::Relaxed);
        });
        drops
    }

    #[test]
    fn connection_whose_peer_has_read_nothing_for_the_longest_time_is_dropped_first() {
        let budget = ResponseBudget::new(100);
        let shares: Vec<Share> = (0..3).map(|_| budget.share()).collect();
        let drops: Vec<Arc<AtomicUsize>> = shares.iter().map(counted).collect();
        // The second one waits first, the first one has progressed since, and the third one waits for no peer.
        shares[0].update(30, true, false);
        shares[1].update(30, true, false);
        shares[0].update(30, true, true);
        shares[2].update(30, false, false);
        let new = budget.share();
        assert!(new.admit(40));
        let dropped = |at: usize| drops[at].load(Ordering::Relaxed);
        assert_eq!([dropped(0), dropped(1), dropped(2)], [0, 1, 0]);
        assert_eq!(budget.lock().held, 100);
        assert!(new.admit(70), "the first one is dropped too");
        assert!(!new.admit(71), "nobody waits for a peer");
        assert_eq!([dropped(0), dropped(1), dropped(2)], [1, 1, 0]);
        assert_eq!(budget.lock().held, 100);
        drop((shares, new));
        assert_eq!(budget.lock().held, 0);
        assert!(budget.share().admit(1000), "a response that is longer than the limit, alone");
    }

    #[test]
    fn connection_that_waits_for_its_own_peer_is_refused_and_drops_no_other() {
        let budget = ResponseBudget::new(100);
        let (slow, other) = (budget.share(), budget.share());
        let drops = counted(&other);
        slow.update(50, true, false);
        other.update(50, true, false);
        assert!(!slow.admit(60));
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        assert_eq!(budget.lock().held, 100);
    }
}
