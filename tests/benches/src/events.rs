//! Typed events: from the bytes of an event stream, and from payloads alone. Every row looks at an event where the parser has returned it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::hint::black_box;

use async_openai::types::responses::ResponseStreamEvent;
use eventsource_stream::Eventsource as _;
use futures_lite::{StreamExt as _, future::block_on, stream};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use turnwire::connection::{EventDecoder, StreamEvent};
use turnwire::responses::{CompletedResponse, Envelope, EventData, EventParser, ServerEvent};
use turnwire::sse::{Decoder, Input, Limits};

use crate::contest::Row;
use crate::sse::Reads;
use crate::workload::Expected;

/// The counts of an application: text, and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    events: u64,
    text_deltas: u64,
    text: u64,
    completed: u64,
    tokens: u64,
}

impl From<Expected> for Seen {
    fn from(expected: Expected) -> Self {
        let Expected { events, text_deltas, text, completed, tokens, .. } = expected;
        Self { events, text_deltas, text, completed, tokens }
    }
}

impl Seen {
    fn text(&mut self, delta: &str) {
        self.text_deltas += 1;
        self.text += black_box(delta).len() as u64;
    }

    fn completed(&mut self, tokens: u64) {
        self.completed += 1;
        self.tokens += tokens;
    }
}

/// Rows from bytes to typed events.
#[must_use]
pub fn streams<'r>(reads: &'r Reads<'_>, expected: Seen) -> Vec<Row<'r, Seen>> {
    vec![
        Row::new("limit: newlines by memchr", move || newlines(reads, expected)),
        Row::new("turnwire", || decoded_at_once(reads)),
        Row::new("turnwire's decoder, then its parser", || parsed(reads)),
        Row::new("turnwire, each event by itself", || decoded(reads, typed)),
        Row::new("turnwire's decoder + serde_json, borrowed struct", || decoded(reads, borrowed)),
        Row::new("sse-stream + serde_json, borrowed struct", || sse_stream(reads, borrowed)),
        Row::new("eventsource-stream + serde_json, borrowed struct", || eventsource_stream(reads, borrowed)),
        Row::new("eventsource-stream + serde_json::Value", || eventsource_stream(reads, value)),
        Row::new("eventsource-stream + async-openai's types", || eventsource_stream(reads, async_openai)),
    ]
}

/// Rows from payloads that are known to be UTF-8.
#[must_use]
pub fn payloads<'p>(payloads: &'p [&str]) -> Vec<Row<'p, Seen>> {
    vec![
        Row::new("turnwire", || each(payloads, typed)),
        Row::new("serde_json, borrowed struct", || each(payloads, borrowed)),
        Row::new("serde_json::Value", || each(payloads, value)),
        Row::new("async-openai's types", || each(payloads, async_openai)),
    ]
}

/// Rows that scan payloads without parsing members, as a connection does before events are polled.
#[must_use]
pub fn walks<'p>(payloads: &'p [&str]) -> Vec<Row<'p, u64>> {
    let skipped = |payload: &&&str| serde_json::from_str::<IgnoredAny>(payload).is_ok();
    let raw =
        |payload: &&&str| serde_json::from_str::<&RawValue>(payload).is_ok_and(|raw| black_box(raw).get().len() > 2);
    let envelope = |payload: &&&str| Envelope::scan(payload).is_ok_and(|envelope| black_box(envelope).kind().len() > 2);
    vec![
        Row::new("turnwire's envelope, members found", move || payloads.iter().filter(envelope).count() as u64),
        Row::new("serde_json, ignored", move || payloads.iter().filter(skipped).count() as u64),
        Row::new("serde_json, kept as text", move || payloads.iter().filter(raw).count() as u64),
    ]
}

type Read = fn(&str, &mut Seen);

/// The newline search over the same bytes.
fn newlines(reads: &Reads<'_>, expected: Seen) -> Seen {
    for read in reads.iter().flatten() {
        for at in memchr::memchr_iter(b'\n', black_box(read)) {
            black_box(at);
        }
    }
    expected
}

