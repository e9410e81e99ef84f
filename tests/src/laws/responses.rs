//! The laws of the `responses` floor.

use serde_json::Value;
use turnwire::responses::operations::{Compact, ListModels, Model, Operation, Search, Summarize};
use turnwire::responses::request::{ItemEncoding, ItemIds};
use turnwire::responses::{
    ClientEvent, CreateResponse, Envelope, EventData, Failure, HeaderSource, Item, RateLimits, ResponseInfo,
    ResponseInfoTracker, ServerEvent, TimingMetrics,
};

use crate::reference;

/// Twin: the scanner finds what serde_json finds, and takes nothing that it refuses.
///
/// # Errors
///
/// One line on where the two differ.
pub fn twin(text: &str) -> Result<(), String> {
    let real = Envelope::scan(text);
    let twin = reference::responses::outside(text);
    let (real, twin) = match (real, twin) {
        (Ok(real), Some(twin)) => (real, twin),
        (Err(_), None) => return Ok(()),
        (Ok(_), None) if reference::responses::is_unreadable_end(text) => return Ok(()),
        (Ok(_), None) => return Err(format!("the scanner takes what is no event: {text:.200}")),
        (Err(why), Some(_)) => return Err(format!("the scanner refuses an event ({why}): {text:.200}")),
    };
    if real.kind() != twin.kind {
        return Err(format!("kinds differ: {:?} and {:?}", real.kind(), twin.kind));
    }
    let get = |name: &str| {
        let (_, value) = twin.members.iter().rfind(|(key, _)| key == name)?;
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

/// Total and round trip: any payload is read or refused; what was read is written as it came, and what is made of its parts is
/// read as the same.
///
/// # Errors
///
/// One line on what was lost.
pub fn event(text: &str) -> Result<(), String> {
    twin(text)?;
    let Ok(envelope) = Envelope::scan(text) else { return Ok(()) };
    observe(&envelope)?;
    let Ok(event) = ServerEvent::read(&envelope) else { return Ok(()) };
    if event.to_json() != text || event.kind() != envelope.kind() {
        return Err("an event is not written as it came".into());
    }
    if event.clone().into_owned() != event {
        return Err("an event that owns its text is another one".into());
    }
    // An end that cannot be read has nothing to write but itself.
    if matches!(event.data, EventData::Other { .. }) || reference::responses::outside(text).is_none() {
        return Ok(());
    }
    let mut made = ServerEvent::new(event.data.clone());
    made.sequence_number = event.sequence_number;
    made.stream_id.clone_from(&event.stream_id);
    let again = made.to_json();
    let again = ServerEvent::parse(&again).map_err(|why| format!("what was written cannot be read: {why}"))?;
    if (&again.data, again.sequence_number, &again.stream_id) != (&event.data, event.sequence_number, &event.stream_id)
    {
        return Err(format!("an event that is written and read is another one: {again:?}"));
    }
    Ok(())
}

/// What follows from an event: nothing panics, nothing is repeated, and nothing of the server's shows.
fn observe(envelope: &Envelope<'_>) -> Result<(), String> {
    for origin in [HeaderSource::Response, HeaderSource::Handshake] {
        let mut derivation = ResponseInfoTracker::default();
        derivation.observe(origin, envelope);
        let again = derivation.observe(origin, envelope);
        if again.iter().any(|derived| matches!(derived, ResponseInfo::Model(_))) {
            return Err("a model is said twice".into());
        }
    }
    if let Some(limits) = RateLimits::from_event(envelope) {
        rate_limits(&limits)?;
    }
    let failure = Failure::from_event(envelope);
    // The server's words may happen to be what a failure says anyway, whatever they are.
    let mut other = failure.clone();
    other.message = "x".repeat(failure.message.len());
    let shows = |shown: &Failure| format!("{shown:?}").contains(&failure.message);
    if failure.message.len() > 60 && shows(&failure) && !shows(&other) {
        return Err(format!("a failure shows the server's words: {failure:?}"));
    }
    if failure.to_string().chars().any(char::is_control) {
        return Err(format!("a failure is not one line: {failure}"));
    }
    if failure.raw.as_deref() != Some(envelope.text()) {
        return Err("a failure does not keep what it was made of".into());
    }
    let _ = (failure.user_text(), envelope.class(), envelope.turn_state());
    Ok(())
}

/// Round trip: limits are read from the event, and from the headers, that they are written to.
///
/// # Errors
///
/// One line on what was lost.
pub fn rate_limits(limits: &RateLimits) -> Result<(), String> {
    let text = limits.to_event();
    let envelope = Envelope::scan(&text).map_err(|why| format!("a snapshot is no event: {why}"))?;
    let again = RateLimits::from_event(&envelope).ok_or("a snapshot cannot be read")?;
    // An event has no place for what only headers say.
    let mut expected = limits.clone();
    (expected.limit_name, expected.reached_type) = (None, None);
    if again != expected {
        return Err(format!("a snapshot that is written and read is another one: {again:?} and {expected:?}"));
    }
    Ok(())
}

/// Total and round trip: any item is read or refused; what was read is written so that it is read as the same, and nothing of it
/// is lost.
///
/// # Errors
///
/// One line on what was lost.
pub fn item(text: &str) -> Result<(), String> {
    let Ok(item) = Item::parse(text) else { return Ok(()) };
    let written = item.to_json();
    let again = Item::parse(&written).map_err(|why| format!("what was written cannot be read: {why}"))?;
    // What the protocol leaves out of reasoning (§3.4.1) is unset when it is read again, and then written as `null`.
    let settled = if item.kind() == "reasoning" { again.to_json() } else { written.clone() };
    if Item::parse(&settled).map(|item| item.to_json()).as_ref() != Ok(&settled) || again.kind() != item.kind() {
        return Err(format!("an item is written differently the second time: {written:.200}"));
    }
    if !item.equals_for_incremental(&item) || (again == item && !again.equals_for_incremental(&item)) {
        return Err("an item is not the same as itself".into());
    }
    for wire in [ItemEncoding { ids: ItemIds::None, passthrough: false }, ItemEncoding::new(true, false, true)] {
        let mut out = Vec::new();
        item.encode_for(wire, &mut out);
        let sent = core::str::from_utf8(&out).map_err(|_| "an item is no text")?;
        Item::parse(sent).map_err(|why| format!("what is sent cannot be read: {why}"))?;
    }
    let (Ok(came), Ok(went)) = (serde_json::from_str::<Value>(text), serde_json::from_str::<Value>(&written)) else {
        // Deeper, or with larger numbers, than what judges here can read.
        return Ok(());
    };
    match lost(&came, &went) {
        Some(path) if path.starts_with("/content") && item.kind() == "reasoning" => Ok(()),
        Some(path) if path == "/type" && went["type"] == "compaction" => Ok(()),
        Some(path) => Err(format!("{} lost {path}: {text:.300}", item.kind())),
        None => Ok(()),
    }
}

/// Where something that came did not go. `null` is nothing, and may be missing or come in addition. A value may go as its JSON
/// text, and text or a part as the only part of an array (`docs/differences.md` row 46).
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

/// Total and round trip: any request is read or refused; what was read is written so that it is read as the same.
///
/// # Errors
///
/// One line on what was lost.
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
        let lite = request.into_lite();
        if lite.tools.is_some() || !lite.instructions.is_empty() || lite.parallel_tool_calls {
            return Err("a lite request is none".into());
        }
    }
    let message = |text: &str| {
        let mut out = Vec::new();
        ClientEvent::parse(text).ok()?.encode(ItemEncoding::EVERYTHING, &mut out);
        String::from_utf8(out).ok()
    };
    if message(text).is_some() { settles("a message", message, text) } else { Ok(()) }
}

