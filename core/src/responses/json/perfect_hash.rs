//! A perfect hash table for known JSON member names, computed at compile time.

/// Number of slots: collisions are rare, and an index fits in a byte.
const PLACES: usize = 256;

/// An empty slot.
const EMPTY: u8 = u8::MAX;

/// The slots of a set of names. Computed at compile time, so that a name without a slot is a compile error.
pub(in crate::responses) struct Table {
    factor: u64,
    places: [u8; PLACES],
}

impl Table {
    /// Searches for a multiplier that gives every name its own slot.
    pub(in crate::responses) const fn new(names: &[&[u8]]) -> Self {
        assert!(names.len() < EMPTY as usize);
        let mut keys = [0; EMPTY as usize];
        let mut number = 0;
        while number < names.len() {
            keys[number] = key(names[number]);
            number += 1;
        }
        // The bits of the golden ratio, and the odd numbers after it.
        let mut factor: u64 = 0x9E37_79B9_7F4A_7C15;
        loop {
            let mut places = [EMPTY; PLACES];
            number = 0;
            while number < names.len() && places[place(keys[number], factor)] == EMPTY {
                places[place(keys[number], factor)] = number as u8;
                number += 1;
            }
            if number == names.len() {
                return Self { factor, places };
            }
            factor = factor.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1;
        }
    }

    /// Returns the index of the only name that this one can equal; the caller must compare them.
    #[inline]
    pub(in crate::responses) const fn find(&self, name: &[u8]) -> Option<usize> {
        match self.places[place(key(name), self.factor)] {
            EMPTY => None,
            number => Some(number as usize),
        }
    }
}

/// Compares two names, without a function call for short ones, which are the usual case.
#[inline]
pub(in crate::responses) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The first and last words, which overlap or are adjacent, cover the whole name.
    match one.len() {
        4..=8 => one.first_chunk::<4>() == other.first_chunk() && one.last_chunk::<4>() == other.last_chunk(),
        9..=16 => one.first_chunk::<8>() == other.first_chunk() && one.last_chunk::<8>() == other.last_chunk(),
        _ => one == other,
    }
}

/// Returns the number that stands for a name: its first and last bytes, and its length.
#[inline]
const fn key(name: &[u8]) -> u64 {
    let ends = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(23),
        _ => match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32,
            _ => match name {
                [first, .., last] => *first as u64 | (*last as u64) << 8,
                _ => 0,
            },
        },
    };
    ends.wrapping_add(name.len() as u64)
}

/// Returns the slot of the name that has this key.
#[inline]
const fn place(key: u64, factor: u64) -> usize {
    (key.wrapping_mul(factor) >> 56) as usize
}
