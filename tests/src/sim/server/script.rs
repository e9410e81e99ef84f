//! Scripts: the server's actions for each request, including the faults.

use std::collections::VecDeque;

use turnwire::connection::Transport;
use turnwire::turn::Turn;

use super::messages::{Message, Steering, Token};
use super::raw;
use crate::sim::context::FaultInjector;
use crate::sim::fault::Fault;
use crate::sim::plan::{Plan, micros};
use crate::sim::random::Random;

/// One action of a server.
#[derive(Clone, Debug)]
pub enum Action {
    /// Begins an event stream; the value is the turn token in the head.
    Begin(Option<String>),
    /// Sends a whole response: status, headers, body.
    Respond(u16, Vec<(&'static str, String)>, &'static str),
    /// Sends a message. The flag marks a late one, after the end of its response.
    Send(Message, bool),
    /// Sends a message in several frames.
    Fragments(Message),
    /// Sends a ping (WebSocket) or a comment (HTTP).
    KeepAlive,
    /// Ends the event stream.
    EndStream,
    /// Writes raw bytes.
    Raw(Vec<u8>),
    /// Writes raw bytes, unless the next request has arrived: they would be part of the response to it.
    Unsolicited(&'static [u8]),
    /// Sends `response.created` of a successor: from here on the response has another id.
    Succeed,
    /// Closes the WebSocket with this code.
    Close(u16),
    /// Closes the socket.
    HangUp,
}

/// The remaining actions for one request.
#[derive(Clone, Debug)]
pub struct Script {
    /// Index of the response.
    pub response: usize,
    /// The request's lane, for WebSocket.
    pub lane: Option<usize>,
    /// The transport.
    pub transport: Transport,
    /// The actions, each with a delay in microseconds before it.
    pub actions: VecDeque<(u64, Action)>,
    /// Texts of the input and of the output so far.
    pub texts: Vec<String>,
    /// The request's instructions.
    pub instructions: String,
    /// The steering submissions that were accepted, and whose fate is open.
    pub steers: Vec<Steering>,
    /// Whether the response is interrupted, which ends its submissions: the lane is free although replies to them follow.
    pub interrupted: bool,
}

/// Builds the script of a response.
#[derive(Debug)]
pub struct ScriptBuilder<'a> {
    random: &'a mut Random,
    injector: &'a mut FaultInjector,
    plan: &'a Plan,
    transport: Transport,
    /// Whether the request is a prewarm, for which nothing is generated.
    pub warm: bool,
    /// Index of the response; turn tokens contain it.
    pub response: usize,
    actions: VecDeque<(u64, Action)>,
    /// Whether a message with the response's id was sent.
    named: bool,
}

const FAILED: [&str; 6] = [
    r#"{"code":"server_error","message":"sorry"}"#,
    r#"{"code":"rate_limit_exceeded","message":"Rate limit reached. Please try again in 1.5s."}"#,
    r#"{"code":"context_length_exceeded","message":"too long"}"#,
    r#"{"code":"insufficient_quota","message":"no money"}"#,
    r#"{"code":"server_is_overloaded","message":"busy"}"#,
    "null",
];
const ERRORS: [&str; 6] = [
    r#""status":500,"error":{"type":"server_error","message":"sorry"}"#,
    r#""status":429,"error":{"type":"usage_limit_reached","plan_type":"plus"}"#,
    r#""error":{"type":"invalid_request_error","code":"bad","message":"no"}"#,
    r#""code":"server_error","message":"flat","param":null"#,
    r#""status":401,"error":{"message":"who are you"}"#,
    r#""status":503,"error":{"message":"later"}"#,
];
const FORGOTTEN: &str = r#""status":400,"error":{"type":"invalid_request_error","code":"previous_response_not_found","message":"no such response"}"#;
const LIMIT: &str = r#""status":400,"error":{"type":"invalid_request_error","code":"websocket_connection_limit_reached","message":"60 minutes"}"#;

impl<'a> ScriptBuilder<'a> {
    /// Creates a builder without actions.
    pub const fn new(
        random: &'a mut Random,
        injector: &'a mut FaultInjector,
        plan: &'a Plan,
        transport: Transport,
    ) -> Self {
        Self { random, injector, plan, transport, warm: false, response: 0, actions: VecDeque::new(), named: false }
    }

    /// Returns the script for a request of a response.
    pub fn answer(mut self, incremental: bool) -> VecDeque<(u64, Action)> {
        if self.inject(Fault::Silence) {
            return self.actions;
        }
        if self.transport == Transport::Http && self.head() {
            return self.actions;
        }
        if self.inject(Fault::HangUp) {
            self.act(Action::HangUp);
            return self.actions;
        }
        if incremental && self.inject(Fault::Forgotten) {
            self.send(Message::Error(FORGOTTEN));
            return self.finish();
        }
        if self.transport == Transport::WebSocket && self.inject(Fault::ConnectionLimit) {
            self.send(Message::Error(LIMIT));
            return self.finish();
        }
        self.opening();
        let outputs = if self.warm { 0 } else { self.random.below(4) };
        for n in 0..outputs {
            let n = u32::try_from(n).unwrap_or_default();
            if self.early_end() {
                return self.actions;
            }
            self.informational();
            self.send(Message::Delta(n));
            if self.random.one_in(2) {
                self.send(Message::Item(n));
            }
        }
        if self.early_end() {
            return self.actions;
        }
        self.end();
        self.finish()
    }

