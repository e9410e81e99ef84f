//! `Socket`: bytes on the client's side, messages on the side of the runtime.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::command::{Command, ExchangeId, FetchRequest, WebSocketRequest};
use super::input::InputBuffer;
use super::request;
use super::settings::Settings;
use crate::http::{self, BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Headers, Request};
use crate::truncate::truncated;
use crate::ws::{self, Close, Message, Role, handshake};

/// The number of waiting bytes from which on no more of a body is wanted.
const LOW_WATER: usize = 64 * 1024;

/// The result of [`Socket::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadResult {
    /// This number of bytes was read.
    Bytes(usize),
    /// There is nothing to read now.
    Blocked,
    /// The peer has ended its bytes in an orderly way.
    Eof,
    /// The connection is lost, for this reason.
    Lost(String),
}

/// A socket that a WebSocket or a `fetch` of the runtime stands in for.
///
/// The client's side: [`open`](Self::open), [`write`](Self::write), [`read`](Self::read), [`disconnect`](Self::disconnect). The runtime's
/// side: [`poll_command`](Self::poll_command), and `handle_*` for what has happened. Pings of the client are answered here, because the
/// Web has none: only the runtime notices a peer that is gone.
///
/// `Debug` shows no bytes.
pub struct Socket {
    settings: Settings,
    tls: bool,
    state: State,
    exchange: ExchangeId,
    input: InputBuffer,
    end: Option<End>,
    commands: VecDeque<Command>,
}

enum State {
    /// Not open, or ended: what the client writes is dropped.
    Closed,
    /// Reads the head of the client's request.
    Head(Box<HeadDecoder<Request>>),
    /// Reads the body of the client's request.
    Body {
        head: Box<Request>,
        body: BodyDecoder,
        bytes: Vec<u8>,
    },
    /// The runtime opens a WebSocket.
    Opening(Box<Request>),
    WebSocket(Box<Frames>),
    /// The runtime closes the WebSocket.
    Closing(Option<Code>),
    /// The runtime sends the request.
    Fetching,
    /// The head of the response has arrived.
    Response {
        bodiless: bool,
    },
}

/// The framing between the client and this socket: that of a server.
struct Frames {
    decoder: ws::Decoder,
    encoder: ws::Encoder,
}

/// A close code that can be in a frame.
type Code = u16;

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Eof,
    Lost(String),
}

/// What a part of the client's bytes leads to.
enum Step {
    Incomplete,
    Request(Request),
    RequestWithBody(Request, Vec<u8>),
    Text(String),
    Pong(Vec<u8>),
    Close(Option<Code>, String),
    Nothing,
    Invalid(&'static str),
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("settings", &self.settings)
            .field("exchange", &self.exchange)
            .field("waiting", &self.input.len())
            .field("commands", &self.commands.len())
            .finish_non_exhaustive()
    }
}

