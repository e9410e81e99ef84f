//! What ends a message, and how fast one must come: at the rate that is asked for, at the limit, and at an end inside.

use core::time::Duration;

use turnwire::connection::client::{self, Event};
use turnwire::connection::{
    ClientConnection, CloseReason, Deadline, ExpectedBody, OutgoingRequest, ServerConnection, Transport, server,
};
use turnwire::http::Headers;
use turnwire::time::Instant;

const START: Instant = Instant::ZERO;

fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

fn client(config: client::Config, expect: ExpectedBody) -> ClientConnection {
    let mut client = ClientConnection::new(config, Transport::Http, [1; 32]);
    let request = OutgoingRequest::new("/", Headers::new(), b"{}".to_vec(), expect);
    client.send_request(START, request).expect("a fresh connection");
    client.handle_written(START, usize::MAX);
    client
}

/// The status and the body that a client delivers, or the reason for which it closes.
fn delivered(client: &mut ClientConnection) -> Result<(u16, usize), CloseReason> {
    loop {
        match client.poll_event() {
            Some(Event::Body { head, body }) => return Ok((head.status(), body.len())),
            Some(Event::Closed(reason)) => return Err(reason.clone()),
            Some(_) => {}
            None => panic!("neither a body nor the end"),
        }
    }
}

fn received(config: client::Config, bytes: &str) -> Result<(u16, usize), CloseReason> {
    let mut client = client(config, ExpectedBody::Whole);
    client.handle_input(START, bytes.as_bytes());
    delivered(&mut client)
}

fn config() -> client::Config {
    client::Config::new("localhost")
}

#[test]
fn head_of_a_response_must_come_in_its_time() {
    let mut limits = config();
    (limits.timeouts.head, limits.timeouts.idle) = (Some(Duration::from_secs(5)), None);
    let mut http = client(limits.clone(), ExpectedBody::Whole);
    let mut websocket = ClientConnection::new(limits, Transport::WebSocket, [1; 32]);
    websocket.upgrade(START, "/", &Headers::new()).expect("a fresh connection");
    websocket.handle_written(START, usize::MAX);
    for client in [&mut http, &mut websocket] {
        client.handle_input(after(1), b"HTTP/1.1 ");
        assert_eq!(client.poll_timeout(), Some(after(5)));
        client.handle_timeout(after(5));
        assert_eq!(delivered(client), Err(CloseReason::Timeout(Deadline::Head)));
    }
}

/// A body that comes at twice the least rate takes as long as it takes.
#[test]
fn body_at_the_least_rate_has_no_deadline() {
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 204800\r\n\r\n";
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    server.handle_input(START, head.as_bytes());
    for second in 1..=100 {
        if server.poll_timeout().is_some_and(|at| at <= after(second)) {
            server.handle_timeout(after(second));
        }
        assert!(server.poll_event().is_none(), "after {second} s");
        server.handle_input(after(second), &[b'x'; 2048]);
    }
    assert!(matches!(server.poll_event(), Some(server::Event::Request { body, .. }) if body.len() == 204_800));
}

#[test]
fn whole_body_may_be_as_long_as_its_limit() {
    for (length, limit, expected) in
        [(10, 10, Ok((200, 10))), (0, 10, Ok((200, 0))), (11, 10, Err(CloseReason::BodyTooLong { limit: 10 }))]
    {
        let mut limits = config();
        limits.max_body = limit;
        let body = "x".repeat(length);
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        assert_eq!(received(limits.clone(), &text), expected, "{length}");
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        if length > 0 {
            assert_eq!(received(limits, &text), expected, "{length}, chunked");
        }
    }
}

/// What failed is worth knowing even if the rest of the body is not readable; what succeeded must be whole.
#[test]
fn unreadable_coding_is_an_error_of_a_success_only() {
    for (status, coding) in [(200, "br"), (500, "br")] {
        let text = format!("HTTP/1.1 {status} X\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\n{{}}");
        let found = received(config(), &text);
        match status {
            200 => assert!(matches!(found, Err(CloseReason::Http(_))), "{found:?}"),
            _ => assert_eq!(found, Ok((500, 2))),
        }
    }
    for status in [200, 500] {
        let mut coded = config();
        coded.gzip = Some(turnwire::http::gzip::Limits::default());
        let text = format!("HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nno gzip here");
        let found = received(coded, &text);
        match status {
            200 => assert!(matches!(found, Err(CloseReason::Http(_))), "{found:?}"),
            _ => assert_eq!(found, Ok((500, 0))),
        }
    }
}

#[test]
fn end_inside_a_head_is_a_truncation_and_one_between_heads_is_not() {
    let close = |server: &mut ServerConnection| match server.poll_event() {
        Some(server::Event::Closed(reason)) => reason.clone(),
        other => panic!("{other:?}"),
    };
    for (bytes, expected) in [("", CloseReason::Eof), ("POST / HT", CloseReason::Truncated)] {
        let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
        server.handle_input(START, bytes.as_bytes());
        server.handle_eof(START);
        assert_eq!(close(&mut server), expected, "{bytes:?}");
    }
    for (bytes, expected) in [("", CloseReason::Eof), ("HTTP/1.1 2", CloseReason::Truncated)] {
        let mut client = client(config(), ExpectedBody::Whole);
        client.handle_input(START, bytes.as_bytes());
        client.handle_eof(START);
        let found = delivered(&mut client).expect_err("no body");
        let is_truncated = matches!(found, CloseReason::Truncated)
            || matches!(found, CloseReason::Http(turnwire::http::Error::Truncated));
        assert_eq!(is_truncated, expected == CloseReason::Truncated, "{bytes:?}: {found:?}");
    }
}

/// A request that is rejected by its head: the response to `HEAD` has no body, that to any other has one.
#[test]
fn announced_head_is_answered_as_its_method_demands() {
    for (method, has_body) in [("POST", true), ("HEAD", false)] {
        let mut config = server::Config::new();
        config.announce_heads = true;
        let mut server = ServerConnection::new(config, [2; 32]);
        let head = format!("{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n");
        server.handle_input(START, head.as_bytes());
        assert!(matches!(server.poll_event(), Some(server::Event::Head { .. })));
        server.respond(START, 413, &Headers::new(), b"too long").expect("a head waits");
        assert_eq!(server.poll_transmit().ends_with(b"\r\n\r\ntoo long"), has_body, "{method}");
    }
}
