//! The limits of received messages.

/// The limits of received messages.
///
/// ```
/// use turnwire::ws::{Error, Limits, Role, WebSocket};
///
/// let mut client = WebSocket::new(Role::Client, Limits::default().with_message(16), None, [1; 32]);
/// // The header of a text frame of 17 bytes: it is enough to reject the message.
/// assert_eq!(client.decode(&mut &[0x81, 17][..]), Err(Error::MessageTooLong { limit: 16 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum payload of one frame in bytes. Default: 16 MiB.
    pub frame: usize,
    /// Maximum size of one message in bytes, over all fragments and after inflating. Default: 64 MiB.
    pub message: usize,
    /// Maximum ratio of a message's size to its compressed size, beyond the first 64 KiB. Default: `None`, which means that
    /// only [`message`](Self::message) limits it.
    pub ratio: Option<u32>,
}

impl Limits {
    /// Cost of each fragment in bytes; their sum may reach twice the message limit. Bounds the number of empty fragments.
    const FRAGMENT: usize = 16;

    /// Number of fragments that are allowed whatever the message limit is. The usual test suites send as many.
    const FRAGMENTS: usize = 64 * 1024;

    /// The default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { frame: 16 * 1024 * 1024, message: 64 * 1024 * 1024, ratio: None }
    }

    /// Sets the maximum payload of one frame.
    #[must_use]
    pub const fn with_frame(mut self, bytes: usize) -> Self {
        self.frame = bytes;
        self
    }

    /// Sets the maximum size of one message.
    #[must_use]
    pub const fn with_message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// Sets the maximum ratio of a message's size to its compressed size; `None` removes it.
    #[must_use]
    pub const fn with_ratio(mut self, ratio: Option<u32>) -> Self {
        self.ratio = ratio;
        self
    }

    /// Maximum number of fragments of one message.
    pub(super) const fn fragments(&self) -> usize {
        let charged = self.message / Self::FRAGMENT * 2;
        if charged > Self::FRAGMENTS { charged } else { Self::FRAGMENTS }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
