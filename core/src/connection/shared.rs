//! The state and the behaviour that the client's engine and the server's engine share.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::config::{Deadline, RoleConfig};
use super::error::{CloseReason, LossReason};
use super::lanes::LaneStates;
use super::repeats::Repeats;
use super::timers::{Due, Timers};
use crate::byte_queue::ByteQueue;
use crate::entropy::{Entropy, Seed};
use crate::time::Instant;
use crate::ws;

/// The part of an engine that does not depend on its role.
#[derive(Debug)]
pub(super) struct SharedState<C> {
    pub(super) config: Arc<C>,
    pub(super) entropy: Entropy,
    pub(super) send_buffer: ByteQueue,
    pub(super) timers: Timers,
    pub(super) lanes: LaneStates,
    pub(super) repeats: Repeats,
    close: CloseState,
}

/// Whether the connection is closed, and whether its close reason has been reported.
#[derive(Debug)]
enum CloseState {
    Open,
    Unreported(Box<CloseReason>),
    Reported,
}

/// One message or control frame that a WebSocket decoded.
#[derive(Debug)]
pub(super) enum WebSocketInput<'s> {
    /// All input was consumed; the next frame is incomplete.
    Incomplete,
    Text(&'s str),
    Control,
    /// The connection must close for this reason.
    Close(CloseReason),
}

impl<C: RoleConfig> SharedState<C> {
    pub(super) fn new(config: Arc<C>, seed: Seed) -> Self {
        Self {
            config,
            entropy: Entropy::new(seed),
            send_buffer: ByteQueue::default(),
            timers: Timers::default(),
            lanes: LaneStates::default(),
            repeats: Repeats::default(),
            close: CloseState::Open,
        }
    }

    /// Records that input has arrived.
    pub(super) fn on_bytes(&mut self, now: Instant) {
        self.timers.on_bytes(now, self.config.timeouts().activity);
    }

    /// Records that bytes were appended to the send buffer.
    pub(super) fn on_appended(&mut self, now: Instant) {
        self.send_buffer.fit();
        if !self.is_closed() {
            self.update_write_deadline(now, 0);
        }
    }

    /// Removes `length` written bytes from the send buffer, or all if there are fewer.
    pub(super) fn on_written(&mut self, now: Instant, length: usize) {
        let written = self.send_buffer.advance(length);
        if !self.is_closed() {
            self.update_write_deadline(now, written);
        } else if self.send_buffer.is_empty() {
            self.timers.stop();
        }
    }

    fn update_write_deadline(&mut self, now: Instant, written: usize) {
        let quota = self.config.timeouts().write_quota();
        self.timers.on_write(now, self.send_buffer.len(), written, quota);
    }

    /// Returns the number of bytes of a body or message that must come in each period, while it is incomplete.
    pub(super) fn body_quota(&self) -> usize {
        self.config.timeouts().body_quota()
    }

    /// Returns whether more bytes wait to be written than the limit.
    pub(super) fn is_send_backlog_full(&self) -> bool {
        self.send_buffer.len() > self.config.max_send_backlog()
    }

    pub(super) const fn is_closed(&self) -> bool {
        !matches!(self.close, CloseState::Open)
    }

    /// Closes the connection. The first reason is kept; later calls change nothing.
    pub(super) fn mark_closed(&mut self, now: Instant, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.close = CloseState::Unreported(Box::new(reason));
        self.lanes.mark_lost();
        self.timers.stop();
        self.send_buffer.fit();
        // Unsent bytes get as much time as a closing handshake.
        if !self.send_buffer.is_empty() {
            self.timers.closing(now);
        }
    }

    /// Takes the close reason, once.
    #[inline]
    pub(super) fn take_close_reason(&mut self) -> Option<CloseReason> {
        if !matches!(self.close, CloseState::Unreported(_)) {
            return None;
        }
        match core::mem::replace(&mut self.close, CloseState::Reported) {
            CloseState::Unreported(reason) => Some(*reason),
            other @ (CloseState::Open | CloseState::Reported) => {
                self.close = other;
                None
            }
        }
    }

