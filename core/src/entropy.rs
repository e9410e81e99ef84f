//! Layer 0: unpredictable numbers, derived from a seed of the caller.
//!
//! The core has no random source. A state machine that needs masking keys, handshake nonces or jitter receives 32 bytes once,
//! and expands them with ChaCha20, a stream cipher (RFC 6455 §10.3 demands masking keys that a peer cannot predict). The same
//! seed gives the same run, so that a failure in a simulation can be repeated.

use alloc::boxed::Box;
use core::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A seed: 32 bytes from the operating system's random source, or any fixed bytes in a test.
pub type Seed = [u8; 32];

/// A keystream of random bytes, for rare use. The cipher is set up again for each draw, at the position of the last one, because
/// its block is larger than all the rest of an idle connection. `Debug` shows nothing of the seed.
#[derive(Clone)]
pub(crate) struct Entropy {
    seed: Seed,
    /// The number of words that were drawn.
    words: u64,
}

impl Entropy {
    pub(crate) const fn new(seed: Seed) -> Self {
        Self { seed, words: 0 }
    }

    fn draw<T>(&mut self, draw: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
        let mut stream = self.stream();
        let drawn = draw(&mut stream);
        self.set_position(&stream);
        drawn
    }

    /// Returns the keystream from the current position on.
    fn stream(&self) -> ChaCha20Rng {
        let mut stream = ChaCha20Rng::from_seed(self.seed);
        stream.set_word_pos(self.words.into());
        stream
    }

    /// Goes on where this keystream is.
    fn set_position(&mut self, stream: &ChaCha20Rng) {
        // The position cannot reach 2^64 words.
        self.words = u64::try_from(stream.get_word_pos()).unwrap_or_default();
    }

    /// Returns a seed for a state machine of a lower layer, independent of all later draws.
    pub(crate) fn fork(&mut self) -> Seed {
        self.array()
    }

    /// Returns the next `N` bytes of the keystream, for example a handshake nonce.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.draw(|stream| {
            let mut bytes = [0; N];
            stream.fill_bytes(&mut bytes);
            bytes
        })
    }

    /// Returns a number in `[0, 1)`, uniformly distributed.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.draw(ChaCha20Rng::next_u32)) / (f64::from(u32::MAX) + 1.0)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

/// Masking keys (RFC 6455 §5.3), for frequent use. `Debug` shows nothing of the seed.
pub(crate) struct MaskingKeys {
    /// Where the keystream goes on when it is set up.
    start: Entropy,
    /// The keystream, which has a block of 256 bytes. `None` after it was [released](Self::release), until the next key.
    stream: Option<Box<ChaCha20Rng>>,
}

impl MaskingKeys {
    pub(crate) fn new(seed: Seed) -> Self {
        let start = Entropy::new(seed);
        let stream = Some(Box::new(start.stream()));
        Self { start, stream }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> [u8; 4] {
        let stream = self.stream.get_or_insert_with(|| Box::new(self.start.stream()));
        stream.next_u32().to_le_bytes()
    }

    /// Frees the memory of the keystream. The next key takes longer.
    pub(crate) fn release(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.start.set_position(&stream);
        }
    }
}

impl fmt::Debug for MaskingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskingKeys(..)")
    }
}
