//! Buffers that grow with the bytes that arrive, within a limit.

use alloc::string::String;
use alloc::vec::Vec;

/// The capacity in bytes that an empty buffer keeps after one large message or event.
pub(crate) const RETAINED: usize = 64 * 1024;

/// Reserves room for `more` bytes. The capacity doubles, as that of a vector does by itself, but not beyond `limit`.
#[inline]
pub(crate) fn reserve(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), more, limit));
}

/// Does the same for text.
#[inline]
pub(crate) fn reserve_text(buffer: &mut String, more: usize, limit: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), more, limit));
}

/// Returns the number of bytes to reserve beyond `length`, so that `more` bytes fit.
#[inline]
pub(crate) fn growth(length: usize, capacity: usize, more: usize, limit: usize) -> usize {
    let needed = length.saturating_add(more);
    if needed <= capacity { 0 } else { capacity.saturating_mul(2).min(limit).max(needed) - length }
}
