//! Operations of the public API on stored responses: retrieve, delete, cancel, list the input, count tokens.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::item::{Item, parse_items};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, array};
use crate::responses::operations::{Operation, unreadable};
use crate::responses::record::JsonValue;
use crate::responses::request::{CreateResponse, ItemEncoding};
use crate::responses::response::Response;
use crate::responses::session::HeaderSet;

/// Retrieves a stored response: `GET responses/{id}`.
///
/// ```
/// use turnwire::responses::operations::{Operation, RetrieveResponse};
///
/// let retrieve = RetrieveResponse::new("resp_1").include(["reasoning.encrypted_content"]);
/// assert_eq!(retrieve.path(), "responses/resp_1");
/// assert_eq!(retrieve.query(), [("include[]".to_string(), "reasoning.encrypted_content".to_string())]);
/// let response = RetrieveResponse::read(&[], r#"{"id":"resp_1","object":"response","status":"in_progress"}"#)?;
/// assert_eq!(response.status.as_deref(), Some("in_progress"));
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrieveResponse {
    /// The id of the response.
    pub id: String,
    /// Additional output.
    pub include: Vec<String>,
}

/// Deletes a stored response: `DELETE responses/{id}`.
///
/// ```
/// use turnwire::responses::operations::{DeleteResponse, Operation};
///
/// assert_eq!((DeleteResponse::METHOD, DeleteResponse::new("resp_1").path().as_ref()), ("DELETE", "responses/resp_1"));
/// assert!(DeleteResponse::read(&[], r#"{"id":"resp_1","object":"response","deleted":true}"#)?.deleted);
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteResponse {
    /// The id of the response.
    pub id: String,
}

/// Cancels a background response: `POST responses/{id}/cancel`.
///
/// ```
/// use turnwire::responses::operations::{CancelResponse, Operation};
///
/// assert_eq!(CancelResponse::new("resp_1").path(), "responses/resp_1/cancel");
/// let response = CancelResponse::read(&[], r#"{"id":"resp_1","status":"cancelled"}"#)?;
/// assert_eq!(response.status.as_deref(), Some("cancelled"));
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelResponse {
    /// The id of the response.
    pub id: String,
}

/// Lists the input of a stored response, page by page: `GET responses/{id}/input_items`.
///
/// ```
/// use turnwire::responses::operations::{ListInputItems, Operation};
///
/// let first = ListInputItems::new("resp_1").limit(1).order("asc");
/// let page = ListInputItems::read(
///     &[],
///     r#"{"object":"list","data":[{"id":"msg_1","type":"message","role":"user","content":[]}],"last_id":"msg_1","has_more":true}"#,
/// )?;
/// let next = first.following(&page).expect("there is more");
/// assert_eq!(next.after.as_deref(), Some("msg_1"));
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListInputItems {
    /// The id of the response.
    pub id: String,
    /// The item after which the page begins; `None` means the first page.
    pub after: Option<String>,
    /// The maximum number of items per page, 1 to 100. Default: 20.
    pub limit: Option<u32>,
    /// `asc` or `desc`. Default: `desc`.
    pub order: Option<String>,
    /// Additional output.
    pub include: Vec<String>,
}

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

/// The response to [`DeleteResponse`].
///
/// ```
/// use turnwire::responses::operations::Deleted;
///
/// let mut body = Vec::new();
/// Deleted::new("resp_1").encode(&mut body);
/// assert_eq!(body, br#"{"id":"resp_1","object":"response","deleted":true}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deleted {
    /// The id of the response.
    pub id: Option<String>,
    /// Whether the response is deleted, also if the server's response has no body.
    pub deleted: bool,
}

/// One page of the response to [`ListInputItems`].
///
/// ```
/// use turnwire::responses::{Item, operations::InputItems};
///
/// let page = InputItems::new(vec![Item::user("Hi")], false);
/// assert_eq!(page.data.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputItems {
    /// The items.
    pub data: Vec<Item>,
    /// The id of the first item.
    pub first_id: Option<String>,
    /// The id of the last item.
    pub last_id: Option<String>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Unknown members.
    pub extra: ExtraMembers,
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

impl RetrieveResponse {
    /// Creates the operation for a response with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), include: Vec::new() }
    }

    /// Sets additional output.
    #[must_use]
    pub fn include(mut self, include: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = include.into_iter().map(Into::into).collect();
        self
    }
}

impl DeleteResponse {
    /// Creates the operation for a response with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into() }
    }
}

impl CancelResponse {
    /// Creates the operation for a response with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into() }
    }
}

impl ListInputItems {
    /// Creates the operation for a response with this id, from its first page on.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), after: None, limit: None, order: None, include: Vec::new() }
    }

    /// Sets the item after which the page begins.
    #[must_use]
    pub fn after(mut self, item_id: &str) -> Self {
        self.after = Some(item_id.into());
        self
    }

    /// Sets the maximum number of items per page.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the order: `asc` or `desc`.
    #[must_use]
    pub fn order(mut self, order: &str) -> Self {
        self.order = Some(order.into());
        self
    }

    /// Sets additional output.
    #[must_use]
    pub fn include(mut self, include: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = include.into_iter().map(Into::into).collect();
        self
    }

    /// Returns the operation for the next page. `None` if this is the last one, or does not name the last item.
    #[must_use]
    pub fn following(&self, page: &InputItems) -> Option<Self> {
        let last = page.last_id.as_deref().or_else(|| page.data.last()?.id())?;
        // A server that repeats a page would cause an endless loop.
        let advances = self.after.as_deref() != Some(last);
        (page.has_more && advances).then(|| self.clone().after(last))
    }
}

