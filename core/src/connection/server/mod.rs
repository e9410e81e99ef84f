//! The server's end of a connection: requests in, responses out.

mod config;
mod engine;
mod event;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf as _, BytesMut};

use self::engine::ServerEngine;
use self::event::Record;
use super::error::{CommandError, LossReason};
use super::event_queue::EventQueue;
use super::timers::LastActivity;
use crate::entropy::Seed;
use crate::http::Headers;
use crate::time::Instant;
use crate::turn::RequestState;
use crate::ws::handshake::Negotiated;

pub use self::config::{Config, Timeouts};
pub use self::event::{Event, OwnedEvent};

/// The server's end of one physical connection.
///
/// `handle_*` methods report what happened on the socket, and cannot fail. `poll_*` methods return what to do; they may
/// be called in any order, as often as wanted. The other methods are commands; they fail only with [`CommandError`],
/// and change nothing then.
///
/// ```
/// use turnwire::connection::{ServerConnection, server};
/// use turnwire::http::Headers;
/// use turnwire::time::Instant;
///
/// let now = Instant::ZERO;
/// let mut connection = ServerConnection::new(server::Config::default(), [1; 32]);
/// connection.handle_input(now, b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// assert!(matches!(connection.poll_event(), Some(server::Event::Request { head, .. }) if head.target() == "/v1/models"));
/// connection.respond(now, 200, &Headers::new(), b"{}")?;
/// assert!(connection.poll_transmit().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), turnwire::connection::CommandError>(())
/// ```
pub struct ServerConnection {
    engine: ServerEngine,
    queue: EventQueue<Record>,
    /// Input that cannot be read yet: the next request is read after the response to the current one.
    unread_input: BytesMut,
    /// When a graceful shutdown ends the responses that are still running.
    shutdown: Option<Instant>,
}

/// Shows no bytes: they contain credentials and user content.
impl fmt::Debug for ServerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConnection").field("backlog", &self.queue.backlog()).finish_non_exhaustive()
    }
}

impl ServerConnection {
    /// Creates the server's end of a socket that has just been accepted. It detects the client's transport by itself.
    /// `seed` is the source of randomness for the jitter of pings. Connections can share their configuration.
    #[must_use]
    pub fn new(config: impl Into<Arc<Config>>, seed: Seed) -> Self {
        Self::with_engine(ServerEngine::new(config.into(), seed))
    }

    /// Creates the server's end of a WebSocket whose handshake another HTTP server has done, with
    /// [`ws::handshake::accept`](crate::ws::handshake::accept). The connection begins with the first frame of the client.
    #[must_use]
    pub fn accepted(now: Instant, config: impl Into<Arc<Config>>, seed: Seed, negotiated: &Negotiated) -> Self {
        let mut connection =
            Self::with_engine(ServerEngine::accepted(now, config.into(), seed, negotiated.deflate.as_ref()));
        connection.settle(now);
        connection
    }

    fn with_engine(engine: ServerEngine) -> Self {
        Self { engine, queue: EventQueue::default(), unread_input: BytesMut::new(), shutdown: None }
    }

    /// Accepts the pending upgrade, with `headers` in addition to the handshake's own. A handshake that is invalid is
    /// rejected instead, and the connection closes.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if no upgrade is pending, [`CommandError::Head`] if a header is invalid. Nothing was
    /// sent or changed.
    pub fn accept(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        self.engine.accept(now, headers)?;
        self.process_unread(now);
        Ok(())
    }

    /// Responds to the pending request with a whole body, or rejects the pending upgrade with one. After a response to a
    /// [head](Event::Head) alone, the connection closes.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if nothing is pending, [`CommandError::Head`] if the status or a header is invalid.
    /// Nothing was sent or changed.
    pub fn respond(&mut self, now: Instant, status: u16, headers: &Headers, body: &[u8]) -> Result<(), CommandError> {
        self.engine.respond(now, status, headers, body)?;
        self.process_unread(now);
        Ok(())
    }

    /// Reads the body of the request whose head was delivered as [`Event::Head`].
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if no such head is pending. Nothing was sent or changed.
    pub fn receive_body(&mut self, now: Instant) -> Result<(), CommandError> {
        self.engine.receive_body(now)?;
        self.process_unread(now);
        Ok(())
    }

