//! Shells and patches: their calls and outputs.

use alloc::string::String;

use crate::responses::item::call::Caller;
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
