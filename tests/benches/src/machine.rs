//! A client's connection: bytes of HTTP or WebSocket in, typed events out, with deadlines, request states and limits.

use std::hint::black_box;

use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport,
    client::{self, Event},
    server,
};
use turnwire::http::Headers;
use turnwire::responses::EventData;
use turnwire::time::Instant;

use crate::contest::Row;
use crate::workload::{READ, Streams};

/// The counts of a connection: events, text deltas, bytes of their text, ends of responses.
pub type Seen = (u64, u64, u64, u64);

/// The bytes that a server sends for each response, and the expected counts.
#[derive(Debug)]
pub struct Wire {
    transport: Transport,
    /// The bytes that open the connection, if any, and then each response.
    responses: Vec<Vec<u8>>,
    /// Their bytes.
    pub bytes: u64,
}

const SEED: [u8; 32] = [7; 32];

impl Wire {
    /// Creates the bytes of a server for these responses, with one chunk or one message per event.
    #[must_use]
    pub fn new(streams: &Streams, transport: Transport) -> Self {
        let now = Instant::ZERO;
        let mut client = ClientConnection::new(client::Config::new("localhost"), transport, SEED);
        let mut server = ServerConnection::new(server::Config::new(), SEED);
        let mut wire = Self { transport, responses: Vec::new(), bytes: 0 };
        if transport == Transport::WebSocket {
            client.upgrade(now, "/v1/responses", &Headers::new()).expect("a fresh connection");
            pass(&mut client, &mut server);
            assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
            server.accept(now, &Headers::new()).expect("it was asked for");
            let answer = answered(&mut server);
            client.handle_input(now, &answer);
            assert!(matches!(client.poll_event(), Some(Event::Upgraded { .. })));
            wire.push(answer);
        }
        for (body, payloads) in streams.bodies.iter().zip(&streams.payloads) {
            ask(&mut client, transport);
            pass(&mut client, &mut server);
            while server.poll_event().is_some() {}
            if transport == Transport::Http {
                server.begin_stream(now, &Headers::new()).expect("a request waits");
            }
            for (start, end) in payloads {
                let payload = std::str::from_utf8(&body[*start..*end]).expect("made of text");
                server.send(now, payload).expect("the stream is open");
            }
            if transport == Transport::Http {
                server.end_stream(now).expect("the stream is open");
            }
            let response = answered(&mut server);
            client.handle_input(now, &response);
            while client.poll_event().is_some() {}
            wire.push(response);
        }
        wire
    }

    fn push(&mut self, response: Vec<u8>) {
        self.bytes += response.len() as u64;
        self.responses.push(response);
    }

    /// Returns a row of a client's connection that processes all of it.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_, Seen>> {
        vec![Row::new("turnwire", || self.run())]
    }

    /// Runs one pass: reads of 16 KiB, every event polled.
    #[must_use]
    pub fn run(&self) -> Seen {
        let (now, mut seen) = (Instant::ZERO, (0, 0, 0, 0));
        let mut client = ClientConnection::new(client::Config::new("localhost"), self.transport, SEED);
        let mut responses = self.responses.iter();
        if self.transport == Transport::WebSocket {
            client.upgrade(now, "/v1/responses", &Headers::new()).expect("a fresh connection");
            sent(&mut client);
            client.handle_input(now, responses.next().expect("the handshake's answer"));
            assert!(matches!(client.poll_event(), Some(Event::Upgraded { .. })));
        }
        for response in responses {
            ask(&mut client, self.transport);
            sent(&mut client);
            for read in response.chunks(READ) {
                client.handle_input(now, read);
                while let Some(event) = client.poll_event() {
                    count(&mut seen, &black_box(event));
                }
            }
        }
        seen
    }
}

fn count((events, deltas, text, ends): &mut Seen, event: &Event<'_>) {
    match event {
        Event::Server(event) => {
            *events += 1;
            match &event.data {
                EventData::OutputTextDelta { delta, .. } => {
                    *deltas += 1;
                    *text += delta.len() as u64;
                }
                EventData::Completed { .. } => *ends += 1,
                _ => {}
            }
        }
        Event::Head { .. } | Event::End { .. } => {}
        other => panic!("{other:?} was not to come"),
    }
}

fn ask(client: &mut ClientConnection, transport: Transport) {
    let now = Instant::ZERO;
    match transport {
        Transport::Http => {
            let post = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
            client.send_request(now, post).expect("it is idle");
        }
        Transport::WebSocket => {
            client.send_request_message(now, None, "{\"type\":\"response.create\"}").expect("it is idle");
        }
    }
}

fn pass(client: &mut ClientConnection, server: &mut ServerConnection) {
    server.handle_input(Instant::ZERO, &sent(client));
}

fn sent(client: &mut ClientConnection) -> Vec<u8> {
    let bytes = client.poll_transmit().to_vec();
    client.handle_written(Instant::ZERO, bytes.len());
    bytes
}

fn answered(server: &mut ServerConnection) -> Vec<u8> {
    let bytes = server.poll_transmit().to_vec();
    server.handle_written(Instant::ZERO, bytes.len());
    bytes
}
