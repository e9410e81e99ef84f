//! The server's engine: turns bytes into requests, and responses, events and messages into bytes, on either transport.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::super::config::Deadline;
use super::super::error::{CloseReason, CommandError, LossReason};
use super::super::lanes;
use super::super::shared::{self, SharedState, WebSocketInput};
use super::super::timers::{Awaited, Due};
use super::config::Config;
use super::event::Step;
use crate::entropy::Seed;
use crate::http::{self, BodyDecoder, BodyPart, Framing, HeadDecoder, Headers, Request, Response, Version};
use crate::responses::Envelope;
use crate::sse;
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

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

/// How the end of an event stream is marked.
#[derive(Clone, Copy, Debug)]
enum StreamFraming {
    Chunked,
    /// For HTTP/1.0 clients and `Connection: close`.
    CloseDelimited,
    /// The response to a `HEAD` request has no body.
    Bodiless,
}

impl StreamFraming {
    /// Writes a part of the stream, which is not empty and whose length is known.
    fn write(self, length: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Chunked => {
                http::begin_chunk(length, out);
                write(out);
                http::end_chunk(out);
            }
            Self::CloseDelimited => write(out),
            Self::Bodiless => {}
        }
    }
}

/// Input from the socket, and time.
impl ServerEngine {
    pub(super) fn new(config: Config, seed: Seed) -> Self {
        let mode = Mode::Head(Box::new(HeadDecoder::new(config.head_limits)));
        let shared = SharedState::new(config, seed);
        Self::with_mode(mode, shared)
    }

