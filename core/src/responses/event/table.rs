//! The table of events: each type with its class and its members. All other code about events is generated from it, here and in
//! `read`.

use alloc::borrow::Cow;

use super::class::EventClass;
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;

macro_rules! type_of {
    (str) => { Cow<'a, str> };
    (str_opt) => { Option<Cow<'a, str>> };
    (int_opt) => { Option<i64> };
    (raw) => { RawJson<'a> };
    (raw_opt) => { Option<RawJson<'a>> };
}

macro_rules! write {
    (str $object:ident $member:ident) => { $object.string(stringify!($member), $member) };
    (int $object:ident $member:ident) => { $object.integer(stringify!($member), *$member) };
    (raw $object:ident $member:ident) => { $object.raw(stringify!($member), $member.as_str()) };
    (str_opt $object:ident $member:ident) => { if let Some($member) = $member { write!(str $object $member) } };
    (int_opt $object:ident $member:ident) => { if let Some($member) = $member { write!(int $object $member) } };
    (raw_opt $object:ident $member:ident) => { if let Some($member) = $member { write!(raw $object $member) } };
}

macro_rules! owned {
    (str $member:ident) => {
        own($member)
    };
    (str_opt $member:ident) => {
        $member.map(own)
    };
    (int_opt $member:ident) => {
        $member
    };
    (raw $member:ident) => {
        $member.into_owned()
    };
    (raw_opt $member:ident) => {
        $member.map(RawJson::into_owned)
    };
}

/// Returns the text as one that is owned.
pub(super) fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
        /// The contents of an event, by type. Members that the protocol does not guarantee are `Option`s. `Debug` shows
        /// the type.
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the members bear the protocol's own names and meanings")]
        pub enum EventData<'a> {
            $($(#[$doc])* $variant { $($member: type_of!($how),)* },)*
            /// An unknown type. Its payload is in [`ServerEvent::raw`](super::ServerEvent::raw).
            Other {
                kind: Cow<'a, str>,
            },
        }

        /// Every typed event with its class, and its members with their parsers; `_opt` marks optional ones.
        pub const EVENT_TYPES: &[(&str, EventClass, &[(&str, &str)])] = &[
            $(($kind, EventClass::$class, &[$((stringify!($member), stringify!($how)),)*]),)*
        ];

        /// The type of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::responses) enum EventType {
            $($variant,)*
            Other,
        }

        impl EventType {
            pub(in crate::responses) fn of(kind: &str) -> Self {
                match kind {
                    $($kind => Self::$variant,)*
                    _ => Self::Other,
                }
            }

            pub(in crate::responses) const fn class(self) -> EventClass {
                match self {
                    $(Self::$variant => EventClass::$class,)*
                    Self::Other => EventClass::Informational,
                }
            }

            /// Returns the name of a known type, and nothing for another one.
            pub(in crate::responses) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $kind,)*
                    Self::Other => "",
                }
            }
        }

        impl EventData<'_> {
            pub(in crate::responses) fn write(&self, object: &mut Object<'_>) {
                match self {
                    $(Self::$variant { $($member,)* } => { $(write!($how object $member);)* })*
                    Self::Other { .. } => {}
                }
            }

            pub(in crate::responses) fn into_owned(self) -> EventData<'static> {
                match self {
                    $(Self::$variant { $($member,)* } => EventData::$variant { $($member: owned!($how $member),)* },)*
                    Self::Other { kind } => EventData::Other { kind: own(kind) },
                }
            }
        }

        impl EventData<'_> {
            /// Returns the type.
            pub(super) fn kind(&self) -> &str {
                match self {
                    $(Self::$variant { .. } => $kind,)*
                    Self::Other { kind } => kind,
                }
            }
        }

        impl core::fmt::Debug for EventData<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("EventData").field("type", &self.kind()).finish_non_exhaustive()
            }
        }
    };
}

