//! Tools whose calls the application runs: functions, custom tools, shells, patches, computers.

use alloc::string::String;

use crate::responses::RawJson;
use crate::responses::record::record;

record! {
    /// A function that the model may call.
    ///
    /// ```
    /// use turnwire::responses::{RawJson, tool::Function};
    ///
    /// let schema = RawJson::new(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#)?;
    /// let weather = Function::new("weather", "Tells the weather of a city.", schema).strict(true);
    /// assert!(weather.to_raw().as_str().starts_with(r#"{"type":"function","name":"weather""#));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Eq)]
    Function "function" named(
        /// The name, to which calls refer.
        name: String
    ) {
        /// The description.
        description: String,
        /// Whether arguments must follow the schema.
        strict: bool,
        /// Whether it is loaded only when a search for tools finds it.
        defer_loading: bool,
        /// The JSON schema of its arguments.
        parameters: RawJson,
        /// The JSON schema of its output.
        output_schema: RawJson,
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
    }
}

record! {
    /// A tool whose input is text, free or following a grammar.
    ///
    /// ```
    /// use turnwire::responses::tool::{Custom, Format};
    ///
    /// let free = Custom::new("note").description("Takes a note.");
    /// assert_eq!(free.to_raw().as_str(), r#"{"type":"custom","name":"note","description":"Takes a note."}"#);
    /// let digits = Custom::new("digits").format(Format::grammar("regex", "[0-9]+"));
    /// assert_eq!(digits.format.unwrap().syntax.as_deref(), Some("regex"));
    /// ```
    #[derive(Debug, Eq)]
    Custom "custom" pub new(
        /// The name, to which calls refer.
        name: String
    ) {
        /// The description.
        description: String,
        /// The format of the input. Default: any text.
        format: Format,
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
        /// Whether it is loaded only when a search for tools finds it.
        defer_loading: bool,
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
    }
}

record! {
    /// The format of a custom tool's input.
    ///
    /// ```
    /// use turnwire::responses::tool::Format;
    ///
    /// let format = Format::grammar("lark", "start: \"x\"");
    /// assert_eq!(format.definition.as_deref(), Some("start: \"x\""));
    /// assert_eq!(Format::text().to_raw().as_str(), r#"{"type":"text"}"#);
    /// ```
    #[derive(Debug, Eq)]
    Format "" of_kind(
        /// `grammar` or `text`.
        kind("type"): String
    ) {
        /// `lark` or `regex`.
        syntax: String,
        /// The grammar.
        definition: String,
    }
}

record! {
    /// Functions and custom tools under one name.
    ///
    /// ```
    /// use turnwire::responses::{RawJson, tool::{Function, Namespace}};
    ///
    /// let schema = RawJson::new(r#"{"type":"object"}"#)?;
    /// let files = Namespace::new("files", "Works with files.", [Function::new("read", "Reads a file.", schema)]);
    /// assert_eq!(files.tools.len(), 1);
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Eq)]
    Namespace "namespace" pub new(
        /// The name.
        name: String,
        /// The description.
        description: String,
        /// The tools.
        tools: [RawJson]
    ) {}
}

record! {
    /// A search for tools that are not loaded.
    ///
    /// ```
    /// use turnwire::responses::tool::ToolSearch;
    ///
    /// let search = ToolSearch::new().execution("server");
    /// assert_eq!(search.to_raw().as_str(), r#"{"type":"tool_search","execution":"server"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ToolSearch "tool_search" pub new() {
        /// The executor: `server` or `client`.
        execution: String,
        /// The description.
        description: String,
        /// The JSON schema of its arguments.
        parameters: RawJson,
    }
}

record! {
    /// The computer: the model sees screenshots, and clicks and types.
    ///
    /// ```
    /// use turnwire::responses::tool::Computer;
    ///
    /// assert_eq!(Computer::new().to_raw().as_str(), r#"{"type":"computer"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    Computer "computer" pub new() {}
}

