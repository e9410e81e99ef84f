//! A server's connection that has sent some events makes no allocation for a text delta, from the application to the bytes.

use allocation_counter::measure;
use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport, client, server,
};
use turnwire::http::Headers;
use turnwire::responses::ResponseWriter;
use turnwire::time::Instant;
use turnwire_tests::laws::repeats::delta;

const NOW: Instant = Instant::ZERO;

/// Creates a server's connection with a response in progress.
fn begun(transport: Transport) -> ServerConnection {
    let mut client = ClientConnection::new(client::Config::new("localhost"), transport, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    match transport {
        Transport::Http => {
            let post = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
            client.send_request(NOW, post).expect("it is idle");
            server.handle_input(NOW, client.poll_transmit());
            while server.poll_event().is_some() {}
            server.begin_stream(NOW, &Headers::new()).expect("a request waits");
        }
        Transport::WebSocket => {
            client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("it is fresh");
            server.handle_input(NOW, client.poll_transmit());
            client.handle_written(NOW, usize::MAX);
            while server.poll_event().is_some() {}
            server.accept(NOW, &Headers::new()).expect("it was asked for");
            client.handle_input(NOW, server.poll_transmit());
            client.send_request_message(NOW, None, r#"{"type":"response.create"}"#).expect("it is idle");
            server.handle_input(NOW, client.poll_transmit());
            while server.poll_event().is_some() {}
        }
    }
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
