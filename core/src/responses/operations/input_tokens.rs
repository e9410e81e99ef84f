//! Counts the tokens of an input.

use alloc::vec::Vec;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::Object;
use crate::responses::operations::{Operation, unreadable};
use crate::responses::record::JsonValue as _;
use crate::responses::request::{CreateResponse, ItemEncoding};
use crate::responses::session::HeaderSet;

/// Counts the tokens of an input: `POST responses/input_tokens`.
///
/// ```
/// use turnwire::responses::CreateResponse;
/// use turnwire::responses::operations::{CountInputTokens, Operation};
///
/// let count = CountInputTokens::new(CreateResponse::new("gpt-x", "How long am I?"));
/// assert_eq!(count.path(), "responses/input_tokens");
/// let tokens = CountInputTokens::read(&[], r#"{"object":"response.input_tokens","input_tokens":12}"#)?;
/// assert_eq!(tokens.input_tokens, 12);
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CountInputTokens {
    /// The request whose input is counted. Only its members that affect the input are sent.
    pub request: CreateResponse,
}

/// The response to [`CountInputTokens`].
///
/// ```
/// use turnwire::responses::operations::InputTokens;
///
/// let mut body = Vec::new();
/// InputTokens::new(12).encode(&mut body);
/// assert_eq!(body, br#"{"object":"response.input_tokens","input_tokens":12}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputTokens {
    /// The number of tokens.
    pub input_tokens: i64,
}

impl CountInputTokens {
    /// Creates the operation for this request.
    #[must_use]
    pub const fn new(request: CreateResponse) -> Self {
        Self { request }
    }
}

impl InputTokens {
    /// Creates a result with this count.
    #[must_use]
    pub const fn new(input_tokens: i64) -> Self {
        Self { input_tokens }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("object", "response.input_tokens");
        object.integer("input_tokens", self.input_tokens);
        object.end();
    }
}

impl Operation for CountInputTokens {
    type Answer = InputTokens;

    const PATH: &'static str = "responses/input_tokens";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let request = &self.request;
        let mut object = Object::new(out);
        object.string("model", &request.model);
        object.array("input", &request.input, |item, out| item.encode_for(wire, out));
        object.optional("instructions", Some(request.instructions.as_str()).filter(|text| !text.is_empty()));
        object.optional("previous_response_id", request.previous_response_id.as_deref());
        if let Some(conversation) = &request.conversation {
            conversation.write(object.key("conversation"));
        }
        if let Some(tools) = &request.tools {
            tools.write(object.key("tools"));
            object.raw("tool_choice", request.tool_choice.as_str());
            object.boolean("parallel_tool_calls", request.parallel_tool_calls);
        }
        if let Some(reasoning) = &request.reasoning {
            reasoning.clone().for_wire().write(object.key("reasoning"));
        }
        if let Some(text) = &request.text {
            text.write(object.key("text"));
        }
        object.optional("truncation", request.truncation.as_deref());
        object.extra(&request.extra);
        object.end();
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<InputTokens, Failure> {
        let refuse = |why: Malformed| unreadable("", &why, body);
        let mut members = Members::untyped(body).map_err(refuse)?;
        let count = members.take("input_tokens").and_then(lenient::count);
        let input_tokens = count.ok_or_else(|| refuse(Malformed::missing("response.input_tokens", "input_tokens")))?;
        Ok(InputTokens { input_tokens })
    }
}
