//! Constructors of items: each with its required members, and all others unset.

use alloc::string::String;
use alloc::vec::Vec;

use super::shell_action::LocalShellAction;
use crate::responses::item::call::{
    CustomToolCall, CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageGenerationCall, LocalShellCall,
    ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
use crate::responses::item::message::{
    AdditionalTools, AgentMessage, Compaction, ContextCompaction, Message, Reasoning,
};
use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::json::object_writer::ExtraMembers;
use crate::responses::json::raw::RawJson;

/// Declares a constructor: the required members, and the values of the others.
macro_rules! build {
    ($(#[$doc:meta])* $name:ident($($need:ident: $type:ty),*) { $($member:ident: $value:expr,)* } $($beside:ident)*) => {
        impl $name {
            $(#[$doc])*
            #[must_use]
            pub fn new($($need: $type),*) -> Self {
                Self { id: None, $($member: $value,)* $($beside: None,)* passthrough: None, extra: ExtraMembers::new() }
            }

            /// Sets the id.
            #[must_use]
            pub fn with_id(mut self, id: &str) -> Self {
                self.id = Some(id.into());
                self
            }
        }
    };
}

build! {
    /// A message of this role.
    Message(role: &str, content: Vec<ContentPart>) { role: role.into(), content: content, phase: None, } status
}
build! {
    /// Creates a message from one agent to another.
    AgentMessage(author: &str, recipient: &str, content: Vec<ContentPart>) {
        author: author.into(), recipient: recipient.into(), content: content,
    }
}
build! {
    /// Reasoning with these summaries.
    Reasoning(summary: Vec<ContentPart>) { summary: summary, content: None, encrypted_content: None, } status
}
build! {
    /// Creates a call that runs this command.
    LocalShellCall(call_id: &str, status: &str, command: Vec<String>) {
        call_id: Some(call_id.into()), status: Some(status.into()), action: LocalShellAction::exec(command),
    }
}
build! {
    /// Creates a call with these arguments: JSON in a string.
    FunctionCall(call_id: &str, name: &str, arguments: &str) {
        name: name.into(), namespace: None, arguments: arguments.into(), call_id: call_id.into(), status: None,
    } caller asynchronous created_by
}
build! {
    /// Creates the output of this call.
    FunctionCallOutput(call_id: &str, output: ToolOutput) { call_id: call_id.into(), output: output, } status caller name namespace created_by
}
build! {
    /// Creates a call with this input.
    CustomToolCall(call_id: &str, name: &str, input: &str) {
        status: None, call_id: call_id.into(), name: name.into(), namespace: None, input: input.into(),
    } caller asynchronous created_by
}
build! {
    /// Creates the output of this call.
    CustomToolCallOutput(call_id: &str, output: ToolOutput) { call_id: call_id.into(), name: None, output: output, } status caller created_by
}
build! {
    /// Creates a search by this executor, with these arguments.
    ToolSearchCall(execution: &str, arguments: RawJson<'static>) {
        call_id: None, status: None, execution: execution.into(), arguments: arguments,
    } created_by
}
build! {
    /// Creates the results of a search.
    ToolSearchOutput(status: &str, execution: &str, tools: Vec<RawJson<'static>>) {
        call_id: None, status: Some(status.into()), execution: execution.into(), tools: tools,
    } created_by
}
build! {
    /// Creates a search with this status.
    WebSearchCall(status: &str) { status: Some(status.into()), action: None, }
}
build! {
    /// Creates a generated image, in base64, or one that is not yet available.
    ImageGenerationCall(status: &str, result: Option<String>) {
        status: Some(status.into()), revised_prompt: None, result: result,
    } action background output_format quality size error svg_usage
}
build! {
    /// A compacted history.
    Compaction(encrypted_content: &str) { encrypted_content: encrypted_content.into(), } created_by
}
build! {
    /// A compacted context.
    ContextCompaction(encrypted_content: Option<String>) { encrypted_content: encrypted_content, }
}
build! {
    /// Creates a developer item with these tools.
    AdditionalTools(tools: Vec<RawJson<'static>>) { role: "developer".into(), tools: tools, }
}

impl Message {
    /// Returns all of its text, concatenated.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(ContentPart::text).collect()
    }
}
