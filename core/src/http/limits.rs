//! The limits of heads and of the parts of bodies that are not data.

/// The limits of a head.
///
/// ```
/// use turnwire::http::{Error, HeadDecoder, HeadLimits, Request};
///
/// let limits = HeadLimits::default().with_headers(1);
/// let mut input: &[u8] = b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n";
/// let result = HeadDecoder::<Request>::new(limits).decode(&mut input);
/// assert!(matches!(result, Err(Error::TooManyHeaders { limit: 1 })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadLimits {
    /// Maximum size of one head in bytes, including its empty line. Default: 64 KiB.
    pub bytes: usize,
    /// Maximum number of header lines of one head. Default: 128.
    pub headers: usize,
}

impl HeadLimits {
    /// The default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: 64 * 1024, headers: 128 }
    }

    /// Sets the maximum size of one head.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the maximum number of header lines.
    #[must_use]
    pub const fn with_headers(mut self, headers: usize) -> Self {
        self.headers = headers;
        self
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// The limits of the parts of a body that are not data. The data is borrowed and not kept, so it has no limit here.
///
/// ```
/// use turnwire::http::{BodyLimits, HeadLimits};
///
/// let limits = BodyLimits::default().with_trailers(HeadLimits::default().with_headers(4));
/// assert_eq!(limits.chunk_line, 4 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyLimits {
    /// Maximum size of one chunk's size line in bytes. Default: 4 KiB.
    pub chunk_line: usize,
    /// Maximum size in bytes of all chunk extensions of one body. Default: 16 KiB.
    pub extensions: usize,
    /// The limits of the trailers.
    pub trailers: HeadLimits,
}

impl BodyLimits {
    /// The default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunk_line: 4 * 1024, extensions: 16 * 1024, trailers: HeadLimits::new() }
    }

    /// Sets the maximum size of one chunk's size line.
    #[must_use]
    pub const fn with_chunk_line(mut self, bytes: usize) -> Self {
        self.chunk_line = bytes;
        self
    }

    /// Sets the maximum size of all chunk extensions of one body.
    #[must_use]
    pub const fn with_extensions(mut self, bytes: usize) -> Self {
        self.extensions = bytes;
        self
    }

    /// Sets the limits of the trailers.
    #[must_use]
    pub const fn with_trailers(mut self, limits: HeadLimits) -> Self {
        self.trailers = limits;
        self
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self::new()
    }
}