/// The client's side.
impl Socket {
    /// Creates a socket that is not open.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            tls: false,
            state: State::Closed,
            exchange: ExchangeId(0),
            input: InputBuffer::default(),
            end: None,
            commands: VecDeque::new(),
        }
    }

    /// Opens the socket, and drops the one before. The runtime connects when the client has written its request. `tls`: whether the
    /// client asks for TLS, which the runtime does.
    pub fn open(&mut self, tls: bool) {
        self.disconnect();
        self.exchange.0 += 1;
        self.tls = tls;
        self.state = State::Head(Box::new(HeadDecoder::new(client_head_limits())));
    }

    /// Takes all bytes that the client writes.
    pub fn write(&mut self, mut bytes: &[u8]) {
        loop {
            match self.step(&mut bytes) {
                Step::Incomplete => return,
                Step::Nothing => {}
                Step::Request(head) if handshake::is_upgrade(&head) => self.open_websocket(head),
                Step::Request(head) => self.fetch(&head, Vec::new()),
                Step::RequestWithBody(head, body) => self.fetch(&head, body),
                Step::Text(text) => self.commands.push_back(Command::SendText { exchange: self.exchange, text }),
                Step::Pong(payload) => self.push_frame(Message::Pong(&payload)),
                Step::Close(code, reason) => {
                    self.commands.push_back(Command::CloseWebSocket { exchange: self.exchange, code, reason });
                    self.state = State::Closing(code);
                }
                Step::Invalid(reason) => {
                    self.abort();
                    self.lose(reason.into());
                }
            }
        }
    }

    /// Reads into `buffer`, which is not empty.
    pub fn read(&mut self, buffer: &mut [u8]) -> ReadResult {
        match (self.input.read(buffer), &self.end) {
            (0, None) => ReadResult::Blocked,
            (0, Some(End::Eof)) => ReadResult::Eof,
            (0, Some(End::Lost(reason))) => ReadResult::Lost(reason.clone()),
            (length, _) => ReadResult::Bytes(length),
        }
    }

    /// Drops the connection. The runtime is told to drop the WebSocket or the request, if there is one.
    pub fn disconnect(&mut self) {
        self.abort();
        self.state = State::Closed;
        self.input = InputBuffer::default();
        self.end = None;
    }
}

/// The side of the runtime. A method whose exchange has ended, or is not in the state for it, changes nothing.
impl Socket {
    /// Returns the next action that the runtime must perform. Each is returned once.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Returns whether the runtime should read more of the response's body. What is reported regardless is kept, up to
    /// [`Settings::max_waiting`].
    #[must_use]
    pub const fn wants_input(&self) -> bool {
        self.input.len() < LOW_WATER
    }

    /// The WebSocket is open. `headers`: those of the response, if the runtime shows them.
    pub fn handle_open(&mut self, exchange: ExchangeId, headers: &Headers) {
        if exchange != self.exchange || !matches!(self.state, State::Opening(_)) {
            return;
        }
        let State::Opening(head) = mem::replace(&mut self.state, State::Closed) else { return };
        match handshake::accept(&head, &handshake::ServerOptions::default()) {
            Ok((mut response, _)) => {
                request::add_to_handshake(&mut response, headers);
                http::encode_response(&response, self.input.bytes_mut());
                let limits = ws::Limits::new().with_frame(usize::MAX).with_message(usize::MAX);
                self.state = State::WebSocket(Box::new(Frames {
                    decoder: ws::Decoder::new(Role::Server, limits, None),
                    encoder: ws::Encoder::new(Role::Server, None),
                }));
            }
            Err(refusal) => {
                http::encode_response(&refusal.response, self.input.bytes_mut());
                self.abort_exchange();
                self.end(End::Eof);
            }
        }
    }

    /// The server has rejected the handshake with this response, and the runtime shows it. A page cannot see it: there, the WebSocket
    /// is [closed](Self::handle_close) with code 1006.
    pub fn handle_rejected(&mut self, exchange: ExchangeId, status: u16, headers: &Headers, body: &[u8]) {
        if exchange != self.exchange || !matches!(self.state, State::Opening(_)) {
            return;
        }
        let response = request::response(status, headers);
        let Some(mut response) = response else { return self.lose_unreadable() };
        let _ = response.headers.append("Content-Length", alloc::format!("{}", body.len()));
        let _ = response.headers.append("Connection", "close");
        let out = self.input.bytes_mut();
        http::encode_response(&response, out);
        if !request::is_bodiless(status) {
            out.extend_from_slice(body);
        }
        self.end(End::Eof);
        self.check_limit();
    }

    /// A text message has arrived.
    pub fn handle_text(&mut self, exchange: ExchangeId, text: &str) {
        if exchange == self.exchange {
            self.push_frame(Message::Text(text));
        }
    }

    /// A binary message has arrived. The protocol has none: the client closes the WebSocket.
    pub fn handle_binary(&mut self, exchange: ExchangeId) {
        if exchange == self.exchange {
            self.push_frame(Message::Binary(&[]));
        }
    }