/// Bytes to typed events in one pass over repeated deltas.
fn decoded_at_once(reads: &Reads<'_>) -> Seen {
    let mut seen = Seen::default();
    for body in reads {
        let mut decoder = EventDecoder::new(Limits::default());
        for bytes in body {
            let mut input = Input::new(bytes);
            loop {
                match &decoder.decode(&mut input) {
                    Ok(Some(StreamEvent::Server(event))) => count(black_box(event), &mut seen),
                    Ok(None) => break,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    seen
}

/// Bytes to typed events, with one decoder and one parser for each stream.
fn parsed(reads: &Reads<'_>) -> Seen {
    let mut seen = Seen::default();
    for body in reads {
        let (mut decoder, mut parser) = (Decoder::new(Limits::default()), EventParser::new());
        for bytes in body {
            let mut input = Input::new(bytes);
            while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
                count(black_box(parser.parse(event.data).as_ref().expect("an event")), &mut seen);
            }
        }
    }
    seen
}

fn each(payloads: &[&str], read: Read) -> Seen {
    let mut seen = Seen::default();
    payloads.iter().for_each(|payload| read(payload, &mut seen));
    seen
}

fn decoded(reads: &Reads<'_>, read: Read) -> Seen {
    let mut seen = Seen::default();
    for body in reads {
        let mut decoder = Decoder::new(Limits::default());
        for bytes in body {
            let mut input = Input::new(bytes);
            while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
                read(event.data, &mut seen);
            }
        }
    }
    seen
}

fn sse_stream(reads: &Reads<'_>, read: Read) -> Seen {
    let mut seen = Seen::default();
    for body in reads {
        let bytes = stream::iter(body.iter().map(|read| Ok::<_, Infallible>(*read)));
        let mut stream = sse_stream::SseByteStream::new(bytes);
        block_on(async {
            while let Some(event) = stream.next().await {
                read(&event.expect("an event").data.expect("data"), &mut seen);
            }
        });
    }
    seen
}

fn eventsource_stream(reads: &Reads<'_>, read: Read) -> Seen {
    let mut seen = Seen::default();
    for body in reads {
        let bytes = stream::iter(body.iter().map(|read| Ok::<_, Infallible>(*read)));
        let mut stream = bytes.eventsource();
        block_on(async {
            while let Some(event) = stream.next().await {
                read(&event.expect("an event").data, &mut seen);
            }
        });
    }
    seen
}

fn typed(payload: &str, seen: &mut Seen) {
    count(black_box(ServerEvent::parse(payload).as_ref().expect("an event")), seen);
}

fn count(event: &ServerEvent<'_>, seen: &mut Seen) {
    seen.events += 1;
    match &event.data {
        EventData::OutputTextDelta { delta, .. } => seen.text(delta),
        EventData::Completed { response } => {
            let completed = CompletedResponse::parse(response.as_str());
            let tokens = completed.usage.expect("usage").total_tokens;
            seen.completed(tokens.try_into().expect("tokens"));
        }
        _ => {}
    }
}

/// The fastest type for serde's derive: flat, with borrowed strings, and objects kept as text.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Cow<'a, str>,
    #[serde(borrow, default)]
    item_id: Cow<'a, str>,
    #[serde(borrow, default)]
    obfuscation: Cow<'a, str>,
    output_index: Option<i64>,
    content_index: Option<i64>,
    summary_index: Option<i64>,
    sequence_number: Option<i64>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    part: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

fn borrowed(payload: &str, seen: &mut Seen) {
    let event: Result<Flat<'_>, _> = serde_json::from_str(payload);
    let event = black_box(event.as_ref().expect("an event"));
    black_box((&event.item_id, &event.obfuscation, event.output_index, event.content_index, event.summary_index));
    black_box((event.sequence_number, event.logprobs, event.item, event.part));
    seen.events += 1;
    match &*event.kind {
        "response.output_text.delta" => seen.text(&event.delta),
        "response.completed" => {
            let completed = CompletedResponse::parse(event.response.expect("a response").get());
            seen.completed(completed.usage.expect("usage").total_tokens.try_into().expect("tokens"));
        }
        _ => {}
    }
}

fn value(payload: &str, seen: &mut Seen) {
    let event: Result<Value, _> = serde_json::from_str(payload);
    let event = black_box(event.as_ref().expect("an event"));
    seen.events += 1;
    match event["type"].as_str() {
        Some("response.output_text.delta") => seen.text(event["delta"].as_str().expect("a delta")),
        Some("response.completed") => {
            seen.completed(event["response"]["usage"]["total_tokens"].as_u64().expect("tokens"));
        }
        _ => {}
    }
}

fn async_openai(payload: &str, seen: &mut Seen) {
    let event: Result<ResponseStreamEvent, _> = serde_json::from_str(payload);
    let event = black_box(event.as_ref().expect("an event"));
    seen.events += 1;
    match event {
        ResponseStreamEvent::ResponseOutputTextDelta(event) => seen.text(&event.delta),
        ResponseStreamEvent::ResponseCompleted(event) => {
            seen.completed(event.response.usage.as_ref().expect("usage").total_tokens.into());
        }
        _ => {}
    }
}
