//! Tools: the shapes that requests carry ([docs/protocol.md §3.9](crate::docs::protocol#39-tools), and the public API).
//!
//! A request accepts any JSON as a tool. The types here write the known ones: each has a constructor with its required
//! members, a
//! method for each other member, and is turned into JSON by [`CreateResponse::tools`](super::CreateResponse::tools).
//!
//! ```
//! use turnwire::responses::tool::{FileSearch, Mcp, Tool, ToolChoice, WebSearch};
//! use turnwire::responses::CreateResponse;
//!
//! let tools: [Tool; 3] = [
//!     WebSearch::new().search_context_size("low").into(),
//!     FileSearch::new(["vs_1"]).max_num_results(5).into(),
//!     Mcp::new("wiki").server_url("https://example.com/mcp").require_approval_for("never").into(),
//! ];
//! let request = CreateResponse::new("gpt-x", "Search.").tools(tools).tool_choice(ToolChoice::required());
//! assert_eq!(request.tools.map(|tools| tools.len()), Some(3));
//! ```

mod choice;
mod client;
mod hosted;
mod search;
#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod tool;

pub use choice::ToolChoice;
pub use client::{
    ApplyPatch, Computer, ComputerUsePreview, Custom, Format, Function, LocalShell, Namespace, ProgrammaticToolCalling,
    Shell, ToolSearch, custom, namespace, tool_search,
};
pub use hosted::{CodeInterpreter, Container, ImageGeneration, ImageMask, Mcp, McpToolFilter, SvgOptions};
pub use search::{
    FileSearch, HybridSearch, RankingOptions, UserLocation, WebSearch, WebSearchFilters, WebSearchPreview,
};
pub use tool::Tool;
