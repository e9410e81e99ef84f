//! The client's engine: requests out, responses in, over either transport.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Transport;
use super::clock::{Clock, Due, LastActivity};
use super::closed::{CloseReason, CommandError};
use super::config::{Config, Deadline};
use super::event::{ExpectedBody, OutgoingRequest, Step};
use super::exchange::{Exchange, Found};
use super::lanes::Lanes;
use super::out::Out;
use crate::entropy::{Entropy, Seed};
use crate::http::{self, Headers, Request, Response};
use crate::time::Instant;
use crate::turn::{RequestInput, RequestState};
use crate::ws::{self, handshake};

#[derive(Debug)]
pub struct Engine {
    pub(super) config: Config,
    pub(super) entropy: Entropy,
    pub(super) out: Out,
    pub(super) clock: Clock,
    pub(super) lanes: Lanes,
    pub(super) mode: Mode,
    /// The connection's end, which is still to be told.
    pub(super) ending: Option<CloseReason>,
    /// What follows from the step that was lent last.
    pub(super) next: Option<Next>,
    /// This end has begun to close.
    pub(super) closing: bool,
    pub(super) strays: u64,
}

/// What is to be done once nothing is lent any more.
#[derive(Debug)]
pub(super) enum Next {
    /// The response has ended before its body.
    Discard,
    /// A message was no payload: a reply may be owed.
    Reply,
    /// The connection is over.
    Close(CloseReason),
}

#[derive(Debug)]
pub(super) enum Mode {
    /// HTTP between requests, or in one.
    Http(Box<Exchange>),
    /// WebSocket before its handshake.
    Fresh,
    /// The handshake is answered by HTTP.
    Handshake {
        nonce: [u8; 16],
        exchange: Box<Exchange>,
    },
    WebSocket(Box<ws::WebSocket>),
    Over,
}

impl Engine {
    pub(super) fn new(config: Config, transport: Transport, seed: Seed) -> Self {
        let mode = match transport {
            Transport::Http => Mode::Http(Box::new(Exchange::new(&config))),
            Transport::WebSocket => Mode::Fresh,
        };
        let clock = Clock::default();
        let (out, lanes) = (Out::default(), Lanes::default());
        Self {
            config,
            entropy: Entropy::new(seed),
            out,
            clock,
            lanes,
            mode,
            ending: None,
            next: None,
            closing: false,
            strays: 0,
        }
    }

    pub(super) fn upgrade(&mut self, now: Instant, target: &str, headers: &Headers) -> Result<(), CommandError> {
        if !matches!(self.mode, Mode::Fresh) {
            return Err(CommandError::Transport);
        }
        let nonce = self.entropy.array();
        let request = handshake::build_request(
            target,
            &self.config.authority,
            nonce,
            headers,
            self.config.deflate_offer.as_ref(),
        )
        .map_err(|_| CommandError::Head)?;
        http::encode_request(&request, self.out.end());
        let mut exchange = Exchange::new(&self.config);
        exchange.begin(&request, ExpectedBody::Whole);
        self.mode = Mode::Handshake { nonce, exchange: Box::new(exchange) };
        self.clock.await_head(now);
        self.wrote(now);
        Ok(())
    }

    pub(super) fn post(&mut self, now: Instant, post: OutgoingRequest) -> Result<(), CommandError> {
        let Mode::Http(exchange) = &mut self.mode else { return Err(self.not_now()) };
        if !exchange.is_idle() {
            return Err(CommandError::InFlight);
        }
        let mut request = Request::new(&post.method, &post.target).map_err(|_| CommandError::Head)?;
        request.headers.append("Host", self.config.authority.as_str()).map_err(|_| CommandError::Head)?;
        for (name, value) in post.headers.iter().filter(|(name, _)| !is_framing(name)) {
            request.headers.append(name, value.clone()).map_err(|_| CommandError::Head)?;
        }
        // A coding would have to be undone before an event can be seen.
        request.headers.set_if_absent("Accept-Encoding", "identity").map_err(|_| CommandError::Head)?;
        if !post.body.is_empty() || post.method == "POST" {
            let length = alloc::format!("{}", post.body.len());
            request.headers.append("Content-Length", length).map_err(|_| CommandError::Head)?;
        }
        http::encode_request(&request, self.out.end());
        self.out.end().extend_from_slice(&post.body);
        exchange.begin(&request, post.expected_body);
        // No request is in flight: the table has this step.
        let _ = self.lanes.apply(None, RequestInput::Request);
        self.clock.await_head(now);
        self.wrote(now);
        Ok(())
    }

