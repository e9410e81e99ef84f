//! One connection of either role: the engine that reads and writes, and the queue in front of it.

use core::fmt;

use bytes::{Buf as _, BytesMut};

use super::client;
use super::clock::LastActivity;
use super::closed::CommandError;
use super::config::Config;
use super::event::{self, Event, Step};
use super::incoming::{self, Incoming};
use super::queue::Queue;
use super::server;
use super::{OutgoingRequest, Transport};
use crate::entropy::Seed;
use crate::http::{Headers, Response};
use crate::time::Instant;
use crate::turn::RequestState;

/// A connection's role. Sealed: [`Client`] or [`Server`].
pub trait Role: sealed::Sealed {}

/// The end that dialed.
#[derive(Debug)]
pub enum Client {}

/// The end that accepted.
#[derive(Debug)]
pub enum Server {}

impl Role for Client {}
impl Role for Server {}

mod sealed {
    use core::fmt::Debug;

    pub trait Sealed {
        type Engine: Debug;
        type Record: Debug;
    }

    impl Sealed for super::Client {
        type Engine = super::client::Engine;
        type Record = super::event::Record;
    }

    impl Sealed for super::Server {
        type Engine = super::server::Engine;
        type Record = super::incoming::Record;
    }
}

/// One peer of one physical connection.
///
/// `handle_*` tells it what happened, and cannot fail; the verbs command it, and fail only with [`CommandError`]; `poll_*` asks what
/// to do, in any order and as often as wanted. Events are lent until the connection is used again.
pub struct Connection<R: Role> {
    engine: R::Engine,
    queue: Queue<R::Record>,
    /// Input that cannot be read yet: a server answers one request before it reads the next.
    held: BytesMut,
}

/// Shows no bytes: they hold credentials and what people say.
impl<R: Role> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("backlog", &self.queue.backlog()).finish_non_exhaustive()
    }
}

impl Connection<Client> {
    /// A client's end of a socket that has just been opened. `seed` makes nonces and masking keys.
    #[must_use]
    pub fn client(config: Config, transport: Transport, seed: Seed) -> Self {
        let engine = client::Engine::new(config, transport, seed);
        Self { engine, queue: Queue::default(), held: BytesMut::new() }
    }

    /// Begins the WebSocket handshake. `headers` are added to its own.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when this is no fresh WebSocket connection, or the target or a header cannot be sent.
    pub fn upgrade(&mut self, now: Instant, target: &str, headers: &Headers) -> Result<(), CommandError> {
        self.engine.upgrade(now, target, headers)
    }

    /// Sends an HTTP request.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the connection speaks WebSocket, is busy or over, or the request cannot be sent as it stands.
    pub fn send_request(&mut self, now: Instant, post: OutgoingRequest) -> Result<(), CommandError> {
        self.engine.post(now, post)
    }

    /// Sends a request as a text message, on a lane.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the connection is not an open WebSocket, or a request of the lane is in flight.
    pub fn send_request_message(&mut self, now: Instant, lane: Option<&str>, text: &str) -> Result<(), CommandError> {
        self.engine.send_text(now, lane, text)
    }

    /// Sends a text message that makes no request: steering.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the connection is not an open WebSocket.
    pub fn send_message(&mut self, now: Instant, text: &str) -> Result<(), CommandError> {
        self.engine.send_note(now, text)
    }

    /// Gives the lane's request up: what still comes of it is passed over. The server is not told; it has no way to be.
    pub fn abandon(&mut self, now: Instant, lane: Option<&str>) {
        self.engine.abandon(now, lane);
    }

    /// Closes: with this code over WebSocket, at once over HTTP.
    pub fn close(&mut self, now: Instant, code: u16) {
        self.engine.close(now, code);
        self.settle(now);
    }

    /// The failing answer whose body does not come to its end. The connection is of no more use.
    pub(crate) fn cut_short(&mut self) -> Option<(Response, alloc::vec::Vec<u8>)> {
        self.engine.cut_short()
    }

    /// Begins to close, and leaves what comes of it to be found by the next step.
    pub(crate) fn begin_close(&mut self, now: Instant, code: u16) {
        self.engine.close(now, code);
    }

    /// Bytes came from the socket.
    pub fn handle_input(&mut self, now: Instant, mut input: &[u8]) {
        while let Some(step) = self.engine.step(now, &mut input) {
            event::queue(&mut self.queue, step);
        }
    }

    /// The socket will bring no more bytes.
    pub fn handle_eof(&mut self, now: Instant) {
        while let Some(step) = self.engine.step_eof(now) {
            event::queue(&mut self.queue, step);
        }
    }

