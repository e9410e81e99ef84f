//! How the server's engine answers: handshakes, whole bodies, event streams, messages.

use alloc::boxed::Box;

use super::closed::{Closed, Misuse};
use super::lanes;
use super::server::{Engine, Mode};
use crate::http::{self, HeadDecoder, Headers, Response};
use crate::responses::Envelope;
use crate::sse;
use crate::time::Instant;
use crate::turn::Input;
use crate::ws::{self, handshake};

impl Engine {
    pub(super) fn accept(&mut self, now: Instant, headers: &Headers) -> Result<(), Misuse> {
        let Mode::Answer { upgrade: Some(request), .. } = &self.mode else { return Err(Misuse::NoRequest) };
        let options = handshake::ServerOptions { deflate: self.config.policy, protocols: &[] };
        match handshake::accept(request, &options) {
            Ok((mut response, agreed)) => {
                for (name, value) in headers.iter() {
                    response.headers.append(name, value.clone()).map_err(|_| Misuse::Head)?;
                }
                http::response(&response, self.out.end());
                let seed = self.entropy.fork();
                let deflate = agreed.deflate.as_ref();
                let socket = ws::Socket::new(ws::Role::Server, self.config.messages, deflate, seed);
                self.mode = Mode::WebSocket(Box::new(socket));
                self.clock.opened(now);
                self.clock.ping_every(now, self.config.ping, &mut self.entropy);
            }
            Err(refusal) => {
                http::response(&refusal.response, self.out.end());
                self.end(now, Closed::Local);
            }
        }
        self.wrote(now);
        Ok(())
    }

    pub(super) fn respond(&mut self, now: Instant, status: u16, headers: &Headers, body: &[u8]) -> Result<(), Misuse> {
        let Mode::Answer { bodiless, .. } = self.mode else { return Err(Misuse::NoRequest) };
        let mut response = self.head(status, headers)?;
        if !matches!(status, 100..=199 | 204 | 304) {
            let length = alloc::format!("{}", body.len());
            response.headers.append("Content-Length", length).map_err(|_| Misuse::Head)?;
        }
        http::response(&response, self.out.end());
        if !bodiless {
            self.out.end().extend_from_slice(body);
        }
        let input = if response.is_success() { Input::Completed } else { Input::Failed };
        let _ = self.lanes.apply(None, input);
        self.answered(now);
        Ok(())
    }

    pub(super) fn begin_stream(&mut self, now: Instant, headers: &Headers) -> Result<(), Misuse> {
        let Mode::Answer { upgrade: None, .. } = self.mode else { return Err(Misuse::NoRequest) };
        let mut response = self.head(200, headers)?;
        response.headers.set_if_absent("Content-Type", "text/event-stream").map_err(|_| Misuse::Head)?;
        let chunked = self.persists;
        let (name, value) = if chunked { ("Transfer-Encoding", "chunked") } else { ("Cache-Control", "no-store") };
        response.headers.set_if_absent(name, value).map_err(|_| Misuse::Head)?;
        http::response(&response, self.out.end());
        self.mode = Mode::Stream { chunked };
        self.wrote(now);
        Ok(())
    }

    /// A response's head; the framing is this engine's business.
    fn head(&self, status: u16, headers: &Headers) -> Result<Response, Misuse> {
        let mut response = Response::new(status).map_err(|_| Misuse::Head)?;
        let framing = ["content-length", "transfer-encoding", "connection"];
        let own = headers.iter().filter(|(name, _)| !framing.iter().any(|known| name.eq_ignore_ascii_case(known)));
        for (name, value) in own {
            response.headers.append(name, value.clone()).map_err(|_| Misuse::Head)?;
        }
        if !self.persists {
            response.headers.append("Connection", "close").map_err(|_| Misuse::Head)?;
        }
        Ok(response)
    }

    pub(super) fn send(&mut self, now: Instant, event: &str) -> Result<(), Misuse> {
        let envelope = Envelope::scan(event).map_err(|_| Misuse::Event)?;
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                socket.send(ws::Message::Text(event), self.out.end()).map_err(|_| Misuse::Closed)?;
            }
            Mode::Stream { chunked } => {
                let chunked = *chunked;
                self.scratch.clear();
                let outgoing = sse::Outgoing::data(event).named(envelope.kind());
                sse::encode(&outgoing, &mut self.scratch).map_err(|_| Misuse::Event)?;
                self.push_scratch(chunked);
            }
            Mode::Over => return Err(Misuse::Closed),
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } => return Err(Misuse::NoRequest),
        }
        // A server may send what is out of turn; the client will say so.
        let _ = self.lanes.apply(envelope.stream_id().as_deref(), lanes::input(envelope.class()));
        self.wrote(now);
        Ok(())
    }

    pub(super) fn send_keep_alive(&mut self, now: Instant) -> Result<(), Misuse> {
        match &mut self.mode {
            Mode::WebSocket(socket) => {
                socket.send(ws::Message::Ping(b""), self.out.end()).map_err(|_| Misuse::Closed)?;
            }
            Mode::Stream { chunked } => {
                let chunked = *chunked;
                self.scratch.clear();
                sse::comment("", &mut self.scratch).map_err(|_| Misuse::Event)?;
                self.push_scratch(chunked);
            }
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } | Mode::Over => return Err(Misuse::NoRequest),
        }
        self.wrote(now);
        Ok(())
    }

    fn push_scratch(&mut self, chunked: bool) {
        if chunked {
            http::chunk(&self.scratch, self.out.end());
        } else {
            self.out.end().extend_from_slice(&self.scratch);
        }
    }

    pub(super) fn end_stream(&mut self, now: Instant) -> Result<(), Misuse> {
        let Mode::Stream { chunked } = self.mode else { return Err(Misuse::NoRequest) };
        if chunked {
            http::last_chunk(self.out.end());
        }
        let _ = self.lanes.apply(None, Input::Lost);
        self.answered(now);
        Ok(())
    }

    /// The exchange is over: the next one, or the end.
    fn answered(&mut self, now: Instant) {
        if self.persists {
            self.mode = Mode::Head(Box::new(HeadDecoder::new(self.config.heads)));
        } else {
            self.end(now, Closed::Local);
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
                socket.flush(self.out.end());
                self.clock.closing(now);
                self.wrote(now);
            }
            Mode::Head(_) | Mode::Body { .. } | Mode::Answer { .. } | Mode::Stream { .. } => {
                self.end(now, Closed::Local);
            }
        }
    }
}
