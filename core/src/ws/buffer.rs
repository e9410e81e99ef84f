//! Buffers that grow with what comes, and never beyond what a limit allows.

use alloc::string::String;
use alloc::vec::Vec;

/// Makes room for this many bytes more: by doubling, as a vector does by itself, but not beyond `limit` for their sake.
#[inline]
pub(super) fn reserve(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), more, limit));
}

/// The same for text.
#[inline]
pub(super) fn reserve_text(buffer: &mut String, more: usize, limit: usize) {
    buffer.reserve_exact(growth(buffer.len(), buffer.capacity(), more, limit));
}

/// How many bytes to reserve for `more` bytes beyond `length`.
#[inline]
pub(super) fn growth(length: usize, capacity: usize, more: usize, limit: usize) -> usize {
    let needed = length.saturating_add(more);
    if needed <= capacity { 0 } else { capacity.saturating_mul(2).min(limit).max(needed) - length }
}
