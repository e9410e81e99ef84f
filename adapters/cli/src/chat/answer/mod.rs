//! The answer of one request, put together from its events: what to show, each thing once, and the items for the next request.
//!
//! Servers send an answer in deltas, in finished items, or only in the last event's `output`; with ids and indexes, with wrong ones,
//! or without. A text or a call is therefore identified by all that is available: its id, its index, its text.

mod read;
mod slots;

use turnwire::responses::{ContentPart, EventData, Item, Message, RawJson, ServerEvent};

use self::read::{has_content, is_void, merge, other_item, other_part, output_of, without_void_parts, words};
use self::slots::{Call, Key, SeenCall, Stage, TextPart};

/// Kind of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Text of the answer, or the transcript of its audio.
    Answer,
    /// Refusal of the model.
    Refusal,
    /// Summary of the reasoning.
    Summary,
    /// The reasoning itself.
    Reasoning,
}

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More of a text.
    Text {
        /// Number of the text in this answer: where it differs from the piece before, another text begins.
        part: usize,
        /// Kind of the text.
        kind: TextKind,
        /// The text to append.
        text: String,
    },
    /// A call of a tool.
    Call {
        /// Name of the tool.
        name: String,
        /// Arguments or input, as the model wrote them.
        arguments: String,
        /// Whether all of the arguments arrived.
        complete: bool,
    },
    /// An item or a part that is neither text nor a call for the application.
    Other {
        /// Its type.
        kind: String,
        /// The item as JSON.
        raw: String,
    },
}

/// The answer of one request.
#[derive(Debug, Default)]
pub struct Answer {
    texts: Vec<TextPart>,
    calls: Vec<Call>,
    /// Finished items, in their order.
    items: Vec<Item>,
    /// Items that have begun: some servers never finish them.
    begun: Vec<(Key, String)>,
    /// Items of the response's `output`, each with its place in `items` if it was finished before.
    output: Vec<(Item, Option<usize>)>,
}