/// What was written is read and written as the same. The second time decides, for what the protocol leaves out of reasoning
/// (§3.4.1) is unset when it is read again.
fn settles(what: &str, rewrite: impl Fn(&str) -> Option<String>, text: &str) -> Result<(), String> {
    let again = |text: &str| rewrite(text).ok_or_else(|| format!("{what} cannot be read again: {text:.200}"));
    let first = again(text)?;
    let second = again(&first)?;
    if again(&second)? != second {
        return Err(format!("{what} is written differently every time"));
    }
    if first != second && !first.contains("\"reasoning\"") {
        return Err(format!("{what} is written differently the second time"));
    }
    Ok(())
}

/// Total: any body is read or refused by each operation, and by the readers of failures.
///
/// # Errors
///
/// One line on what shows that must not.
pub fn body(text: &str) -> Result<(), String> {
    for status in [400, 401, 403, 404, 413, 429, 500, 503] {
        let failure = |body: &str| Failure::from_http(status, &[], body, None, None);
        let shown = |failure: Failure| format!("{failure:?}");
        // A body may happen to be words that a failure says anyway, whatever its body is.
        let shows = |body: &str| shown(failure(body)).contains(text);
        if text.len() > 60 && shows(text) && !shows(&"x".repeat(text.len())) {
            return Err("a failure shows its body".into());
        }
        if failure(text).to_string().chars().any(char::is_control) {
            return Err("a failure is not one line".into());
        }
        let _ = failure(text).user_text();
    }
    let _ = (Compact::read(&[], text), Summarize::read(&[], text), ListModels::read(&[], text));
    let _ = (Search::read(&[], text), Search::parse(text), Model::parse(text), Summarize::parse(text));
    let compact = |text: &str| {
        let mut out = Vec::new();
        Compact::parse(text).ok()?.encode(ItemEncoding::EVERYTHING, &mut out);
        String::from_utf8(out).ok()
    };
    if compact(text).is_some() { settles("a body", compact, text) } else { Ok(()) }
}

