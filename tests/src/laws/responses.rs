//! Laws of the `responses` layer.

use serde_json::Value;
use turnwire::responses::operations::{Compact, ListModels, Model, Operation, Search, Summarize};
use turnwire::responses::request::{ItemEncoding, ItemIds};
use turnwire::responses::tool::{Tool, ToolChoice};
use turnwire::responses::{
    ClientEvent, Collector, CreateResponse, Envelope, EventData, Failure, HeaderSource, Item, RateLimits, Response,
    ResponseInfo, ResponseInfoTracker, ServerEvent, TimingMetrics,
};

use crate::reference;

/// Law 9: the scanner finds the members that serde_json finds, and accepts only what serde_json accepts.
///
/// # Errors
///
/// A description of the difference.
pub fn matches_reference(text: &str) -> Result<(), String> {
    let real = Envelope::scan(text);
    let expected = reference::responses::outside(text);
    let (real, expected) = match (real, expected) {
        (Ok(real), Some(expected)) => (real, expected),
        (Err(_), None) => return Ok(()),
        (Ok(_), None) if reference::responses::is_unreadable_end(text) => return Ok(()),
        (Ok(_), None) => return Err(format!("the scanner accepts what is not an event: {text:.200}")),
        (Err(why), Some(_)) => return Err(format!("the scanner rejects an event ({why}): {text:.200}")),
    };
    if real.kind() != expected.kind {
        return Err(format!("types differ: {:?} and {:?}", real.kind(), expected.kind));
    }
    let get = |name: &str| {
        let (_, value) = expected.members.iter().rfind(|(key, _)| key == name)?;
        Some(value.as_str()).filter(|value| *value != "null")
    };
    for (name, found) in [("item", real.item()), ("response", real.response()), ("headers", real.headers())] {
        if found.map(reference::responses::repaired).as_deref() != get(name) {
            return Err(format!("`{name}` differs: {found:?} and {:?}", get(name)));
        }
    }
    let lane = get("stream_id").and_then(|lane| serde_json::from_str::<String>(lane).ok());
    if real.stream_id().as_deref() != lane.as_deref() {
        return Err(format!("lanes differ: {:?} and {lane:?}", real.stream_id()));
    }
    Ok(())
}

/// Laws 2 and 3: any payload is parsed or rejected; a parsed event is written unchanged, and an event built from its
/// parts parses to the same event.
///
/// # Errors
///
/// A description of the difference.
pub fn event(text: &str) -> Result<(), String> {
    matches_reference(text)?;
    let Ok(envelope) = Envelope::scan(text) else { return Ok(()) };
    observe(&envelope)?;
    let Ok(event) = ServerEvent::read(&envelope) else { return Ok(()) };
    if event.to_json() != text || event.kind() != envelope.kind() {
        return Err("an event is not written unchanged".into());
    }
    if event.clone().into_owned() != event {
        return Err("the owned event differs from the borrowed one".into());
    }
    // A terminal event that cannot be parsed can only be written as its original text.
    if matches!(event.data, EventData::Other { .. }) || reference::responses::outside(text).is_none() {
        return Ok(());
    }
    let mut made = ServerEvent::new(event.data.clone());
    made.sequence_number = event.sequence_number;
    made.stream_id.clone_from(&event.stream_id);
    let again = made.to_json();
    let again = ServerEvent::parse(&again).map_err(|why| format!("the written event cannot be parsed: {why}"))?;
    if (&again.data, again.sequence_number, &again.stream_id) != (&event.data, event.sequence_number, &event.stream_id)
    {
        return Err(format!("a written and parsed event differs: {again:?}"));
    }
    Ok(())
}

