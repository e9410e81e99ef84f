//! Commands of the application: responses, events, and the end of a connection.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::stream_framing::StreamFraming;
use super::{Mode, ServerEngine, websocket};
use crate::connection::error::{CloseReason, CommandError};
use crate::connection::shared::{self, SharedState};
use crate::http::{self, HeadDecoder, Headers, Response, Version};
use crate::responses::ShortFound;
use crate::sse;
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

/// Commands.
impl ServerEngine {
    pub(in crate::connection::server) fn accept(
        &mut self,
        now: Instant,
        headers: &Headers,
    ) -> Result<(), CommandError> {
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

    pub(in crate::connection::server) fn receive_body(&mut self, now: Instant) -> Result<(), CommandError> {
        let mode = mem::replace(&mut self.mode, Mode::Closed);
        let Mode::Announced { head, body } = mode else {
            self.mode = mode;
            return Err(CommandError::NoRequest);
        };
        self.begin_body(now, head, body);
        Ok(())
    }

    pub(in crate::connection::server) fn respond(
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

    pub(in crate::connection::server) fn begin_stream(
        &mut self,
        now: Instant,
        headers: &Headers,
    ) -> Result<(), CommandError> {
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

    pub(in crate::connection::server) fn send(&mut self, now: Instant, event: &str) -> Result<(), CommandError> {
        let SharedState { lanes, repeats, .. } = &mut self.shared;
        let mut found = ShortFound::NOTHING;
        let shape = repeats.recognize(event, &mut found);
        if shape.is_some_and(|shape| repeats.is_known(shape, lanes)) {
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

    pub(in crate::connection::server) fn send_keep_alive(&mut self, now: Instant) -> Result<(), CommandError> {
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

    pub(in crate::connection::server) fn end_stream(&mut self, now: Instant) -> Result<(), CommandError> {
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
    pub(in crate::connection::server) const fn begin_shutdown(&mut self) {
        self.shutting_down = true;
        self.keep_alive = false;
    }

    /// Returns whether a request is being read or answered.
    pub(in crate::connection::server) fn is_busy(&self) -> bool {
        match &self.mode {
            Mode::Head(decoder) => decoder.is_partial(),
            Mode::Announced { .. } | Mode::Body { .. } | Mode::AwaitingResponse { .. } | Mode::Stream(_) => true,
            Mode::WebSocket(_) => self.shared.lanes.in_flight(),
            Mode::Closed => false,
        }
    }

    pub(in crate::connection::server) fn close(&mut self, now: Instant, code: u16, reason: &str) {
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