    /// The WebSocket is closed, with the code and the reason of the peer's close frame. Without a close frame the code is 1006, also
    /// when the WebSocket could not be opened.
    pub fn handle_close(&mut self, exchange: ExchangeId, code: u16, reason: &str) {
        if exchange != self.exchange {
            return;
        }
        match &self.state {
            State::Opening(_) => self.lose("the WebSocket could not be opened".into()),
            State::WebSocket(_) => match code {
                1005 => self.end_with(Message::Close(None)),
                code if ws::is_close_code(code) => {
                    self.end_with(Message::Close(Some(Close { code, reason: truncated(reason, 123) })));
                }
                code => self.lose(alloc::format!("the WebSocket was closed with code {code}")),
            },
            // The client has closed it: what the peer answers is the end that it waits for.
            State::Closing(sent) => {
                let close = sent.map(|code| Close { code, reason: "" });
                let out = self.input.bytes_mut();
                // Cannot fail: the code was in a frame, and there is no reason.
                let _ = ws::Encoder::new(Role::Server, None).encode(Message::Close(close), [0; 4], out);
                self.end(End::Eof);
            }
            State::Closed | State::Head(_) | State::Body { .. } | State::Fetching | State::Response { .. } => {}
        }
    }

    /// The head of the response has arrived, with the headers that the runtime shows. A page sees only those that
    /// `Access-Control-Expose-Headers` names.
    pub fn handle_head(&mut self, exchange: ExchangeId, status: u16, headers: &Headers) {
        if exchange != self.exchange || !matches!(self.state, State::Fetching) {
            return;
        }
        let Some(mut response) = request::response(status, headers) else { return self.lose_unreadable() };
        let bodiless = request::is_bodiless(status);
        if !bodiless {
            let _ = response.headers.append("Transfer-Encoding", "chunked");
        }
        // The runtime keeps connections; the next request takes another socket of this kind.
        let _ = response.headers.append("Connection", "close");
        http::encode_response(&response, self.input.bytes_mut());
        self.state = State::Response { bodiless };
    }

    /// A part of the response's body has arrived, decoded.
    pub fn handle_body(&mut self, exchange: ExchangeId, bytes: &[u8]) {
        if exchange != self.exchange || !matches!(self.state, State::Response { bodiless: false }) {
            return;
        }
        // A chunk of no bytes would be the last one.
        if !bytes.is_empty() {
            http::encode_chunk(bytes, self.input.bytes_mut());
            self.check_limit();
        }
    }

    /// The response's body has ended.
    pub fn handle_end(&mut self, exchange: ExchangeId) {
        if exchange != self.exchange {
            return;
        }
        if let State::Response { bodiless } = self.state {
            if !bodiless {
                http::encode_last_chunk(self.input.bytes_mut());
            }
            self.end(End::Eof);
        }
    }

    /// The exchange has failed, for a reason that the runtime gives.
    pub fn handle_lost(&mut self, exchange: ExchangeId, reason: &str) {
        let is_open = !matches!(self.state, State::Closed | State::Head(_) | State::Body { .. });
        if exchange == self.exchange && is_open {
            self.lose(reason.into());
        }
    }
}

