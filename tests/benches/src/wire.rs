//! The bytes of a server over HTTP or WebSocket, and passes over them: through a client's connection, and through a whole client.

use std::hint::black_box;

use turnwire::client::{self as whole, Client, Credentials, Provider, Settings, SocketCommand};
use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport,
    client::{self, Event},
    server,
};
use turnwire::http::Headers;
use turnwire::responses::{CreateResponse, EventData, Item, ServerEvent};
use turnwire::time::Instant;
use turnwire::ws::Role;
use turnwire::ws::deflate::{Deflater, Inflater, Params, ServerPolicy};

use crate::workload::{READ, Streams};

/// The counts of a connection: events, text deltas, bytes of their text, ends of responses.
pub type Seen = (u64, u64, u64, u64);

/// The bytes that a server sends for each response, and the expected counts.
#[derive(Debug)]
pub struct Wire {
    transport: Transport,
    deflate: bool,
    /// The payloads compressed one by one, if deflate is used.
    compressed: Vec<Vec<u8>>,
    /// The bytes that open the connection, if any, and then each response.
    pub(crate) responses: Vec<Vec<u8>>,
    /// For each of them, where its events end.
    ends: Vec<Vec<usize>>,
    /// Their bytes.
    pub bytes: u64,
}

/// How many bytes a read has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadSize {
    /// 16 KiB.
    Large,
    /// One event with its framing.
    OneEvent,
}

const SEED: [u8; 32] = [7; 32];

impl Wire {
    /// Creates the bytes of a server for these responses, with one chunk or one message per event.
    #[must_use]
    pub fn new(streams: &Streams, transport: Transport) -> Self {
        Self::with(streams, transport, false)
    }

    /// Creates the bytes of a server that uses permessage-deflate.
    #[must_use]
    pub fn deflated(streams: &Streams) -> Self {
        Self::with(streams, Transport::WebSocket, true)
    }

    fn with(streams: &Streams, transport: Transport, deflate: bool) -> Self {
        let now = Instant::ZERO;
        let mut client = ClientConnection::new(client::Config::new("localhost"), transport, SEED);
        let mut server = new_server(deflate);
        let (responses, ends, compressed) = (Vec::new(), Vec::new(), Vec::new());
        let mut wire = Self { transport, deflate, compressed, responses, ends, bytes: 0 };
        let mut deflater = Deflater::new(&Params::default(), Role::Server).expect("a window from 9 up");
        if transport == Transport::WebSocket {
            client.upgrade(now, "/v1/responses", &Headers::new()).expect("a fresh connection");
            pass(&mut client, &mut server);
            assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
            server.accept(now, &Headers::new()).expect("it was asked for");
            let answer = answered(&mut server);
            client.handle_input(now, &answer);
            assert!(matches!(client.poll_event(), Some(Event::Upgraded { .. })));
            wire.push(answer, Vec::new());
        }
        for (body, payloads) in streams.bodies.iter().zip(&streams.payloads) {
            ask(&mut client, transport);
            pass(&mut client, &mut server);
            while server.poll_event().is_some() {}
            if transport == Transport::Http {
                server.begin_stream(now, &Headers::new()).expect("a request waits");
            }
            let mut ends = Vec::new();
            for (start, end) in payloads {
                let payload = std::str::from_utf8(&body[*start..*end]).expect("made of text");
                server.send(now, payload).expect("the stream is open");
                if deflate {
                    let mut message = Vec::new();
                    deflater.message(payload.as_bytes(), &mut message);
                    wire.compressed.push(message);
                }
                ends.push(server.poll_transmit().len());
            }
            if transport == Transport::Http {
                server.end_stream(now).expect("the stream is open");
            }
            let response = answered(&mut server);
            client.handle_input(now, &response);
            while client.poll_event().is_some() {}
            wire.push(response, ends);
        }
        wire
    }

    fn push(&mut self, response: Vec<u8>, ends: Vec<usize>) {
        self.bytes += response.len() as u64;
        self.responses.push(response);
        self.ends.push(ends);
    }

