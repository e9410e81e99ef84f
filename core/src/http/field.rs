//! Header fields that cannot break a head: names are tokens, values hold no control character.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize as _;

/// Why a header could not be built. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is no token (RFC 9110 §5.1).
    #[error("the header name is not a token")]
    Name,
    /// The value holds a control character other than a tab (RFC 9110 §5.5).
    #[error("the header value holds a control character")]
    Value,
}

/// The value of one header line: no CR, LF, NUL or other control character, no white space around it (RFC 9110 §5.5).
///
/// Bytes from 0x80 up are opaque and allowed. `Debug` shows the value unless it was marked [`into_sensitive`](Self::into_sensitive), as
/// the credentials and cookies of a decoded head are. Values with the same bytes are equal, marked or not.
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
    /// A value of these bytes, without the white space around them.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader::Value`] when a control character other than a tab is among them.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidHeader> {
        let bytes = trim(bytes);
        match bytes.iter().all(|byte| is_value(*byte)) {
            true => Ok(Self { bytes: bytes.into(), sensitive: false }),
            false => Err(InvalidHeader::Value),
        }
    }

    /// The same value, which `Debug` will not show: a credential, a token.
    #[must_use]
    pub fn into_sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Whether `Debug` hides the value.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// The value's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value, when it is visible ASCII text with spaces and tabs.
    #[must_use]
    pub fn to_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.bytes).ok().filter(|text| text.is_ascii())
    }
}

/// A sensitive value is wiped.
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

/// Header lines in the order they came or were added. Names are compared without regard to ASCII case.
///
/// ```
/// use turnwire::http::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("Accept", "text/event-stream")?;
/// headers.set("accept", "application/json")?; // replaces every line of this name
/// assert_eq!(headers.get_str("ACCEPT"), Some("application/json"));
/// # Ok::<(), turnwire::http::InvalidHeader>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Box<str>, HeaderValue)>);

impl Headers {
    /// No header lines.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a line after those that are there, of the same name too.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] when the name or the value cannot stand in a head; nothing was added.
    pub fn append<V>(&mut self, name: &str, value: V) -> Result<(), InvalidHeader>
    where
        V: TryInto<HeaderValue>,
        InvalidHeader: From<V::Error>,
    {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidHeader::Name);
        }
        self.0.push((name.into(), value.try_into()?));
        Ok(())
    }

    /// Makes this the only line of its name, in the place of the first of them or at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] when the name or the value cannot stand in a head; nothing was changed.
    pub fn set<V>(&mut self, name: &str, value: V) -> Result<(), InvalidHeader>
    where
        V: TryInto<HeaderValue>,
        InvalidHeader: From<V::Error>,
    {
        let at = self.0.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        self.append(name, value)?;
        let Some(at) = at else { return Ok(()) };
        let added = self.0.len() - 1;
        self.0.swap(at, added);
        let mut index = 0;
        self.0.retain(|(known, _)| {
            index += 1;
            index - 1 == at || !known.eq_ignore_ascii_case(name)
        });
        Ok(())
    }

    /// Adds the line only when there is none of its name.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] when the name or the value cannot stand in a head; nothing was added.
    pub fn set_if_absent<V>(&mut self, name: &str, value: V) -> Result<(), InvalidHeader>
    where
        V: TryInto<HeaderValue>,
        InvalidHeader: From<V::Error>,
    {
        match self.contains(name) {
            true => Ok(()),
            false => self.append(name, value),
        }
    }

    /// Takes out every line of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Makes the lines of `other` replace those of the same names here: all old values of a name go, all new ones come.
    pub fn replace_with(&mut self, other: &Self) {
        self.0.retain(|(known, _)| !other.contains(known));
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether there is a line of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of this name, when it is visible ASCII text.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(HeaderValue::to_str)
    }

    /// Every value of this name, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every line: its name as it was written, and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no line at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members of a comma-separated list over all lines of this name, trimmed, empty ones left out (RFC 9110 §5.6.1).
    /// Commas inside quoted strings are not known here: use it for lists of tokens.
    pub fn tokens(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.get_all(name)
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(trim)
            .filter(|token| !token.is_empty())
    }

    /// Whether a list of tokens holds this one, without regard to ASCII case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.tokens(name).any(|known| known.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Name and value of every line whose value is visible ASCII text.
    #[must_use]
    pub fn ascii_pairs(&self) -> Vec<(&str, &str)> {
        self.iter().filter_map(|(name, value)| value.to_str().map(|value| (name, value))).collect()
    }

    pub(crate) fn push(&mut self, name: &str, value: HeaderValue) {
        self.0.push((name.to_owned().into_boxed_str(), value));
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A character of a token (RFC 9110 §5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

/// A byte of a field value (RFC 9110 §5.5): visible, opaque, space or tab.
const fn is_value(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// The bytes without the optional white space around them (RFC 9110 §5.6.3).
pub(crate) const fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
