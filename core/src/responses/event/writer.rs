//! Writes a response as events, with everything that the public API documents.

mod steering;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::error_object::ErrorObject;
use crate::responses::event::request_members::RequestMembers;
use crate::responses::event::{EventData, ServerEvent};
use crate::responses::item::{ContentPart, CustomToolCall, FunctionCall, Item, Reasoning};
use crate::responses::json::object_writer::{Object, array, integer, object, string};
use crate::responses::json::raw::RawJson;
use crate::responses::usage::Usage;

/// Writes the events of one response, for a server: numbered, in the documented order, with indexes, complete items and
/// complete response objects.
///
/// The reference client needs only finished items and the terminal event (`docs/protocol.md` §5.4). The stream helpers
/// of the official SDKs need all events: they assemble a response from its parts, and reject one with a missing part.
///
/// ```
/// use turnwire::responses::{FunctionCall, Item, ResponseWriter, Usage};
///
/// let mut writer = ResponseWriter::new("resp_1", "gpt-x", 1_767_225_600);
/// let mut events = writer.begin();
/// events.extend(writer.text("msg_1", "Let me "));
/// events.extend(writer.text("msg_1", "see."));
/// events.extend(writer.item(&Item::FunctionCall(FunctionCall::new("call_1", "look", "{}").with_id("fc_1"))));
/// events.extend(writer.complete(Some(&Usage::new(12, 7)), None));
/// assert_eq!(events.first().map(|event| event.kind()), Some("response.created"));
/// assert_eq!(events.last().map(|event| event.sequence_number), Some(Some(events.len() as i64 - 1)));
/// ```
#[derive(Clone)]
pub struct ResponseWriter {
    id: String,
    model: String,
    created_at: i64,
    completed_at: Option<i64>,
    request: RequestMembers,
    stream_id: Option<String>,
    sequence_number: i64,
    /// The finished items, as JSON.
    output: Vec<String>,
    message: Option<Open>,
    /// The last delta that was sent as JSON; its memory is used for the next one.
    delta: Vec<u8>,
}

/// The message in progress.
#[derive(Clone)]
struct Open {
    id: String,
    text: String,
    /// The JSON of its deltas before and behind their text, up to the number.
    frame: [String; 2],
}

type Events = Vec<ServerEvent<'static>>;

/// Shows the progress of the response, and no output.
impl fmt::Debug for ResponseWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseWriter")
            .field("id", &self.id)
            .field("stream_id", &self.stream_id)
            .field("sequence_number", &self.sequence_number)
            .field("items", &self.output.len())
            .finish_non_exhaustive()
    }
}

impl ResponseWriter {
    /// Creates a writer for a response with this id. `created_at`: the time of creation, in Unix seconds.
    #[must_use]
    pub fn new(id: &str, model: &str, created_at: i64) -> Self {
        Self {
            id: id.into(),
            model: model.into(),
            created_at,
            completed_at: None,
            request: RequestMembers::default(),
            stream_id: None,
            sequence_number: 0,
            output: Vec::new(),
            message: None,
            delta: Vec::new(),
        }
    }

    /// Sets the lane of all events.
    #[must_use]
    pub fn on_lane(mut self, stream_id: &str) -> Self {
        self.stream_id = Some(stream_id.into());
        self
    }

    /// Returns the lane of all events.
    #[must_use]
    pub fn lane(&self) -> Option<&str> {
        self.stream_id.as_deref()
    }

    /// Sets the request whose members the response object repeats: `instructions`, `tools`, `metadata` and others.
    /// Members that the request does not have, or all without a request, have the API's defaults. A value above 64 KiB
    /// is not repeated.
    #[must_use]
    pub fn for_request(mut self, request: &str) -> Self {
        self.request = RequestMembers::read(request);
        self
    }

    /// Sets the time of completion, in Unix seconds. Default: the time of creation.
    #[must_use]
    pub const fn completed_at(mut self, completed_at: i64) -> Self {
        self.completed_at = Some(completed_at);
        self
    }

    /// The same as the continuation of this response, which each of its response objects names.
    #[must_use]
    pub fn continuing(mut self, response_id: &str) -> Self {
        self.request.set_previous_response(response_id);
        self
    }