    /// The engine of a WebSocket whose handshake is done.
    pub(super) fn accepted(now: Instant, config: Config, seed: Seed, deflate: Option<&ws::deflate::Params>) -> Self {
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
                shared::release_message(socket);
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

    /// Frees the memory that only the next message needs, if the connection is a WebSocket without a request in flight.
    /// Returns whether it is.
    pub(super) fn release_idle_memory(&mut self) -> bool {
        match &mut self.mode {
            Mode::WebSocket(socket) if !self.shared.lanes.in_flight() => {
                socket.release_input_memory();
                socket.release_output_memory();
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

/// Reading, by mode.
impl ServerEngine {
    /// Responds to a request that cannot be read, and closes the connection.
    fn reject(&mut self, now: Instant, status: u16, reason: CloseReason) -> Step<'static> {
        write_rejection(status, self.shared.send_buffer.buffer_mut());
        self.end(now, reason);
        self.shared.take_close_reason().map_or(Step::Consumed, Step::Closed)
    }

    fn read_head(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Head(decoder) = &mut self.mode else { return Step::Consumed };
        let head = match decoder.decode(input) {
            Ok(Some(head)) => head,
            Ok(None) => return Step::Consumed,
            Err(error @ (http::Error::HeadTooLong { .. } | http::Error::TooManyHeaders { .. })) => {
                return self.reject(now, 431, CloseReason::Http(error));
            }
            Err(error) => return self.reject(now, 400, CloseReason::Http(error)),
        };
        if !has_valid_host(&head) {
            return self.reject(now, 400, CloseReason::Host);
        }
        let body = match BodyDecoder::request(&head, self.shared.config.body_limits) {
            Ok(body) => body,
            Err(error) => return self.reject(now, 400, CloseReason::Http(error)),
        };
        self.keep_alive = !self.shutting_down && http::is_persistent(head.version, &head.headers, body.framing());
        // RFC 9110 §7.8: a server ignores Upgrade in an HTTP/1.0 request.
        if head.version == Version::Http11 && handshake::is_upgrade(&head) {
            // The body of such a request is not read, so no request can follow it.
            self.keep_alive &= matches!(body.framing(), Framing::None | Framing::ContentLength(0));
            let upgrade = Some(Box::new(head.clone()));
            self.mode = Mode::AwaitingResponse { upgrade, bodiless: head.method() == "HEAD", version: head.version };
            return Step::Upgrade { head };
        }
        let limit = self.shared.config.max_body;
        if matches!(body.framing(), Framing::ContentLength(length) if length > limit as u64) {
            return self.reject(now, 413, CloseReason::BodyTooLong { limit });
        }
        let has_body = !matches!(body.framing(), Framing::None | Framing::ContentLength(0));
        if has_body && self.shared.config.announce_heads {
            self.mode = Mode::Announced { head: Box::new(head.clone()), body };
            return Step::Head { head };
        }
        self.begin_body(now, Box::new(head), body);
        Step::Consumed
    }

    /// Begins to read a body. A client that waits for it is told to send it.
    fn begin_body(&mut self, now: Instant, head: Box<Request>, body: BodyDecoder) {
        if head.expects_continue()
            && let Ok(response) = Response::new(100)
        {
            http::encode_response(&response, self.shared.send_buffer.buffer_mut());
            self.shared.on_appended(now);
        }
        self.mode = Mode::Body { head, body, bytes: Vec::new() };
    }

    /// Returns whether a body ends here, so that a step needs no more input.
    const fn body_has_ended(&self) -> bool {
        matches!(&self.mode, Mode::Body { body, .. } if body.is_at_end())
    }

    fn read_body(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Body { body, bytes, .. } = &mut self.mode else { return Step::Consumed };
        let limit = self.shared.config.max_body;
        let before = input.len();
        let part = body.decode(input);
        let quota = self.shared.body_quota();
        self.shared.timers.on_incoming(now, before - input.len(), quota);
        match part {
            Ok(Some(BodyPart::Data(data))) => {
                if bytes.len() + data.len() > limit {
                    return self.reject(now, 413, CloseReason::BodyTooLong { limit });
                }
                let length = match body.framing() {
                    Framing::ContentLength(length) => usize::try_from(length).unwrap_or(limit),
                    Framing::None | Framing::Chunked | Framing::CloseDelimited => limit,
                };
                shared::append(bytes, data, length.min(limit));
                Step::Consumed
            }
            Ok(Some(BodyPart::End(_))) => {
                let Mode::Body { head, bytes, .. } = mem::replace(&mut self.mode, Mode::Closed) else {
                    return Step::Consumed;
                };
                let (bodiless, version) = (head.method() == "HEAD", head.version);
                self.mode = Mode::AwaitingResponse { upgrade: None, bodiless, version };
                let _ = self.shared.lanes.apply(None, RequestInput::Request);
                Step::Request { head: *head, body: bytes }
            }
            Ok(None) => Step::Consumed,
            Err(error) => self.reject(now, 400, CloseReason::Http(error)),
        }
    }

    fn read_websocket<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        let Self { mode: Mode::WebSocket(socket), shared, deferred, shutting_down, .. } = self else { return None };
        let before = input.len();
        let decoded = shared::decode_websocket(socket, input);
        shared.timers.on_incoming(now, before - input.len(), shared.body_quota());
        match decoded {
            WebSocketInput::Incomplete => return None,
            WebSocketInput::Text(text) => {
                let envelope = Envelope::scan(text).ok();
                let of_response = envelope.as_ref().and_then(|envelope| shared.lanes.lane_of_command(envelope));
                if let Some(envelope) = envelope
                    && envelope.is_request()
                {
                    let lane = envelope.stream_id();
                    if *shutting_down {
                        // The client sends it again on another connection, once this one is closed.
                        return Some(Step::Consumed);
                    }
                    // An invalid name is reported to the application. A second request while one is in flight: the
                    // application decides whether to reject it.
                    if lane.as_deref().is_none_or(lanes::is_lane_name) {
                        let _ = shared.lanes.apply(lane.as_deref(), RequestInput::Request);
                    }
                }
                return Some(Step::Text { text, lane: of_response });
            }
            WebSocketInput::Control => shared.timers.on_control(now),
            WebSocketInput::Close(reason) => *deferred = Some(Box::new(reason)),
        }
        Some(Step::Consumed)
    }
}

/// Commands.
impl ServerEngine {
    pub(super) fn accept(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        let Mode::AwaitingResponse { upgrade: Some(request), .. } = &self.mode else {
            return Err(CommandError::NoRequest);
        };
        let shared = &mut self.shared;
        let protocols: Vec<&str> = shared.config.subprotocols.iter().map(String::as_str).collect();
        let options = handshake::ServerOptions { deflate: shared.config.deflate_policy, protocols: &protocols };
        match handshake::accept(request, &options) {
            Ok((mut response, negotiated)) => {
                for (name, value) in headers.iter().filter(|(name, _)| !shared::is_handshake_header(name)) {
                    response.headers.append(name, value.clone()).map_err(|_| CommandError::Head)?;
                }
                http::encode_response(&response, shared.send_buffer.buffer_mut());
                let socket = websocket(shared, negotiated.deflate.as_ref());
                self.mode = Mode::WebSocket(Box::new(socket));
                shared.on_websocket_open(now);
            }
            Err(refusal) => {
                http::encode_response(&refusal.response, shared.send_buffer.buffer_mut());
                self.end(now, CloseReason::Local);
            }
        }
        self.shared.on_appended(now);
        Ok(())
    }

    pub(super) fn receive_body(&mut self, now: Instant) -> Result<(), CommandError> {
        let mode = mem::replace(&mut self.mode, Mode::Closed);
        let Mode::Announced { head, body } = mode else {
            self.mode = mode;
            return Err(CommandError::NoRequest);
        };
        self.begin_body(now, head, body);
        Ok(())
    }

    pub(super) fn respond(
        &mut self,
        now: Instant,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) -> Result<(), CommandError> {
        let (bodiless, version, is_read) = match &self.mode {
            Mode::AwaitingResponse { bodiless, version, .. } => (*bodiless, *version, true),
            // The body is never read, so that no other request can follow it.
            Mode::Announced { head, .. } => (head.method() == "HEAD", head.version, false),
            Mode::Head(_) | Mode::Body { .. } | Mode::Stream(_) | Mode::WebSocket(_) | Mode::Closed => {
                return Err(CommandError::NoRequest);
            }
        };
        // An interim response is not the final one that the request awaits.
        if matches!(status, 100..=199) {
            return Err(CommandError::Head);
        }
        let mut response = response_head(status, headers, version, self.keep_alive && is_read)?;
        let has_body = !matches!(status, 204 | 304);
        if has_body {
            let length = alloc::format!("{}", body.len());
            response.headers.append("Content-Length", length).map_err(|_| CommandError::Head)?;
        }
        let out = self.shared.send_buffer.buffer_mut();
        http::encode_response(&response, out);
        if has_body && !bodiless {
            out.extend_from_slice(body);
        }
        self.keep_alive &= is_read;
        let input = if response.is_success() { RequestInput::Completed } else { RequestInput::Failed };
        let _ = self.shared.lanes.apply(None, input);
        self.finish_exchange(now);
        Ok(())
    }

    pub(super) fn begin_stream(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        let Mode::AwaitingResponse { upgrade: None, bodiless, version } = self.mode else {
            return Err(CommandError::NoRequest);
        };
        // HTTP/1.0 has no chunked coding.
        let chunked = self.keep_alive && version == Version::Http11;
        let keep_alive = chunked || (self.keep_alive && bodiless);
        let mut response = response_head(200, headers, version, keep_alive)?;
        let framing = if chunked { StreamFraming::Chunked } else { StreamFraming::CloseDelimited };
        let coding = chunked.then_some(("Transfer-Encoding", "chunked"));
        // Proxies would otherwise hold the stream back, or keep it.
        let defaults =
            [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")];
        for (name, value) in coding.into_iter().chain(defaults) {
            response.headers.set_if_absent(name, value).map_err(|_| CommandError::Head)?;
        }
        http::encode_response(&response, self.shared.send_buffer.buffer_mut());
        self.keep_alive = keep_alive;
        self.mode = Mode::Stream(if bodiless { StreamFraming::Bodiless } else { framing });
        self.shared.on_appended(now);
        Ok(())
    }

    pub(super) fn send(&mut self, now: Instant, event: &str) -> Result<(), CommandError> {
        let SharedState { lanes, repeats, .. } = &mut self.shared;
        let recognized = repeats.recognize(event);
        let shape = recognized.as_ref().map(|(shape, _)| *shape);
        if let Some((shape, found)) = recognized
            && repeats.is_known(shape, lanes)
        {
            self.write_event(found.kind(), event, false)?;
        } else {
            let (envelope, shape) = repeats.scan(event, "", shape).map_err(|_| CommandError::Event)?;
            self.write_event(envelope.kind(), event, envelope.class().is_terminal())?;
            let SharedState { lanes, repeats, .. } = &mut self.shared;
            let before = lanes.generation();
            // The application may send an event that the request's state does not allow: the client reports the violation.
            let _ = lanes.observe(&envelope, envelope.stream_id().as_deref(), false);
            repeats.record(shape, None, before, lanes);
        }
        self.shared.on_appended(now);
        Ok(())
    }

    #[inline]
    fn write_event(&mut self, kind: &str, event: &str, is_terminal: bool) -> Result<(), CommandError> {
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                let out = self.shared.send_buffer.buffer_mut();
                socket.send(ws::Message::Text(event), out).map_err(|_| CommandError::Closed)?;
                // At the end of every response, and not only when the connection becomes idle: the compressed bytes must
                // not depend on how many requests have arrived.
                if is_terminal {
                    socket.release_output_memory();
                }
                Ok(())
            }
            Mode::Stream(framing) => {
                let outgoing = sse::SizedEvent::new(kind, event).map_err(|_| CommandError::Event)?;
                let out = self.shared.send_buffer.buffer_mut();
                framing.write(outgoing.length(), out, |out| outgoing.encode(out));
                Ok(())
            }
            Mode::Closed => Err(CommandError::Closed),
            Mode::Head(_) | Mode::Announced { .. } | Mode::Body { .. } | Mode::AwaitingResponse { .. } => {
                Err(CommandError::NoRequest)
            }
        }
    }

    pub(super) fn send_keep_alive(&mut self, now: Instant) -> Result<(), CommandError> {
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                let out = self.shared.send_buffer.buffer_mut();
                socket.send(ws::Message::Ping(b""), out).map_err(|_| CommandError::Closed)?;
            }
            Mode::Stream(framing) => {
                let (comment, out) = (sse::EMPTY_COMMENT, self.shared.send_buffer.buffer_mut());
                framing.write(comment.len(), out, |out| out.extend_from_slice(comment));
            }
            Mode::Head(_)
            | Mode::Announced { .. }
            | Mode::Body { .. }
            | Mode::AwaitingResponse { .. }
            | Mode::Closed => {
                return Err(CommandError::NoRequest);
            }
        }
        self.shared.on_appended(now);
        Ok(())
    }

