//! Header values, which contain no control character and so cannot break a head.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use zeroize::Zeroize as _;

use super::syntax::{is_value, trim};

/// The reason why a header cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is not a token (RFC 9110 §5.1).
    Name,
    /// The value contains a control character other than a tab (RFC 9110 §5.5).
    Value,
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the header name is not a token",
            Self::Value => "the header value contains a control character",
        })
    }
}

impl core::error::Error for InvalidHeader {}

/// The value of one header line: without CR, LF, NUL and other control characters, and without surrounding white space
/// (RFC 9110 §5.5).
///
/// Bytes from 0x80 on are opaque and allowed. `Debug` shows the value unless it is marked
/// [`into_sensitive`](Self::into_sensitive), as the credentials and cookies of a decoded head are. Values with the same
/// bytes are equal, marked or not.
///
/// ```
/// use turnwire::http::HeaderValue;
///
/// let key = HeaderValue::new(b"Bearer secret")?.into_sensitive();
/// assert!(!format!("{key:?}").contains("secret"));
/// assert!(HeaderValue::new(b"two\r\nlines").is_err());
/// # Ok::<(), turnwire::http::InvalidHeader>(())
/// ```
#[derive(Clone)]
pub struct HeaderValue {
    bytes: Box<[u8]>,
    sensitive: bool,
}

impl HeaderValue {
    /// Creates a value of these bytes, without surrounding white space.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader::Value`] if they contain a control character other than a tab.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidHeader> {
        let bytes = trim(bytes);
        match bytes.iter().all(|byte| is_value(*byte)) {
            true => Ok(Self { bytes: bytes.into(), sensitive: false }),
            false => Err(InvalidHeader::Value),
        }
    }

    /// Marks the value as a secret, such as a credential or a token: `Debug` does not show it, and its memory is wiped when it
    /// is dropped.
    #[must_use]
    pub fn into_sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Returns whether `Debug` hides the value.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Returns the bytes of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the value, if it is visible ASCII text with spaces and tabs.
    #[must_use]
    pub fn to_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.bytes).ok().filter(|text| text.is_ascii())
    }
}

/// Wipes the memory of a sensitive value.
impl Drop for HeaderValue {
    fn drop(&mut self) {
        if self.sensitive {
            self.bytes.zeroize();
        }
    }
}

impl PartialEq for HeaderValue {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for HeaderValue {}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sensitive {
            true => f.write_str("(sensitive)"),
            false => write!(f, "\"{}\"", self.bytes.escape_ascii()),
        }
    }
}

impl TryFrom<&str> for HeaderValue {
    type Error = InvalidHeader;

    fn try_from(text: &str) -> Result<Self, InvalidHeader> {
        Self::new(text.as_bytes())
    }
}

impl TryFrom<&String> for HeaderValue {
    type Error = InvalidHeader;

    fn try_from(text: &String) -> Result<Self, InvalidHeader> {
        Self::new(text.as_bytes())
    }
}

impl TryFrom<String> for HeaderValue {
    type Error = InvalidHeader;

    fn try_from(text: String) -> Result<Self, InvalidHeader> {
        Self::new(text.as_bytes())
    }
}

impl TryFrom<&[u8]> for HeaderValue {
    type Error = InvalidHeader;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidHeader> {
        Self::new(bytes)
    }
}

impl From<core::convert::Infallible> for InvalidHeader {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}
