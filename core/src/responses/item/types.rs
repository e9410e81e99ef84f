//! The types of items, each with the protocol's members in the order of writing.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::field_codec::{
    self as codec, FieldCodec as _, ModelText, NullableText, OptionalRaw, OptionalText, Output, Parts, Raw, RawArray,
    ReasoningContent, Text,
};
use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::item::shell_action::{Action, LocalShellAction};
use crate::responses::json::iter::list;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, record, wire_name};
use crate::responses::request::ItemEncoding;

/// Metadata that a server added to an item and expects back (`docs/protocol.md` §1.6, §3.4).
pub(in crate::responses) const PASSTHROUGH: &str = "internal_chat_message_metadata_passthrough";

/// Declares an item: its members, and the codec of each. The members `beside` do not count in comparisons, because
/// clients that do not know them omit them from a history.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $codec:ident $type:ty,)* }
        beside { $($(#[$beside_doc:meta])* $beside:ident $(($wire:literal))?: $beside_type:tt,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// The item's id, if it has one. The request decides whether it is sent (docs/protocol.md §3.6).
            pub id: Option<String>,
            $($(#[$member_doc])* pub $member: $type,)*
            $($(#[$beside_doc])* pub $beside: Option<field_type!($beside_type)>,)*
            /// Metadata that a server added to the item and expects back.
            pub passthrough: Option<RawJson<'static>>,
            /// Unknown members, written back unchanged.
            pub extra: ExtraMembers,
        }

        impl $name {
            pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    id: codec::read_id(&mut members)?,
                    $($member: $codec::read(&mut members, stringify!($member))?,)*
                    passthrough: members.optional_raw(PASSTHROUGH)?,
                    $($beside: members.optional_value(wire_name!($beside $($wire)?)),)*
                    extra: members.rest(),
                })
            }

            /// Removes the members that do not count in comparisons.
            pub(in crate::responses) fn clear_beside(&mut self) {
                self.passthrough = None;
                self.extra.clear();
                $(self.$beside = None;)*
            }

            pub(in crate::responses) fn write(&self, object: &mut Object<'_>, wire: ItemEncoding) {
                object.optional("id", self.id.as_deref().filter(|id| wire.sends_id(id)));
                $($codec::write(object, stringify!($member), &self.$member);)*
                if let Some(passthrough) = self.passthrough.as_ref().filter(|_| wire.passthrough) {
                    object.raw(PASSTHROUGH, passthrough.as_str());
                }
                $(if let Some(value) = &self.$beside {
                    JsonValue::write(value, object.key(wire_name!($beside $($wire)?)));
                })*
                object.extra(&self.extra);
            }
        }
    };
}

record! {
    /// The caller of a tool: the model, or a program that it wrote.
    ///
    /// ```
    /// use turnwire::responses::Caller;
    ///
    /// let caller = Caller::new("program").caller_id("prog_1");
    /// assert_eq!(caller.to_raw().as_str(), r#"{"type":"program","caller_id":"prog_1"}"#);
    /// ```
    #[derive(Debug, Eq)]
    Caller "" pub new(
        /// `direct` or `program`.
        kind("type"): String
    ) {
        /// The call of the program.
        caller_id: String,
    }
}

item! {
    /// A message of any role.
    ///
    /// ```
    /// use turnwire::responses::{ContentPart, Item, Message};
    ///
    /// let item = Item::Message(Message::new("user", vec![ContentPart::input_text("Hi")]));
    /// assert_eq!(item.to_json(), r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}"#);
    /// ```
    Message {
        /// `user`, `assistant`, `developer`, `system`, or another word.
        role: Text String,
        /// The content.
        content: Parts Vec<ContentPart>,
        /// `commentary`, `final_answer`, or another word.
        phase: OptionalText Option<String>,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// A message from one agent to another.
    ///
    /// ```
    /// use turnwire::responses::{AgentMessage, ContentPart, Item};
    ///
    /// let item = Item::AgentMessage(AgentMessage::new("planner", "coder", vec![ContentPart::input_text("Go")]));
    /// assert_eq!(item.to_json(), r#"{"type":"agent_message","author":"planner","recipient":"coder","content":[{"type":"input_text","text":"Go"}]}"#);
    /// ```
    AgentMessage {
        /// The author.
        author: Text String,
        /// The recipient.
        recipient: Text String,
        /// The content.
        content: Parts Vec<ContentPart>,
    }
    beside {}
}

item! {
    /// The model's reasoning.
    ///
    /// ```
    /// use turnwire::responses::{ContentPart, Item, Reasoning};
    ///
    /// let item = Item::Reasoning(Reasoning::new(vec![ContentPart::summary_text("Look")]));
    /// assert_eq!(item.to_json(), r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"Look"}],"content":null,"encrypted_content":null}"#);
    /// ```
    Reasoning {
        /// Summaries, as `summary_text` parts.
        summary: Parts Vec<ContentPart>,
        /// The reasoning itself. Written as `null` when unset, as an array if it contains a `reasoning_text` part, and
        /// otherwise omitted (docs/protocol.md §3.4.1).
        content: ReasoningContent Option<Vec<ContentPart>>,
        /// Data that only the server can decrypt; `null` when unset.
        encrypted_content: NullableText Option<String>,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// A call of the built-in local shell.
    ///
    /// ```
    /// use turnwire::responses::{Item, LocalShellCall};
    ///
    /// let item = Item::LocalShellCall(LocalShellCall::new("call_1", "completed", vec!["ls".into()]));
    /// assert_eq!(item.to_json(), r#"{"type":"local_shell_call","call_id":"call_1","status":"completed","action":{"type":"exec","command":["ls"],"timeout_ms":null,"working_directory":null,"env":null,"user":null}}"#);
    /// ```
    LocalShellCall {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// `completed`, `in_progress`, `incomplete`, or another word.
        status: OptionalText Option<String>,
        /// The action.
        action: Action LocalShellAction,
    }
    beside {}
}

item! {
    /// A call of one of the request's functions.
    ///
    /// ```
    /// use turnwire::responses::{FunctionCall, Item};
    ///
    /// let item = Item::FunctionCall(FunctionCall::new("call_1", "look", "{}"));
    /// assert_eq!(item.to_json(), r#"{"type":"function_call","name":"look","arguments":"{}","call_id":"call_1"}"#);
    /// ```
    FunctionCall {
        /// The name of the function.
        name: Text String,
        /// The namespace of the function.
        namespace: OptionalText Option<String>,
        /// The arguments: JSON in a string, as the model wrote it.
        arguments: ModelText String,
        /// The id of the call, to which its output refers.
        call_id: Text String,
        /// The status of the call.
        status: OptionalText Option<String>,
    }
    beside {
        /// The caller of the tool.
        caller: Caller,
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The output of a function call.
    ///
    /// ```
    /// use turnwire::responses::{FunctionCallOutput, Item, ToolOutput};
    ///
    /// let item = Item::FunctionCallOutput(FunctionCallOutput::new("call_1", ToolOutput::Text("done".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"function_call_output","call_id":"call_1","output":"done"}"#);
    /// ```
    FunctionCallOutput {
        /// The id of the call.
        call_id: Text String,
        /// The output.
        output: Output ToolOutput,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The function.
        name: String,
        /// The namespace of the function.
        namespace: String,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A call of a custom (free-form) tool.
    ///
    /// ```
    /// use turnwire::responses::{CustomToolCall, Item};
    ///
    /// let item = Item::CustomToolCall(CustomToolCall::new("call_1", "note", "text"));
    /// assert_eq!(item.to_json(), r#"{"type":"custom_tool_call","call_id":"call_1","name":"note","input":"text"}"#);
    /// ```
    CustomToolCall {
        /// The status of the call.
        status: OptionalText Option<String>,
        /// The id of the call, to which its output refers.
        call_id: Text String,
        /// The tool.
        name: Text String,
        /// The namespace of the tool.
        namespace: OptionalText Option<String>,
        /// The input, as the model wrote it.
        input: ModelText String,
    }
    beside {
        /// The caller of the tool.
        caller: Caller,
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The output of a custom tool's call.
    ///
    /// ```
    /// use turnwire::responses::{CustomToolCallOutput, Item, ToolOutput};
    ///
    /// let item = Item::CustomToolCallOutput(CustomToolCallOutput::new("call_1", ToolOutput::Text("done".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"custom_tool_call_output","call_id":"call_1","output":"done"}"#);
    /// ```
    CustomToolCallOutput {
        /// The id of the call.
        call_id: Text String,
        /// The tool.
        name: OptionalText Option<String>,
        /// The output.
        output: Output ToolOutput,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A search for tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, RawJson, ToolSearchCall};
    ///
    /// let item = Item::ToolSearchCall(ToolSearchCall::new("client", RawJson::string("weather")));
    /// assert_eq!(item.to_json(), r#"{"type":"tool_search_call","call_id":null,"execution":"client","arguments":"weather"}"#);
    /// ```
    ToolSearchCall {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// The status of the call.
        status: OptionalText Option<String>,
        /// The executor: `client` or `server`.
        execution: Text String,
        /// The arguments, any JSON.
        arguments: Raw RawJson<'static>,
    }
    beside {
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The results of a search for tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, ToolSearchOutput};
    ///
    /// let item = Item::ToolSearchOutput(ToolSearchOutput::new("completed", "client", Vec::new()));
    /// assert_eq!(item.to_json(), r#"{"type":"tool_search_output","call_id":null,"status":"completed","execution":"client","tools":[]}"#);
    /// ```
    ToolSearchOutput {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// The status.
        status: OptionalText Option<String>,
        /// The executor.
        execution: Text String,
        /// The tools.
        tools: RawArray Vec<RawJson<'static>>,
    }
    beside {
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A search of the web.
    ///
    /// ```
    /// use turnwire::responses::{Item, WebSearchCall};
    ///
    /// let item = Item::WebSearchCall(WebSearchCall::new("completed"));
    /// assert_eq!(item.to_json(), r#"{"type":"web_search_call","status":"completed"}"#);
    /// ```
    WebSearchCall {
        /// The status.
        status: OptionalText Option<String>,
        /// The action: `search`, `open_page` or `find_in_page` with its members, or another one.
        action: OptionalRaw Option<RawJson<'static>>,
    }
    beside {}
}

item! {
    /// A generated image.
    ///
    /// ```
    /// use turnwire::responses::{ImageGenerationCall, Item};
    ///
    /// let item = Item::ImageGenerationCall(ImageGenerationCall::new("completed", Some("AA==".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"image_generation_call","status":"completed","result":"AA=="}"#);
    /// ```
    ImageGenerationCall {
        /// The status.
        status: OptionalText Option<String>,
        /// The final prompt.
        revised_prompt: OptionalText Option<String>,
        /// The image, in base64; `null` until it is available.
        result: NullableText Option<String>,
    }
    beside {
        /// `generate`, `edit` or `auto`.
        action: String,
        /// The background: `transparent`, `opaque` or `auto`.
        background: String,
        /// The format of the image.
        output_format: String,
        /// The quality of the image.
        quality: String,
        /// Width and height.
        size: String,
        /// The error, if there is no image.
        error: RawJson,
        /// The tokens of an SVG.
        svg_usage: RawJson,
    }
}

item! {
    /// A compacted history. Also parsed under the name `compaction_summary`.
    ///
    /// ```
    /// use turnwire::responses::{Compaction, Item};
    ///
    /// let item = Item::Compaction(Compaction::new("opaque"));
    /// assert_eq!(item.to_json(), r#"{"type":"compaction","encrypted_content":"opaque"}"#);
    /// ```
    Compaction {
        /// Data that only the server can decrypt.
        encrypted_content: Text String,
    }
    beside {
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A compacted context.
    ///
    /// ```
    /// use turnwire::responses::{ContextCompaction, Item};
    ///
    /// let item = Item::ContextCompaction(ContextCompaction::new(None));
    /// assert_eq!(item.to_json(), r#"{"type":"context_compaction"}"#);
    /// ```
    ContextCompaction {
        /// Data that only the server can decrypt.
        encrypted_content: OptionalText Option<String>,
    }
    beside {}
}

item! {
    /// Tools that are given as an item (docs/protocol.md §3.7).
    ///
    /// ```
    /// use turnwire::responses::{AdditionalTools, Item};
    ///
    /// let item = Item::AdditionalTools(AdditionalTools::new(Vec::new()));
    /// assert_eq!(item.to_json(), r#"{"type":"additional_tools","role":"developer","tools":[]}"#);
    /// ```
    AdditionalTools {
        /// `developer`.
        role: Text String,
        /// The tools.
        tools: RawArray Vec<RawJson<'static>>,
    }
    beside {}
}

impl Message {
    /// Parses a message without a `type`, or with a string as content.
    pub(in crate::responses) fn shorthand(json: &str) -> Option<Self> {
        let mut members = Members::parse(json).ok()?;
        if !matches!(members.kind(), "" | "message") {
            return None;
        }
        let role: String = members.optional("role").ok()??;
        let content = members.take("content")?;
        let content = if content.starts_with('"') {
            let text: String = lenient::read(content).ok()?;
            let kind = if role == "assistant" { "output_text" } else { "input_text" };
            alloc::vec![ContentPart::text_of(kind, text)]
        } else {
            list(content, |part| Some(ContentPart::read(part)))?
        };
        Some(Self {
            id: codec::read_id(&mut members).ok()?,
            role,
            content,
            phase: members.optional_text("phase").ok()?,
            passthrough: members.optional_raw(PASSTHROUGH).ok()?,
            status: members.optional_value("status"),
            extra: members.rest(),
        })
    }
}
