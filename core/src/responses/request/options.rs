//! How to reason and how to write: the two options of a request that are objects
//! ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;

/// How to reason ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)). Each member is left out when unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReasoningOptions {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or another word.
    pub effort: Option<String>,
    /// `auto`, `concise` or `detailed`.
    pub summary: Option<String>,
    /// `auto`, `current_turn` or `all_turns`.
    pub context: Option<String>,
    /// Members that are not known here.
    pub extra: ExtraMembers,
}

/// How to write ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)). Each member is left out when unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// The format, as a JSON object.
    pub format: Option<RawJson<'static>>,
    /// Members that are not known here.
    pub extra: ExtraMembers,
}

impl ReasoningOptions {
    /// Reasoning of this effort.
    #[must_use]
    pub fn effort(effort: &str) -> Self {
        Self { effort: Some(effort.into()), ..Self::default() }
    }

    /// With a summary of this kind: `auto`, `concise` or `detailed`. `none` is the same as to ask for none.
    #[must_use]
    pub fn with_summary(mut self, summary: &str) -> Self {
        self.summary = Some(summary).filter(|summary| *summary != "none").map(String::from);
        self
    }

    /// The same as it is sent: `ultra` is a word of the application's, and `max` on the wire
    /// ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).
    #[must_use]
    pub fn for_wire(mut self) -> Self {
        if self.effort.as_deref() == Some("ultra") {
            self.effort = Some("max".into());
        }
        self.summary = self.summary.filter(|summary| summary != "none");
        self
    }

    pub(crate) fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        Ok(Self {
            effort: members.optional("effort")?,
            summary: members.optional("summary")?,
            context: members.optional("context")?,
            extra: members.rest(),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("effort", self.effort.as_deref());
        object.optional("summary", self.summary.as_deref());
        object.optional("context", self.context.as_deref());
        object.extra(&self.extra);
        object.end();
    }
}

impl TextOptions {
    /// Text in the shape of a JSON schema, under the name that the protocol's clients give it.
    #[must_use]
    pub fn json_schema(schema: &RawJson<'_>, strict: bool) -> Self {
        let mut out = Vec::new();
        let mut format = Object::new(&mut out);
        format.string("type", "json_schema");
        format.boolean("strict", strict);
        format.raw("schema", schema.as_str());
        format.string("name", "codex_output_schema");
        format.end();
        let text = String::from_utf8(out).expect("JSON is written as UTF-8");
        Self { format: Some(RawJson::trusted(&text).into_owned()), ..Self::default() }
    }

    /// With this verbosity: `low`, `medium` or `high`.
    #[must_use]
    pub fn with_verbosity(mut self, verbosity: &str) -> Self {
        self.verbosity = Some(verbosity.into());
        self
    }

    pub(crate) fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        Ok(Self {
            verbosity: members.optional("verbosity")?,
            format: members.optional_raw("format")?,
            extra: members.rest(),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("verbosity", self.verbosity.as_deref());
        if let Some(format) = &self.format {
            object.raw("format", format.as_str());
        }
        object.extra(&self.extra);
        object.end();
    }
}
