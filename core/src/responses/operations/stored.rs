//! Operations of the public API on a stored response: retrieve, delete, cancel.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::Object;
use crate::responses::operations::{Operation, unreadable};
use crate::responses::request::ItemEncoding;
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

/// The query that asks for additional output.
pub(super) fn included(include: &[String]) -> Vec<(String, String)> {
    include.iter().map(|word| ("include[]".to_string(), word.clone())).collect()
}
