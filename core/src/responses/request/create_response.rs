//! `CreateResponse`: a request for a response.

use alloc::string::String;
use alloc::vec::Vec;

use super::input::Input;
use super::message::MessageFields;
use super::reasoning_options::ReasoningOptions;
use super::settings::{
    AccessPrograms, BackgroundOptions, ContextManagement, Conversation, ImageOptions, Moderation, Prompt,
    PromptCacheOptions, StreamOptions,
};
use super::text_options::TextOptions;
use crate::responses::item::parse_input;
use crate::responses::item_encoding::ItemEncoding;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, object, string};
use crate::responses::json::raw::RawJson;
use crate::responses::metadata::ClientMetadata;
use crate::responses::record::{JsonValue, field_type, given_type, given_value, serde_by_text};

/// Members that a message adds to a request, which itself has none of them.
const OF_MESSAGES: [&str; 3] = ["type", "stream_id", "generate"];

/// Declares the request: the members of the reference client with their values when unset, and the others, which are
/// omitted when unset. The former have handwritten code, because the protocol defines their presence and order.
macro_rules! create_response {
    (
        $(#[$meta:meta])*
        reference { $($(#[$first_meta:meta])* $first:ident: $first_type:ty = $unset:expr,)* }
        public { $($(#[$member_meta:meta])* $member:ident: $type:tt,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct CreateResponse {
            $($(#[$first_meta])* pub $first: $first_type,)*
            $($(#[$member_meta])* pub $member: Option<field_type!($type)>,)*
            /// Unknown members, written last. A member with the name of a set member is not written.
            pub extra: ExtraMembers,
        }

        impl CreateResponse {
            /// The names of the members that are known.
            pub const MEMBERS: &'static [&'static str] = &[$(stringify!($first),)* $(stringify!($member),)*];

            fn unset(model: String, input: Input) -> Self {
                let mut request = Self { $($first: $unset,)* $($member: None,)* extra: ExtraMembers::new() };
                request.model = model;
                request.input = input;
                request
            }

            $(
                #[doc = concat!("Sets `", stringify!($member), "`.")]
                #[must_use]
                pub fn $member(mut self, $member: given_type!($type)) -> Self {
                    self.$member = Some(given_value!($type $member));
                    self
                }
            )*

            fn read_public(&mut self, members: &mut Members<'_>) {
                $(if let Some(value) = members.optional_value(stringify!($member)) {
                    self.$member = Some(value);
                })*
            }

            pub(super) fn write_public(&self, object: &mut Object<'_>) {
                $(if let Some(value) = &self.$member {
                    JsonValue::write(value, object.key(stringify!($member)));
                })*
            }

            fn is_set(&self, name: &str) -> bool {
                false $(|| (name == stringify!($member) && self.$member.is_some()))*
            }
        }
    };
}

create_response! {
    /// A request for a response. Each member's comment says when it is omitted; a member without such a comment is
    /// always written.
    ///
    /// ```
    /// use turnwire::responses::CreateResponse;
    /// use turnwire::responses::request::{ReasoningOptions, TextOptions};
    ///
    /// let request = CreateResponse::new("gpt-x", "What is the capital of Italy?")
    ///     .instructions("Be brief.")
    ///     .reasoning(ReasoningOptions::effort("low"))
    ///     .text(TextOptions::json_object())
    ///     .max_output_tokens(500)
    ///     .temperature(0.7)
    ///     .metadata([("topic", "geography")])
    ///     .previous_response_id("resp_1")
    ///     .with("next_years_member", true)?;
    /// assert_eq!(request.max_output_tokens, Some(500));
    /// assert_eq!(request.extra.len(), 1);
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    reference {
        /// The model.
        model: String = String::new(),
        /// The instructions; omitted when empty.
        instructions: String = String::new(),
        /// The conversation.
        input: Input = Input::new(),
        /// The tools, as JSON objects; omitted when unset, an empty array when set but empty.
        tools: Option<Vec<RawJson<'static>>> = None,
        /// The tool choice, as JSON. Default: `"auto"`.
        tool_choice: RawJson<'static> = RawJson::trusted("\"auto\""),
        /// Whether the model may call several tools at once.
        parallel_tool_calls: bool = false,
        /// The reasoning options; `null` when unset.
        reasoning: Option<ReasoningOptions> = None,
        /// Whether the server stores the response.
        store: bool = false,
        /// Whether the response is streamed as events; `true` over WebSocket too.
        stream: bool = true,
        /// Options of the stream; omitted when unset.
        stream_options: Option<StreamOptions> = None,
        /// Additional output: `reasoning.encrypted_content` and others.
        include: Vec<String> = Vec::new(),
        /// The service tier: `priority`, `flex`, or another one; omitted when unset.
        service_tier: Option<String> = None,
        /// The prompt cache key; omitted when unset.
        prompt_cache_key: Option<String> = None,
        /// The text options; omitted when unset.
        text: Option<TextOptions> = None,
        /// The client metadata; omitted when unset. It does not contain the turn token: the client adds it.
        client_metadata: Option<ClientMetadata> = None,
        /// The previous response; omitted when unset. If it is set, the client sends the whole request and chooses no
        /// other previous response.
        previous_response_id: Option<String> = None,
    }
    public {
        /// The stored conversation that the response belongs to.
        conversation: Conversation,
        /// Whether the response runs in the background and outlives its stream.
        background: bool,
        /// Options of a background response.
        background_options: BackgroundOptions,
        /// The maximum number of tokens of the output, reasoning included.
        max_output_tokens: i64,
        /// The maximum number of calls of built-in tools.
        max_tool_calls: i64,
        /// Strings that are stored with the response.
        metadata: ClientMetadata,
        /// The sampling temperature, 0 to 2.
        temperature: f64,
        /// The probability mass that is sampled from, 0 to 1.
        top_p: f64,
        /// The number of most likely tokens whose probability is reported, 0 to 20.
        top_logprobs: i64,
        /// What happens to a context that is too long: `auto` or `disabled`.
        truncation: String,
        /// The user, for the detection of abuse; replaced by `safety_identifier` and `prompt_cache_key`.
        user: String,
        /// A stable identifier of the user, for the detection of abuse.
        safety_identifier: String,
        /// A prompt template that the server stores.
        prompt: Prompt,
        /// Options of the prompt cache.
        prompt_cache_options: PromptCacheOptions,
        /// The retention of the prompt cache: `in_memory` or `24h`.
        prompt_cache_retention: String,
        /// Options of the context management.
        context_management: [ContextManagement],
        /// Options of the moderation.
        moderation: Moderation,
        /// Access programs of the request.
        access_programs: AccessPrograms,
        /// Options of images in the context.
        image: ImageOptions,
        /// The penalty for tokens by their frequency, −2 to 2 (OpenResponses).
        frequency_penalty: f64,
        /// The penalty for tokens that occurred, −2 to 2 (OpenResponses).
        presence_penalty: f64,
    }
}

impl CreateResponse {
    /// Creates a request of a model and its input: a text of the user, or items. Everything else is unset.
    #[must_use]
    pub fn new(model: &str, input: impl Into<Input>) -> Self {
        Self::unset(model.into(), input.into())
    }

    /// Sets a member by its name. A known member is set as by its own method; any other is added to
    /// [`extra`](Self::extra), in place of one of the same name.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed::WrongType`] if the member is known and the value has another type, [`Malformed::Duplicate`]
    /// for `type`, `stream_id` and `generate`, which a message adds itself, and [`Malformed::InvalidJson`] if the value
    /// cannot be serialized. The request is consumed; clone it before if it is still needed.
    pub fn with(mut self, name: &str, value: impl serde_core::Serialize) -> Result<Self, Malformed> {
        if OF_MESSAGES.contains(&name) {
            return Err(Malformed::duplicate(name));
        }
        let value = RawJson::of(&value)?;
        let json = object(|object| object.raw(name, value.as_str()));
        let mut members = Members::untyped(json.as_str())?;
        self.read_members(&mut members)?;
        let known = Self::MEMBERS.iter().find(|known| **known == name);
        let mut left = members.rest();
        match known {
            Some(known) if !left.is_empty() => return Err(Malformed::wrong_type("request", known)),
            Some(_) => {}
            None => {
                self.extra.retain(|(known, _)| known != name);
                self.extra.append(&mut left);
            }
        }
        Ok(self)
    }

    /// Appends the body of a `POST`.
    pub fn encode_http(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("previous_response_id", self.previous_response_id.as_deref());
        self.write(&mut object, wire, 0, &[]);
        self.write_others(&mut object, &["previous_response_id"][..usize::from(self.previous_response_id.is_some())]);
        object.end();
    }

    /// Appends the text of a WebSocket message: the same object with a `type`, and the members that the client adds.
    /// The `previous_response_id` of the message replaces the request's own.
    pub fn encode_ws(&self, frame: &MessageFields<'_>, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("type", "response.create");
        object.optional("stream_id", frame.stream_id);
        let previous_response_id = frame.previous_response_id.or(self.previous_response_id.as_deref());
        object.optional("previous_response_id", previous_response_id);
        self.write(&mut object, wire, frame.input_from, frame.metadata);
        let mut written = alloc::vec!["type"];
        written.extend(frame.stream_id.map(|_| "stream_id"));
        written.extend(previous_response_id.map(|_| "previous_response_id"));
        written.extend(frame.generate.map(|_| "generate"));
        if let Some(generate) = frame.generate {
            object.boolean("generate", generate);
        }
        self.write_others(&mut object, &written);
        object.end();
    }

    /// Writes the members of the reference client, in its order.
    fn write(&self, object: &mut Object<'_>, wire: ItemEncoding, from: usize, metadata: &[(&str, &str)]) {
        object.string("model", &self.model);
        object.optional("instructions", Some(self.instructions.as_str()).filter(|text| !text.is_empty()));
        let input = self.input.iter_from(from);
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
            options.encode(object.key("stream_options"));
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
    }

    /// Writes the other members, and those unknown ones that are not written already.
    fn write_others(&self, object: &mut Object<'_>, written: &[&str]) {
        self.write_public(object);
        for (name, value) in &self.extra {
            if !written.contains(&name.as_str()) && !self.is_written(name) && !self.is_set(name) {
                object.raw(name, value.as_str());
            }
        }
    }

    /// Returns whether a member of the reference client is written.
    fn is_written(&self, name: &str) -> bool {
        match name {
            "model"
            | "input"
            | "tool_choice"
            | "parallel_tool_calls"
            | "reasoning"
            | "store"
            | "stream"
            | "include" => true,
            "instructions" => !self.instructions.is_empty(),
            "tools" => self.tools.is_some(),
            "stream_options" => self.stream_options.is_some(),
            "service_tier" => self.service_tier.is_some(),
            "prompt_cache_key" => self.prompt_cache_key.is_some(),
            "text" => self.text.is_some(),
            // A message may add metadata of its own.
            "client_metadata" => true,
            _ => false,
        }
    }

    /// Parses the body of a `POST` leniently, as a server does: a missing member is as in [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not a JSON object, or a member of the reference client has another type. Any other
    /// member of another type is kept in [`extra`](Self::extra).
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        Self::read(Members::parse(json)?)
    }

    pub(crate) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
        let mut request = Self::unset(String::new(), Input::new());
        request.stream = false;
        request.read_members(&mut members)?;
        request.extra = members.rest();
        Ok(request)
    }

    /// Takes the known members, and sets them.
    fn read_members(&mut self, members: &mut Members<'_>) -> Result<(), Malformed> {
        fn set<T>(member: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *member = value;
            }
        }

        set(&mut self.input, members.take("input").map(parse_input).transpose()?.map(Input::from));
        set(&mut self.model, members.optional("model")?);
        set(&mut self.instructions, members.optional("instructions")?);
        set(&mut self.tools, members.optional("tools")?.map(Some));
        set(&mut self.tool_choice, members.optional_raw("tool_choice")?);
        set(&mut self.parallel_tool_calls, members.optional("parallel_tool_calls")?);
        set(&mut self.reasoning, members.take("reasoning").map(ReasoningOptions::parse).transpose()?.map(Some));
        set(&mut self.store, members.optional("store")?);
        set(&mut self.stream, members.optional("stream")?);
        set(&mut self.stream_options, members.optional_value("stream_options").map(Some));
        set(&mut self.include, members.optional("include")?);
        set(&mut self.service_tier, members.optional("service_tier")?.map(Some));
        set(&mut self.prompt_cache_key, members.optional("prompt_cache_key")?.map(Some));
        set(&mut self.text, members.take("text").map(TextOptions::parse).transpose()?.map(Some));
        set(
            &mut self.client_metadata,
            members.take("client_metadata").map(ClientMetadata::parse).transpose()?.map(Some),
        );
        set(&mut self.previous_response_id, members.optional_value("previous_response_id").map(Some));
        self.read_public(members);
        Ok(())
    }

    /// Returns the request as JSON, as the body of a `POST` with all members.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.encode_http(ItemEncoding::EVERYTHING, &mut out);
        RawJson::written(out)
    }
}

serde_by_text!(CreateResponse);
