//! Scripts: what a server does about a request, step by step, and what goes wrong in it.

use std::collections::VecDeque;

use turnwire::connection::Transport;
use turnwire::turn::Turn;

use super::messages::{Line, Token};
use super::raw;
use crate::sim::context::Luck;
use crate::sim::fault::Fault;
use crate::sim::plan::{Plan, micros};
use crate::sim::random::Random;

/// One thing that a server does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Begins an event stream, with a token in its head or without.
    Begin(Option<String>),
    /// Answers whole: a status, headers, a body.
    Respond(u16, Vec<(&'static str, String)>, &'static str),
    /// Says something. `true`: too late.
    Say(Line, bool),
    /// Says it in several frames.
    Fragments(Line),
    /// A ping, or a comment.
    KeepAlive,
    /// Ends the event stream.
    EndStream,
    /// Writes these bytes.
    Raw(Vec<u8>),
    /// Writes these bytes, unless the next request has come: they would be inside of its answer.
    Unsolicited(&'static [u8]),
    /// Closes the WebSocket with this code.
    Close(u16),
    /// Hangs up, in order.
    HangUp,
}

/// What is still to be done about one request.
#[derive(Clone, Debug)]
pub struct Script {
    /// The response that it makes.
    pub response: usize,
    /// The request's lane, over WebSocket.
    pub lane: Option<usize>,
    /// Over what.
    pub transport: Transport,
    /// Each act with the microseconds before it.
    pub acts: VecDeque<(u64, Act)>,
    /// The texts of the input, and of what was said since.
    pub texts: Vec<String>,
    /// The request's instructions.
    pub instructions: String,
}

/// What an answer is written from.
#[derive(Debug)]
pub struct Author<'a> {
    random: &'a mut Random,
    luck: &'a mut Luck,
    plan: &'a Plan,
    transport: Transport,
    /// Nothing is to be generated.
    pub warm: bool,
    /// The response's number, from which tokens are made.
    pub response: usize,
    acts: VecDeque<(u64, Act)>,
    /// The response's id was said.
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

impl<'a> Author<'a> {
    /// Nothing is written yet.
    pub const fn new(random: &'a mut Random, luck: &'a mut Luck, plan: &'a Plan, transport: Transport) -> Self {
        Self { random, luck, plan, transport, warm: false, response: 0, acts: VecDeque::new(), named: false }
    }

    /// The answer to a request for a response.
    pub fn answer(mut self, incremental: bool) -> VecDeque<(u64, Act)> {
        if self.strikes(Fault::Silence) {
            return self.acts;
        }
        if self.transport == Transport::Http && self.head() {
            return self.acts;
        }
        if self.strikes(Fault::HangUp) {
            self.act(Act::HangUp);
            return self.acts;
        }
        if incremental && self.strikes(Fault::Forgotten) {
            self.say(Line::Error(FORGOTTEN));
            return self.close_up();
        }
        if self.transport == Transport::WebSocket && self.strikes(Fault::ConnectionLimit) {
            self.say(Line::Error(LIMIT));
            return self.close_up();
        }
        self.opening();
        let outputs = if self.warm { 0 } else { self.random.below(4) };
        for n in 0..outputs {
            let n = u32::try_from(n).unwrap_or_default();
            if self.mishap() {
                return self.acts;
            }
            self.notes();
            self.say(Line::Delta(n));
            if self.random.one_in(2) {
                self.say(Line::Item(n));
            }
        }
        if self.mishap() {
            return self.acts;
        }
        self.end();
        self.close_up()
    }

    /// The answer to a unary call.
    pub fn call(mut self) -> VecDeque<(u64, Act)> {
        if self.strikes(Fault::Silence) || self.refusal() {
            return self.acts;
        }
        if self.strikes(Fault::Garbage) {
            let bytes = raw::bad_head(self.random);
            self.act(Act::Raw(bytes));
            self.act(Act::HangUp);
            return self.acts;
        }
        let token = self.random.one_in(2).then(|| ("x-codex-turn-state", format!("call-{}", self.response)));
        self.act(Act::Respond(200, token.into_iter().collect(), r#"{"output":[]}"#));
        self.acts
    }

    fn strikes(&mut self, fault: Fault) -> bool {
        self.luck.strikes(self.random, fault)
    }

    fn act(&mut self, act: Act) {
        let idle = micros(self.plan.provider.idle_timeout);
        let slow = self.luck.strikes(self.random, Fault::SlowEvents);
        let delay = if slow { self.random.between(idle * 9 / 10, idle * 21 / 20) } else { self.random.below(20_000) };
        self.acts.push_back((if self.random.one_in(2) { 0 } else { delay }.max(if slow { delay } else { 0 }), act));
    }

    /// Late words come soon, or they would be later than anybody can remember.
    fn soon(&mut self, act: Act) {
        let delay = self.random.below(2000);
        self.acts.push_back((delay, act));
    }

    fn say(&mut self, line: Line) {
        self.named |= matches!(line, Line::Created(_) | Line::Completed | Line::Failed(_) | Line::Incomplete);
        if self.transport == Transport::WebSocket
            && !self.plan.provider.capabilities.deflate
            && self.strikes(Fault::Fragments)
        {
            return self.act(Act::Fragments(line));
        }
        self.act(Act::Say(line, false));
    }

    /// The head of an HTTP answer; whether it is all of the answer.
    fn head(&mut self) -> bool {
        if self.refusal() {
            return true;
        }
        if self.strikes(Fault::Garbage) {
            let bytes = raw::bad_head(self.random);
            self.act(Act::Raw(bytes));
            if self.random.one_in(2) {
                self.act(Act::HangUp);
            }
            return true;
        }
        if self.strikes(Fault::Interim) {
            let times = if self.random.one_in(8) { 20 } else { 2 };
            self.act(Act::Raw(b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n".repeat(times)));
        }
        let token = self.token();
        let token = match token {
            Some(Token::Plain(token)) => Some(token),
            _ => None,
        };
        self.act(Act::Begin(token));
        false
    }

    fn refusal(&mut self) -> bool {
        if self.strikes(Fault::Refused) {
            let status = self.random.pick(&[400, 402, 403, 404, 413, 418, 429, 500, 502, 503, 504, 301]);
            self.act(Act::Respond(status, Vec::new(), r#"{"error":{"message":"no","code":"some"}}"#));
            return true;
        }
        if self.strikes(Fault::Throttled) {
            let (status, after) = (self.random.pick(&[429, 503]), self.random.between(1, 3));
            self.act(Act::Respond(status, vec![("retry-after", after.to_string())], "slow down"));
            return true;
        }
        false
    }

    /// A token, perhaps, in one of its shapes.
    fn token(&mut self) -> Option<Token> {
        if self.strikes(Fault::OddToken) {
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
        if (websocket || self.strikes(Fault::TokenInEvent))
            && let Some(token) = self.token()
        {
            self.say(Line::Metadata(token));
        }
        if self.random.one_in(16) {
            self.say(Line::RateLimits);
        }
        if self.strikes(Fault::NoCreated) {
            return;
        }
        self.say(Line::Created("response.created"));
        if self.random.one_in(4) {
            self.say(Line::Created("response.in_progress"));
        }
    }

    /// What a server may say at any time.
    fn notes(&mut self) {
        let websocket = self.transport == Transport::WebSocket;
        if self.random.one_in(6) {
            self.say(Line::RateLimits);
        }
        if self.strikes(Fault::SecondToken) {
            self.say(Line::Metadata(Token::Plain(format!("second-{}", self.response))));
        }
        if self.strikes(Fault::UnknownEvent) {
            self.say(Line::Unknown);
        }
        // With several lanes nobody can say whose such a payload is.
        if self.plan.provider.capabilities.max_concurrent_requests == 1 && self.strikes(Fault::NotJson) {
            self.act(Act::Say(Line::NotJson, false));
        }
        if self.strikes(Fault::BadEvent) {
            self.say(Line::BadEvent);
        }
        if websocket && self.strikes(Fault::ForeignLane) {
            self.act(Act::Say(Line::Foreign, true));
        }
        if self.random.one_in(8) {
            self.act(Act::KeepAlive);
        }
        if self.random.one_in(16) {
            self.say(Line::Created("response.in_progress"));
        }
    }

    /// Something that ends the answer before its end; whether it did.
    fn mishap(&mut self) -> bool {
        let websocket = self.transport == Transport::WebSocket;
        if self.strikes(Fault::Silence) {
            return true;
        }
        if self.strikes(Fault::SignsOfLife) {
            let gap = 700_000;
            let times = micros(self.plan.provider.idle_timeout) * 3 / gap;
            self.acts.extend((0..times).map(|_| (gap, Act::KeepAlive)));
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
            if fits && self.strikes(fault) {
                self.ruin(fault);
                return true;
            }
        }
        false
    }

    fn ruin(&mut self, fault: Fault) {
        let websocket = self.transport == Transport::WebSocket;
        match fault {
            Fault::EndsEarly if websocket => self.act(Act::Close(1000)),
            Fault::EndsEarly => self.act(Act::EndStream),
            Fault::CutChunk => {
                self.act(Act::Raw(b"40\r\ndata: {\"type\":".to_vec()));
                self.act(Act::HangUp);
            }
            Fault::Garbage => {
                let bytes = if websocket { raw::bad_frames(self.random) } else { raw::bad_body(self.random) };
                self.act(Act::Raw(bytes));
            }
            Fault::Close => {
                let code = self.random.pick(&[1000, 1001, 1006, 1008, 1011, 1012, 4000]);
                self.act(Act::Close(code));
            }
            Fault::CloseTooBig => self.act(Act::Close(1009)),
            Fault::Binary => self.act(Act::Raw(raw::frame(0x82, &[1, 2, 3]))),
            _ => self.act(Act::HangUp),
        }
    }

    fn end(&mut self) {
        let line = if self.strikes(Fault::EventFailed) {
            Line::Failed(self.random.pick(&FAILED))
        } else if self.strikes(Fault::EventIncomplete) {
            Line::Incomplete
        } else if self.strikes(Fault::EventError) {
            Line::Error(self.random.pick(&ERRORS))
        } else if self.strikes(Fault::BadCompleted) {
            Line::BadCompleted
        } else {
            Line::Completed
        };
        self.say(line);
    }

    /// What comes behind the end.
    fn close_up(mut self) -> VecDeque<(u64, Act)> {
        if self.transport == Transport::Http {
            if self.strikes(Fault::BodyStays) {
                if self.random.one_in(2) {
                    self.act(Act::Raw(raw::chunk(&vec![b'x'; 4000])));
                }
                return self.acts;
            }
            self.act(Act::EndStream);
            if self.strikes(Fault::Unsolicited) {
                self.act(Act::Unsolicited(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"));
                // Who goes on after that answers other requests than were made.
                self.acts.push_back((0, Act::HangUp));
            }
            return self.acts;
        }
        if self.strikes(Fault::LateFrames) {
            self.soon(Act::Say(Line::Delta(99), true));
            let again = [Line::Completed, Line::Failed(FAILED[0]), Line::Incomplete];
            let again = again[self.random.pick(&[0, 1, 2])].clone();
            // A second end that names a response of which nothing was ever heard could be anybody's.
            if self.named {
                self.soon(Act::Say(again, true));
            }
        }
        if self.strikes(Fault::IdleNote) {
            self.act(Act::Say(Line::RateLimits, true));
        }
        if self.strikes(Fault::CloseIdle) {
            let act = if self.random.one_in(2) { Act::HangUp } else { Act::Close(1001) };
            self.act(act);
        }
        self.acts
    }
}
