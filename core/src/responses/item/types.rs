//! The kinds of items, each with the members that the protocol gives it, in the order they are written.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::field_codec::{
    self as codec, Action, FieldCodec as _, ModelText, NullableText, OptionalRaw, OptionalText, Output, Parts, Raw,
    RawArray, ReasoningContent, Text,
};
use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::{Members, elements};
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::request::ItemEncoding;

/// What a server put on an item for itself and wants back (`docs/protocol.md` §1.6, §3.4).
pub(in crate::responses) const PASSTHROUGH: &str = "internal_chat_message_metadata_passthrough";

/// Declares an item: its members, and the codec of each.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $codec:ident $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// The item's id, when it has one. Whether it is sent is the request's choice (§3.6).
            pub id: Option<String>,
            $($(#[$member_doc])* pub $member: $type,)*
            /// What a server put on the item for itself and wants back.
            pub passthrough: Option<RawJson<'static>>,
            /// Members that are not known here, written back as they came.
            pub extra: ExtraMembers,
        }

        impl $name {
            pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    id: codec::read_id(&mut members)?,
                    $($member: $codec::read(&mut members, stringify!($member))?,)*
                    passthrough: members.optional_raw(PASSTHROUGH)?,
                    extra: members.rest(),
                })
            }

            pub(in crate::responses) fn write(&self, object: &mut Object<'_>, wire: ItemEncoding) {
                object.optional("id", self.id.as_deref().filter(|id| wire.sends_id(id)));
                $($codec::write(object, stringify!($member), &self.$member);)*
                if let Some(passthrough) = self.passthrough.as_ref().filter(|_| wire.passthrough) {
                    object.raw(PASSTHROUGH, passthrough.as_str());
                }
                object.extra(&self.extra);
            }
        }
    };
}

item! {
    /// A message of any role.
    Message {
        /// `user`, `assistant`, `developer`, `system`, or another word.
        role: Text String,
        /// What it says.
        content: Parts Vec<ContentPart>,
        /// `commentary`, `final_answer`, or another word.
        phase: OptionalText Option<String>,
    }
}

item! {
    /// A message from one agent to another.
    AgentMessage {
        /// Who says it.
        author: Text String,
        /// To whom.
        recipient: Text String,
        /// What it says.
        content: Parts Vec<ContentPart>,
    }
}

item! {
    /// The model's reasoning.
    Reasoning {
        /// Summaries, as `summary_text` parts.
        summary: Parts Vec<ContentPart>,
        /// The reasoning itself. Written as `null` when unset, as an array when it holds a `reasoning_text` part, and else not at
        /// all (§3.4.1).
        content: ReasoningContent Option<Vec<ContentPart>>,
        /// What only the server can read; `null` when unset.
        encrypted_content: NullableText Option<String>,
    }
}

item! {
    /// A call of the built-in local shell.
    LocalShellCall {
        /// The call; `null` when unset.
        call_id: NullableText Option<String>,
        /// `completed`, `in_progress`, `incomplete`, or another word.
        status: OptionalText Option<String>,
        /// What to do.
        action: Action LocalShellAction,
    }
}

item! {
    /// A call of one of the request's functions.
    FunctionCall {
        /// The function.
        name: Text String,
        /// The namespace it is in.
        namespace: OptionalText Option<String>,
        /// The arguments: JSON in a string, as the model wrote it.
        arguments: ModelText String,
        /// The call, which its output names.
        call_id: Text String,
        /// How far the call is.
        status: OptionalText Option<String>,
    }
}

item! {
    /// The output of a function call.
    FunctionCallOutput {
        /// The call.
        call_id: Text String,
        /// What came out.
        output: Output ToolOutput,
    }
}

item! {
    /// A call of a custom (free-form) tool.
    CustomToolCall {
        /// How far the call is.
        status: OptionalText Option<String>,
        /// The call, which its output names.
        call_id: Text String,
        /// The tool.
        name: Text String,
        /// The namespace it is in.
        namespace: OptionalText Option<String>,
        /// What goes in, as the model wrote it.
        input: ModelText String,
    }
}

item! {
    /// The output of a custom tool's call.
    CustomToolCallOutput {
        /// The call.
        call_id: Text String,
        /// The tool.
        name: OptionalText Option<String>,
        /// What came out.
        output: Output ToolOutput,
    }
}

item! {
    /// A search for tools.
    ToolSearchCall {
        /// The call; `null` when unset.
        call_id: NullableText Option<String>,
        /// How far the call is.
        status: OptionalText Option<String>,
        /// Who searches: `client`, `server`.
        execution: Text String,
        /// The arguments, any JSON.
        arguments: Raw RawJson<'static>,
    }
}

item! {
    /// What a search for tools found.
    ToolSearchOutput {
        /// The call; `null` when unset.
        call_id: NullableText Option<String>,
        /// How far it is.
        status: OptionalText Option<String>,
        /// Who searched.
        execution: Text String,
        /// The tools.
        tools: RawArray Vec<RawJson<'static>>,
    }
}

item! {
    /// A search of the web.
    WebSearchCall {
        /// How far it is.
        status: OptionalText Option<String>,
        /// `search`, `open_page` or `find_in_page` with its members, or another one.
        action: OptionalRaw Option<RawJson<'static>>,
    }
}

item! {
    /// A generated image.
    ImageGenerationCall {
        /// How far it is.
        status: OptionalText Option<String>,
        /// The prompt that was used in the end.
        revised_prompt: OptionalText Option<String>,
        /// The image, in base64; `null` as long as there is none.
        result: NullableText Option<String>,
    }
}

item! {
    /// A compacted history. Read under the name `compaction_summary` too.
    Compaction {
        /// What only the server can read.
        encrypted_content: Text String,
    }
}

item! {
    /// A compacted context.
    ContextCompaction {
        /// What only the server can read.
        encrypted_content: OptionalText Option<String>,
    }
}

item! {
    /// Tools that are given as an item (§3.7).
    AdditionalTools {
        /// `developer`.
        role: Text String,
        /// The tools.
        tools: RawArray Vec<RawJson<'static>>,
    }
}

/// What a call of the local shell does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalShellAction {
    /// Runs a command.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take, in milliseconds.
        timeout_ms: Option<i64>,
        /// Where it runs.
        working_directory: Option<String>,
        /// Its environment: an object of strings.
        env: Option<RawJson<'static>>,
        /// As whom it runs.
        user: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// Another action, as it came.
    Other(RawJson<'static>),
}

impl Message {
    /// A message without a `type`, or whose content is a string.
    pub(in crate::responses) fn shorthand(json: &str) -> Option<Self> {
        let mut members = Members::parse(json).ok()?;
        if !matches!(members.kind(), "" | "message") {
            return None;
        }
        let role: String = members.optional("role").ok()??;
        let content = members.take("content")?;
        let content = if content.starts_with('"') {
            let text: String = lenient::read(content).ok()?;
            alloc::vec![if role == "assistant" {
                ContentPart::output_text(&text)
            } else {
                ContentPart::input_text(&text)
            }]
        } else {
            elements(content).ok()?.into_iter().map(ContentPart::parse).collect()
        };
        Some(Self {
            id: codec::read_id(&mut members).ok()?,
            role,
            content,
            phase: members.optional_text("phase").ok()?,
            passthrough: members.optional_raw(PASSTHROUGH).ok()?,
            extra: members.rest(),
        })
    }
}
