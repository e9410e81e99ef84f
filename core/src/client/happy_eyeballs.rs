//! Which of a host's addresses to try, and when (RFC 8305).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::time::{Duration, Instant};

/// How long an attempt goes on alone (RFC 8305 §5, Connection Attempt Delay).
const DELAY: Duration = Duration::from_millis(250);

/// The addresses that a host's name led to, on their way to one connection, for whoever opens sockets by address.
///
/// A host often has addresses of which one never answers: IPv6, where only half of the way speaks it. Tried one after the other,
/// that one would take all the time there is for dialing. So the next attempt begins a quarter of a second after the last one, or
/// when that failed, and whichever connects first wins; the others are dropped. The families take turns, beginning with that of
/// the first address.
///
/// ```
/// use core::net::SocketAddr;
/// use turnwire::client::HappyEyeballs;
/// use turnwire::time::{Duration, Instant};
///
/// let [six, four]: [SocketAddr; 2] = ["[2001:db8::1]:443".parse()?, "192.0.2.1:443".parse()?];
/// let mut addresses = HappyEyeballs::new([six, four]);
/// assert_eq!(addresses.next_attempt(Instant::ZERO), Some(six));
/// assert_eq!(addresses.next_attempt(Instant::ZERO), None); // not yet
/// let next = addresses.poll_timeout().expect("another one waits");
/// assert_eq!(next, Instant::ZERO + Duration::from_millis(250));
/// assert_eq!(addresses.next_attempt(next), Some(four)); // both are under way now
/// # Ok::<(), core::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HappyEyeballs {
    untried: VecDeque<SocketAddr>,
    /// The earliest time of the next attempt.
    next_attempt_at: Instant,
    in_progress: usize,
}

impl HappyEyeballs {
    /// These addresses, in the order in which the system would try them.
    #[must_use]
    pub fn new(found: impl IntoIterator<Item = SocketAddr>) -> Self {
        let found: Vec<SocketAddr> = found.into_iter().collect();
        let six_first = found.first().is_some_and(SocketAddr::is_ipv6);
        let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == six_first);
        let (mut first, mut second) = (first.into_iter(), second.into_iter());
        let mut untried = VecDeque::new();
        loop {
            let before = untried.len();
            untried.extend(first.next());
            untried.extend(second.next());
            if untried.len() == before {
                return Self { untried, next_attempt_at: Instant::ZERO, in_progress: 0 };
            }
        }
    }

    /// Begins the next attempt, if one is due: open a socket to this address, and go on with those that are under way.
    pub fn next_attempt(&mut self, now: Instant) -> Option<SocketAddr> {
        let address = if now < self.next_attempt_at { None } else { self.untried.pop_front() }?;
        self.next_attempt_at = now + DELAY;
        self.in_progress += 1;
        Some(address)
    }

    /// An attempt failed. The next one is due at once.
    pub fn handle_attempt_failed(&mut self) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.next_attempt_at = Instant::ZERO;
    }

    /// When to [`next_attempt`](Self::next_attempt) the next attempt; none when there is no other address.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.untried.is_empty()).then_some(self.next_attempt_at)
    }

    /// Every attempt failed, or there was no address to begin with.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.untried.is_empty() && self.in_progress == 0
    }
}
