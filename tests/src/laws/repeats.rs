//! Laws of the fast path for deltas that repeat an earlier one except for a few values: it changes no result.

use turnwire::connection::client::{self, Event};
use turnwire::connection::server;
use turnwire::responses::{Envelope, EventData, EventParser, ServerEvent};
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};

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
/// As of [`parses_alike`].
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
    parses_alike(text.lines().chain(text.lines()))
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
