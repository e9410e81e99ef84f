//! The client's engine: turns commands into bytes, and bytes into steps, on either transport.

mod read;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::config::Deadline;
use super::super::error::{CloseReason, CommandError, LossReason};
use super::super::shared::{self, SharedState};
use super::super::timers::Due;
use super::super::transport::Transport;
use super::config::Config;
use super::event::Step;
use super::http_response::{HttpProgress, HttpResponseReader};
use super::request::{ExpectedBody, OutgoingRequest};
use crate::entropy::Seed;
use crate::http::{self, Headers, Request, Response};
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

/// The state machine behind a `ClientConnection`, without its event queue.
#[derive(Debug)]
pub(super) struct ClientEngine {
    pub(super) shared: SharedState<Config>,
    mode: Mode,
    /// Work that the last step left over, because the step borrowed the state that the work changes.
    deferred: Option<Deferred>,
    /// This end has sent a close frame.
    closing: bool,
    /// Number of events that no request on this connection was waiting for.
    pub(super) unmatched_events: u64,
}

/// Work to do once the last step is no longer borrowed.
#[derive(Debug)]
enum Deferred {
    /// Discard the rest of a body whose response has ended.
    Discard,
    /// Write pending replies to control frames.
    Reply,
    /// Close the connection.
    Close(Box<CloseReason>),
}

#[derive(Debug)]
enum Mode {
    /// HTTP, between requests or inside one.
    Http(Box<HttpResponseReader>),
    /// WebSocket, before the handshake request.
    NotUpgraded,
    /// WebSocket, before the handshake response is complete.
    Handshake {
        nonce: [u8; 16],
        reader: Box<HttpResponseReader>,
    },
    WebSocket(Box<ws::WebSocket>),
    Closed,
}

/// Commands.
impl ClientEngine {
    pub(super) fn new(config: Arc<Config>, transport: Transport, seed: Seed) -> Self {
        let mode = match transport {
            Transport::Http => Mode::Http(Box::new(HttpResponseReader::new(&config))),
            Transport::WebSocket => Mode::NotUpgraded,
        };
        let shared = SharedState::new(config, seed);
        Self { shared, mode, deferred: None, closing: false, unmatched_events: 0 }
    }

    pub(super) fn upgrade(&mut self, now: Instant, target: &str, headers: &Headers) -> Result<(), CommandError> {
        if !matches!(self.mode, Mode::NotUpgraded) {
            return Err(CommandError::Transport);
        }
        let nonce = self.shared.entropy.array();
        let (authority, offer) = (&self.shared.config.authority, self.shared.config.deflate_offer.as_ref());
        // A handshake has no body, whatever the caller's headers say.
        let mut own = Headers::new();
        for (name, value) in headers.iter().filter(|(name, _)| !shared::is_connection_header(name)) {
            own.append(name, value.clone()).map_err(|_| CommandError::Head)?;
        }
        let request = handshake::build_request(target, authority, nonce, &own, offer);
        let request = request.map_err(|_| CommandError::Head)?;
        let shared = &mut self.shared;
        http::encode_request(&request, shared.send_buffer.buffer_mut());
        let mut reader = Box::new(HttpResponseReader::new(&shared.config));
        reader.begin(&request, ExpectedBody::Whole);
        self.mode = Mode::Handshake { nonce, reader };
        shared.timers.await_head(now);
        shared.on_appended(now);
        Ok(())
    }

    pub(super) fn send_request(&mut self, now: Instant, outgoing: OutgoingRequest) -> Result<(), CommandError> {
        let Mode::Http(reader) = &mut self.mode else { return Err(self.wrong_mode()) };
        if !reader.is_idle() {
            return Err(CommandError::InFlight);
        }
        let shared = &mut self.shared;
        let request = build_request(&shared.config.authority, &outgoing)?;
        http::encode_request(&request, shared.send_buffer.buffer_mut());
        shared.send_buffer.buffer_mut().extend_from_slice(&outgoing.body);
        reader.begin(&request, outgoing.expected_body);
        // Cannot fail: no request is in flight.
        let _ = shared.lanes.apply(None, RequestInput::Request);
        shared.timers.await_head(now);
        shared.on_appended(now);
        Ok(())
    }

    pub(super) fn send_request_message(
        &mut self,
        now: Instant,
        lane: Option<&str>,
        text: &str,
    ) -> Result<(), CommandError> {
        if self.shared.lanes.state(lane).is_in_flight() {
            return Err(CommandError::InFlight);
        }
        if !self.shared.lanes.admits(lane) {
            return Err(CommandError::Lane);
        }
        self.send_message(now, text)?;
        let _ = self.shared.lanes.apply(lane, RequestInput::Request);
        self.shared.timers.restart_idle(now);
        Ok(())
    }

