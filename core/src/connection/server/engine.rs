//! The server's engine: turns bytes into requests, and responses, events and messages into bytes, on either transport.

mod commands;
mod read;
mod stream_framing;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::stream_framing::StreamFraming;
use super::super::config::Deadline;
use super::super::error::{CloseReason, LossReason};
use super::super::shared::{self, SharedState};
use super::super::timers::{Awaited, Due};
use super::config::Config;
use super::event::Step;
use crate::entropy::Seed;
use crate::http::{self, BodyDecoder, HeadDecoder, Request, Response, Version};
use crate::time::Instant;
use crate::ws;

/// The state machine behind a `ServerConnection`, without its event queue.
#[derive(Debug)]
pub(super) struct ServerEngine {
    pub(super) shared: SharedState<Config>,
    mode: Mode,
    /// Whether the connection stays open after the current exchange.
    keep_alive: bool,
    /// Whether the time is known, so that the clocks run.
    started: bool,
    /// Whether no further request is read.
    shutting_down: bool,
    /// The reason to close for once the last step is no longer borrowed.
    deferred: Option<Box<CloseReason>>,
}

#[derive(Debug)]
enum Mode {
    /// Reads the head of a request.
    Head(Box<HeadDecoder<Request>>),
    /// Waits for the application to look at the head before the body is read.
    Announced {
        head: Box<Request>,
        body: BodyDecoder,
    },
    /// Reads the body of a request.
    Body {
        head: Box<Request>,
        body: BodyDecoder,
        bytes: Vec<u8>,
    },
    /// Waits for the application to respond.
    AwaitingResponse {
        upgrade: Option<Box<Request>>,
        /// The request was a `HEAD`: its response has no body.
        bodiless: bool,
        version: Version,
    },
    /// Sends an event stream.
    Stream(StreamFraming),
    WebSocket(Box<ws::WebSocket>),
    Closed,
}

/// Input from the socket, and time.
impl ServerEngine {
    pub(super) fn new(config: Arc<Config>, seed: Seed) -> Self {
        let mode = Mode::Head(Box::new(HeadDecoder::new(config.head_limits)));
        let shared = SharedState::new(config, seed);
        Self::with_mode(mode, shared)
    }

    /// The engine of a WebSocket whose handshake is done.
    pub(super) fn accepted(
        now: Instant,
        config: Arc<Config>,
        seed: Seed,
        deflate: Option<&ws::deflate::Params>,
    ) -> Self {
        let mut shared = SharedState::new(config, seed);
        let socket = websocket(&mut shared, deflate);
        shared.on_websocket_open(now);
        Self::with_mode(Mode::WebSocket(Box::new(socket)), shared)
    }

    const fn with_mode(mode: Mode, shared: SharedState<Config>) -> Self {
        Self { shared, mode, keep_alive: true, started: false, shutting_down: false, deferred: None }
    }

