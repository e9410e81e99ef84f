//! The open connections with the memory of their unsent responses, and which of them gives way when there is too much of either.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::yield_now;

/// The open connections. When there are too many, a new one takes the place of one of the peer with the most, if its own peer has fewer by
/// more than one: no peer keeps others out. When the memory for unsent responses is used up, the connections whose peers have read nothing
/// for the longest time are dropped, so that peers that read are served.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    /// The memory in bytes that unsent responses may take.
    max_bytes: usize,
    /// The number of responses in progress.
    running: AtomicUsize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Counts what happens, so that it is known what came first.
    now: u64,
    connections: BTreeMap<u64, Connection>,
    /// The number of connections of each peer.
    of_peer: BTreeMap<IpAddr, usize>,
    /// The memory of the unsent responses of all connections.
    bytes: usize,
}

/// Drops a connection.
type DropConnection = Box<dyn FnOnce() + Send>;

struct Connection {
    peer: IpAddr,
    /// Since when it has no response in progress. `None` while it has one.
    idle_since: Option<u64>,
    /// The memory of its unsent responses.
    bytes: usize,
    /// Since when its peer has read too little for the next event. `None` while it does not wait for the peer.
    waits_since: Option<u64>,
    /// It is being dropped, and its memory will soon be free.
    is_leaving: bool,
    drop_connection: Option<DropConnection>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Connections {
    /// `max_bytes`: the memory that unsent responses may take.
    pub(super) fn new(max: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { max, max_bytes, running: AtomicUsize::new(0), open: Mutex::default() })
    }

    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// Returns the number of responses in progress on all connections.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Takes a new connection from this address. `None` if there are too many, and none gives way.
    pub(super) fn open(self: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        let peer = peer_of(address);
        let mut open = self.lock();
        let displaced = match open.connections.len() < self.max {
            true => None,
            false => Some(open.displace(peer)?),
        };
        let number = open.tick();
        let connection = Connection {
            peer,
            idle_since: Some(number),
            bytes: 0,
            waits_since: None,
            is_leaving: false,
            drop_connection: None,
        };
        open.connections.insert(number, connection);
        *open.of_peer.entry(peer).or_default() += 1;
        drop(open);
        let has_displaced = displaced.is_some();
        if let Some(drop_connection) = displaced.and_then(|connection| connection.drop_connection) {
            drop_connection();
        }
        let place = Place { connections: Arc::clone(self), number, running: AtomicUsize::new(0) };
        Some(Admitted { place, has_displaced })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // A poisoned lock is safe to use: no code that can panic runs while it is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// Removes a connection of the peer with the most, for one of `new`: the one that has been idle for the longest time, or else the
    /// oldest one.
    fn displace(&mut self, new: IpAddr) -> Option<Connection> {
        let own = self.of_peer.get(&new).copied().unwrap_or_default();
        let (peer, _) = self.of_peer.iter().max_by_key(|(_, count)| **count).filter(|(_, count)| **count > own + 1)?;
        let of_peer = self.connections.iter().filter(|(_, connection)| connection.peer == *peer);
        let (number, _) = of_peer.min_by_key(|(number, connection)| match connection.idle_since {
            Some(since) => (false, since),
            None => (true, **number),
        })?;
        self.remove(*number)
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        self.bytes -= connection.bytes;
        if let Some(count) = self.of_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.of_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    fn set_bytes(&mut self, number: u64, bytes: usize) {
        if let Some(connection) = self.connections.get_mut(&number) {
            self.bytes = self.bytes - connection.bytes + bytes;
            connection.bytes = bytes;
        }
    }

    /// Takes memory for a connection, so that it holds this number of bytes, or says which connections are to be dropped for it: those
    /// that wait for their peers, and have done so for longer than this one.
    fn take(&mut self, number: u64, bytes: usize, max: usize) -> Memory {
        let own = self.connections.get(&number);
        let held = self.bytes - own.map_or(0, |own| own.bytes);
        let is_enough = |held: usize| held == 0 || held.saturating_add(bytes) <= max;
        // A single long response is sent if nothing else is.
        if is_enough(held) {
            self.set_bytes(number, bytes);
            return Memory::Taken;
        }
        let own_since = own.and_then(|own| own.waits_since).unwrap_or(u64::MAX);
        let (mut waiting, mut staying) = (Vec::new(), held);
        for (_, connection) in self.connections.iter_mut().filter(|(other, _)| **other != number) {
            match connection.waits_since {
                _ if connection.is_leaving => staying -= connection.bytes,
                Some(since) if since < own_since => waiting.push((since, connection)),
                _ => {}
            }
        }
        waiting.sort_unstable_by_key(|(since, _)| *since);
        let most: usize = waiting.iter().map(|(_, connection)| connection.bytes).sum();
        if !is_enough(staying - most) {
            return Memory::Refused;
        }
        let mut drops = Vec::new();
        for (_, connection) in waiting {
            if is_enough(staying) {
                break;
            }
            staying -= connection.bytes;
            connection.is_leaving = true;
            drops.extend(connection.drop_connection.take());
        }
        Memory::Later(drops)
    }
}

/// Whether there is memory for a response.
enum Memory {
    Taken,
    /// There will be, once connections have ended: those that are leaving, and these, which are to be dropped.
    Later(Vec<DropConnection>),
    Refused,
}

/// Returns what stands for a peer: its address, or of an IPv6 address the network of 64 bits, which one host can have for itself
/// (RFC 4291 §2.5.4).
const fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// A connection that was taken.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) place: Place,
    /// Another connection was dropped for it.
    pub(super) has_displaced: bool,
}

/// The place of one connection. It is free again when this value is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    /// The number of its responses in progress.
    running: AtomicUsize,
}