    /// Any other event of this response, with the next number and the lane: a search's progress, an annotation.
    pub fn event(&mut self, data: EventData<'static>) -> ServerEvent<'static> {
        let mut event = ServerEvent::new(data);
        event.sequence_number = Some(self.next_number());
        event.stream_id = self.stream_id.clone().map(Cow::Owned);
        event
    }

    const fn next_number(&mut self) -> i64 {
        let number = self.sequence_number;
        self.sequence_number = self.sequence_number.saturating_add(1);
        number
    }

    /// Writes the events for a response that is in progress.
    pub fn begin(&mut self) -> Events {
        let response = self.response("in_progress", None, &Ending::default());
        let created = EventData::Created { response: response.clone() };
        [created, EventData::InProgress { response: Some(response) }].map(|data| self.event(data)).into()
    }

    /// Writes the events for a response that was queued first, as with `background`.
    pub fn begin_queued(&mut self) -> Events {
        let queued = self.response("queued", None, &Ending::default());
        let running = self.response("in_progress", None, &Ending::default());
        let created = EventData::Created { response: queued.clone() };
        [created, EventData::Queued { response: Some(queued) }, EventData::InProgress { response: Some(running) }]
            .map(|data| self.event(data))
            .into()
    }

    /// Writes text of the assistant message with this id. The message begins with its first text, and ends with the
    /// next other output.
    pub fn text(&mut self, item_id: &str, delta: &str) -> Events {
        let mut events = Vec::new();
        if self.message.as_ref().is_none_or(|message| message.id != item_id) {
            events.extend(self.end_message());
            let added =
                EventData::OutputItemAdded { item: message(item_id, "in_progress", None), output_index: self.index() };
            events.push(self.event(added));
            let added = EventData::ContentPartAdded {
                item_id: owned(item_id),
                output_index: self.index(),
                content_index: Some(0),
                part: Some(part("")),
            };
            events.push(self.event(added));
            let frame = self.delta_frame(item_id);
            self.message = Some(Open { id: item_id.into(), text: String::new(), frame });
        }
        if let Some(message) = &mut self.message {
            message.text.push_str(delta);
        }
        let delta = self.delta_of(item_id, delta);
        events.push(self.event(delta));
        events
    }

    /// Writes text as [`text`](Self::text) does, and gives each event to `send` as JSON, in order. A text that goes on a message allocates
    /// nothing but the memory of the whole text, which is part of the message's end.
    ///
    /// ```
    /// use turnwire::responses::ResponseWriter;
    ///
    /// let mut writer = ResponseWriter::new("resp_1", "gpt-x", 1_767_225_600);
    /// let mut sent = Vec::new();
    /// writer.send_text("msg_1", "Hel", |event| Ok::<(), ()>(sent.push(event.to_owned())))?;
    /// writer.send_text("msg_1", "lo", |event| Ok::<(), ()>(sent.push(event.to_owned())))?;
    /// assert!(sent[3].starts_with(r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"lo""#));
    /// # Ok::<(), ()>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first error of `send`. The events are written then as if they had been sent: the response cannot go on.
    pub fn send_text<E>(
        &mut self,
        item_id: &str,
        delta: &str,
        mut send: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.message.as_ref().is_none_or(|message| message.id != item_id) {
            return self.text(item_id, delta).iter().try_for_each(|event| send(&event.to_json()));
        }
        let number = self.next_number();
        let Some(message) = &mut self.message else { return Ok(()) };
        message.text.push_str(delta);
        let [before, behind] = &message.frame;
        self.delta.clear();
        self.delta.extend_from_slice(before.as_bytes());
        string(delta, &mut self.delta);
        self.delta.extend_from_slice(behind.as_bytes());
        integer(number, &mut self.delta);
        self.delta.push(b'}');
        send(core::str::from_utf8(&self.delta).expect("JSON is written as UTF-8"))
    }

    /// Ends the message in progress, if there is one.
    pub fn end_message(&mut self) -> Events {
        self.end("completed")
    }

    /// Writes a whole item, from its beginning to its end: a call with its arguments, reasoning with its summaries.
    pub fn item(&mut self, item: &Item) -> Events {
        let mut events = self.end_message();
        let added =
            EventData::OutputItemAdded { item: RawJson::built(begun(item).to_json()), output_index: self.index() };
        events.push(self.event(added));
        if let Item::FunctionCall(call) = item {
            events.extend(self.arguments(call));
        } else if let Item::CustomToolCall(call) = item {
            events.extend(self.input(call));
        } else if let Item::Reasoning(reasoning) = item {
            events.extend(self.summaries(reasoning));
        }
        events.push(self.end_item(item.to_json()));
        events
    }

    /// Completes the response. `end_turn`: whether the model has ended the turn, if the server reports that.
    #[must_use]
    pub fn complete(mut self, usage: Option<&Usage>, end_turn: Option<bool>) -> Events {
        let mut events = self.end_message();
        let ending =
            Ending { completed_at: Some(self.completed_at.unwrap_or(self.created_at)), end_turn, ..Ending::default() };
        let response = self.response("completed", usage, &ending);
        events.push(self.event(EventData::Completed { response }));
        events
    }

    /// Ends the response as incomplete: `max_output_tokens`, `content_filter`, or `steered` if a successor follows.
    #[must_use]
    pub fn incomplete(mut self, reason: &str, usage: Option<&Usage>) -> Events {
        let mut events = self.end("incomplete");
        let ending = Ending { reason: Some(reason), ..Ending::default() };
        let response = self.response("incomplete", usage, &ending);
        events.push(self.event(EventData::Incomplete { response: Some(response) }));
        events
    }

    /// Fails the response with this error. Items in progress stay incomplete.
    #[must_use]
    pub fn fail(mut self, error: &ErrorObject) -> Events {
        let ending = Ending { error: Some(error), ..Ending::default() };
        let response = self.response("failed", None, &ending);
        alloc::vec![self.event(EventData::Failed { response: Some(response) })]
    }

    /// Returns the JSON of a delta of this message before and behind its text, up to the number.
    fn delta_frame(&self, item_id: &str) -> [String; 2] {
        let event = ServerEvent {
            sequence_number: None,
            stream_id: self.stream_id.as_deref().map(Cow::Borrowed),
            data: self.delta_of(item_id, ""),
            raw: None,
        };
        const TEXT: &str = r#","delta":"#;
        let json = event.to_json();
        // Quotes within strings are escaped, so that the member's name is not found in the id.
        let (before, behind) = json.split_once(TEXT).expect("a delta has text");
        let behind = behind.trim_start_matches('"').trim_end_matches('}');
        [alloc::format!("{before}{TEXT}"), alloc::format!(r#"{behind},"sequence_number":"#)]
    }

    fn delta_of(&self, item_id: &str, delta: &str) -> EventData<'static> {
        EventData::OutputTextDelta {
            item_id: owned(item_id),
            output_index: self.index(),
            content_index: Some(0),
            delta: Cow::Owned(delta.into()),
            logprobs: Some(empty_array()),
            obfuscation: None,
        }
    }

    /// Returns the index of the next item.
    fn index(&self) -> Option<i64> {
        i64::try_from(self.output.len()).ok()
    }

    fn end(&mut self, status: &str) -> Events {
        let Some(Open { id, text, .. }) = self.message.take() else { return Vec::new() };
        let (output_index, content_index) = (self.index(), Some(0));
        let part = part(&text);
        let item = message(&id, status, Some(&part));
        let text = EventData::OutputTextDone {
            item_id: owned(&id),
            output_index,
            content_index,
            text: Some(Cow::Owned(text)),
            logprobs: Some(empty_array()),
        };
        let part = EventData::ContentPartDone { item_id: owned(&id), output_index, content_index, part: Some(part) };
        let mut events: Events = [text, part].map(|data| self.event(data)).into();
        events.push(self.end_item(item.as_str().into()));
        events
    }

    fn end_item(&mut self, item: String) -> ServerEvent<'static> {
        let done = EventData::OutputItemDone { item: RawJson::built(item.clone()), output_index: self.index() };
        self.output.push(item);
        self.event(done)
    }

    fn arguments(&mut self, call: &FunctionCall) -> [ServerEvent<'static>; 2] {
        let (item_id, output_index) = (call.id.clone().map(Cow::Owned), self.index());
        let delta = EventData::FunctionCallArgumentsDelta {
            item_id: item_id.clone(),
            call_id: None,
            output_index,
            delta: Cow::Owned(call.arguments.clone()),
            obfuscation: None,
        };
        let done = EventData::FunctionCallArgumentsDone {
            item_id,
            call_id: None,
            output_index,
            name: owned(&call.name),
            arguments: owned(&call.arguments),
        };
        [delta, done].map(|data| self.event(data))
    }

    fn input(&mut self, call: &CustomToolCall) -> [ServerEvent<'static>; 2] {
        let (item_id, output_index) = (call.id.clone().map(Cow::Owned), self.index());
        let delta = EventData::CustomToolCallInputDelta {
            item_id: item_id.clone(),
            call_id: None,
            output_index,
            delta: Cow::Owned(call.input.clone()),
            obfuscation: None,
        };
        let input = owned(&call.input);
        let done = EventData::CustomToolCallInputDone { item_id, call_id: None, output_index, input };
        [delta, done].map(|data| self.event(data))
    }

    fn summaries(&mut self, reasoning: &Reasoning) -> Events {
        let (id, output_index) = (reasoning.id.clone().map(Cow::Owned), self.index());
        let mut events = Vec::new();
        for (index, text) in reasoning.summary.iter().filter_map(ContentPart::text).enumerate() {
            let (item_id, summary_index) = (|| id.clone(), i64::try_from(index).ok());
            let (text, part) = (|| Cow::Owned(text.into()), |text| Some(summary_part(text)));
            let parts = [
                EventData::ReasoningSummaryPartAdded {
                    item_id: item_id(),
                    output_index,
                    summary_index,
                    part: part(""),
                },
                EventData::ReasoningSummaryTextDelta {
                    item_id: item_id(),
                    output_index,
                    summary_index,
                    delta: text(),
                    obfuscation: None,
                },
                EventData::ReasoningSummaryTextDone { item_id: item_id(), output_index, summary_index, text: text() },
                EventData::ReasoningSummaryPartDone {
                    item_id: item_id(),
                    output_index,
                    summary_index,
                    part: part(&text()),
                    status: None,
                },
            ];
            events.extend(parts.map(|data| self.event(data)));
        }
        events
    }

    /// Returns the response object in its current state.
    fn response(&self, status: &str, usage: Option<&Usage>, ending: &Ending<'_>) -> RawJson<'static> {
        object(|response| {
            response.string("id", &self.id);
            response.string("object", "response");
            response.integer("created_at", self.created_at);
            match ending.completed_at {
                Some(completed_at) => response.integer("completed_at", completed_at),
                None => response.raw("completed_at", "null"),
            }
            response.string("status", status);
            match ending.error {
                Some(error) => error.encode(response.key("error")),
                None => response.raw("error", "null"),
            }
            match ending.reason {
                Some(reason) => {
                    let mut details = Object::new(response.key("incomplete_details"));
                    details.string("reason", reason);
                    details.end();
                }
                None => response.raw("incomplete_details", "null"),
            }
            response.string("model", &self.model);
            response.array("output", &self.output, |item, out| out.extend_from_slice(item.as_bytes()));
            self.request.write(response);
            match usage.map(serde_json::to_string) {
                Some(Ok(usage)) => response.raw("usage", &usage),
                _ => response.raw("usage", "null"),
            }
            if let Some(end_turn) = ending.end_turn {
                response.boolean("end_turn", end_turn);
            }
        })
    }
}

/// The members of a response that are known only at its end.
#[derive(Default)]
struct Ending<'a> {
    completed_at: Option<i64>,
    error: Option<&'a ErrorObject>,
    reason: Option<&'a str>,
    end_turn: Option<bool>,
}

/// Returns the item before its content.
fn begun(item: &Item) -> Item {
    let mut item = item.clone();
    if let Item::FunctionCall(call) = &mut item {
        call.arguments.clear();
        call.status = Some("in_progress".into());
    } else if let Item::CustomToolCall(call) = &mut item {
        call.input.clear();
        call.status = Some("in_progress".into());
    } else if let Item::Reasoning(reasoning) = &mut item {
        reasoning.summary.clear();
    }
    item
}

fn message(id: &str, status: &str, part: Option<&RawJson<'_>>) -> RawJson<'static> {
    object(|item| {
        item.string("type", "message");
        item.string("id", id);
        item.string("status", status);
        item.string("role", "assistant");
        array(part.as_slice(), item.key("content"), |part, out| out.extend_from_slice(part.as_str().as_bytes()));
    })
}

fn part(text: &str) -> RawJson<'static> {
    object(|part| {
        part.string("type", "output_text");
        part.string("text", text);
        part.raw("annotations", "[]");
        part.raw("logprobs", "[]");
    })
}

fn summary_part(text: &str) -> RawJson<'static> {
    object(|part| {
        part.string("type", "summary_text");
        part.string("text", text);
    })
}

fn empty_array() -> RawJson<'static> {
    RawJson::built("[]".into())
}

fn owned(text: &str) -> Option<Cow<'static, str>> {
    Some(Cow::Owned(text.into()))
}
