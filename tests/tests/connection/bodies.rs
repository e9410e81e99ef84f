//! Bodies whose end is known without another byte: the client reports it at once.

use turnwire::connection::client::{self, Event};
use turnwire::connection::{ClientConnection, ExpectedBody, OutgoingRequest, Transport};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire_tests::chunks::Chunks;

const NOW: Instant = Instant::ZERO;

/// Returns the client's events for these bytes, which are equal for each split.
fn said(transport: Transport, expect: ExpectedBody, bytes: &[u8]) -> Vec<String> {
    let says = |cut: &Chunks| {
        let mut client = ClientConnection::new(client::Config::new("localhost"), transport, [1; 32]);
        match transport {
            Transport::Http => client
                .send_request(NOW, OutgoingRequest::new("/", Headers::new(), b"{}".to_vec(), expect))
                .expect("a request"),
            Transport::WebSocket => client.upgrade(NOW, "/", &Headers::new()).expect("a request"),
        }
        for read in cut.cut(bytes) {
            client.handle_input(NOW, read);
        }
        let mut said = Vec::new();
        while let Some(event) = client.poll_event() {
            said.push(match event {
                Event::Rejected { head, body } => {
                    format!("refused {} {}", head.status(), String::from_utf8_lossy(body))
                }
                Event::Body { head, body } => format!("body {} {}", head.status(), String::from_utf8_lossy(body)),
                Event::Server(event) => event.kind().to_owned(),
                Event::End { reusable } => format!("end {reusable}"),
                Event::Closed(closed) => format!("closed: {closed}"),
                _ => continue,
            });
        }
        said
    };
    let whole = says(&Chunks::Whole);
    for cut in Chunks::all(bytes.len()) {
        assert_eq!(says(&cut), whole, "{cut:?}");
    }
    whole
}

#[test]
fn rejected_handshake_is_reported_at_last_byte() {
    let bytes = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(
        said(Transport::WebSocket, ExpectedBody::Whole, bytes),
        ["refused 426 {}", "closed: this end closed the connection"]
    );
}

#[test]
fn collected_body_is_reported_at_last_byte() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(said(Transport::Http, ExpectedBody::Whole, bytes), ["body 200 {}", "end true"]);
}

#[test]
fn stream_with_content_length_ends_at_last_byte() {
    let events = "data: {\"type\":\"response.queued\"}\n\n";
    let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{events}", events.len());
    assert_eq!(said(Transport::Http, ExpectedBody::EventStream, bytes.as_bytes()), ["response.queued", "end true"]);
}

#[test]
fn rest_of_body_after_last_event_is_skipped() {
    let events = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n: bye\n";
    let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{events}", events.len());
    assert_eq!(said(Transport::Http, ExpectedBody::EventStream, bytes.as_bytes()), ["response.completed", "end true"]);
}