    pub(super) fn end_stream(&mut self, now: Instant) -> Result<(), CommandError> {
        let Mode::Stream(framing) = self.mode else { return Err(CommandError::NoRequest) };
        match framing {
            StreamFraming::Chunked => http::encode_last_chunk(self.shared.send_buffer.buffer_mut()),
            StreamFraming::CloseDelimited | StreamFraming::Bodiless => {}
        }
        let _ = self.shared.lanes.apply(None, RequestInput::Lost);
        self.finish_exchange(now);
        Ok(())
    }

    /// Ends the exchange: reads the next request, or closes the connection if it does not stay open.
    fn finish_exchange(&mut self, now: Instant) {
        if self.keep_alive {
            self.mode = Mode::Head(Box::new(HeadDecoder::new(self.shared.config.head_limits)));
        } else {
            self.end(now, CloseReason::Local);
        }
        self.shared.on_appended(now);
    }

    /// Reads no further request: the current response is the last one on this connection.
    pub(super) const fn begin_shutdown(&mut self) {
        self.shutting_down = true;
        self.keep_alive = false;
    }

    /// Returns whether a request is being read or answered.
    pub(super) fn is_busy(&self) -> bool {
        match &self.mode {
            Mode::Head(decoder) => decoder.is_partial(),
            Mode::Announced { .. } | Mode::Body { .. } | Mode::AwaitingResponse { .. } | Mode::Stream(_) => true,
            Mode::WebSocket(_) => self.shared.lanes.in_flight(),
            Mode::Closed => false,
        }
    }

