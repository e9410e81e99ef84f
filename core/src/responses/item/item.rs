//! `Item`: one item of any type.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::call::{
    CustomToolCall, CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageGenerationCall, LocalShellCall,
    ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
use super::hosted::{
    ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall, ComputerCall, ComputerCallOutput, ConfigurationUpdate,
    FileSearchCall, ItemReference, LocalShellCallOutput, McpApprovalRequest, McpApprovalResponse, McpCall,
    McpListTools, Program, ProgramOutput, ShellCall, ShellCallOutput,
};
use super::message::{AdditionalTools, AgentMessage, Compaction, ContextCompaction, Message, Reasoning};
use super::part::{ContentPart, ToolOutput};
use crate::responses::json::iter::each_element;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::elements;
use crate::responses::json::object_writer::ExtraMembers;
use crate::responses::json::raw::RawJson;
use crate::responses::json::value::JsonValue;

/// One item.
///
/// ```
/// use turnwire::responses::Item;
///
/// let call = Item::parse(r#"{"type":"function_call","call_id":"call_1","name":"look","arguments":"{}"}"#)?;
/// let Item::FunctionCall(call) = &call else { panic!("{}", call.kind()) };
/// let history: Vec<Item> = vec![Item::user("Look!"), call.clone().into(), Item::function_call_output("call_1", "a cat")];
/// // serde writes and reads items as they are on the wire.
/// let saved = serde_json::to_string(&history).unwrap();
/// assert_eq!(serde_json::from_str::<Vec<Item>>(&saved).unwrap(), history);
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A message of any role.
    Message(Message),
    /// A message between agents.
    AgentMessage(AgentMessage),
    /// The model's reasoning.
    Reasoning(Reasoning),
    /// A call of the built-in local shell.
    LocalShellCall(LocalShellCall),
    /// A call of a function of the request.
    FunctionCall(FunctionCall),
    /// The output of such a call.
    FunctionCallOutput(FunctionCallOutput),
    /// A call of a custom (free-form) tool.
    CustomToolCall(CustomToolCall),
    /// The output of such a call.
    CustomToolCallOutput(CustomToolCallOutput),
    /// A search for tools.
    ToolSearchCall(ToolSearchCall),
    /// The results of such a search.
    ToolSearchOutput(ToolSearchOutput),
    /// A search of the web.
    WebSearchCall(WebSearchCall),
    /// A generated image.
    ImageGenerationCall(ImageGenerationCall),
    /// A compacted history.
    Compaction(Compaction),
    /// A compacted context.
    ContextCompaction(ContextCompaction),
    /// Asks for a compaction; requests only.
    CompactionTrigger,
    /// Tools that are given as an item; requests only.
    AdditionalTools(AdditionalTools),
    /// A search of files.
    FileSearchCall(FileSearchCall),
    /// Actions on the computer.
    ComputerCall(ComputerCall),
    /// The screen after such actions.
    ComputerCallOutput(ComputerCallOutput),
    /// Code that the server ran.
    CodeInterpreterCall(CodeInterpreterCall),
    /// The output of a local shell's call.
    LocalShellCallOutput(LocalShellCallOutput),
    /// Commands for a shell.
    ShellCall(ShellCall),
    /// The output of such commands.
    ShellCallOutput(ShellCallOutput),
    /// A patch of a file.
    ApplyPatchCall(ApplyPatchCall),
    /// The result of such a patch.
    ApplyPatchCallOutput(ApplyPatchCallOutput),
    /// A call of an MCP server's tool.
    McpCall(McpCall),
    /// The tools of an MCP server.
    McpListTools(McpListTools),
    /// Requests the approval of such a call.
    McpApprovalRequest(McpApprovalRequest),
    /// Approves or rejects such a call.
    McpApprovalResponse(McpApprovalResponse),
    /// A program of the model, which calls tools.
    Program(Program),
    /// The result of such a program.
    ProgramOutput(ProgramOutput),
    /// Changes the settings of the following responses.
    ConfigurationUpdate(ConfigurationUpdate),
    /// Refers to an item that the server stores; requests only.
    ItemReference(ItemReference),
    /// An item of an unknown `type`, unchanged.
    Other {
        /// Its `type`.
        kind: String,
        /// The whole object.
        raw: RawJson<'static>,
    },
}

impl Item {
    /// Creates a message of the user.
    #[must_use]
    pub fn user(text: &str) -> Self {
        Self::Message(Message::new("user", vec![ContentPart::input_text(text)]))
    }

