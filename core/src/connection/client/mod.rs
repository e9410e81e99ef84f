//! The client's end of a connection: requests out, responses in.

mod config;
mod engine;
mod event;
mod http_response;
mod request;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use self::engine::ClientEngine;
use self::event::Record;
use super::error::{CommandError, LossReason};
use super::event_queue::EventQueue;
use super::timers::LastActivity;
use super::transport::Transport;
use crate::entropy::Seed;
use crate::http::{Headers, Response};
use crate::responses::ShortFound;
use crate::time::Instant;
use crate::turn::RequestState;

pub use self::config::{Config, Timeouts};
pub use self::event::Event;
pub(crate) use self::event::Step;
pub use self::request::{ExpectedBody, OutgoingRequest};

/// The client's end of one physical connection.
///
/// `handle_*` methods report what happened on the socket, and cannot fail. `poll_*` methods return what to do; they may
/// be called in any order, as often as wanted. The other methods are commands; they fail only with [`CommandError`],
/// and change nothing then.
///
/// ```
/// use turnwire::connection::{ClientConnection, Transport, client};
/// use turnwire::http::Headers;
/// use turnwire::time::Instant;
///
/// let now = Instant::ZERO;
/// let mut connection = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
/// connection.upgrade(now, "/v1/responses", &Headers::new())?;
/// assert!(connection.poll_transmit().starts_with(b"GET /v1/responses HTTP/1.1\r\n"));
/// assert!(connection.poll_timeout().is_some()); // for the head of the response
/// # Ok::<(), turnwire::connection::CommandError>(())
/// ```
pub struct ClientConnection {
    engine: ClientEngine,
    queue: EventQueue<Record>,
}

/// Shows no bytes: they contain credentials and user content.
impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").field("backlog", &self.queue.backlog()).finish_non_exhaustive()
    }
}

impl ClientConnection {
    /// Creates the client's end of a socket that has just been connected. `seed` is the source of nonces and masking
    /// keys. Connections can share their configuration.
    #[must_use]
    pub fn new(config: impl Into<Arc<Config>>, transport: Transport, seed: Seed) -> Self {
        Self { engine: ClientEngine::new(config.into(), transport, seed), queue: EventQueue::default() }
    }

    /// Sends the WebSocket handshake, with `headers` in addition to its own.
    ///
    /// # Errors
    ///
    /// [`CommandError::Transport`] if this is not a WebSocket connection before its handshake; [`CommandError::Head`]
    /// if the target or a header is invalid. Nothing was sent or changed.
    pub fn upgrade(&mut self, now: Instant, target: &str, headers: &Headers) -> Result<(), CommandError> {
        self.engine.upgrade(now, target, headers)
    }

    /// Sends an HTTP request.
    ///
    /// # Errors
    ///
    /// [`CommandError::Transport`] on a WebSocket connection, [`CommandError::InFlight`] while a response is pending,
    /// [`CommandError::Closed`] on a closed connection, [`CommandError::Head`] if the method, the target or a header is
    /// invalid. Nothing was sent or changed.
    pub fn send_request(&mut self, now: Instant, request: OutgoingRequest) -> Result<(), CommandError> {
        self.engine.send_request(now, request)
    }

    /// Sends a request as a WebSocket text message, on `lane`; `None` means the default lane. The text must name the
    /// same lane.
    ///
    /// # Errors
    ///
    /// [`CommandError::Transport`] before the handshake and on HTTP, [`CommandError::InFlight`] while a request of the
    /// lane is in flight, [`CommandError::Lane`] if the lane's name is invalid or too many lanes are in use,
    /// [`CommandError::Closed`] on a closing or closed connection. Nothing was sent or changed.
    pub fn send_request_message(&mut self, now: Instant, lane: Option<&str>, text: &str) -> Result<(), CommandError> {
        self.engine.send_request_message(now, lane, text)
    }

    /// Sends a WebSocket text message that does not start a request, such as a steering message.
    ///
    /// # Errors
    ///
    /// [`CommandError::Transport`] before the handshake and on HTTP, [`CommandError::Closed`] on a closing or closed
    /// connection. Nothing was sent or changed.
    pub fn send_message(&mut self, now: Instant, text: &str) -> Result<(), CommandError> {
        self.engine.send_message(now, text)
    }

    /// Abandons the request of `lane`: further events of it are skipped. The protocol has no way to tell the server.
    pub fn abandon(&mut self, now: Instant, lane: Option<&str>) {
        self.engine.abandon(now, lane);
    }

    /// Closes the connection: with a close frame of this code on WebSocket, immediately on HTTP.
    pub fn close(&mut self, now: Instant, code: u16) {
        self.engine.close(now, code);
        self.process_timeouts(now);
    }

    /// Sends a message about a response that may have ended when the message arrives: steering, interruption or injection. The
    /// peer's reply is then an `error` that concerns no request.
    ///
    /// # Errors
    ///
    /// As [`send_message`](Self::send_message).
    pub fn send_about_response(&mut self, now: Instant, text: &str) -> Result<(), CommandError> {
        self.engine.send_message(now, text)?;
        self.engine.shared.lanes.expect_reply();
        Ok(())
    }

