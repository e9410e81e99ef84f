//! How an event stream is written, and how its end is marked.

use alloc::vec::Vec;

use crate::http;

/// How the end of an event stream is marked.
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamFraming {
    Chunked,
    /// For HTTP/1.0 clients and `Connection: close`.
    CloseDelimited,
    /// The response to a `HEAD` request has no body.
    Bodiless,
}

impl StreamFraming {
    /// Writes a part of the stream, which is not empty and whose length is known.
    pub(super) fn write(self, length: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Chunked => {
                http::begin_chunk(length, out);
                write(out);
                http::end_chunk(out);
            }
            Self::CloseDelimited => write(out),
            Self::Bodiless => {}
        }
    }
}
