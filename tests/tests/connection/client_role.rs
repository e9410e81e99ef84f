//! The client's role of a connection: its request heads, input between responses, and deadlines.

use core::time::Duration;

use turnwire::connection::client::{self, Event};
use turnwire::connection::{
    ClientConnection, CloseReason, Deadline, ExpectedBody, OutgoingRequest, ServerConnection, Transport, server,
};
use turnwire::http::Headers;
use turnwire::responses::{EventData, ServerEvent};
use turnwire::time::Instant;
use turnwire::ws::deflate::{Offer, ServerPolicy};
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

const START: Instant = Instant::ZERO;

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

fn http() -> ClientConnection {
    ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32])
}

fn outgoing(method: &str, headers: &[(&str, &str)], body: &[u8], expected: ExpectedBody) -> OutgoingRequest {
    let mut fields = Headers::new();
    for (name, value) in headers {
        fields.append(name, *value).expect("a header");
    }
    let mut request = OutgoingRequest::new("/v1/responses", fields, body.to_vec(), expected);
    request.method = method.into();
    request
}

/// Returns the lines of the head that a client writes for a request, in lower case.
fn head_lines(request: OutgoingRequest) -> Vec<String> {
    let mut client = http();
    client.send_request(START, request).expect("a fresh connection");
    let text = String::from_utf8_lossy(client.poll_transmit()).to_ascii_lowercase();
    let head = text.split("\r\n\r\n").next().expect("a head");
    head.split("\r\n").map(Into::into).collect()
}

#[test]
fn head_has_one_host_whatever_the_application_sets() {
    for name in ["Host", "host", "HOST"] {
        let lines = head_lines(outgoing("POST", &[(name, "elsewhere")], b"{}", ExpectedBody::Whole));
        let hosts: Vec<_> = lines.iter().filter(|line| line.starts_with("host:")).collect();
        assert_eq!(hosts, ["host: localhost"]);
    }
}

#[test]
fn head_states_the_length_of_a_body_and_of_an_empty_post() {
    for (method, body, expected) in
        [("POST", &b"{}"[..], Some("content-length: 2")), ("POST", b"", Some("content-length: 0")), ("GET", b"", None)]
    {
        let lines = head_lines(outgoing(method, &[("Content-Length", "7")], body, ExpectedBody::Whole));
        let found = lines.iter().find(|line| line.starts_with("content-length:"));
        assert_eq!(found.map(String::as_str), expected, "{method}");
    }
}

fn events(client: &mut ClientConnection) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(event) = client.poll_event() {
        found.push(format!("{event:?}"));
    }
    found
}

fn stream(client: &mut ClientConnection) {
    client.send_request(START, outgoing("POST", &[], b"{}", ExpectedBody::EventStream)).expect("an idle connection");
    client.handle_written(START, usize::MAX);
}

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const CREATED: &str = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n";
const COMPLETED: &str = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n";

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

#[test]
fn unsolicited_bytes_close_connection() {
    // Before the first request.
    let mut client = http();
    client.handle_input(START, b"HTTP/1.1 200 OK\r\n");
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Unsolicited))));
    assert!(client.send_request(START, outgoing("POST", &[], b"{}", ExpectedBody::Whole)).is_err());
    // After a response has ended, they would be taken for the next response.
    let mut client = http();
    stream(&mut client);
    client.handle_input(START, [STREAM, &chunk(CREATED), &chunk(COMPLETED), "0\r\n\r\n"].concat().as_bytes());
    let first = events(&mut client);
    assert!(first.last().is_some_and(|event| event.starts_with("End")), "{first:?}");
    client.handle_input(START, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Unsolicited))));
}

#[test]
fn end_marker_of_stream_is_not_an_event() {
    let mut client = http();
    stream(&mut client);
    let text = [STREAM, &chunk(CREATED), &chunk("data: [DONE]\n\n"), &chunk(COMPLETED), "0\r\n\r\n"].concat();
    client.handle_input(START, text.as_bytes());
    let found = events(&mut client);
    assert!(!found.iter().any(|event| event.starts_with("Malformed")), "{found:?}");
    assert_eq!(found.iter().filter(|event| event.starts_with("Server")).count(), 2, "{found:?}");
}

/// Creates a client with an open WebSocket, and the codec of its peer.
fn websocket(config: client::Config) -> (ClientConnection, WebSocket) {
    let (client, _) = open_websocket(START, config, server::Config::new());
    (client, WebSocket::new(Role::Server, Limits::default(), None, [3; 32]))
}

fn idle_after(millis: u64) -> client::Config {
    let mut config = client::Config::new("localhost");
    config.timeouts.idle = Some(Duration::from_millis(millis));
    config
}

