//! The client role: the time of each deadline, what restarts it, and what is left of one response for the next.

use core::time::Duration;

use turnwire::connection::client::{self, Event};
use turnwire::connection::{
    ClientConnection, CloseReason, CommandError, Deadline, ExpectedBody, IdleActivity, OutgoingRequest,
    ServerConnection, Transport, server,
};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};

const START: Instant = Instant::ZERO;

fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

fn config() -> client::Config {
    client::Config::new("localhost")
}

fn post() -> OutgoingRequest {
    OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream)
}

/// A client over HTTP that has sent a request.
fn http(config: client::Config) -> ClientConnection {
    let mut client = ClientConnection::new(config, Transport::Http, [1; 32]);
    client.send_request(START, post()).expect("a fresh connection");
    client.handle_written(START, usize::MAX);
    client
}

/// A client whose WebSocket is open, and the codec of its peer.
fn websocket(config: client::Config) -> (ClientConnection, WebSocket) {
    let mut client = ClientConnection::new(config, Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    client.upgrade(START, "/", &Headers::new()).expect("a handshake");
    server.handle_input(START, client.poll_transmit());
    client.handle_written(START, usize::MAX);
    assert!(server.poll_event().is_some());
    server.accept(START, &Headers::new()).expect("an upgrade");
    client.handle_input(START, server.poll_transmit());
    while client.poll_event().is_some() {}
    (client, WebSocket::new(Role::Server, Limits::default(), None, [3; 32]))
}

/// Delivers a message at this time. Polls the events.
fn hear(client: &mut ClientConnection, peer: &mut WebSocket, seconds: u64, message: Message<'_>) {
    let mut bytes = Vec::new();
    peer.send(message, &mut bytes).expect("a message");
    client.handle_input(after(seconds), &bytes);
    while client.poll_event().is_some() {}
    client.handle_written(after(seconds), usize::MAX);
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const CREATED: &str = r#"{"type":"response.created","response":{"id":"r"}}"#;
const DELTA: &str = r#"{"type":"response.output_text.delta","delta":"x"}"#;
const LIMITS: &str = r#"{"type":"codex.rate_limits"}"#;

/// Lets the next deadline expire: nothing happens a moment before, and then the connection closes for this reason.
fn expires(mut client: ClientConnection, at: Instant, deadline: Deadline) {
    assert_eq!(client.poll_timeout(), Some(at));
    client.handle_timeout(START + (at.saturating_duration_since(START) - Duration::from_nanos(1)));
    while let Some(event) = client.poll_event() {
        assert!(!matches!(event, Event::Closed(_)), "{event:?}");
    }
    client.handle_timeout(at);
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Timeout(found))) if *found == deadline));
    assert!(client.poll_event().is_none());
}

#[test]
fn head_deadline_runs_from_the_request_to_the_end_of_the_head() {
    expires(http(config()), after(300), Deadline::Head);
    let mut client = http(config());
    client.handle_input(after(200), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    expires(client, after(300), Deadline::Head);
    let mut client = http(config());
    client.handle_input(after(200), HEAD);
    expires(client, after(500), Deadline::Idle);
}

#[test]
fn idle_deadline_is_restarted_by_whole_events_only_unless_bytes_count() {
    for (activity, end) in [(IdleActivity::Events, 340), (IdleActivity::Bytes, 360)] {
        let mut config = config();
        config.timeouts.activity = activity;
        let mut client = http(config);
        client.handle_input(after(20), HEAD);
        client.handle_input(after(40), format!("data: {DELTA}\n\n").as_bytes());
        client.handle_input(after(50), b": a comment\n\n");
        client.handle_input(after(60), b"data: half an ev");
        expires(client, after(end), Deadline::Idle);
    }
}

#[test]
fn idle_deadline_of_a_websocket_runs_from_the_request() {
    let (mut client, mut peer) = websocket(config());
    assert_eq!(client.poll_timeout(), None, "nothing is pending");
    client.send_request_message(after(10), None, "{}").expect("a free lane");
    client.handle_written(after(10), usize::MAX);
    hear(&mut client, &mut peer, 100, Message::Ping(b"x"));
    assert_eq!(client.poll_timeout(), Some(after(310)));
    hear(&mut client, &mut peer, 200, Message::Text(LIMITS));
    expires(client, after(500), Deadline::Idle);
}

/// The end of a request that was abandoned does not restart the clock of the other.
#[test]
fn abandoned_request_does_not_restart_the_idle_deadline() {
    let (mut client, _) = websocket(config());
    client.send_request_message(after(0), Some("a"), "{}").expect("a free lane");
    client.send_request_message(after(10), Some("b"), "{}").expect("a free lane");
    client.handle_written(after(10), usize::MAX);
    client.abandon(after(100), Some("b"));
    expires(client, after(310), Deadline::Idle);
}

#[test]
fn progress_deadline_is_restarted_by_progress_only() {
    let mut config = config();
    config.timeouts.progress = Some(Duration::from_secs(100));
    let (mut client, mut peer) = websocket(config);
    client.send_request_message(after(0), None, "{}").expect("a free lane");
    client.handle_written(after(0), usize::MAX);
    hear(&mut client, &mut peer, 50, Message::Text(CREATED));
    hear(&mut client, &mut peer, 90, Message::Text(LIMITS));
    hear(&mut client, &mut peer, 95, Message::Ping(b""));
    expires(client, after(150), Deadline::Progress);
}

#[test]
fn byte_and_control_deadlines_are_restarted_by_their_own_kind() {
    let mut bytes = config();
    bytes.timeouts.bytes = Some(Duration::from_secs(100));
    let (mut client, mut peer) = websocket(bytes);
    client.send_request_message(after(0), None, "{}").expect("a free lane");
    client.handle_written(after(0), usize::MAX);
    hear(&mut client, &mut peer, 50, Message::Ping(b""));
    expires(client, after(150), Deadline::Bytes);
    let mut control = config();
    control.timeouts.control = Some(Duration::from_secs(100));
    let (mut client, mut peer) = websocket(control);
    hear(&mut client, &mut peer, 50, Message::Pong(b""));
    hear(&mut client, &mut peer, 60, Message::Text(LIMITS));
    expires(client, after(150), Deadline::Control);
}

/// Closing again does not give the peer more time.
#[test]
fn close_deadline_runs_from_the_first_close() {
    let (mut client, _) = websocket(config());
    client.close(START, 1000);
    client.handle_written(START, usize::MAX);
    client.close(START + Duration::from_millis(500), 1000);
    assert_eq!(client.poll_timeout(), Some(after(1)));
    client.handle_timeout(after(1));
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Local))));
}

