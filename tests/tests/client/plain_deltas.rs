//! Deltas that say something beside their output, behind deltas that do not.

use turnwire::client::{Event, OwnedEvent, Settings};
use turnwire::responses::{EventData, ResponseInfo};
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::fixtures::{ask, created, delta, done};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

/// A text delta with this member.
fn with(member: &str) -> String {
    delta("more").replacen('{', &format!("{{{member},"), 1)
}

/// What two plain deltas, one with headers, a plain one, and two of a response that is held back say beside their output.
fn said(mut pair: Pair) -> Vec<&'static str> {
    let id = pair.send(ask("one"));
    pair.run();
    assert_eq!(pair.completed(id), "r");
    let infos = pair.events.iter().filter_map(|event| match event {
        OwnedEvent::Info { info: ResponseInfo::Model(_), .. } => Some("a model"),
        OwnedEvent::Info { info: ResponseInfo::SafetyBuffering(_), .. } => Some("held back"),
        OwnedEvent::Server { .. } => Some("an event"),
        _ => None,
    });
    infos.collect()
}

fn events() -> Vec<String> {
    let headers = with(r#""headers":{"openai-model":"gpt-y"}"#);
    let held = with(r#""safety_buffering":{"use_cases":["a"],"reasons":["b"]}"#);
    vec![created("r"), delta("He"), delta("llo"), headers, delta("!"), held.clone(), held, done("r")]
}

const EXPECTED: [&str; 11] = [
    "an event",
    "an event",
    "an event",
    "a model",
    "an event",
    "an event",
    "held back",
    "an event",
    "held back",
    "an event",
    "an event",
];

#[test]
fn delta_with_headers_or_safety_buffering_over_websocket_is_reported() {
    let pair = Pair::new(provider(), Settings::default(), Script::new().ws([events()]));
    assert_eq!(said(pair), EXPECTED);
}

#[test]
fn delta_with_headers_or_safety_buffering_over_http_is_reported() {
    let stream = [vec![Act::stream_with(&[])], events().into_iter().map(Act::Send).collect(), vec![Act::End]].concat();
    let pair = Pair::new(http_provider(), Settings::default(), Script::new().on(Kind::Post, stream));
    assert_eq!(said(pair), EXPECTED);
}

#[test]
fn events_that_wait_are_delivered_before_those_of_the_input() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("r")]]));
    pair.ask(ask("one"));
    let mut peer = WebSocket::new(Role::Server, Limits::default(), None, [3; 32]);
    let mut frame = |text: &str| {
        let mut bytes = Vec::new();
        peer.send(Message::Text(&delta(text)), &mut bytes).expect("a message");
        bytes
    };
    let mut texts = String::new();
    let mut keep = |event: Event<'_>| {
        let Event::Server { event, .. } = event else { panic!("{event:?}") };
        let EventData::OutputTextDelta { delta, .. } = event.data else { panic!("{event:?}") };
        texts.push_str(&delta);
    };
    for text in ["a", "b", "c"] {
        pair.client.handle_input(pair.now, &frame(text));
    }
    pair.client.handle_input_with(pair.now, &[frame("d"), frame("e")].concat(), &mut keep);
    pair.client.handle_input(pair.now, &frame("f"));
    pair.client.handle_input_with(pair.now, b"", &mut keep);
    assert_eq!((texts.as_str(), pair.client.has_event()), ("abcdef", false));
}
