//! `TextOptions` and `TextFormat`
//! ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, record, serde_by_text};

/// The text options ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)). Each member is omitted when unset.
///
/// ```
/// use turnwire::responses::RawJson;
/// use turnwire::responses::request::TextOptions;
///
/// let schema = RawJson::new(r#"{"type":"object"}"#)?;
/// let text = TextOptions::json_schema("answer", &schema).with_verbosity("low");
/// assert_eq!(text.verbosity.as_deref(), Some("low"));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// The format.
    pub format: Option<TextFormat>,
    /// Members that are not known here.
    pub extra: ExtraMembers,
}

/// The format of a text.
///
/// ```
/// use turnwire::responses::request::{TextFormat, TextOptions};
///
/// let mut text = TextOptions::default();
/// text.format = Some(TextFormat::JsonObject);
/// assert_eq!(text.format.unwrap().to_raw().as_str(), r#"{"type":"json_object"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextFormat {
    /// Plain text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON of a schema.
    JsonSchema(JsonSchema),
    /// A format of another `type`, or with other members, unchanged.
    Other(RawJson<'static>),
}

record! {
    /// Text in the shape of a JSON schema.
    ///
    /// ```
    /// use turnwire::responses::RawJson;
    /// use turnwire::responses::request::JsonSchema;
    ///
    /// let schema = RawJson::new(r#"{"type":"object"}"#)?.into_owned();
    /// let format = JsonSchema::new("answer", schema).description("What to answer.").strict(false);
    /// assert_eq!(format.strict, Some(false));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Eq)]
    JsonSchema "" pub new(
        /// The name of the format.
        name: String,
        /// The JSON schema.
        schema: RawJson
    ) {
        /// The description.
        description: String,
        /// Whether the text must follow the schema.
        strict: bool,
    }
}

impl TextOptions {
    /// Creates a format with a JSON schema that the text must follow, under this name.
    /// [`with_strict`](Self::with_strict) can make the schema a suggestion.
    #[must_use]
    pub fn json_schema(name: &str, schema: &RawJson<'_>) -> Self {
        let format = JsonSchema::new(name, schema.clone().into_owned()).strict(true);
        Self { format: Some(TextFormat::JsonSchema(format)), ..Self::default() }
    }

    /// Any JSON object.
    #[must_use]
    pub fn json_object() -> Self {
        Self { format: Some(TextFormat::JsonObject), ..Self::default() }
    }

    /// Sets whether the text must follow the schema. Without a schema, nothing changes.
    #[must_use]
    pub fn with_strict(mut self, strict: bool) -> Self {
        if let Some(TextFormat::JsonSchema(format)) = &mut self.format {
            format.strict = Some(strict);
        }
        self
    }

    /// Sets the verbosity: `low`, `medium` or `high`.
    #[must_use]
    pub fn with_verbosity(mut self, verbosity: &str) -> Self {
        self.verbosity = Some(verbosity.into());
        self
    }

    /// Reads the `text` of a request or a response.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not a JSON object, or the verbosity is not a string.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::untyped(json)?;
        Ok(Self {
            verbosity: members.optional("verbosity")?,
            format: members.optional_value("format"),
            extra: members.rest(),
        })
    }

    /// Returns the options as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.write(&mut out);
        RawJson::written(out)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("verbosity", self.verbosity.as_deref());
        if let Some(format) = &self.format {
            format.write(object.key("format"));
        }
        object.extra(&self.extra);
        object.end();
    }
}

impl JsonValue for TextOptions {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

impl TextFormat {
    /// Reads a format.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not a JSON object.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        Ok(match members.kind() {
            "text" if members.is_empty() => Self::Text,
            "json_object" if members.is_empty() => Self::JsonObject,
            "json_schema" => match (members.optional_value("name"), members.optional_value("schema")) {
                (Some(name), Some(schema)) => Self::JsonSchema(JsonSchema {
                    name,
                    schema,
                    description: members.optional_value("description"),
                    strict: members.optional_value("strict"),
                    extra: members.rest(),
                }),
                _ => Self::Other(RawJson::trusted(json.trim()).into_owned()),
            },
            _ => Self::Other(RawJson::trusted(json.trim()).into_owned()),
        })
    }

    /// Returns the format as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.write(&mut out);
        RawJson::written(out)
    }
}

impl JsonValue for TextFormat {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    /// A schema has the order of members that the reference client writes
    /// ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).
    fn write(&self, out: &mut Vec<u8>) {
        if let Self::Other(raw) = self {
            return raw.write(out);
        }
        let mut object = Object::new(out);
        match self {
            Self::Text => object.string("type", "text"),
            Self::JsonObject => object.string("type", "json_object"),
            Self::JsonSchema(format) => {
                object.string("type", "json_schema");
                if let Some(strict) = format.strict {
                    object.boolean("strict", strict);
                }
                object.raw("schema", format.schema.as_str());
                object.string("name", &format.name);
                object.optional("description", format.description.as_deref());
                object.extra(&format.extra);
            }
            Self::Other(_) => {}
        }
        object.end();
    }
}

impl From<JsonSchema> for TextFormat {
    fn from(format: JsonSchema) -> Self {
        Self::JsonSchema(format)
    }
}

serde_by_text!(TextOptions TextFormat);