    /// Expects the successor of a steered response on this lane: the server begins it without a request.
    pub fn expect_successor(&mut self, lane: Option<&str>) {
        self.hold(lane, true);
    }

    /// Records whether a successor of the ended response may come on this lane, without a request.
    pub(crate) fn hold(&mut self, lane: Option<&str>, held: bool) {
        self.engine.shared.lanes.hold(lane, held);
    }

    /// Takes an error response whose body is incomplete. The connection cannot be used afterwards.
    pub(crate) fn take_partial_error_body(&mut self) -> Option<(Response, Vec<u8>)> {
        self.engine.take_partial_error_body()
    }

    /// Sends a ping on an open WebSocket.
    pub(crate) fn ping(&mut self, now: Instant) {
        self.engine.ping(now);
    }

    /// Starts to close, without queueing an event: the next step returns the result.
    pub(crate) fn begin_close(&mut self, now: Instant, code: u16) {
        self.engine.close(now, code);
    }

    /// Handles bytes from the socket.
    pub fn handle_input(&mut self, now: Instant, mut input: &[u8]) {
        self.set_reading(now, self.wants_input());
        loop {
            self.engine.read_repeats(now, &mut input, |text, found| event::queue_repeat(&mut self.queue, text, found));
            let Some(step) = self.engine.step(now, &mut input) else { break };
            event::queue(&mut self.queue, step);
        }
        self.set_reading(now, self.wants_input());
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
    }

    /// Handles every deadline that has passed at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.process_timeouts(now);
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        event::poll(&mut self.queue)
    }

    /// Returns whether [`poll_event`](Self::poll_event) would return an event.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.queue.is_empty()
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
        self.poll_timeout_if(self.wants_input())
    }

    /// Returns whether the caller should read from the socket: not while too many events wait to be polled, or too many
    /// bytes to be written. Input that is passed in regardless is not lost, but costs memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let shared = &self.engine.shared;
        !shared.is_closed() && self.queue.backlog() < shared.config.max_backlog && self.engine.has_send_room()
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

    /// Returns the number of events that no request was waiting for.
    #[must_use]
    pub const fn unmatched_events(&self) -> u64 {
        self.engine.unmatched_events
    }

    /// Returns whether the server has sent an event of a response on a named lane without naming the lane. With several
    /// requests in flight, it may then be impossible to tell which request an event belongs to.
    #[must_use]
    pub const fn ignores_lanes(&self) -> bool {
        self.engine.shared.lanes.ignored()
    }

    /// Returns the time of the peer's last activity, by kind, for callers with other limits than [`Timeouts`].
    #[must_use]
    pub const fn last_seen(&self) -> LastActivity {
        self.engine.shared.timers.last_seen()
    }

    /// Returns the next step that `input` leads to: borrowed, not queued. Used by the client layer.
    pub(crate) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.engine.step(now, input)
    }

    /// Returns the lane of the deltas that [`read_repeats`](Self::read_repeats) would read; `None` if it would read none.
    #[inline]
    pub(crate) fn lane_of_repeats(&self) -> Option<Option<&str>> {
        self.engine.lane_of_repeats()
    }

    /// Reads the deltas at the front of the input that repeat the last one, on its lane, and gives them to `receive`. It does what
    /// [`step`](Self::step) would do for each of them, in less time.
    #[inline]
    pub(crate) fn read_repeats(&mut self, now: Instant, input: &mut &[u8], receive: impl FnMut(&str, &ShortFound)) {
        self.engine.read_repeats(now, input, receive);
    }

    pub(crate) fn step_end(&mut self, now: Instant, lost: Option<&LossReason>) -> Option<Step<'_>> {
        self.engine.step_end(now, lost)
    }

    pub(crate) fn step_timeout(&mut self, now: Instant) -> Option<Step<'_>> {
        self.engine.step_timeout(now)
    }

    /// Returns the time of the next deadline, if the caller reads from the socket or does not.
    pub(crate) fn poll_timeout_if(&self, reading: bool) -> Option<Instant> {
        self.engine.shared.poll_timeout(reading)
    }

    /// Records whether the caller reads from the socket. The deadlines of the peer's bytes do not run while it does not.
    pub(crate) fn set_reading(&mut self, now: Instant, reading: bool) {
        self.engine.shared.set_reading(now, reading);
    }

    fn process_end(&mut self, now: Instant, lost: Option<&LossReason>) {
        while let Some(step) = self.engine.step_end(now, lost) {
            event::queue(&mut self.queue, step);
        }
    }

    fn process_timeouts(&mut self, now: Instant) {
        // Only then: telling the time early changes nothing.
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.set_reading(now, self.wants_input());
        }
        while let Some(step) = self.engine.step_timeout(now) {
            event::queue(&mut self.queue, step);
        }
    }
}
