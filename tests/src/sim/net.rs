//! One direction of a simulated connection: the bytes in transit, and the fault that affects them.

use std::collections::VecDeque;

use super::random::Random;

/// A fault that takes effect after a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeFault {
    /// No fault.
    None,
    /// The connection is lost.
    Cut(u64),
    /// All later bytes are dropped silently.
    Mute(u64),
    /// Later bytes are delayed by this many microseconds (second value).
    Stall(u64, u64),
}

/// Result of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing, unless more bytes are written.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing yet; try again after this many microseconds.
    Later(u64),
    /// End of the bytes (an orderly close).
    Eof,
    /// The connection is lost in both directions.
    Lost,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Pipe {
    bytes: VecDeque<u8>,
    passed: u64,
    /// The fault that affects it.
    pub fault: PipeFault,
    /// Transit time of bytes, in microseconds.
    pub latency: u64,
    /// Maximum number of bytes per delivery.
    pub max_read: usize,
    /// Whether the writer has closed its side.
    ended: bool,
    /// Whether [`Delivery::Eof`] was returned.
    eof_delivered: bool,
    /// Whether a delivery is scheduled.
    pub scheduled: bool,
    mute: bool,
}

impl Pipe {
    /// Creates a direction with this fault.
    #[must_use]
    pub const fn new(fault: PipeFault, latency: u64, max_read: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            passed: 0,
            fault,
            latency,
            max_read,
            ended: false,
            eof_delivered: false,
            scheduled: false,
            mute: false,
        }
    }

    /// Writes bytes; drops them if the writer has closed its side.
    pub fn write(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.bytes.extend(bytes);
        }
    }

    /// Closes the writer's side.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Returns whether nothing is in transit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mute || (self.bytes.is_empty() && (!self.ended || self.eof_delivered))
    }

    /// Returns whether all bytes are dropped silently.
    #[must_use]
    pub const fn is_mute(&self) -> bool {
        self.mute
    }

    /// Returns the number of bytes delivered so far.
    #[must_use]
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// Delivers the next bytes.
    pub fn deliver(&mut self, random: &mut Random) -> Delivery {
        if self.mute {
            self.bytes.clear();
            return Delivery::Nothing;
        }
        let left = match self.fault {
            PipeFault::None => u64::MAX,
            PipeFault::Cut(at) | PipeFault::Mute(at) | PipeFault::Stall(at, _) => at.saturating_sub(self.passed),
        };
        if left == 0 && (!self.bytes.is_empty() || self.ended) {
            match core::mem::replace(&mut self.fault, PipeFault::None) {
                PipeFault::None => {}
                PipeFault::Cut(_) => return Delivery::Lost,
                PipeFault::Mute(_) => {
                    self.mute = true;
                    self.bytes.clear();
                    return Delivery::Nothing;
                }
                PipeFault::Stall(_, long) => return Delivery::Later(long),
            }
        }
        if self.bytes.is_empty() {
            if self.ended && !self.eof_delivered {
                self.eof_delivered = true;
                return Delivery::Eof;
            }
            return Delivery::Nothing;
        }
        let most = self.bytes.len().min(usize::try_from(left.max(1)).unwrap_or(usize::MAX));
        let max_read = match self.max_read {
            usize::MAX => most,
            max_read => usize::try_from(random.between(1, max_read as u64)).unwrap_or(1),
        };
        let bytes: Vec<u8> = self.bytes.drain(..most.min(max_read)).collect();
        self.passed += bytes.len() as u64;
        Delivery::Bytes(bytes)
    }
}
