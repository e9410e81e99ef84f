//! Laws of the `sse` layer.

use core::time::Duration;

use turnwire::sse::{Decoder, Discarded, Error, Event, Input, Limits, OutgoingEvent, encode_comment, encode_event};

use crate::chunks::Chunks;
use crate::reference;

/// An event, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its event type.
    pub event: String,
    /// Its data.
    pub data: String,
    /// The last event ID at the event.
    pub id: String,
    /// Whether invalid UTF-8 in the data was replaced.
    pub replaced: bool,
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        Self {
            event: event.event_type.to_owned(),
            data: event.data.to_owned(),
            id: event.id.to_owned(),
            replaced: event.had_invalid_utf8,
        }
    }
}

/// The result of decoding a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The events.
    pub events: Vec<Owned>,
    /// The error that ended decoding.
    pub error: Option<Error>,
    /// The last event ID at the end.
    pub last_event_id: String,
    /// The reconnection time at the end.
    pub retry: Option<Duration>,
    /// The incomplete event at the end of the stream; `None` after an error.
    pub unfinished: Option<Discarded>,
}

/// Decodes `input` in these reads, with the last event ID of an earlier stream.
///
/// Also checks laws 3 and 4: input is left only after an event or an error, an error is sticky and consumes nothing,
/// and the decoder buffers at most the limits and the input.
pub fn receive(limits: Limits, seed: &str, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let mut decoder = Decoder::resuming(limits, seed);
    let mut outcome =
        Outcome { events: Vec::new(), error: None, last_event_id: String::new(), retry: None, unfinished: None };
    let mut given = 0;
    'reads: for read in chunks.cut(input) {
        let mut cursor = Input::new(read);
        loop {
            match decoder.decode(&mut cursor) {
                Ok(Some(event)) => outcome.events.push(event.into()),
                Ok(None) if cursor.rest().is_empty() => break,
                Ok(None) => return Err(format!("{} bytes were not consumed, without a result", cursor.rest().len())),
                Err(error) => {
                    outcome.error = Some(error);
                    break 'reads;
                }
            }
        }
        given += read.len();
        if decoder.offset() != given as u64 {
            return Err(format!("the offset is {} after {given} bytes", decoder.offset()));
        }
        bounded(&decoder, limits, given)?;
    }
    if let Some(error) = outcome.error {
        let mut more = Input::new(b"data: late\n\n");
        match decoder.decode(&mut more) {
            Err(again) if again == error && more.rest().len() == 12 => {}
            other => return Err(format!("after {error:?} came {other:?}")),
        }
    }
    outcome.last_event_id = decoder.last_event_id().to_owned();
    outcome.retry = decoder.retry();
    if outcome.error.is_none() {
        outcome.unfinished = Some(decoder.finish());
        if decoder.buffered() != 0 || decoder.last_event_id() != outcome.last_event_id {
            return Err("the end of the stream kept an incomplete event, or lost the last event ID".into());
        }
    }
    Ok(outcome)
}

/// Law 4: the decoder buffers at most the limits and the input.
fn bounded(decoder: &Decoder, limits: Limits, given: usize) -> Result<(), String> {
    let allowed =
        [limits.data, limits.name, limits.id, limits.id].into_iter().fold(0, usize::saturating_add).min(given);
    match decoder.buffered() {
        kept if kept <= allowed => Ok(()),
        kept => Err(format!("{kept} of {given} bytes are buffered, at most {allowed} are allowed")),
    }
}

/// Laws 1, 3 and 4: every split into reads gives the same result.
pub fn chunking(limits: Limits, seed: &str, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let whole = receive(limits, seed, input, &Chunks::Whole)?;
    let cut = receive(limits, seed, input, chunks)?;
    match cut == whole {
        true => Ok(whole),
        false => Err(format!("{chunks:?}: {cut:?}, but unsplit: {whole:?}")),
    }
}