impl EventType {
    /// Returns whether an event of this type contains more of an output.
    pub(in crate::responses) const fn is_delta(self) -> bool {
        matches!(
            self,
            Self::OutputTextDelta
                | Self::RefusalDelta
                | Self::FunctionCallArgumentsDelta
                | Self::CustomToolCallInputDelta
                | Self::ReasoningSummaryTextDelta
                | Self::ReasoningTextDelta
                | Self::ReasoningDelta
                | Self::ReasoningSummaryDelta
                | Self::CodeInterpreterCallCodeDelta
                | Self::McpCallArgumentsDelta
                | Self::ShellCallCommandDelta
                | Self::ShellCallOutputContentDelta
                | Self::AudioDelta
                | Self::AudioTranscriptDelta
        )
    }

    /// Returns whether an event of this type ends a response.
    pub(in crate::responses) const fn is_response_end(self) -> bool {
        matches!(self, Self::Completed | Self::Incomplete | Self::Failed | Self::Done | Self::Cancelled)
    }
}

/// Passes the table to a macro.
macro_rules! event_table {
    ($callback:ident) => {
        $callback! {
            /// The response exists.
            Created "response.created" Created { response: raw, }
            /// The response is queued.
            Queued "response.queued" Created { response: raw_opt, }
            /// The response is in progress.
            InProgress "response.in_progress" Created { response: raw_opt, }
            /// The response is complete.
            Completed "response.completed" Completed { response: raw, }
            /// The response failed; a `Failure` is created from it.
            Failed "response.failed" Failed { response: raw_opt, }
            /// The response ended before it was complete.
            Incomplete "response.incomplete" Incomplete { response: raw_opt, }
            /// The response ended. Its `status` says how. Some servers send this instead of the other terminal events.
            Done "response.done" Completed { response: raw_opt, }
            /// The server cancelled the response.
            Cancelled "response.cancelled" Cancelled { response: raw_opt, }
            /// An item has begun.
            OutputItemAdded "response.output_item.added" Output { item: raw, output_index: int_opt, }
            /// An item is complete.
            OutputItemDone "response.output_item.done" Output { item: raw, output_index: int_opt, }
            /// An item was not finished and is not part of the output, because the response was interrupted.
            OutputItemInterrupted "response.output_item.interrupted" Informational {
                response_id: str_opt, item_id: str_opt, output_index: int_opt,
            }
            /// A part of a message has begun.
            ContentPartAdded "response.content_part.added" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, part: raw_opt,
            }
            /// A part of a message is complete.
            ContentPartDone "response.content_part.done" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, part: raw_opt,
            }
            /// More text.
            OutputTextDelta "response.output_text.delta" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, delta: str, logprobs: raw_opt,
                obfuscation: str_opt,
            }
            /// A text is complete.
            OutputTextDone "response.output_text.done" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, text: str_opt, logprobs: raw_opt,
            }
            /// A text was annotated.
            OutputTextAnnotationAdded "response.output_text.annotation.added" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, annotation_index: int_opt,
                annotation: raw_opt,
            }
            /// More of a refusal.
            RefusalDelta "response.refusal.delta" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// A refusal is complete.
            RefusalDone "response.refusal.done" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, refusal: str_opt,
            }
            /// More of a call's arguments.
            FunctionCallArgumentsDelta "response.function_call_arguments.delta" Output {
                item_id: str_opt, call_id: str_opt, output_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// A call's arguments are complete.
            FunctionCallArgumentsDone "response.function_call_arguments.done" Output {
                item_id: str_opt, call_id: str_opt, output_index: int_opt, name: str_opt, arguments: str_opt,
            }
            /// More of a custom tool's input.
            CustomToolCallInputDelta "response.custom_tool_call_input.delta" Output {
                item_id: str_opt, call_id: str_opt, output_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// A custom tool's input is complete.
            CustomToolCallInputDone "response.custom_tool_call_input.done" Output {
                item_id: str_opt, call_id: str_opt, output_index: int_opt, input: str_opt,
            }
            /// A part of a reasoning summary has begun.
            ReasoningSummaryPartAdded "response.reasoning_summary_part.added" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, part: raw_opt,
            }
            /// A part of a reasoning summary is complete.
            ReasoningSummaryPartDone "response.reasoning_summary_part.done" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, part: raw_opt, status: str_opt,
            }
            /// More of a reasoning summary.
            ReasoningSummaryTextDelta "response.reasoning_summary_text.delta" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// A reasoning summary's text is complete.
            ReasoningSummaryTextDone "response.reasoning_summary_text.done" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, text: str,
            }
            /// More of the reasoning itself.
            ReasoningTextDelta "response.reasoning_text.delta" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// The reasoning itself is complete.
            ReasoningTextDone "response.reasoning_text.done" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, text: str_opt,
            }
            /// More reasoning, under an older name.
            ReasoningDelta "response.reasoning.delta" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, delta: raw_opt,
            }
            /// Reasoning is complete, under an older name.
            ReasoningDone "response.reasoning.done" Output {
                item_id: str_opt, output_index: int_opt, content_index: int_opt, text: str_opt,
            }
            /// More of a summary, under an older name.
            ReasoningSummaryDelta "response.reasoning_summary.delta" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, delta: raw_opt,
            }
            /// A summary is complete, under an older name.
            ReasoningSummaryDone "response.reasoning_summary.done" Output {
                item_id: str_opt, output_index: int_opt, summary_index: int_opt, text: str_opt,
            }
            /// A search of files has begun.
            FileSearchCallInProgress "response.file_search_call.in_progress" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// Files are being searched.
            FileSearchCallSearching "response.file_search_call.searching" Output { item_id: str_opt, output_index: int_opt, }
            /// A search of files is complete.
            FileSearchCallCompleted "response.file_search_call.completed" Output { item_id: str_opt, output_index: int_opt, }
            /// A search of the web has begun.
            WebSearchCallInProgress "response.web_search_call.in_progress" Output { item_id: str_opt, output_index: int_opt, }
            /// The web is being searched.
            WebSearchCallSearching "response.web_search_call.searching" Output { item_id: str_opt, output_index: int_opt, }
            /// A search of the web is complete.
            WebSearchCallCompleted "response.web_search_call.completed" Output { item_id: str_opt, output_index: int_opt, }
            /// A code interpreter's call has begun.
            CodeInterpreterCallInProgress "response.code_interpreter_call.in_progress" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// Code is being interpreted.
            CodeInterpreterCallInterpreting "response.code_interpreter_call.interpreting" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// A code interpreter's call is complete.
            CodeInterpreterCallCompleted "response.code_interpreter_call.completed" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// More code.
            CodeInterpreterCallCodeDelta "response.code_interpreter_call_code.delta" Output {
                item_id: str_opt, output_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// The code is complete.
            CodeInterpreterCallCodeDone "response.code_interpreter_call_code.done" Output {
                item_id: str_opt, output_index: int_opt, code: str_opt,
            }
            /// An image's generation has begun.
            ImageGenerationCallInProgress "response.image_generation_call.in_progress" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// An image is being generated.
            ImageGenerationCallGenerating "response.image_generation_call.generating" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// A preview of an image.
            ImageGenerationCallPartialImage "response.image_generation_call.partial_image" Output {
                item_id: str_opt, output_index: int_opt, partial_image_index: int_opt, partial_image_b64: str_opt,
                background: str_opt, output_format: str_opt, quality: str_opt, size: str_opt,
            }
            /// An image's generation is complete.
            ImageGenerationCallCompleted "response.image_generation_call.completed" Output {
                item_id: str_opt, output_index: int_opt,
            }
            /// A call of an MCP tool has begun.
            McpCallInProgress "response.mcp_call.in_progress" Output { item_id: str_opt, output_index: int_opt, }
            /// More of an MCP call's arguments.
            McpCallArgumentsDelta "response.mcp_call_arguments.delta" Output {
                item_id: str_opt, output_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// An MCP call's arguments are complete.
            McpCallArgumentsDone "response.mcp_call_arguments.done" Output {
                item_id: str_opt, output_index: int_opt, arguments: str_opt,
            }
            /// A call of an MCP tool is complete.
            McpCallCompleted "response.mcp_call.completed" Output { item_id: str_opt, output_index: int_opt, }
            /// A call of an MCP tool failed.
            McpCallFailed "response.mcp_call.failed" Output { item_id: str_opt, output_index: int_opt, }
            /// An MCP server's tools are being listed.
            McpListToolsInProgress "response.mcp_list_tools.in_progress" Output { item_id: str_opt, output_index: int_opt, }
            /// An MCP server's tools are listed.
            McpListToolsCompleted "response.mcp_list_tools.completed" Output { item_id: str_opt, output_index: int_opt, }
            /// An MCP server's tools could not be listed.
            McpListToolsFailed "response.mcp_list_tools.failed" Output { item_id: str_opt, output_index: int_opt, }
            /// The context is being compacted.
            CompactionCompacting "response.compaction.compacting" Informational { item_id: str_opt, output_index: int_opt, }
            /// A command for a shell has begun.
            ShellCallCommandAdded "response.shell_call_command.added" Output {
                item_id: str_opt, output_index: int_opt, command_index: int_opt, command: str_opt,
            }
            /// More of a command for a shell.
            ShellCallCommandDelta "response.shell_call_command.delta" Output {
                item_id: str_opt, output_index: int_opt, command_index: int_opt, delta: str, obfuscation: str_opt,
            }
            /// A command for a shell is complete.
            ShellCallCommandDone "response.shell_call_command.done" Output {
                item_id: str_opt, output_index: int_opt, command_index: int_opt, command: str_opt,
            }
            /// More output of a shell: an object with `stdout` or `stderr`.
            ShellCallOutputContentDelta "response.shell_call_output_content.delta" Output {
                item_id: str_opt, output_index: int_opt, command_index: int_opt, delta: raw_opt,
            }
            /// The output of a shell's command is complete.
            ShellCallOutputContentDone "response.shell_call_output_content.done" Output {
                item_id: str_opt, output_index: int_opt, command_index: int_opt, output: raw_opt,
            }
            /// More audio, in base64.
            AudioDelta "response.audio.delta" Output { response_id: str_opt, delta: str, }
            /// The audio is complete.
            AudioDone "response.audio.done" Output { response_id: str_opt, }
            /// More of the audio's transcript.
            AudioTranscriptDelta "response.audio.transcript.delta" Output { response_id: str_opt, delta: str, }
            /// The audio's transcript is complete.
            AudioTranscriptDone "response.audio.transcript.done" Output { response_id: str_opt, }
            /// Information besides the response: the turn token over WebSocket, verifications, moderation.
            Metadata "response.metadata" Informational { headers: raw_opt, metadata: raw_opt, }
            /// The same without the turn token.
            CodexMetadata "codex.response.metadata" Informational { headers: raw_opt, metadata: raw_opt, }
            /// The used part of the rate limits.
            RateLimits "codex.rate_limits" Informational {
                plan_type: raw_opt, metered_limit_name: raw_opt, limit_name: raw_opt, rate_limits: raw_opt,
                credits: raw_opt,
            }
            /// Durations of the response's phases, in milliseconds.
            WebsocketTiming "responsesapi.websocket_timing" Informational { timing_metrics: raw_opt, }
            /// A steering input was accepted; it takes effect when the successor is created.
            SteerAccepted "response.steer.accepted" Informational { steer: raw_opt, }
            /// A steering input waits, usually for the output of a tool: `required_input` names what must be sent.
            SteerPending "response.steer.pending" Informational { steer: raw_opt, reason: str_opt, required_input: raw_opt, }
            /// A steering input was rejected; `steer` contains it.
            SteerFailed "response.steer.failed" Informational { steer: raw_opt, error: raw_opt, }
            /// The response is being interrupted.
            InterruptAccepted "response.interrupt.accepted" Informational { response_id: str_opt, }
            /// The response could not be interrupted, and goes on.
            InterruptFailed "response.interrupt.failed" Informational { response_id: str_opt, error: raw_opt, }
            /// Output of tools was given to the response.
            InjectCreated "response.inject.created" Informational { response_id: str_opt, }
            /// Output of tools could not be given to the response; `input` gives it back.
            InjectFailed "response.inject.failed" Informational { response_id: str_opt, error: raw_opt, input: raw_opt, }
            /// The request, or the connection, failed; a `Failure` is created from it.
            Error "error" Error {
                error: raw_opt, code: raw_opt, message: raw_opt, param: raw_opt, status: raw_opt, status_code: raw_opt,
                headers: raw_opt,
            }
        }
    };
}
pub(super) use event_table;

event_table!(events);
