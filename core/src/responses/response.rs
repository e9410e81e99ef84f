//! `Response`: the complete response object.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::error_object::ErrorObject;
use crate::responses::event::{Envelope, EventClass};
use crate::responses::incomplete_details::IncompleteDetails;
use crate::responses::item::{ContentPart, CustomToolCall, FunctionCall, Item};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, array};
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::metadata::ClientMetadata;
use crate::responses::record::{JsonValue, field_type, given_type, given_value, serde_by_text};
use crate::responses::request::{
    AccessPrograms, Conversation, CreateResponse, ImageOptions, Prompt, PromptCacheOptions, ReasoningOptions,
    TextOptions,
};
use crate::responses::usage::Usage;

/// Declares the optional members of the response.
macro_rules! response {
    ($(#[$meta:meta])* { $($(#[$member_meta:meta])* $member:ident: $type:tt,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Response {
            /// The id, with which a later request can continue the response.
            pub id: Option<String>,
            /// The output items.
            pub output: Vec<Item>,
            /// The token counts. A count that is missing or cannot be parsed is 0.
            pub usage: Option<Usage>,
            /// The `usage` member, as the server sent it.
            pub raw_usage: Option<RawJson<'static>>,
            /// The time of creation, in Unix seconds without fraction.
            pub created_at: Option<i64>,
            /// The time of completion, in Unix seconds without fraction.
            pub completed_at: Option<i64>,
            $($(#[$member_meta])* pub $member: Option<field_type!($type)>,)*
            /// Unknown members, written last.
            pub extra: ExtraMembers,
        }

        impl Response {
            /// The names of the known members.
            pub const MEMBERS: &'static [&'static str] = &[
                "id", "object", "created_at", "completed_at", "output", "usage", $(stringify!($member),)*
            ];

            $(
                #[doc = concat!("Sets `", stringify!($member), "`.")]
                #[must_use]
                pub fn $member(mut self, $member: given_type!($type)) -> Self {
                    self.$member = Some(given_value!($type $member));
                    self
                }
            )*

            fn read_declared(&mut self, members: &mut Members<'_>) {
                $(self.$member = members.optional_value(stringify!($member));)*
            }

            /// Fills unset members from another response.
            pub(in crate::responses) fn or(mut self, other: Self) -> Self {
                self.id = self.id.or(other.id);
                self.created_at = self.created_at.or(other.created_at);
                self.completed_at = self.completed_at.or(other.completed_at);
                if self.usage.is_none() {
                    (self.usage, self.raw_usage) = (other.usage, other.raw_usage);
                }
                if self.output.is_empty() {
                    self.output = other.output;
                }
                if self.extra.is_empty() {
                    self.extra = other.extra;
                }
                $(if self.$member.is_none() {
                    self.$member = other.$member;
                })*
                self
            }

            /// Returns whether a member is set, so that an unknown member of the same name is not written.
            fn is_set(&self, name: &str) -> bool {
                (name == "id" && self.id.is_some())
                    || (name == "created_at" && self.created_at.is_some())
                    || (name == "completed_at" && self.completed_at.is_some())
                    || (name == "usage" && self.usage.is_some())
                    || (name == "output" && !self.output.is_empty())
                    $(|| (name == stringify!($member) && self.$member.is_some()))*
            }

            fn write_declared(&self, object: &mut Object<'_>, unset: Unset) {
                $(match (&self.$member, unset) {
                    (Some(value), _) => JsonValue::write(value, object.key(stringify!($member))),
                    (None, Unset::Null) if !self.is_extra(stringify!($member)) => object.raw(stringify!($member), "null"),
                    (None, Unset::Null | Unset::LeftOut) => {}
                })*
            }
        }
    };
}

/// The value that is written for an unset member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unset {
    LeftOut,
    Null,
}

