//! The law of a server's writer: what it writes of a response is read as the same, and a collector has the whole text.

use turnwire::responses::{
    Collector, CompletedResponse, ContentPart, CustomToolCall, ErrorObject, FunctionCall, Item, RawJson, Reasoning,
    ResponseStore, ResponseWriter, ServerEvent, StoreLimits, Usage,
};

/// The longest id of a response that is read, in bytes of JSON text (`docs/limits.md`).
const RESPONSE_ID: usize = 4 * 1024;

/// Writes a response as the bytes of the input say, with these texts, and reads it.
///
/// # Errors
///
/// One line on what differs.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, steps, input @ ..] = input else { return Ok(()) };
    let text = String::from_utf8_lossy(input);
    let lines: Vec<&str> = text.split('\n').collect();
    let line = |at: usize| lines[at % lines.len()];
    let lane = (choice & 1 != 0).then_some("a");
    let mut writer = ResponseWriter::new(line(0), line(1), 7);
    if let Some(lane) = lane {
        writer = writer.on_lane(lane);
    }
    if choice & 2 != 0 {
        writer = writer.for_request(&text).completed_at(9).continuing(line(2));
    }
    let mut events = if choice & 4 != 0 { writer.begin_queued() } else { writer.begin() };
    let (mut said, mut at) = (String::new(), 0);
    for letter in input.iter().take(usize::from(steps % 24)) {
        at += 1;
        let error = ErrorObject::new(line(at), line(at + 1)).of_type(line(at + 2));
        let (id, word) = (format!("msg_{}", letter % 3), line(at));
        match letter % 11 {
            0..=3 => {
                said.push_str(word);
                let mut sending = writer.clone();
                let mut sent = Vec::new();
                let _: Result<(), ()> = sending.send_text(&id, word, |event| {
                    sent.push(event.to_owned());
                    Ok(())
                });
                let written = writer.text(&id, word);
                if !written.iter().map(ServerEvent::to_json).eq(sent.iter().cloned()) {
                    return Err(format!("{sent:?} was sent, not {written:?}"));
                }
                events.extend(written);
                if letter & 16 != 0 {
                    writer = sending;
                }
            }
            4 => events.extend(writer.end_message()),
            5 => {
                events.extend(
                    writer.item(&Item::from(FunctionCall::new(word, line(at + 1), line(at + 2)).with_id("fc"))),
                );
            }
            6 => events.extend(writer.item(&Item::from(CustomToolCall::new(word, line(at + 1), line(at + 2))))),
            7 => {
                events.extend(
                    writer.item(&Item::from(Reasoning::new(vec![ContentPart::summary_text(word)]).with_id("rs"))),
                );
            }
            8 => {
                events.push(writer.steer_accepted(word));
                events.push(writer.steer_pending(word, &[RawJson::string(line(at + 1))]));
            }
            9 => {
                events.push(writer.steer_failed(Some(word), &RawJson::string(line(at + 1)), &error));
                events.push(writer.interrupt_failed(&error));
            }
            _ => {
                events.push(writer.inject_created());
                events.push(writer.inject_failed(&error));
            }
        }
    }
    let usage = Usage::new(3, 4).cached(2);
    let is_whole = matches!(choice >> 3 & 7, 0 | 1 | 3 | 4);
    events.extend(match choice >> 3 & 7 {
        0 | 1 => writer.complete(Some(&usage), Some(choice & 8 != 0)),
        2 => writer.interrupted(Some(&usage)),
        3 => writer.incomplete(line(3), None),
        4 => {
            let (events, mut successor) = writer.steered(line(3), 8, Some(&usage));
            read(&successor.begin(), lane, None)?;
            events
        }
        _ => writer.fail(&ErrorObject::new(line(3), line(4))),
    });
    read(&events, lane, is_whole.then_some(said.as_str()))?;
    for limits in [StoreLimits::new(), StoreLimits::new().responses(2).bytes(4000).response_bytes(3000)] {
        stored(&events, limits)?;
    }
    single(line(0), line(1), line(2))
}