    pub(super) fn send_text(&mut self, now: Instant, lane: Option<&str>, text: &str) -> Result<(), CommandError> {
        if self.lanes.state(lane).is_in_flight() {
            return Err(CommandError::InFlight);
        }
        self.send_note(now, text)?;
        let _ = self.lanes.apply(lane, RequestInput::Request);
        self.clock.asked(now);
        Ok(())
    }

    pub(super) fn send_note(&mut self, now: Instant, text: &str) -> Result<(), CommandError> {
        let Mode::WebSocket(socket) = &mut self.mode else { return Err(self.not_now()) };
        socket.send(ws::Message::Text(text), self.out.end()).map_err(|_| CommandError::Closed)?;
        self.wrote(now);
        Ok(())
    }

    pub(super) fn abandon(&mut self, now: Instant, lane: Option<&str>) {
        // What is not in flight is given up already.
        let _ = self.lanes.apply(lane, RequestInput::Cancel);
        if let Mode::Http(exchange) = &mut self.mode {
            exchange.discard();
        }
        self.clock.await_events(now, self.lanes.in_flight());
    }

    /// The failing answer whose body does not come to its end: its head, and what came of the body.
    pub(super) fn cut_short(&mut self) -> Option<(Response, Vec<u8>)> {
        let (Mode::Http(exchange) | Mode::Handshake { exchange, .. }) = &mut self.mode else { return None };
        let failing = exchange.collecting().is_some_and(|head| !head.is_success());
        if failing { exchange.cut_short() } else { None }
    }

    pub(super) fn close(&mut self, now: Instant, code: u16) {
        match &mut self.mode {
            Mode::Over => {}
            Mode::WebSocket(socket) => {
                // A code that must not be sent is no reason not to close.
                if socket.close(code, "").is_err() {
                    let _ = socket.close(1000, "");
                }
                socket.write_pending_replies(self.out.end());
                self.closing = true;
                self.clock.closing(now);
                self.wrote(now);
            }
            Mode::Http(_) | Mode::Fresh | Mode::Handshake { .. } => self.end(now, CloseReason::Local),
        }
    }

