//! Reads the input of a connection: heads and bodies of requests, and messages of a WebSocket.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::super::event::Step;
use super::{Mode, ServerEngine, write_rejection};
use crate::connection::error::CloseReason;
use crate::connection::lanes;
use crate::connection::shared::{self, WebSocketInput};
use crate::http::{self, BodyDecoder, BodyPart, Framing, Request, Response, Version};
use crate::responses::Envelope;
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::handshake;

/// Reading, by mode.
impl ServerEngine {
    /// Responds to a request that cannot be read, and closes the connection.
    fn reject(&mut self, now: Instant, status: u16, reason: CloseReason) -> Step<'static> {
        write_rejection(status, self.shared.send_buffer.buffer_mut());
        self.end(now, reason);
        self.shared.take_close_reason().map_or(Step::Consumed, Step::Closed)
    }

    pub(super) fn read_head(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
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
    pub(super) fn begin_body(&mut self, now: Instant, head: Box<Request>, body: BodyDecoder) {
        if head.expects_continue()
            && let Ok(response) = Response::new(100)
        {
            http::encode_response(&response, self.shared.send_buffer.buffer_mut());
            self.shared.on_appended(now);
        }
        self.mode = Mode::Body { head, body, bytes: Vec::new() };
    }

    /// Returns whether a body ends here, so that a step needs no more input.
    pub(super) const fn body_has_ended(&self) -> bool {
        matches!(&self.mode, Mode::Body { body, .. } if body.is_at_end())
    }

    pub(super) fn read_body(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
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

    pub(super) fn read_websocket<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
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

/// Returns whether a request names its host once. HTTP/1.0 does not require it (RFC 9112 §3.2).
fn has_valid_host(head: &Request) -> bool {
    match head.headers.get_all("host").count() {
        0 => head.version == Version::Http10,
        count => count == 1,
    }
}