    /// Responds to the pending request with an event stream.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if no request is pending, [`CommandError::Head`] if a header is invalid. Nothing was
    /// sent or changed.
    pub fn begin_stream(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        self.engine.begin_stream(now, headers)?;
        self.settle(now);
        Ok(())
    }

    /// Sends an event, given as JSON text, on the event stream or the WebSocket.
    ///
    /// # Errors
    ///
    /// [`CommandError::Event`] if the text is not a JSON object with a `type`, [`CommandError::NoRequest`] if neither
    /// an event stream nor a WebSocket is open, [`CommandError::Closed`] on a closing or closed connection. Nothing was
    /// sent or changed.
    pub fn send(&mut self, now: Instant, event: &str) -> Result<(), CommandError> {
        self.engine.send(now, event)?;
        self.settle(now);
        Ok(())
    }

    /// Sends a keep-alive: a comment on an event stream, a ping on a WebSocket.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if neither an event stream nor a WebSocket is open, [`CommandError::Closed`] on a
    /// closing WebSocket. Nothing was sent or changed.
    pub fn send_keep_alive(&mut self, now: Instant) -> Result<(), CommandError> {
        self.engine.send_keep_alive(now)?;
        self.settle(now);
        Ok(())
    }

    /// Ends the event stream.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] if no event stream is open. Nothing was sent or changed.
    pub fn end_stream(&mut self, now: Instant) -> Result<(), CommandError> {
        self.engine.end_stream(now)?;
        self.process_unread(now);
        Ok(())
    }

    /// Closes the connection: with a close frame of this code and reason on WebSocket, once all bytes are written on
    /// HTTP.
    pub fn close(&mut self, now: Instant, code: u16, reason: &str) {
        self.engine.close(now, code, reason);
        self.process_timeouts(now);
    }

    /// Closes the connection once the responses that are running have ended, at the latest at `until`. No further request is
    /// delivered: on a WebSocket they are ignored, and the close code is 1001 (going away), so that the client sends them on another
    /// connection; on HTTP, the response to the current request has `Connection: close`. Steering and interruption are still
    /// delivered.
    pub fn shut_down_gracefully(&mut self, now: Instant, until: Instant) {
        self.engine.begin_shutdown();
        self.shutdown = Some(until);
        self.process_timeouts(now);
    }

    /// Handles bytes from the socket.
    pub fn handle_input(&mut self, now: Instant, mut input: &[u8]) {
        self.resume(now);
        if !self.unread_input.is_empty() {
            self.unread_input.extend_from_slice(input);
            return self.process_unread(now);
        }
        while let Some(step) = self.engine.step(now, &mut input) {
            event::queue(&mut self.queue, step);
        }
        self.unread_input.extend_from_slice(input);
        self.settle(now);
    }

    /// Handles an orderly end of input: the peer has closed its direction of the socket and will send no more bytes. Under
    /// TLS, that is an end after `close_notify`; anything else is a [loss](Self::handle_lost).
    pub fn handle_eof(&mut self, now: Instant) {
        self.process_end(now, None);
    }

    /// Handles the loss of the connection: the socket was reset, a write or the TLS session failed, or the bytes ended
    /// without `close_notify`. A body that ends with the connection is incomplete then (RFC 9112 §9.8).
    pub fn handle_lost(&mut self, now: Instant, reason: LossReason) {
        self.process_end(now, Some(&reason));
    }

    /// Records that `length` bytes of [`poll_transmit`](Self::poll_transmit) were written; more than there are count as
    /// all of them.
    pub fn handle_written(&mut self, now: Instant, length: usize) {
        self.engine.handle_written(now, length);
        // The next request may have waited for it.
        self.process_unread(now);
    }

