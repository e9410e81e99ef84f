//! The server role inside a larger server: a WebSocket whose handshake was done elsewhere, a graceful shutdown, event streams that
//! proxies pass on, and events that are kept.

use core::time::Duration;

use turnwire::connection::{ClientConnection, CloseReason, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::turn::RequestState;
use turnwire::ws::{Limits, Message, Role, WebSocket, handshake};

const NOW: Instant = Instant::ZERO;
const UNTIL: Instant = Instant::from_duration(Duration::from_secs(10));

const CREATE: &str = r#"{"type":"response.create","model":"m"}"#;
const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1"}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1"}}"#;

fn server() -> ServerConnection {
    ServerConnection::accepted(NOW, server::Config::new(), [2; 32], &handshake::Negotiated::default())
}

fn client() -> WebSocket {
    WebSocket::new(Role::Client, Limits::default(), None, [1; 32])
}

fn send(client: &mut WebSocket, server: &mut ServerConnection, text: &str) {
    let mut bytes = Vec::new();
    client.send(Message::Text(text), &mut bytes).expect("open");
    server.handle_input(NOW, &bytes);
}

/// What the server has written: texts, and the close code.
fn received(client: &mut WebSocket, server: &mut ServerConnection) -> Vec<String> {
    let bytes = server.poll_transmit().to_vec();
    server.handle_written(NOW, usize::MAX);
    let (mut input, mut said) = (&bytes[..], Vec::new());
    while let Some(message) = client.decode(&mut input).expect("frames") {
        match message {
            Message::Text(text) => said.push(text.to_owned()),
            Message::Close(close) => said.push(format!("close {:?}", close.map(|close| close.code))),
            _ => {}
        }
    }
    said
}

fn texts(server: &mut ServerConnection) -> usize {
    let mut count = 0;
    while let Some(event) = server.poll_event() {
        count += usize::from(matches!(event, server::Event::Text { .. }));
    }
    count
}

#[test]
fn accepted_websocket_carries_requests_and_events() {
    let (mut client, mut server) = (client(), server());
    assert!(server.poll_transmit().is_empty(), "the handshake was done elsewhere");
    send(&mut client, &mut server, CREATE);
    assert_eq!((texts(&mut server), server.state(None)), (1, RequestState::Requested));
    server.send(NOW, COMPLETED).expect("open");
    assert_eq!(received(&mut client, &mut server), [COMPLETED]);
    assert!(server.poll_timeout().is_some(), "an idle WebSocket has a deadline");
    server.handle_eof(NOW);
    assert!(matches!(server.poll_event(), Some(server::Event::Closed(_))));
}

#[test]
fn shutdown_of_idle_websocket_closes_it_at_once() {
    let (mut client, mut server) = (client(), server());
    server.shut_down_gracefully(NOW, UNTIL);
    assert_eq!(received(&mut client, &mut server), ["close Some(1001)"]);
}

#[test]
fn shutdown_lets_running_response_finish_and_delivers_no_further_request() {
    let (mut client, mut server) = (client(), server());
    send(&mut client, &mut server, CREATE);
    assert_eq!(texts(&mut server), 1);
    server.send(NOW, CREATED).expect("open");
    server.shut_down_gracefully(NOW, UNTIL);
    assert_eq!(server.poll_timeout(), Some(UNTIL));
    send(&mut client, &mut server, r#"{"type":"response.create","model":"m","stream_id":"other"}"#);
    assert_eq!(texts(&mut server), 0, "a further request is for another connection");
    send(&mut client, &mut server, r#"{"type":"response.interrupt","response_id":"resp_1"}"#);
    assert_eq!(texts(&mut server), 1, "a command of the running response is delivered");
    server.send(NOW, COMPLETED).expect("open");
    assert_eq!(received(&mut client, &mut server), [CREATED, COMPLETED, "close Some(1001)"]);
    assert_ne!(server.poll_timeout(), Some(UNTIL));
}

#[test]
fn shutdown_ends_running_response_at_its_deadline() {
    let (mut client, mut server) = (client(), server());
    send(&mut client, &mut server, CREATE);
    server.shut_down_gracefully(NOW, UNTIL);
    server.handle_timeout(Instant::from_duration(Duration::from_millis(9_999)));
    assert!(received(&mut client, &mut server).is_empty());
    server.handle_timeout(UNTIL);
    assert_eq!(received(&mut client, &mut server), ["close Some(1001)"]);
    // The time has come once, not again and again.
    assert!(server.poll_timeout().is_none_or(|deadline| deadline > UNTIL));
}

const REQUEST: &str = "POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn shutdown_of_http_connection_ends_after_its_response() {
    for began in [0, 10, REQUEST.len()] {
        let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
        server.handle_input(NOW, &REQUEST.as_bytes()[..began]);
        server.shut_down_gracefully(NOW, UNTIL);
        if began == 0 {
            assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Local))));
            continue;
        }
        // A request that has begun is answered.
        server.handle_input(NOW, &REQUEST.as_bytes()[began..]);
        server.handle_input(NOW, REQUEST.as_bytes());
        assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
        server.begin_stream(NOW, &Headers::new()).expect("a request");
        server.send(NOW, COMPLETED).expect("a stream");
        server.end_stream(NOW).expect("a stream");
        let written = String::from_utf8(server.poll_transmit().to_vec()).expect("text");
        assert!(written.contains("\r\nConnection: close\r\n"), "{written}");
        assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Local))), "no further request");
    }
}

