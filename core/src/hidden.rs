//! What `Debug` shows in place of content.

use core::fmt;

/// Shows the number of bytes, and none of them: in place of payloads, bodies, tokens and credentials.
pub(crate) struct Hidden(pub(crate) usize);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0)
    }
}
