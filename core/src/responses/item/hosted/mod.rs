//! Items of built-in tools and of the public API (`docs/vocabulary.md`). One that lacks what belongs to its kind is kept as
//! [`Item::Other`](super::Item::Other).

mod declare;
mod mcp;
mod settings;
mod shell;
mod tools;

pub use mcp::{McpApprovalRequest, McpApprovalResponse, McpCall, McpListTools, McpTool};
pub use settings::{ConfigurationUpdate, ItemReference, Program, ProgramOutput};
pub use shell::{
    ApplyPatchCall, ApplyPatchCallOutput, LocalShellCallOutput, PatchOperation, ShellAction, ShellCall,
    ShellCallOutput, ShellOutcome, ShellOutput,
};
pub use tools::{
    CodeInterpreterCall, CodeOutput, ComputerCall, ComputerCallOutput, FileSearchCall, FileSearchResult, SafetyCheck,
};
