//! The end of a connection: orderly, or by a loss (RFC 9112 §9.8).

use turnwire::client::{Client, Credentials, Event as ClientEvent, Outcome, Provider, Settings, SocketCommand};
use turnwire::connection::client::{self, Event};
use turnwire::connection::{
    ClientConnection, CloseReason, ExpectedBody, LossReason, OutgoingRequest, ServerConnection, Transport, server,
};
use turnwire::http::Headers;
use turnwire::responses::{CreateResponse, FailureKind, Item};
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

const NOW: Instant = Instant::ZERO;

fn reset() -> LossReason {
    LossReason::Network("connection reset by peer".into())
}

fn broken_tls() -> LossReason {
    LossReason::Tls("cannot decrypt peer's message".into())
}

/// Returns a client's events for these bytes, which end in this way.
fn said(transport: Transport, expected: ExpectedBody, bytes: &[u8], lost: Option<LossReason>) -> Vec<String> {
    let mut client = ClientConnection::new(client::Config::new("localhost"), transport, [1; 32]);
    match transport {
        Transport::Http => {
            let request = OutgoingRequest::new("/", Headers::new(), b"{}".to_vec(), expected);
            client.send_request(NOW, request).expect("a fresh connection");
        }
        Transport::WebSocket => client.upgrade(NOW, "/", &Headers::new()).expect("a fresh connection"),
    }
    client.handle_input(NOW, bytes);
    match lost {
        None => client.handle_eof(NOW),
        Some(reason) => client.handle_lost(NOW, reason),
    }
    let mut said = Vec::new();
    while let Some(event) = client.poll_event() {
        said.push(match event {
            Event::Body { head, body } | Event::Rejected { head, body } => {
                format!("{} {}", head.status(), String::from_utf8_lossy(body))
            }
            Event::Server(event) => event.kind().to_owned(),
            Event::End { reusable } => format!("end {reusable}"),
            Event::Closed(reason) => format!("closed: {reason}"),
            Event::Head { .. } => continue,
            other => panic!("{other:?}"),
        });
    }
    said
}

#[test]
fn body_that_ends_with_the_connection_is_whole_after_an_orderly_end_only() {
    let bytes = b"HTTP/1.1 200 OK\r\n\r\n{\"a\":";
    let whole = said(Transport::Http, ExpectedBody::Whole, bytes, None);
    assert_eq!(whole, ["200 {\"a\":", "end false", "closed: the peer closed the socket"]);
    for (reason, words) in [
        (reset(), "network error: connection reset by peer"),
        (broken_tls(), "tls error: cannot decrypt peer's message"),
    ] {
        let lost = said(Transport::Http, ExpectedBody::Whole, bytes, Some(reason));
        assert_eq!(lost, [format!("closed: {words}")]);
    }
}

#[test]
fn event_stream_that_ends_with_the_connection_is_whole_after_an_orderly_end_only() {
    let bytes = b"HTTP/1.1 200 OK\r\n\r\ndata: {\"type\":\"response.queued\"}\n\n";
    let whole = said(Transport::Http, ExpectedBody::EventStream, bytes, None);
    assert_eq!(whole, ["response.queued", "end false", "closed: the peer closed the socket"]);
    let lost = said(Transport::Http, ExpectedBody::EventStream, bytes, Some(reset()));
    assert_eq!(lost, ["response.queued", "closed: network error: connection reset by peer"]);
}

/// A loss after the terminal event does not affect the response.
#[test]
fn loss_after_the_last_event_does_not_change_the_response() {
    let event = r#"data: {"type":"response.completed","response":{"id":"r"}}"#;
    for head in ["", "Transfer-Encoding: chunked\r\n", "Content-Length: 500\r\n"] {
        let body = match head.contains("chunked") {
            true => format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2),
            false => format!("{event}\n\n"),
        };
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
        let lost = said(Transport::Http, ExpectedBody::EventStream, bytes.as_bytes(), Some(reset()));
        assert_eq!(lost[..2], ["response.completed", "end false"], "{head}");
    }
}

#[test]
fn framed_body_that_is_cut_is_never_whole() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello");
        let cut = said(Transport::Http, ExpectedBody::Whole, &bytes.as_bytes()[..bytes.len() - 1], None);
        assert_eq!(cut, ["closed: the peer closed the socket inside a message"], "{head}");
        let lost = said(Transport::Http, ExpectedBody::Whole, &bytes.as_bytes()[..bytes.len() - 1], Some(reset()));
        assert_eq!(lost, ["closed: network error: connection reset by peer"], "{head}");
    }
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let lost = said(Transport::Http, ExpectedBody::Whole, whole, Some(reset()));
    assert_eq!(lost, ["200 {}", "end true", "closed: network error: connection reset by peer"]);
}

/// A partial error body is more useful than an error about the missing rest.
#[test]
fn partial_error_body_is_delivered_after_a_loss() {
    let bytes = b"HTTP/1.1 500 Oops\r\n\r\nnot toda";
    let lost = said(Transport::Http, ExpectedBody::EventStream, bytes, Some(reset()));
    assert_eq!(lost[0], "500 not toda");
    let refused = said(Transport::WebSocket, ExpectedBody::Whole, b"HTTP/1.1 403 No\r\n\r\nno", Some(reset()));
    assert_eq!(refused[0], "403 no");
}

