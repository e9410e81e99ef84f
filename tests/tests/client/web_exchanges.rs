//! The socket of a runtime's WebSocket and `fetch`: what becomes which, and what an exchange that is over may still say.

use turnwire::http::{self, Headers, Request};
use turnwire::web::{Command, ExchangeId, ReadResult, Settings, Socket};

fn bytes(method: &str, lines: &[(&str, &str)]) -> Vec<u8> {
    let mut request = Request::new(method, "/v1/models").expect("a request");
    request.headers.append("Host", "h").expect("a header");
    for (name, value) in lines {
        request.headers.append(name, *value).expect("a header");
    }
    let mut out = Vec::new();
    http::encode_request(&request, &mut out);
    out
}

/// The handshake of RFC 6455 §1.2.
fn handshake() -> Vec<u8> {
    let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    bytes("GET", &[("Upgrade", "websocket"), ("Connection", "Upgrade"), key, ("Sec-WebSocket-Version", "13")])
}

fn opening(socket: &mut Socket) -> ExchangeId {
    socket.open(true);
    socket.write(&handshake());
    loop {
        match socket.poll_command() {
            Some(Command::OpenWebSocket(request)) => return request.exchange,
            Some(_) => {}
            None => panic!("expected a WebSocket to open"),
        }
    }
}

fn read(socket: &mut Socket) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 512]);
    while let ReadResult::Bytes(length) = socket.read(&mut buffer) {
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

#[test]
fn request_without_a_body_is_fetched_and_only_a_handshake_opens_a_websocket() {
    let mut socket = Socket::new(Settings::new());
    socket.open(true);
    socket.write(&bytes("GET", &[]));
    match socket.poll_command() {
        Some(Command::Fetch(request)) => assert_eq!(request.method, "GET"),
        other => panic!("expected a request to fetch, not {other:?}"),
    }
}

#[test]
fn head_of_the_own_client_has_no_limit() {
    let mut socket = Socket::new(Settings::new());
    socket.open(true);
    let long = "x".repeat(1024 * 1024);
    socket.write(&bytes("GET", &[("x-long", &long)]));
    match socket.poll_command() {
        Some(Command::Fetch(request)) => assert_eq!(request.headers.get_str("x-long").map(str::len), Some(long.len())),
        other => panic!("expected a request to fetch, not {}", if other.is_some() { "another" } else { "nothing" }),
    }
}

#[test]
fn exchange_that_is_over_opens_and_rejects_nothing() {
    let mut socket = Socket::new(Settings::new());
    let first = opening(&mut socket);
    let second = opening(&mut socket);
    socket.handle_open(first, &Headers::new());
    socket.handle_rejected(first, 403, &Headers::new(), b"no");
    assert_eq!(read(&mut socket), "", "both are of the first exchange");
    socket.handle_open(second, &Headers::new());
    assert!(read(&mut socket).starts_with("HTTP/1.1 101 "));
    // It is open: it cannot be opened again, nor rejected.
    socket.handle_open(second, &Headers::new());
    socket.handle_rejected(second, 403, &Headers::new(), b"no");
    assert_eq!(read(&mut socket), "");
    socket.handle_text(second, "hello");
    assert!(read(&mut socket).ends_with("hello"));
}
