//! `Tool`: one tool of any kind.

use alloc::boxed::Box;
use alloc::string::String;

use super::client::{
    ApplyPatch, Computer, ComputerUsePreview, Custom, Function, LocalShell, Namespace, ProgrammaticToolCalling, Shell,
    ToolSearch,
};
use super::hosted::{CodeInterpreter, ImageGeneration, Mcp};
use super::search::{FileSearch, WebSearch, WebSearchPreview};
use crate::responses::RawJson;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::limits;
use crate::responses::record::serde_by_text;

/// Declares the types of tools.
macro_rules! tools {
    ($($(#[$doc:meta])* $name:ident $kind:literal,)*) => {
        /// One tool of any kind.
        ///
        /// ```
        /// use turnwire::responses::tool::{LocalShell, Tool};
        ///
        /// let tool = Tool::from(LocalShell::new());
        /// assert_eq!(tool.kind(), "local_shell");
        /// let other = Tool::parse(r#"{"type":"time_machine","to":1999}"#)?;
        /// assert_eq!(other.to_raw().as_str(), r#"{"type":"time_machine","to":1999}"#);
        /// # Ok::<(), turnwire::responses::Malformed>(())
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Tool {
            $($(#[$doc])* $name(Box<$name>),)*
            /// A tool of another `type`, or with other members, unchanged.
            Other {
                /// Its `type`.
                kind: String,
                /// The whole object.
                raw: RawJson<'static>,
            },
        }

        impl Tool {
            /// The `type` of every typed tool.
            pub const TYPES: &'static [&'static str] = &[$($kind),*];

            /// Parses a tool. An unknown one, or one that lacks a required member, becomes [`Other`](Self::Other).
            ///
            /// # Errors
            ///
            /// Returns [`Malformed`] when the text is not a JSON object.
            pub fn parse(json: &str) -> Result<Self, Malformed> {
                let members = Members::parse(json)?;
                let kind = members.kind();
                let typed = match kind {
                    $($kind => $name::parse(json).ok().map(Self::from),)*
                    _ => None,
                };
                let other = || Self::Other {
                    kind: limits::name(kind).into(),
                    raw: RawJson::trusted(json.trim()).into_owned(),
                };
                Ok(typed.unwrap_or_else(other))
            }

            /// Returns the tool's `type`.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$name(_) => $kind,)*
                    Self::Other { kind, .. } => kind,
                }
            }

            /// Returns the tool as JSON.
            #[must_use]
            pub fn to_raw(&self) -> RawJson<'static> {
                match self {
                    $(Self::$name(tool) => tool.to_raw(),)*
                    Self::Other { raw, .. } => raw.clone(),
                }
            }
        }

        $(
            impl From<$name> for Tool {
                fn from(tool: $name) -> Self {
                    Self::$name(Box::new(tool))
                }
            }
        )*
    };
}

tools! {
    /// A function.
    Function "function",
    /// A tool whose input is text.
    Custom "custom",
    /// A search of the web.
    WebSearch "web_search",
    /// A search of the web, as older models use it.
    WebSearchPreview "web_search_preview",
    /// A search for tools.
    ToolSearch "tool_search",
    /// Tools under one name.
    Namespace "namespace",
    /// A search of files.
    FileSearch "file_search",
    /// The computer.
    Computer "computer",
    /// The computer, as the preview models use it.
    ComputerUsePreview "computer_use_preview",
    /// The tools of an MCP server.
    Mcp "mcp",
    /// A code interpreter.
    CodeInterpreter "code_interpreter",
    /// Calls of tools from a program.
    ProgrammaticToolCalling "programmatic_tool_calling",
    /// A generator of images.
    ImageGeneration "image_generation",
    /// The local shell.
    LocalShell "local_shell",
    /// A shell.
    Shell "shell",
    /// Patches of files.
    ApplyPatch "apply_patch",
}

impl From<Tool> for RawJson<'static> {
    fn from(tool: Tool) -> Self {
        tool.to_raw()
    }
}

serde_by_text!(Tool);