#[test]
fn loss_inside_a_head_or_a_handshake_is_a_loss() {
    for transport in [Transport::Http, Transport::WebSocket] {
        for bytes in [&b""[..], b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nx: "] {
            let lost = said(transport, ExpectedBody::EventStream, bytes, Some(reset()));
            assert_eq!(lost, ["closed: network error: connection reset by peer"], "{transport:?} {bytes:?}");
        }
    }
}

/// A client and a server whose WebSocket is open.
fn websocket() -> (ClientConnection, ServerConnection) {
    open_websocket(NOW, client::Config::new("localhost"), server::Config::new())
}

#[test]
fn websocket_loss_is_reported_with_reason() {
    let (mut client, mut server) = websocket();
    client.handle_lost(NOW, broken_tls());
    server.handle_lost(NOW, reset());
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Lost(reason))) if *reason == broken_tls()));
    assert!(
        matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Lost(reason))) if *reason == reset())
    );
    // A second report has no effect.
    client.handle_lost(NOW, reset());
    client.handle_eof(NOW);
    assert!(client.poll_event().is_none() && client.is_finished());
}

#[test]
fn websocket_loss_during_closing_handshake_is_not_reported() {
    let (mut client, _) = websocket();
    client.close(NOW, 1000);
    client.handle_lost(NOW, reset());
    assert!(matches!(client.poll_event(), Some(Event::Closed(CloseReason::Local))));
}

/// Code and reason of a close frame are reported, and take precedence over a later loss of the socket.
#[test]
fn close_frame_is_reported_with_code_and_reason() {
    for (code, reason) in [(1008, "policy"), (4001, "token_expired"), (1013, ""), (1000, "line\u{1b}[31m")] {
        let (mut client, _) = websocket();
        let (mut peer, mut bytes) = (WebSocket::new(Role::Server, Limits::default(), None, [3; 32]), Vec::new());
        peer.close(code, reason).expect("a code");
        peer.write_pending_replies(&mut bytes);
        client.handle_input(NOW, &bytes);
        client.handle_lost(NOW, reset());
        let Some(Event::Closed(closed)) = client.poll_event() else { panic!("no end") };
        assert_eq!(closed.peer_close(), Some((code, reason)));
        let words = closed.to_string();
        assert!(words.contains(&code.to_string()) && !words.contains('\u{1b}'), "{words}");
        assert_eq!(words.contains(": "), !reason.is_empty(), "{words}");
    }
}

/// A server whose client disconnects during a request, and between two requests.
#[test]
fn server_reports_loss() {
    let whole = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    for length in [0, 10, whole.len() - 1, whole.len()] {
        let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
        server.handle_input(NOW, &whole.as_bytes()[..length]);
        server.handle_lost(NOW, reset());
        let mut last = None;
        while let Some(event) = server.poll_event() {
            last = Some(format!("{event:?}"));
        }
        assert!(last.is_some_and(|last| last.contains("Lost(Network")), "{length}");
    }
    let (_, mut server) = websocket();
    let (mut peer, mut bytes) = (WebSocket::new(Role::Client, Limits::default(), None, [3; 32]), Vec::new());
    peer.send(Message::Text(r#"{"type":"response.create"}"#), &mut bytes).expect("a message");
    server.handle_input(NOW, &bytes[..bytes.len() - 1]);
    server.handle_eof(NOW);
    assert!(matches!(server.poll_event(), Some(server::Event::Closed(CloseReason::Truncated))));
}

/// Returns the failure of an HTTP request whose response is truncated in this way.
fn failure(lost: Option<LossReason>) -> (FailureKind, String) {
    let mut provider = Provider::new("test", "http://localhost:1/v1");
    provider.retry.max_retries = 0;
    provider.capabilities.websocket = false;
    let mut client = Client::new(provider, Credentials::None, Settings::default(), [3; 32]).expect("a provider");
    client.send(NOW, CreateResponse::new("m", vec![Item::user("hi")])).expect("a request");
    assert!(matches!(client.poll_socket(), Some(SocketCommand::Connect(_))));
    client.handle_connected(NOW);
    client.handle_written(NOW, usize::MAX);
    client.handle_input(NOW, b"HTTP/1.1 200 OK\r\n\r\ndata: {\"type\":\"response.in_progress\",\"response\":{}}\n\n");
    match lost {
        None => client.handle_eof(NOW),
        Some(reason) => client.handle_lost(NOW, reason),
    }
    loop {
        match client.poll_event() {
            Some(ClientEvent::Finished { outcome: Outcome::Failed(failure), .. }) => {
                return (failure.kind, failure.message.clone());
            }
            Some(_) => {}
            None => panic!("no end"),
        }
    }
}

#[test]
fn request_that_is_lost_with_its_tls_session_fails_as_tls() {
    assert_eq!(failure(Some(broken_tls())).0, FailureKind::Tls);
    let (kind, message) = failure(Some(reset()));
    assert_eq!(kind, FailureKind::Stream);
    assert!(message.contains("connection reset by peer"), "{message}");
    assert_eq!(failure(None), (FailureKind::Stream, "stream closed before response.completed".into()));
}