    pub(super) fn close(&mut self, now: Instant, code: u16, reason: &str) {
        match &mut self.mode {
            Mode::Closed => {}
            Mode::WebSocket(socket) => {
                shared::start_closing(socket, code, reason, &mut self.shared.send_buffer);
                self.shared.timers.closing(now);
                self.shared.on_appended(now);
            }
            Mode::Head(_)
            | Mode::Announced { .. }
            | Mode::Body { .. }
            | Mode::AwaitingResponse { .. }
            | Mode::Stream(_) => {
                self.end(now, CloseReason::Local);
            }
        }
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

/// Returns whether a request names its host once. HTTP/1.0 does not require it (RFC 9112 §3.2).
fn has_valid_host(head: &Request) -> bool {
    match head.headers.get_all("host").count() {
        0 => head.version == Version::Http10,
        count => count == 1,
    }
}

/// Returns the head of a response: the application's headers, without those that the connection sets itself.
fn response_head(status: u16, headers: &Headers, version: Version, keep_alive: bool) -> Result<Response, CommandError> {
    let mut response = Response::new(status).map_err(|_| CommandError::Head)?;
    for (name, value) in headers.iter().filter(|(name, _)| !shared::is_connection_header(name)) {
        response.headers.append(name, value.clone()).map_err(|_| CommandError::Head)?;
    }
    let connection = match (keep_alive, version) {
        (false, _) => Some("close"),
        // Such a client expects the connection to close, unless it is told otherwise (RFC 9112 §9.3).
        (true, Version::Http10) => Some("keep-alive"),
        (true, Version::Http11) => None,
    };
    if let Some(connection) = connection {
        response.headers.append("Connection", connection).map_err(|_| CommandError::Head)?;
    }
    Ok(response)
}
