//! Tools of the command line: shell commands that the model may call.

use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;

use turnwire::responses::{Item, Malformed, RawJson, tool};

use super::options::Options;

/// Maximum length of a tool's output in bytes. What is beyond it is dropped, and the model is told.
const MAX_OUTPUT: u64 = 1 << 20;

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Name of the tool.
    pub name: String,
    /// Shell command, which reads the arguments from its standard input.
    pub command: String,
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("a tool is NAME=COMMAND")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
            return Err("a tool's name has 1 to 64 letters, digits, `_` and `-`".to_owned());
        }
        if command.trim().is_empty() {
            return Err("the tool's command is empty".to_owned());
        }
        Ok(Self { name: name.to_owned(), command: command.to_owned() })
    }
}

impl Tool {
    /// Returns the tool as requests describe it: a function with any arguments.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the description is not JSON, which does not happen.
    pub fn describe(&self) -> Result<RawJson<'static>, Malformed> {
        let parameters = RawJson::new(r#"{"type":"object","properties":{},"additionalProperties":true}"#)?;
        let description =
            format!("Runs `{}`, which reads these arguments as JSON from its standard input.", self.command);
        Ok(tool::Function::new(&self.name, &description, parameters).to_raw())
    }

    /// Runs the command with these arguments, and returns its output for the model: what it printed, and how it failed.
    #[must_use]
    pub fn run(&self, arguments: &str) -> String {
        self.try_run(arguments).unwrap_or_else(|error| format!("the tool could not be run: {error}"))
    }

    fn try_run(&self, arguments: &str) -> io::Result<String> {
        let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
        command.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(&self.command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut bytes = Vec::new();
        thread::scope(|scope| {
            // The command may end without reading its input.
            scope.spawn(move || input.map(|mut input| input.write_all(arguments.as_bytes())));
            // Dropping the pipe at the limit ends a command that prints more.
            output.map(|output| output.take(MAX_OUTPUT + 1).read_to_end(&mut bytes)).transpose()
        })?;
        let status = child.wait()?;
        let cut = bytes.len() as u64 > MAX_OUTPUT;
        bytes.truncate(MAX_OUTPUT as usize);
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if cut {
            text.push_str("\n[the rest of the output was dropped]");
        } else if !status.success() {
            text.push_str(&format!("\n[{status}]"));
        }
        Ok(text)
    }
}

/// Tools of a conversation.
#[derive(Debug, Default)]
pub(super) enum Tools {
    #[default]
    None,
    /// Commands of the command line; run without asking if `yes`.
    Commands { tools: Vec<Tool>, yes: bool },
    /// The demo's tool.
    Demo,
}

impl Tools {
    pub(super) fn of(options: &Options) -> Self {
        if options.tool.is_empty() {
            Self::None
        } else {
            Self::Commands { tools: options.tool.clone(), yes: options.yes }
        }
    }

    fn find(&self, name: &str) -> Option<&Tool> {
        match self {
            Self::Commands { tools, .. } => tools.iter().find(|tool| tool.name == name),
            Self::None | Self::Demo => None,
        }
    }

    /// Returns whether a call of this name is answered here.
    pub(super) fn runs(&self, name: &str) -> bool {
        matches!(self, Self::Demo) || self.find(name).is_some()
    }

    /// Returns whether the user is asked before this tool is run.
    pub(super) fn asks(&self, name: &str) -> bool {
        self.find(name).is_some() && !matches!(self, Self::Commands { yes: true, .. })
    }

    /// Returns the tools as requests describe them.
    pub(super) fn describe(&self) -> Result<Option<Vec<RawJson<'static>>>, Malformed> {
        match self {
            Self::None => Ok(None),
            Self::Commands { tools, .. } => tools.iter().map(Tool::describe).collect::<Result<_, _>>().map(Some),
            Self::Demo => Ok(Some(vec![weather()?])),
        }
    }

    /// Returns what runs a call and returns its output.
    pub(super) fn runnable(&self, call: &Call) -> impl FnOnce() -> String + Send + 'static {
        let (tool, demo, call) = (self.find(&call.name).cloned(), matches!(self, Self::Demo), call.clone());
        move || match tool {
            Some(tool) => tool.run(&call.arguments),
            None if demo => forecast(&call).to_owned(),
            None => "there is no such tool".to_owned(),
        }
    }
}

/// A call of a function or of a custom tool.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: String,
    call_id: String,
    custom: bool,
}

impl Call {
    /// Returns the call that an item is.
    pub(super) fn of(item: &Item) -> Option<Self> {
        let (name, arguments, call_id, custom) = match item {
            Item::FunctionCall(call) => (&call.name, &call.arguments, &call.call_id, false),
            Item::CustomToolCall(call) => (&call.name, &call.input, &call.call_id, true),
            _ => return None,
        };
        Some(Self { name: name.clone(), arguments: arguments.clone(), call_id: call_id.clone(), custom })
    }

    /// Returns the item with the call's output.
    pub(super) fn output(&self, output: &str) -> Item {
        if self.custom {
            Item::custom_tool_call_output(&self.call_id, output)
        } else {
            Item::function_call_output(&self.call_id, output)
        }
    }
}

/// Returns the demo's tool.
fn weather() -> Result<RawJson<'static>, Malformed> {
    RawJson::of(&serde_json::json!({
        "type": "function", "name": "weather", "description": "The weather in a city", "strict": true,
        "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
            "additionalProperties": false,
        },
    }))
}

/// Runs the demo's tool.
fn forecast(call: &Call) -> &'static str {
    match (call.name.as_str(), call.arguments.contains("Bergen")) {
        ("weather", true) => "rain, 8 degrees",
        ("weather", false) => "dry, 11 degrees",
        _ => "there is no such tool",
    }
}
