//! The texts and calls in an item and its parts.

use std::borrow::Cow;

use turnwire::responses::{ContentPart, Item, LocalShellAction, RawJson};

use super::{Piece, TextKind};

/// Returns the items of a response's `output`, as JSON.
pub(super) fn output_of(response: &RawJson<'_>) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Response {
        #[serde(default)]
        output: Option<Vec<RawJson<'static>>>,
    }

    let output = response.parse().ok().and_then(|response: Response| response.output);
    output.unwrap_or_default().into_iter().map(|item| item.as_str().to_owned()).collect()
}

/// Returns the text of a part; `None` if it has none.
pub(super) fn words(part: &ContentPart) -> Option<(TextKind, Cow<'_, str>)> {
    #[derive(serde::Deserialize)]
    struct Other {
        transcript: Option<String>,
    }

    match part {
        ContentPart::Text { kind: "summary_text", text, .. } => Some((TextKind::Summary, text.into())),
        ContentPart::Text { kind: "reasoning_text", text, .. } => Some((TextKind::Reasoning, text.into())),
        ContentPart::Text { text, .. } => Some((TextKind::Answer, text.into())),
        ContentPart::Refusal { refusal, .. } => Some((TextKind::Refusal, refusal.into())),
        ContentPart::Other(raw) => match raw.parse().ok()? {
            Other { transcript: Some(transcript), .. } => Some((TextKind::Answer, transcript.into())),
            Other { .. } => None,
        },
        _ => None,
    }
}

/// Returns whether a part is of a kind that is text and has no text, as gateways send it beside a call. Sent back to them, it
/// makes them fail.
pub(super) fn is_void(part: &ContentPart) -> bool {
    #[derive(serde::Deserialize)]
    struct Part {
        r#type: String,
        text: Option<serde::de::IgnoredAny>,
        refusal: Option<serde::de::IgnoredAny>,
    }

    let ContentPart::Other(raw) = part else { return false };
    let Ok(Part { r#type, text, refusal }) = raw.parse() else { return false };
    matches!((r#type.as_str(), text, refusal), ("output_text" | "text", None, _) | ("refusal", _, None))
}

/// Returns an item without its void parts; nothing if it was a message and has no other part.
pub(super) fn without_void_parts(mut item: Item) -> Option<Item> {
    if let Item::Message(message) = &mut item {
        let parts = message.content.len();
        message.content.retain(|part| !is_void(part));
        if message.content.is_empty() && parts > 0 {
            return None;
        }
    }
    Some(item)
}

/// Returns whether an item that was begun has content already.
pub(super) fn has_content(item: &Item) -> bool {
    match item {
        Item::Message(message) => message.content.iter().filter_map(words).any(|(_, text)| !text.is_empty()),
        Item::FunctionCall(call) => !call.arguments.is_empty(),
        Item::CustomToolCall(call) => !call.input.is_empty(),
        _ => false,
    }
}

/// Returns the piece of an item that is neither a message nor a call of a function or a custom tool.
pub(super) fn other_item(item: &Item) -> Piece {
    let raw = item.to_json();
    let call = |name: &str, arguments: String| Piece::Call { name: name.to_owned(), arguments, complete: true };
    match item {
        Item::LocalShellCall(shell) => {
            let arguments = match &shell.action {
                LocalShellAction::Exec { command, .. } => serde_json::to_string(command).unwrap_or_default(),
                _ => raw,
            };
            call("local_shell", arguments)
        }
        Item::ToolSearchCall(search) => call("tool_search", search.arguments.as_str().to_owned()),
        // The server runs these itself.
        Item::WebSearchCall(_)
        | Item::ImageGenerationCall(_)
        | Item::FileSearchCall(_)
        | Item::CodeInterpreterCall(_)
        | Item::McpCall(_) => Piece::Other { kind: item.kind().to_owned(), raw },
        other if ["file_search_call", "code_interpreter_call", "mcp_call"].contains(&other.kind()) => {
            Piece::Other { kind: other.kind().to_owned(), raw }
        }
        other if other.kind().ends_with("_call") => call(other.kind(), raw),
        other => Piece::Other { kind: other.kind().to_owned(), raw },
    }
}

/// Returns the piece of a message's part that has no text.
pub(super) fn other_part(part: &ContentPart) -> Piece {
    let (kind, raw) = match part {
        ContentPart::InputImage { image_url: Some(place), .. }
        | ContentPart::InputImage { file_id: Some(place), .. } => ("image", place.as_str()),
        ContentPart::InputAudio { .. } => ("audio", ""),
        ContentPart::InputAudioUrl { audio_url, .. } => ("audio", audio_url.as_str()),
        ContentPart::Encrypted { encrypted_content, .. } => ("encrypted content", encrypted_content.as_str()),
        ContentPart::Other(raw) => ("part", raw.as_str()),
        _ => ("part", ""),
    };
    Piece::Other { kind: kind.to_owned(), raw: raw.to_owned() }
}

/// Merges the finished items with those of the response's `output`: the finished ones are kept as they are, and those that are in
/// `output` only are added in its order.
pub(super) fn merge(finished: Vec<Item>, output: Vec<(Item, Option<usize>)>) -> Vec<Item> {
    let mut finished: Vec<Option<Item>> = finished.into_iter().map(Some).collect();
    let mut merged = Vec::with_capacity(finished.len() + output.len());
    let mut next = 0;
    for (item, place) in output {
        match place {
            Some(place) => {
                // Finished items that `output` leaves out keep their place before the one that it repeats.
                for slot in finished.iter_mut().take(place + 1).skip(next) {
                    merged.extend(slot.take());
                }
                next = next.max(place + 1);
            }
            None => merged.push(item),
        }
    }
    merged.extend(finished.into_iter().flatten());
    merged
}
