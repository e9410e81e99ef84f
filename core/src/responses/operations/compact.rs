//! Compaction: replaces a history by a shorter one (`docs/protocol.md` §11.1).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::item::{Item, parse_input, parse_items};
use crate::responses::json::iter::{each_member, members};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::operations::{Operation, type_name, unreadable};
use crate::responses::request::{
    CreateResponse, ImageOptions, Input, ItemEncoding, PromptCacheOptions, ReasoningOptions, TextOptions,
};
use crate::responses::session::HeaderSet;
use crate::responses::usage::Usage;

/// A history to be compacted. Its members are those of an ordinary request; the missing ones have no meaning here.
///
/// ```
/// use turnwire::responses::{Item, operations::Compact};
///
/// let compact = Compact::new("gpt-x", vec![Item::user("a long story")]);
/// assert_eq!(compact.input.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compact {
    /// The model.
    pub model: String,
    /// The history. If it is empty, no request is needed.
    pub input: Input,
    /// The instructions; omitted when empty.
    pub instructions: String,
    /// The tools; omitted when unset.
    pub tools: Option<Vec<RawJson<'static>>>,
    /// Whether the model may call several tools at once.
    pub parallel_tool_calls: bool,
    /// The reasoning options; omitted when unset, unlike in an ordinary request.
    pub reasoning: Option<ReasoningOptions>,
    /// The service tier; omitted when unset, as required with an API key.
    pub service_tier: Option<String>,
    /// The prompt cache key; omitted when unset.
    pub prompt_cache_key: Option<String>,
    /// The text options; omitted when unset.
    pub text: Option<TextOptions>,
    /// The response whose history is compacted; left out when unset.
    pub previous_response_id: Option<String>,
    /// How the prompt cache is used; left out when unset.
    pub prompt_cache_options: Option<PromptCacheOptions>,
    /// How long the prompt cache is kept; left out when unset.
    pub prompt_cache_retention: Option<String>,
    /// How images of the context are treated; left out when unset.
    pub image: Option<ImageOptions>,
    /// Unknown members, written last.
    pub extra: ExtraMembers,
}

/// A compacted history: the input of the next request.
///
/// ```
/// use turnwire::responses::{Compaction, Item, operations::Compacted};
///
/// let compacted = Compacted::new(vec![Item::Compaction(Compaction::new("opaque"))]);
/// let mut body = Vec::new();
/// compacted.encode(&mut body);
/// assert_eq!(body, br#"{"output":[{"type":"compaction","encrypted_content":"opaque"}]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// The items.
    pub output: Vec<Item>,
    /// The id of the compaction, where the server gives one.
    pub id: Option<String>,
    /// When it was made, in Unix seconds.
    pub created_at: Option<i64>,
    /// The token counts.
    pub usage: Option<Usage>,
}

impl Compact {
    /// Creates the smallest request: a history, with everything else unset.
    #[must_use]
    pub fn new(model: &str, input: impl Into<Input>) -> Self {
        Self {
            model: model.into(),
            input: input.into(),
            instructions: String::new(),
            tools: None,
            parallel_tool_calls: false,
            reasoning: None,
            service_tier: None,
            prompt_cache_key: None,
            text: None,
            previous_response_id: None,
            prompt_cache_options: None,
            prompt_cache_retention: None,
            image: None,
            extra: ExtraMembers::new(),
        }
    }

    /// Parses a body leniently, as a server does: a missing member is as in [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not a JSON object, or a member has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        Ok(Self {
            model: members.optional("model")?.unwrap_or_default(),
            input: members.take("input").map(parse_input).transpose()?.map(Input::from).unwrap_or_default(),
            instructions: members.optional("instructions")?.unwrap_or_default(),
            tools: members.optional("tools")?,
            parallel_tool_calls: members.optional("parallel_tool_calls")?.unwrap_or(false),
            reasoning: members.take("reasoning").map(ReasoningOptions::parse).transpose()?,
            service_tier: members.optional("service_tier")?,
            prompt_cache_key: members.optional("prompt_cache_key")?,
            text: members.take("text").map(TextOptions::parse).transpose()?,
            previous_response_id: members.optional_value("previous_response_id"),
            prompt_cache_options: members.optional_value("prompt_cache_options"),
            prompt_cache_retention: members.optional_value("prompt_cache_retention"),
            image: members.optional_value("image"),
            extra: members.rest(),
        })
    }
}

