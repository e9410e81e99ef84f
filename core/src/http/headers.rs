//! Header lines.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::header_value::{HeaderValue, InvalidHeader};
use super::syntax::{is_token, trim};

/// Header lines in the order in which they arrived or were added. Names are compared without regard to ASCII case.
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
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a line at the end, even if there are lines of the same name.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if a head cannot contain the name or the value. Nothing was added.
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

    /// Replaces all lines of this name by one line, at the place of the first of them, or adds it at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if a head cannot contain the name or the value. Nothing was changed.
    pub fn set<V>(&mut self, name: &str, value: V) -> Result<(), InvalidHeader>
    where
        V: TryInto<HeaderValue>,
        InvalidHeader: From<V::Error>,
    {
        let is_same = |line: &(Box<str>, HeaderValue)| line.0.eq_ignore_ascii_case(name);
        let Some(first) = self.0.iter().position(is_same) else { return self.append(name, value) };
        self.0[first] = (name.into(), value.try_into()?);
        let mut index = 0;
        self.0.retain(|line| {
            index += 1;
            index <= first + 1 || !is_same(line)
        });
        Ok(())
    }

    /// Adds a line only if there is none of its name.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if a head cannot contain the name or the value. Nothing was added.
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

    /// Removes all lines of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Removes all lines except those of these names, and frees their memory.
    pub(crate) fn keep_only(&mut self, names: &[&str]) {
        self.0.retain(|(known, _)| names.iter().any(|name| known.eq_ignore_ascii_case(name)));
        self.0.shrink_to_fit();
    }

    /// Removes all lines whose names `other` has, and adds all lines of `other`.
    pub fn replace_with(&mut self, other: &Self) {
        self.0.retain(|(known, _)| !other.contains(known));
        self.0.extend(other.0.iter().cloned());
    }

    /// Returns whether there is a line of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the first value of this name, if it is visible ASCII text.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(HeaderValue::to_str)
    }

    /// Returns all values of this name, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the names, as they were written, and the values of all lines.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the members of the comma-separated lists in all lines of this name, without surrounding white space and
    /// without empty members (RFC 9110 §5.6.1). It does not recognize quoted strings, so use it only for lists of tokens.
    pub fn tokens(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.get_all(name)
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(trim)
            .filter(|token| !token.is_empty())
    }

    /// Returns whether the lists of this name contain a token, without regard to ASCII case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.tokens(name).any(|known| known.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Returns the names and values of all lines whose value is visible ASCII text.
    #[must_use]
    pub fn ascii_pairs(&self) -> Vec<(&str, &str)> {
        self.iter().filter_map(|(name, value)| value.to_str().map(|value| (name, value))).collect()
    }

    /// Adds a line whose name is known to be a token.
    pub(crate) fn push(&mut self, name: &str, value: HeaderValue) {
        self.0.push((name.to_owned().into_boxed_str(), value));
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
