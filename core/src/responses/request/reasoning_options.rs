//! `ReasoningOptions` ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, serde_by_text};

/// The reasoning options ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)). Each member is omitted when
/// unset.
///
/// ```
/// use turnwire::responses::request::ReasoningOptions;
///
/// let reasoning = ReasoningOptions::effort("high").with_summary("auto").with_context("all_turns");
/// assert_eq!(reasoning.to_raw().as_str(), r#"{"effort":"high","summary":"auto","context":"all_turns"}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReasoningOptions {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or another word.
    pub effort: Option<String>,
    /// `auto`, `concise` or `detailed`.
    pub summary: Option<String>,
    /// `auto`, `current_turn` or `all_turns`.
    pub context: Option<String>,
    /// `standard` or `pro`.
    pub mode: Option<String>,
    /// The older name of `summary`.
    pub generate_summary: Option<String>,
    /// Members that are not known here.
    pub extra: ExtraMembers,
}

impl ReasoningOptions {
    /// Creates options with this effort.
    #[must_use]
    pub fn effort(effort: &str) -> Self {
        Self { effort: Some(effort.into()), ..Self::default() }
    }

    /// Sets the summary: `auto`, `concise` or `detailed`. `none` requests no summary.
    #[must_use]
    pub fn with_summary(mut self, summary: &str) -> Self {
        self.summary = Some(summary).filter(|summary| *summary != "none").map(String::from);
        self
    }

    /// Sets which reasoning of earlier turns the model receives: `auto`, `current_turn` or `all_turns`.
    #[must_use]
    pub fn with_context(mut self, context: &str) -> Self {
        self.context = Some(context.into());
        self
    }

    /// Sets the mode: `standard` or `pro`.
    #[must_use]
    pub fn with_mode(mut self, mode: &str) -> Self {
        self.mode = Some(mode.into());
        self
    }

    /// Returns the options as they are sent: the application's `ultra` becomes `max`
    /// ([docs/protocol.md §3.3](crate::docs::protocol#33-sub-objects)).
    #[must_use]
    pub fn for_wire(mut self) -> Self {
        if self.effort.as_deref() == Some("ultra") {
            self.effort = Some("max".into());
        }
        self.summary = self.summary.filter(|summary| summary != "none");
        self
    }

    /// Reads the `reasoning` of a request or a response.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not a JSON object, or `effort`, `summary` or `context` is not a string.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::untyped(json)?;
        Ok(Self {
            effort: members.optional("effort")?,
            summary: members.optional("summary")?,
            context: members.optional("context")?,
            mode: members.optional_value("mode"),
            generate_summary: members.optional_value("generate_summary"),
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
        object.optional("effort", self.effort.as_deref());
        object.optional("summary", self.summary.as_deref());
        object.optional("context", self.context.as_deref());
        object.optional("mode", self.mode.as_deref());
        object.optional("generate_summary", self.generate_summary.as_deref());
        object.extra(&self.extra);
        object.end();
    }
}

impl JsonValue for ReasoningOptions {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

serde_by_text!(ReasoningOptions);
