//! WebSocket messages.

use super::{Rng, escape, token};

/// Text messages of one length, as frames.
#[derive(Debug)]
pub struct Frames {
    /// The frames, one after the other.
    pub wire: Vec<u8>,
    /// The number of frames.
    pub frames: u64,
    /// The sum of their payload lengths.
    pub payload: u64,
}

/// Returns text frames of exactly `length` payload bytes, about one in a hundred of them not ASCII, up to `size` bytes.
#[must_use]
pub fn frames(seed: u64, size: usize, length: usize, masked: bool) -> Frames {
    let mut rng = Rng(seed ^ length as u64 ^ (u64::from(masked) << 40));
    // Distinct payloads, so that the data is not one repeated block.
    let pool: Vec<_> = (0..64).map(|_| payload(&mut rng, length)).collect();
    let mut frames = Frames { wire: Vec::with_capacity(size + length + 64), frames: 0, payload: 0 };
    while frames.wire.len() < size {
        let text = &pool[(rng.step() & 63) as usize];
        let key = (rng.step() as u32).to_ne_bytes();
        push(&mut frames.wire, text.as_bytes(), masked.then_some(key));
        frames.frames += 1;
        frames.payload += text.len() as u64;
    }
    frames
}

/// Returns a payload of exactly `length` bytes.
#[must_use]
pub fn payload(rng: &mut Rng, length: usize) -> String {
    let mut text = String::from("{\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\"");
    loop {
        let mut more = String::new();
        escape(&token(rng), &mut more);
        if text.len() + more.len() + 2 > length {
            break;
        }
        text.push_str(&more);
    }
    while text.len() + 2 < length {
        text.push('x');
    }
    text.push_str("\"}");
    assert_eq!(text.len(), length);
    text
}

/// Returns the payload of a masked frame.
pub fn masked(payload: &[u8], key: [u8; 4]) -> impl Iterator<Item = u8> {
    payload.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key)
}

fn push(out: &mut Vec<u8>, payload: &[u8], key: Option<[u8; 4]>) {
    let mask = if key.is_some() { 0x80 } else { 0 };
    out.push(0x81);
    match payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..=0xFFFF => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    match key {
        None => out.extend_from_slice(payload),
        Some(key) => {
            out.extend_from_slice(&key);
            out.extend(masked(payload, key));
        }
    }
}