    /// Returns the script for a unary call.
    pub fn call(mut self) -> VecDeque<(u64, Action)> {
        if self.inject(Fault::Silence) || self.refusal() {
            return self.actions;
        }
        if self.inject(Fault::Garbage) {
            let bytes = raw::bad_head(self.random);
            self.act(Action::Raw(bytes));
            self.act(Action::HangUp);
            return self.actions;
        }
        let token = self.random.one_in(2).then(|| ("x-codex-turn-state", format!("call-{}", self.response)));
        self.act(Action::Respond(200, token.into_iter().collect(), r#"{"output":[]}"#));
        self.actions
    }

    fn inject(&mut self, fault: Fault) -> bool {
        self.injector.inject(self.random, fault)
    }

    fn act(&mut self, action: Action) {
        let idle = micros(self.plan.provider.idle_timeout);
        let slow = self.injector.inject(self.random, Fault::SlowEvents);
        let delay = if slow { self.random.between(idle * 9 / 10, idle * 21 / 20) } else { self.random.below(20_000) };
        self.actions
            .push_back((if self.random.one_in(2) { 0 } else { delay }.max(if slow { delay } else { 0 }), action));
    }

    /// Adds an action with a short delay: the client remembers ended responses only for a while.
    fn soon(&mut self, action: Action) {
        let delay = self.random.below(2000);
        self.actions.push_back((delay, action));
    }

    fn send(&mut self, message: Message) {
        self.named |=
            matches!(message, Message::Created(_) | Message::Completed | Message::Failed(_) | Message::Incomplete);
        if self.transport == Transport::WebSocket
            && !self.plan.provider.capabilities.deflate
            && self.inject(Fault::Fragments)
        {
            return self.act(Action::Fragments(message));
        }
        self.act(Action::Send(message, false));
    }

    /// Adds the head of an HTTP response. Returns whether it is the whole response.
    fn head(&mut self) -> bool {
        if self.refusal() {
            return true;
        }
        if self.inject(Fault::Garbage) {
            let bytes = raw::bad_head(self.random);
            self.act(Action::Raw(bytes));
            if self.random.one_in(2) {
                self.act(Action::HangUp);
            }
            return true;
        }
        if self.inject(Fault::Interim) {
            let times = if self.random.one_in(8) { 20 } else { 2 };
            self.act(Action::Raw(b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n".repeat(times)));
        }
        let token = self.token();
        let token = match token {
            Some(Token::Plain(token)) => Some(token),
            _ => None,
        };
        self.act(Action::Begin(token));
        false
    }

    fn refusal(&mut self) -> bool {
        if self.inject(Fault::Refused) {
            let status = self.random.pick(&[400, 402, 403, 404, 413, 418, 429, 500, 502, 503, 504, 301]);
            self.act(Action::Respond(status, Vec::new(), r#"{"error":{"message":"no","code":"some"}}"#));
            return true;
        }
        if self.inject(Fault::Throttled) {
            let (status, after) = (self.random.pick(&[429, 503]), self.random.between(1, 3));
            self.act(Action::Respond(status, vec![("retry-after", after.to_string())], "slow down"));
            return true;
        }
        false
    }

    /// Returns a turn token in one of its shapes, or none.
    fn token(&mut self) -> Option<Token> {
        if self.inject(Fault::OddToken) {
            return Some(match self.random.below(6) {
                0 => Token::Plain(String::new()),
                1 => Token::Number,
                2 if self.random.one_in(16) => Token::Plain("x".repeat(Turn::MAX_TOKEN + 1)),
                2 => Token::Plain("x".repeat(2000)),
                3 if self.transport == Transport::WebSocket => Token::Plain("two\r\nlines".into()),
                4 if self.transport == Transport::WebSocket => Token::Plain(" spaced ".into()),
                _ => Token::Plain("gr\u{fc}n".into()),
            });
        }
        let number = self.response;
        match self.random.below(6) {
            0..=2 => Some(Token::Plain(format!("ts-{number}"))),
            3 => Some(Token::Array(format!("ta-{number}"))),
            _ => None,
        }
    }

    fn opening(&mut self) {
        let websocket = self.transport == Transport::WebSocket;
        if (websocket || self.inject(Fault::TokenInEvent))
            && let Some(token) = self.token()
        {
            self.send(Message::Metadata(token));
        }
        if self.random.one_in(16) {
            self.send(Message::RateLimits);
        }
        if self.inject(Fault::NoCreated) {
            return;
        }
        self.send(Message::Created("response.created"));
        if self.random.one_in(4) {
            self.send(Message::Created("response.in_progress"));
        }
    }

    /// Adds messages that a server may send at any time.
    fn informational(&mut self) {
        let websocket = self.transport == Transport::WebSocket;
        if self.random.one_in(6) {
            self.send(Message::RateLimits);
        }
        if self.inject(Fault::SecondToken) {
            self.send(Message::Metadata(Token::Plain(format!("second-{}", self.response))));
        }
        if self.inject(Fault::UnknownEvent) {
            self.send(Message::Unknown);
        }
        // With several lanes in use, such a payload cannot be attributed to a request.
        if self.plan.provider.capabilities.max_concurrent_requests == 1 && self.inject(Fault::NotJson) {
            self.act(Action::Send(Message::NotJson, false));
        }
        if self.inject(Fault::BadEvent) {
            self.send(Message::BadEvent);
        }
        if websocket && self.inject(Fault::ForeignLane) {
            self.act(Action::Send(Message::Foreign, true));
        }
        if self.random.one_in(8) {
            self.act(Action::KeepAlive);
        }
        if self.random.one_in(16) {
            self.send(Message::Created("response.in_progress"));
        }
    }

    /// Adds a fault that ends the response early. Returns whether it did.
    fn early_end(&mut self) -> bool {
        let websocket = self.transport == Transport::WebSocket;
        if self.inject(Fault::Silence) {
            return true;
        }
        if self.inject(Fault::SignsOfLife) {
            let gap = 700_000;
            let times = micros(self.plan.provider.idle_timeout) * 3 / gap;
            self.actions.extend((0..times).map(|_| (gap, Action::KeepAlive)));
            return true;
        }
        let ends = [
            (Fault::HangUp, true, true),
            (Fault::EndsEarly, true, true),
            (Fault::CutChunk, false, true),
            (Fault::Garbage, true, true),
            (Fault::Close, true, false),
            (Fault::CloseTooBig, true, false),
            (Fault::Binary, true, false),
        ];
        for (fault, on_websocket, on_http) in ends {
            let fits = if websocket { on_websocket } else { on_http };
            if fits && self.inject(fault) {
                self.end_early(fault);
                return true;
            }
        }
        false
    }

    fn end_early(&mut self, fault: Fault) {
        let websocket = self.transport == Transport::WebSocket;
        match fault {
            Fault::EndsEarly if websocket => self.act(Action::Close(1000)),
            Fault::EndsEarly => self.act(Action::EndStream),
            Fault::CutChunk => {
                self.act(Action::Raw(b"40\r\ndata: {\"type\":".to_vec()));
                self.act(Action::HangUp);
            }
            Fault::Garbage => {
                let bytes = if websocket { raw::bad_frames(self.random) } else { raw::bad_body(self.random) };
                self.act(Action::Raw(bytes));
            }
            Fault::Close => {
                let code = self.random.pick(&[1000, 1001, 1006, 1008, 1011, 1012, 4000]);
                self.act(Action::Close(code));
            }
            Fault::CloseTooBig => self.act(Action::Close(1009)),
            Fault::Binary => self.act(Action::Raw(raw::frame(0x82, &[1, 2, 3]))),
            _ => self.act(Action::HangUp),
        }
    }

    fn end(&mut self) {
        let message = if self.inject(Fault::EventFailed) {
            Message::Failed(self.random.pick(&FAILED))
        } else if self.inject(Fault::EventIncomplete) {
            Message::Incomplete
        } else if self.inject(Fault::EventError) {
            Message::Error(self.random.pick(&ERRORS))
        } else if self.inject(Fault::BadCompleted) {
            Message::BadCompleted
        } else {
            Message::Completed
        };
        self.send(message);
    }

    /// Adds the actions after the end of the response.
    fn finish(mut self) -> VecDeque<(u64, Action)> {
        if self.transport == Transport::Http {
            if self.inject(Fault::BodyStays) {
                if self.random.one_in(2) {
                    self.act(Action::Raw(raw::chunk(&vec![b'x'; 4000])));
                }
                return self.actions;
            }
            self.act(Action::EndStream);
            if self.inject(Fault::Unsolicited) {
                self.act(Action::Unsolicited(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"));
                // After unsolicited bytes, responses no longer match requests: close the socket.
                self.actions.push_back((0, Action::HangUp));
            }
            return self.actions;
        }
        if self.inject(Fault::LateFrames) {
            self.soon(Action::Send(Message::Delta(99), true));
            let again = [Message::Completed, Message::Failed(FAILED[0]), Message::Incomplete];
            let again = again[self.random.pick(&[0, 1, 2])].clone();
            // A second terminal event must name a response that the client knows; otherwise it could belong to any
            // response.
            if self.named {
                self.soon(Action::Send(again, true));
            }
        }
        if self.inject(Fault::IdleNote) {
            self.act(Action::Send(Message::RateLimits, true));
        }
        if self.inject(Fault::CloseIdle) {
            let action = if self.random.one_in(2) { Action::HangUp } else { Action::Close(1001) };
            self.act(action);
        }
        self.actions
    }
}