/// Checks what is derived from an event: no panic, no duplicate information, and no text of the server in `Debug` and
/// `Display`.
fn observe(envelope: &Envelope<'_>) -> Result<(), String> {
    for origin in [HeaderSource::Response, HeaderSource::Handshake] {
        let mut derivation = ResponseInfoTracker::default();
        derivation.observe(origin, envelope);
        let again = derivation.observe(origin, envelope);
        if again.iter().any(|derived| matches!(derived, ResponseInfo::Model(_))) {
            return Err("the model is reported twice".into());
        }
    }
    if let Some(limits) = RateLimits::from_event(envelope) {
        rate_limits(&limits)?;
    }
    let failure = Failure::from_event(envelope);
    // The server's text may equal a text that a failure always contains.
    let mut other = failure.clone();
    other.message = "x".repeat(failure.message.len());
    let shows = |shown: &Failure| format!("{shown:?}").contains(&failure.message);
    if failure.message.len() > 60 && shows(&failure) && !shows(&other) {
        return Err(format!("a failure shows text of the server: {failure:?}"));
    }
    if failure.to_string().chars().any(char::is_control) {
        return Err(format!("a failure has several lines: {failure}"));
    }
    if failure.raw.as_deref() != Some(envelope.text()) {
        return Err("a failure does not keep its source".into());
    }
    let _ = (failure.user_text(), envelope.class(), envelope.turn_state(), TimingMetrics::from_event(envelope));
    if let Ok(event) = ServerEvent::read(envelope) {
        let _ = (event.item(), event.response());
        collected(&event)?;
    }
    Ok(())
}

/// A collector takes an event twice, and what it has can be written and read.
fn collected(event: &ServerEvent<'_>) -> Result<(), String> {
    let mut collector = Collector::new();
    collector.add(event);
    collector.add(event);
    let _ = (format!("{collector:?}"), collector.has_ended(), collector.is_truncated());
    let written = collector.finish().to_raw();
    match Response::parse(written.as_str()) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("a collected response cannot be read again: {why}: {:.200}", written.as_str())),
    }
}

/// Law 2: rate limits parse from the event and from the headers that they are written to.
///
/// # Errors
///
/// A description of the difference.
pub fn rate_limits(limits: &RateLimits) -> Result<(), String> {
    let text = limits.to_event();
    let envelope = Envelope::scan(&text).map_err(|why| format!("a snapshot is not an event: {why}"))?;
    let again = RateLimits::from_event(&envelope).ok_or("a snapshot cannot be parsed")?;
    let raw = limits.to_raw();
    RateLimits::parse(raw.as_str()).map_err(|why| format!("a written snapshot cannot be read: {why}"))?;
    let headers = limits.to_headers();
    let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let _ = RateLimits::from_headers(&pairs);
    // An event cannot carry the members that only headers have.
    let mut expected = limits.clone();
    (expected.limit_name, expected.reached_type) = (None, None);
    if again != expected {
        return Err(format!("a written and parsed snapshot differs: {again:?} and {expected:?}"));
    }
    Ok(())
}

/// Laws 2 and 3: any item is parsed or rejected; a parsed item is written so that it parses to the same item, without
/// loss.
///
/// # Errors
///
/// A description of the difference.
pub fn item(text: &str) -> Result<(), String> {
    let Ok(item) = Item::parse(text) else { return Ok(()) };
    let written = item.to_json();
    let again = Item::parse(&written).map_err(|why| format!("the written item cannot be parsed: {why}"))?;
    // Members of reasoning items that the protocol omits (docs/protocol.md §3.4.1) are unset after parsing, and then
    // written as `null`.
    let settled = if item.kind() == "reasoning" { again.to_json() } else { written.clone() };
    if Item::parse(&settled).map(|item| item.to_json()).as_ref() != Ok(&settled) || again.kind() != item.kind() {
        return Err(format!("the second writing of an item differs: {written:.200}"));
    }
    if !item.equals_for_incremental(&item) || (again == item && !again.equals_for_incremental(&item)) {
        return Err("an item is not equal to itself".into());
    }
    for wire in [ItemEncoding { ids: ItemIds::None, passthrough: false }, ItemEncoding::new(true, false, true)] {
        let mut out = Vec::new();
        item.encode_for(wire, &mut out);
        let sent = core::str::from_utf8(&out).map_err(|_| "an item is not UTF-8")?;
        Item::parse(sent).map_err(|why| format!("the sent item cannot be parsed: {why}"))?;
    }
    let (Ok(came), Ok(went)) = (serde_json::from_str::<Value>(text), serde_json::from_str::<Value>(&written)) else {
        // Nested deeper, or with larger numbers, than serde_json accepts.
        return Ok(());
    };
    match lost(&came, &went) {
        Some(path) if path.starts_with("/content") && item.kind() == "reasoning" => Ok(()),
        Some(path) if path == "/type" && went["type"] == "compaction" => Ok(()),
        Some(path) => Err(format!("{} lost {path}: {text:.300}", item.kind())),
        None => Ok(()),
    }
}