impl Place {
    /// Sets how the connection is dropped.
    pub(super) fn set_drop(&self, drop_connection: impl FnOnce() + Send + 'static) {
        if let Some(connection) = self.connections.lock().connections.get_mut(&self.number) {
            connection.drop_connection = Some(Box::new(drop_connection));
        }
    }

    /// Records how many responses of the connection are in progress.
    pub(super) fn set_running(&self, running: usize) {
        let before = self.running.swap(running, Ordering::Relaxed);
        if before == running {
            return;
        }
        self.connections.running.fetch_add(running, Ordering::Relaxed);
        self.connections.running.fetch_sub(before, Ordering::Relaxed);
        if (before == 0) != (running == 0) {
            let mut open = self.connections.lock();
            let now = open.tick();
            if let Some(connection) = open.connections.get_mut(&self.number) {
                connection.idle_since = (running == 0).then_some(now);
            }
        }
    }

    /// Takes memory, so that the connection holds this number of bytes. Drops other connections that wait for their peers, if there is
    /// not enough, and waits until they have ended. Returns whether there is enough then.
    pub(super) async fn admit(&self, bytes: usize) -> bool {
        loop {
            let memory = self.connections.lock().take(self.number, bytes, self.connections.max_bytes);
            match memory {
                Memory::Taken => return true,
                Memory::Refused => return false,
                Memory::Later(drops) => drops.into_iter().for_each(|drop_connection| drop_connection()),
            }
            yield_now().await;
        }
    }

