//! Tools of MCP servers that the server of the model calls.

use alloc::string::String;

use crate::responses::item::field_codec::{self as codec, FieldCodec as _, ModelText};
use crate::responses::item::hosted::declare::item;
use crate::responses::item::macros::PASSTHROUGH;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, given_type, given_value, record};
use crate::responses::request::ItemEncoding;

item! {
    /// A call of a tool of an MCP server, which the server of the model made.
    ///
    /// ```
    /// use turnwire::responses::{Item, McpCall};
    ///
    /// let call = McpCall::new("wiki", "search", r#"{"q":"rust"}"#).output("found");
    /// assert_eq!(Item::McpCall(call).kind(), "mcp_call");
    /// ```
    McpCall(
        /// The MCP server.
        server_label: String,
        /// The tool.
        name: String
    ) [
        /// The arguments: JSON in a string, as the model wrote it.
        arguments
    ] {
        /// The output of the tool.
        output: String,
        /// Why the call failed.
        error: RawJson,
        /// The request for approval that came before.
        approval_request_id: String,
        /// `in_progress`, `calling`, `completed`, `incomplete` or `failed`.
        status: String,
    }
}

item! {
    /// The tools of an MCP server.
    ///
    /// ```
    /// use turnwire::responses::{Item, McpListTools, McpTool, RawJson};
    ///
    /// let search = McpTool::new("search", RawJson::new(r#"{"type":"object"}"#)?);
    /// assert_eq!(Item::McpListTools(McpListTools::new("wiki", [search])).kind(), "mcp_list_tools");
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    McpListTools(
        /// The MCP server.
        server_label: String,
        /// Its tools.
        tools: [McpTool]
    ) [] {
        /// The error, if the tools could not be listed.
        error: RawJson,
    }
}

record! {
    /// A tool of an MCP server.
    ///
    /// ```
    /// use turnwire::responses::{McpTool, RawJson};
    ///
    /// let tool = McpTool::new("search", RawJson::new(r#"{"type":"object"}"#)?).description("Searches.");
    /// assert_eq!(tool.description.as_deref(), Some("Searches."));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Eq)]
    McpTool "" pub new(
        /// The name.
        name: String,
        /// The JSON schema of its arguments.
        input_schema: RawJson
    ) {
        /// The description.
        description: String,
        /// Annotations, any JSON.
        annotations: RawJson,
    }
}

item! {
    /// Asks the application to approve a call of an MCP server's tool.
    ///
    /// ```
    /// use turnwire::responses::{Item, McpApprovalRequest};
    ///
    /// let request = McpApprovalRequest::new("wiki", "delete", "{}").with_id("mcpr_1");
    /// assert_eq!(Item::McpApprovalRequest(request).id(), Some("mcpr_1"));
    /// ```
    McpApprovalRequest(
        /// The MCP server.
        server_label: String,
        /// The tool.
        name: String
    ) [
        /// The arguments: JSON in a string, as the model wrote it.
        arguments
    ] {}
}

item! {
    /// Approves or rejects a call of an MCP server's tool.
    ///
    /// ```
    /// use turnwire::responses::{Item, McpApprovalResponse};
    ///
    /// let response = McpApprovalResponse::new("mcpr_1", false).reason("too much");
    /// assert_eq!(
    ///     Item::McpApprovalResponse(response).to_json(),
    ///     r#"{"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":false,"reason":"too much"}"#
    /// );
    /// ```
    McpApprovalResponse(
        /// The request.
        approval_request_id: String,
        /// Whether the call is approved.
        approve: bool
    ) [] {
        /// The reason.
        reason: String,
    }
}