    /// Returns the next step that `input` leads to; `None` once all of it is consumed, or while a response is pending.
    pub(super) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.run_deferred(now);
        if let Some(reason) = self.shared.take_close_reason() {
            return Some(Step::Closed(reason));
        }
        self.flush(now);
        if !input.is_empty() {
            self.shared.on_bytes(now);
        } else if !self.body_has_ended() {
            if let Mode::WebSocket(socket) = &mut self.mode {
                socket.release_message();
            }
            return None;
        }
        match &self.mode {
            Mode::Closed => {
                *input = &[];
                None
            }
            Mode::Announced { .. } | Mode::AwaitingResponse { .. } | Mode::Stream(_) => None,
            // The next request waits until enough of the response before it is written.
            Mode::Head(decoder) if !decoder.is_partial() && self.shared.is_send_backlog_full() => None,
            Mode::Head(_) => Some(self.read_head(now, input)),
            Mode::Body { .. } => Some(self.read_body(now, input)),
            Mode::WebSocket(_) => self.read_websocket(now, input),
        }
    }

    /// Starts, keeps or stops the deadlines of what the connection waits for. Called after everything that may change
    /// that.
    pub(super) fn update_clocks(&mut self, now: Instant) {
        self.started = true;
        let awaited = match &self.mode {
            Mode::Head(decoder) if decoder.is_partial() => Some(Awaited::Head),
            // Before that, the write deadline runs.
            Mode::Head(_) if self.shared.send_buffer.is_empty() => Some(Awaited::Request),
            Mode::Body { .. } => Some(Awaited::Rest),
            Mode::WebSocket(socket) if socket.eof() == ws::Eof::Truncated => Some(Awaited::Rest),
            Mode::WebSocket(_) if !self.shared.lanes.in_flight() => Some(Awaited::Message),
            Mode::Head(_)
            | Mode::Announced { .. }
            | Mode::AwaitingResponse { .. }
            | Mode::Stream(_)
            | Mode::WebSocket(_)
            | Mode::Closed => None,
        };
        if !self.shared.is_closed() {
            self.shared.timers.await_input(now, awaited, self.shared.body_quota());
        }
    }

    /// Frees the memory that only the next message or request needs, if there is no request in flight. Returns whether that is so.
    pub(super) fn release_idle_memory(&mut self) -> bool {
        match &mut self.mode {
            Mode::WebSocket(socket) if !self.shared.lanes.in_flight() => {
                socket.release_input_memory();
                socket.release_output_memory();
                self.shared.send_buffer.release();
                self.shared.repeats.release();
                true
            }
            // The response before is written.
            Mode::Head(_) if self.shared.send_buffer.is_empty() => {
                self.shared.send_buffer.release();
                self.shared.repeats.release();
                true
            }
            Mode::WebSocket(_)
            | Mode::Head(_)
            | Mode::Announced { .. }
            | Mode::Body { .. }
            | Mode::AwaitingResponse { .. }
            | Mode::Stream(_)
            | Mode::Closed => false,
        }
    }

    /// Returns the time of the next deadline or ping. A connection that does not know the time yet asks for it
    /// at once.
    pub(super) fn poll_timeout(&self, reading: bool) -> Option<Instant> {
        if self.started || self.shared.config.timeouts.idle.is_none() {
            self.shared.poll_timeout(reading)
        } else {
            Some(Instant::ZERO)
        }
    }

    /// Returns the next step that the end of input leads to. `lost`: the reason, if it is not an orderly end.
    pub(super) fn step_end(&mut self, now: Instant, lost: Option<&LossReason>) -> Option<Step<'_>> {
        self.run_deferred(now);
        if let Some(reason) = self.shared.take_close_reason() {
            return Some(Step::Closed(reason));
        }
        let ended = |orderly: CloseReason| lost.cloned().map_or(orderly, CloseReason::Lost);
        let reason = match &self.mode {
            Mode::Closed => return None,
            Mode::Head(decoder) if !decoder.is_partial() => ended(CloseReason::Eof),
            Mode::Head(_) | Mode::Announced { .. } | Mode::Body { .. } => ended(CloseReason::Truncated),
            // TCP allows a client that sends no more to read on, but clients of this protocol do not do that.
            Mode::AwaitingResponse { .. } | Mode::Stream(_) => ended(CloseReason::Eof),
            Mode::WebSocket(socket) => shared::websocket_end(socket, lost),
        };
        self.end(now, reason);
        self.shared.take_close_reason().map(Step::Closed)
    }

    /// Returns the next step that the deadlines up to `now` lead to.
    pub(super) fn step_timeout(&mut self, now: Instant) -> Option<Step<'_>> {
        self.run_deferred(now);
        if let Some(reason) = self.shared.take_close_reason() {
            return Some(Step::Closed(reason));
        }
        match self.shared.due(now)? {
            Due::Ping => {
                // While bytes wait to be written, a ping would only wait behind them.
                if self.shared.send_buffer.is_empty() {
                    // Fails only if a close frame was sent; a closing connection needs no ping.
                    let _ = self.send_keep_alive(now);
                }
                Some(Step::Consumed)
            }
            Due::Expired(deadline) => {
                let reason = self.shared.expire(deadline);
                self.write_timeout(deadline);
                self.end(now, reason);
                self.shared.take_close_reason().map(Step::Closed)
            }
        }
    }

    /// Tells the peer that a deadline has expired, as far as the protocol has a way to.
    fn write_timeout(&mut self, deadline: Deadline) {
        if matches!(deadline, Deadline::Write | Deadline::Close) {
            return;
        }
        let send_buffer = &mut self.shared.send_buffer;
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                // Fails only if a close frame is pending already, which is then sent instead.
                let _ = socket.close(1001, "");
                socket.write_pending_replies(send_buffer.buffer_mut());
            }
            Mode::Head(_) | Mode::Body { .. } if matches!(deadline, Deadline::Head | Deadline::Body) => {
                write_rejection(408, send_buffer.buffer_mut());
            }
            Mode::Head(_)
            | Mode::Announced { .. }
            | Mode::Body { .. }
            | Mode::AwaitingResponse { .. }
            | Mode::Stream(_)
            | Mode::Closed => {}
        }
    }

    pub(super) fn handle_written(&mut self, now: Instant, length: usize) {
        self.shared.on_written(now, length);
        self.flush(now);
    }

    /// Writes pending replies of the WebSocket once everything before them is written.
    fn flush(&mut self, now: Instant) {
        if let Mode::WebSocket(socket) = &mut self.mode
            && self.shared.send_buffer.is_empty()
            && socket.write_pending_replies(self.shared.send_buffer.buffer_mut())
        {
            self.shared.on_appended(now);
        }
    }

    fn end(&mut self, now: Instant, reason: CloseReason) {
        self.mode = Mode::Closed;
        self.shared.mark_closed(now, reason);
    }

    fn run_deferred(&mut self, now: Instant) {
        let Some(reason) = self.deferred.take() else { return };
        if let Mode::WebSocket(socket) = &mut self.mode {
            shared::write_final_replies(socket, &reason, &mut self.shared.send_buffer);
        }
        self.end(now, *reason);
    }
}

/// Returns the WebSocket of a connection whose handshake is done. `deflate`: the negotiated parameters.
fn websocket(shared: &mut SharedState<Config>, deflate: Option<&ws::deflate::Params>) -> ws::WebSocket {
    let mut socket = ws::WebSocket::new(ws::Role::Server, shared.config.message_limits, deflate, shared.entropy.fork());
    if let Some(pool) = &shared.config.deflate_pool {
        socket.use_pool(pool);
    }
    socket
}

/// Appends a response without a body to a request that cannot be answered. The connection closes afterwards.
fn write_rejection(status: u16, out: &mut Vec<u8>) {
    if let Ok(mut response) = Response::new(status) {
        for (name, value) in [("Content-Length", "0"), ("Connection", "close")] {
            // Cannot fail: both are valid headers.
            let _ = response.headers.append(name, value);
        }
        http::encode_response(&response, out);
    }
}