    /// `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, now: Instant, length: usize) {
        self.engine.handle_written(now, length);
    }

    /// It is now.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        event::lend(&mut self.queue)
    }

    /// Whether [`poll_event`](Self::poll_event) has something to say.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The bytes to write next.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.engine.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    /// Whether more input is wanted. Ignoring it loses nothing and costs memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.engine.wants_input() && self.queue.backlog() < self.engine.backlog_limit()
    }

    /// Whether the connection is over, and nothing is left to write or to poll.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.engine.is_finished() && self.queue.is_empty()
    }

    /// Where the lane's newest request stands.
    #[must_use]
    pub fn state(&self, lane: Option<&str>) -> RequestState {
        self.engine.state(lane)
    }

    /// Payloads that came with no request to belong to.
    #[must_use]
    pub const fn unmatched_events(&self) -> u64 {
        self.engine.strays()
    }

    /// When the peer was last heard of, by what was heard: for one who watches, and has other limits than
    /// [`Timeouts`](super::Timeouts).
    #[must_use]
    pub const fn last_seen(&self) -> LastActivity {
        self.engine.last_seen()
    }

    /// The pull side, for floor 5: the next thing in `input`, lent and not queued.
    pub(crate) fn step<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        self.engine.step(now, input)
    }

    pub(crate) fn step_eof(&mut self, now: Instant) -> Option<Step<'_>> {
        self.engine.step_eof(now)
    }

    pub(crate) fn step_timeout(&mut self, now: Instant) -> Option<Step<'_>> {
        self.engine.step_timeout(now)
    }

    fn settle(&mut self, now: Instant) {
        while let Some(step) = self.engine.step_timeout(now) {
            event::queue(&mut self.queue, step);
        }
    }
}

impl Connection<Server> {
    /// A server's end of a socket that has just been accepted. It finds out by itself what the client speaks.
    #[must_use]
    pub fn server(config: Config, seed: Seed) -> Self {
        Self { engine: server::Engine::new(config, seed), queue: Queue::default(), held: BytesMut::new() }
    }

    /// Accepts the upgrade that was asked for, with these headers beside the handshake's own.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] when no upgrade was asked for. A handshake that must not be accepted is refused by itself.
    pub fn accept(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        self.engine.accept(now, headers)?;
        self.release(now);
        Ok(())
    }

    /// Answers the request, or refuses the upgrade, with a whole body.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when there is nothing to answer, or the status or a header cannot be sent.
    pub fn respond(&mut self, now: Instant, status: u16, headers: &Headers, body: &[u8]) -> Result<(), CommandError> {
        self.engine.respond(now, status, headers, body)?;
        self.release(now);
        Ok(())
    }

    /// Answers the request with an event stream.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when there is nothing to answer, or a header cannot be sent.
    pub fn begin_stream(&mut self, now: Instant, headers: &Headers) -> Result<(), CommandError> {
        self.engine.begin_stream(now, headers)
    }

    /// Sends an event: the JSON text of one, on whichever transport this is.
    ///
    /// # Errors
    ///
    /// [`CommandError::Event`] when the text is none, and other [`CommandError`] when there is no stream to send it on.
    pub fn send(&mut self, now: Instant, event: &str) -> Result<(), CommandError> {
        self.engine.send(now, event)
    }

    /// Sends a sign of life: a comment, or a ping.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when there is no stream to send it on.
    pub fn send_keep_alive(&mut self, now: Instant) -> Result<(), CommandError> {
        self.engine.send_keep_alive(now)
    }

    /// Ends the event stream.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] when there is none.
    pub fn end_stream(&mut self, now: Instant) -> Result<(), CommandError> {
        self.engine.end_stream(now)?;
        self.release(now);
        Ok(())
    }

    /// Closes: with this code and reason over WebSocket, behind what waits to be written over HTTP.
    pub fn close(&mut self, now: Instant, code: u16, reason: &str) {
        self.engine.close(now, code, reason);
        self.settle(now);
    }

    /// Bytes came from the socket.
    pub fn handle_input(&mut self, now: Instant, mut input: &[u8]) {
        if !self.held.is_empty() {
            self.held.extend_from_slice(input);
            return self.release(now);
        }
        while let Some(step) = self.engine.step(now, &mut input) {
            incoming::queue(&mut self.queue, step);
        }
        self.held.extend_from_slice(input);
    }

    /// The socket will bring no more bytes.
    pub fn handle_eof(&mut self, now: Instant) {
        while let Some(step) = self.engine.step_eof(now) {
            incoming::queue(&mut self.queue, step);
        }
    }

    /// `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, now: Instant, length: usize) {
        self.engine.handle_written(now, length);
    }

    /// It is now.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Incoming<'_>> {
        incoming::lend(&mut self.queue)
    }

    /// Whether [`poll_event`](Self::poll_event) has something to say.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The bytes to write next.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.engine.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    /// Whether more input is wanted. Ignoring it loses nothing and costs memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.held.is_empty() && self.engine.wants_input() && self.queue.backlog() < self.engine.backlog_limit()
    }

    /// Whether the connection is over, and nothing is left to write or to poll: drop the socket.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.engine.is_finished() && self.queue.is_empty()
    }

    /// Where the lane's newest request stands.
    #[must_use]
    pub fn state(&self, lane: Option<&str>) -> RequestState {
        self.engine.state(lane)
    }

    /// When the peer was last heard of: its bytes and its control frames.
    #[must_use]
    pub const fn last_seen(&self) -> LastActivity {
        self.engine.last_seen()
    }

    /// Reads on in what was held back.
    fn release(&mut self, now: Instant) {
        let mut rest = &self.held[..];
        let before = rest.len();
        while let Some(step) = self.engine.step(now, &mut rest) {
            incoming::queue(&mut self.queue, step);
        }
        let taken = before - rest.len();
        self.held.advance(taken);
    }

    fn settle(&mut self, now: Instant) {
        while let Some(step) = self.engine.step_timeout(now) {
            incoming::queue(&mut self.queue, step);
        }
    }
}
