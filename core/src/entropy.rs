//! Floor 0: unpredictable numbers, expanded from a seed that the caller drew.
//!
//! The core has no random source. A machine that needs masking keys, handshake nonces or jitter is given 32 bytes once,
//! and stretches them with ChaCha20, a stream cipher (RFC 6455 §10.3 asks for masking keys that a peer cannot predict).
//! The same seed gives the same run, which is what makes a simulated failure repeatable.

use core::fmt;

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A seed: 32 bytes from the operating system's random source, or any fixed bytes in a test.
pub type Seed = [u8; 32];

/// A keystream of random bytes, for one who draws seldom: it is begun anew for each draw, where the last one ended, because the
/// block that a cipher works on is larger than all the rest of an idle connection. Its `Debug` shows nothing of the seed.
#[derive(Clone)]
pub(crate) struct Entropy {
    seed: Seed,
    /// Words that were drawn.
    words: u64,
}

impl Entropy {
    pub(crate) const fn new(seed: Seed) -> Self {
        Self { seed, words: 0 }
    }

    fn draw<T>(&mut self, draw: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
        let mut stream = ChaCha20Rng::from_seed(self.seed);
        stream.set_word_pos(self.words.into());
        let drawn = draw(&mut stream);
        // It would take a lifetime to draw more words than this can count.
        self.words = u64::try_from(stream.get_word_pos()).unwrap_or_default();
        drawn
    }

    /// A seed for a machine of the next floor down, independent of what this one draws afterwards.
    pub(crate) fn fork(&mut self) -> Seed {
        self.array()
    }

    /// The next `N` bytes of the keystream: a handshake nonce.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.draw(|stream| {
            let mut bytes = [0; N];
            stream.fill_bytes(&mut bytes);
            bytes
        })
    }

    /// A number in `[0, 1)`, evenly spread.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.draw(ChaCha20Rng::next_u32)) / (f64::from(u32::MAX) + 1.0)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

/// Masking keys, for one who draws them all the time (RFC 6455 §5.3). Its `Debug` shows nothing of the seed.
#[derive(Clone)]
pub(crate) struct Keys(ChaCha20Rng);

impl Keys {
    pub(crate) fn new(seed: Seed) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    #[inline]
    pub(crate) fn next(&mut self) -> [u8; 4] {
        self.0.next_u32().to_le_bytes()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}
