//! What a conversation is made of beside calls: messages, reasoning, compacted histories, and tools that are given as an item.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::field_codec::{
    self as codec, FieldCodec as _, NullableText, OptionalText, Parts, RawArray, ReasoningContent, Text,
};
use crate::responses::item::macros::{PASSTHROUGH, item};
use crate::responses::item::part::ContentPart;
use crate::responses::json::iter::list;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, wire_name};
use crate::responses::request::ItemEncoding;

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