/// Finds a value that was lost. `null` counts as missing. A value may be replaced by its JSON text, and text or a part
/// by an array with that part (docs/differences.md row 46).
#[must_use]
pub fn lost(came: &Value, went: &Value) -> Option<String> {
    match (came, went) {
        (Value::Null, _) => None,
        (came, Value::String(text))
            if !came.is_string() && serde_json::from_str::<Value>(text).is_ok_and(|value| value == *came) =>
        {
            None
        }
        (Value::String(text), Value::Array(parts)) if matches!(&parts[..], [part] if part["text"] == **text) => None,
        (Value::Object(_), Value::Array(parts)) if parts.len() == 1 => lost(came, &parts[0]),
        (Value::Object(came), Value::Object(went)) => came.iter().find_map(|(key, value)| {
            lost(value, went.get(key).unwrap_or(&Value::Null)).map(|path| format!("/{key}{path}"))
        }),
        (Value::Array(came), Value::Array(went)) if came.len() == went.len() => came
            .iter()
            .zip(went)
            .enumerate()
            .find_map(|(at, (came, went))| lost(came, went).map(|path| format!("/{at}{path}"))),
        (came, went) => (came != went).then(String::new),
    }
}

/// Laws 2 and 3: any request is parsed or rejected; a parsed request is written so that it parses to the same request.
///
/// # Errors
///
/// A description of the difference.
pub fn request(text: &str) -> Result<(), String> {
    if let Ok(request) = CreateResponse::parse(text) {
        settles(
            "a request",
            |text| {
                let mut out = Vec::new();
                CreateResponse::parse(text).ok()?.encode_http(ItemEncoding::EVERYTHING, &mut out);
                String::from_utf8(out).ok()
            },
            text,
        )?;
        let mut out = Vec::new();
        Response::to_request("r", 1, &request).encode_whole(&mut out);
        whole_response(&String::from_utf8_lossy(&out))?;
        let lite = request.into_lite();
        if lite.tools.is_some() || !lite.instructions.is_empty() || lite.parallel_tool_calls {
            return Err("the lite form of a request is not a request".into());
        }
    }
    let message = |text: &str| {
        let mut out = Vec::new();
        ClientEvent::parse(text).ok()?.encode(ItemEncoding::EVERYTHING, &mut out);
        String::from_utf8(out).ok()
    };
    if message(text).is_some() { settles("a message", message, text) } else { Ok(()) }
}

/// Checks that a written value parses and is written again unchanged. The second writing counts: members of reasoning
/// items that the protocol omits (docs/protocol.md §3.4.1) are unset after parsing.
fn settles(what: &str, rewrite: impl Fn(&str) -> Option<String>, text: &str) -> Result<(), String> {
    let again = |text: &str| rewrite(text).ok_or_else(|| format!("{what} cannot be parsed again: {text:.200}"));
    let first = again(text)?;
    let second = again(&first)?;
    if again(&second)? != second {
        return Err(format!("{what} differs at every writing"));
    }
    if first != second && !first.contains("\"reasoning\"") {
        return Err(format!("{what} differs at the second writing"));
    }
    Ok(())
}

/// Law 3: any body is parsed or rejected by each operation and by the failure parsers.
///
/// # Errors
///
/// A description of the text that must not be shown.
pub fn body(text: &str) -> Result<(), String> {
    for status in (400..=431).chain([451, 500, 501, 502, 503, 504, 505, 599]) {
        let failure = |body: &str| Failure::from_http(status, &[], body, Some("https://a.example/v1?key=x"), None);
        let shown = |failure: Failure| format!("{failure:?}");
        // A body may equal a text that a failure always contains.
        let shows = |body: &str| shown(failure(body)).contains(text);
        if text.len() > 60 && shows(text) && !shows(&"x".repeat(text.len())) {
            return Err("a failure shows its body".into());
        }
        if failure(text).to_string().chars().any(char::is_control) {
            return Err("a failure has several lines".into());
        }
        let _ = failure(text).user_text();
    }
    let _ = (Compact::read(&[], text), Summarize::read(&[], text), ListModels::read(&[], text));
    let _ = (Search::read(&[], text), Search::parse(text), Model::parse(text), Summarize::parse(text));
    whole_response(text)?;
    let compact = |text: &str| {
        let mut out = Vec::new();
        Compact::parse(text).ok()?.encode(ItemEncoding::EVERYTHING, &mut out);
        String::from_utf8(out).ok()
    };
    if compact(text).is_some() { settles("a body", compact, text) } else { Ok(()) }
}

