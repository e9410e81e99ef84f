//! A client whose socket is the WebSocket or the `fetch` of a runtime such as a browser.

use std::time::Duration;

use serde_json::Value;
use turnwire::client::{
    Client, Credentials, Disconnected, OwnedEvent, OwnedOutcome, Provider, RequestId, Settings, SocketCommand,
    TransportPreference,
};
use turnwire::connection::{CloseReason, LossReason};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::web::{self, Command, ExchangeId, FetchRequest, ReadResult, Socket, WebSocketRequest};
use turnwire_tests::fixtures::{ask, created, delta, done, token};

/// A client and its socket. The test takes the commands and is the runtime.
struct Page {
    client: Client,
    socket: Socket,
    now: Instant,
    events: Vec<OwnedEvent>,
}

impl Page {
    fn new(provider: Provider, transport: TransportPreference, web: web::Settings) -> Self {
        let mut settings = Settings::default();
        settings.transport = transport;
        let client = Client::new(provider, Credentials::bearer("key-1"), settings, [3; 32]).expect("a provider");
        let now = Instant::from_duration(Duration::from_secs(50));
        Self { client, socket: Socket::new(web), now, events: Vec::new() }
    }

    fn websocket(web: web::Settings) -> Self {
        Self::new(provider(), TransportPreference::WebSocket, web)
    }

    fn http() -> Self {
        Self::new(provider(), TransportPreference::Http, web::Settings::new())
    }

    fn ask(&mut self, text: &str) -> RequestId {
        let id = self.client.send(self.now, ask(text)).expect("a request that can be sent");
        self.run();
        id
    }

    /// Carries bytes between the client and the socket until nothing is left.
    fn run(&mut self) {
        let (now, mut buffer, mut is_ended) = (self.now, [0; 512], false);
        loop {
            while let Some(event) = self.client.poll_event() {
                self.events.push(event.into_owned());
            }
            match self.client.poll_socket() {
                Some(SocketCommand::Connect(target)) => {
                    self.socket.open(target.tls);
                    is_ended = false;
                    self.client.handle_connected(now);
                }
                Some(SocketCommand::Disconnect) => self.socket.disconnect(),
                None => {}
            }
            let bytes = self.client.poll_transmit();
            let written = bytes.len();
            self.socket.write(bytes);
            self.client.handle_written(now, written);
            match self.socket.read(&mut buffer) {
                ReadResult::Bytes(length) => self.client.handle_input(now, &buffer[..length]),
                ReadResult::Eof if !is_ended => {
                    is_ended = true;
                    self.client.handle_eof(now);
                }
                ReadResult::Lost(reason) if !is_ended => {
                    is_ended = true;
                    self.client.handle_lost(now, LossReason::Network(reason));
                }
                ReadResult::Eof | ReadResult::Lost(_) | ReadResult::Blocked if written == 0 => return,
                ReadResult::Eof | ReadResult::Lost(_) | ReadResult::Blocked => {}
            }
        }
    }

    /// Moves the clock to the client's next deadline.
    fn jump(&mut self) {
        self.now = self.client.poll_timeout().expect("a deadline");
        self.client.handle_timeout(self.now);
        self.run();
    }

    fn websocket_request(&mut self) -> WebSocketRequest {
        match self.socket.poll_command() {
            Some(Command::OpenWebSocket(request)) => request,
            other => panic!("expected a WebSocket to open, not {other:?}"),
        }
    }

    fn fetch_request(&mut self) -> FetchRequest {
        match self.socket.poll_command() {
            Some(Command::Fetch(request)) => request,
            other => panic!("expected a request to fetch, not {other:?}"),
        }
    }

    fn message(&mut self) -> (ExchangeId, Value) {
        match self.socket.poll_command() {
            Some(Command::SendText { exchange, text }) => (exchange, serde_json::from_str(&text).expect("JSON")),
            other => panic!("expected a message, not {other:?}"),
        }
    }

    /// Opens the WebSocket that the client asks for, and takes the message with the request.
    fn open(&mut self) -> (ExchangeId, Value) {
        let request = self.websocket_request();
        self.socket.handle_open(request.exchange, &Headers::new());
        self.run();
        self.message()
    }

    fn texts(&mut self, exchange: ExchangeId, texts: &[String]) {
        for text in texts {
            self.socket.handle_text(exchange, text);
        }
        self.run();
    }

    /// Responds to a request with an event stream of these events.
    fn stream(&mut self, exchange: ExchangeId, headers: &Headers, events: &[String]) {
        self.socket.handle_head(exchange, 200, headers);
        for event in events {
            self.socket.handle_body(exchange, format!("data: {event}\n\n").as_bytes());
        }
        self.socket.handle_end(exchange);
        self.run();
    }

