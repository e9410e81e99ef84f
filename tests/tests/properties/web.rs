//! Properties of the socket that a runtime's WebSocket and `fetch` stand in for.

use proptest::prelude::*;
use turnwire::http::{self, Headers, Request};
use turnwire::web::{Command, ExchangeId, ReadResult, Settings, Socket};
use turnwire::ws::{self, Message, Role, handshake};

/// What a runtime may report, in any order.
#[derive(Clone, Debug)]
enum Input {
    Open,
    Rejected(u16),
    Text(String),
    Binary,
    Close(u16, String),
    Head(u16),
    Body(Vec<u8>),
    End,
    Lost,
    Write(Vec<u8>),
    Read(usize),
    Reopen(bool),
    Disconnect,
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Open),
        (0..1100u16).prop_map(Input::Rejected),
        ".{0,40}".prop_map(Input::Text),
        Just(Input::Binary),
        (0..5001u16, ".{0,200}").prop_map(|(code, reason)| Input::Close(code, reason)),
        (0..1100u16).prop_map(Input::Head),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Input::Body),
        Just(Input::End),
        Just(Input::Lost),
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(Input::Write),
        prop::sample::select(vec![upgrade(), post(b"{}")]).prop_map(Input::Write),
        (1..200usize).prop_map(Input::Read),
        any::<bool>().prop_map(Input::Reopen),
        Just(Input::Disconnect),
    ]
}

fn upgrade() -> Vec<u8> {
    let request = handshake::build_request("/v1/responses", "localhost", [5; 16], &Headers::new(), None);
    let mut bytes = Vec::new();
    http::encode_request(&request.expect("a request"), &mut bytes);
    bytes
}

fn post(body: &[u8]) -> Vec<u8> {
    let mut request = Request::new("POST", "/v1/responses").expect("a request");
    request.headers.append("Host", "localhost").expect("a header");
    request.headers.append("Content-Length", body.len().to_string()).expect("a header");
    let mut bytes = Vec::new();
    http::encode_request(&request, &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

/// Returns the exchange that a command begins.
fn begun(command: &Command) -> Option<ExchangeId> {
    match command {
        Command::OpenWebSocket(request) => Some(request.exchange),
        Command::Fetch(request) => Some(request.exchange),
        _ => None,
    }
}

/// Reads everything, in pieces of this size.
fn read_all(socket: &mut Socket, piece: usize) -> (Vec<u8>, ReadResult) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match socket.read(&mut buffer) {
            ReadResult::Bytes(length) => bytes.extend_from_slice(&buffer[..length]),
            end => return (bytes, end),
        }
    }
}

/// Decodes the frames behind the head of the handshake's response.
fn texts(bytes: &[u8]) -> Vec<String> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let mut decoder = ws::Decoder::new(Role::Client, ws::Limits::new(), None);
    let (mut rest, mut texts) = (&bytes[head..], Vec::new());
    while let Some(message) = decoder.decode(&mut rest).expect("valid frames") {
        if let Message::Text(text) = message {
            texts.push(text.to_owned());
        }
    }
    texts
}

