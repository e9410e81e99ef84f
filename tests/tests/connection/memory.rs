//! Memory of long messages, in both roles: at the peak at most three times the message, and nothing once it was polled.

use allocation_counter::{AllocationInfo, measure};
use turnwire::connection::client::{self, Event};
use turnwire::connection::{ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};

const NOW: Instant = Instant::ZERO;
const LENGTH: usize = 12_000_000;

/// Bytes of one read.
const READ: usize = 16 * 1024;

fn bounded(what: &str, info: AllocationInfo) {
    let most = u64::try_from(3 * LENGTH).expect("a length");
    assert!(info.bytes_max <= most, "{what}: {} bytes at the peak", info.bytes_max);
    assert!(info.bytes_current <= 200_000, "{what}: {} bytes are held", info.bytes_current);
}

fn event() -> String {
    format!(r#"{{"type":"response.output_text.delta","delta":"{}"}}"#, "x".repeat(LENGTH))
}

fn websocket() -> (ClientConnection, ServerConnection) {
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    client.upgrade(NOW, "/", &Headers::new()).expect("a handshake");
    server.handle_input(NOW, client.poll_transmit());
    client.handle_written(NOW, usize::MAX);
    assert!(server.poll_event().is_some());
    server.accept(NOW, &Headers::new()).expect("an upgrade");
    client.handle_input(NOW, server.poll_transmit());
    server.handle_written(NOW, usize::MAX);
    while client.poll_event().is_some() {}
    client.send_request_message(NOW, None, "{}").expect("a free lane");
    client.handle_written(NOW, usize::MAX);
    (client, server)
}

/// The frames of a message, whole or in this many fragments.
fn frames(role: Role, text: &str, fragments: usize) -> Vec<u8> {
    let (mut socket, mut bytes) = (WebSocket::new(role, Limits::default(), None, [3; 32]), Vec::new());
    if fragments == 1 {
        socket.send(Message::Text(text), &mut bytes).expect("a message");
        return bytes;
    }
    // Only a server's frames are unmasked, so that they can be written by hand.
    assert_eq!(role, Role::Server);
    let size = text.len().div_ceil(fragments);
    let mut pieces = text.as_bytes().chunks(size).peekable();
    let mut opcode = 1;
    while let Some(piece) = pieces.next() {
        let fin = if pieces.peek().is_none() { 0x80 } else { 0 };
        bytes.extend([fin | opcode, 127]);
        bytes.extend((piece.len() as u64).to_be_bytes());
        bytes.extend(piece);
        opcode = 0;
    }
    bytes
}

fn read_client(client: &mut ClientConnection, bytes: &[u8]) -> usize {
    let mut length = 0;
    for read in bytes.chunks(READ) {
        client.handle_input(NOW, read);
        while let Some(event) = client.poll_event() {
            length += match event {
                Event::Server(event) => event.raw().map_or(0, str::len),
                Event::Body { body, .. } => body.len(),
                Event::Head { .. } | Event::End { .. } => 0,
                other => panic!("{}", format!("{other:?}").chars().take(200).collect::<String>()),
            };
        }
    }
    length
}

fn read_server(server: &mut ServerConnection, bytes: &[u8]) -> usize {
    let mut length = 0;
    for read in bytes.chunks(READ) {
        server.handle_input(NOW, read);
        while let Some(event) = server.poll_event() {
            length += match event {
                server::Event::Text { text, .. } => text.len(),
                server::Event::Request { body, .. } => body.len(),
                other => panic!("{}", format!("{other:?}").chars().take(200).collect::<String>()),
            };
        }
    }
    length
}

#[test]
fn websocket_message_costs_three_times_its_length() {
    let text = event();
    for fragments in [1, 7] {
        let (mut client, _) = websocket();
        let bytes = frames(Role::Server, &text, fragments);
        let info = measure(|| assert_eq!(read_client(&mut client, &bytes), text.len()));
        bounded("a client's message", info);
    }
    let (_, mut server) = websocket();
    let bytes = frames(Role::Client, &text, 1);
    let info = measure(|| assert_eq!(read_server(&mut server, &bytes), text.len()));
    bounded("a server's message", info);
}

/// A head and a body of stated length, in chunks, or up to the end of the connection.
fn framed(start: &str, body: &[u8], framing: &str) -> Vec<u8> {
    match framing {
        "length" => [format!("{start}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
        "chunks" => {
            let mut bytes = format!("{start}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for chunk in body.chunks(10_000) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        }
        _ => [format!("{start}\r\n").as_bytes(), body].concat(),
    }
}

#[test]
fn collected_body_costs_three_times_its_length() {
    let body = vec![b'x'; LENGTH];
    for framing in ["length", "chunks"] {
        let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
        let bytes = framed("POST / HTTP/1.1\r\nHost: localhost\r\n", &body, framing);
        let info = measure(|| assert_eq!(read_server(&mut server, &bytes), LENGTH));
        bounded(&format!("a request's body: {framing}"), info);
    }
    for framing in ["length", "chunks", "close"] {
        let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32]);
        let request = OutgoingRequest::new("/", Headers::new(), Vec::new(), ExpectedBody::Whole);
        client.send_request(NOW, request).expect("a fresh connection");
        client.handle_written(NOW, usize::MAX);
        let bytes = framed("HTTP/1.1 200 OK\r\n", &body, framing);
        let info = measure(|| {
            let mut length = read_client(&mut client, &bytes);
            if framing == "close" {
                client.handle_eof(NOW);
                while let Some(event) = client.poll_event() {
                    if let Event::Body { body, .. } = event {
                        length += body.len();
                    }
                }
            }
            assert_eq!(length, LENGTH);
        });
        bounded(&format!("a response's body: {framing}"), info);
    }
}

#[test]
fn event_of_a_stream_costs_three_times_its_length() {
    let text = event();
    for framing in ["length", "chunks", "close"] {
        let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32]);
        let request = OutgoingRequest::new("/", Headers::new(), Vec::new(), ExpectedBody::EventStream);
        client.send_request(NOW, request).expect("a fresh connection");
        client.handle_written(NOW, usize::MAX);
        let bytes = framed("HTTP/1.1 200 OK\r\n", format!("data: {text}\n\n").as_bytes(), framing);
        let info = measure(|| {
            assert_eq!(read_client(&mut client, &bytes), text.len());
            client.handle_eof(NOW);
            while client.poll_event().is_some() {}
        });
        bounded(&format!("an event: {framing}"), info);
    }
}

/// Requests that are polled late, one after the other, cost what they are.
#[test]
fn backlog_counts_what_is_held() {
    let mut config = server::Config::new();
    config.max_backlog = 100_000;
    let mut server = ServerConnection::new(config, [2; 32]);
    let body = vec![b'x'; 150_000];
    let info = measure(|| {
        server.handle_input(NOW, &framed("POST / HTTP/1.1\r\nHost: localhost\r\n", &body, "length"));
        assert!(!server.wants_input(), "the body waits to be polled");
    });
    assert!(info.bytes_current <= 170_000, "{info:?}");
    assert!(server.poll_event().is_some());
    assert!(server.wants_input());
}
