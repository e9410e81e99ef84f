//! Happy Eyeballs (RFC 8305): which of a host's addresses to try, and when.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::time::{Duration, Instant};

/// Time until the next attempt begins (RFC 8305 §5, Connection Attempt Delay).
const DELAY: Duration = Duration::from_millis(250);

/// The connection attempts to the addresses of a host, for callers that open sockets by address.
///
/// A host often has addresses that never respond, for example IPv6 addresses without an IPv6 route. Tried one after the
/// other, such an address would use up the connect timeout. Instead, the next attempt begins 250 ms after the last one,
/// or when an attempt has failed; the first connection is used, and the others are dropped. The address families
/// alternate, beginning with that of the first address.
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
    /// Creates the attempts for these addresses, in the order of the system's resolver.
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

    /// Returns the address of the next attempt, if one is due: connect to it, and continue the attempts in progress.
    pub fn next_attempt(&mut self, now: Instant) -> Option<SocketAddr> {
        let address = if now < self.next_attempt_at { None } else { self.untried.pop_front() }?;
        self.next_attempt_at = now + DELAY;
        self.in_progress += 1;
        Some(address)
    }

    /// Handles a failed attempt: the next one is due at once.
    pub fn handle_attempt_failed(&mut self) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.next_attempt_at = Instant::ZERO;
    }

    /// Returns the time of the [next attempt](Self::next_attempt); `None` if there is no other address.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.untried.is_empty()).then_some(self.next_attempt_at)
    }

    /// Returns whether every attempt has failed, or there is no address.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.untried.is_empty() && self.in_progress == 0
    }
}
