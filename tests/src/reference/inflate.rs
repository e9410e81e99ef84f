//! Reference implementation of the inflater after RFC 1951 and RFC 7692 §7.2.2: bit by bit, with all previous output as
//! window.

use turnwire::ws::deflate::Error;

/// Extra bits and base lengths of the symbols from 257 up (RFC 1951 §3.2.5).
const LENGTHS: [(usize, usize); 29] = [
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 6),
    (0, 7),
    (0, 8),
    (0, 9),
    (0, 10),
    (1, 11),
    (1, 13),
    (1, 15),
    (1, 17),
    (2, 19),
    (2, 23),
    (2, 27),
    (2, 31),
    (3, 35),
    (3, 43),
    (3, 51),
    (3, 59),
    (4, 67),
    (4, 83),
    (4, 99),
    (4, 115),
    (5, 131),
    (5, 163),
    (5, 195),
    (5, 227),
    (0, 258),
];

/// The order of the code lengths for the code length alphabet (RFC 1951 §3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The bytes that RFC 7692 §7.2.1 removes from the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// Inflates messages one after the other.
#[derive(Clone, Debug)]
pub struct Inflater {
    takeover: bool,
    /// Maximum distance of a reference.
    window: usize,
    /// All output since the stream began.
    history: Vec<u8>,
}

/// Why decoding stopped.
enum Stop {
    /// The input has ended.
    Short,
    Because(Error),
}

const CORRUPT: Stop = Stop::Because(Error::Corrupt);

struct Block<'t> {
    bits: &'t [bool],
    at: usize,
    history: &'t mut Vec<u8>,
    window: usize,
    /// Maximum length of the history.
    limit: usize,
}

impl Inflater {
    /// Creates an inflater. `window` is the maximum distance of a reference.
    #[must_use]
    pub const fn new(takeover: bool, window: usize) -> Self {
        Self { takeover, window, history: Vec::new() }
    }

    /// Inflates one message of at most `limit` bytes.
    pub fn message(&mut self, payload: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
        if payload.is_empty() {
            return Ok(Vec::new());
        }
        let mut bits: Vec<bool> = to_bits(payload).collect();
        let (end, mut at, mut out) = (bits.len(), 0, Vec::new());
        bits.extend(to_bits(&TAIL));
        loop {
            let (start, before) = (at, self.history.len());
            let limit = before + (limit - out.len());
            let mut block = Block { bits: &bits, at, history: &mut self.history, window: self.window, limit };
            let result = block.run();
            let next = block.at;
            out.extend_from_slice(&self.history[before..]);
            let last = match result {
                Ok(last) => last,
                // Output from the tail is not part of the message.
                Err(Stop::Because(Error::TooLong)) if next > end => return Err(Error::Corrupt),
                Err(Stop::Because(error)) => return Err(error),
                Err(Stop::Short) => return Err(Error::Corrupt),
            };
            let in_tail = next > end || (next == end && !last);
            at = if last { whole_byte(&bits, next) } else { next };
            // The block that is open at the end of the payload must end with the tail, without output from the tail.
            if in_tail && (at != bits.len() || self.made_in_tail(&bits, start, end, before, limit)) {
                return Err(Error::Corrupt);
            }
            if last {
                self.history.clear();
            }
            if at >= end {
                break;
            }
        }
        if !self.takeover {
            self.history.clear();
        }
        Ok(out)
    }

    /// Returns whether the block has less output when it has only the payload's bits.
    fn made_in_tail(&self, bits: &[bool], at: usize, end: usize, before: usize, limit: usize) -> bool {
        let mut history = self.history[..before].to_vec();
        let mut block = Block { bits: &bits[..end], at, history: &mut history, window: self.window, limit };
        let _ = block.run();
        history.len() < self.history.len()
    }
}

fn to_bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1))
}

/// Returns the position of the next byte boundary.
const fn whole_byte(bits: &[bool], at: usize) -> usize {
    bits.len() - (bits.len() - at) / 8 * 8
}