    /// Records what the connection holds now. `waits`: for its peer to read. `progressed`: something was sent since the last call.
    pub(super) fn update(&self, bytes: usize, waits: bool, progressed: bool) {
        let mut open = self.connections.lock();
        open.set_bytes(self.number, bytes);
        let now = open.tick();
        if let Some(connection) = open.connections.get_mut(&self.number) {
            connection.waits_since = match connection.waits_since {
                Some(since) if waits && !progressed => Some(since),
                _ => waits.then_some(now),
            };
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set_running(0);
        let removed = self.connections.lock().remove(self.number);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    use core::future::Future as _;
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::{Connections, Place};

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";

    /// Opens a connection, and counts how often it is dropped.
    fn open(connections: &Arc<Connections>, address: &str) -> Option<(Place, Arc<AtomicUsize>)> {
        let address: IpAddr = address.parse().expect("an address");
        let place = connections.open(address)?.place;
        let drops = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&drops);
        place.set_drop(move || {
            shared.fetch_add(1, Ordering::Relaxed);
        });
        Some((place, drops))
    }

    fn dropped(all: &[(Place, Arc<AtomicUsize>)]) -> Vec<usize> {
        all.iter().map(|(_, drops)| drops.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_new_peer_takes_the_place_of_the_longest_idle_connection_of_the_peer_with_the_most() {
        let connections = Connections::new(4, 0);
        let all: Vec<_> = (0..4).map(|_| open(&connections, A).expect("a place")).collect();
        // The first has a response in progress, the second had one since the third is idle.
        all[0].0.set_running(1);
        all[1].0.set_running(2);
        all[1].0.set_running(1);
        assert_eq!(connections.running(), 2);
        all[1].0.set_running(0);
        assert!(open(&connections, A).is_none(), "a further one of the same peer");
        let first = open(&connections, B).expect("a place for another peer");
        assert_eq!(dropped(&all), [0, 0, 1, 0]);
        let second = open(&connections, B).expect("three and one");
        assert_eq!(dropped(&all), [0, 0, 1, 1]);
        assert!(open(&connections, B).is_none(), "both have two");
        assert!(open(&connections, "192.0.2.3").is_some(), "and a third one has none");
        assert_eq!(connections.count(), 3, "it has left again, with the place that it took");
        drop((first, second, all));
        assert_eq!((connections.count(), connections.running()), (0, 0));
        assert!(connections.lock().of_peer.is_empty());
    }

    #[test]
    fn the_oldest_connection_gives_way_if_none_is_idle() {
        let connections = Connections::new(2, 0);
        let all: Vec<_> = (0..2).map(|_| open(&connections, A).expect("a place")).collect();
        all.iter().for_each(|(place, _)| place.set_running(1));
        let _other = open(&connections, B).expect("a place for another peer");
        assert_eq!(dropped(&all), [1, 0]);
    }

    #[test]
    fn one_place_is_not_taken_from_its_peer() {
        let connections = Connections::new(1, 0);
        let _first = open(&connections, A).expect("a place");
        assert!(open(&connections, B).is_none());
    }

    #[test]
    fn addresses_of_one_ipv6_network_and_mapped_addresses_are_one_peer() {
        let connections = Connections::new(3, 0);
        let _v4: Vec<_> = [A, "::ffff:192.0.2.1"].map(|address| open(&connections, address)).into();
        let _v6 = open(&connections, "2001:db8::1").expect("a place");
        assert!(open(&connections, "2001:db8::ffff:0:0:2").is_none(), "it has as many as the other one, but for one");
        assert_eq!(connections.lock().of_peer.len(), 2);
        assert!(open(&connections, "2001:db8:0:1::1").is_some(), "another network");
    }

    /// Asks for memory. Returns `None` while the connection waits for others that are dropped.
    fn admit(place: &Place, bytes: usize) -> Option<bool> {
        match pin!(place.admit(bytes)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(is_admitted) => Some(is_admitted),
            Poll::Pending => None,
        }
    }

    #[test]
    fn connection_whose_peer_has_read_nothing_for_the_longest_time_is_dropped_first() {
        let connections = Connections::new(9, 100);
        let mut all: Vec<_> = (0..3).map(|_| open(&connections, A).expect("a place")).collect();
        // The second one waits first, the first one has progressed since, and the third one waits for no peer.
        all[0].0.update(30, true, false);
        all[1].0.update(30, true, false);
        all[0].0.update(30, true, true);
        all[2].0.update(30, false, false);
        let new = open(&connections, A).expect("a place").0;
        assert_eq!(admit(&new, 40), None, "the second one is dropped");
        assert_eq!(dropped(&all), [0, 1, 0]);
        assert_eq!(admit(&new, 40), None, "it still holds its memory");
        drop(all.remove(1));
        assert_eq!(admit(&new, 40), Some(true));
        assert_eq!(admit(&new, 70), None, "the first one is dropped too");
        assert_eq!(dropped(&all), [1, 0]);
        drop(all.remove(0));
        assert_eq!(admit(&new, 70), Some(true));
        assert_eq!(admit(&new, 71), Some(false), "nobody waits for a peer");
        assert_eq!((dropped(&all), connections.lock().bytes), (vec![0], 100));
        drop((all, new));
        assert_eq!(connections.lock().bytes, 0);
        let (alone, _) = open(&connections, A).expect("a place");
        assert_eq!(admit(&alone, 1000), Some(true), "a response that is longer than the limit, alone");
    }

    #[test]
    fn connection_that_waits_for_its_own_peer_is_refused_and_drops_no_other() {
        let connections = Connections::new(9, 100);
        let all: Vec<_> = (0..2).map(|_| open(&connections, A).expect("a place")).collect();
        all.iter().for_each(|(place, _)| place.update(50, true, false));
        assert_eq!(admit(&all[0].0, 60), Some(false));
        assert_eq!((dropped(&all), connections.lock().bytes), (vec![0, 0], 100));
        assert_eq!(admit(&all[1].0, 60), None, "the other one has waited for longer");
        assert_eq!(dropped(&all), [1, 0]);
    }

    #[test]
    fn nobody_is_dropped_for_a_response_for_which_there_is_no_memory_then_either() {
        let connections = Connections::new(9, 100);
        let all: Vec<_> = (0..2).map(|_| open(&connections, A).expect("a place")).collect();
        all[0].0.update(50, true, false);
        all[1].0.update(50, false, false);
        let new = open(&connections, A).expect("a place").0;
        assert_eq!(admit(&new, 51), Some(false));
        assert_eq!(dropped(&all), [0, 0]);
    }
}