    /// Inflates all payloads, and returns the number of their bytes.
    pub(crate) fn inflate(&self) -> usize {
        let mut inflater = Inflater::new(&Params::default(), Role::Client);
        let (mut text, mut length) = (Vec::new(), 0);
        for message in &self.compressed {
            text.clear();
            inflater.push(black_box(message), &mut text, usize::MAX).expect("a message");
            inflater.end().expect("a whole message");
            length += black_box(&text).len();
        }
        length
    }

    /// Returns the bytes of each response, as reads. What opens the connection is left out.
    pub fn reads(&self, size: ReadSize) -> impl Iterator<Item = Vec<&[u8]>> {
        let responses = self.responses.iter().zip(&self.ends).skip(usize::from(self.transport == Transport::WebSocket));
        responses.map(move |(response, ends)| match size {
            ReadSize::Large => response.chunks(READ).collect(),
            ReadSize::OneEvent => {
                let starts = [0].into_iter().chain(ends.iter().copied());
                let ends = ends.iter().copied().chain([response.len()]);
                starts.zip(ends).map(|(start, end)| &response[start..end]).filter(|read| !read.is_empty()).collect()
            }
        })
    }

    /// Runs one pass through a whole client: every event polled after each read.
    #[must_use]
    pub fn run_client(&self, size: ReadSize) -> Seen {
        let (now, mut seen) = (Instant::ZERO, (0, 0, 0, 0));
        let mut client = new_client(self.transport, self.deflate);
        for reads in self.reads(size) {
            request(&mut client, self.deflate);
            for read in reads {
                client.handle_input(now, read);
                while let Some(event) = client.poll_event() {
                    if let whole::Event::Server { event, .. } = black_box(&event) {
                        count_event(&mut seen, event);
                    }
                }
            }
        }
        seen
    }

    /// Runs one pass through a whole client: reads of 16 KiB, every event delivered while its read is handled.
    #[must_use]
    pub fn run_delivered(&self) -> Seen {
        let (now, mut seen) = (Instant::ZERO, (0, 0, 0, 0));
        let mut client = new_client(self.transport, self.deflate);
        for reads in self.reads(ReadSize::Large) {
            request(&mut client, self.deflate);
            for read in reads {
                client.handle_input_with(now, read, |event| {
                    if let whole::Event::Server { event, .. } = black_box(&event) {
                        count_event(&mut seen, event);
                    }
                });
            }
        }
        seen
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

fn new_server(deflate: bool) -> ServerConnection {
    let mut config = server::Config::new();
    config.deflate_policy = deflate.then(ServerPolicy::default);
    ServerConnection::new(config, SEED)
}

fn new_client(transport: Transport, deflate: bool) -> Client {
    let mut provider = Provider::new("bench", "http://127.0.0.1:8080/v1");
    provider.capabilities.deflate = deflate;
    provider.capabilities.websocket = transport == Transport::WebSocket;
    Client::new(provider, Credentials::bearer("key"), Settings::default(), SEED).expect("a valid provider")
}

/// Sends a request. Where the client asks for a connection, it gets one, and a WebSocket's handshake is accepted.
fn request(client: &mut Client, deflate: bool) {
    let now = Instant::ZERO;
    client.send(now, CreateResponse::new("gpt-x", vec![Item::user("ping")])).expect("it is open");
    if matches!(client.poll_socket(), Some(SocketCommand::Connect(_))) {
        client.handle_connected(now);
        let head = client.poll_transmit().to_vec();
        if head.starts_with(b"GET ") {
            client.handle_written(now, head.len());
            let mut server = new_server(deflate);
            server.handle_input(now, &head);
            assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
            server.accept(now, &Headers::new()).expect("it was asked for");
            client.handle_input(now, &answered(&mut server));
        }
    }
    client.handle_written(now, client.poll_transmit().len());
    while client.poll_event().is_some() {}
}

/// Counts a typed event.
pub fn count_event((events, deltas, text, ends): &mut Seen, event: &ServerEvent<'_>) {
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

fn count(seen: &mut Seen, event: &Event<'_>) {
    match event {
        Event::Server(event) => count_event(seen, event),
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
