//! An inflater whose memory was released between two messages decodes what it would have decoded otherwise, and no more.

use turnwire::ws::Role;
use turnwire::ws::deflate::{Error, Inflater, Params};

/// The largest distance of a reference (RFC 1951 §3.2.5).
const WINDOW: usize = 32 * 1024;

/// Writes bits as RFC 1951 §3.1.1 packs them.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    /// A number, its least significant bit first.
    fn number(&mut self, value: u32, count: u32) -> &mut Self {
        self.0.extend((0..count).map(|at| value >> at & 1 == 1));
        self
    }

    /// A Huffman code, its most significant bit first.
    fn code(&mut self, value: u32, count: u32) -> &mut Self {
        self.0.extend((0..count).rev().map(|at| value >> at & 1 == 1));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }
}

/// The end of a message: the header of the empty stored block whose remaining bytes the sender leaves out.
fn sync(bits: &mut Bits) -> Vec<u8> {
    bits.number(0, 3).bytes()
}

/// A message of literal text in stored blocks. The last one is final, or the message ends as others do.
fn stored(text: &[u8], is_final: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, block) in text.chunks(0xFFFF).enumerate() {
        let last = (at + 1) * 0xFFFF >= text.len();
        let length = u16::try_from(block.len()).expect("a length of a stored block");
        out.push(u8::from(is_final && last));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend((!is_final).then_some(0));
    out
}

/// A message of three bytes: a reference to text that lies this distance back.
pub(super) fn reference(distance: usize) -> Vec<u8> {
    // The codes of RFC 1951 §3.2.5 from 16 385 bytes on have 13 extra bits each. Nearer ones are needed up to 4 bytes only.
    let (code, extra, base) = match distance {
        1..=4 => (distance - 1, 0, distance),
        16_385..=24_576 => (28, 13, 16_385),
        24_577..=32_768 => (29, 13, 24_577),
        _ => panic!("no code for the distance {distance}"),
    };
    let mut bits = Bits::default();
    // A block with fixed codes, the length 3, the distance, and the end of the block.
    bits.number(0, 1).number(1, 2).code(1, 7);
    bits.code(u32::try_from(code).expect("a code"), 5).number(u32::try_from(distance - base).expect("bits"), extra);
    bits.code(0, 7);
    sync(&mut bits)
}

fn inflate(inflater: &mut Inflater, message: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    inflater.push(message, &mut out, 1 << 20)?;
    inflater.end()?;
    Ok(out)
}

fn inflater() -> Inflater {
    Inflater::new(&Params::default(), Role::Client)
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| u32::try_from(at).expect("a length").wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect()
}

#[test]
fn reference_across_the_whole_window_is_decoded_after_a_release() {
    for length in [WINDOW, WINDOW + 1, 100_000] {
        let text = noise(length);
        for distance in [3, 16_385, 24_576, 24_577, WINDOW] {
            for released in [false, true] {
                let mut inflater = inflater();
                assert_eq!(inflate(&mut inflater, &stored(&text, false)).as_ref(), Ok(&text));
                if released {
                    inflater.release_memory();
                }
                let expected = &text[length - distance..][..3];
                let decoded = inflate(&mut inflater, &reference(distance));
                assert_eq!(decoded.as_deref(), Ok(expected), "{distance} bytes back of {length}, released: {released}");
            }
        }
    }
}

#[test]
fn reference_beyond_the_text_is_refused_after_a_release() {
    for length in [0, 1, 16_384, 20_000, WINDOW - 1] {
        for released in [false, true] {
            let mut inflater = inflater();
            assert!(inflate(&mut inflater, &stored(&noise(length), false)).is_ok());
            if released {
                inflater.release_memory();
            }
            let distance = if length < 4 { length + 1 } else { (length + 1).max(16_385) };
            assert_eq!(inflate(&mut inflater, &reference(distance)), Err(Error::Corrupt), "{length} bytes, {released}");
        }
    }
}

#[test]
fn reference_to_text_before_a_final_block_is_refused_after_a_release() {
    // A new stream follows a final block, and begins with an empty window (RFC 1951 §3.2.3, RFC 7692 §7.2.3.4).
    for released in [false, true] {
        let mut inflater = inflater();
        let release = |inflater: &mut Inflater| {
            if released {
                inflater.release_memory();
            }
        };
        assert_eq!(inflate(&mut inflater, &stored(b"before", true)).as_deref(), Ok(&b"before"[..]));
        release(&mut inflater);
        assert_eq!(inflate(&mut inflater, &stored(b"abc", false)).as_deref(), Ok(&b"abc"[..]));
        release(&mut inflater);
        assert_eq!(inflate(&mut inflater, &reference(3)).as_deref(), Ok(&b"abc"[..]), "within the new stream");
        let mut inflater = self::inflater();
        assert_eq!(inflate(&mut inflater, &stored(b"before", true)).as_deref(), Ok(&b"before"[..]));
        release(&mut inflater);
        assert_eq!(inflate(&mut inflater, &reference(3)), Err(Error::Corrupt), "released: {released}");
        let mut inflater = self::inflater();
        let both = [stored(b"before", true), stored(b"x", false)].concat();
        assert_eq!(inflate(&mut inflater, &both).as_deref(), Ok(&b"beforex"[..]));
        release(&mut inflater);
        assert_eq!(inflate(&mut inflater, &reference(2)), Err(Error::Corrupt), "released: {released}");
    }
}
