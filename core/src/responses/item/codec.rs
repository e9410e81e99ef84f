//! Conversion of items from and to JSON text.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use memchr::{memchr, memchr2};

use crate::responses::item::Item;
use crate::responses::item::call::{
    CustomToolCall, CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageGenerationCall, LocalShellCall,
    ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
use crate::responses::item::hosted::{
    ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall, ComputerCall, ComputerCallOutput, ConfigurationUpdate,
    FileSearchCall, ItemReference, LocalShellCallOutput, McpApprovalRequest, McpApprovalResponse, McpCall,
    McpListTools, Program, ProgramOutput, ShellCall, ShellCallOutput,
};
use crate::responses::item::macros::PASSTHROUGH;
use crate::responses::item::message::{
    AdditionalTools, AgentMessage, Compaction, ContextCompaction, Message, Reasoning,
};
use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::json::iter::members;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{Object, beginning};
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::record::serde_by_text;
use crate::responses::request::{ItemEncoding, ItemIds};

/// The typed items: variant and `type`. An item of the first group that lacks a required member is rejected; one of the
/// second is kept unchanged.
macro_rules! kinds {
    ($apply:ident) => {
        $apply! {
            {
            Message "message", AgentMessage "agent_message", Reasoning "reasoning", LocalShellCall "local_shell_call",
            FunctionCall "function_call", FunctionCallOutput "function_call_output", CustomToolCall "custom_tool_call",
            CustomToolCallOutput "custom_tool_call_output", ToolSearchCall "tool_search_call",
            ToolSearchOutput "tool_search_output", WebSearchCall "web_search_call",
            ImageGenerationCall "image_generation_call", Compaction "compaction",
            ContextCompaction "context_compaction", AdditionalTools "additional_tools"
            }
            {
            FileSearchCall "file_search_call",
            ComputerCall "computer_call",
            ComputerCallOutput "computer_call_output",
            CodeInterpreterCall "code_interpreter_call",
            LocalShellCallOutput "local_shell_call_output",
            ShellCall "shell_call",
            ShellCallOutput "shell_call_output",
            ApplyPatchCall "apply_patch_call",
            ApplyPatchCallOutput "apply_patch_call_output",
            McpCall "mcp_call",
            McpListTools "mcp_list_tools",
            McpApprovalRequest "mcp_approval_request",
            McpApprovalResponse "mcp_approval_response",
            Program "program",
            ProgramOutput "program_output",
            ConfigurationUpdate "configuration_update"
            }
        }
    };
}

macro_rules! implement {
    ({$($variant:ident $kind:literal),*} {$($hosted:ident $hosted_kind:literal),*}) => {
        impl Item {
            /// The `type` of every typed item.
            pub const TYPES: &'static [&'static str] =
                &[$($kind,)* "compaction_trigger", "item_reference", $($hosted_kind),*];

            fn parse_typed(json: &str) -> Result<Self, Malformed> {
                let members = Members::parse(json)?;
                match members.kind() {
                    "" => Err(Malformed::missing("item", "type")),
                    $($kind => $variant::read(members).map(Self::$variant),)*
                    "compaction_summary" => Compaction::read(members).map(Self::Compaction),
                    "compaction_trigger" if members.is_empty() => Ok(Self::CompactionTrigger),
                    "item_reference" => {
                        let read = ItemReference::read(members).map(Self::ItemReference);
                        Ok(read.unwrap_or_else(|_| Self::other("item_reference", json)))
                    }
                    $($hosted_kind => {
                        let read = $hosted::read(members).map(Self::$hosted);
                        Ok(read.unwrap_or_else(|_| Self::other($hosted_kind, json)))
                    })*
                    kind => Ok(Self::other(kind, json)),
                }
            }

            /// Returns the item's `type`.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                    $(Self::$hosted(_) => $hosted_kind,)*
                    Self::CompactionTrigger => "compaction_trigger",
                    Self::ItemReference(_) => "item_reference",
                    Self::Other { kind, .. } => kind,
                }
            }

            /// Appends the item as a request sends it: `wire` decides on ids and passed-through metadata.
            pub fn encode_for(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(item) => {
                        Object::typed(beginning!($kind), out).end_with(|object| item.write(object, wire));
                    })*
                    $(Self::$hosted(item) => {
                        Object::typed(beginning!($hosted_kind), out).end_with(|object| item.write(object, wire));
                    })*
                    Self::ItemReference(item) => {
                        Object::typed(beginning!("item_reference"), out).end_with(|object| item.write(object));
                    }
                    Self::CompactionTrigger => Object::typed(beginning!("compaction_trigger"), out).end(),
                    Self::Other { raw, .. } => encode_other(raw.as_str(), wire, out),
                }
            }

            pub(in crate::responses) const fn id_slot(&self) -> Option<&Option<String>> {
                match self {
                    $(Self::$variant(item) => Some(&item.id),)*
                    $(Self::$hosted(item) => Some(&item.id),)*
                    Self::CompactionTrigger | Self::ItemReference(_) | Self::Other { .. } => None,
                }
            }

            pub(in crate::responses) const fn id_slot_mut(&mut self) -> Option<&mut Option<String>> {
                match self {
                    $(Self::$variant(item) => Some(&mut item.id),)*
                    $(Self::$hosted(item) => Some(&mut item.id),)*
                    Self::CompactionTrigger | Self::ItemReference(_) | Self::Other { .. } => None,
                }
            }

            /// Returns whether the members that count in comparisons are equal as they are written. Otherwise they may still
            /// have equal values.
            pub(in crate::responses) fn is_written_as(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$variant(this), Self::$variant(other)) => this.is_written_as(other),)*
                    $((Self::$hosted(this), Self::$hosted(other)) => this.is_written_as(other),)*
                    _ => self == other,
                }
            }

            /// Removes the members that do not count in comparisons.
            pub(in crate::responses) fn clear_beside(&mut self) {
                for part in self.parts_mut().into_iter().flatten() {
                    if let Some(extra) = part.extra_mut() {
                        extra.clear();
                    }
                }
                match self {
                    $(Self::$variant(item) => item.clear_beside(),)*
                    $(Self::$hosted(item) => item.clear_beside(),)*
                    Self::ItemReference(item) => item.extra.clear(),
                    Self::CompactionTrigger | Self::Other { .. } => {}
                }
            }
        }

        $(
            impl From<$variant> for Item {
                fn from(item: $variant) -> Self {
                    Self::$variant(item)
                }
            }
        )*
        $(
            impl From<$hosted> for Item {
                fn from(item: $hosted) -> Self {
                    Self::$hosted(item)
                }
            }
        )*
    };
}

