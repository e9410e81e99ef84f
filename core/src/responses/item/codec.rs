//! Items from JSON text and back.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::Item;
use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::item::types::{
    AdditionalTools, AgentMessage, Compaction, ContextCompaction, CustomToolCall, CustomToolCallOutput, FunctionCall,
    FunctionCallOutput, ImageGenerationCall, LocalShellCall, Message, PASSTHROUGH, Reasoning, ToolSearchCall,
    ToolSearchOutput, WebSearchCall,
};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::request::{ItemEncoding, ItemIds};

/// The typed kinds: the variant and its `type`.
macro_rules! kinds {
    ($apply:ident) => {
        $apply! {
            Message "message", AgentMessage "agent_message", Reasoning "reasoning", LocalShellCall "local_shell_call",
            FunctionCall "function_call", FunctionCallOutput "function_call_output", CustomToolCall "custom_tool_call",
            CustomToolCallOutput "custom_tool_call_output", ToolSearchCall "tool_search_call",
            ToolSearchOutput "tool_search_output", WebSearchCall "web_search_call",
            ImageGenerationCall "image_generation_call", Compaction "compaction",
            ContextCompaction "context_compaction", AdditionalTools "additional_tools"
        }
    };
}

macro_rules! implement {
    ($($variant:ident $kind:literal),*) => {
        impl Item {
            fn parse_typed(json: &str) -> Result<Self, Malformed> {
                let members = Members::parse(json)?;
                match members.kind() {
                    "" => Err(Malformed::missing("item", "type")),
                    $($kind => $variant::read(members).map(Self::$variant),)*
                    "compaction_summary" => Compaction::read(members).map(Self::Compaction),
                    "compaction_trigger" if members.is_empty() => Ok(Self::CompactionTrigger),
                    kind => Ok(Self::other(kind, json)),
                }
            }

            /// The item's `type`.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                    Self::CompactionTrigger => "compaction_trigger",
                    Self::Other { kind, .. } => kind,
                }
            }

            /// Appends the item as it travels in a request: ids and passed-through metadata as `wire` says.
            pub fn encode_for(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
                if let Self::Other { raw, .. } = self {
                    return encode_other(raw.as_str(), wire, out);
                }
                let mut object = Object::new(out);
                object.string("type", self.kind());
                match self {
                    $(Self::$variant(item) => item.write(&mut object, wire),)*
                    Self::CompactionTrigger | Self::Other { .. } => {}
                }
                object.end();
            }

            pub(in crate::responses) const fn id_slot(&self) -> Option<&Option<String>> {
                match self {
                    $(Self::$variant(item) => Some(&item.id),)*
                    Self::CompactionTrigger | Self::Other { .. } => None,
                }
            }

            /// What does not count when two items are compared.
            pub(in crate::responses) fn margins(&mut self) -> Option<(&mut ExtraMembers, &mut Option<RawJson<'static>>)> {
                for part in self.parts_mut() {
                    if let Some(extra) = part.extra_mut() {
                        extra.clear();
                    }
                }
                match self {
                    $(Self::$variant(item) => Some((&mut item.extra, &mut item.passthrough)),)*
                    Self::CompactionTrigger | Self::Other { .. } => None,
                }
            }
        }
    };
}

kinds!(implement);

/// An item that is not known: as it came, but for what does not travel.
fn encode_other(raw: &str, wire: ItemEncoding, out: &mut Vec<u8>) {
    let travels = |(key, value): &(Cow<'_, str>, &str)| match &**key {
        "id" => wire.ids == ItemIds::All || serde_json::from_str::<String>(value).is_ok_and(|id| wire.sends_id(&id)),
        PASSTHROUGH => wire.passthrough,
        _ => true,
    };
    let pairs = if wire == ItemEncoding::EVERYTHING { Vec::new() } else { Members::pairs(raw).unwrap_or_default() };
    if pairs.iter().all(travels) {
        return out.extend_from_slice(raw.as_bytes());
    }
    let mut object = Object::new(out);
    for (key, value) in pairs.iter().filter(|pair| travels(pair)) {
        object.raw(key, value);
    }
    object.end();
}

impl Item {
    /// Reads an item from JSON text.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the text is not a JSON object with a `type`, or its `type` is known and a required member is missing.
    /// [`parse_or_other`](Self::parse_or_other) keeps such an item.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        // Items are sent back, and a server may refuse what only JavaScript and Python take for JSON.
        let repaired = lenient::repair(json);
        let json = repaired.as_deref().unwrap_or(json);
        Self::parse_typed(json).or_else(|why| {
            // Some servers write the content of a message as a string.
            let is_message = Members::parse(json).is_ok_and(|members| members.kind() == "message");
            Message::shorthand(json).filter(|_| is_message).map(Self::Message).ok_or(why)
        })
    }

    /// Reads an item from JSON text. One that [`parse`](Self::parse) cannot read is [`Other`](Self::Other), as it came
    /// (`docs/differences.md` row 46).
    #[must_use]
    pub fn parse_or_other(json: &str) -> Self {
        Self::parse(json).unwrap_or_else(|_| {
            let members = Members::parse(json).ok();
            let repaired = lenient::repair(json);
            Self::other(members.as_ref().map(Members::kind).unwrap_or_default(), repaired.as_deref().unwrap_or(json))
        })
    }

    fn other(kind: &str, json: &str) -> Self {
        Self::Other { kind: limits::name(kind).into(), raw: RawJson::trusted(json.trim()).into_owned() }
    }

    /// Appends the item with everything it has.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_for(ItemEncoding::EVERYTHING, out);
    }

    /// The parts of its content, summary or output.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut ContentPart> {
        match self {
            Self::Message(item) => item.content.iter_mut().collect(),
            Self::AgentMessage(item) => item.content.iter_mut().collect(),
            Self::Reasoning(item) => item.summary.iter_mut().chain(item.content.iter_mut().flatten()).collect(),
            Self::FunctionCallOutput(FunctionCallOutput { output: ToolOutput::Parts(parts), .. })
            | Self::CustomToolCallOutput(CustomToolCallOutput { output: ToolOutput::Parts(parts), .. }) => {
                parts.iter_mut().collect()
            }
            Self::FunctionCallOutput(_)
            | Self::CustomToolCallOutput(_)
            | Self::LocalShellCall(_)
            | Self::FunctionCall(_)
            | Self::CustomToolCall(_)
            | Self::ToolSearchCall(_)
            | Self::ToolSearchOutput(_)
            | Self::WebSearchCall(_)
            | Self::ImageGenerationCall(_)
            | Self::Compaction(_)
            | Self::ContextCompaction(_)
            | Self::CompactionTrigger
            | Self::AdditionalTools(_)
            | Self::Other { .. } => Vec::new(),
        }
    }
}