record! {
    /// The computer, as the preview models use it.
    ///
    /// ```
    /// use turnwire::responses::tool::ComputerUsePreview;
    ///
    /// let computer = ComputerUsePreview::new("browser", 1024, 768);
    /// assert_eq!(computer.display_width, 1024);
    /// ```
    #[derive(Debug, Eq)]
    ComputerUsePreview "computer_use_preview" pub new(
        /// `windows`, `mac`, `linux`, `ubuntu` or `browser`.
        environment: String,
        /// The width of the display in pixels.
        display_width: i64,
        /// The height of the display in pixels.
        display_height: i64
    ) {}
}

record! {
    /// Calls of tools from a program that the model writes.
    ///
    /// ```
    /// use turnwire::responses::tool::ProgrammaticToolCalling;
    ///
    /// let tool = ProgrammaticToolCalling::new();
    /// assert_eq!(tool.to_raw().as_str(), r#"{"type":"programmatic_tool_calling"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ProgrammaticToolCalling "programmatic_tool_calling" pub new() {}
}

record! {
    /// The local shell of the application, as older models use it.
    ///
    /// ```
    /// use turnwire::responses::tool::LocalShell;
    ///
    /// assert_eq!(LocalShell::new().to_raw().as_str(), r#"{"type":"local_shell"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    LocalShell "local_shell" pub new() {}
}

record! {
    /// A shell, of the application or in a container of the server.
    ///
    /// ```
    /// use turnwire::responses::{RawJson, tool::Shell};
    ///
    /// let shell = Shell::new().environment(RawJson::new(r#"{"type":"container_auto"}"#)?);
    /// assert_eq!(shell.to_raw().as_str(), r#"{"type":"shell","environment":{"type":"container_auto"}}"#);
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Default, Eq)]
    Shell "shell" pub new() {
        /// The environment: an object of the type `container_auto`, `container_reference` or `local`.
        environment: RawJson,
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
    }
}

record! {
    /// Patches of files, which the application applies.
    ///
    /// ```
    /// use turnwire::responses::tool::ApplyPatch;
    ///
    /// assert_eq!(ApplyPatch::new().to_raw().as_str(), r#"{"type":"apply_patch"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    ApplyPatch "apply_patch" pub new() {
        /// The allowed callers: `direct`, `programmatic`.
        allowed_callers: [String],
    }
}

impl Function {
    /// Creates a function whose arguments should follow this JSON schema; [`strict`](Self::strict) requires it.
    #[must_use]
    pub fn new(name: &str, description: &str, parameters: RawJson<'_>) -> Self {
        Self::named(name).description(description).strict(false).parameters(parameters.into_owned())
    }
}

impl Format {
    /// Creates a format that follows a grammar.
    #[must_use]
    pub fn grammar(syntax: &str, definition: &str) -> Self {
        Self::of_kind("grammar").syntax(syntax).definition(definition)
    }

    /// Creates a format for any text.
    #[must_use]
    pub fn text() -> Self {
        Self::of_kind("text")
    }
}

/// Creates a namespace of functions, as JSON.
#[must_use]
pub fn namespace(name: &str, description: &str, functions: &[Function]) -> RawJson<'static> {
    Namespace::new(name, description, functions.iter().map(Function::to_raw)).to_raw()
}

/// Creates a search for tools, as JSON: the executor (`client`, `server`), the description, and the JSON schema of its
/// arguments.
#[must_use]
pub fn tool_search(execution: &str, description: &str, parameters: &RawJson<'_>) -> RawJson<'static> {
    let search = ToolSearch::new().execution(execution).description(description);
    search.parameters(parameters.clone().into_owned()).to_raw()
}

/// Creates a tool whose input follows a grammar, as JSON.
#[must_use]
pub fn custom(name: &str, description: &str, format: &Format) -> RawJson<'static> {
    Custom::new(name).description(description).format(format.clone()).to_raw()
}
