//! The workloads: generated, so that they are the same on every machine and free of licences.

mod frames;
mod responses;

pub use frames::{Frames, frames, masked, payload};
pub use responses::{Expected, KeyOrder, Streams, streams};

/// The seed of all workloads.
pub const SEED: u64 = 0x5EED_C0DE_2026;

/// Default size of a workload in bytes.
pub const SIZE: usize = 50_000_000;

/// Size of a read in bytes.
pub const READ: usize = 16 * 1024;

/// SplitMix64 (Steele, Lea, Flood 2014): the only source of randomness.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// Returns the next number.
    pub const fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number from `low` to `high`, both included.
    pub const fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.step() % (high - low + 1)
    }

    const fn percent(&mut self, percent: u64) -> bool {
        self.step() % 100 < percent
    }

    fn pick<'p>(&mut self, from: &[&'p str]) -> &'p str {
        from[(self.step() % from.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "function",
    "return",
    "let",
    "error",
    "stream",
    "async",
    "buffer",
    "parser",
    "should",
    "would",
    "value",
    "string",
    "token",
    "response",
    "message",
    "frame",
    "client",
    "server",
    "because",
    "implementation",
    "however",
    "test",
    "result",
    "option",
    "match",
    "impl",
    "struct",
    "crate",
    "module",
    "system",
    "network",
];

/// Returns a token of a model's output, not escaped.
fn token(rng: &mut Rng) -> String {
    match rng.step() % 100 {
        0..=69 => {
            let word = rng.pick(WORDS);
            if rng.percent(80) { format!(" {word}") } else { word.to_owned() }
        }
        70..=79 => rng.pick(&[".", ",", "(", ")", ":", ";", "_", "::", " =", " {"]).to_owned(),
        80..=85 => rng.pick(&["\n", "\n\n", "\n    ", "\"", " \"", "\\n", "\t"]).to_owned(),
        86..=89 => rng.pick(&["é", " naïve", "—", "“", "日本", "語", "привет", "🙂"]).to_owned(),
        90..=95 => rng.range(0, 9999).to_string(),
        _ => format!("{}ing", rng.pick(WORDS)),
    }
}

/// Returns text of about this many bytes, not escaped.
pub fn text(rng: &mut Rng, length: usize) -> String {
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text.push_str(&token(rng));
    }
    text
}

/// Appends text, escaped for a JSON string.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
        bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
    }

    /// Results of different days can be compared only if the bytes are the same.
    #[test]
    fn workloads_are_reproducible() {
        let streams = streams(SEED, SIZE, KeyOrder::TypeFirst);
        assert_eq!(streams.bytes, 50_264_913);
        assert_eq!(streams.expected.events, 193_052);
        assert_eq!(fnv(streams.bodies.into_iter().flatten()), 0x1E6E_D27D_0723_610A);
    }
}