#[test]
fn event_stream_tells_proxies_to_pass_it_on() {
    for version in ["1.0", "1.1"] {
        let request = format!("POST / HTTP/{version}\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let mut headers = Headers::new();
        for given in [None, Some("private")] {
            if let Some(value) = given {
                headers.append("Cache-Control", value).expect("a header");
            }
            let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
            server.handle_input(NOW, request.as_bytes());
            server.begin_stream(NOW, &headers).expect("a request");
            let head = String::from_utf8(server.poll_transmit().to_vec()).expect("text");
            assert!(head.contains("\r\nX-Accel-Buffering: no\r\n"), "{head}");
            let cache = format!("\r\nCache-Control: {}\r\n", given.unwrap_or("no-store"));
            assert!(head.contains(&cache) && head.matches("Cache-Control").count() == 1, "{head}");
        }
    }
}

#[test]
fn owned_event_says_what_the_event_said() {
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    server.handle_input(NOW, REQUEST.as_bytes());
    let owned = server.poll_event().expect("a request").into_owned();
    server.respond(NOW, 404, &Headers::new(), b"").expect("a request");
    let server::OwnedEvent::Request { head, body } = &owned else { panic!("{owned:?}") };
    assert_eq!((head.target(), &body[..]), ("/v1/responses", &b"{}"[..]));
    assert_eq!(format!("{owned:?}"), format!("{:?}", owned.as_event()));
    let mut server = self::server();
    send(&mut client(), &mut server, "[]");
    let owned = server.poll_event().expect("a message").into_owned();
    assert!(matches!(owned, server::OwnedEvent::Malformed { ref text, .. } if text == "[]"));
}

/// The client of a server that shuts down sends its next request on another connection.
#[test]
fn client_sees_close_code_of_shutdown() {
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("a handshake");
    server.handle_input(NOW, client.poll_transmit());
    client.handle_written(NOW, usize::MAX);
    server.accept(NOW, &Headers::new()).expect("an upgrade");
    server.shut_down_gracefully(NOW, UNTIL);
    client.handle_input(NOW, server.poll_transmit());
    let mut codes = Vec::new();
    while let Some(event) = client.poll_event() {
        if let client::Event::Closed(reason) = event {
            codes.push(reason.to_string());
        }
    }
    assert!(codes.len() == 1 && codes[0].contains("1001"), "{codes:?}");
}

/// With `announce_heads`, the head is there before the body: it can be rejected without reading the body.
#[test]
fn announced_head_is_delivered_before_its_body_is_read() {
    let mut config = server::Config::new();
    config.announce_heads = true;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    for (split, body) in [(head.len(), "body"), (0, "body"), (head.len() + 2, "body")] {
        let bytes = format!("{head}{body}{}", REQUEST.replace("{}", "xy"));
        let mut server = ServerConnection::new(config.clone(), [2; 32]);
        server.handle_input(NOW, &bytes.as_bytes()[..split]);
        server.handle_input(NOW, &bytes.as_bytes()[split..]);
        assert!(matches!(server.poll_event(), Some(server::Event::Head { head }) if head.target() == "/"));
        assert!(server.poll_event().is_none() && server.poll_transmit().is_empty(), "nothing is read or sent yet");
        assert!(!server.wants_input(), "the body waits in the socket");
        server.receive_body(NOW).expect("a head is pending");
        assert!(server.poll_transmit().starts_with(b"HTTP/1.1 100 "));
        assert!(matches!(server.poll_event(), Some(server::Event::Request { body: b"body", .. })));
        assert!(server.receive_body(NOW).is_err());
        server.respond(NOW, 200, &Headers::new(), b"").expect("a request");
        // The next request on the same connection, rejected by its head.
        assert!(matches!(server.poll_event(), Some(server::Event::Head { .. })));
        server.handle_written(NOW, usize::MAX);
        server.respond(NOW, 401, &Headers::new(), b"").expect("a head");
        let written = String::from_utf8(server.poll_transmit().to_vec()).expect("text");
        assert!(written.starts_with("HTTP/1.1 401 ") && written.contains("\r\nConnection: close\r\n"), "{written}");
        assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Local))));
    }
    // A request without a body needs no decision.
    let mut server = ServerConnection::new(config, [2; 32]);
    server.handle_input(NOW, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
}
