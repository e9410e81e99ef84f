//! The server's engine: requests in, responses out, over whichever transport the client speaks.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::clock::{Clock, Due, LastActivity};
use super::closed::CloseReason;
use super::config::{Config, Deadline};
use super::incoming::Step;
use super::lanes::Lanes;
use super::out::Out;
use crate::entropy::{Entropy, Seed};
use crate::http::{self, BodyDecoder, BodyPart, HeadDecoder, Request, Response};
use crate::responses::Envelope;
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
    /// Whether the connection outlives the current exchange.
    pub(super) persists: bool,
    pub(super) ending: Option<CloseReason>,
    pub(super) next: Option<CloseReason>,
    pub(super) scratch: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum Mode {
    /// A head is awaited.
    Head(Box<HeadDecoder<Request>>),
    /// A body is being read.
    Body {
        head: Box<Request>,
        body: BodyDecoder,
        bytes: Vec<u8>,
    },
    /// A request waits to be answered.
    Answer {
        upgrade: Option<Box<Request>>,
        bodiless: bool,
    },
    /// An event stream is the answer. `chunked`: an HTTP/1.1 client reads it.
    Stream {
        chunked: bool,
    },
    WebSocket(Box<ws::WebSocket>),
    Over,
}

impl Engine {
    pub(super) fn new(config: Config, seed: Seed) -> Self {
        let mode = Mode::Head(Box::new(HeadDecoder::new(config.head_limits)));
        let clock = Clock::default();
        Self {
            config,
            entropy: Entropy::new(seed),
            out: Out::default(),
            clock,
            lanes: Lanes::default(),
            mode,
            persists: true,
            ending: None,
            next: None,
            scratch: Vec::new(),
        }
    }