impl Socket {
    /// Takes some of the client's bytes.
    fn step(&mut self, bytes: &mut &[u8]) -> Step {
        const NO_HTTP: Step = Step::Invalid("the client wrote bytes that are not an HTTP request");
        match &mut self.state {
            State::Head(decoder) => match decoder.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Err(_) => NO_HTTP,
                Ok(Some(head)) if handshake::is_upgrade(&head) => Step::Request(head),
                Ok(Some(head)) => match BodyDecoder::request(&head, BodyLimits::new()) {
                    Ok(body) => {
                        self.state = State::Body { head: Box::new(head), body, bytes: Vec::new() };
                        Step::Nothing
                    }
                    Err(_) => NO_HTTP,
                },
            },
            State::Body { head, body, bytes: collected } => match body.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Err(_) => NO_HTTP,
                Ok(Some(BodyPart::Data(data))) => {
                    collected.extend_from_slice(data);
                    Step::Nothing
                }
                Ok(Some(BodyPart::End(_))) => Step::RequestWithBody((**head).clone(), mem::take(collected)),
            },
            State::WebSocket(frames) => match frames.decoder.decode(bytes) {
                Ok(None) => Step::Incomplete,
                Ok(Some(Message::Text(text))) => Step::Text(text.into()),
                Ok(Some(Message::Ping(payload))) => Step::Pong(payload.into()),
                Ok(Some(Message::Pong(_))) => Step::Nothing,
                Ok(Some(Message::Close(close))) => {
                    Step::Close(close.map(|close| close.code), close.map_or("", |close| close.reason).into())
                }
                Ok(Some(Message::Binary(_))) | Err(_) => {
                    Step::Invalid("the client wrote bytes that are no text message")
                }
            },
            // Nothing follows a handshake before its response, or a request: a response ends the connection.
            State::Closed | State::Opening(_) | State::Closing(_) | State::Fetching | State::Response { .. } => {
                *bytes = &[];
                Step::Incomplete
            }
        }
    }

    fn open_websocket(&mut self, head: Request) {
        match request::subprotocols(&head, &self.settings) {
            Ok(subprotocols) => {
                self.commands.push_back(Command::OpenWebSocket(WebSocketRequest {
                    exchange: self.exchange,
                    url: request::url(&head, true, self.tls),
                    subprotocols,
                    headers: request::request_headers(&head),
                }));
                self.state = State::Opening(Box::new(head));
            }
            Err(reason) => self.lose(reason.into()),
        }
    }

    fn fetch(&mut self, head: &Request, body: Vec<u8>) {
        self.commands.push_back(Command::Fetch(FetchRequest {
            exchange: self.exchange,
            method: head.method().into(),
            url: request::url(head, false, self.tls),
            headers: request::request_headers(head),
            body,
        }));
        self.state = State::Fetching;
    }

    /// Appends a frame for the client, on an open WebSocket.
    fn push_frame(&mut self, message: Message<'_>) {
        let State::WebSocket(frames) = &mut self.state else { return };
        // Cannot fail: there is no close code, and a pong has the payload of a ping.
        let _ = frames.encoder.encode(message, [0; 4], self.input.bytes_mut());
        self.check_limit();
    }

    /// Appends a close frame for the client, which is the end.
    fn end_with(&mut self, close: Message<'_>) {
        let State::WebSocket(frames) = &mut self.state else { return };
        // Cannot fail: the code is valid, and the reason is short enough.
        let _ = frames.encoder.encode(close, [0; 4], self.input.bytes_mut());
        self.end(End::Eof);
    }

    /// Ends the connection as lost if more bytes wait to be read than the limit.
    fn check_limit(&mut self) {
        let limit = self.settings.max_waiting;
        if self.input.len() > limit {
            self.abort();
            self.input = InputBuffer::default();
            self.lose(alloc::format!("more than {limit} bytes wait to be read"));
        }
    }

    fn lose_unreadable(&mut self) {
        self.abort();
        self.lose("the runtime reported a status that no response has".into());
    }

    fn lose(&mut self, reason: String) {
        self.end(End::Lost(reason));
    }

    fn end(&mut self, end: End) {
        self.state = State::Closed;
        self.end = Some(end);
    }

    /// Lets the runtime drop what it does for this socket.
    fn abort(&mut self) {
        match self.state {
            State::Opening(_) | State::WebSocket(_) | State::Closing(_) | State::Fetching | State::Response { .. } => {
                self.abort_exchange()
            }
            State::Closed | State::Head(_) | State::Body { .. } => {}
        }
    }

    fn abort_exchange(&mut self) {
        self.commands.push_back(Command::Abort(self.exchange));
    }
}

/// The client's own heads are as long as the application makes them.
const fn client_head_limits() -> HeadLimits {
    HeadLimits::new().with_bytes(usize::MAX).with_headers(1024)
}