impl From<CreateResponse> for Compact {
    /// Creates the compaction of an ordinary request's history, with the shared members.
    fn from(request: CreateResponse) -> Self {
        Self {
            model: request.model,
            input: request.input,
            instructions: request.instructions,
            tools: request.tools,
            parallel_tool_calls: request.parallel_tool_calls,
            reasoning: request.reasoning,
            service_tier: request.service_tier,
            prompt_cache_key: request.prompt_cache_key,
            text: request.text,
            previous_response_id: request.previous_response_id,
            prompt_cache_options: request.prompt_cache_options,
            prompt_cache_retention: request.prompt_cache_retention,
            image: request.image,
            extra: ExtraMembers::new(),
        }
    }
}

impl Compacted {
    /// Creates a result with these items.
    #[must_use]
    pub const fn new(output: Vec<Item>) -> Self {
        Self { output, id: None, created_at: None, usage: None }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        if let Some(id) = &self.id {
            object.string("id", id);
            object.string("object", "response.compaction");
        }
        if let Some(created_at) = self.created_at {
            object.integer("created_at", created_at);
        }
        object.array("output", &self.output, Item::encode);
        if let Some(usage) = &self.usage {
            object.raw("usage", &serde_json::to_string(usage).expect("token counts can be serialized"));
        }
        object.end();
    }
}

impl Operation for Compact {
    type Answer = Compacted;

    const PATH: &'static str = "responses/compact";
    const SURFACE: HeaderSet = HeaderSet::Compact;
    const TURN_STATE: bool = true;

    /// Four times the idle timeout.
    fn timeout(idle: Duration) -> Option<Duration> {
        Some(idle.saturating_mul(4))
    }

    fn immediate_answer(&self) -> Option<Compacted> {
        self.input.is_empty().then(Compacted::default)
    }

    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("model", &self.model);
        object.array("input", &self.input, |item, out| item.encode_for(wire, out));
        object.optional("instructions", Some(self.instructions.as_str()).filter(|text| !text.is_empty()));
        if let Some(tools) = &self.tools {
            object.array("tools", tools, |tool, out| out.extend_from_slice(tool.as_str().as_bytes()));
        }
        object.boolean("parallel_tool_calls", self.parallel_tool_calls);
        if let Some(reasoning) = &self.reasoning {
            reasoning.clone().for_wire().write(object.key("reasoning"));
        }
        object.optional("service_tier", self.service_tier.as_deref());
        object.optional("prompt_cache_key", self.prompt_cache_key.as_deref());
        if let Some(text) = &self.text {
            text.write(object.key("text"));
        }
        object.optional("previous_response_id", self.previous_response_id.as_deref());
        if let Some(options) = &self.prompt_cache_options {
            options.encode(object.key("prompt_cache_options"));
        }
        object.optional("prompt_cache_retention", self.prompt_cache_retention.as_deref());
        if let Some(image) = &self.image {
            image.encode(object.key("image"));
        }
        object.extra(&self.extra);
        object.end();
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Compacted, Failure> {
        each_member(body, |_, _| ()).map_err(|why| unreadable("", &why, body))?;
        let get = |name: &str| members(body).filter(|(known, _)| known == name).last().map(|(_, value)| value);
        let Some(output) = get("output") else {
            return Err(unreadable("", &Malformed::missing("compaction", "output"), body));
        };
        if !output.starts_with('[') {
            let what = alloc::format!("`output` of the compaction is {}, not an array of items", type_name(output));
            return Err(unreadable("", &what, body));
        }
        let output = parse_items(output).map_err(|why| unreadable("", &why, body))?;
        Ok(Compacted {
            output,
            id: get("id").and_then(|id| lenient::read(id).ok()),
            created_at: get("created_at").and_then(lenient::count),
            usage: get("usage").and_then(Usage::read),
        })
    }
}