    /// Creates the output of a function call, as text.
    #[must_use]
    pub fn function_call_output(call_id: &str, output: &str) -> Self {
        Self::FunctionCallOutput(FunctionCallOutput::new(call_id, ToolOutput::Text(output.into())))
    }

    /// Creates the output of a custom tool call, as text.
    #[must_use]
    pub fn custom_tool_call_output(call_id: &str, output: &str) -> Self {
        Self::CustomToolCallOutput(CustomToolCallOutput::new(call_id, ToolOutput::Text(output.into())))
    }

    /// Returns the item as JSON text, with ids.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.encode(&mut out);
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }

    /// Returns the item's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        if let Self::ItemReference(item) = self {
            return Some(&item.id);
        }
        self.id_slot().and_then(Option::as_deref)
    }

    /// Sets the id, where the item can have one.
    pub(in crate::responses) fn set_id(&mut self, id: Option<String>) {
        if let Some(slot) = self.id_slot_mut() {
            *slot = id;
        }
    }

    /// Returns the length in bytes of what is in an item whose parts are texts: of a message, of a call of a function or tool, or of its
    /// output. `None` for any other.
    pub(crate) fn text_length(&self) -> Option<usize> {
        let unknown = |members: &ExtraMembers| -> usize {
            members.iter().map(|(name, value)| name.len() + value.as_str().len()).sum()
        };
        if let Self::Message(Message { content, extra, .. }) = self {
            return content.iter().try_fold(unknown(extra), |sum, part| {
                let ContentPart::Text { text, extra, .. } = part else { return None };
                Some(sum + text.len() + unknown(extra))
            });
        }
        let (text, extra) = if let Self::FunctionCall(call) = self {
            (&call.arguments, &call.extra)
        } else if let Self::CustomToolCall(call) = self {
            (&call.input, &call.extra)
        } else if let Self::FunctionCallOutput(FunctionCallOutput { output: ToolOutput::Text(text), extra, .. })
        | Self::CustomToolCallOutput(CustomToolCallOutput {
            output: ToolOutput::Text(text), extra, ..
        }) = self
        {
            (text, extra)
        } else {
            return None;
        };
        Some(text.len() + unknown(extra))
    }

    /// Returns whether two items are equal for an incremental request: by value, including ids, without passed-through
    /// metadata (`docs/protocol.md` §9.5, rule 4) and without unknown members.
    #[must_use]
    pub fn equals_for_incremental(&self, other: &Self) -> bool {
        if self.is_written_as(other) {
            return true;
        }
        let bare = |item: &Self| {
            let mut item = item.clone();
            item.clear_beside();
            item
        };
        let (this, other) = (bare(self), bare(other));
        // JSON that is kept as text may be written differently with the same value.
        let value = |item: &Self| serde_json::from_str::<serde_json::Value>(&item.to_json()).ok();
        this == other || (this.kind() == other.kind() && value(&this).is_some_and(|this| Some(this) == value(&other)))
    }
}

/// Parses the `input` of a request: an array of items, and the shorthands of the public API: a string for the whole
/// input, a string for a message's content, a message without a `type`, a reference that has only an id.
///
/// # Errors
///
/// [`Malformed`] if the text is neither a string nor an array of valid items.
pub fn parse_input(text: &str) -> Result<Vec<Item>, Malformed> {
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|error| Malformed::json(&error))?;
        return Ok(vec![Item::user(&text)]);
    }
    let shorthand = |json| Message::shorthand(json).map(Item::Message).or_else(|| Item::reference_without_type(json));
    let read = |json| Item::parse(json).or_else(|why| shorthand(json).ok_or(why));
    elements(text)?.into_iter().map(read).collect()
}

/// Parses an array of items, as in a server's output. An item that cannot be parsed becomes [`Item::Other`]
/// (`docs/differences.md` row 46).
///
/// # Errors
///
/// [`Malformed`] when the text is not an array.
pub fn parse_items(text: &str) -> Result<Vec<Item>, Malformed> {
    let mut count = 0;
    each_element(text, |_| count += 1)?;
    let mut items = Vec::with_capacity(count);
    each_element(text, |item| items.push(Item::parse_or_other(item)))?;
    Ok(items)
}

impl JsonValue for Item {
    fn read(json: &str) -> Option<Self> {
        Some(Self::parse_or_other(json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}