proptest! {
    #[test]
    fn any_inputs_never_panic_and_waiting_bytes_are_bounded(inputs in proptest::collection::vec(input(), 0..60)) {
        const LIMIT: usize = 1000;
        let mut settings = Settings::new();
        settings.max_waiting = LIMIT;
        let mut socket = Socket::new(settings);
        let mut exchange = None;
        for input in inputs {
            let mut buffer = [0; 200];
            match (input, exchange) {
                (Input::Write(bytes), _) => socket.write(&bytes),
                (Input::Read(length), _) => drop(socket.read(&mut buffer[..length])),
                (Input::Reopen(tls), _) => socket.open(tls),
                (Input::Disconnect, _) => socket.disconnect(),
                (_, None) => {}
                (Input::Open, Some(exchange)) => socket.handle_open(exchange, &Headers::new()),
                (Input::Rejected(status), Some(exchange)) => {
                    socket.handle_rejected(exchange, status, &Headers::new(), b"no");
                }
                (Input::Text(text), Some(exchange)) => socket.handle_text(exchange, &text),
                (Input::Binary, Some(exchange)) => socket.handle_binary(exchange),
                (Input::Close(code, reason), Some(exchange)) => socket.handle_close(exchange, code, &reason),
                (Input::Head(status), Some(exchange)) => socket.handle_head(exchange, status, &Headers::new()),
                (Input::Body(bytes), Some(exchange)) => socket.handle_body(exchange, &bytes),
                (Input::End, Some(exchange)) => socket.handle_end(exchange),
                (Input::Lost, Some(exchange)) => socket.handle_lost(exchange, "gone"),
            }
            while let Some(command) = socket.poll_command() {
                exchange = begun(&command).or(exchange);
            }
        }
        // A head and a close frame come on top of the limit.
        prop_assert!(read_all(&mut socket, 64).0.len() <= LIMIT + 512);
    }

    #[test]
    fn messages_are_the_same_however_bytes_are_split(
        sent in proptest::collection::vec(".{0,300}", 0..8),
        received in proptest::collection::vec(".{0,300}", 0..8),
        piece in 1..40usize,
    ) {
        let mut socket = Socket::new(Settings::new());
        socket.open(true);
        for part in upgrade().chunks(piece) {
            socket.write(part);
        }
        let Some(Command::OpenWebSocket(request)) = socket.poll_command() else { panic!("a WebSocket") };
        prop_assert_eq!(request.url.as_str(), "wss://localhost/v1/responses");
        socket.handle_open(request.exchange, &Headers::new());
        let (mut client, mut bytes) = (ws::WebSocket::new(Role::Client, ws::Limits::new(), None, [1; 32]), Vec::new());
        for text in &sent {
            client.send(Message::Text(text), &mut bytes).expect("an open WebSocket");
        }
        for part in bytes.chunks(piece) {
            socket.write(part);
        }
        let commands: Vec<Command> = std::iter::from_fn(|| socket.poll_command()).collect();
        let expected: Vec<Command> =
            sent.iter().map(|text| Command::SendText { exchange: request.exchange, text: text.clone() }).collect();
        prop_assert_eq!(commands, expected);
        for text in &received {
            socket.handle_text(request.exchange, text);
        }
        let (bytes, end) = read_all(&mut socket, piece);
        prop_assert_eq!((texts(&bytes), end), (received, ReadResult::Blocked));
    }

    #[test]
    fn bodies_are_the_same_however_bytes_are_split(
        sent in proptest::collection::vec(any::<u8>(), 0..400),
        received in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6),
        piece in 1..40usize,
    ) {
        let mut socket = Socket::new(Settings::new());
        socket.open(false);
        for part in post(&sent).chunks(piece) {
            socket.write(part);
        }
        let Some(Command::Fetch(request)) = socket.poll_command() else { panic!("a request") };
        prop_assert_eq!((request.url.as_str(), &request.body), ("http://localhost/v1/responses", &sent));
        socket.handle_head(request.exchange, 200, &Headers::new());
        for part in &received {
            socket.handle_body(request.exchange, part);
        }
        socket.handle_end(request.exchange);
        let (bytes, end) = read_all(&mut socket, piece);
        prop_assert_eq!(end, ReadResult::Eof);
        let mut input = bytes.as_slice();
        let head = http::HeadDecoder::<http::Response>::new(http::HeadLimits::new()).decode(&mut input);
        let head = head.expect("a valid head").expect("a whole head");
        let mut body = http::BodyDecoder::response("POST", &head, http::BodyLimits::new()).expect("a body");
        let mut data = Vec::new();
        while let Some(http::BodyPart::Data(part)) = body.decode(&mut input).expect("a valid body") {
            data.extend_from_slice(part);
        }
        prop_assert!(body.is_done());
        prop_assert_eq!(data, received.concat());
    }
}