    pub(super) fn send_message(&mut self, now: Instant, text: &str) -> Result<(), CommandError> {
        let Mode::WebSocket(socket) = &mut self.mode else { return Err(self.wrong_mode()) };
        let out = self.shared.send_buffer.buffer_mut();
        socket.send(ws::Message::Text(text), out).map_err(|_| CommandError::Closed)?;
        // The next message follows after a response at the earliest.
        socket.release_output_memory();
        self.shared.on_appended(now);
        Ok(())
    }

    pub(super) fn abandon(&mut self, now: Instant, lane: Option<&str>) {
        // Fails only if no request is in flight on the lane; there is nothing to abandon then.
        let _ = self.shared.lanes.apply(lane, RequestInput::Cancel);
        if let Mode::Http(reader) = &mut self.mode {
            reader.discard();
        }
        self.shared.timers.await_events(now, self.shared.lanes.in_flight());
    }

    /// Takes an error response whose body is incomplete: its head, and the body so far.
    pub(super) fn take_partial_error_body(&mut self) -> Option<(Response, Vec<u8>)> {
        let (Mode::Http(reader) | Mode::Handshake { reader, .. }) = &mut self.mode else { return None };
        let failing = reader.collecting_head().is_some_and(|head| !head.is_success());
        if failing { reader.take_partial() } else { None }
    }

    pub(super) fn close(&mut self, now: Instant, code: u16) {
        match &mut self.mode {
            Mode::Closed => {}
            Mode::WebSocket(socket) => {
                shared::start_closing(socket, code, "", &mut self.shared.send_buffer);
                self.closing = true;
                self.shared.timers.closing(now);
                self.shared.on_appended(now);
            }
            Mode::Http(_) | Mode::NotUpgraded | Mode::Handshake { .. } => self.end(now, CloseReason::Local),
        }
    }

    const fn wrong_mode(&self) -> CommandError {
        if matches!(self.mode, Mode::Closed) { CommandError::Closed } else { CommandError::Transport }
    }
}

