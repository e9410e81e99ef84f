//! Faults that a seed determines.

use core::time::Duration;

use chacha20::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A fault of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request is rejected with this status: 429, 500, 502, 503 or 529.
    Status(u16),
    /// The connection ends in an orderly way after this number of bytes of the response.
    HangUp(u64),
    /// The connection is reset after this number of bytes of the response.
    Reset(u64),
    /// The response begins later.
    Pause(Duration),
}

/// Faults at random responses. The seed determines which.
///
/// ```
/// use turnwire_testkit::Faults;
///
/// let draw = |seed| {
///     let mut faults = Faults::new(seed, 0.25);
///     (0..100).map(|_| faults.draw()).collect::<Vec<_>>()
/// };
/// assert_eq!(draw(1), draw(1));
/// assert_ne!(draw(1), draw(2));
///
/// let mut faults = Faults::new(1, 0.25);
/// faults.draw();
/// assert_eq!(faults.clone().draw(), faults.draw());
/// ```
#[derive(Debug)]
pub struct Faults {
    random: ChaCha8Rng,
    rate: f64,
}

impl Faults {
    /// Creates faults that concern this share of all responses: 0 means none, 1 means all. A share outside of that range counts as its
    /// nearest end, and NaN as 0.
    #[must_use]
    pub fn new(seed: u64, rate: f64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), rate: if rate.is_nan() { 0.0 } else { rate.clamp(0.0, 1.0) } }
    }

    /// Draws the fault of the next response; `None` means none.
    pub fn draw(&mut self) -> Option<Fault> {
        // The number of draws does not depend on the results, so that a rate changes only how many faults there are.
        let [occurs, kind, size] = [(); 3].map(|()| self.random.next_u32());
        if f64::from(occurs) >= self.rate * (f64::from(u32::MAX) + 1.0) {
            return None;
        }
        Some(match kind % 8 {
            0 => Fault::Status(503),
            1 => Fault::Status([500, 502, 529][size as usize % 3]),
            2 => Fault::Status(429),
            3 | 4 => Fault::HangUp(u64::from(size % MAX_CUT)),
            5 | 6 => Fault::Reset(u64::from(size % MAX_CUT)),
            _ => Fault::Pause(Duration::from_millis(u64::from(size % MAX_PAUSE_MS))),
        })
    }

    /// Returns the length of a read of at most `max` bytes.
    pub(crate) fn read_length(&mut self, max: usize) -> usize {
        match self.random.next_u32() {
            number if number % 2 == 0 => max,
            number => max.min(1 + (number >> 1) as usize % 64),
        }
    }
}

impl Clone for Faults {
    fn clone(&self) -> Self {
        let mut random = ChaCha8Rng::from_seed(self.random.get_seed());
        random.set_word_pos(self.random.get_word_pos());
        Self { random, rate: self.rate }
    }
}

/// A response of a few words has some thousand bytes.
const MAX_CUT: u32 = 4096;

/// Pauses are shorter than 2 s, which a test over sockets can wait for.
const MAX_PAUSE_MS: u32 = 2000;

#[cfg(test)]
mod tests {
    use super::Faults;

    #[test]
    fn rate_is_the_share_of_faults_and_its_ends_are_exact() {
        let count = |rate: f64| {
            let mut faults = Faults::new(3, rate);
            (0..2000).filter(|_| faults.draw().is_some()).count()
        };
        assert_eq!((count(0.0), count(f64::NAN), count(-1.0), count(1.0), count(7.0)), (0, 0, 0, 2000, 2000));
        assert!((150..250).contains(&count(0.1)), "{}", count(0.1));
    }
}