    fn outcome(&self, id: RequestId) -> Option<&OwnedOutcome> {
        self.events.iter().find_map(|event| match event {
            OwnedEvent::Finished { id: of, outcome, .. } if *of == id => Some(outcome),
            _ => None,
        })
    }

    fn completed(&self, id: RequestId) -> &str {
        match self.outcome(id) {
            Some(OwnedOutcome::Completed(completed)) => completed.id.as_deref().expect("an id"),
            other => panic!("the request did not complete: {other:?}"),
        }
    }

    fn disconnected(&self) -> Vec<&CloseReason> {
        let reasons = self.events.iter().filter_map(|event| match event {
            OwnedEvent::Disconnected(Disconnected::Closed(reason)) => Some(reason),
            _ => None,
        });
        reasons.collect()
    }
}

fn provider() -> Provider {
    let mut provider = Provider::new("test", "https://api.example.com:8443/v1");
    provider.retry.max_retries = 1;
    provider.capabilities.ping_interval = None;
    provider
}

fn event_stream() -> Headers {
    headers(&[("Content-Type", "text/event-stream")])
}

fn headers(lines: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in lines {
        headers.append(name, *value).expect("a header");
    }
    headers
}

fn turn_token(message: &Value) -> Option<&str> {
    message["client_metadata"]["x-codex-turn-state"].as_str()
}

fn with_key() -> web::Settings {
    let mut settings = web::Settings::new();
    settings.subprotocols = vec!["realtime".into()];
    settings.key_subprotocol = Some("insecure-key.".into());
    settings
}

#[test]
fn websocket_takes_messages_and_repeats_the_turn_token_within_its_turn() {
    let mut page = Page::websocket(with_key());
    let first = page.ask("one");
    let request = page.websocket_request();
    assert_eq!(request.url, "wss://api.example.com:8443/v1/responses");
    assert_eq!(request.subprotocols, ["realtime", "insecure-key.key-1"]);
    assert_eq!(request.headers.get_str("authorization"), Some("Bearer key-1"));
    assert!(!["host", "upgrade", "connection", "sec-websocket-key"].iter().any(|name| request.headers.contains(name)));
    assert!(!format!("{request:?}").contains("key-1"));
    page.socket.handle_open(request.exchange, &headers(&[("X-Server", "a"), ("Sec-WebSocket-Protocol", "realtime")]));
    page.run();
    let (exchange, message) = page.message();
    assert_eq!((message["type"].as_str(), turn_token(&message)), (Some("response.create"), None));
    page.texts(exchange, &[created("a"), token("state-1"), delta("hi"), done("a")]);
    assert_eq!(page.completed(first), "a");

    let second = page.ask("two");
    let (exchange, message) = page.message();
    assert_eq!(turn_token(&message), Some("state-1"));
    page.texts(exchange, &[created("b"), done("b")]);
    assert_eq!(page.completed(second), "b");

    page.client.begin_turn().expect("no request is in flight");
    let third = page.ask("three");
    let (exchange, message) = page.message();
    assert_eq!(turn_token(&message), None);
    page.texts(exchange, &[created("c"), done("c")]);
    assert_eq!(page.completed(third), "c");
    let connected = page.events.iter().find_map(|event| match event {
        OwnedEvent::Connected { head, .. } => head.as_ref(),
        _ => None,
    });
    assert_eq!(connected.and_then(|head| head.headers.get_str("x-server")), Some("a"));

    page.client.close(page.now);
    page.run();
    let closed = Command::CloseWebSocket { exchange, code: Some(1000), reason: String::new() };
    assert_eq!(page.socket.poll_command(), Some(closed));
    page.socket.handle_close(exchange, 1000, "");
    page.run();
    assert!(page.client.is_finished());
}

#[test]
fn fetch_takes_requests_and_repeats_the_turn_token_within_its_turn() {
    let mut page = Page::http();
    let first = page.ask("one");
    let request = page.fetch_request();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://api.example.com:8443/v1/responses"));
    assert_eq!(request.headers.get_str("authorization"), Some("Bearer key-1"));
    assert_eq!(request.headers.get_str("content-type"), Some("application/json"));
    assert!(!["host", "content-length", "accept-encoding"].iter().any(|name| request.headers.contains(name)));
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!((body["stream"].as_bool(), body["input"].as_array().map(Vec::len)), (Some(true), Some(1)));
    // The runtime has decoded the body, and shows how it was sent.
    let sent = [("Content-Encoding", "br"), ("Content-Length", "7"), ("Transfer-Encoding", "chunked")];
    let mut head = headers(&sent);
    head.append("content-type", "text/event-stream").expect("a header");
    head.append("X-Codex-Turn-State", "state-1").expect("a header");
    page.stream(request.exchange, &head, &[created("a"), delta("hi"), done("a")]);
    assert_eq!(page.completed(first), "a");

    let second = page.ask("two");
    let request = page.fetch_request();
    assert_eq!(request.headers.get_str("x-codex-turn-state"), Some("state-1"));
    page.stream(request.exchange, &event_stream(), &[created("b"), done("b")]);
    assert_eq!(page.completed(second), "b");

    page.client.begin_turn().expect("no request is in flight");
    page.ask("three");
    assert!(!page.fetch_request().headers.contains("x-codex-turn-state"));
}

