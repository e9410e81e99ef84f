//! A server's connection that has sent some events makes no allocation for a text delta, from the application to the bytes.

use allocation_counter::measure;
use turnwire::connection::{ServerConnection, Transport};
use turnwire::responses::ResponseWriter;
use turnwire::time::Instant;
use turnwire_tests::laws::repeats::delta;

use super::connection;

const NOW: Instant = Instant::ZERO;

/// Creates a server's connection that has sent the first event of a response.
fn begun(transport: Transport) -> ServerConnection {
    let (_, mut server) = connection::begun(transport);
    server.send(NOW, r#"{"type":"response.created","response":{"id":"resp_a"}}"#).expect("the stream is open");
    server.handle_written(NOW, usize::MAX);
    server
}

/// Sends all payloads, and writes what there is to write after each tenth. Returns the number of bytes.
fn send(server: &mut ServerConnection, payloads: &[String]) -> usize {
    let mut bytes = 0;
    for payloads in payloads.chunks(10) {
        for payload in payloads {
            server.send(NOW, payload).expect("the stream is open");
        }
        bytes += server.poll_transmit().len();
        server.handle_written(NOW, usize::MAX);
        let _ = (server.poll_timeout(), server.wants_input(), server.has_event());
    }
    bytes
}

fn a_sent_delta_allocates_nothing(transport: Transport) {
    let mut server = begun(transport);
    let payloads: Vec<String> =
        (0..200).map(|number| delta("\"some \\\"words\\\" é\"", "\"abcdef\"", &number.to_string())).collect();
    let whole: usize = payloads.iter().map(String::len).sum();
    assert!(send(&mut server, &payloads) > whole, "warming");
    let made = measure(|| assert!(send(&mut server, &payloads) > whole));
    assert_eq!(made.count_total, 0, "{made:?}");
}

#[test]
fn sent_delta_over_event_stream_allocates_nothing() {
    a_sent_delta_allocates_nothing(Transport::Http);
}

#[test]
fn sent_delta_over_websocket_allocates_nothing() {
    a_sent_delta_allocates_nothing(Transport::WebSocket);
}

/// Sends deltas of one message with a writer.
fn write(server: &mut ServerConnection, writer: &mut ResponseWriter, deltas: usize) {
    for _ in 0..deltas {
        writer.send_text("msg_1", "some \"words\" é", |event| server.send(NOW, event)).expect("the stream is open");
        server.handle_written(NOW, usize::MAX);
    }
}

#[test]
fn written_delta_allocates_nothing_but_the_whole_text() {
    for transport in [Transport::Http, Transport::WebSocket] {
        let mut server = begun(transport);
        let mut writer = ResponseWriter::new("resp_a", "gpt-x", 7);
        write(&mut server, &mut writer, 100);
        let made = measure(|| write(&mut server, &mut writer, 1000));
        // From 1 700 bytes to 19 000.
        assert!(made.count_total <= 5, "{made:?}");
    }
}