impl InputItems {
    /// Creates a page with these items.
    #[must_use]
    pub fn new(data: Vec<Item>, has_more: bool) -> Self {
        let id = |item: Option<&Item>| item.and_then(Item::id).map(Into::into);
        Self { first_id: id(data.first()), last_id: id(data.last()), data, has_more, extra: ExtraMembers::new() }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("object", "list");
        array(&self.data, object.key("data"), Item::encode);
        object.nullable("first_id", self.first_id.as_deref());
        object.nullable("last_id", self.last_id.as_deref());
        object.boolean("has_more", self.has_more);
        object.extra(&self.extra);
        object.end();
    }
}

impl CountInputTokens {
    /// Creates the operation for this request.
    #[must_use]
    pub const fn new(request: CreateResponse) -> Self {
        Self { request }
    }
}

impl Deleted {
    /// Creates the confirmation that this response is deleted.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: Some(id.into()), deleted: true }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.optional("id", self.id.as_deref());
        object.string("object", "response");
        object.boolean("deleted", self.deleted);
        object.end();
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

impl Operation for RetrieveResponse {
    type Answer = Response;

    const METHOD: &'static str = "GET";
    const PATH: &'static str = "responses/{id}";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn path(&self) -> Cow<'static, str> {
        path_of(&self.id, "")
    }

    fn query(&self) -> Vec<(String, String)> {
        included(&self.include)
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Response, Failure> {
        response(body)
    }
}

impl Operation for DeleteResponse {
    type Answer = Deleted;

    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "responses/{id}";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn path(&self) -> Cow<'static, str> {
        path_of(&self.id, "")
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Deleted, Failure> {
        if body.trim().is_empty() {
            return Ok(Deleted { id: None, deleted: true });
        }
        let mut members = Members::untyped(body).map_err(|why| unreadable("", &why, body))?;
        let deleted: Option<bool> = members.optional_value("deleted");
        Ok(Deleted { id: members.optional_value("id"), deleted: deleted.unwrap_or(true) })
    }
}

impl Operation for CancelResponse {
    type Answer = Response;

    const PATH: &'static str = "responses/{id}/cancel";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn path(&self) -> Cow<'static, str> {
        path_of(&self.id, "/cancel")
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Response, Failure> {
        response(body)
    }
}

impl Operation for ListInputItems {
    type Answer = InputItems;

    const METHOD: &'static str = "GET";
    const PATH: &'static str = "responses/{id}/input_items";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn path(&self) -> Cow<'static, str> {
        path_of(&self.id, "/input_items")
    }

    fn query(&self) -> Vec<(String, String)> {
        let mut query = Vec::new();
        let mut push = |name: &str, value: Option<String>| query.extend(value.map(|value| (name.to_string(), value)));
        push("after", self.after.clone());
        push("limit", self.limit.map(|limit| limit.to_string()));
        push("order", self.order.clone());
        query.extend(included(&self.include));
        query
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<InputItems, Failure> {
        let refuse = |why: Malformed| unreadable("", &why, body);
        let mut members = Members::untyped(body).map_err(refuse)?;
        let data = members.take("data").ok_or_else(|| refuse(Malformed::missing("list", "data")))?;
        let data = parse_items(data).map_err(refuse)?;
        members.take("object");
        let has_more: Option<bool> = members.optional_value("has_more");
        Ok(InputItems {
            data,
            first_id: members.optional_value("first_id"),
            last_id: members.optional_value("last_id"),
            has_more: has_more.unwrap_or(false),
            extra: members.rest(),
        })
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

/// Parses a response in a body. An object without any member of a response is rejected.
fn response(body: &str) -> Result<Response, Failure> {
    let response = Response::parse(body).map_err(|why| unreadable("", &why, body))?;
    if response.id.is_none() && response.status.is_none() {
        return Err(unreadable("", &Malformed::missing("response", "id"), body));
    }
    Ok(response)
}

/// Returns the path of a response, with invalid characters percent-encoded (RFC 3986 §2.1).
pub(crate) fn path_of(id: &str, below: &str) -> Cow<'static, str> {
    let mut path = String::from("responses/");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(char::from(byte)),
            // A segment of dots would change the path.
            b'.' if id.bytes().any(|byte| byte != b'.') => path.push('.'),
            byte => path.push_str(&alloc::format!("%{byte:02X}")),
        }
    }
    path.push_str(below);
    Cow::Owned(path)
}

fn included(include: &[String]) -> Vec<(String, String)> {
    include.iter().map(|word| ("include[]".to_string(), word.clone())).collect()
}