#[test]
fn websocket_that_cannot_be_opened_falls_back_to_fetch() {
    let mut page = Page::new(provider(), TransportPreference::Auto, web::Settings::new());
    let id = page.ask("one");
    let first = page.websocket_request();
    page.socket.handle_close(first.exchange, 1006, "");
    page.run();
    page.jump();
    let second = page.websocket_request();
    assert!(second.exchange > first.exchange);
    page.socket.handle_close(second.exchange, 1006, "");
    page.run();
    let request = page.fetch_request();
    page.stream(request.exchange, &event_stream(), &[created("a"), done("a")]);
    assert_eq!(page.completed(id), "a");
    assert!(page.client.is_http_fallback());
}

#[test]
fn rejected_handshake_that_the_runtime_shows_falls_back_at_once() {
    let mut page = Page::new(provider(), TransportPreference::Auto, web::Settings::new());
    let id = page.ask("one");
    let request = page.websocket_request();
    page.socket.handle_rejected(request.exchange, 426, &Headers::new(), b"use http");
    page.run();
    let request = page.fetch_request();
    page.stream(request.exchange, &event_stream(), &[created("a"), done("a")]);
    assert_eq!(page.completed(id), "a");
}

#[test]
fn error_response_fails_the_request_with_its_status_and_body() {
    let mut page = Page::http();
    let id = page.ask("one");
    let request = page.fetch_request();
    page.socket.handle_head(request.exchange, 400, &headers(&[("Content-Type", "application/json")]));
    page.socket.handle_body(request.exchange, br#"{"error":{"message":"no such model","code":"model_not_found"}}"#);
    page.socket.handle_end(request.exchange);
    page.run();
    let Some(OwnedOutcome::Failed(failure)) = page.outcome(id) else { panic!("a failure") };
    assert_eq!(failure.status, Some(400));
    assert!(failure.message.contains("no such model"), "{failure:?}");
}

#[test]
fn response_that_breaks_off_before_output_is_requested_again() {
    let mut page = Page::http();
    let id = page.ask("one");
    let first = page.fetch_request();
    page.socket.handle_head(first.exchange, 200, &event_stream());
    page.socket.handle_body(first.exchange, format!("data: {}\n\n", created("a")).as_bytes());
    page.socket.handle_lost(first.exchange, "Failed to fetch");
    page.run();
    page.jump();
    let second = page.fetch_request();
    // What the runtime still reports of the first changes nothing.
    page.socket.handle_body(first.exchange, format!("data: {}\n\n", done("a")).as_bytes());
    page.socket.handle_end(first.exchange);
    page.run();
    assert!(page.outcome(id).is_none());
    page.socket.handle_head(second.exchange, 200, &event_stream());
    page.socket.handle_end(first.exchange);
    for event in [created("b"), done("b")] {
        page.socket.handle_body(second.exchange, format!("data: {event}\n\n").as_bytes());
    }
    page.socket.handle_end(second.exchange);
    page.run();
    assert_eq!(page.completed(id), "b");
}

#[test]
fn body_that_ends_early_is_a_truncated_response() {
    let mut page = Page::http();
    let id = page.ask("one");
    let request = page.fetch_request();
    page.stream(request.exchange, &event_stream(), &[created("a"), delta("hi")]);
    let Some(OwnedOutcome::Failed(failure)) = page.outcome(id) else { panic!("a failure: {:?}", page.events) };
    assert!(failure.message.contains("closed"), "{failure:?}");
}

#[test]
fn cancelled_request_is_aborted() {
    let mut page = Page::http();
    let id = page.ask("one");
    let request = page.fetch_request();
    page.socket.handle_head(request.exchange, 200, &event_stream());
    page.run();
    page.client.cancel(page.now, id);
    page.run();
    assert_eq!(page.socket.poll_command(), Some(Command::Abort(request.exchange)));
    assert!(matches!(page.outcome(id), Some(OwnedOutcome::Cancelled)));
}

#[test]
fn websocket_closed_by_the_server_reports_its_code() {
    for (code, reason, expected) in [
        (1001, "restart", CloseReason::Peer { code: 1001, reason: "restart".into() }),
        (1005, "", CloseReason::Peer { code: 1005, reason: String::new() }),
        (4000, "", CloseReason::Peer { code: 4000, reason: String::new() }),
        (1006, "", CloseReason::Lost(LossReason::Network("the WebSocket was closed with code 1006".into()))),
        (7, "", CloseReason::Lost(LossReason::Network("the WebSocket was closed with code 7".into()))),
    ] {
        let mut page = Page::websocket(web::Settings::new());
        page.ask("one");
        let (exchange, _) = page.open();
        page.texts(exchange, &[created("a"), done("a")]);
        page.socket.handle_close(exchange, code, reason);
        page.run();
        assert_eq!(page.disconnected(), [&expected]);
    }
}

#[test]
fn close_reason_that_is_too_long_is_cut_between_characters() {
    let mut page = Page::websocket(web::Settings::new());
    page.ask("one");
    let (exchange, _) = page.open();
    page.texts(exchange, &[created("a"), done("a")]);
    page.socket.handle_close(exchange, 1000, &"é".repeat(200));
    page.run();
    assert_eq!(page.disconnected(), [&CloseReason::Peer { code: 1000, reason: "é".repeat(61) }]);
}

#[test]
fn binary_message_makes_the_client_close() {
    let mut page = Page::websocket(web::Settings::new());
    page.ask("one");
    let (exchange, _) = page.open();
    page.socket.handle_binary(exchange);
    page.run();
    let command = page.socket.poll_command();
    assert!(matches!(command, Some(Command::CloseWebSocket { code: Some(1003), .. })), "{command:?}");
}

#[test]
fn key_that_no_subprotocol_can_contain_is_not_sent() {
    let mut page = Page::websocket(with_key());
    page.client.set_credentials(page.now, Credentials::bearer("key 2"));
    page.ask("one");
    assert_eq!(page.socket.poll_command(), None);
    let told = page.events.iter().find_map(|event| match event {
        OwnedEvent::Retry { failure, .. } => Some(failure.message.as_str()),
        _ => None,
    });
    assert!(told.is_some_and(|told| told.contains("no subprotocol can contain")), "{told:?}");
    assert!(!format!("{:?} {:?}", page.events, page.socket).contains("key 2"));
}

#[test]
fn idle_websocket_answers_the_check_before_the_next_request() {
    let mut page = Page::websocket(web::Settings::new());
    page.ask("one");
    let (exchange, _) = page.open();
    page.texts(exchange, &[created("a"), done("a")]);
    page.now = page.now + Duration::from_secs(600);
    let id = page.ask("two");
    let (exchange, _) = page.message();
    page.texts(exchange, &[created("b"), done("b")]);
    assert_eq!(page.completed(id), "b");
    assert_eq!(page.socket.poll_command(), None, "no second WebSocket");
}

#[test]
fn more_than_the_limit_waits_connection_is_lost() {
    let mut settings = web::Settings::new();
    settings.max_waiting = 100_000;
    let mut socket = Socket::new(settings);
    socket.open(false);
    socket.write(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let Some(Command::Fetch(request)) = socket.poll_command() else { panic!("a request") };
    assert_eq!(request.url, "http://localhost/v1/models");
    socket.handle_head(request.exchange, 200, &Headers::new());
    assert!(socket.wants_input());
    socket.handle_body(request.exchange, &[b'x'; 90_000]);
    assert!(!socket.wants_input());
    let mut buffer = [0; 1024];
    assert_eq!(socket.read(&mut buffer), ReadResult::Bytes(1024));
    socket.handle_body(request.exchange, &[b'x'; 20_000]);
    assert_eq!(socket.read(&mut buffer), ReadResult::Lost("more than 100000 bytes wait to be read".into()));
    assert_eq!(socket.poll_command(), Some(Command::Abort(request.exchange)));
    assert_eq!(socket.poll_command(), None);
}

#[test]
fn responses_without_a_body_and_statuses_of_none_are_told_apart() {
    for (status, expected) in
        [(204, true), (304, true), (101, false), (100, false), (99, false), (0, false), (1000, false)]
    {
        let mut socket = Socket::new(web::Settings::new());
        socket.open(false);
        socket.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let Some(Command::Fetch(request)) = socket.poll_command() else { panic!("a request") };
        socket.handle_head(request.exchange, status, &Headers::new());
        socket.handle_body(request.exchange, b"ignored");
        socket.handle_end(request.exchange);
        let mut buffer = [0; 1024];
        match socket.read(&mut buffer) {
            ReadResult::Bytes(length) if expected => assert!(buffer[..length].ends_with(b"\r\n\r\n")),
            ReadResult::Lost(_) if !expected => {}
            other => panic!("{status}: {other:?}"),
        }
    }
}
