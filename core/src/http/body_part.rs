//! The parts of a body that a decoder returns.

use core::fmt;

use super::headers::Headers;
use crate::hidden::Hidden;

/// A part of a body. `Debug` shows the length of data.
#[derive(Clone, PartialEq, Eq)]
pub enum BodyPart<'i> {
    /// Data, never empty.
    Data(&'i [u8]),
    /// The end of the body, and its trailers. Returned exactly once.
    End(Headers),
}

impl fmt::Debug for BodyPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => f.debug_tuple("Data").field(&Hidden(data.len())).finish(),
            Self::End(trailers) => f.debug_tuple("End").field(trailers).finish(),
        }
    }
}