#[test]
fn pings_have_a_pause() {
    let mut config = config();
    config.ping_interval = Some(Duration::ZERO);
    let (mut client, _) = websocket(config);
    for _ in 0..100 {
        let at = client.poll_timeout().expect("a ping");
        client.handle_timeout(at);
        client.handle_written(at, usize::MAX);
        assert!(client.poll_timeout().is_some_and(|next| next >= at + Duration::from_millis(1)));
    }
}

#[test]
fn pings_are_about_their_interval_apart() {
    let mut config = config();
    config.ping_interval = Some(Duration::from_secs(20));
    let (mut client, _) = websocket(config);
    let mut last = START;
    for _ in 0..100 {
        let at = client.poll_timeout().expect("a ping");
        let apart = at.saturating_duration_since(last);
        assert!((Duration::from_secs(18)..=Duration::from_secs(22)).contains(&apart), "{apart:?}");
        client.handle_timeout(at);
        assert_eq!(client.poll_transmit().len(), 6, "one masked ping");
        client.handle_written(at, usize::MAX);
        last = at;
    }
}

#[test]
fn latest_instant_makes_nothing_spin() {
    let latest = START + Duration::MAX;
    let mut config = config();
    config.ping_interval = Some(Duration::from_secs(1));
    let (mut client, _) = websocket(config);
    client.handle_timeout(latest);
    assert_eq!(client.poll_timeout(), None, "no later deadline exists");
    client.send_request_message(latest, None, "{}").expect("a free lane");
    client.handle_timeout(latest);
    assert_eq!(client.poll_timeout(), None, "no later deadline exists");
    let mut client = http(self::config());
    client.handle_timeout(latest);
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Timeout(Deadline::Head)))));
}

/// While the application does not poll its events, the server cannot be late.
#[test]
fn no_clock_of_the_server_runs_while_no_input_is_wanted() {
    let mut config = config();
    config.max_backlog = 1000;
    let (mut client, mut peer) = websocket(config);
    client.send_request_message(START, None, "{}").expect("a free lane");
    client.handle_written(START, usize::MAX);
    let mut bytes = Vec::new();
    for _ in 0..20 {
        peer.send(Message::Text(DELTA), &mut bytes).expect("a message");
    }
    client.handle_input(after(10), &bytes);
    assert!(!client.wants_input());
    assert_eq!(client.poll_timeout(), None);
    client.handle_timeout(after(100_000));
    let mut events = 0;
    while let Some(event) = client.poll_event() {
        assert!(matches!(event, Event::Server(_)), "{event:?}");
        events += 1;
    }
    assert_eq!(events, 20);
    assert!(client.wants_input());
    // The deadline that had passed is not reported; it begins anew.
    client.handle_timeout(after(200_000));
    expires(client, after(200_300), Deadline::Idle);
}

