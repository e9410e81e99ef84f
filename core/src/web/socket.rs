//! `Socket`: bytes on the client's side, messages on the side of the runtime.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::command::{Command, ExchangeId, FetchRequest, WebSocketRequest};
use super::request;
use super::settings::Settings;
use super::state::{Frames, State, Step};
use crate::byte_queue::ByteQueue;
use crate::http::{self, Headers, Request};
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
    input: ByteQueue,
    end: Option<End>,
    commands: VecDeque<Command>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Eof,
    Lost(String),
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
            input: ByteQueue::default(),
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
        self.state = State::request();
    }

    /// Takes all bytes that the client writes.
    pub fn write(&mut self, mut bytes: &[u8]) {
        loop {
            match self.state.step(&mut bytes) {
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
        let waiting = self.input.pending();
        let length = waiting.len().min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        self.input.advance(length);
        match (length, &self.end) {
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
        self.input = ByteQueue::default();
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
                http::encode_response(&response, self.input.buffer_mut());
                let limits = ws::Limits::new().with_frame(usize::MAX).with_message(usize::MAX);
                self.state = State::WebSocket(Box::new(Frames {
                    decoder: ws::Decoder::new(Role::Server, limits, None),
                    encoder: ws::Encoder::new(Role::Server, None),
                }));
                self.check_limit();
            }
            Err(refusal) => {
                http::encode_response(&refusal.response, self.input.buffer_mut());
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
        let out = self.input.buffer_mut();
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
                let out = self.input.buffer_mut();
                // Cannot fail: the code was in a frame, and there is no reason.
                let _ = ws::Encoder::new(Role::Server, None).encode(Message::Close(close), [0; 4], out);
                self.end(End::Eof);
            }
            State::Closed | State::Head(_) | State::Body { .. } | State::Fetching { .. } | State::Response { .. } => {}
        }
    }

    /// The head of the response has arrived, with the headers that the runtime shows. A page sees only those that
    /// `Access-Control-Expose-Headers` names.
    pub fn handle_head(&mut self, exchange: ExchangeId, status: u16, headers: &Headers) {
        let (State::Fetching { is_head }, true) = (&self.state, exchange == self.exchange) else { return };
        let is_head = *is_head;
        let Some(mut response) = request::response(status, headers) else { return self.lose_unreadable() };
        let bodiless = is_head || request::is_bodiless(status);
        if !bodiless {
            let _ = response.headers.append("Transfer-Encoding", "chunked");
        }
        // The runtime keeps connections; the next request takes another socket of this kind.
        let _ = response.headers.append("Connection", "close");
        http::encode_response(&response, self.input.buffer_mut());
        self.state = State::Response { bodiless };
        self.check_limit();
    }

    /// A part of the response's body has arrived, decoded.
    pub fn handle_body(&mut self, exchange: ExchangeId, bytes: &[u8]) {
        if exchange != self.exchange || !matches!(self.state, State::Response { bodiless: false }) {
            return;
        }
        // A chunk of no bytes would be the last one.
        if !bytes.is_empty() {
            http::encode_chunk(bytes, self.input.buffer_mut());
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
                http::encode_last_chunk(self.input.buffer_mut());
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
        self.state = State::Fetching { is_head: head.method() == "HEAD" };
    }

    /// Appends a frame for the client, on an open WebSocket.
    fn push_frame(&mut self, message: Message<'_>) {
        let State::WebSocket(frames) = &mut self.state else { return };
        // Cannot fail: there is no close code, and a pong has the payload of a ping.
        let _ = frames.encoder.encode(message, [0; 4], self.input.buffer_mut());
        self.check_limit();
    }

    /// Appends a close frame for the client, which is the end.
    fn end_with(&mut self, close: Message<'_>) {
        let State::WebSocket(frames) = &mut self.state else { return };
        // Cannot fail: the code is valid, and the reason is short enough.
        let _ = frames.encoder.encode(close, [0; 4], self.input.buffer_mut());
        self.end(End::Eof);
    }

    /// Ends the connection as lost if more bytes wait to be read than the limit.
    fn check_limit(&mut self) {
        let limit = self.settings.max_waiting;
        if self.input.len() > limit {
            self.abort();
            self.input = ByteQueue::default();
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
            State::Opening(_)
            | State::WebSocket(_)
            | State::Closing(_)
            | State::Fetching { .. }
            | State::Response { .. } => self.abort_exchange(),
            State::Closed | State::Head(_) | State::Body { .. } => {}
        }
    }

    fn abort_exchange(&mut self) {
        self.commands.push_back(Command::Abort(self.exchange));
    }
}
