//! One direction of a connection: bytes on their way, and what becomes of them.

use std::collections::VecDeque;

use super::random::Random;

/// What happens when so many bytes have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Kind,
    /// The connection is lost.
    Cut(u64),
    /// What follows vanishes.
    Mute(u64),
    /// What follows waits for so many microseconds.
    Stall(u64, u64),
}

/// What a delivery brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing, now or ever, unless more is written.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing for so many microseconds.
    Later(u64),
    /// The end of the bytes, in order.
    Eof,
    /// The connection is gone, in both directions.
    Lost,
}

/// One direction.
#[derive(Debug)]
pub struct Pipe {
    bytes: VecDeque<u8>,
    passed: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// How long bytes travel, in microseconds.
    pub latency: u64,
    /// How many bytes arrive at once, at most.
    pub grain: usize,
    /// The writer has ended.
    ended: bool,
    /// The end was delivered.
    told: bool,
    /// A delivery is on the agenda.
    pub scheduled: bool,
    mute: bool,
}

impl Pipe {
    /// A direction with this fate.
    #[must_use]
    pub const fn new(fate: Fate, latency: u64, grain: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            passed: 0,
            fate,
            latency,
            grain,
            ended: false,
            told: false,
            scheduled: false,
            mute: false,
        }
    }

    /// Puts bytes on their way.
    pub fn write(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.bytes.extend(bytes);
        }
    }

    /// No more bytes will follow.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Whether nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mute || (self.bytes.is_empty() && (!self.ended || self.told))
    }

    /// Whether bytes vanish.
    #[must_use]
    pub const fn is_mute(&self) -> bool {
        self.mute
    }

    /// What has passed so far.
    #[must_use]
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// What arrives now.
    pub fn deliver(&mut self, random: &mut Random) -> Delivery {
        if self.mute {
            self.bytes.clear();
            return Delivery::Nothing;
        }
        let left = match self.fate {
            Fate::Kind => u64::MAX,
            Fate::Cut(at) | Fate::Mute(at) | Fate::Stall(at, _) => at.saturating_sub(self.passed),
        };
        if left == 0 && (!self.bytes.is_empty() || self.ended) {
            match core::mem::replace(&mut self.fate, Fate::Kind) {
                Fate::Kind => {}
                Fate::Cut(_) => return Delivery::Lost,
                Fate::Mute(_) => {
                    self.mute = true;
                    self.bytes.clear();
                    return Delivery::Nothing;
                }
                Fate::Stall(_, long) => return Delivery::Later(long),
            }
        }
        if self.bytes.is_empty() {
            if self.ended && !self.told {
                self.told = true;
                return Delivery::Eof;
            }
            return Delivery::Nothing;
        }
        let most = self.bytes.len().min(usize::try_from(left.max(1)).unwrap_or(usize::MAX));
        let grain = match self.grain {
            usize::MAX => most,
            grain => usize::try_from(random.between(1, grain as u64)).unwrap_or(1),
        };
        let bytes: Vec<u8> = self.bytes.drain(..most.min(grain)).collect();
        self.passed += bytes.len() as u64;
        Delivery::Bytes(bytes)
    }
}
