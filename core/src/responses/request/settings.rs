//! The objects among the members of a request in the public API.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, string};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, record, serde_by_text};

record! {
    /// `stream_options`: options of the stream of events.
    ///
    /// ```
    /// use turnwire::responses::request::StreamOptions;
    ///
    /// let options = StreamOptions::new().include_obfuscation(false);
    /// assert_eq!(options.to_raw().as_str(), r#"{"include_obfuscation":false}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    StreamOptions "" pub new() {
        /// Whether deltas are padded with random characters.
        include_obfuscation: bool,
        /// How summaries are delivered beside the text: `sequential_cutoff`
        /// ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields)).
        reasoning_summary_delivery: String,
    }
}

record! {
    /// `prompt`: a prompt template that the server stores.
    ///
    /// ```
    /// use turnwire::responses::RawJson;
    /// use turnwire::responses::request::Prompt;
    ///
    /// let variables = RawJson::new(r#"{"city":"Rome"}"#)?.into_owned();
    /// let prompt = Prompt::new("pmpt_1").version("2").variables(variables);
    /// assert_eq!(prompt.to_raw().as_str(), r#"{"id":"pmpt_1","version":"2","variables":{"city":"Rome"}}"#);
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Eq)]
    Prompt "" pub new(
        /// The id of the template.
        id: String
    ) {
        /// The version of the template.
        version: String,
        /// The values of its variables: an object of strings and content parts.
        variables: RawJson,
    }
}

record! {
    /// `prompt_cache_options`: how the prompt cache is used.
    ///
    /// ```
    /// use turnwire::responses::request::PromptCacheOptions;
    ///
    /// let options = PromptCacheOptions::new().mode("explicit").ttl("12h");
    /// assert_eq!(options.to_raw().as_str(), r#"{"mode":"explicit","ttl":"12h"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    PromptCacheOptions "" pub new() {
        /// `implicit` or `explicit`.
        mode: String,
        /// How long the cache is kept: `30m` or `12h`.
        ttl: String,
        /// Whether the cache is filled without a response.
        prewarm: bool,
        /// The response that the cached tokens are compared with.
        comparison_response_id: String,
    }
}

record! {
    /// One entry of `context_management`.
    ///
    /// ```
    /// use turnwire::responses::request::ContextManagement;
    ///
    /// let compaction = ContextManagement::new("compaction").compact_threshold(200_000);
    /// assert_eq!(compaction.to_raw().as_str(), r#"{"type":"compaction","compact_threshold":200000}"#);
    /// ```
    #[derive(Debug, Eq)]
    ContextManagement "" pub new(
        /// The `type`: `compaction`.
        kind("type"): String
    ) {
        /// The number of tokens from which on the context is compacted.
        compact_threshold: i64,
    }
}

record! {
    /// `moderation`: how input and output are moderated.
    ///
    /// ```
    /// use turnwire::responses::request::{Moderation, ModerationMode, ModerationPolicy};
    ///
    /// let policy = ModerationPolicy::new().input(ModerationMode::new("block")).output(ModerationMode::new("score"));
    /// let moderation = Moderation::new("omni-moderation-latest").policy(policy);
    /// assert_eq!(moderation.policy.unwrap().input.unwrap().mode, "block");
    /// ```
    #[derive(Debug, Eq)]
    Moderation "" pub new(
        /// The model that moderates.
        model: String
    ) {
        /// What is done with input and output.
        policy: ModerationPolicy,
    }
}

record! {
    /// What moderation does with input and output.
    ///
    /// ```
    /// use turnwire::responses::request::{ModerationMode, ModerationPolicy};
    ///
    /// let policy = ModerationPolicy::new().output(ModerationMode::new("score"));
    /// assert_eq!(policy.to_raw().as_str(), r#"{"output":{"mode":"score"}}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ModerationPolicy "" pub new() {
        /// What is done with the input.
        input: ModerationMode,
        /// What is done with the output.
        output: ModerationMode,
    }
}

record! {
    /// What moderation does with one side.
    ///
    /// ```
    /// use turnwire::responses::request::ModerationMode;
    ///
    /// assert_eq!(ModerationMode::new("block").to_raw().as_str(), r#"{"mode":"block"}"#);
    /// ```
    #[derive(Debug, Eq)]
    ModerationMode "" pub new(
        /// `score` or `block`.
        mode: String
    ) {}
}

record! {
    /// `access_programs`: programs under which the request is made.
    ///
    /// ```
    /// use turnwire::responses::request::AccessPrograms;
    ///
    /// assert_eq!(AccessPrograms::new().cyber("standard").to_raw().as_str(), r#"{"cyber":"standard"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    AccessPrograms "" pub new() {
        /// `standard`, `daybreak_blue` or `daybreak_red`.
        cyber: String,
    }
}

record! {
    /// `background_options`: how a response in the background is made.
    ///
    /// ```
    /// use turnwire::responses::request::BackgroundOptions;
    ///
    /// let options = BackgroundOptions::new().completion_window("2h");
    /// assert_eq!(options.to_raw().as_str(), r#"{"completion_window":"2h"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    BackgroundOptions "" pub new() {
        /// By when the response is to be complete: `soonest`, `2h` or `8h`.
        completion_window: String,
        /// The response in the background that this one continues.
        continuation_id: String,
    }
}

record! {
    /// `image`: how images of the context are treated.
    ///
    /// ```
    /// use turnwire::responses::request::ImageOptions;
    ///
    /// let options = ImageOptions::new().context_compression("auto");
    /// assert_eq!(options.to_raw().as_str(), r#"{"context_compression":"auto"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ImageOptions "" pub new() {
        /// `auto`, `enabled` or `disabled`.
        context_compression: String,
    }
}

/// `conversation`: the stored conversation that a response belongs to. A request may name it by its id alone.
///
/// ```
/// use turnwire::responses::request::Conversation;
///
/// let conversation = Conversation::from("conv_1");
/// assert_eq!(conversation.id(), "conv_1");
/// assert_eq!(Conversation::parse(r#"{"id":"conv_1"}"#)?.id(), "conv_1");
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversation {
    /// The id as a string.
    Id(String),
    /// An object with the id.
    Object {
        /// The id.
        id: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
}

impl Conversation {
    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id, .. } => id,
        }
    }

    /// Reads a string, or an object with an `id`.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is neither.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        if let Some(id) = JsonValue::read(json) {
            return Ok(Self::Id(id));
        }
        let mut members = Members::untyped(json)?;
        Ok(Self::Object { id: members.required_value("id")?, extra: members.rest() })
    }

    /// Returns the conversation as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.write(&mut out);
        RawJson::written(out)
    }
}

impl JsonValue for Conversation {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Id(id) => string(id, out),
            Self::Object { id, extra } => {
                let mut object = Object::new(out);
                object.string("id", id);
                object.extra(extra);
                object.end();
            }
        }
    }
}

impl From<&str> for Conversation {
    fn from(id: &str) -> Self {
        Self::Id(id.into())
    }
}

serde_by_text!(Conversation);
