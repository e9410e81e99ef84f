//! Tools that the server runs: MCP servers, the code interpreter, images.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::RawJson;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::string;
use crate::responses::metadata::ClientMetadata;
use crate::responses::record::{JsonValue, record, serde_by_text};

record! {
    /// The tools of an MCP server. `Debug` does not show its credentials.
    ///
    /// ```
    /// use turnwire::responses::tool::{Mcp, McpToolFilter};
    ///
    /// let wiki = Mcp::new("wiki")
    ///     .server_url("https://example.com/mcp")
    ///     .authorization("a token")
    ///     .allowed_tools(McpToolFilter::new().read_only(true))
    ///     .require_approval_for("never");
    /// assert!(!format!("{wiki:?}").contains("a token"));
    /// ```
    Mcp "mcp" pub new(
        /// The name of the server in calls.
        server_label: String
    ) {
        /// The URL of the server.
        server_url: String,
        /// A connector of the provider, in place of a URL.
        connector_id: String,
        /// A tunnel to the server, in place of a URL.
        tunnel_id: String,
        /// The description of the server.
        server_description: String,
        /// An OAuth access token for the server.
        authorization: String,
        /// Headers of requests to the server.
        headers: ClientMetadata,
        /// The tools that may be used: an array of names, or a [`McpToolFilter`].
        allowed_tools: RawJson,
        /// Which calls need the approval of the application: `"always"`, `"never"`, or an object of two
        /// [`McpToolFilter`]s under these names.
        require_approval: RawJson,
        /// Whether its tools are loaded only when a search for tools finds them.
        defer_loading: bool,
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
    }
}

record! {
    /// Selects tools of an MCP server.
    ///
    /// ```
    /// use turnwire::responses::tool::McpToolFilter;
    ///
    /// let filter = McpToolFilter::new().tool_names(["search"]).read_only(true);
    /// assert_eq!(filter.to_raw().as_str(), r#"{"tool_names":["search"],"read_only":true}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    McpToolFilter "" pub new() {
        /// The names.
        tool_names: [String],
        /// Whether only read-only tools are selected.
        read_only: bool,
    }
}

record! {
    /// A code interpreter.
    ///
    /// ```
    /// use turnwire::responses::tool::{CodeInterpreter, Container};
    ///
    /// let python = CodeInterpreter::new(Container::auto());
    /// assert_eq!(python.to_raw().as_str(), r#"{"type":"code_interpreter","container":{"type":"auto"}}"#);
    /// ```
    #[derive(Debug, Eq)]
    CodeInterpreter "code_interpreter" pub new(
        /// The container in which the code runs.
        container: Container
    ) {
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
    }
}

/// The container of a code interpreter: an existing one, or one that the server creates. `Debug` shows only its length,
/// because it can contain credentials.
///
/// ```
/// use turnwire::responses::tool::Container;
///
/// assert_eq!(Container::id("cntr_1").to_raw().as_str(), r#""cntr_1""#);
/// assert_eq!(Container::auto().to_raw().as_str(), r#"{"type":"auto"}"#);
/// let files = Container::parse(r#"{"type":"auto","file_ids":["file_1"]}"#)?;
/// assert!(files.to_raw().as_str().contains("file_1"));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container(RawJson<'static>);

impl Container {
    /// Selects the container with this id.
    #[must_use]
    pub fn id(id: &str) -> Self {
        let mut out = Vec::new();
        string(id, &mut out);
        Self(RawJson::written(out))
    }

    /// Requests a new container.
    #[must_use]
    pub fn auto() -> Self {
        Self(RawJson::trusted(r#"{"type":"auto"}"#))
    }

    /// Any container, as JSON: a string, or an object with `type`, `file_ids`, `memory_limit` and `network_policy`.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not JSON.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        RawJson::new(json).map(|raw| Self(raw.into_owned()))
    }

    /// Returns the container as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        self.0.clone()
    }
}

impl JsonValue for Container {
    fn read(json: &str) -> Option<Self> {
        json.starts_with(['"', '{']).then(|| Self(RawJson::trusted(json).into_owned()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

serde_by_text!(Container);

record! {
    /// A generator of images.
    ///
    /// ```
    /// use turnwire::responses::tool::ImageGeneration;
    ///
    /// let images = ImageGeneration::new().size("1024x1024").quality("high").partial_images(2);
    /// assert_eq!(images.partial_images, Some(2));
    /// ```
    #[derive(Debug, Default, Eq)]
    ImageGeneration "image_generation" pub new() {
        /// The model.
        model: String,
        /// `generate`, `edit` or `auto`.
        action: String,
        /// `transparent`, `opaque` or `auto`.
        background: String,
        /// The detail of an image: `low`, `medium` or `high`.
        complexity: String,
        /// The number of frames.
        frame_count: i64,
        /// The duration of a frame in milliseconds.
        frame_duration_ms: i64,
        /// How closely input images are followed: `high` or `low`.
        input_fidelity: String,
        /// The mask of the input image.
        input_image_mask: ImageMask,
        /// `auto` or `low`.
        moderation: String,
        /// The compression of the output, 0 to 100.
        output_compression: i64,
        /// `png`, `webp`, `jpeg`, `gif` or `svg`.
        output_format: String,
        /// The number of previews.
        partial_images: i64,
        /// `low`, `medium`, `high`, `xhigh`, `max` or `auto`.
        quality: String,
        /// Width and height: `1024x1024`; or `auto`.
        size: String,
        /// How an SVG is made.
        svg: SvgOptions,
    }
}

record! {
    /// The mask of an input image, as an image.
    ///
    /// ```
    /// use turnwire::responses::tool::ImageMask;
    ///
    /// assert_eq!(ImageMask::new().file_id("file_1").to_raw().as_str(), r#"{"file_id":"file_1"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ImageMask "" pub new() {
        /// The id of a file.
        file_id: String,
        /// A URL, often a data URL.
        image_url: String,
    }
}

record! {
    /// How an SVG is made.
    ///
    /// ```
    /// use turnwire::responses::tool::SvgOptions;
    ///
    /// assert_eq!(SvgOptions::new().model("gpt-x").to_raw().as_str(), r#"{"model":"gpt-x"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    SvgOptions "" pub new() {
        /// The model that writes it.
        model: String,
        /// The reasoning options of that model, as JSON: an object with `effort`.
        reasoning: RawJson,
    }
}

impl Mcp {
    /// Sets whether every call needs the approval of the application: `always` or `never`.
    #[must_use]
    pub fn require_approval_for(self, calls: &str) -> Self {
        self.require_approval(RawJson::string(calls))
    }
}

impl fmt::Debug for Mcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mcp")
            .field("server_label", &self.server_label)
            .field("connector_id", &self.connector_id)
            .field("allowed_tools", &self.allowed_tools)
            .field("require_approval", &self.require_approval)
            .finish_non_exhaustive()
    }
}