impl Block<'_> {
    /// Decodes one block. Returns whether it was the final one.
    fn run(&mut self) -> Result<bool, Stop> {
        let last = self.number(1)? == 1;
        match self.number(2)? {
            0 => self.stored()?,
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                self.compressed(&lengths, &[5; 32])?;
            }
            2 => {
                let (literals, distances) = self.codes()?;
                self.compressed(&literals, &distances)?;
            }
            _ => return Err(CORRUPT),
        }
        Ok(last)
    }

    fn bit(&mut self) -> Result<bool, Stop> {
        let bit = *self.bits.get(self.at).ok_or(Stop::Short)?;
        self.at += 1;
        Ok(bit)
    }

    fn number(&mut self, bits: usize) -> Result<usize, Stop> {
        (0..bits).try_fold(0, |number, bit| Ok(number | usize::from(self.bit()?) << bit))
    }

    fn put(&mut self, byte: u8) -> Result<(), Stop> {
        if self.history.len() == self.limit {
            return Err(Stop::Because(Error::TooLong));
        }
        self.history.push(byte);
        Ok(())
    }

    fn stored(&mut self) -> Result<(), Stop> {
        // The payload begins at a byte boundary; the remaining bits belong to the previous byte.
        self.at = whole_byte(self.bits, self.at);
        let (length, complement) = (self.number(16)?, self.number(16)?);
        if length != complement ^ 0xFFFF {
            return Err(CORRUPT);
        }
        for _ in 0..length {
            let byte = self.number(8)?;
            self.put(u8::try_from(byte).expect("eight bits"))?;
        }
        Ok(())
    }

    /// Decodes the code lengths of a block with dynamic codes (RFC 1951 §3.2.7).
    fn codes(&mut self) -> Result<(Vec<usize>, Vec<usize>), Stop> {
        let (literals, distances, count) = (self.number(5)? + 257, self.number(5)? + 1, self.number(4)? + 4);
        if literals > 286 || distances > 30 {
            return Err(CORRUPT);
        }
        let mut lengths = [0; 19];
        for place in &ORDER[..count] {
            lengths[*place] = self.number(3)?;
        }
        if !complete(&lengths, false) {
            return Err(CORRUPT);
        }
        let by_length = by_length(&lengths);
        let mut all: Vec<usize> = Vec::new();
        while all.len() < literals + distances {
            let (length, times) = match self.symbol(&by_length)? {
                16 => (*all.last().ok_or(CORRUPT)?, self.number(2)? + 3),
                17 => (0, self.number(3)? + 3),
                18 => (0, self.number(7)? + 11),
                length => (length, 1),
            };
            all.extend(core::iter::repeat_n(length, times));
        }
        if all.len() > literals + distances {
            return Err(CORRUPT);
        }
        let distances = all.split_off(literals);
        if all[256] == 0 || !complete(&all, true) || !complete(&distances, true) {
            return Err(CORRUPT);
        }
        Ok((all, distances))
    }

    fn compressed(&mut self, literals: &[usize], distances: &[usize]) -> Result<(), Stop> {
        let (literals, distances) = (by_length(literals), by_length(distances));
        loop {
            let symbol = self.symbol(&literals)?;
            if let Ok(byte) = u8::try_from(symbol) {
                self.put(byte)?;
                continue;
            }
            if symbol == 256 {
                return Ok(());
            }
            let (extra, base) = *LENGTHS.get(symbol - 257).ok_or(CORRUPT)?;
            let length = base + self.number(extra)?;
            let symbol = self.symbol(&distances)?;
            if symbol >= 30 {
                return Err(CORRUPT);
            }
            let extra = (symbol / 2).saturating_sub(1);
            let base = if symbol < 4 { symbol } else { (2 + symbol % 2) << extra };
            let distance = 1 + base + self.number(extra)?;
            if distance > self.history.len().min(self.window) {
                return Err(CORRUPT);
            }
            for _ in 0..length {
                self.put(self.history[self.history.len() - distance])?;
            }
        }
    }

    /// Decodes the next symbol of a canonical code (RFC 1951 §3.2.2).
    fn symbol(&mut self, symbols: &[Vec<usize>; 16]) -> Result<usize, Stop> {
        let (mut code, mut first) = (0, 0);
        for of_length in &symbols[1..] {
            code = code << 1 | usize::from(self.bit()?);
            first <<= 1;
            if code - first < of_length.len() {
                return Ok(of_length[code - first]);
            }
            first += of_length.len();
        }
        Err(CORRUPT)
    }
}

/// Returns the symbols of each code length, in order.
fn by_length(lengths: &[usize]) -> [Vec<usize>; 16] {
    core::array::from_fn(|length| (0..lengths.len()).filter(|symbol| lengths[*symbol] == length).collect())
}

/// Returns whether the code is complete. Like zlib, allows an incomplete code of one symbol, or of none.
fn complete(lengths: &[usize], lone: bool) -> bool {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let used: usize = lengths.iter().filter(|length| **length > 0).map(|length| 1 << (15 - length)).sum();
    used == 1 << 15 || (used < 1 << 15 && longest <= 1 && lone) || longest == 0 && lone
}
