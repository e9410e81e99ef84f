//! The replies of SOCKS proxies, which are short and whose first bytes determine the length.

/// Collects one reply. It stores the five bytes that matter, and counts the others, which are an unused address.
#[derive(Debug, Default)]
pub(super) struct Reply {
    head: [u8; 5],
    taken: usize,
}

impl Reply {
    /// Takes bytes from the front of `input` until the reply has this length. Returns its first bytes then.
    pub(super) fn take(&mut self, input: &mut &[u8], length: usize) -> Option<[u8; 5]> {
        let wanted = length.saturating_sub(self.taken).min(input.len());
        let (bytes, rest) = input.split_at(wanted);
        *input = rest;
        let kept = self.head.get_mut(self.taken..).unwrap_or_default();
        for (slot, byte) in kept.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.taken += wanted;
        (self.taken >= length).then_some(self.head)
    }
}