response! {
    /// A response, as `response.completed` contains it and as `GET responses/{id}` returns it.
    ///
    /// Each member is parsed by itself: one that is missing or `null` is `None`, and one of another type is kept in
    /// `extra`
    /// ([docs/differences.md row 37](crate::docs::differences)).
    ///
    /// ```
    /// use turnwire::responses::Response;
    ///
    /// let response = Response::parse(
    ///     r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-x","output":[{"type":"message",
    ///     "role":"assistant","content":[{"type":"output_text","text":"Rome"}]}],"usage":{"input_tokens":5,"output_tokens":"1"}}"#,
    /// )?;
    /// assert_eq!(response.output_text(), "Rome");
    /// assert_eq!(response.usage.map(|usage| usage.total_tokens), Some(6));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    {
        /// `queued`, `in_progress`, `completed`, `incomplete`, `failed` or `cancelled`.
        status: String,
        /// The model.
        model: String,
        /// The error, if the response failed.
        error: ErrorObject,
        /// The reason, if the response is incomplete.
        incomplete_details: IncompleteDetails,
        /// The id of the previous response.
        previous_response_id: String,
        /// The instructions: a string or items.
        instructions: RawJson,
        /// The tools.
        tools: [RawJson],
        /// The tool choice.
        tool_choice: RawJson,
        /// Whether the model could call several tools at once.
        parallel_tool_calls: bool,
        /// The text options.
        text: TextOptions,
        /// The reasoning options.
        reasoning: ReasoningOptions,
        /// The handling of a context that is too long.
        truncation: String,
        /// The sampling temperature.
        temperature: f64,
        /// The probability mass that is sampled from.
        top_p: f64,
        /// The number of most likely tokens of which the probability is reported.
        top_logprobs: i64,
        /// The penalty for tokens by their frequency (OpenResponses).
        frequency_penalty: f64,
        /// The penalty for tokens that occurred (OpenResponses).
        presence_penalty: f64,
        /// The maximum number of tokens of the output.
        max_output_tokens: i64,
        /// The maximum number of calls of built-in tools.
        max_tool_calls: i64,
        /// Whether the server stores the response.
        store: bool,
        /// Whether the response runs in the background.
        background: bool,
        /// The service tier.
        service_tier: String,
        /// Strings that are stored with the response.
        metadata: ClientMetadata,
        /// The user.
        user: String,
        /// A stable identifier of the user.
        safety_identifier: String,
        /// The prompt cache key.
        prompt_cache_key: String,
        /// The retention of the prompt cache.
        prompt_cache_retention: String,
        /// The options of the prompt cache.
        prompt_cache_options: PromptCacheOptions,
        /// Diagnostics of the prompt cache.
        prompt_cache_diagnostics: RawJson,
        /// The stored conversation that the response belongs to.
        conversation: Conversation,
        /// The prompt template that was used.
        prompt: Prompt,
        /// The results of the moderation of input and output.
        moderation: RawJson,
        /// The access programs of the request.
        access_programs: AccessPrograms,
        /// The options of images in the context.
        image: ImageOptions,
        /// Reasoning items of the input that were not used.
        input_transformations: [RawJson],
        /// The usage of built-in tools.
        tool_usage: RawJson,
        /// Whether the model has ended its turn.
        end_turn: bool,
    }
}