/// The same of a client with its requests.
#[test]
fn no_clock_of_a_request_runs_while_no_input_is_wanted() {
    use turnwire::client::{Client, Credentials, Provider, Settings, SocketCommand};
    use turnwire::responses::{CreateResponse, Item};

    for concurrent in [1, 4] {
        let mut provider = Provider::new("test", "http://localhost:1/v1");
        provider.capabilities.websocket = false;
        provider.capabilities.max_concurrent_requests = concurrent;
        let mut settings = Settings::default();
        settings.connection.max_backlog = 1000;
        let mut client = Client::new(provider, Credentials::None, settings, [3; 32]).expect("a provider");
        client.send(START, CreateResponse::new("m", vec![Item::user("hi")])).expect("a request");
        assert!(matches!(client.poll_socket(), Some(SocketCommand::Connect(_))));
        client.handle_connected(START);
        client.handle_written(START, usize::MAX);
        client.handle_input(START, HEAD);
        client.handle_input(START, format!("data: {DELTA}\n\n").repeat(20).as_bytes());
        assert!(!client.wants_input());
        assert_eq!(client.poll_timeout(), None);
        client.handle_timeout(after(100_000));
        while client.poll_event().is_some() {}
        assert!(client.wants_input());
        client.handle_timeout(after(200_000));
        assert!(client.poll_event().is_none() && client.has_pending_requests());
        assert_eq!(client.poll_timeout(), Some(after(200_300)));
        client.handle_timeout(after(200_300));
        assert!(client.poll_event().is_some(), "now the server is late");
    }
}

#[test]
fn bytes_without_a_request_close_an_http_connection() {
    let mut fresh = ClientConnection::new(config(), Transport::Http, [1; 32]);
    fresh.handle_input(START, b"H");
    assert!(matches!(fresh.poll_event(), Some(Event::Closed(CloseReason::Unsolicited))));
    let mut used = http(config());
    used.handle_input(START, b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(used.poll_event(), Some(Event::Body { .. })));
    assert!(matches!(used.poll_event(), Some(Event::End { reusable: true })));
    used.handle_input(START, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(used.poll_event(), Some(Event::Closed(CloseReason::Unsolicited))));
    assert_eq!(used.send_request(START, post()), Err(CommandError::Closed));
}

/// The rest of a body is discarded up to 256 KiB; beyond that, the connection is not used again.
#[test]
fn rest_of_a_body_is_discarded_up_to_a_limit() {
    let end = r#"data: {"type":"response.completed","response":{"id":"r"}}"#.to_owned() + "\n\n";
    for (rest, reusable) in [(0, true), (262_144, true), (262_145, false), (1_000_000, false)] {
        let mut client = http(config());
        let length = end.len() + rest;
        client.handle_input(START, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{end}").as_bytes());
        for _ in 0..rest / 1000 {
            client.handle_input(START, &[b'x'; 1000]);
        }
        client.handle_input(START, &vec![b'x'; rest % 1000]);
        let mut ends = Vec::new();
        while let Some(event) = client.poll_event() {
            if let Event::End { reusable } = event {
                ends.push(reusable);
            }
        }
        assert_eq!(ends, [reusable], "{rest} bytes");
    }
}

/// An event that the end of its body has cut is not continued by the next response.
#[test]
fn nothing_of_a_response_is_left_for_the_next() {
    let mut client = http(config());
    let cut = format!("data: {DELTA}\n\nevent: half\ndata: {{\"type\":\"response.fai");
    client.handle_input(START, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{cut}", cut.len()).as_bytes());
    while let Some(event) = client.poll_event() {
        assert!(matches!(event, Event::Head { .. } | Event::Server(_) | Event::End { reusable: true }), "{event:?}");
    }
    client.send_request(START, post()).expect("a reusable connection");
    let next = format!("data: {DELTA}\n\n");
    client.handle_input(START, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{next}", next.len()).as_bytes());
    assert!(matches!(client.poll_event(), Some(Event::Head { .. })));
    match client.poll_event() {
        Some(Event::Server(event)) => assert_eq!(event.raw(), Some(DELTA)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn framing_headers_of_the_application_are_not_sent() {
    let mut headers = Headers::new();
    let own = [("host", "evil"), ("Content-Length", "99"), ("transfer-encoding", "chunked"), ("CONNECTION", "close")];
    for (name, value) in own {
        headers.append(name, value).expect("a header");
    }
    headers.append("x-kept", "1").expect("a header");
    let mut client = ClientConnection::new(config(), Transport::Http, [1; 32]);
    let request = OutgoingRequest::new("/", headers, b"{}".to_vec(), ExpectedBody::Whole);
    client.send_request(START, request).expect("a fresh connection");
    let sent = String::from_utf8(client.poll_transmit().to_vec()).expect("text").to_ascii_lowercase();
    assert_eq!((sent.matches("host:").count(), sent.matches("content-length:").count()), (1, 1), "{sent}");
    assert!(sent.contains("x-kept: 1\r\n") && sent.contains("host: localhost\r\n"), "{sent}");
    assert!(!sent.contains("evil") && !sent.contains("99") && !sent.contains("chunked") && !sent.contains("close"));
}
