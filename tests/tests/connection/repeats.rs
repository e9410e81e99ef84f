//! Deltas that repeat an earlier one except for a few values, read in one go, and what only looks like them.

use core::time::Duration;

use turnwire::connection::client::{self, Event};
use turnwire::connection::{ClientConnection, CloseReason, ExpectedBody, OutgoingRequest, Transport, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::{self, Limits, Message, Role, WebSocket};
use turnwire_tests::laws::repeats::{delta, streams_alike};
use turnwire_tests::open_websocket::open_websocket;

const START: Instant = Instant::ZERO;

#[test]
fn event_that_only_begins_like_the_last_ones_is_read_as_it_is() {
    let event = |payload: &str| format!("event: x\ndata: {payload}\n\n");
    let delta = |logprobs: &str, space: &str, end: &str| {
        let members = format!("\"delta\":\"a\",\"logprobs\":{logprobs},{space}\"sequence_number\":7");
        event(&format!("{{\"type\":\"response.output_text.delta\",{members}}}{end}"))
    };
    let (one_line, with_array, other) = (delta("[]", "", ""), delta("[1]", "", ""), event("{}"));
    let several_lines = delta("[]", "\ndata: ", "");
    let cases = [
        ("a line end in an array", &with_array, "", delta("[\n1]", "", "")),
        ("a line end in a value", &one_line, "", one_line.replace("\"a\"", "\"\n\"")),
        ("a line end between members", &several_lines, &*other, delta("[]", "\n", "")),
        ("a second line of data", &one_line, "", delta("[]", "", "\ndata: x")),
        ("a second field", &one_line, "", delta("[]", "", "\nx")),
        ("other line ends", &one_line, "", one_line.replace('\n', "\r\n")),
        ("text behind the object", &one_line, "", delta("[]", "", "x")),
        ("no end", &one_line, "", one_line.trim_end().into()),
    ];
    for (name, known, between, last) in cases {
        let body = [&**known, &**known, &**known, between, &*last, &**known].concat();
        for chunk in [1, 7, body.len()] {
            streams_alike(body.as_bytes(), chunk, usize::MAX).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}

/// A client's WebSocket with a request in flight.
fn websocket() -> ClientConnection {
    let (mut client, _) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    client.send_request_message(START, None, r#"{"type":"response.create"}"#).expect("it is idle");
    client.handle_written(START, usize::MAX);
    client
}

/// The frames of these messages.
fn frames(messages: &[Message<'_>]) -> Vec<u8> {
    let (mut peer, mut bytes) = (WebSocket::new(Role::Server, Limits::default(), None, [3; 32]), Vec::new());
    for message in messages {
        peer.send(*message, &mut bytes).expect("a message");
    }
    bytes
}

/// Takes all events, and returns the number of deltas and the reason of the end.
fn taken(client: &mut ClientConnection) -> (usize, Option<CloseReason>) {
    let (mut deltas, mut end) = (0, None);
    while let Some(event) = client.poll_event() {
        match event {
            Event::Server(_) => deltas += 1,
            Event::Closed(reason) => end = Some(reason.clone()),
            _ => {}
        }
    }
    (deltas, end)
}

#[test]
fn message_that_repeats_a_delta_in_a_binary_frame_closes_the_websocket() {
    let text = delta("\"a\"", "\"\"", "7");
    let mut client = websocket();
    let (text, binary) = (Message::Text(&text), Message::Binary(text.as_bytes()));
    client.handle_input(START, &frames(&[text, text, text, binary, text]));
    assert_eq!(taken(&mut client), (3, Some(CloseReason::Binary)));
}

#[test]
fn repeated_delta_that_is_not_utf_8_closes_the_websocket() {
    let text = delta("\"a~\"", "\"\"", "7");
    let mut bytes = frames(&[Message::Text(&text); 4]);
    let last = bytes.iter().rposition(|byte| *byte == b'~').expect("the last text");
    bytes[last] = 0xFF;
    let mut client = websocket();
    client.handle_input(START, &bytes);
    assert_eq!(taken(&mut client), (3, Some(CloseReason::WebSocket(ws::Error::Utf8))));
}

#[test]
fn repeated_delta_in_an_event_stream_is_made_utf_8() {
    let body = delta("\"a~\"", "\"\"", "7");
    let mut body = format!("data: {body}\n\n").repeat(4).into_bytes();
    let last = body.iter().rposition(|byte| *byte == b'~').expect("the last text");
    body[last] = 0xFF;
    streams_alike(&body, usize::MAX, usize::MAX).unwrap();
}

/// A client's HTTP connection that reads an event stream of at most this many bytes of data an event.
fn http(limit: usize) -> ClientConnection {
    let mut config = client::Config::new("localhost");
    config.event_stream_limits.data = limit;
    let mut client = ClientConnection::new(config, Transport::Http, [1; 32]);
    let request = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
    client.send_request(START, request).expect("it is idle");
    client.handle_written(START, usize::MAX);
    client.handle_input(START, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    client
}

#[test]
fn repeated_delta_over_the_limit_ends_the_stream() {
    let (known, longest) = (delta("\"a\"", "\"\"", "7"), delta("\"aaaa\"", "\"\"", "7"));
    for (last, expected) in [(longest.clone(), (4, None)), (delta("\"aaaaa\"", "\"\"", "7"), (3, Some("events")))] {
        let mut client = http(longest.len());
        let body: String = [&known, &known, &known, &last].map(|payload| format!("data: {payload}\n\n")).concat();
        client.handle_input(START, body.as_bytes());
        let (deltas, end) = taken(&mut client);
        let end = end.map(|reason| if matches!(reason, CloseReason::Events(_)) { "events" } else { "other" });
        assert_eq!((deltas, end), expected);
    }
}

#[test]
fn repeated_deltas_before_a_limit_are_reported_and_then_the_limit() {
    let event = format!("data: {}\n\n", delta("\"a\"", "\"\"", "7"));
    for too_long in ["event:", "id:"] {
        let body = format!("{}{too_long}{}\n\n", event.repeat(4), "x".repeat(100_000));
        streams_alike(body.as_bytes(), usize::MAX, usize::MAX).unwrap();
        streams_alike(body.as_bytes(), 1000, 700).unwrap();
    }
}

#[test]
fn repeated_delta_restarts_the_deadlines() {
    let text = delta("\"a\"", "\"\"", "7");
    let event = format!("data: {text}\n\n");
    let later = START + Duration::from_secs(5);
    let mut http = http(1000);
    http.handle_input(START, event.repeat(3).as_bytes());
    let mut websocket = websocket();
    websocket.handle_input(START, &frames(&[Message::Text(&text); 3]));
    for (mut client, bytes) in [(http, event.into_bytes()), (websocket, frames(&[Message::Text(&text)]))] {
        assert_eq!(taken(&mut client), (3, None));
        let before = client.poll_timeout().expect("it waits for the next event");
        client.handle_input(later, &bytes);
        let seen = client.last_seen();
        assert_eq!((seen.event, seen.progress, seen.bytes), (Some(later), Some(later), Some(later)));
        assert_eq!(client.poll_timeout(), Some(before + Duration::from_secs(5)));
    }
}
