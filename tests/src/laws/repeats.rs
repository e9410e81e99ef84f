//! Laws of the fast path for deltas that repeat an earlier one except for a few values: it changes no result.

use turnwire::connection::client::{self, Event};
use turnwire::connection::{
    ClientConnection, CloseReason, EventDecoder, ExpectedBody, OutgoingRequest, StreamEvent, Transport, server,
};
use turnwire::http::Headers;
use turnwire::responses::{Envelope, EventData, EventParser, ServerEvent};
use turnwire::sse;
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};

use super::client_repeats::clients_alike;
use crate::open_websocket::open_websocket;

/// Law 9: a parser that remembers shapes parses each payload of a stream as one that remembers nothing.
///
/// # Errors
///
/// The first payload that it parses otherwise.
pub fn parses_alike<'p>(payloads: impl IntoIterator<Item = &'p str>) -> Result<(), String> {
    let mut parser = EventParser::new();
    for payload in payloads {
        for event_type in ["", "response.output_text.delta"] {
            let (fast, plain) =
                (parser.parse_named(payload, event_type), ServerEvent::parse_named(payload, event_type));
            if fast != plain {
                return Err(format!("{payload:.300} is parsed as {fast:?} and by itself as {plain:?}"));
            }
            let envelope = Envelope::scan_named(payload, event_type);
            let read = envelope.as_ref().ok().map(ServerEvent::read);
            if let (Ok(plain), Ok(envelope)) = (&plain, &envelope)
                && plain.class() != envelope.class()
            {
                return Err(format!(
                    "{payload:.300} is {:?}, and by its envelope {:?}",
                    plain.class(),
                    envelope.class()
                ));
            }
            if plain.is_ok() && read != Some(plain) {
                return Err(format!("{payload:.300} is read otherwise by its envelope"));
            }
        }
    }
    Ok(())
}

/// Arbitrary input as a stream of payloads: its lines, and deltas whose values are its lines, each after a delta of the same shape.
///
/// # Errors
///
/// As of [`parses_alike`], [`streams_alike`] and [`clients_alike`].
pub fn anything(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut payloads = Vec::new();
    for line in text.lines() {
        for (number, value) in [("7", format!("\"{line}\"")), (line, "\"\"".into()), ("8", line.into())] {
            payloads.push(delta("\"Hel\"", "\"abc\"", "6"));
            payloads.push(delta(&value, "\"abc\"", number));
            payloads.push(delta("\"lo\"", &value, number));
        }
        payloads.push(line.into());
    }
    parses_alike(payloads.iter().map(String::as_str))?;
    parses_alike(text.lines().chain(text.lines()))?;
    let body: String =
        payloads.iter().map(|payload| format!("event: response.output_text.delta\ndata: {payload}\n\n")).collect();
    streams_alike(body.as_bytes(), usize::MAX, usize::MAX)?;
    streams_alike(body.as_bytes(), 1000, 700)?;
    // A whole client takes long.
    clients_alike(&payloads.iter().map(String::as_str).take(60).collect::<Vec<_>>())
}

/// A client's connection and an [`EventDecoder`] report of an event stream what a decoder and a parser that remembers nothing find in it, up
/// to a limit that it passes.
///
/// `chunk`: the size of the body's chunks; `read`: that of each read.
///
/// # Errors
///
/// The first difference.
pub fn streams_alike(body: &[u8], chunk: usize, read: usize) -> Result<(), String> {
    alike(&decoded(body, false), &decoded_at_once(body, read))?;
    alike(&decoded(body, true), &streamed(body, chunk, read))
}

fn alike(expected: &[Reported], found: &[Reported]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let at = expected.iter().zip(found).take_while(|(one, other)| one == other).count();
    let shown = |events: &[Reported]| match events.get(at) {
        Some(Ok(event)) => format!("{:?}", event.raw()),
        Some(Err(text)) => format!("no event: {text:?}"),
        None => "none".into(),
    };
    Err(format!("event {at} is {}, and is reported as {}", shown(expected), shown(found)))
}

/// An event, or a payload that is none, or the limit that the stream passes.
type Reported = Result<ServerEvent<'static>, String>;

/// The events of an event stream; `one_response`: up to the end of its first response.
fn decoded(body: &[u8], one_response: bool) -> Vec<Reported> {
    let (mut decoder, mut input) = (sse::Decoder::new(sse::Limits::default()), sse::Input::new(body));
    let mut events = Vec::new();
    loop {
        let event = match decoder.decode(&mut input) {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(limit) => {
                events.push(Err(limit.to_string()));
                break;
            }
        };
        if matches!(event.data, "" | "[DONE]") {
            continue;
        }
        let parsed = ServerEvent::parse_named(event.data, event.event_type);
        events.push(parsed.map(ServerEvent::into_owned).map_err(|_| event.data.into()));
        let envelope = Envelope::scan_named(event.data, event.event_type);
        if one_response && envelope.is_ok_and(|envelope| envelope.class().is_terminal()) {
            break;
        }
    }
    events
}

