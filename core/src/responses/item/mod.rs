//! Items: the elements of a conversation, in the `input` of a request and in the output of a response
//! ([docs/protocol.md §3.4](crate::docs::protocol#34-items-input-and-item-in-output-events)).
//!
//! Every type keeps unknown members and writes them back unchanged. An item of an unknown `type` is kept as a whole.

mod build;
mod codec;
mod field_codec;
mod hosted;
#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod item;
mod part;
mod shell_action;
mod types;

pub use crate::responses::item_encoding::is_prefixed;
pub use hosted::{
    ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall, CodeOutput, ComputerCall, ComputerCallOutput,
    ConfigurationUpdate, FileSearchCall, FileSearchResult, ItemReference, LocalShellCallOutput, McpApprovalRequest,
    McpApprovalResponse, McpCall, McpListTools, McpTool, PatchOperation, Program, ProgramOutput, SafetyCheck,
    ShellAction, ShellCall, ShellCallOutput, ShellOutcome, ShellOutput,
};
pub use item::{Item, parse_input, parse_items};
pub use part::{AudioData, ContentPart, OutputPart, ToolOutput};
pub use shell_action::LocalShellAction;
pub use types::{
    AdditionalTools, AgentMessage, Caller, Compaction, ContextCompaction, CustomToolCall, CustomToolCallOutput,
    FunctionCall, FunctionCallOutput, ImageGenerationCall, LocalShellCall, Message, Reasoning, ToolSearchCall,
    ToolSearchOutput, WebSearchCall,
};
