//! A connection without a client makes no allocation for a text delta, from the bytes to the polled event.

use allocation_counter::measure;
use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport,
    client::{self, Event},
    server,
};
use turnwire::http::Headers;
use turnwire::responses::EventData;
use turnwire::time::Instant;

const NOW: Instant = Instant::ZERO;

/// Creates a client and a server connection with a response in progress.
pub(crate) fn begun(transport: Transport) -> (ClientConnection, ServerConnection) {
    let mut client = ClientConnection::new(client::Config::new("localhost"), transport, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    match transport {
        Transport::Http => {
            let post = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
            client.send_request(NOW, post).expect("it is idle");
            server.handle_input(NOW, client.poll_transmit());
            assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
            server.begin_stream(NOW, &Headers::new()).expect("a request waits");
        }
        Transport::WebSocket => {
            client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("it is fresh");
            server.handle_input(NOW, &written(&mut client));
            assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
            server.accept(NOW, &Headers::new()).expect("it was asked for");
            client.handle_input(NOW, &answered(&mut server));
            client.send_request_message(NOW, None, r#"{"type":"response.create"}"#).expect("it is idle");
            server.handle_input(NOW, client.poll_transmit());
            while server.poll_event().is_some() {}
        }
    }
    (client, server)
}

fn written(client: &mut ClientConnection) -> Vec<u8> {
    let bytes = client.poll_transmit().to_vec();
    client.handle_written(NOW, bytes.len());
    bytes
}

fn answered(server: &mut ServerConnection) -> Vec<u8> {
    let bytes = server.poll_transmit().to_vec();
    server.handle_written(NOW, bytes.len());
    bytes
}

/// Feeds reads of 1 400 bytes, which split events, and polls every event. Returns the bytes of the deltas.
fn take(client: &mut ClientConnection, bytes: &[u8]) -> usize {
    let mut text = 0;
    for read in bytes.chunks(1400) {
        client.handle_input(NOW, read);
        while let Some(event) = client.poll_event() {
            if let Event::Server(event) = &event
                && let EventData::OutputTextDelta { delta, .. } = &event.data
            {
                text += delta.len();
            }
        }
    }
    text
}

fn a_delta_allocates_nothing(transport: Transport) {
    let (mut client, mut server) = begun(transport);
    let created = r#"{"type":"response.created","response":{"id":"resp_a"}}"#;
    server.send(NOW, created).expect("the stream is open");
    let mut deltas = Vec::new();
    for _ in 0..2 {
        for number in 0..200 {
            let delta = format!(
                r#"{{"type":"response.output_text.delta","content_index":0,"delta":"été","item_id":"msg_1","output_index":0,"sequence_number":{number}}}"#
            );
            server.send(NOW, &delta).expect("the stream is open");
        }
        deltas.push(answered(&mut server));
    }
    assert_eq!(take(&mut client, &deltas[0]), 200 * "été".len(), "warming");
    let made = measure(|| assert_eq!(take(&mut client, &deltas[1]), 200 * "été".len()));
    assert_eq!(made.count_total, 0);
}

#[test]
fn connection_delta_over_event_stream_allocates_nothing() {
    a_delta_allocates_nothing(Transport::Http);
}

#[test]
fn connection_delta_over_websocket_allocates_nothing() {
    a_delta_allocates_nothing(Transport::WebSocket);
}