kinds!(implement);

/// The parts of an item's content, summary or output.
macro_rules! parts {
    ($item:expr, $from:path, $deref:ident $(, $mutable:tt)?) => {
        match $item {
            Self::Message(item) => [&$($mutable)? item.content[..], &$($mutable)? []],
            Self::AgentMessage(item) => [&$($mutable)? item.content[..], &$($mutable)? []],
            Self::ComputerCallOutput(item) => [$from(&$($mutable)? item.output), &$($mutable)? []],
            Self::Reasoning(item) => [&$($mutable)? item.summary[..], item.content.$deref().unwrap_or_default()],
            Self::FunctionCallOutput(FunctionCallOutput { output: ToolOutput::Parts(parts), .. })
            | Self::CustomToolCallOutput(CustomToolCallOutput { output: ToolOutput::Parts(parts), .. }) => {
                [&$($mutable)? parts[..], &$($mutable)? []]
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
            | Self::FileSearchCall(_)
            | Self::ComputerCall(_)
            | Self::CodeInterpreterCall(_)
            | Self::LocalShellCallOutput(_)
            | Self::ShellCall(_)
            | Self::ShellCallOutput(_)
            | Self::ApplyPatchCall(_)
            | Self::ApplyPatchCallOutput(_)
            | Self::McpCall(_)
            | Self::McpListTools(_)
            | Self::McpApprovalRequest(_)
            | Self::McpApprovalResponse(_)
            | Self::Program(_)
            | Self::ProgramOutput(_)
            | Self::ConfigurationUpdate(_)
            | Self::ItemReference(_)
            | Self::Other { .. } => [&$($mutable)? [], &$($mutable)? []],
        }
    };
}

/// An unknown item, unchanged except for members that are not sent.
fn encode_other(raw: &str, wire: ItemEncoding, out: &mut Vec<u8>) {
    let travels = |(key, value): &(Cow<'_, str>, &str)| match &**key {
        "id" => wire.ids == ItemIds::All || serde_json::from_str::<String>(value).is_ok_and(|id| wire.sends_id(&id)),
        PASSTHROUGH => wire.passthrough,
        _ => true,
    };
    if wire == ItemEncoding::EVERYTHING || members(raw).all(|pair| travels(&pair)) {
        return out.extend_from_slice(raw.as_bytes());
    }
    let mut object = Object::new(out);
    for (key, value) in members(raw).filter(|pair| travels(pair)) {
        object.raw(&key, value);
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
        // Items are sent back, and servers may reject what only JavaScript and Python accept as JSON.
        let repaired = lenient::repair(json);
        let json = repaired.as_deref().unwrap_or(json);
        Self::parse_typed(json).or_else(|why| {
            // Some servers write the content of a message as a string.
            let is_message = matches!(&why, Malformed::Missing { kind, .. } | Malformed::WrongType { kind, .. } if kind == "message");
            if !is_message {
                return Err(why);
            }
            Message::shorthand(json).map(Self::Message).ok_or(why)
        })
    }

    /// Parses an item from JSON text. An item that [`parse`](Self::parse) rejects becomes [`Other`](Self::Other),
    /// unchanged (`docs/differences.md` row 46).
    #[must_use]
    pub fn parse_or_other(json: &str) -> Self {
        Self::parse(json).unwrap_or_else(|_| {
            let kind = Members::named(json, &["type"]).ok().and_then(|mut members| members.optional("type").ok()?);
            let kind = kind.map(|kind: String| String::from(limits::name(&kind))).unwrap_or_default();
            let repaired = lenient::repair(json);
            Self::other(&kind, repaired.as_deref().unwrap_or(json))
        })
    }

    /// Returns the maximum number of bytes that an item takes once it is parsed from this text.
    #[must_use]
    pub(crate) fn memory_of(json: &str) -> usize {
        // What is parsed by itself, an element or a member, follows a bracket or a comma.
        const EACH: usize = if size_of::<ContentPart>() > size_of::<(String, RawJson<'_>)>() {
            size_of::<ContentPart>()
        } else {
            size_of::<(String, RawJson<'_>)>()
        };
        let (mut parsed, mut rest) = (0, json.as_bytes());
        while !rest.is_empty() {
            let (between, string) = rest.split_at(memchr(b'"', rest).unwrap_or(rest.len()));
            parsed += between.iter().filter(|byte| matches!(byte, b',' | b'{' | b'[')).count();
            rest = behind_string(string.get(1..).unwrap_or_default());
        }
        size_of::<Self>() + json.len() + parsed * EACH
    }

    /// Parses a reference without a `type`: an object that has only an id.
    pub(super) fn reference_without_type(json: &str) -> Option<Self> {
        let read = ItemReference::read(Members::untyped(json).ok()?).ok()?;
        read.extra.is_empty().then_some(Self::ItemReference(read))
    }

    /// Returns the item as JSON, with all members.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        RawJson::built(self.to_json())
    }

    fn other(kind: &str, json: &str) -> Self {
        Self::Other { kind: limits::name(kind).into(), raw: RawJson::trusted(json.trim()).into_owned() }
    }

    /// Appends the item with all members.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_for(ItemEncoding::EVERYTHING, out);
    }

    /// Returns the parts of its content, summary or output.
    pub(in crate::responses) fn parts(&self) -> [&[ContentPart]; 2] {
        parts!(self, core::slice::from_ref, as_deref)
    }

    /// Returns the parts of its content, summary or output.
    pub(in crate::responses) fn parts_mut(&mut self) -> [&mut [ContentPart]; 2] {
        parts!(self, core::slice::from_mut, as_deref_mut, mut)
    }
}

serde_by_text!(ContentPart);

impl serde_core::Serialize for Item {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_raw().serialize(serializer)
    }
}

/// An item that cannot be read is [`Item::Other`], so that it does not make a history unreadable
/// ([docs/differences.md row 46](crate::docs::differences)). Only a value that is not an object is rejected.
impl<'de> serde_core::Deserialize<'de> for Item {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: RawJson<'static> = serde_core::Deserialize::deserialize(deserializer)?;
        let json = raw.as_str();
        if let Ok(item) = Self::parse(json) {
            return Ok(item);
        }
        if let Some(message) = Message::shorthand(json) {
            return Ok(Self::Message(message));
        }
        Members::named(json, &[]).map_err(serde_core::de::Error::custom)?;
        Ok(Self::parse_or_other(json))
    }
}

/// Returns the bytes behind a string. `bytes`: those behind its first quote.
fn behind_string(mut bytes: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', bytes) {
        if bytes[at] == b'"' {
            return &bytes[at + 1..];
        }
        bytes = bytes.get(at + 2..).unwrap_or_default();
    }
    &[]
}