/// Checks that any text is a response, a tool and a choice of a tool or is rejected, and that what was read is written so that
/// it is read as the same.
///
/// # Errors
///
/// One line on what differs.
pub fn whole_response(text: &str) -> Result<(), String> {
    if let Ok(response) = Response::parse(text) {
        let written = response.to_raw();
        let again =
            Response::parse(written.as_str()).map_err(|why| format!("a response cannot be read again: {why}"))?;
        if Response::parse(again.to_raw().as_str()).as_ref() != Ok(&again) {
            return Err(format!("a response is written differently the second time: {text:.200}"));
        }
        let _ = (response.output_text(), response.refusal(), response.reasoning_summary());
    }
    if let Ok(tool) = Tool::parse(text)
        && Tool::parse(tool.to_raw().as_str()).as_ref() != Ok(&tool)
    {
        return Err(format!("a tool is written differently the second time: {text:.200}"));
    }
    if let Ok(choice) = ToolChoice::parse(text)
        && ToolChoice::parse(choice.to_raw().as_str()).as_ref() != Ok(&choice)
    {
        return Err(format!("a choice of a tool is written differently the second time: {text:.200}"));
    }
    Ok(())
}

/// Arbitrary input as an event.
///
/// # Errors
///
/// As of [`event`].
pub fn anything(input: &[u8]) -> Result<(), String> {
    event(&String::from_utf8_lossy(input))?;
    super::repeats::anything(input)
}

/// Arbitrary input as an item, a request and a body.
///
/// # Errors
///
/// As of [`item`], [`request`] and [`body`].
pub fn anything_item(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    item(&text)?;
    request(&text)?;
    body(&text)
}

/// Law 5: reading one event takes time proportional to its length, whatever it contains. `make` returns an event of
/// about this many bytes.
///
/// # Errors
///
/// The two times of this thread's processor, if an event of sixteen times the length took more than eighty times as long. Quadratic
/// work takes 256 times as long.
pub fn linear_work(make: impl Fn(usize) -> String) -> Result<(), String> {
    const LENGTH: usize = 64 << 10;
    let fastest = |text: &str, rounds: u32| {
        let times = (0..rounds).map(|_| {
            let start = cpu_time::ThreadTime::now();
            read_all(text)?;
            Ok(start.elapsed())
        });
        times.collect::<Result<Vec<_>, String>>().map(|times| times.into_iter().min().unwrap_or_default())
    };
    let (short, long) = (fastest(&make(LENGTH), 4)?, fastest(&make(16 * LENGTH), 2)?);
    // Shorter times depend mostly on caches and other processes.
    let least = core::time::Duration::from_millis(5);
    if long > short.max(least) * 80 {
        return Err(format!("{LENGTH} bytes took {short:?}, sixteen times as many took {long:?}"));
    }
    Ok(())
}

/// Reads all parts of an event that a client reads.
fn read_all(text: &str) -> Result<(), String> {
    let envelope = Envelope::scan(text).map_err(|why| format!("not an event: {why}"))?;
    let _ = (ServerEvent::read(&envelope).is_ok(), envelope.class(), envelope.turn_state());
    if let Ok(event) = ServerEvent::read(&envelope) {
        let mut collector = Collector::new();
        collector.add(&event);
        collector.add(&event);
        let _ = collector.finish();
    }
    for source in [HeaderSource::Response, HeaderSource::Handshake] {
        let _ = ResponseInfoTracker::default().observe(source, &envelope);
    }
    let _ = (RateLimits::from_event(&envelope), TimingMetrics::from_event(&envelope));
    let failure = Failure::from_event(&envelope);
    let _ = (failure.user_text(), failure.to_string());
    if let Some(item) = envelope.item() {
        let item = Item::parse_or_other(item);
        let _ = (item.to_json(), item.equals_for_incremental(&item));
    }
    Ok(())
}
