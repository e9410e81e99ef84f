//! Numbers from the bytes of a fuzz input.

/// Reads bytes as numbers; returns zeros when they are used up.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Creates the choices that these bytes make.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns whether no bytes are left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next byte, or 0.
    pub fn next_byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Returns a number below `sides`, or 0.
    pub fn of(&mut self, sides: u8) -> u8 {
        self.next_byte() % sides.max(1)
    }

    /// Returns an index below `length`, or 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::from(self.next_byte()) % length.max(1)
    }

    /// Returns yes or no.
    pub fn coin(&mut self) -> bool {
        self.next_byte() & 1 == 1
    }
}