impl Response {
    /// Creates a response with this id and no other members.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// Creates the response to a request, as a server begins it: in progress, with the settings of the request, and the
    /// defaults of the public API for the others. `created_at`: the time of creation, in Unix seconds.
    #[must_use]
    pub fn to_request(id: &str, created_at: i64, request: &CreateResponse) -> Self {
        let text = TextOptions { format: Some(crate::responses::request::TextFormat::Text), ..TextOptions::default() };
        Self {
            id: Some(id.into()),
            created_at: Some(created_at),
            status: Some("in_progress".into()),
            model: Some(request.model.clone()),
            previous_response_id: request.previous_response_id.clone(),
            instructions: Some(&request.instructions).filter(|text| !text.is_empty()).map(|text| RawJson::string(text)),
            tools: Some(request.tools.clone().unwrap_or_default()),
            tool_choice: Some(request.tool_choice.clone()),
            parallel_tool_calls: Some(request.parallel_tool_calls),
            text: Some(request.text.clone().unwrap_or(text)),
            reasoning: request.reasoning.clone(),
            truncation: request.truncation.clone().or_else(|| Some("disabled".into())),
            temperature: request.temperature.or(Some(1.0)),
            top_p: request.top_p.or(Some(1.0)),
            top_logprobs: request.top_logprobs.or(Some(0)),
            frequency_penalty: request.frequency_penalty.or(Some(0.0)),
            presence_penalty: request.presence_penalty.or(Some(0.0)),
            max_output_tokens: request.max_output_tokens,
            max_tool_calls: request.max_tool_calls,
            store: Some(request.store),
            background: request.background.or(Some(false)),
            service_tier: request.service_tier.clone().or_else(|| Some("default".into())),
            metadata: Some(request.metadata.clone().unwrap_or_default()),
            user: request.user.clone(),
            safety_identifier: request.safety_identifier.clone(),
            prompt_cache_key: request.prompt_cache_key.clone(),
            prompt_cache_retention: request.prompt_cache_retention.clone(),
            prompt_cache_options: request.prompt_cache_options.clone(),
            conversation: request
                .conversation
                .as_ref()
                .map(|known| Conversation::Object { id: known.id().into(), extra: ExtraMembers::new() }),
            prompt: request.prompt.clone(),
            access_programs: request.access_programs.clone(),
            image: request.image.clone(),
            ..Self::default()
        }
    }

