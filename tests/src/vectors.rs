//! The texts of test vectors.

/// Parses a text, in which `hex:…` means bytes and `N times:…` repeats.
///
/// # Panics
///
/// If what follows `hex:` is not hexadecimal.
#[must_use]
pub fn bytes(text: &str) -> Vec<u8> {
    if let Some(hex) = text.strip_prefix("hex:") {
        let pairs = hex.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).expect("hex"));
        return pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
    }
    match text.split_once(" times:").and_then(|(times, unit)| Some((times.parse::<usize>().ok()?, unit))) {
        Some((times, unit)) => unit.repeat(times).into_bytes(),
        None => text.as_bytes().to_vec(),
    }
}