/// Anything at all, as an event.
///
/// # Errors
///
/// What [`event`] says.
pub fn anything(input: &[u8]) -> Result<(), String> {
    event(&String::from_utf8_lossy(input))
}

/// Anything at all, as an item, a request, a body.
///
/// # Errors
///
/// What [`item`], [`request`] and [`body`] say.
pub fn anything_item(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    item(&text)?;
    request(&text)?;
    body(&text)
}

/// Linear: everything that is read of one event takes time in proportion to its length, whatever it contains. `make` returns an
/// event of about so many bytes.
///
/// # Errors
///
/// One line with the two times, when sixteen times the length took more than eighty times the time: work that grows with the
/// square of the length takes 256 times.
pub fn linear_work(make: impl Fn(usize) -> String) -> Result<(), String> {
    const LENGTH: usize = 64 << 10;
    let fastest = |text: &str| {
        let times = (0..4).map(|_| {
            let start = std::time::Instant::now();
            read_all(text)?;
            Ok(start.elapsed())
        });
        times.collect::<Result<Vec<_>, String>>().map(|times| times.into_iter().min().unwrap_or_default())
    };
    let (short, long) = (fastest(&make(LENGTH))?, fastest(&make(16 * LENGTH))?);
    // A shorter time depends on caches and other programs more than on the work.
    let least = std::time::Duration::from_millis(5);
    if long > short.max(least) * 80 {
        return Err(format!("{LENGTH} bytes took {short:?}, sixteen times as many {long:?}"));
    }
    Ok(())
}

/// Reads everything of an event that a client reads.
fn read_all(text: &str) -> Result<(), String> {
    let envelope = Envelope::scan(text).map_err(|why| format!("not an event: {why}"))?;
    let _ = (ServerEvent::read(&envelope).is_ok(), envelope.class(), envelope.turn_state());
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
