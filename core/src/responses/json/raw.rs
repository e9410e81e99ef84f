//! JSON text that is kept unchanged.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use core::fmt;

use serde_core::de::DeserializeOwned;
use serde_core::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::lenient;
use crate::responses::json::malformed::Malformed;

/// A JSON value as unchanged text. `Debug` shows only its length.
///
/// ```
/// use turnwire::responses::RawJson;
///
/// let raw = RawJson::new(r#"{ "n": 1.50 }"#)?;
/// assert_eq!(raw.as_str(), r#"{ "n": 1.50 }"#);
/// assert_eq!(RawJson::of(&[1, 2])?.as_str(), "[1,2]");
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawJson<'a>(Cow<'a, str>);

impl<'a> RawJson<'a> {
    /// Wraps a text, if it is one JSON value.
    ///
    /// # Errors
    ///
    /// [`Malformed::InvalidJson`] if it is not.
    pub fn new(text: &'a str) -> Result<Self, Malformed> {
        let value: &RawValue = serde_json::from_str(text).map_err(|error| Malformed::json(&error))?;
        Ok(Self(Cow::Borrowed(value.get())))
    }

    /// Wraps text that a parser has checked.
    pub(crate) const fn trusted(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the value as `T`.
    ///
    /// # Errors
    ///
    /// [`Malformed::InvalidJson`] if it has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        lenient::read(&self.0).map_err(|error| Malformed::json(&error))
    }

    /// Copies the value, so that it owns its text.
    #[must_use]
    pub fn into_owned(self) -> RawJson<'static> {
        RawJson(Cow::Owned(self.0.into_owned()))
    }
}

impl RawJson<'static> {
    /// Wraps text that this crate has written.
    pub(crate) const fn built(json: String) -> Self {
        Self(Cow::Owned(json))
    }

    /// Wraps bytes that this crate has written.
    pub(in crate::responses) fn written(json: alloc::vec::Vec<u8>) -> Self {
        Self(Cow::Owned(String::from_utf8(json).expect("JSON is written as UTF-8")))
    }

    /// Serializes any value.
    ///
    /// # Errors
    ///
    /// [`Malformed::InvalidJson`] if it cannot be serialized, for example a map whose keys are not strings.
    pub fn of(value: &impl Serialize) -> Result<Self, Malformed> {
        serde_json::to_string(value).map(|text| Self(Cow::Owned(text))).map_err(|error| Malformed::json(&error))
    }

    /// Creates a JSON string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        let mut out = alloc::vec::Vec::new();
        crate::responses::json::escape::string(text, &mut out);
        Self(Cow::Owned(String::from_utf8(out).expect("JSON is written as UTF-8")))
    }
}

impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Values that JSON does not allow cannot be serialized.
        let repaired = lenient::repair(&self.0);
        let text = repaired.as_deref().unwrap_or(&self.0);
        let value: &RawValue = serde_json::from_str(text).map_err(serde_core::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = alloc::boxed::Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Cow::Owned(value.get().to_string())))
    }
}
