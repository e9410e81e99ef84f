//! The server role: the end of each request, and the framing of responses.

use core::time::Duration;

use turnwire::connection::{CloseReason, CommandError, ServerConnection, server};
use turnwire::http::{self, Headers};
use turnwire::time::Instant;
use turnwire::turn::RequestState;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::chunks::Chunks;

pub(super) const NOW: Instant = Instant::ZERO;

pub(super) fn after(millis: u64) -> Instant {
    NOW + Duration::from_millis(millis)
}

pub(super) fn server() -> ServerConnection {
    ServerConnection::new(server::Config::new(), [2; 32])
}

/// Creates a server with an open WebSocket.
pub(super) fn websocket(config: server::Config) -> ServerConnection {
    let mut server = ServerConnection::new(config, [2; 32]);
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    server.handle_input(NOW, [head, key].concat().as_bytes());
    assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
    server.accept(NOW, &Headers::new()).expect("an upgrade");
    server.handle_written(NOW, usize::MAX);
    server
}

pub(super) fn message(text: &str) -> Vec<u8> {
    let (mut socket, mut bytes) = (WebSocket::new(Role::Client, Limits::default(), None, [3; 32]), Vec::new());
    socket.send(Message::Text(text), &mut bytes).expect("a message");
    bytes
}

/// Returns a server's events for these bytes, if it responds to each request with this status: targets of requests and
/// upgrades, and the close reason. Returns also its output.
fn serve(bytes: &[u8], cut: &Chunks, status: u16) -> (Vec<String>, String) {
    let mut server = server();
    let (mut said, mut written) = (Vec::new(), Vec::new());
    for read in cut.cut(bytes) {
        server.handle_input(NOW, read);
        loop {
            match server.poll_event() {
                Some(server::Event::Request { head, body }) => {
                    said.push(format!("{} {} {}", head.method(), head.target(), body.len()));
                }
                Some(server::Event::Upgrade { head }) => said.push(format!("upgrade {}", head.target())),
                Some(server::Event::Closed(reason)) => {
                    said.push(format!("closed: {reason}"));
                    continue;
                }
                Some(other) => panic!("{other:?}"),
                None => break,
            }
            match status {
                101 => server.accept(NOW, &Headers::new()).expect("an upgrade waits"),
                status => server.respond(NOW, status, &Headers::new(), b"no").expect("a request waits"),
            }
        }
        written.extend_from_slice(server.poll_transmit());
        server.handle_written(NOW, usize::MAX);
    }
    (said, String::from_utf8(written).expect("text"))
}

