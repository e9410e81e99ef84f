//! `ToolChoice`: the tool that the model uses.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::RawJson;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::object;
use crate::responses::record::{JsonValue, serde_by_text};

/// The tool that the model uses.
///
/// ```
/// use turnwire::responses::{CreateResponse, tool::ToolChoice};
///
/// let request = CreateResponse::new("gpt-x", "Hi").tool_choice(ToolChoice::function("weather"));
/// assert_eq!(request.tool_choice.as_str(), r#"{"type":"function","name":"weather"}"#);
///
/// let some = ToolChoice::allowed("auto", [ToolChoice::function("weather"), ToolChoice::kind("web_search")]);
/// assert_eq!(
///     some.to_raw().as_str(),
///     r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"weather"},{"type":"web_search"}]}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// `auto`, `none` or `required`.
    Mode(String),
    /// Some of the tools, as in `tools`: each an object with a `type`, and a `name` or `server_label`.
    Allowed {
        /// `auto` or `required`.
        mode: String,
        /// The tools.
        tools: Vec<RawJson<'static>>,
    },
    /// A function.
    Function {
        /// Its name.
        name: String,
    },
    /// A custom tool.
    Custom {
        /// Its name.
        name: String,
    },
    /// A tool of an MCP server, or all of them.
    Mcp {
        /// The server.
        server_label: String,
        /// The tool.
        name: Option<String>,
    },
    /// A built-in tool, by its `type`.
    Kind(String),
    /// Anything else, unchanged.
    Other(RawJson<'static>),
}

impl ToolChoice {
    /// Lets the model decide.
    #[must_use]
    pub fn auto() -> Self {
        Self::Mode("auto".into())
    }

    /// Forbids all tools.
    #[must_use]
    pub fn none() -> Self {
        Self::Mode("none".into())
    }

    /// Requires any tool.
    #[must_use]
    pub fn required() -> Self {
        Self::Mode("required".into())
    }

    /// Requires this function.
    #[must_use]
    pub fn function(name: &str) -> Self {
        Self::Function { name: name.into() }
    }

    /// Requires this custom tool.
    #[must_use]
    pub fn custom(name: &str) -> Self {
        Self::Custom { name: name.into() }
    }

    /// Requires a tool of this MCP server, or one of its tools by name.
    #[must_use]
    pub fn mcp(server_label: &str, name: Option<&str>) -> Self {
        Self::Mcp { server_label: server_label.into(), name: name.map(Into::into) }
    }

    /// Requires a built-in tool: `web_search_preview`, `file_search`, `code_interpreter`, `image_generation`,
    /// `computer`,
    /// `computer_use_preview`, `shell`, `apply_patch`, `programmatic_tool_calling`.
    #[must_use]
    pub fn kind(kind: &str) -> Self {
        Self::Kind(kind.into())
    }

    /// Allows some of the tools, each named by a choice of it. `mode`: `auto` or `required`.
    #[must_use]
    pub fn allowed(mode: &str, tools: impl IntoIterator<Item = impl Into<RawJson<'static>>>) -> Self {
        Self::Allowed { mode: mode.into(), tools: tools.into_iter().map(Into::into).collect() }
    }

    /// Parses a choice. An unknown one becomes [`Other`](Self::Other).
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not JSON.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let raw = RawJson::new(json)?;
        if let Some(mode) = JsonValue::read(raw.as_str()) {
            return Ok(Self::Mode(mode));
        }
        Ok(Self::typed(raw.as_str()).unwrap_or_else(|| Self::Other(raw.into_owned())))
    }

    fn typed(json: &str) -> Option<Self> {
        let mut members = Members::parse(json).ok()?;
        let choice = match members.kind() {
            "" => return None,
            "allowed_tools" => {
                Self::Allowed { mode: members.optional_value("mode")?, tools: members.optional_value("tools")? }
            }
            "function" => Self::Function { name: members.optional_value("name")? },
            "custom" => Self::Custom { name: members.optional_value("name")? },
            "mcp" => Self::Mcp {
                server_label: members.optional_value("server_label")?,
                name: members.optional_value("name"),
            },
            kind => Self::Kind(kind.into()),
        };
        members.is_empty().then_some(choice)
    }

    /// Returns the choice as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let kind = |kind: &str, member: &str, value: &str| {
            object(|choice| {
                choice.string("type", kind);
                choice.string(member, value);
            })
        };
        match self {
            Self::Mode(mode) => RawJson::string(mode),
            Self::Allowed { mode, tools } => object(|choice| {
                choice.string("type", "allowed_tools");
                choice.string("mode", mode);
                tools.write(choice.key("tools"));
            }),
            Self::Function { name } => kind("function", "name", name),
            Self::Custom { name } => kind("custom", "name", name),
            Self::Mcp { server_label, name } => object(|choice| {
                choice.string("type", "mcp");
                choice.string("server_label", server_label);
                choice.optional("name", name.as_deref());
            }),
            Self::Kind(kind) => object(|choice| choice.string("type", kind)),
            Self::Other(raw) => raw.clone(),
        }
    }
}

impl From<ToolChoice> for RawJson<'static> {
    fn from(choice: ToolChoice) -> Self {
        choice.to_raw()
    }
}

serde_by_text!(ToolChoice);
