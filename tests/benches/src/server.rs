//! The server role: text deltas from an application to the bytes that a socket gets.

use std::hint::black_box;

use serde::Serialize;
use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport, client, server,
};
use turnwire::http::Headers;
use turnwire::responses::ResponseWriter;
use turnwire::time::Instant;

use crate::contest::Row;
use crate::workload::Streams;

const NOW: Instant = Instant::ZERO;

/// The number of events between two writes to the socket.
const WRITE: usize = 64;

/// The text deltas of the workload: whole payloads, and their texts.
#[derive(Debug)]
pub struct Deltas<'w> {
    payloads: Vec<&'w str>,
    texts: Vec<String>,
    /// The bytes of the payloads.
    pub bytes: u64,
}

impl<'w> Deltas<'w> {
    /// Takes the text deltas out of these responses.
    #[must_use]
    pub fn of(streams: &'w Streams) -> Self {
        let is_delta = |payload: &&str| payload.contains("\"response.output_text.delta\"");
        let payloads: Vec<&str> = streams.payloads().filter(is_delta).collect();
        let text = |payload: &&str| {
            let value: serde_json::Value = serde_json::from_str(payload).expect("an event");
            value["delta"].as_str().expect("a delta").to_owned()
        };
        let bytes = payloads.iter().map(|payload| payload.len() as u64).sum();
        Self { texts: payloads.iter().map(text).collect(), payloads, bytes }
    }

    /// Returns their number.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.payloads.len()
    }

    /// Sends all payloads. Returns whether more bytes than theirs were written.
    #[inline(never)]
    #[must_use]
    pub fn send(&self, server: &mut ServerConnection) -> bool {
        let mut written = 0;
        for payloads in self.payloads.chunks(WRITE) {
            for payload in payloads {
                server.send(NOW, black_box(payload)).expect("the stream is open");
            }
            written += flush(server);
        }
        written as u64 > self.bytes
    }

    /// Writes the texts as events of a new message, and sends those.
    #[inline(never)]
    #[must_use]
    pub fn write(&self, server: &mut ServerConnection) -> bool {
        let mut writer = ResponseWriter::new("resp_a", "gpt-x", 7);
        let mut written = 0;
        for texts in self.texts.chunks(WRITE) {
            for text in texts {
                writer
                    .send_text("msg_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654", black_box(text), |event| {
                        server.send(NOW, event)
                    })
                    .expect("the stream is open");
            }
            written += flush(server);
        }
        written > 100 * self.texts.len()
    }

    /// Returns rows that send or write all deltas on a connection of this transport.
    #[must_use]
    pub fn rows(&self, transport: Transport) -> Vec<Row<'_, bool>> {
        let (mut sending, mut writing, mut out) = (begun(transport), begun(transport), Vec::new());
        let mut derived = Vec::new();
        vec![
            Row::new("limit: memcpy of the payloads", move || {
                for payload in &self.payloads {
                    out.clear();
                    out.extend_from_slice(black_box(payload.as_bytes()));
                    black_box(&out);
                }
                true
            }),
            Row::new("turnwire, send", move || self.send(&mut sending)),
            Row::new("turnwire, ResponseWriter and send", move || self.write(&mut writing)),
            Row::new("serde_json, a derived event, and its framing by hand", move || {
                for (number, text) in self.texts.iter().enumerate() {
                    derived.clear();
                    derived.extend_from_slice(b"event: response.output_text.delta\ndata: ");
                    serde_json::to_writer(&mut derived, &Delta::new(text, number)).expect("it can be serialized");
                    derived.extend_from_slice(b"\n\n");
                    black_box(&derived);
                }
                true
            }),
        ]
    }
}

#[derive(Serialize)]
struct Delta<'a> {
    r#type: &'a str,
    item_id: &'a str,
    output_index: i64,
    content_index: i64,
    delta: &'a str,
    logprobs: [(); 0],
    sequence_number: usize,
}

impl<'a> Delta<'a> {
    const fn new(delta: &'a str, sequence_number: usize) -> Self {
        Self {
            r#type: "response.output_text.delta",
            item_id: "msg_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654",
            output_index: 0,
            content_index: 0,
            delta,
            logprobs: [],
            sequence_number,
        }
    }
}

fn flush(server: &mut ServerConnection) -> usize {
    let length = server.poll_transmit().len();
    server.handle_written(NOW, length);
    let _ = black_box((server.poll_timeout(), server.wants_input()));
    length
}

/// Creates a server's connection with a response in progress.
#[must_use]
pub fn begun(transport: Transport) -> ServerConnection {
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
