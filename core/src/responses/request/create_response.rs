//! Requests: one type, written as an HTTP body or as a WebSocket frame (`docs/protocol.md` §3).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::options::{ReasoningOptions, TextOptions};
use crate::responses::item::{ContentPart, Item, parse_input};
use crate::responses::item_encoding::{ItemEncoding, ItemIds};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, string};
use crate::responses::json::raw::RawJson;
use crate::responses::metadata::ClientMetadata;

/// A request for a response. Each member says when it is written; what is not said is always written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateResponse {
    /// The model.
    pub model: String,
    /// What the model should know before everything else; left out when empty.
    pub instructions: String,
    /// The conversation.
    pub input: Vec<Item>,
    /// The response to go on from; left out when unset. A client that is given one does not add its own (`docs/protocol.md` §9.5).
    pub previous_response_id: Option<String>,
    /// The tools, as JSON objects; left out when unset, and an empty array when set but empty.
    pub tools: Option<Vec<RawJson<'static>>>,
    /// Which tool to use: `"auto"` unless set, as JSON.
    pub tool_choice: RawJson<'static>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: bool,
    /// How to reason; `null` when unset.
    pub reasoning: Option<ReasoningOptions>,
    /// Whether the server keeps the response.
    pub store: bool,
    /// Whether the answer comes as events; `true` over WebSocket too.
    pub stream: bool,
    /// Options of the stream, as JSON; left out when unset.
    pub stream_options: Option<RawJson<'static>>,
    /// What to send besides: `reasoning.encrypted_content` and the like.
    pub include: Vec<String>,
    /// `priority`, `flex`, or another tier; left out when unset.
    pub service_tier: Option<String>,
    /// What prompts that belong together have in common; left out when unset.
    pub prompt_cache_key: Option<String>,
    /// How to write; left out when unset.
    pub text: Option<TextOptions>,
    /// Strings for the server; left out when unset. The turn's token is not among them: it is the client's business.
    pub client_metadata: Option<ClientMetadata>,
    /// Members that are not known here, written last.
    pub extra: ExtraMembers,
}

/// What the machine adds to a request when it travels as a WebSocket frame. `Debug` shows the keys of the metadata only: the turn
/// token is among the values.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFields<'a> {
    /// The response to go on from (§9.5); left out when unset.
    pub previous_response_id: Option<&'a str>,
    /// `false` warms up without generating; left out when unset.
    pub generate: Option<bool>,
    /// The lane; left out when unset.
    pub stream_id: Option<&'a str>,
    /// Metadata of this frame, set over the request's own.
    pub metadata: &'a [(&'a str, &'a str)],
    /// How many items the server has seen already: they are left out.
    pub input_from: usize,
}

impl fmt::Debug for MessageFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.metadata.iter().map(|(key, _)| *key).collect();
        f.debug_struct("MessageFields")
            .field("previous_response_id", &self.previous_response_id)
            .field("generate", &self.generate)
            .field("stream_id", &self.stream_id)
            .field("metadata", &keys)
            .field("input_from", &self.input_from)
            .finish()
    }
}

impl CreateResponse {
    /// A request with everything else unset: the smallest there is.
    #[must_use]
    pub fn new(model: &str, input: Vec<Item>) -> Self {
        Self {
            model: model.into(),
            instructions: String::new(),
            input,
            previous_response_id: None,
            tools: None,
            tool_choice: RawJson::string("auto"),
            parallel_tool_calls: false,
            reasoning: None,
            store: false,
            stream: true,
            stream_options: None,
            include: Vec::new(),
            service_tier: None,
            prompt_cache_key: None,
            text: None,
            client_metadata: None,
            extra: ExtraMembers::new(),
        }
    }

    /// The same as the continuation of this response: `input` is only what is new.
    #[must_use]
    pub fn continuing(mut self, response_id: &str) -> Self {
        self.previous_response_id = Some(response_id.into());
        self
    }

    /// Appends the body of a `POST`.
    pub fn encode_http(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("previous_response_id", self.previous_response_id.as_deref());
        self.write(&mut object, wire, 0, &[]);
        object.end();
    }