    /// Returns whether the connection is closed, its reason has been taken, and all bytes are written.
    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.close, CloseState::Reported) && self.send_buffer.is_empty()
    }

    /// Returns the first deadline or ping that is due at `now`. Drops unsent bytes if a closed connection could not
    /// write them in time.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let due = self.timers.due(now, &self.config.timeouts())?;
        match due {
            Due::Expired(_) if self.is_closed() => {
                self.send_buffer = ByteQueue::default();
                self.timers.stop();
                None
            }
            Due::Expired(_) => Some(due),
            Due::Ping => {
                self.timers.ping_every(now, self.config.ping_interval(), &mut self.entropy);
                Some(due)
            }
        }
    }

    /// Returns the close reason of an expired deadline. Drops unsent bytes if the peer does not read them.
    pub(super) fn expire(&mut self, deadline: Deadline) -> CloseReason {
        if deadline == Deadline::Write {
            self.send_buffer = ByteQueue::default();
        }
        if deadline == Deadline::Close { CloseReason::Local } else { CloseReason::Timeout(deadline) }
    }

    /// Returns the time of the next deadline or ping. `reading`: whether input is wanted.
    pub(super) fn poll_timeout(&self, reading: bool) -> Option<Instant> {
        self.timers.next(&self.config.timeouts(), reading)
    }

    /// Suspends the deadlines of the peer's bytes while no input is wanted, and restarts them afterwards.
    pub(super) fn set_reading(&mut self, now: Instant, reading: bool) {
        match reading || self.is_closed() {
            true => self.timers.resume(now),
            false => self.timers.pause(),
        }
    }

    /// Sets up the deadlines and pings of a WebSocket that has just been opened.
    pub(super) fn on_websocket_open(&mut self, now: Instant) {
        self.timers.opened(now);
        self.timers.ping_every(now, self.config.ping_interval(), &mut self.entropy);
    }
}

/// Decodes the next message or control frame, for either role.
pub(super) fn decode_websocket<'s, 'i: 's>(socket: &'s mut ws::WebSocket, input: &mut &'i [u8]) -> WebSocketInput<'s> {
    match socket.decode(input) {
        Ok(None) => WebSocketInput::Incomplete,
        Ok(Some(ws::Message::Text(text))) => WebSocketInput::Text(text),
        Ok(Some(ws::Message::Ping(_) | ws::Message::Pong(_))) => WebSocketInput::Control,
        Ok(Some(ws::Message::Binary(_))) => WebSocketInput::Close(CloseReason::Binary),
        Ok(Some(ws::Message::Close(close))) => {
            // RFC 6455 §7.1.5: 1005 stands for a close frame without a code.
            let (code, reason) = close.map_or((1005, ""), |close| (close.code, close.reason));
            WebSocketInput::Close(CloseReason::Peer { code, reason: reason.into() })
        }
        Err(error) => WebSocketInput::Close(CloseReason::WebSocket(error)),
    }
}

/// Frees the memory that a client's WebSocket needs only for a request and its response, while there is none.
pub(super) fn release_idle_input<C>(socket: &mut ws::WebSocket, shared: &mut SharedState<C>) {
    if !shared.lanes.in_flight() {
        socket.release_input_memory();
        shared.repeats.release();
        // It is empty, unless the peer does not read.
        shared.send_buffer.release();
    }
}

/// Returns the close reason of a WebSocket whose peer sends no more bytes, or whose bytes were lost.
pub(super) fn websocket_end(socket: &ws::WebSocket, lost: Option<&LossReason>) -> CloseReason {
    match (socket.peer_close(), lost, socket.eof()) {
        (Some(close), _, _) => CloseReason::Peer { code: close.code, reason: close.reason.into() },
        (None, Some(reason), _) => CloseReason::Lost(reason.clone()),
        (None, None, ws::Eof::Truncated) => CloseReason::Truncated,
        (None, None, ws::Eof::Clean | ws::Eof::Abnormal) => CloseReason::Eof,
    }
}

/// Writes the pending replies of a WebSocket that must close for `reason`. A binary message is rejected with code 1003.
pub(super) fn write_final_replies(socket: &mut ws::WebSocket, reason: &CloseReason, send_buffer: &mut ByteQueue) {
    if *reason == CloseReason::Binary {
        // Fails only if a close frame is pending already, which is then sent instead.
        let _ = socket.close(1003, "");
    }
    socket.write_pending_replies(send_buffer.buffer_mut());
}

/// Starts the closing handshake, with code 1000 if `code` and `reason` cannot be sent.
pub(super) fn start_closing(socket: &mut ws::WebSocket, code: u16, reason: &str, send_buffer: &mut ByteQueue) {
    if socket.close(code, reason).is_err() {
        let _ = socket.close(1000, "");
    }
    socket.write_pending_replies(send_buffer.buffer_mut());
}

/// Returns whether the connection itself sets this header, which states the framing or the connection's use.
pub(super) fn is_connection_header(name: &str) -> bool {
    ["content-length", "transfer-encoding", "connection"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether the WebSocket handshake itself sets this header of its response.
pub(super) fn is_handshake_header(name: &str) -> bool {
    let prefix = "sec-websocket-";
    let has_prefix = name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    is_connection_header(name) || name.eq_ignore_ascii_case("upgrade") || has_prefix
}

/// Appends to a buffer of at most `limit` bytes. Its capacity doubles, but not beyond the limit.
pub(super) fn append(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    crate::buffer::reserve(buffer, bytes.len(), limit);
    buffer.extend_from_slice(bytes);
}