    /// The next thing in `input`; `None` when all of it was taken, or an answer must come first.
    pub(crate) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        self.flush(now);
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
            Mode::Answer { .. } | Mode::Stream { .. } => None,
            Mode::Head(_) => Some(self.read_head(now, input)),
            Mode::Body { .. } => Some(self.read_body(now, input)),
            Mode::WebSocket(_) => self.websocket(now, input),
        }
    }

    pub(crate) fn step_eof(&mut self, now: Instant) -> Option<Step<'_>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        let closed = match &self.mode {
            Mode::Over => return None,
            Mode::Head(decoder) if !decoder.is_partial() => CloseReason::Eof,
            Mode::Head(_) | Mode::Body { .. } => CloseReason::Truncated,
            // A client that sends no more may still read; but a client of this protocol has gone.
            Mode::Answer { .. } | Mode::Stream { .. } => CloseReason::Eof,
            Mode::WebSocket(socket) => match (socket.peer_close(), socket.eof()) {
                (Some(close), _) => CloseReason::Peer { code: close.code, reason: close.reason.into() },
                (None, ws::Eof::Truncated) => CloseReason::Truncated,
                (None, ws::Eof::Clean | ws::Eof::Abnormal) => CloseReason::Eof,
            },
        };
        self.end(now, closed);
        self.ending.take().map(Step::Closed)
    }

    pub(crate) fn step_timeout(&mut self, now: Instant) -> Option<Step<'_>> {
        self.catch_up(now);
        if let Some(closed) = self.ending.take() {
            return Some(Step::Closed(closed));
        }
        match self.clock.due(now, &self.config.timeouts, &mut self.entropy)? {
            Due::Ping => {
                // A closing connection is not pinged; that is all that can go wrong.
                let _ = self.send_keep_alive(now);
                Some(Step::Moved)
            }
            Due::Passed(_) if matches!(self.mode, Mode::Over) => {
                self.out = Out::default();
                self.clock.stop();
                None
            }
            Due::Passed(deadline) => {
                if deadline == Deadline::Write {
                    // The peer does not read; there is no use in telling it more.
                    self.out = Out::default();
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
        self.flush(now);
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

    pub(super) fn wrote(&mut self, now: Instant) {
        if !matches!(self.mode, Mode::Over) {
            self.clock.out(now, !self.out.is_empty(), false);
        }
    }

    /// What a WebSocket owes is written when everything before it was.
    fn flush(&mut self, now: Instant) {
        if let Mode::WebSocket(socket) = &mut self.mode
            && self.out.is_empty()
            && socket.write_pending_replies(self.out.end())
        {
            self.wrote(now);
        }
    }

    pub(super) fn end(&mut self, now: Instant, closed: CloseReason) {
        if !matches!(self.mode, Mode::Over) {
            self.mode = Mode::Over;
            self.ending = Some(closed);
            self.lanes.lose();
            self.clock.stop();
            if !self.out.is_empty() {
                self.clock.closing(now);
            }
        }
    }

    fn catch_up(&mut self, now: Instant) {
        let Some(closed) = self.next.take() else { return };
        if let Mode::WebSocket(socket) = &mut self.mode {
            if closed == CloseReason::Binary {
                let _ = socket.close(1003, "");
            }
            socket.write_pending_replies(self.out.end());
        }
        self.end(now, closed);
    }

    /// Refuses a message that cannot be read, and ends.
    fn refuse(&mut self, now: Instant, status: u16, closed: CloseReason) -> Step<'static> {
        if let Ok(mut response) = Response::new(status) {
            for (name, value) in [("Content-Length", "0"), ("Connection", "close")] {
                // Both are fit to stand in a head.
                let _ = response.headers.append(name, value);
            }
            http::encode_response(&response, self.out.end());
        }
        self.end(now, closed);
        self.ending.take().map_or(Step::Moved, Step::Closed)
    }

    fn read_head(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Head(decoder) = &mut self.mode else { return Step::Moved };
        let head = match decoder.decode(input) {
            Ok(Some(head)) => head,
            Ok(None) => return Step::Moved,
            Err(error @ (http::Error::HeadTooLong { .. } | http::Error::TooManyHeaders { .. })) => {
                return self.refuse(now, 431, CloseReason::Http(error));
            }
            Err(error) => return self.refuse(now, 400, CloseReason::Http(error)),
        };
        let body = match BodyDecoder::request(&head, self.config.body_limits) {
            Ok(body) => body,
            Err(error) => return self.refuse(now, 400, CloseReason::Http(error)),
        };
        self.persists = http::is_persistent(head.version, &head.headers, body.framing());
        if handshake::is_upgrade(&head) {
            let upgrade = Some(Box::new(head.clone()));
            self.mode = Mode::Answer { upgrade, bodiless: false };
            return Step::Upgrade { head };
        }
        if head.expects_continue()
            && let Ok(response) = Response::new(100)
        {
            http::encode_response(&response, self.out.end());
            self.wrote(now);
        }
        self.mode = Mode::Body { head: Box::new(head), body, bytes: Vec::new() };
        Step::Moved
    }

    /// Whether a body is at its end without another byte.
    const fn body_has_ended(&self) -> bool {
        matches!(&self.mode, Mode::Body { body, .. } if body.is_at_end())
    }

    fn read_body(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Body { body, bytes, .. } = &mut self.mode else { return Step::Moved };
        match body.decode(input) {
            Ok(Some(BodyPart::Data(data))) => {
                let limit = self.config.max_body;
                if bytes.len() + data.len() > limit {
                    return self.refuse(now, 413, CloseReason::BodyTooLong { limit });
                }
                bytes.extend_from_slice(data);
                Step::Moved
            }
            Ok(Some(BodyPart::End(_))) => {
                let Mode::Body { head, bytes, .. } = mem::replace(&mut self.mode, Mode::Over) else {
                    return Step::Moved;
                };
                self.mode = Mode::Answer { upgrade: None, bodiless: head.method() == "HEAD" };
                let _ = self.lanes.apply(None, RequestInput::Request);
                Step::Request { head: *head, body: bytes }
            }
            Ok(None) => Step::Moved,
            Err(error) => self.refuse(now, 400, CloseReason::Http(error)),
        }
    }

    fn websocket<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        let Self { mode: Mode::WebSocket(socket), clock, lanes, next, .. } = self else { return None };
        match socket.decode(input) {
            Ok(None) => return None,
            Ok(Some(ws::Message::Text(text))) => {
                if let Ok(envelope) = Envelope::scan(text)
                    && envelope.kind() == "response.create"
                {
                    // A request beside one that is in flight is the application's to refuse.
                    let _ = lanes.apply(envelope.stream_id().as_deref(), RequestInput::Request);
                }
                return Some(Step::Text { text });
            }
            Ok(Some(ws::Message::Ping(_) | ws::Message::Pong(_))) => clock.control_came(now),
            Ok(Some(ws::Message::Binary(_))) => *next = Some(CloseReason::Binary),
            Ok(Some(ws::Message::Close(close))) => {
                let (code, reason) = close.map_or((1005, ""), |close| (close.code, close.reason));
                *next = Some(CloseReason::Peer { code, reason: reason.into() });
            }
            Err(error) => *next = Some(CloseReason::WebSocket(error)),
        }
        Some(Step::Moved)
    }
}
