//! Properties of the socket that a runtime's WebSocket and `fetch` stand in for.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use turnwire::http::{self, Headers, Request};
use turnwire::web::{Command, ReadResult, Settings, Socket};
use turnwire::ws::{self, Message, Role, handshake};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::web::{self as laws, Action, Age, Report};

/// Actions that follow each other often, so that the states behind them are reached.
fn likely() -> impl Strategy<Value = Vec<Action>> {
    let last = |report| Action::Report(report, Age::Last);
    prop_oneof![
        Just(vec![Action::Open(true), Action::Upgrade, last(Report::Open)]),
        select(vec!["GET", "HEAD", "POST"])
            .prop_map(|method| vec![Action::Open(false), Action::Request(method, vec![7; 9])]),
        (200..600u16).prop_map(move |status| vec![last(Report::Head(status))]),
        vec(any::<u8>(), 0..300).prop_map(move |bytes| vec![last(Report::Body(bytes))]),
        ".{0,200}".prop_map(move |text| vec![Action::Send(text.clone()), last(Report::Text(text))]),
        vec(any::<u8>(), 0..125).prop_map(|payload| vec![Action::Ping(payload)]),
        (999..1017u16, ".{0,200}").prop_map(move |(code, reason)| vec![last(Report::Close(code, reason))]),
        (999..1017u16).prop_map(|code| vec![Action::Close(code)]),
        (1..400usize).prop_map(|length| vec![Action::Read(length)]),
        select(vec![Report::End, Report::Lost, Report::Binary]).prop_map(move |report| vec![last(report)]),
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
    fn whatever_the_order_client_reads_one_response_and_one_end(
        limit in select(vec![300, 1000, 100_000]),
        likely in vec(likely(), 0..40),
        bytes in vec(any::<u8>(), 0..80),
        sizes in vec(0..9usize, 1..4),
    ) {
        let mut actions = likely.concat();
        actions.extend(laws::script(&bytes));
        let result = laws::check(&actions, limit, &Chunks::Cycle(sizes));
        prop_assert!(result.is_ok(), "{}: {actions:?}", result.unwrap_err());
    }

    #[test]
    fn messages_are_the_same_however_bytes_are_split(
        sent in vec(".{0,300}", 0..8),
        received in vec(".{0,300}", 0..8),
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
        sent in vec(any::<u8>(), 0..400),
        received in vec(vec(any::<u8>(), 0..200), 0..6),
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
