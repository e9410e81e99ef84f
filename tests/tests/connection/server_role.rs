//! The server's role of a connection: output before a response, and the state after a response that ends early.

use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::turn::RequestState;

const NOW: Instant = Instant::ZERO;

fn server() -> ServerConnection {
    ServerConnection::new(server::Config::new(), [2; 32])
}

fn head(version: &str, lines: &str) -> String {
    format!("POST /v1/responses HTTP/{version}\r\nHost: localhost\r\nContent-Length: 2\r\n{lines}\r\n")
}

#[test]
fn client_that_expects_continue_gets_it_before_it_sends_the_body() {
    for (version, expect, interim) in [
        ("1.1", "Expect: 100-continue\r\n", true),
        ("1.1", "expect: 100-Continue\r\n", true),
        ("1.1", "", false),
        ("1.0", "Expect: 100-continue\r\n", false),
    ] {
        let mut server = server();
        server.handle_input(NOW, head(version, expect).as_bytes());
        assert!(server.poll_event().is_none());
        let written = String::from_utf8_lossy(server.poll_transmit()).into_owned();
        assert_eq!(written.starts_with("HTTP/1.1 100 "), interim, "{version} {expect}: {written}");
        server.handle_written(NOW, usize::MAX);
        server.handle_input(NOW, b"{}");
        assert!(matches!(server.poll_event(), Some(server::Event::Request { body: b"{}", .. })));
        server.respond(NOW, 200, &Headers::new(), b"").expect("a request waits");
        assert!(server.poll_transmit().starts_with(b"HTTP/1.1 200 "));
    }
}

#[test]
fn stream_that_ends_without_a_terminal_event_leaves_its_request_lost() {
    let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
    let completed = r#"{"type":"response.completed","response":{"id":"r"}}"#;
    for (events, expected) in [
        (&[][..], RequestState::Lost),
        (&[created][..], RequestState::Lost),
        (&[created, completed][..], RequestState::Completed),
    ] {
        let mut server = server();
        server.handle_input(NOW, (head("1.1", "") + "{}").as_bytes());
        assert!(server.poll_event().is_some());
        server.begin_stream(NOW, &Headers::new()).expect("a request waits");
        for event in events {
            server.send(NOW, event).expect("a stream");
        }
        assert!(server.state(None) != RequestState::Lost);
        server.end_stream(NOW).expect("a stream");
        assert_eq!(server.state(None), expected, "{events:?}");
        // The next request of the connection is independent.
        server.handle_written(NOW, usize::MAX);
        server.handle_input(NOW, (head("1.1", "") + "{}").as_bytes());
        assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
        assert_eq!(server.state(None), RequestState::Requested);
    }
}