fn request(client: &mut ClientConnection, now: Instant, lane: Option<&str>) {
    client.send_request_message(now, lane, r#"{"type":"response.create"}"#).expect("a free lane");
    client.handle_written(now, usize::MAX);
}

fn hear(client: &mut ClientConnection, peer: &mut WebSocket, now: Instant, event: &str) {
    let mut bytes = Vec::new();
    peer.send(Message::Text(event), &mut bytes).expect("a message");
    client.handle_input(now, &bytes);
    while client.poll_event().is_some() {}
}

#[test]
fn event_of_a_lane_without_a_request_does_not_postpone_the_idle_deadline() {
    let (mut client, mut peer) = websocket(idle_after(1000));
    request(&mut client, START, Some("b"));
    hear(&mut client, &mut peer, START, r#"{"type":"response.completed","response":{"id":"r1"},"stream_id":"b"}"#);
    request(&mut client, START, Some("a"));
    for kind in ["response.output_text.delta", "response.metadata", "response.completed"] {
        let event = format!(r#"{{"type":"{kind}","delta":"x","response":{{"id":"r2"}},"stream_id":"b"}}"#);
        hear(&mut client, &mut peer, after(900), &event);
        assert_eq!(client.poll_timeout(), Some(after(1000)), "{kind}");
    }
    client.handle_timeout(after(1000));
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Timeout(Deadline::Idle)))));
}

#[test]
fn request_that_is_abandoned_does_not_postpone_the_idle_deadline_of_another() {
    let (mut client, _) = websocket(idle_after(1000));
    request(&mut client, START, Some("a"));
    request(&mut client, START, Some("b"));
    client.abandon(after(900), Some("a"));
    assert_eq!(client.poll_timeout(), Some(after(1000)));
    client.abandon(after(950), Some("b"));
    assert_eq!(client.poll_timeout(), None, "no response is pending");
}

#[test]
fn websocket_that_is_silent_for_too_long_gets_a_close_frame() {
    let (mut client, mut peer) = websocket(idle_after(1000));
    request(&mut client, START, None);
    client.handle_timeout(after(1000));
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Timeout(Deadline::Idle)))));
    let bytes = client.poll_transmit().to_vec();
    match peer.decode(&mut bytes.as_slice()) {
        Ok(Some(Message::Close(Some(close)))) => assert_eq!(close.code, 1001),
        other => panic!("no close frame: {other:?}"),
    }
}

