//! The memory of a server's HTTP connection that waits for the next request.

use allocation_counter::measure;
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::time::Instant;

const NOW: Instant = Instant::ZERO;

#[test]
fn server_holds_nothing_of_the_last_request_and_response() {
    let body = format!(r#"{{"model":"gpt-x","input":"{}"}}"#, "word ".repeat(2000));
    let request = format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut server = None;
    measure(|| {
        let server = server.insert(ServerConnection::new(server::Config::new(), [2; 32]));
        for _ in 0..3 {
            for part in request.as_bytes().chunks(1400) {
                server.handle_input(NOW, part);
            }
            assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
            assert!(server.poll_event().is_none());
            server.begin_stream(NOW, &Headers::new()).expect("a request waits");
            server.send(NOW, r#"{"type":"response.created","response":{"id":"r"}}"#).expect("it is open");
            for number in 0..100 {
                let event = format!(r#"{{"type":"response.output_text.delta","item_id":"m","delta":"word {number}"}}"#);
                server.send(NOW, &event).expect("it is open");
            }
            server.send(NOW, r#"{"type":"response.completed","response":{"id":"r"}}"#).expect("it is open");
            server.end_stream(NOW).expect("a stream is open");
            while !server.poll_transmit().is_empty() {
                server.handle_written(NOW, 1000);
            }
        }
    });
    let held = -measure(|| drop(server)).bytes_current;
    assert!(held <= 1024, "the server holds {held} bytes");
}
