//! `client_metadata`: strings that are sent with a request
//! ([docs/protocol.md §3.8](crate::docs::protocol#38-client_metadata)).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::Object;
use crate::responses::json::value::JsonValue;

/// Keys and string values, in order of insertion. `Debug` shows only the keys, because the turn token can be among the
/// values.
///
/// ```
/// use turnwire::responses::ClientMetadata;
///
/// let mut metadata: ClientMetadata = [("thread_id", "thr_1")].into_iter().collect();
/// metadata.set("turn_id", "turn_1");
/// assert_eq!(metadata.get("turn_id"), Some("turn_1"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientMetadata(Vec<(String, String)>);

impl ClientMetadata {
    /// Creates empty metadata.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a key, at its old position if it exists.
    pub fn set(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value.into(),
            None => self.0.push((key.into(), value.into())),
        }
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns all pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn parse(json: &str) -> Result<Self, Malformed> {
        Members::strings(json).map(Self)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        for (key, value) in &self.0 {
            object.string(key, value);
        }
        object.end();
    }
}

impl fmt::Debug for ClientMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for ClientMetadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl JsonValue for ClientMetadata {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}