#[test]
fn compression_that_was_not_offered_fails_the_handshake() {
    for (offers, is_open) in [(true, true), (false, false)] {
        let mut config = client::Config::new("localhost");
        config.deflate_offer = offers.then(Offer::default);
        let mut client = ClientConnection::new(config, Transport::WebSocket, [1; 32]);
        client.upgrade(START, "/", &Headers::new()).expect("a handshake");
        // The server responds as if compression had been offered.
        let head = String::from_utf8_lossy(client.poll_transmit()).into_owned();
        let offered = if offers { "" } else { "Sec-WebSocket-Extensions: permessage-deflate\r\n" };
        let head = head.replacen("\r\n\r\n", &format!("\r\n{offered}\r\n"), 1);
        let mut config = server::Config::new();
        config.deflate_policy = Some(ServerPolicy::default());
        let mut server = ServerConnection::new(config, [2; 32]);
        server.handle_input(START, head.as_bytes());
        assert!(server.poll_event().is_some());
        server.accept(START, &Headers::new()).expect("an upgrade");
        let response = String::from_utf8_lossy(server.poll_transmit()).into_owned();
        assert!(response.to_ascii_lowercase().contains("permessage-deflate"), "{response}");
        client.handle_input(START, response.as_bytes());
        match client.poll_event() {
            Some(Event::Upgraded { .. }) => assert!(is_open, "compression that was not offered was accepted"),
            Some(Event::Closed(CloseReason::Handshake(_))) => {
                assert!(!is_open, "compression that was offered was rejected")
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Delivers `rest` more bytes of the body of an abandoned response, and its end. Returns whether the connection is
/// reused.
fn reused_after(rest: usize) -> bool {
    let mut client = http();
    stream(&mut client);
    client.handle_input(START, [STREAM, &chunk(CREATED)].concat().as_bytes());
    client.abandon(START, None);
    let piece = chunk(&"x".repeat(1024));
    for _ in 0..rest / 1024 {
        client.handle_input(START, piece.as_bytes());
    }
    client.handle_input(START, (chunk(&"x".repeat(1 + rest % 1024)) + "0\r\n\r\n").as_bytes());
    while client.poll_event().is_some() {}
    client.send_request(START, outgoing("POST", &[], b"{}", ExpectedBody::EventStream)).is_ok()
}

#[test]
fn rest_of_an_abandoned_response_is_read_up_to_its_limit_only() {
    assert!(reused_after(0));
    assert!(reused_after(256 * 1024 - 1));
    assert!(!reused_after(256 * 1024));
    assert!(!reused_after(1024 * 1024));
}

/// The memory of a handshake is released, because it is larger than most messages and contains credentials.
#[test]
fn open_websocket_holds_nothing_of_its_handshake() {
    let held = |length: usize| {
        let info = allocation_counter::measure(|| {
            let mut headers = Headers::new();
            headers.append("Authorization", "x".repeat(length).as_str()).expect("a header");
            let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
            let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
            client.upgrade(START, "/", &headers).expect("a handshake");
            server.handle_input(START, client.poll_transmit());
            client.handle_written(START, usize::MAX);
            while server.poll_event().is_some() {}
            server.accept(START, &Headers::new()).expect("an upgrade");
            client.handle_input(START, server.poll_transmit());
            while client.poll_event().is_some() {}
            std::mem::forget(client);
        });
        info.bytes_current
    };
    let (small, large) = (held(10), held(3000));
    assert!(large - small < 1000, "{small} bytes, and {large} after a handshake with 3000 bytes more");
}

#[test]
fn websocket_holds_nothing_of_a_large_message_that_is_written() {
    let (mut client, _) = websocket(client::Config::new("localhost"));
    let text = format!(r#"{{"type":"response.create","input":"{}"}}"#, "x".repeat(1024 * 1024));
    let info = allocation_counter::measure(|| {
        client.send_request_message(START, None, &text).expect("a free lane");
        client.handle_written(START, usize::MAX);
    });
    assert!(info.bytes_current < 16 * 1024, "{info:?}");
}

/// A stream that ends inside an event leaves nothing of it to the next response of its connection.
#[test]
fn stream_cut_inside_an_event_leaves_nothing_to_the_next_response() {
    for cut in
        ["data: {\"type\":\"response.left\"}\n", "data: {\"type\":\"resp", "event: response.left\n", "id: 7\ndata"]
    {
        let mut client = http();
        stream(&mut client);
        let bytes = [STREAM, &chunk(CREATED), &chunk(cut), "0\r\n\r\n"].concat();
        client.handle_input(START, bytes.as_bytes());
        let first = events(&mut client);
        assert!(first.last().is_some_and(|event| event == "End { reusable: true }"), "{first:?}");
        let mut fresh = http();
        for client in [&mut client, &mut fresh] {
            stream(client);
            let bytes = [STREAM, &chunk(CREATED), &chunk(COMPLETED), "0\r\n\r\n"].concat();
            client.handle_input(START, bytes.as_bytes());
        }
        assert_eq!(events(&mut client), events(&mut fresh), "{cut:?}");
    }
}

/// A peer that does not answer the close frame gets its time once, however often the application closes.
#[test]
fn closing_again_does_not_restart_the_deadline_of_the_close_frame() {
    let (mut client, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    for millis in [0, 400, 900] {
        client.close(after(millis), 1000);
        server.close(after(millis), 1000, "");
        assert_eq!((client.poll_timeout(), server.poll_timeout()), (Some(after(1000)), Some(after(1000))));
    }
    client.handle_written(after(900), usize::MAX);
    client.handle_timeout(after(1000));
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Local))));
}

#[test]
fn queued_event_is_read_as_by_itself_whatever_its_length() {
    let (mut client, _) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    client.send_request_message(START, None, r#"{"type":"response.create"}"#).expect("it is idle");
    client.handle_written(START, usize::MAX);
    let mut peer = WebSocket::new(Role::Server, Limits::default(), None, [3; 32]);
    // The positions of members are kept in 16 bits, one of which is a flag, where the payload is short enough.
    for length in [100_usize, 4095, 4096, 4097, 32_766, 32_767, 32_768, 32_769, 65_534, 65_535, 65_536, 65_537, 70_000]
    {
        let payload = |filler: &str| {
            format!(
                r#"{{"type":"response.output_text.delta","delta":"{filler}\n","output_index":65535,"item_id":"msg\"","obfuscation":"a\t"}}"#
            )
        };
        for longer in [0, 1] {
            let filler = "x".repeat((length + longer).saturating_sub(payload("").len()));
            let payload = payload(&filler);
            let mut bytes = Vec::new();
            peer.send(Message::Text(&payload), &mut bytes).expect("a message");
            client.handle_input(START, &bytes);
            let Some(Event::Server(event)) = client.poll_event() else { panic!("no event of {length} bytes") };
            assert_eq!(event, ServerEvent::parse(&payload).expect("an event"));
            let EventData::OutputTextDelta { delta, item_id, output_index, obfuscation, .. } = &event.data else {
                panic!()
            };
            assert_eq!(delta.strip_suffix('\n'), Some(&*filler), "{length}");
            assert_eq!((item_id.as_deref(), *output_index), (Some("msg\""), Some(65_535)), "{length}");
            assert_eq!(obfuscation.as_deref(), Some("a\t"), "{length}");
        }
    }
}

#[test]
fn handshake_offers_compression_unless_it_is_configured_not_to() {
    for offers in [true, false] {
        let mut config = client::Config::new("localhost");
        if !offers {
            config.deflate_offer = None;
        }
        let mut client = ClientConnection::new(config, Transport::WebSocket, [1; 32]);
        client.upgrade(START, "/", &Headers::new()).expect("a handshake");
        let head = String::from_utf8_lossy(client.poll_transmit()).to_ascii_lowercase();
        assert_eq!(head.contains("\r\nsec-websocket-extensions: permessage-deflate"), offers, "{head}");
    }
}