    /// Handles every deadline that has passed at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.process_timeouts(now);
    }

    /// Returns the next event. While more bytes than [`max_send_backlog`](Config::max_send_backlog) wait to be written,
    /// there is none, so that a peer that does not read cannot make the responses pile up.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if self.queue.is_empty() || self.has_event() { event::poll(&mut self.queue) } else { None }
    }

    /// Returns whether [`poll_event`](Self::poll_event) would return an event.
    #[must_use]
    pub fn has_event(&self) -> bool {
        let shared = &self.engine.shared;
        !self.queue.is_empty() && (shared.is_closed() || !shared.is_send_backlog_full())
    }

    /// Returns the bytes to write next. Report what was written with [`handle_written`](Self::handle_written).
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.engine.shared.send_buffer.pending()
    }

    /// Moves the bytes to write next into `buffer`, for I/O that owns its buffers until it is complete. Nothing is copied: the memory
    /// of `buffer` is used for further bytes. Bytes that were taken are written in the order in which they were taken, and reported
    /// with [`handle_written`](Self::handle_written) when they are: until then they count as waiting.
    pub fn take_transmit(&mut self, buffer: &mut Vec<u8>) {
        self.engine.shared.send_buffer.take(buffer);
    }

    /// Returns the time at which to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout(self.wants_input()).into_iter().chain(self.shutdown).min()
    }

    /// Returns whether the caller should read from the socket: not while a response is pending and the next request has
    /// begun, nor while too many events wait to be polled, or too many bytes to be written. Input that is passed in
    /// regardless is not lost, but costs memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let shared = &self.engine.shared;
        let has_room = self.queue.backlog() < shared.config.max_backlog && !shared.is_send_backlog_full();
        self.unread_input.is_empty() && !shared.is_closed() && has_room
    }

    /// Returns whether the connection is closed, and nothing is left to write or to poll. The caller drops the socket
    /// then.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.engine.shared.is_finished() && self.queue.is_empty()
    }

    /// Returns the state of the newest request on `lane`; `None` means the default lane.
    #[must_use]
    pub fn state(&self, lane: Option<&str>) -> RequestState {
        self.engine.shared.lanes.state(lane)
    }

    /// Returns the time of the peer's last activity: of its bytes and its control frames.
    #[must_use]
    pub const fn last_seen(&self) -> LastActivity {
        self.engine.shared.timers.last_seen()
    }

    /// Reads the input that was set aside.
    fn process_unread(&mut self, now: Instant) {
        let mut rest = &self.unread_input[..];
        let before = rest.len();
        while let Some(step) = self.engine.step(now, &mut rest) {
            event::queue(&mut self.queue, step);
        }
        let consumed = before - rest.len();
        self.unread_input.advance(consumed);
        if self.unread_input.is_empty() {
            self.unread_input = BytesMut::new();
        }
        self.settle(now);
    }

    fn process_end(&mut self, now: Instant, lost: Option<&LossReason>) {
        while let Some(step) = self.engine.step_end(now, lost) {
            event::queue(&mut self.queue, step);
        }
        self.settle(now);
    }

    fn process_timeouts(&mut self, now: Instant) {
        // Only then: telling the time early changes nothing.
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.resume(now);
        }
        while let Some(step) = self.engine.step_timeout(now) {
            event::queue(&mut self.queue, step);
        }
        if self.shutdown.is_some_and(|until| until <= now) {
            self.end_shutdown(now);
        }
        self.settle(now);
    }

    /// Closes the connection, whatever is running.
    fn end_shutdown(&mut self, now: Instant) {
        self.shutdown = None;
        self.engine.close(now, 1001, "");
        while let Some(step) = self.engine.step_timeout(now) {
            event::queue(&mut self.queue, step);
        }
    }

    /// Restarts the deadlines of the peer's bytes if they were suspended.
    fn resume(&mut self, now: Instant) {
        if self.wants_input() {
            self.engine.shared.set_reading(now, true);
        }
    }

    /// Updates the deadlines after a change, and frees memory while no request is in flight.
    fn settle(&mut self, now: Instant) {
        if self.shutdown.is_some() && !self.engine.is_busy() {
            self.end_shutdown(now);
        }
        if self.engine.release_idle_memory() {
            self.queue.release_memory();
        }
        self.engine.update_clocks(now);
        if !self.wants_input() {
            self.engine.shared.set_reading(now, false);
        }
    }
}