    /// The next thing in `input`; `None` when all of it was taken.
    pub(crate) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        if let Mode::Http(exchange) = &mut self.mode
            && let Some(found) = exchange.is_done().then(|| exchange.said())
        {
            return Some(self.found(now, found));
        }
        if !input.is_empty() {
            self.clock.bytes_came(now, self.config.timeouts.activity);
        } else if !self.body_has_ended() {
            return None;
        }
        match self.mode {
            Mode::Over => {
                *input = &[];
                None
            }
            Mode::Fresh => {
                *input = &[];
                self.end(now, CloseReason::Unsolicited);
                Some(Step::Consumed)
            }
            Mode::Handshake { .. } => Some(self.handshake(now, input)),
            Mode::Http(_) => Some(self.http(now, input)),
            Mode::WebSocket(_) => self.websocket(now, input),
        }
    }

    /// Whether a body is at its end, which takes no byte to say.
    const fn body_has_ended(&self) -> bool {
        match &self.mode {
            Mode::Http(exchange) | Mode::Handshake { exchange, .. } => exchange.is_at_end(),
            Mode::Fresh | Mode::WebSocket(_) | Mode::Over => false,
        }
    }

    /// The peer sends no more: what that means, one thing after the other.
    pub(crate) fn step_eof(&mut self, now: Instant) -> Option<Step<'_>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        let closed = match &mut self.mode {
            Mode::Over => return None,
            Mode::Fresh => CloseReason::Eof,
            Mode::Handshake { exchange, .. } | Mode::Http(exchange) => match exchange.eof() {
                Ok(None) => CloseReason::Eof,
                Ok(Some(found)) => {
                    return Some(match (&self.mode, found) {
                        (Mode::Handshake { .. }, Found::Body(head, body)) => {
                            self.end(now, CloseReason::Local);
                            Step::Refused { head, body }
                        }
                        (_, found) => self.found(now, found),
                    });
                }
                Err(http::Error::Truncated) => CloseReason::Truncated,
                Err(error) => CloseReason::Http(error),
            },
            Mode::WebSocket(socket) => match (socket.peer_close(), socket.eof()) {
                (Some(close), _) => CloseReason::Peer { code: close.code, reason: close.reason.into() },
                (None, ws::Eof::Truncated) => CloseReason::Truncated,
                (None, ws::Eof::Clean | ws::Eof::Abnormal) if socket.state() == ws::State::Closing => {
                    CloseReason::Local
                }
                (None, ws::Eof::Clean | ws::Eof::Abnormal) => CloseReason::Eof,
            },
        };
        self.end(now, closed);
        self.ending.take().map(Step::Closed)
    }

    /// What has come due.
    pub(crate) fn step_timeout(&mut self, now: Instant) -> Option<Step<'_>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        match self.clock.due(now, &self.config.timeouts, &mut self.entropy)? {
            Due::Ping => {
                if let Mode::WebSocket(socket) = &mut self.mode {
                    // A closing connection is not pinged; that is all that can go wrong.
                    let _ = socket.send(ws::Message::Ping(b""), self.out.end());
                    self.wrote(now);
                }
                Some(Step::Consumed)
            }
            Due::Passed(_) if matches!(self.mode, Mode::Over) => {
                // The peer does not read what was still to be said.
                self.out = Out::default();
                self.clock.stop();
                None
            }
            Due::Passed(deadline) => {
                match (&mut self.mode, deadline) {
                    // The peer does not read; there is no use in telling it more.
                    (_, Deadline::Write) => self.out = Out::default(),
                    (_, Deadline::Head | Deadline::Close) => {}
                    (Mode::WebSocket(socket), _) => {
                        let _ = socket.close(1001, "");
                        socket.write_pending_replies(self.out.end());
                    }
                    _ => {}
                }
                let closed =
                    if deadline == Deadline::Close { CloseReason::Local } else { CloseReason::Timeout(deadline) };
                self.end(now, closed);
                self.ending.take().map(Step::Closed)
            }
        }
    }

    pub(super) fn handle_written(&mut self, now: Instant, length: usize) {
        self.out.advance(length);
        self.flush();
        if matches!(self.mode, Mode::Over) {
            if self.out.is_empty() {
                self.clock.stop();
            }
        } else {
            self.clock.out(now, !self.out.is_empty(), length > 0);
        }
    }

    pub(super) fn poll_transmit(&self) -> &[u8] {
        self.out.pending()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.clock.next(&self.config.timeouts)
    }

    pub(super) const fn last_seen(&self) -> LastActivity {
        self.clock.last_seen()
    }

    pub(super) const fn wants_input(&self) -> bool {
        !matches!(self.mode, Mode::Over)
    }

    pub(super) const fn backlog_limit(&self) -> usize {
        self.config.max_backlog
    }

    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.mode, Mode::Over) && self.ending.is_none() && self.out.is_empty()
    }

    pub(super) fn state(&self, lane: Option<&str>) -> RequestState {
        self.lanes.state(lane)
    }

    pub(super) const fn strays(&self) -> u64 {
        self.strays
    }

    const fn not_now(&self) -> CommandError {
        if matches!(self.mode, Mode::Over) { CommandError::Closed } else { CommandError::Transport }
    }

    /// Bytes were appended.
    pub(super) fn wrote(&mut self, now: Instant) {
        self.clock.out(now, !self.out.is_empty(), false);
    }

    /// What a WebSocket owes is written when everything before it was.
    pub(super) fn flush(&mut self) {
        if let Mode::WebSocket(socket) = &mut self.mode
            && self.out.is_empty()
        {
            socket.write_pending_replies(self.out.end());
        }
    }

    pub(super) fn end(&mut self, now: Instant, closed: CloseReason) {
        if !matches!(self.mode, Mode::Over) {
            self.mode = Mode::Over;
            self.ending = Some(closed);
            self.lanes.lose();
            self.clock.stop();
            // What is still to be written is given as long as a closing handshake is.
            if !self.out.is_empty() {
                self.clock.closing(now);
            }
        }
    }

    /// Does what the last step left to do.
    pub(super) fn catch_up(&mut self, now: Instant) {
        match self.next.take() {
            None => {}
            Some(Next::Discard) => {
                if let Mode::Http(exchange) = &mut self.mode {
                    exchange.discard();
                }
            }
            Some(Next::Reply) => {
                self.flush();
                self.wrote(now);
            }
            Some(Next::Close(closed)) => self.break_off(now, closed),
        }
    }

    pub(super) fn fail(&mut self, now: Instant, closed: CloseReason) -> Step<'static> {
        self.end(now, closed);
        self.ending.take().map_or(Step::Consumed, Step::Closed)
    }
}

/// The headers that say where a message ends, and to whom it goes: the connection's business.
fn is_framing(name: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "connection"].iter().any(|known| name.eq_ignore_ascii_case(known))
}