    /// Appends the text of a WebSocket frame: the same object with a `type`, and what the machine adds.
    pub fn encode_ws(&self, frame: &MessageFields<'_>, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("type", "response.create");
        object.optional("stream_id", frame.stream_id);
        object.optional("previous_response_id", frame.previous_response_id.or(self.previous_response_id.as_deref()));
        self.write(&mut object, wire, frame.input_from, frame.metadata);
        if let Some(generate) = frame.generate {
            object.boolean("generate", generate);
        }
        object.end();
    }

    fn write(&self, object: &mut Object<'_>, wire: ItemEncoding, from: usize, metadata: &[(&str, &str)]) {
        object.string("model", &self.model);
        object.optional("instructions", Some(self.instructions.as_str()).filter(|text| !text.is_empty()));
        let input = self.input.get(from..).unwrap_or_default();
        object.array("input", input, |item, out| item.encode_for(wire, out));
        if let Some(tools) = &self.tools {
            object.array("tools", tools, |tool, out| out.extend_from_slice(tool.as_str().as_bytes()));
        }
        object.raw("tool_choice", self.tool_choice.as_str());
        object.boolean("parallel_tool_calls", self.parallel_tool_calls);
        match &self.reasoning {
            Some(reasoning) => reasoning.write(object.key("reasoning")),
            None => object.raw("reasoning", "null"),
        }
        object.boolean("store", self.store);
        object.boolean("stream", self.stream);
        if let Some(options) = &self.stream_options {
            object.raw("stream_options", options.as_str());
        }
        object.array("include", &self.include, |word, out| string(word, out));
        object.optional("service_tier", self.service_tier.as_deref());
        object.optional("prompt_cache_key", self.prompt_cache_key.as_deref());
        if let Some(text) = &self.text {
            text.write(object.key("text"));
        }
        if self.client_metadata.is_some() || !metadata.is_empty() {
            let mut all = self.client_metadata.clone().unwrap_or_default();
            for (key, value) in metadata {
                all.set(key, value);
            }
            all.encode(object.key("client_metadata"));
        }
        object.extra(&self.extra);
    }

    /// Reads the body of a `POST`, as a server does. Leniently: what is missing is as in [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the text is no JSON object, or a member has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        Self::read(Members::parse(json)?)
    }

    pub(crate) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
        let input = members.take("input").map(parse_input).transpose()?.unwrap_or_default();
        Ok(Self {
            model: members.optional("model")?.unwrap_or_default(),
            instructions: members.optional("instructions")?.unwrap_or_default(),
            input,
            previous_response_id: members.optional("previous_response_id")?,
            tools: members.optional("tools")?,
            tool_choice: members.optional_raw("tool_choice")?.unwrap_or_else(|| RawJson::string("auto")),
            parallel_tool_calls: members.optional("parallel_tool_calls")?.unwrap_or(false),
            reasoning: members.take("reasoning").map(ReasoningOptions::parse).transpose()?,
            store: members.optional("store")?.unwrap_or(false),
            stream: members.optional("stream")?.unwrap_or(false),
            stream_options: members.optional_raw("stream_options")?,
            include: members.optional("include")?.unwrap_or_default(),
            service_tier: members.optional("service_tier")?,
            prompt_cache_key: members.optional("prompt_cache_key")?,
            text: members.take("text").map(TextOptions::parse).transpose()?,
            client_metadata: members.take("client_metadata").map(ClientMetadata::parse).transpose()?,
            extra: members.rest(),
        })
    }
}

/// The text of a `response.steer`: input for a response that is running (`docs/protocol.md` §15.1). It names no lane, which
/// follows from the response. A message is sent with its role and content alone, any other item without its id.
#[must_use]
pub fn steer(previous_response_id: &str, input: &[Item]) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    object.string("type", "response.steer");
    object.string("previous_response_id", previous_response_id);
    object.array("input", input, |item, out| {
        if let Item::Message(message) = item {
            let mut object = Object::new(out);
            object.string("type", "message");
            object.string("role", &message.role);
            object.array("content", &message.content, ContentPart::encode);
            object.end();
        } else {
            item.encode_for(ItemEncoding { ids: ItemIds::None, passthrough: false }, out);
        }
    });
    object.end();
    String::from_utf8(out).expect("JSON is written as UTF-8")
}