impl Answer {
    /// Processes an event, and returns the pieces that it adds.
    pub fn event(&mut self, event: &ServerEvent<'_>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        match &event.data {
            EventData::OutputTextDelta { item_id, output_index, content_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.delta(TextKind::Answer, key, event, &mut pieces);
            }
            EventData::RefusalDelta { item_id, output_index, content_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.delta(TextKind::Refusal, key, event, &mut pieces);
            }
            EventData::AudioTranscriptDelta { .. } => {
                self.delta(TextKind::Answer, Key::default(), event, &mut pieces);
            }
            EventData::ReasoningSummaryTextDelta { item_id, output_index, summary_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, *summary_index);
                self.delta(TextKind::Summary, key, event, &mut pieces);
            }
            EventData::ReasoningTextDelta { item_id, output_index, content_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.delta(TextKind::Reasoning, key, event, &mut pieces);
            }
            EventData::OutputTextDone { item_id, output_index, content_index, text: Some(text), .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.text(TextKind::Answer, key, text, Stage::Text, &mut pieces);
            }
            EventData::RefusalDone { item_id, output_index, content_index, refusal: Some(text) } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.text(TextKind::Refusal, key, text, Stage::Text, &mut pieces);
            }
            EventData::ContentPartDone { item_id, output_index, content_index, part: Some(part) } => {
                let key = Key::of(item_id.as_deref(), *output_index, *content_index);
                self.part_done(key, part, &mut pieces);
            }
            EventData::FunctionCallArgumentsDelta { item_id, call_id, output_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, None);
                self.open_call(key, call_id.as_deref(), false).append(event);
            }
            EventData::CustomToolCallInputDelta { item_id, call_id, output_index, .. } => {
                let key = Key::of(item_id.as_deref(), *output_index, None);
                self.open_call(key, call_id.as_deref(), true).append(event);
            }
            EventData::FunctionCallArgumentsDone { item_id, call_id, output_index, name, arguments } => {
                let key = Key::of(item_id.as_deref(), *output_index, None);
                let call = self.open_call(key, call_id.as_deref(), false);
                call.done(name.as_deref(), arguments.as_deref());
            }
            EventData::CustomToolCallInputDone { item_id, call_id, output_index, input } => {
                let key = Key::of(item_id.as_deref(), *output_index, None);
                self.open_call(key, call_id.as_deref(), true).done(None, input.as_deref());
            }
            EventData::OutputItemAdded { item, output_index } => self.begun(item.as_str(), *output_index),
            EventData::OutputItemDone { item, output_index } => {
                self.item(item.as_str(), *output_index, Stage::Item, &mut pieces);
            }
            EventData::Completed { response } => self.response(response, &mut pieces),
            EventData::Failed { response: Some(response) }
            | EventData::Incomplete { response: Some(response) }
            | EventData::Done { response: Some(response) }
            | EventData::Cancelled { response: Some(response) } => self.response(response, &mut pieces),
            _ => {}
        }
        pieces
    }

    /// Ends the answer, and returns what was not shown yet: items that were begun with content and not finished, half of a surrogate
    /// pair at the end of a text, and calls that are in no item.
    pub fn end(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (key, json) in core::mem::take(&mut self.begun) {
            if let Ok(item) = Item::parse(&json)
                && has_content(&item)
            {
                self.take_item(item, &key, Stage::Item, &mut pieces);
            }
        }
        for (part, text) in self.texts.iter_mut().enumerate() {
            let kind = text.kind;
            pieces.extend(text.show_all().map(|text| Piece::Text { part, kind, text }));
        }
        for call in self.calls.iter_mut().filter(|call| !call.shown) {
            call.shown = true;
            pieces.push(call.piece());
        }
        pieces
    }

    /// Returns the answer's items, as the next request repeats them.
    #[must_use]
    pub fn into_items(self) -> Vec<Item> {
        let Self { texts, calls, items, output, .. } = self;
        let mut items: Vec<Item> = merge(items, output).into_iter().filter_map(without_void_parts).collect();
        // These texts are in no item: the server sent them only in deltas.
        let texts: Vec<ContentPart> = texts
            .into_iter()
            .filter(|part| part.kind == TextKind::Answer && !part.in_item() && !part.received.is_empty())
            .map(|part| ContentPart::output_text(&part.received))
            .collect();
        if !texts.is_empty() {
            items.push(Item::Message(Message::new("assistant", texts)));
        }
        for call in calls {
            if call.stages[Stage::Item as usize] || call.stages[Stage::Output as usize] || !call.complete {
                continue;
            }
            if !call.call_id.is_empty() && !call.name.is_empty() {
                items.push(call.into_item());
            }
        }
        items
    }

    fn delta(&mut self, kind: TextKind, key: Key, event: &ServerEvent<'_>, pieces: &mut Vec<Piece>) {
        let open = |part: &TextPart| part.kind == kind && part.is_open() && part.key.same(&key) != Some(false);
        let part = self.texts.iter().rposition(open).unwrap_or_else(|| self.new_text(kind, key));
        let text = &mut self.texts[part];
        text.joiner.append(&mut text.received, event);
        pieces.extend(text.show().map(|text| Piece::Text { part, kind, text }));
    }

    fn new_text(&mut self, kind: TextKind, key: Key) -> usize {
        self.texts.push(TextPart::new(kind, key));
        self.texts.len() - 1
    }

    /// Shows what a whole text adds to what was shown of it. Returns whether the text was in a finished item already.
    fn text(&mut self, kind: TextKind, key: Key, text: &str, stage: Stage, pieces: &mut Vec<Piece>) -> bool {
        let part = self.find_text(kind, &key, text, stage).unwrap_or_else(|| self.new_text(kind, key));
        let found = &mut self.texts[part];
        let finished = found.stages[Stage::Item as usize];
        found.stages[stage as usize] = true;
        pieces.extend(found.replace(text).map(|text| Piece::Text { part, kind, text }));
        finished
    }

    /// Finds the text that is repeated here: an equal text, else one at the same index that this one continues, else one with the
    /// same id, else one that this one continues.
    fn find_text(&self, kind: TextKind, key: &Key, text: &str, stage: Stage) -> Option<usize> {
        let candidates = || {
            self.texts.iter().enumerate().filter(move |(_, part)| {
                let closed = matches!(stage, Stage::Text | Stage::Part) && part.stages[Stage::Item as usize];
                // Indexes in `output` differ where the stream left items out.
                let elsewhere = stage != Stage::Output && part.key.is_elsewhere(key);
                part.kind == kind && !part.stages[stage as usize] && !closed && !elsewhere
            })
        };
        let same = |part: &TextPart| part.key.same(key) == Some(true);
        let find = |test: &dyn Fn(&TextPart) -> bool| candidates().find(|(_, part)| test(part)).map(|(at, _)| at);
        find(&|part| part.received == text && same(part))
            .or_else(|| find(&|part| part.received == text))
            .or_else(|| find(&|part| same(part) && (text.starts_with(part.shown()) || part.received.starts_with(text))))
            .or_else(|| find(&|part| part.key.same_id(key)))
            .or_else(|| find(&|part| part.key.same(key).is_none() && text.starts_with(part.shown())))
    }

    fn part_done(&mut self, key: Key, part: &RawJson<'_>, pieces: &mut Vec<Piece>) {
        // A message of this part alone reads it as items do.
        let json = format!(r#"{{"type":"message","role":"assistant","content":[{}]}}"#, part.as_str());
        let Ok(Item::Message(message)) = Item::parse(&json) else { return };
        for part in &message.content {
            // The item shows parts without text.
            if let Some((kind, text)) = words(part) {
                self.text(kind, key.clone(), &text, Stage::Part, pieces);
            }
        }
    }

    fn open_call(&mut self, key: Key, call_id: Option<&str>, custom: bool) -> &mut Call {
        let call_id = call_id.unwrap_or_default();
        let at = self.calls.iter().rposition(|call| {
            let closed = call.stages[Stage::Item as usize];
            let same_id = !call_id.is_empty() && call.call_id == call_id;
            !closed && call.custom == custom && (same_id || call.key.same(&key) != Some(false))
        });
        let at = at.unwrap_or_else(|| {
            self.calls.push(Call::new(key, call_id, "", custom));
            self.calls.len() - 1
        });
        &mut self.calls[at]
    }

    fn begun(&mut self, json: &str, index: Option<i64>) {
        let Ok(item) = Item::parse(json) else { return };
        let key = Key::of(item.id(), index, None);
        match &item {
            Item::FunctionCall(call) => self.calls.push(Call::new(key.clone(), &call.call_id, &call.name, false)),
            Item::CustomToolCall(call) => self.calls.push(Call::new(key.clone(), &call.call_id, &call.name, true)),
            _ => {}
        }
        self.begun.push((key, json.to_owned()));
    }

    /// Processes a finished item.
    fn item(&mut self, json: &str, index: Option<i64>, stage: Stage, pieces: &mut Vec<Piece>) {
        match Item::parse(json) {
            Ok(item) => {
                let key = Key::of(item.id(), index, None);
                // Without an id or an index, the oldest item that was begun is this one.
                if let Some(at) = self.begun.iter().position(|(begun, _)| begun.same(&key) != Some(false)) {
                    self.begun.remove(at);
                }
                self.take_item(item, &key, stage, pieces);
            }
            Err(_) => pieces.push(Piece::Other { kind: "unreadable item".into(), raw: json.to_owned() }),
        }
    }

    fn take_item(&mut self, item: Item, key: &Key, stage: Stage, pieces: &mut Vec<Piece>) {
        let finished = match &item {
            Item::Message(message) => self.message(message, key, stage, pieces),
            Item::Reasoning(reasoning) => {
                let summary = reasoning.summary.iter().map(|part| (TextKind::Summary, part));
                let content = reasoning.content.iter().flatten().map(|part| (TextKind::Reasoning, part));
                self.reasoning(summary.chain(content), key, stage, pieces);
                self.known(&item)
            }
            Item::FunctionCall(call) => {
                let (call_id, name, arguments) = (&*call.call_id, &*call.name, &*call.arguments);
                self.call(SeenCall { key: key.clone(), call_id, name, arguments, custom: false }, stage, pieces)
            }
            Item::CustomToolCall(call) => {
                let (call_id, name, arguments) = (&*call.call_id, &*call.name, &*call.input);
                self.call(SeenCall { key: key.clone(), call_id, name, arguments, custom: true }, stage, pieces)
            }
            other => {
                let known = self.known(other);
                if !known {
                    pieces.push(other_item(other));
                }
                known
            }
        };
        match stage {
            Stage::Output => {
                let place = if finished { self.place(&item) } else { None };
                self.output.push((item, place));
            }
            _ => self.items.push(item),
        }
    }

    /// Returns whether a finished item is the same as this one.
    fn known(&self, item: &Item) -> bool {
        self.items.iter().any(|known| (item.id().is_some() && known.id() == item.id()) || known == item)
    }

    /// Returns the place of the finished item that an item of the response's `output` repeats.
    fn place(&self, item: &Item) -> Option<usize> {
        let taken = |at: usize| self.output.iter().any(|(_, place)| *place == Some(at));
        let find = |test: &dyn Fn(&Item) -> bool| {
            self.items.iter().enumerate().find(|(at, known)| !taken(*at) && test(known)).map(|(at, _)| at)
        };
        find(&|known| item.id().is_some() && known.id() == item.id())
            .or_else(|| find(&|known| known == item))
            .or_else(|| find(&|known| core::mem::discriminant(known) == core::mem::discriminant(item)))
    }

    /// Shows the texts of a message. Returns whether they were in a finished item already.
    fn message(&mut self, message: &Message, key: &Key, stage: Stage, pieces: &mut Vec<Piece>) -> bool {
        if matches!(message.role.as_str(), "user" | "system" | "developer") {
            return false;
        }
        let mut finished = message.content.is_empty();
        for (at, part) in message.content.iter().enumerate() {
            let key = Key { part: i64::try_from(at).ok(), ..key.clone() };
            match words(part) {
                Some((kind, text)) => finished |= self.text(kind, key, &text, stage, pieces),
                None if is_void(part) => {}
                None if self.known_part(part) => finished = true,
                None => pieces.push(other_part(part)),
            }
        }
        finished
    }

    /// Returns whether a finished message contains this part.
    fn known_part(&self, part: &ContentPart) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Message(message) if message.content.contains(part)))
    }

    fn reasoning<'p>(
        &mut self,
        parts: impl Iterator<Item = (TextKind, &'p ContentPart)>,
        key: &Key,
        stage: Stage,
        pieces: &mut Vec<Piece>,
    ) {
        let (mut summaries, mut contents) = (0_i64.., 0_i64..);
        for (kind, part) in parts {
            let at = if kind == TextKind::Summary { summaries.next() } else { contents.next() };
            if let Some(text) = part.text() {
                self.text(kind, Key { part: at, ..key.clone() }, text, stage, pieces);
            }
        }
    }

    /// Shows a call. Returns whether it was in a finished item already.
    fn call(&mut self, seen: SeenCall<'_>, stage: Stage, pieces: &mut Vec<Piece>) -> bool {
        let at = self.find_call(&seen, stage).unwrap_or_else(|| {
            self.calls.push(Call::new(seen.key.clone(), seen.call_id, "", seen.custom));
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        let finished = call.stages[Stage::Item as usize];
        call.stages[stage as usize] = true;
        if !call.shown {
            call.shown = true;
            call.complete = true;
            (call.name, call.arguments) = (seen.name.to_owned(), seen.arguments.to_owned());
            pieces.push(call.piece());
        }
        finished
    }

    fn find_call(&self, seen: &SeenCall<'_>, stage: Stage) -> Option<usize> {
        let find = |test: &dyn Fn(&Call) -> bool| {
            self.calls.iter().position(|call| call.custom == seen.custom && !call.stages[stage as usize] && test(call))
        };
        let differ = |call: &Call| !call.call_id.is_empty() && !seen.call_id.is_empty() && call.call_id != seen.call_id;
        let named = |call: &Call| call.name.is_empty() || call.name == seen.name;
        find(&|call| !seen.call_id.is_empty() && call.call_id == seen.call_id)
            .or_else(|| find(&|call| !differ(call) && call.key.same(&seen.key) == Some(true) && named(call)))
            .or_else(|| find(&|call| call.name == seen.name && call.arguments == seen.arguments))
            .or_else(|| find(&|call| !call.shown && !differ(call) && call.key.same(&seen.key).is_none() && named(call)))
    }

    /// Processes the `output` of the last event.
    fn response(&mut self, response: &RawJson<'_>, pieces: &mut Vec<Piece>) {
        for (index, item) in output_of(response).into_iter().enumerate() {
            self.item(&item, i64::try_from(index).ok(), Stage::Output, pieces);
        }
    }
}