/// Input from the socket, and time.
impl ClientEngine {
    /// Returns the next step that `input` leads to; `None` once all of it is consumed.
    pub(super) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.run_deferred(now);
        if let Some(reason) = self.shared.take_close_reason() {
            return Some(Step::Closed(reason));
        }
        if let Mode::Http(reader) = &mut self.mode
            && let Some(end) = reader.take_end()
        {
            return Some(self.http_step(now, end));
        }
        if !input.is_empty() {
            self.shared.on_bytes(now);
        } else if !self.can_step_without_input() {
            match &mut self.mode {
                Mode::WebSocket(socket) => {
                    socket.release_message();
                    shared::release_idle_input(socket, &mut self.shared);
                }
                Mode::Http(reader) => {
                    reader.release_event();
                    if reader.release_memory() {
                        self.shared.repeats.release();
                        self.shared.send_buffer.release();
                    }
                }
                Mode::NotUpgraded | Mode::Handshake { .. } | Mode::Closed => {}
            }
            return None;
        }
        match self.mode {
            Mode::Closed => {
                *input = &[];
                None
            }
            Mode::NotUpgraded => {
                *input = &[];
                self.end(now, CloseReason::Unsolicited);
                Some(Step::Consumed)
            }
            Mode::Handshake { .. } => Some(self.read_handshake(now, input)),
            Mode::Http(_) => Some(self.read_http(now, input)),
            Mode::WebSocket(_) => self.read_websocket(now, input),
        }
    }

    /// Returns whether a step needs no input: a body ends here, or a message was read already.
    const fn can_step_without_input(&self) -> bool {
        match &self.mode {
            Mode::Http(reader) | Mode::Handshake { reader, .. } => reader.is_at_end(),
            Mode::WebSocket(socket) => socket.has_unreturned(),
            Mode::NotUpgraded | Mode::Closed => false,
        }
    }

    /// Returns the next step that the end of input leads to. `lost`: the reason, if it is not an orderly end.
    pub(super) fn step_end(&mut self, now: Instant, lost: Option<&LossReason>) -> Option<Step<'_>> {
        self.run_deferred(now);
        if let Some(reason) = self.shared.take_close_reason() {
            return Some(Step::Closed(reason));
        }
        let ended = |orderly: CloseReason| lost.cloned().map_or(orderly, CloseReason::Lost);
        let reason = match &mut self.mode {
            Mode::Closed => return None,
            Mode::NotUpgraded => ended(CloseReason::Eof),
            Mode::Handshake { reader, .. } | Mode::Http(reader) => match reader.end(lost.is_none()) {
                Ok(None) => ended(CloseReason::Eof),
                Ok(Some(progress)) => {
                    return Some(match (&self.mode, progress) {
                        (Mode::Handshake { .. }, HttpProgress::Body(head, body)) => {
                            self.end(now, CloseReason::Local);
                            Step::Refused { head, body }
                        }
                        (_, progress) => self.http_step(now, progress),
                    });
                }
                Err(http::Error::Truncated) => ended(CloseReason::Truncated),
                Err(error) => CloseReason::Http(error),
            },
            Mode::WebSocket(socket) => {
                let reason = shared::websocket_end(socket, lost);
                let is_closing = socket.state() == ws::State::Closing;
                let is_end = matches!(reason, CloseReason::Eof | CloseReason::Lost(_));
                if is_closing && is_end { CloseReason::Local } else { reason }
            }
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
                    self.ping(now);
                }
                Some(Step::Consumed)
            }
            Due::Expired(deadline) => {
                let reason = self.shared.expire(deadline);
                match deadline {
                    Deadline::Write | Deadline::Head | Deadline::Close => {}
                    Deadline::Body | Deadline::Idle | Deadline::Progress | Deadline::Bytes | Deadline::Control => {
                        if let Mode::WebSocket(socket) = &mut self.mode {
                            let _ = socket.close(1001, "");
                            socket.write_pending_replies(self.shared.send_buffer.buffer_mut());
                        }
                    }
                }
                self.end(now, reason);
                self.shared.take_close_reason().map(Step::Closed)
            }
        }
    }

    pub(super) fn ping(&mut self, now: Instant) {
        if let Mode::WebSocket(socket) = &mut self.mode {
            // Fails only if a close frame was sent; a closing connection needs no ping.
            let _ = socket.send(ws::Message::Ping(b""), self.shared.send_buffer.buffer_mut());
            socket.release_output_memory();
            self.shared.on_appended(now);
        }
    }

    pub(super) fn handle_written(&mut self, now: Instant, length: usize) {
        self.shared.on_written(now, length);
        if self.flush() {
            self.shared.on_appended(now);
        }
    }

    /// Writes pending replies of the WebSocket once everything before them is written. Returns whether there were any.
    fn flush(&mut self) -> bool {
        match &mut self.mode {
            Mode::WebSocket(socket) if self.shared.send_buffer.is_empty() => {
                let written = socket.write_pending_replies(self.shared.send_buffer.buffer_mut());
                if written {
                    // The connection may be idle.
                    socket.release_output_memory();
                }
                written
            }
            Mode::WebSocket(_) | Mode::Http(_) | Mode::NotUpgraded | Mode::Handshake { .. } | Mode::Closed => false,
        }
    }

    /// Returns whether the bytes that wait to be written leave room for input. A response on HTTP may come before its
    /// request is written.
    pub(super) fn has_send_room(&self) -> bool {
        !matches!(self.mode, Mode::WebSocket(_)) || !self.shared.is_send_backlog_full()
    }

    fn end(&mut self, now: Instant, reason: CloseReason) {
        self.mode = Mode::Closed;
        self.shared.mark_closed(now, reason);
    }

    fn fail(&mut self, now: Instant, reason: CloseReason) -> Step<'static> {
        self.end(now, reason);
        self.shared.take_close_reason().map_or(Step::Consumed, Step::Closed)
    }

    fn run_deferred(&mut self, now: Instant) {
        match self.deferred.take() {
            None => {}
            Some(Deferred::Discard) => {
                if let Mode::Http(reader) = &mut self.mode {
                    reader.discard();
                }
            }
            Some(Deferred::Reply) if self.flush() => self.shared.on_appended(now),
            Some(Deferred::Reply) => {}
            Some(Deferred::Close(reason)) => self.fail_connection(now, *reason),
        }
    }

    /// Closes the connection for `reason`; on a WebSocket, a close frame is written first.
    fn fail_connection(&mut self, now: Instant, reason: CloseReason) {
        let mut closed_by_us = false;
        if let Mode::WebSocket(socket) = &mut self.mode {
            shared::write_final_replies(socket, &reason, &mut self.shared.send_buffer);
            // A close frame that replies to ours does not make the peer the one that closed.
            closed_by_us = self.closing && matches!(reason, CloseReason::Peer { .. });
        }
        self.end(now, if closed_by_us { CloseReason::Local } else { reason });
    }
}

/// Returns the head of a request: the caller's headers, and those that the connection sets itself.
fn build_request(authority: &str, outgoing: &OutgoingRequest) -> Result<Request, CommandError> {
    let invalid = |_| CommandError::Head;
    let mut request = Request::new(&outgoing.method, &outgoing.target).map_err(|_| CommandError::Head)?;
    request.headers.append("Host", authority).map_err(invalid)?;
    let is_own = |name: &str| name.eq_ignore_ascii_case("host") || shared::is_connection_header(name);
    for (name, value) in outgoing.headers.iter().filter(|(name, _)| !is_own(name)) {
        request.headers.append(name, value.clone()).map_err(invalid)?;
    }
    // Only a response without a content coding can be read event by event without a decoder.
    request.headers.set_if_absent("Accept-Encoding", "identity").map_err(invalid)?;
    if !outgoing.body.is_empty() || outgoing.method == "POST" {
        request.headers.append("Content-Length", alloc::format!("{}", outgoing.body.len())).map_err(invalid)?;
    }
    Ok(request)
}
