//! How the server's engine answers: handshakes, whole bodies, event streams, messages.

use alloc::boxed::Box;

use super::closed::{CloseReason, CommandError};
use super::lanes;
use super::server::{Engine, Mode};
use crate::http::{self, HeadDecoder, Headers, Response};
use crate::responses::Envelope;
use crate::sse;
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

impl Engine {
    pub(super) fn accept(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        let Mode::Answer { upgrade: Some(request), .. } = &self.mode else { return Err(CommandError::NoRequest) };
        let options = handshake::ServerOptions { deflate: self.config.deflate_policy, protocols: &[] };
        match handshake::accept(request, &options) {
            Ok((mut response, agreed)) => {
                for (name, value) in headers.iter() {
                    response.headers.append(name, value.clone()).map_err(|_| CommandError::Head)?;
                }
                http::encode_response(&response, self.out.end());
                let seed = self.entropy.fork();
                let deflate = agreed.deflate.as_ref();
                let socket = ws::WebSocket::new(ws::Role::Server, self.config.message_limits, deflate, seed);
                self.mode = Mode::WebSocket(Box::new(socket));
                self.clock.opened(now);
                self.clock.ping_every(now, self.config.ping_interval, &mut self.entropy);
            }
            Err(refusal) => {
                http::encode_response(&refusal.response, self.out.end());
                self.end(now, CloseReason::Local);
            }
        }
        self.wrote(now);
        Ok(())
    }

    pub(super) fn respond(
        &mut self,
        now: Instant,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) -> Result<(), CommandError> {
        let Mode::Answer { bodiless, .. } = self.mode else { return Err(CommandError::NoRequest) };
        let mut response = self.head(status, headers)?;
        if !matches!(status, 100..=199 | 204 | 304) {
            let length = alloc::format!("{}", body.len());
            response.headers.append("Content-Length", length).map_err(|_| CommandError::Head)?;
        }
        http::encode_response(&response, self.out.end());
        if !bodiless {
            self.out.end().extend_from_slice(body);
        }
        let input = if response.is_success() { RequestInput::Completed } else { RequestInput::Failed };
        let _ = self.lanes.apply(None, input);
        self.answered(now);
        Ok(())
    }

    pub(super) fn begin_stream(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        let Mode::Answer { upgrade: None, .. } = self.mode else { return Err(CommandError::NoRequest) };
        let mut response = self.head(200, headers)?;
        response.headers.set_if_absent("Content-Type", "text/event-stream").map_err(|_| CommandError::Head)?;
        let chunked = self.persists;
        let (name, value) = if chunked { ("Transfer-Encoding", "chunked") } else { ("Cache-Control", "no-store") };
        response.headers.set_if_absent(name, value).map_err(|_| CommandError::Head)?;
        http::encode_response(&response, self.out.end());
        self.mode = Mode::Stream { chunked };
        self.wrote(now);
        Ok(())
    }

    /// A response's head; the framing is this engine's business.
    fn head(&self, status: u16, headers: &Headers) -> Result<Response, CommandError> {
        let mut response = Response::new(status).map_err(|_| CommandError::Head)?;
        let framing = ["content-length", "transfer-encoding", "connection"];
        let own = headers.iter().filter(|(name, _)| !framing.iter().any(|known| name.eq_ignore_ascii_case(known)));
        for (name, value) in own {
            response.headers.append(name, value.clone()).map_err(|_| CommandError::Head)?;
        }
        if !self.persists {
            response.headers.append("Connection", "close").map_err(|_| CommandError::Head)?;
        }
        Ok(response)
    }

    pub(super) fn send(&mut self, now: Instant, event: &str) -> Result<(), CommandError> {
        let envelope = Envelope::scan(event).map_err(|_| CommandError::Event)?;
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                socket.send(ws::Message::Text(event), self.out.end()).map_err(|_| CommandError::Closed)?;
            }
            Mode::Stream { chunked } => {
                let chunked = *chunked;
                self.scratch.clear();
                let outgoing = sse::OutgoingEvent::data(event).named(envelope.kind());
                sse::encode_event(&outgoing, &mut self.scratch).map_err(|_| CommandError::Event)?;
                self.push_scratch(chunked);
            }
            Mode::Over => return Err(CommandError::Closed),
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } => return Err(CommandError::NoRequest),
        }
        // A server may send what is out of turn; the client will say so.
        let _ = self.lanes.apply(envelope.stream_id().as_deref(), lanes::input(envelope.class()));
        self.wrote(now);
        Ok(())
    }

    pub(super) fn send_keep_alive(&mut self, now: Instant) -> Result<(), CommandError> {
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                socket.send(ws::Message::Ping(b""), self.out.end()).map_err(|_| CommandError::Closed)?;
            }
            Mode::Stream { chunked } => {
                let chunked = *chunked;
                self.scratch.clear();
                sse::encode_comment("", &mut self.scratch).map_err(|_| CommandError::Event)?;
                self.push_scratch(chunked);
            }
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } | Mode::Over => {
                return Err(CommandError::NoRequest);
            }
        }
        self.wrote(now);
        Ok(())
    }

    fn push_scratch(&mut self, chunked: bool) {
        if chunked {
            http::encode_chunk(&self.scratch, self.out.end());
        } else {
            self.out.end().extend_from_slice(&self.scratch);
        }
    }

    pub(super) fn end_stream(&mut self, now: Instant) -> Result<(), CommandError> {
        let Mode::Stream { chunked } = self.mode else { return Err(CommandError::NoRequest) };
        if chunked {
            http::encode_last_chunk(self.out.end());
        }
        let _ = self.lanes.apply(None, RequestInput::Lost);
        self.answered(now);
        Ok(())
    }

    /// The exchange is over: the next one, or the end.
    fn answered(&mut self, now: Instant) {
        if self.persists {
            self.mode = Mode::Head(Box::new(HeadDecoder::new(self.config.head_limits)));
        } else {
            self.end(now, CloseReason::Local);
        }
        self.wrote(now);
    }

    pub(super) fn close(&mut self, now: Instant, code: u16, reason: &str) {
        match &mut self.mode {
            Mode::Over => {}
            Mode::WebSocket(socket) => {
                if socket.close(code, reason).is_err() {
                    let _ = socket.close(1000, "");
                }
                socket.write_pending_replies(self.out.end());
                self.clock.closing(now);
                self.wrote(now);
            }
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } | Mode::Stream { .. } => {
                self.end(now, CloseReason::Local);
            }
        }
    }
}