/// A store keeps whole responses within its limits, and has the events after any number.
fn stored(events: &[ServerEvent<'_>], limits: StoreLimits) -> Result<(), String> {
    let mut store = ResponseStore::new(limits);
    let texts: Vec<String> = events.iter().map(ServerEvent::to_json).collect();
    for id in ["a", "b", "c"] {
        store.begin(id);
        let kept = texts.iter().filter(|text| store.push(id, text)).count();
        if store.len() > limits.responses || store.bytes() > limits.bytes {
            return Err(format!(
                "{} responses of {} bytes are kept, and the limits are {limits:?}",
                store.len(),
                store.bytes()
            ));
        }
        let Some(all) = store.events_after(id, None).map(Iterator::count) else { continue };
        let middle = store.last_number(id).map(|last| last / 2);
        let rest = store.events_after(id, middle).map_or(0, Iterator::count);
        if kept != texts.len() || all != kept || rest > all || store.has_ended(id).is_none() {
            return Err(format!("of {} events, {kept} were kept, and {all} can be read", texts.len()));
        }
        let _ = (store.newest_object(id).is_some(), format!("{store:?}"));
    }
    let known = store.remove("c");
    if store.remove("c") || (known && store.has_ended("c").is_some()) {
        return Err("a response was removed, and is still known".into());
    }
    Ok(())
}

/// Every event is read as what it was written from, the numbers grow, and a collector has what was said.
fn read(events: &[ServerEvent<'_>], lane: Option<&str>, said: Option<&str>) -> Result<(), String> {
    let (mut collector, mut number) = (Collector::new(), None);
    for event in events {
        let written = event.to_json();
        let again =
            ServerEvent::parse(&written).map_err(|why| format!("an event is unreadable: {why}: {written:.200}"))?;
        if again.data != event.data || again.stream_id.as_deref() != lane {
            return Err(format!("an event is read as another one: {written:.300}"));
        }
        if again.sequence_number <= number {
            return Err(format!("the number after {number:?} is {:?}", again.sequence_number));
        }
        number = again.sequence_number;
        let _ = (again.item(), again.response());
        collector.add(&again);
    }
    let response = collector.finish();
    match said {
        Some(said) if response.output_text() != said => {
            Err(format!("{said:?} was written, and {:?} collected", response.output_text()))
        }
        Some(_) | None => Ok(()),
    }
}

/// Events that are written one by one.
fn single(one: &str, two: &str, three: &str) -> Result<(), String> {
    let error = ErrorObject::new(one, two).of_type(three);
    let mut completed = CompletedResponse::new(one);
    (completed.usage, completed.end_turn) = (Some(Usage::new(1, 2)), Some(true));
    let item = Item::user(two);
    let events = [
        ServerEvent::created(one),
        ServerEvent::output_item_added(&item, Some(1)),
        ServerEvent::output_item_done(&item, None),
        ServerEvent::output_text_delta(one, two),
        ServerEvent::completed(&completed),
        ServerEvent::failed(one, &error),
        ServerEvent::incomplete(one, two),
        ServerEvent::turn_state(three),
        error.to_event(Some(429), &[("retry-after", "1")]),
        error.to_flat_event(),
    ];
    for (number, event) in events.into_iter().enumerate() {
        let event = event.numbered(i64::try_from(number).unwrap_or_default());
        read(&[event], None, None)?;
    }
    let written = completed.to_json();
    if RawJson::string(one).as_str().len() > RESPONSE_ID {
        completed.id = None;
    }
    let again = CompletedResponse::parse(&written);
    let parts = |whole: &CompletedResponse| (whole.id.clone(), whole.usage, whole.end_turn);
    if parts(&again) != parts(&completed) { Err(format!("{completed:?} is read as {again:?}")) } else { Ok(()) }
}