/// Law 2: encoded events decode to the same events, comments have no effect, and decoded events encode and decode to
/// the same again.
pub fn round_trip(events: &[OutgoingEvent<'_>], heartbeat: Option<&str>) -> Result<(), String> {
    let (mut bytes, mut expected, mut last, mut retry) = (Vec::new(), Vec::new(), "", None);
    for event in events {
        if let Some(text) = heartbeat {
            encode_comment(text, &mut bytes).map_err(|error| format!("{text:?}: {error}"))?;
        }
        let before = bytes.len();
        if let Err(error) = encode_event(event, &mut bytes) {
            return if bytes.len() == before { Ok(()) } else { Err(format!("{error}, but the encoder wrote bytes")) };
        }
        last = event.id.unwrap_or(last);
        retry = event.retry.map(|retry| Duration::from_millis(retry.as_millis() as u64)).or(retry);
        let Some(data) = event.data else { continue };
        expected.push(Owned {
            event: event.event_type.unwrap_or("message").to_owned(),
            data: data.to_owned(),
            id: last.to_owned(),
            replaced: false,
        });
    }
    let back = receive(Limits::default(), "", &bytes, &Chunks::Whole)?;
    if back.events != expected || back.last_event_id != last || back.retry != retry || back.error.is_some() {
        return Err(format!("{events:?} were decoded as {back:?}"));
    }
    again(&back.events)
}

const MAX: usize = usize::MAX;

/// Law 2: decoded events encode to a stream that decodes to the same events.
pub fn again(events: &[Owned]) -> Result<(), String> {
    let mut bytes = Vec::new();
    for event in events {
        let outgoing =
            OutgoingEvent { event_type: Some(&event.event), data: Some(&event.data), id: Some(&event.id), retry: None };
        encode_event(&outgoing, &mut bytes).map_err(|error| format!("{event:?}: {error}"))?;
    }
    // Where invalid UTF-8 was replaced, the event is longer than the input that the limits were applied to.
    let limits = Limits::default().with_data(MAX).with_line(MAX).with_name(MAX).with_id(MAX).with_lines(MAX);
    let back = receive(limits, "", &bytes, &Chunks::Whole)?;
    let expected: Vec<Owned> = events.iter().cloned().map(|event| Owned { replaced: false, ..event }).collect();
    if back.events == expected { Ok(()) } else { Err(format!("{expected:?} were decoded as {:?}", back.events)) }
}

/// Law 9: the decoder equals both reference implementations.
pub fn matches_reference(limits: Limits, input: &[u8]) -> Result<(), String> {
    let real = receive(limits, "", input, &Chunks::Whole)?;
    let bytes = reference::sse::decode(limits, input);
    if real != bytes {
        return Err(format!("{real:?}, but the byte reference: {bytes:?}"));
    }
    let text = reference::sse::decode_text(input);
    let events: Vec<_> = real.events.iter().map(|event| (&*event.event, &*event.data, &*event.id)).collect();
    let expected: Vec<_> = text.iter().map(|(event, data, id)| (&**event, &**data, &**id)).collect();
    match real.error.is_some() || events == expected {
        true => Ok(()),
        false => Err(format!("{events:?}, but the text reference: {expected:?}")),
    }
}

/// Returns limits that small inputs exceed, or the default limits.
#[must_use]
pub fn limits(choice: u8) -> Limits {
    match choice & 7 {
        0 => Limits::default().with_data(8).with_line(14).with_name(4).with_id(4).with_lines(3),
        1 => Limits::default().with_data(16).with_line(12).with_name(6).with_id(3).with_lines(2),
        2 => Limits::default().with_data(0).with_line(5).with_name(0).with_id(0).with_lines(1),
        3 => Limits::default().with_data(40).with_line(1000).with_name(40).with_id(40).with_lines(40),
        4 => Limits::default().with_data(3).with_line(3).with_name(3).with_id(3).with_lines(0),
        _ => Limits::default(),
    }
}

/// Laws 1, 2, 3 and 4 over arbitrary input, for the fuzz target `sse`. The first bytes choose the limits and the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let seed = if choice & 8 == 0 { "" } else { "seed" };
    let whole = chunking(limits(*choice), seed, input, &chunks)?;
    chunking(limits(*choice), seed, input, &Chunks::Bytes)?;
    again(&whole.events)
}

/// Law 9 over arbitrary input, for the fuzz target `sse-reference`. The first byte chooses the limits.
pub fn anything_reference(input: &[u8]) -> Result<(), String> {
    let [choice, input @ ..] = input else { return Ok(()) };
    matches_reference(limits(*choice), input)
}