/// The same for all splits.
fn served(bytes: &[u8], status: u16) -> (Vec<String>, String) {
    let whole = serve(bytes, &Chunks::Whole, status);
    for size in [1, 2, 3, 7, 50] {
        assert_eq!(serve(bytes, &Chunks::Size(size), status), whole, "in reads of {size} bytes");
    }
    whole
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// An upgrade request with a body is never followed by another request: its body could be parsed as one.
#[test]
fn body_of_an_upgrade_request_is_never_read_as_a_request() {
    let handshake =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let length = format!("Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    for method in ["GET", "POST", "HEAD"] {
        for connection in ["Connection: Upgrade\r\n", "Connection: keep-alive, Upgrade\r\n", ""] {
            for body in [&length, &chunked] {
                let start = format!("{method} /socket HTTP/1.1\r\nHost: localhost\r\n");
                let bytes = [&start, connection, handshake, body, SMUGGLED].concat();
                for status in [101, 200, 400, 404, 426] {
                    let (said, written) = served(bytes.as_bytes(), status);
                    assert_eq!(said, ["upgrade /socket", "closed: this end closed the connection"], "{bytes}");
                    assert!(written.to_ascii_lowercase().contains("connection: close\r\n"), "{written}");
                }
            }
        }
    }
}

/// Without a body, the connection goes on with the next request after a rejection.
#[test]
fn refused_upgrade_without_a_body_keeps_the_connection() {
    let upgrade = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    for length in ["", "Content-Length: 0\r\n"] {
        let bytes = format!("{upgrade}{length}\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(served(bytes.as_bytes(), 426).0, ["upgrade /socket", "GET /next 0"]);
    }
}

#[test]
fn upgrade_in_http_1_0_is_a_plain_request() {
    let bytes = "GET /socket HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(served(bytes.as_bytes(), 200).0, ["GET /socket 3", "closed: this end closed the connection"]);
}

#[test]
fn request_without_exactly_one_host_is_refused() {
    for (version, hosts, fits) in
        [("1.1", 0, false), ("1.1", 1, true), ("1.1", 2, false), ("1.0", 0, true), ("1.0", 1, true), ("1.0", 2, false)]
    {
        let host = "Host: localhost\r\n".repeat(hosts);
        let bytes = format!("GET / HTTP/{version}\r\n{host}\r\n");
        let (said, written) = served(bytes.as_bytes(), 200);
        if fits {
            assert_eq!(said[0], "GET / 0");
        } else {
            assert_eq!(said, ["closed: the request does not have exactly one host header"]);
            assert!(written.starts_with("HTTP/1.1 400 "), "{written}");
        }
    }
}

#[test]
fn head_that_is_too_long_is_answered_431() {
    let line = format!("x: {}\r\n", "y".repeat(1000));
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}", line.repeat(100));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "x: y\r\n".repeat(200));
    for bytes in [long, many] {
        let (said, written) = serve(bytes.as_bytes(), &Chunks::Size(1000), 200);
        assert!(said.len() == 1 && said[0].starts_with("closed: the head "), "{said:?}");
        assert!(written.starts_with("HTTP/1.1 431 ") && written.contains("Connection: close\r\n"), "{written}");
    }
    assert!(served(b"nonsense\r\n\r\n", 200).1.starts_with("HTTP/1.1 400 "));
}

#[test]
fn body_may_be_as_long_as_the_limit() {
    for (length, fits) in [(99, true), (100, true), (101, false)] {
        let body = "x".repeat(length);
        let stated = format!("Content-Length: {length}\r\n\r\n{body}");
        let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        let halves = format!(
            "Transfer-Encoding: chunked\r\n\r\n32\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            &body[..50],
            length - 50,
            &body[50..]
        );
        for rest in [stated, chunked, halves] {
            let mut config = server::Config::new();
            config.max_body = 100;
            let mut server = ServerConnection::new(config, [2; 32]);
            server.handle_input(NOW, format!("POST / HTTP/1.1\r\nHost: localhost\r\n{rest}").as_bytes());
            match server.poll_event() {
                Some(server::Event::Request { body, .. }) => assert!(fits && body.len() == length),
                Some(server::Event::Closed(reason)) => {
                    assert_eq!((fits, reason), (false, &CloseReason::BodyTooLong { limit: 100 }));
                    assert!(server.poll_transmit().starts_with(b"HTTP/1.1 413 "));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A body whose announced length is too large is rejected before any of it is read.
#[test]
fn announced_body_over_the_limit_is_refused_at_its_head() {
    let mut server = server();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 67108865\r\n\r\n";
    server.handle_input(NOW, head.as_bytes());
    assert!(server.poll_transmit().starts_with(b"HTTP/1.1 413 "));
}

/// Decodes responses independently: each must end where the next begins.
fn responses(methods: &[&str], mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    for method in methods {
        let head = http::HeadDecoder::<http::Response>::new(http::HeadLimits::default())
            .decode(&mut bytes)
            .expect("a response")
            .expect("a whole head");
        let mut decoder = http::BodyDecoder::response(method, &head, http::BodyLimits::default()).expect("a framing");
        assert_ne!(decoder.framing(), http::Framing::CloseDelimited, "{head:?}");
        let mut body = Vec::new();
        loop {
            match decoder.decode(&mut bytes).expect("a body") {
                Some(http::BodyPart::Data(data)) => body.extend_from_slice(data),
                Some(http::BodyPart::End(_)) => break,
                None => panic!("the body of {head:?} is cut"),
            }
        }
        found.push((head.status(), body));
    }
    assert!(bytes.is_empty(), "{} bytes are left over", bytes.len());
    found
}

pub(super) fn request(method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
}

/// Statuses and methods whose responses have no body: the application's body is not sent.
#[test]
fn response_without_a_body_leaves_nothing_for_the_next() {
    let mut server = server();
    server.handle_input(NOW, ["GET", "HEAD", "GET", "GET", "HEAD"].map(request).concat().as_bytes());
    for status in [204, 200, 304, 200, 404] {
        assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })), "{status}");
        server.respond(NOW, status, &Headers::new(), b"body").expect("a request waits");
    }
    assert_eq!(
        responses(&["GET", "HEAD", "GET", "GET", "HEAD"], server.poll_transmit()),
        [(204, vec![]), (200, vec![]), (304, vec![]), (200, b"body".to_vec()), (404, vec![])]
    );
}

#[test]
fn event_stream_for_head_has_no_body() {
    let mut server = server();
    server.handle_input(NOW, ["HEAD", "GET"].map(request).concat().as_bytes());
    for _ in 0..2 {
        assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
        server.begin_stream(NOW, &Headers::new()).expect("a request waits");
        server.send(NOW, r#"{"type":"response.created"}"#).expect("an event");
        server.send_keep_alive(NOW).expect("a stream");
        server.end_stream(NOW).expect("a stream");
    }
    let found = responses(&["HEAD", "GET"], server.poll_transmit());
    assert!(found[0].1.is_empty() && found[1].1.starts_with(b"event: response.created\n"), "{found:?}");
}

#[test]
fn event_stream_for_http_1_0_ends_with_the_connection() {
    let mut server = server();
    server.handle_input(NOW, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
    server.begin_stream(NOW, &Headers::new()).expect("a request waits");
    server.send(NOW, r#"{"type":"x"}"#).expect("an event");
    server.end_stream(NOW).expect("a stream");
    let written = String::from_utf8(server.poll_transmit().to_vec()).expect("text");
    assert!(written.contains("\r\nConnection: close\r\n") && !written.contains("chunked"), "{written}");
    assert!(written.ends_with("\r\n\r\nevent: x\ndata: {\"type\":\"x\"}\n\n"), "{written}");
    assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Local))));
}

#[test]
fn response_to_http_1_0_says_that_the_connection_stays() {
    let bytes = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let (said, written) = served(bytes, 200);
    assert_eq!(said, ["GET / 0", "GET / 0", "closed: this end closed the connection"]);
    assert_eq!(written.matches("Connection: keep-alive\r\n").count(), 1, "{written}");
    assert_eq!(written.matches("Connection: close\r\n").count(), 1, "{written}");
}

#[test]
fn connection_close_ends_the_connection_after_its_response() {
    let closing = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let (said, written) = served([closing, SMUGGLED].concat().as_bytes(), 200);
    assert_eq!(said, ["POST / 0", "closed: this end closed the connection"]);
    assert_eq!(written.matches("Connection: close\r\n").count(), 1, "{written}");
}

#[test]
fn framing_headers_of_the_application_are_not_sent() {
    let mut headers = Headers::new();
    let framing = [("Content-Length", "99"), ("transfer-encoding", "gzip, chunked"), ("CONNECTION", "close")];
    for (name, value) in framing {
        headers.append(name, value).expect("a header");
    }
    headers.append("x-kept", "1").expect("a header");
    let mut server = server();
    server.handle_input(NOW, [request("GET"), request("GET")].concat().as_bytes());
    assert!(server.poll_event().is_some());
    server.respond(NOW, 200, &headers, b"body").expect("a request waits");
    assert!(server.poll_event().is_some());
    server.begin_stream(NOW, &headers).expect("a request waits");
    server.end_stream(NOW).expect("a stream");
    let written = String::from_utf8(server.poll_transmit().to_vec()).expect("text").to_ascii_lowercase();
    assert_eq!(written.matches("x-kept: 1\r\n").count(), 2, "{written}");
    assert!(!written.contains("99") && !written.contains("gzip") && !written.contains("connection:"), "{written}");
    assert_eq!(responses(&["GET", "GET"], server.poll_transmit()).len(), 2);
}

#[test]
fn handshake_headers_of_the_application_are_not_sent_twice() {
    let mut headers = Headers::new();
    let own = [
        ("Content-Length", "5"),
        ("Connection", "close"),
        ("upgrade", "h2c"),
        ("Sec-WebSocket-Accept", "x"),
        ("sec-websocket-extensions", "x"),
        ("x-kept", "1"),
    ];
    for (name, value) in own {
        headers.append(name, value).expect("a header");
    }
    let mut client = turnwire::connection::ClientConnection::new(
        turnwire::connection::client::Config::new("localhost"),
        turnwire::connection::Transport::WebSocket,
        [1; 32],
    );
    client.upgrade(NOW, "/", &headers).expect("a handshake");
    let sent = String::from_utf8(client.poll_transmit().to_vec()).expect("text").to_ascii_lowercase();
    assert!(sent.contains("x-kept: 1\r\n") && !sent.contains("content-length") && !sent.contains("h2c"), "{sent}");
    let mut server = server();
    server.handle_input(NOW, client.poll_transmit());
    assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
    server.accept(NOW, &headers).expect("an upgrade");
    client.handle_input(NOW, server.poll_transmit());
    match client.poll_event() {
        Some(turnwire::connection::client::Event::Upgraded { head }) => assert!(head.headers.contains("x-kept")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn handshake_with_subprotocols_selects_the_first_of_the_server_and_never_another() {
    let upgrade = |requested: &str| {
        let mut headers = Headers::new();
        headers.append("Sec-WebSocket-Protocol", requested).expect("a header");
        let request = turnwire::ws::handshake::build_request("/", "localhost", [1; 16], &headers, None);
        let mut bytes = Vec::new();
        http::encode_request(&request.expect("a request"), &mut bytes);
        let mut config = server::Config::new();
        config.subprotocols = vec!["realtime".into(), "other".into()];
        let mut server = ServerConnection::new(config, [2; 32]);
        server.handle_input(NOW, &bytes);
        assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
        server.accept(NOW, &Headers::new()).expect("an upgrade");
        let sent = String::from_utf8(server.poll_transmit().to_vec()).expect("text");
        let line = sent.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        line.map(str::to_owned)
    };
    assert_eq!(upgrade("other, realtime, key.sk-1").as_deref(), Some("realtime"));
    assert_eq!(upgrade("key.sk-1, other").as_deref(), Some("other"));
    assert_eq!(upgrade("key.sk-1"), None);
}

#[test]
fn interim_status_is_no_response() {
    let mut server = server();
    server.handle_input(NOW, request("GET").as_bytes());
    assert!(server.poll_event().is_some());
    for status in [100, 101, 103, 199] {
        assert_eq!(server.respond(NOW, status, &Headers::new(), b""), Err(CommandError::Head));
    }
    assert!(server.poll_transmit().is_empty(), "nothing was sent");
    assert_eq!(server.respond(NOW, 200, &Headers::new(), b""), Ok(()));
}

/// Bytes after a request wait for its response, and no more input is wanted meanwhile.
#[test]
fn input_behind_a_pending_request_is_held_and_not_wanted() {
    let mut server = server();
    server.handle_input(NOW, request("GET").as_bytes());
    assert!(server.poll_event().is_some() && server.wants_input());
    let next = "POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    for byte in next.as_bytes() {
        server.handle_input(NOW, &[*byte]);
        assert!(!server.wants_input() && server.poll_event().is_none());
    }
    server.respond(NOW, 200, &Headers::new(), b"").expect("a request waits");
    match server.poll_event() {
        Some(server::Event::Request { head, body: b"hello" }) => assert_eq!(head.target(), "/next"),
        other => panic!("{other:?}"),
    }
    assert!(server.wants_input());
}

#[test]
fn binary_message_closes_with_code_1003() {
    let mut server = websocket(server::Config::new());
    let (mut socket, mut bytes) = (WebSocket::new(Role::Client, Limits::default(), None, [3; 32]), Vec::new());
    socket.send(Message::Binary(b"x"), &mut bytes).expect("a message");
    server.handle_input(NOW, &bytes);
    assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Binary))));
    assert_eq!(server.poll_transmit(), [0x88, 2, 3, 0xEB]);
}

#[test]
fn requests_in_flight_are_lost_with_the_connection() {
    let mut server = websocket(server::Config::new());
    server.handle_input(NOW, &message(r#"{"type":"response.create","stream_id":"a"}"#));
    assert_eq!(server.state(Some("a")), RequestState::Requested);
    server.handle_eof(NOW);
    assert_eq!(server.state(Some("a")), RequestState::Lost);
}