/// The events that an [`EventDecoder`] finds in the same event stream.
fn decoded_at_once(body: &[u8], read: usize) -> Vec<Reported> {
    let (mut decoder, mut events) = (EventDecoder::new(sse::Limits::default()), Vec::new());
    for read in body.chunks(read.min(body.len()).max(1)) {
        let mut input = sse::Input::new(read);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(StreamEvent::Server(event))) => events.push(Ok(event.into_owned())),
                Ok(Some(StreamEvent::Malformed { text, .. })) => events.push(Err(text.into())),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(limit) => {
                    events.push(Err(limit.to_string()));
                    return events;
                }
            }
        }
    }
    events
}

/// The events that a client's connection reports of the same event stream.
fn streamed(body: &[u8], chunk: usize, read: usize) -> Vec<Reported> {
    const NOW: Instant = Instant::ZERO;
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [7; 32]);
    let post = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
    client.send_request(NOW, post).expect("it is idle");
    let mut bytes =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(chunk.max(1)) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    let mut events = Vec::new();
    for read in bytes.chunks(read.max(1)) {
        client.handle_input(NOW, read);
        while let Some(event) = client.poll_event() {
            match event {
                Event::Server(event) => events.push(Ok(event.into_owned())),
                Event::Malformed { text, .. } => events.push(Err(text.into())),
                Event::Closed(CloseReason::Events(limit)) => events.push(Err(limit.to_string())),
                _ => {}
            }
        }
    }
    events
}

/// A text delta with these values.
#[must_use]
pub fn delta(delta: &str, obfuscation: &str, number: &str) -> String {
    format!(
        r#"{{"type":"response.output_text.delta","content_index":0,"delta":{delta},"item_id":"msg_1","obfuscation":{obfuscation},"output_index":0,"sequence_number":{number}}}"#
    )
}

/// One step of a connection with several lanes.
#[derive(Clone, Debug)]
pub enum Act {
    /// The client requests a response on this lane.
    Request(Option<String>),
    /// The client abandons the request of this lane.
    Abandon(Option<String>),
    /// The server sends this event: a JSON object.
    Send(String),
}

/// A client's connection does the same with a delta that repeats an earlier one as with one that does not: with a member of its own in
/// each event, which makes all of them differ, everything else that it reports is the same.
///
/// # Errors
///
/// The difference.
pub fn routes_alike(acts: &[Act]) -> Result<(), String> {
    let (repeating, differing) = (reported(acts, false), reported(acts, true));
    if repeating == differing {
        return Ok(());
    }
    let at = repeating.iter().zip(&differing).take_while(|(one, other)| one == other).count();
    Err(format!("report {at} differs: {:?} and {:?}", repeating.get(at), differing.get(at)))
}

/// What a client's connection reports. `differing`: each event gets a member of its own.
fn reported(acts: &[Act], differing: bool) -> Vec<String> {
    const NOW: Instant = Instant::ZERO;
    let (mut client, _) = open_websocket(NOW, client::Config::new("localhost"), server::Config::new());
    let mut peer = WebSocket::new(Role::Server, Limits::default(), None, [3; 32]);
    let (mut reports, mut lanes) = (Vec::new(), vec![None]);
    for (number, act) in acts.iter().enumerate() {
        let now = NOW + std::time::Duration::from_secs(number as u64);
        match act {
            Act::Request(lane) => {
                lanes.push(lane.clone());
                let sent = client.send_request_message(now, lane.as_deref(), r#"{"type":"response.create"}"#);
                reports.push(format!("{sent:?}"));
                client.handle_written(now, usize::MAX);
            }
            Act::Abandon(lane) => client.abandon(now, lane.as_deref()),
            Act::Send(event) => {
                let own = format!("{{\"own\":{number},");
                let event = if differing { event.replacen('{', &own, 1) } else { event.clone() };
                let mut bytes = Vec::new();
                peer.send(Message::Text(&event), &mut bytes).expect("a message");
                client.handle_input(now, &bytes);
            }
        }
        while let Some(event) = client.poll_event() {
            reports.push(match event {
                Event::Server(event) => {
                    let text = match &event.data {
                        EventData::OutputTextDelta { delta, item_id, .. } => format!("{delta} {item_id:?}"),
                        other => format!("{other:?}"),
                    };
                    format!("{text} {:?} {:?}", event.stream_id, event.sequence_number)
                }
                other => format!("{other:?}"),
            });
        }
        let states: Vec<_> = lanes.iter().map(|lane| client.state(lane.as_deref())).collect();
        let (unmatched, ignores) = (client.unmatched_events(), client.ignores_lanes());
        reports.push(format!("{states:?} {unmatched} {ignores} {:?} {:?}", client.last_seen(), client.poll_timeout()));
    }
    reports
}
