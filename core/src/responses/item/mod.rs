//! Items: the elements of a conversation, in the `input` of a request and in the output of a response
//! ([docs/protocol.md §3.4](crate::docs::protocol#34-items-input-and-item-in-output-events)).
//!
//! Every type keeps unknown members and writes them back unchanged. An item of an unknown `type` is kept as a whole.

mod build;
mod call;
mod codec;
mod field_codec;
mod hosted;
#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod item;
mod macros;
mod message;
mod part;
mod shell_action;

pub use crate::responses::item_encoding::is_prefixed;
pub use call::{
    Caller, CustomToolCall, CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageGenerationCall,
    LocalShellCall, ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
pub use hosted::{
    ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall, CodeOutput, ComputerCall, ComputerCallOutput,
    ConfigurationUpdate, FileSearchCall, FileSearchResult, ItemReference, LocalShellCallOutput, McpApprovalRequest,
    McpApprovalResponse, McpCall, McpListTools, McpTool, PatchOperation, Program, ProgramOutput, SafetyCheck,
    ShellAction, ShellCall, ShellCallOutput, ShellOutcome, ShellOutput,
};
pub use item::{Item, parse_input, parse_items};
pub use message::{AdditionalTools, AgentMessage, Compaction, ContextCompaction, Message, Reasoning};
pub use part::{AudioData, ContentPart, OutputPart, ToolOutput};
pub use shell_action::LocalShellAction;