    /// Parses a response, each member by itself.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] if the text is not a JSON object.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        // A response is stored and sent on, and others may reject what only JavaScript and Python accept as JSON.
        let repaired = lenient::repair(json);
        let mut members = Members::untyped(repaired.as_deref().unwrap_or(json))?;
        let mut response = Self {
            id: members.optional_value("id"),
            output: members.optional_value("output").unwrap_or_default(),
            raw_usage: members.optional_value("usage"),
            created_at: members.optional_value("created_at").map(|Seconds(at)| at),
            completed_at: members.optional_value("completed_at").map(|Seconds(at)| at),
            ..Self::default()
        };
        response.usage = response.raw_usage.as_ref().and_then(|usage| Usage::read(usage.as_str()));
        response.read_declared(&mut members);
        let object = members.take("object");
        response.extra = members.rest();
        let is_usual =
            |object: &str| object.len() <= limits::NAME && String::read(object).is_some_and(|it| it == "response");
        if let Some(object) = object.filter(|object| !is_usual(object)) {
            response.extra.push(("object".into(), RawJson::trusted(object).into_owned()));
        }
        Ok(response)
    }

    /// Parses the response of an event that begins or ends one. Members beside the `type` are parsed as well
    /// ([docs/differences.md row 37](crate::docs::differences)).
    ///
    /// If the response has no status, it follows from the type of the terminal event.
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Option<Self> {
        let mut response = Self::parse(envelope.response()?).ok()?.without_event_members();
        if response.status.is_none() {
            response.status = status_of(envelope.class()).map(Into::into);
        }
        Some(response)
    }

    /// Removes the members of the event, if those of the response are beside its `type`.
    pub(in crate::responses) fn without_event_members(mut self) -> Self {
        self.extra.retain(|(name, _)| !["type", "sequence_number", "stream_id"].contains(&name.as_str()));
        self
    }

    /// Appends the object. Unset members are omitted, except `object` and the output.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.write_members(out, Unset::LeftOut);
    }

    /// Appends the object with every known member, as the public API does; an unset one is `null`.
    pub fn encode_whole(&self, out: &mut Vec<u8>) {
        self.write_members(out, Unset::Null);
    }

    /// Returns the object as JSON, without unset members.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.encode(&mut out);
        RawJson::written(out)
    }

    fn write_members(&self, out: &mut Vec<u8>, unset: Unset) {
        let mut object = Object::new(out);
        object.optional("id", self.id.as_deref());
        if !self.is_extra("object") {
            object.string("object", "response");
        }
        for (name, at) in [("created_at", self.created_at), ("completed_at", self.completed_at)] {
            match (at, unset) {
                (Some(at), _) => object.integer(name, at),
                (None, Unset::Null) if !self.is_extra(name) => object.raw(name, "null"),
                (None, Unset::Null | Unset::LeftOut) => {}
            }
        }
        if !self.output.is_empty() || !self.is_extra("output") {
            array(&self.output, object.key("output"), Item::encode);
        }
        self.write_declared(&mut object, unset);
        match (&self.usage, &self.raw_usage) {
            // The object as the server sent it, if it has the same meaning.
            (usage, Some(raw)) if *usage == Usage::read(raw.as_str()) => object.raw("usage", raw.as_str()),
            (Some(usage), _) => {
                let usage = serde_json::to_string(usage).expect("token counts can be serialized");
                object.raw("usage", &usage);
            }
            (None, _) if unset == Unset::Null => object.raw("usage", "null"),
            (None, _) => {}
        }
        for (name, value) in self.extra.iter().filter(|(name, _)| !self.is_set(name)) {
            object.raw(name, value.as_str());
        }
        object.end();
    }

    /// Returns whether an unknown member has this name: it arrived with another type.
    fn is_extra(&self, name: &str) -> bool {
        self.extra.iter().any(|(known, _)| known == name)
    }

    /// Returns the text of all messages of the output.
    #[must_use]
    pub fn output_text(&self) -> String {
        self.parts().filter_map(|part| if part.is_text("output_text") { part.text() } else { None }).collect()
    }

    /// Returns the refusals of all messages of the output.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let refusals: Vec<&str> = self
            .parts()
            .filter_map(
                |part| if let ContentPart::Refusal { refusal, .. } = part { Some(refusal.as_str()) } else { None },
            )
            .collect();
        (!refusals.is_empty()).then(|| refusals.concat())
    }

    /// Returns the summaries of the reasoning, concatenated.
    #[must_use]
    pub fn reasoning_summary(&self) -> String {
        let summaries = self
            .output
            .iter()
            .filter_map(|item| if let Item::Reasoning(item) = item { Some(&item.summary) } else { None });
        let texts: Vec<&str> = summaries.flatten().filter_map(ContentPart::text).collect();
        texts.join("\n\n")
    }

    /// Returns the calls of functions.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.output.iter().filter_map(|item| if let Item::FunctionCall(call) = item { Some(call) } else { None })
    }

    /// Returns the calls of custom tools.
    pub fn custom_tool_calls(&self) -> impl Iterator<Item = &CustomToolCall> {
        self.output.iter().filter_map(|item| if let Item::CustomToolCall(call) = item { Some(call) } else { None })
    }

    /// Returns the parts of all messages.
    fn parts(&self) -> impl Iterator<Item = &ContentPart> {
        let contents = self
            .output
            .iter()
            .filter_map(|item| if let Item::Message(message) = item { Some(&message.content) } else { None });
        contents.flatten()
    }
}

/// Returns the status of a response that ended in this way.
pub(super) const fn status_of(class: EventClass) -> Option<&'static str> {
    match class {
        EventClass::Completed => Some("completed"),
        EventClass::Incomplete => Some("incomplete"),
        EventClass::Failed | EventClass::Error => Some("failed"),
        EventClass::Cancelled => Some("cancelled"),
        EventClass::Created | EventClass::Informational | EventClass::Output => None,
    }
}

/// Parses a time in Unix seconds, with or without a fraction.
struct Seconds(i64);

impl JsonValue for Seconds {
    fn read(json: &str) -> Option<Self> {
        if let Some(at) = lenient::count(json) {
            return Some(Self(at));
        }
        let at = json.parse::<f64>().ok().filter(|at| at.abs() < 9_007_199_254_740_992.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "the fraction is dropped, and the rest fits")]
        Some(Self(at as i64))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

serde_by_text!(Response);
