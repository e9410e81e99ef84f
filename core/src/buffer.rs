//! Buffers that grow with the bytes that arrive, within a limit.

use alloc::string::String;
use alloc::vec::Vec;

/// The capacity in bytes that an empty buffer keeps after one large message or event.
pub(crate) const RETAINED: usize = 64 * 1024;

/// Reserves room for `more` bytes. The capacity doubles up to [`RETAINED`], and grows by half beyond, but not beyond `limit`: while the
/// bytes move, the buffer takes at most two and a half times its former capacity.
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
    if needed <= capacity { 0 } else { wanted(capacity).min(limit).max(needed) - length }
}

const fn wanted(capacity: usize) -> usize {
    capacity.saturating_add(if capacity < RETAINED { capacity } else { capacity / 2 })
}

/// Makes room for so many bytes in an empty buffer. Two buffers are never held at a time.
pub(crate) fn make_room(buffer: &mut String, length: usize) {
    if buffer.capacity() < length {
        *buffer = String::new();
        buffer.reserve_exact(length);
    }
}
