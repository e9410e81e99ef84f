//! `Piece`: the part of an item that one event adds.

use alloc::borrow::Cow;

use crate::responses::event::EventData;
use crate::responses::item::ContentPart;

/// The field of an item to which a text belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Text,
    Refusal,
    Summary,
    Reasoning,
    /// The arguments of a function call.
    Arguments,
    /// The input of a custom tool's call.
    Input,
    /// The code of a code interpreter.
    Code,
    /// The arguments of a call of an MCP server's tool.
    McpArguments,
}

/// A text for an item.
pub(super) struct Piece<'e> {
    pub(super) output_index: Option<i64>,
    pub(super) item_id: Option<&'e str>,
    pub(super) call_id: Option<&'e str>,
    pub(super) name: Option<&'e str>,
    pub(super) target: Target,
    /// The index among the parts of the item.
    pub(super) place: i64,
    pub(super) text: Cow<'e, str>,
    /// Whether the text is all of the part, and not a continuation.
    pub(super) is_whole: bool,
}

/// One arm of [`Piece::of`]: the event, the field of its text, and the member with the text.
macro_rules! piece {
    ($data:ident, $event:ident, $target:ident, $text:ident $($place:ident)?) => {
        if let EventData::$event { item_id, output_index, $text: text, $($place,)? .. } = $data {
            let piece = Piece::new(*output_index, item_id.as_deref(), Target::$target, text, false);
            return Some(piece $(.at(*$place))?);
        }
    };
    ($data:ident, whole $event:ident, $target:ident, $text:ident $($place:ident)?) => {
        if let EventData::$event { item_id, output_index, $text: Some(text), $($place,)? .. } = $data {
            let piece = Piece::new(*output_index, item_id.as_deref(), Target::$target, text, true);
            return Some(piece $(.at(*$place))?);
        }
    };
}

impl<'e> Piece<'e> {
    const fn new(index: Option<i64>, id: Option<&'e str>, target: Target, text: &'e str, is_whole: bool) -> Self {
        Self {
            output_index: index,
            item_id: id,
            call_id: None,
            name: None,
            target,
            place: 0,
            text: Cow::Borrowed(text),
            is_whole,
        }
    }

    fn at(self, place: Option<i64>) -> Self {
        Self { place: place.unwrap_or(0), ..self }
    }

    /// Returns the part that the event adds. `None` if it adds no text to an item.
    pub(super) fn of(data: &'e EventData<'_>) -> Option<Self> {
        piece!(data, OutputTextDelta, Text, delta content_index);
        piece!(data, whole OutputTextDone, Text, text content_index);
        piece!(data, RefusalDelta, Refusal, delta content_index);
        piece!(data, whole RefusalDone, Refusal, refusal content_index);
        piece!(data, ReasoningSummaryTextDelta, Summary, delta summary_index);
        piece!(data, ReasoningTextDelta, Reasoning, delta content_index);
        piece!(data, whole ReasoningTextDone, Reasoning, text content_index);
        piece!(data, CodeInterpreterCallCodeDelta, Code, delta);
        piece!(data, whole CodeInterpreterCallCodeDone, Code, code);
        piece!(data, McpCallArgumentsDelta, McpArguments, delta);
        piece!(data, whole McpCallArgumentsDone, McpArguments, arguments);
        if let EventData::ReasoningSummaryTextDone { item_id, output_index, summary_index, text } = data {
            let piece = Self::new(*output_index, item_id.as_deref(), Target::Summary, text, true);
            return Some(piece.at(*summary_index));
        }
        Self::of_call(data).or_else(|| Self::of_part(data))
    }

    fn of_call(data: &'e EventData<'_>) -> Option<Self> {
        let (call_id, name, piece) =
            if let EventData::FunctionCallArgumentsDelta { item_id, call_id, output_index, delta, .. } = data {
                (call_id, &None, Self::new(*output_index, item_id.as_deref(), Target::Arguments, delta, false))
            } else if let EventData::FunctionCallArgumentsDone {
                item_id,
                call_id,
                output_index,
                name,
                arguments: Some(text),
            } = data
            {
                (call_id, name, Self::new(*output_index, item_id.as_deref(), Target::Arguments, text, true))
            } else if let EventData::CustomToolCallInputDelta { item_id, call_id, output_index, delta, .. } = data {
                (call_id, &None, Self::new(*output_index, item_id.as_deref(), Target::Input, delta, false))
            } else if let EventData::CustomToolCallInputDone { item_id, call_id, output_index, input: Some(text) } =
                data
            {
                (call_id, &None, Self::new(*output_index, item_id.as_deref(), Target::Input, text, true))
            } else {
                return None;
            };
        Some(Self { call_id: call_id.as_deref(), name: name.as_deref(), ..piece })
    }

    /// Returns a part that begins or is finished, with its text.
    fn of_part(data: &'e EventData<'_>) -> Option<Self> {
        let (EventData::ContentPartAdded { item_id, output_index, content_index, part: Some(part) }
        | EventData::ContentPartDone { item_id, output_index, content_index, part: Some(part) }) = data
        else {
            return None;
        };
        let (target, text) = match ContentPart::read(part.as_str()) {
            ContentPart::Text { kind: "reasoning_text", text, .. } => (Target::Reasoning, text),
            ContentPart::Text { text, .. } => (Target::Text, text),
            ContentPart::Refusal { refusal, .. } => (Target::Refusal, refusal),
            ContentPart::InputImage { .. }
            | ContentPart::InputFile { .. }
            | ContentPart::InputAudio { .. }
            | ContentPart::InputAudioUrl { .. }
            | ContentPart::ComputerScreenshot { .. }
            | ContentPart::Encrypted { .. }
            | ContentPart::Other(_) => return None,
        };
        let piece = Self::new(*output_index, item_id.as_deref(), target, "", true).at(*content_index);
        Some(Self { text: Cow::Owned(text), ..piece })
    }
}
