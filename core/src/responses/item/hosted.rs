//! Items of built-in tools and of the public API (`docs/vocabulary.md`). One that lacks what belongs to its kind is kept as
//! [`Item::Other`](super::Item::Other).

use alloc::string::String;

use crate::responses::item::field_codec::{self as codec, FieldCodec as _, ModelText};
use crate::responses::item::part::ContentPart;
use crate::responses::item::types::{Caller, PASSTHROUGH};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, given_type, given_value, record};
use crate::responses::request::{ItemEncoding, TextOptions};

/// Declares an item: its required members, those that a model wrote (kept as JSON text if not a string), and the
/// others.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident (
        $($(#[$required_doc:meta])* $required:ident: $required_type:tt),*
    ) [ $($(#[$model_doc:meta])* $model:ident),* ] { $($(#[$member_doc:meta])* $member:ident: $type:tt,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// The item's id, if it has one. The request decides whether it is sent (docs/protocol.md §3.6).
            pub id: Option<String>,
            $($(#[$required_doc])* pub $required: field_type!($required_type),)*
            $($(#[$model_doc])* pub $model: String,)*
            $($(#[$member_doc])* pub $member: Option<field_type!($type)>,)*
            /// Metadata that a server added to the item and expects back.
            pub passthrough: Option<RawJson<'static>>,
            /// Unknown members, written back unchanged.
            pub extra: ExtraMembers,
        }

        impl $name {
            /// Creates the item with its required members; all others are unset.
            #[must_use]
            pub fn new($($required: given_type!($required_type),)* $($model: impl Into<String>,)*) -> Self {
                Self {
                    id: None,
                    $($required: given_value!($required_type $required),)*
                    $($model: $model.into(),)*
                    $($member: None,)*
                    passthrough: None,
                    extra: ExtraMembers::new(),
                }
            }

            /// Sets the id.
            #[must_use]
            pub fn with_id(mut self, id: &str) -> Self {
                self.id = Some(id.into());
                self
            }

            $(
                #[doc = concat!("Sets `", stringify!($member), "`.")]
                #[must_use]
                pub fn $member(mut self, $member: given_type!($type)) -> Self {
                    self.$member = Some(given_value!($type $member));
                    self
                }
            )*

            pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    id: codec::read_id(&mut members)?,
                    $($required: members.required_value(stringify!($required))?,)*
                    $($model: ModelText::read(&mut members, stringify!($model))?,)*
                    $($member: members.optional_value(stringify!($member)),)*
                    passthrough: members.optional_raw(PASSTHROUGH)?,
                    extra: members.rest(),
                })
            }

            /// Removes the members that do not count in comparisons.
            pub(in crate::responses) fn clear_beside(&mut self) {
                self.passthrough = None;
                self.extra.clear();
            }

            pub(in crate::responses) fn write(&self, object: &mut Object<'_>, wire: ItemEncoding) {
                object.optional("id", self.id.as_deref().filter(|id| wire.sends_id(id)));
                $(JsonValue::write(&self.$required, object.key(stringify!($required)));)*
                $(object.string(stringify!($model), &self.$model);)*
                $(if let Some(value) = &self.$member {
                    JsonValue::write(value, object.key(stringify!($member)));
                })*
                if let Some(passthrough) = self.passthrough.as_ref().filter(|_| wire.passthrough) {
                    object.raw(PASSTHROUGH, passthrough.as_str());
                }
                object.extra(&self.extra);
            }
        }
    };
}

item! {
    /// A search of files.
    ///
    /// ```
    /// use turnwire::responses::{FileSearchCall, FileSearchResult, Item};
    ///
    /// let call = FileSearchCall::new(["rust"]).results([FileSearchResult::new().filename("a.md")]);
    /// assert_eq!(Item::FileSearchCall(call).kind(), "file_search_call");
    /// ```
    FileSearchCall(
        /// The queries.
        queries: [String]
    ) [] {
        /// `in_progress`, `searching`, `completed`, `incomplete` or `failed`.
        status: String,
        /// The results, if the request includes them.
        results: [FileSearchResult],
    }
}

record! {
    /// A part of a file that was found.
    ///
    /// ```
    /// use turnwire::responses::FileSearchResult;
    ///
    /// let result = FileSearchResult::parse(r#"{"file_id":"file_1","score":0.5}"#)?;
    /// assert_eq!(result.score.as_ref().map(|score| score.parse::<f64>()), Some(Ok(0.5)));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Default, Eq)]
    FileSearchResult "" pub new() {
        /// The id of the file.
        file_id: String,
        /// The name of the file.
        filename: String,
        /// The score: a number from 0 to 1, as the server wrote it.
        score: RawJson,
        /// The text.
        text: String,
        /// The attributes of the file: an object of strings, numbers and booleans.
        attributes: RawJson,
    }
}

item! {
    /// Actions on the computer.
    ///
    /// ```
    /// use turnwire::responses::{ComputerCall, Item, RawJson};
    ///
    /// let call = ComputerCall::new("call_1").action(RawJson::new(r#"{"type":"screenshot"}"#)?);
    /// assert_eq!(
    ///     Item::ComputerCall(call).to_json(),
    ///     r#"{"type":"computer_call","call_id":"call_1","action":{"type":"screenshot"}}"#
    /// );
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    ComputerCall(
        /// The id of the call, to which its output refers.
        call_id: String
    ) [] {
        /// The action: an object of the type `click`, `double_click`, `drag`, `keypress`, `move`, `screenshot`, `scroll`,
        /// `type` or `wait`.
        action: RawJson,
        /// The actions, in their order, where there are several.
        actions: [RawJson],
        /// The safety checks that the application must acknowledge with the output.
        pending_safety_checks: [SafetyCheck],
        /// `in_progress`, `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// The screen after the actions of a call.
    ///
    /// ```
    /// use turnwire::responses::{ComputerCallOutput, ContentPart, Item};
    ///
    /// let output = ComputerCallOutput::new("call_1", ContentPart::computer_screenshot("data:image/png;base64,AA=="));
    /// assert_eq!(Item::ComputerCallOutput(output).kind(), "computer_call_output");
    /// ```
    ComputerCallOutput(
        /// The call.
        call_id: String,
        /// The screenshot.
        output: ContentPart
    ) [] {
        /// The checks that the application acknowledges.
        acknowledged_safety_checks: [SafetyCheck],
        /// `in_progress`, `completed`, `incomplete` or `failed`.
        status: String,
        /// The author of the item.
        created_by: String,
    }
}

record! {
    /// A reason why an action on the computer needs a person's attention.
    ///
    /// ```
    /// use turnwire::responses::SafetyCheck;
    ///
    /// let check = SafetyCheck::new("sc_1").code("malicious_instructions");
    /// assert_eq!(check.to_raw().as_str(), r#"{"id":"sc_1","code":"malicious_instructions"}"#);
    /// ```
    #[derive(Debug, Eq)]
    SafetyCheck "" pub new(
        /// The id.
        id: String
    ) {
        /// The code of the reason.
        code: String,
        /// The reason as text.
        message: String,
    }
}

item! {
    /// Code that the server ran.
    ///
    /// ```
    /// use turnwire::responses::{CodeInterpreterCall, Item};
    ///
    /// let call = CodeInterpreterCall::new().code("1 + 1").container_id("cntr_1");
    /// assert_eq!(Item::CodeInterpreterCall(call).kind(), "code_interpreter_call");
    /// ```
    CodeInterpreterCall() [] {
        /// The code.
        code: String,
        /// The container that it ran in.
        container_id: String,
        /// The outputs, if the request includes them.
        outputs: [CodeOutput],
        /// `in_progress`, `interpreting`, `completed`, `incomplete` or `failed`.
        status: String,
    }
}

record! {
    /// Logs or an image of code that ran.
    ///
    /// ```
    /// use turnwire::responses::CodeOutput;
    ///
    /// assert_eq!(CodeOutput::new("logs").logs("2").to_raw().as_str(), r#"{"type":"logs","logs":"2"}"#);
    /// ```
    #[derive(Debug, Eq)]
    CodeOutput "" pub new(
        /// `logs` or `image`.
        kind("type"): String
    ) {
        /// The logs.
        logs: String,
        /// The URL of the image.
        url: String,
    }
}

item! {
    /// The output of a local shell's call.
    ///
    /// ```
    /// use turnwire::responses::{Item, LocalShellCallOutput};
    ///
    /// let output = LocalShellCallOutput::new("done").with_id("lsh_1").status("completed");
    /// assert_eq!(
    ///     Item::LocalShellCallOutput(output).to_json(),
    ///     r#"{"type":"local_shell_call_output","id":"lsh_1","output":"done","status":"completed"}"#
    /// );
    /// ```
    LocalShellCallOutput() [
        /// The output.
        output
    ] {
        /// The call, where it is named.
        call_id: String,
        /// `in_progress`, `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// Commands for a shell.
    ///
    /// ```
    /// use turnwire::responses::{Item, ShellAction, ShellCall};
    ///
    /// let call = ShellCall::new("call_1", ShellAction::new(["ls"]).timeout_ms(1000));
    /// assert_eq!(
    ///     Item::ShellCall(call).to_json(),
    ///     r#"{"type":"shell_call","call_id":"call_1","action":{"commands":["ls"],"timeout_ms":1000}}"#
    /// );
    /// ```
    ShellCall(
        /// The call, which its output names.
        call_id: String,
        /// The commands.
        action: ShellAction
    ) [] {
        /// The environment: an object of the type `local` or `container_reference`.
        environment: RawJson,
        /// `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

record! {
    /// The commands of a shell call.
    ///
    /// ```
    /// use turnwire::responses::ShellAction;
    ///
    /// assert_eq!(ShellAction::new(["ls", "pwd"]).commands.len(), 2);
    /// ```
    #[derive(Debug, Eq)]
    ShellAction "" pub new(
        /// The commands, in their order.
        commands: [String]
    ) {
        /// The timeout in milliseconds.
        timeout_ms: i64,
        /// The maximum length of the output, in characters.
        max_output_length: i64,
    }
}

item! {
    /// The output of a shell's commands.
    ///
    /// ```
    /// use turnwire::responses::{Item, ShellCallOutput, ShellOutcome, ShellOutput};
    ///
    /// let output = ShellOutput::new("a.txt", "", ShellOutcome::new("exit").exit_code(0));
    /// let item = Item::ShellCallOutput(ShellCallOutput::new("call_1", [output]));
    /// assert_eq!(item.kind(), "shell_call_output");
    /// ```
    ShellCallOutput(
        /// The call.
        call_id: String,
        /// The outputs, one per command.
        output: [ShellOutput]
    ) [] {
        /// The maximum length that the call named.
        max_output_length: i64,
        /// `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

record! {
    /// The output of a command of a shell.
    ///
    /// ```
    /// use turnwire::responses::{ShellOutcome, ShellOutput};
    ///
    /// let late = ShellOutput::new("", "", ShellOutcome::new("timeout"));
    /// assert_eq!(late.outcome.kind, "timeout");
    /// ```
    #[derive(Debug, Eq)]
    ShellOutput "" pub new(
        /// The standard output.
        stdout: String,
        /// The standard error.
        stderr: String,
        /// The outcome.
        outcome: ShellOutcome
    ) {
        /// The author.
        created_by: String,
    }
}

record! {
    /// The outcome of a command of a shell.
    ///
    /// ```
    /// use turnwire::responses::ShellOutcome;
    ///
    /// let outcome = ShellOutcome::new("exit").exit_code(1);
    /// assert_eq!(outcome.to_raw().as_str(), r#"{"type":"exit","exit_code":1}"#);
    /// ```
    #[derive(Debug, Eq)]
    ShellOutcome "" pub new(
        /// `exit` or `timeout`.
        kind("type"): String
    ) {
        /// The exit code.
        exit_code: i64,
    }
}

item! {
    /// A patch of a file.
    ///
    /// ```
    /// use turnwire::responses::{ApplyPatchCall, Item, PatchOperation};
    ///
    /// let call = ApplyPatchCall::new("call_1", PatchOperation::new("delete_file", "a.txt"));
    /// assert_eq!(Item::ApplyPatchCall(call).kind(), "apply_patch_call");
    /// ```
    ApplyPatchCall(
        /// The id of the call, to which its output refers.
        call_id: String,
        /// The operation.
        operation: PatchOperation
    ) [] {
        /// `in_progress` or `completed`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

record! {
    /// The operation of a patch on a file.
    ///
    /// ```
    /// use turnwire::responses::PatchOperation;
    ///
    /// let update = PatchOperation::new("update_file", "a.txt").diff("@@\n-a\n+b");
    /// assert_eq!(update.path, "a.txt");
    /// ```
    #[derive(Debug, Eq)]
    PatchOperation "" pub new(
        /// `create_file`, `update_file` or `delete_file`.
        kind("type"): String,
        /// The file.
        path: String
    ) {
        /// The change.
        diff: String,
    }
}

item! {
    /// The result of a patch.
    ///
    /// ```
    /// use turnwire::responses::{ApplyPatchCallOutput, Item};
    ///
    /// let output = ApplyPatchCallOutput::new("call_1", "failed").output("no such file");
    /// assert_eq!(Item::ApplyPatchCallOutput(output).kind(), "apply_patch_call_output");
    /// ```
    ApplyPatchCallOutput(
        /// The call.
        call_id: String,
        /// `completed` or `failed`.
        status: String
    ) [] {
        /// The output of the tool.
        output: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

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

item! {
    /// A program of the model, which calls tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, Program};
    ///
    /// assert_eq!(Item::Program(Program::new("call_1", "look()")).kind(), "program");
    /// ```
    Program(
        /// The call, which its output names.
        call_id: String,
        /// The code.
        code: String
    ) [] {
        /// The fingerprint of the program.
        fingerprint: String,
    }
}

item! {
    /// The result of a program.
    ///
    /// ```
    /// use turnwire::responses::{Item, ProgramOutput};
    ///
    /// assert_eq!(Item::ProgramOutput(ProgramOutput::new("call_1", "2")).kind(), "program_output");
    /// ```
    ProgramOutput(
        /// The call.
        call_id: String
    ) [
        /// The result.
        result
    ] {
        /// `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// Changes the settings of the following responses.
    ///
    /// ```
    /// use turnwire::responses::{ConfigurationUpdate, Item, request::TextOptions};
    ///
    /// let update = ConfigurationUpdate::new().text(TextOptions::json_object());
    /// assert_eq!(Item::ConfigurationUpdate(update).kind(), "configuration_update");
    /// ```
    ConfigurationUpdate() [] {
        /// The reasoning options, as JSON: an object with `effort`.
        reasoning: RawJson,
        /// The text options.
        text: TextOptions,
    }
}

/// Refers to an item that the server stores. Its id is always sent.
///
/// ```
/// use turnwire::responses::{Item, ItemReference};
///
/// let item = Item::ItemReference(ItemReference::new("msg_1"));
/// assert_eq!(item.to_json(), r#"{"type":"item_reference","id":"msg_1"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemReference {
    /// The id of the item.
    pub id: String,
    /// Unknown members, written back unchanged.
    pub extra: ExtraMembers,
}

impl ItemReference {
    /// Creates a reference to the item of this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), extra: ExtraMembers::new() }
    }

    pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
        Ok(Self { id: members.required_value("id")?, extra: members.rest() })
    }

    pub(in crate::responses) fn write(&self, object: &mut Object<'_>) {
        object.string("id", &self.id);
        object.extra(&self.extra);
    }
}

impl Default for CodeInterpreterCall {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for ConfigurationUpdate {
    fn default() -> Self {
        Self::new()
    }
}
