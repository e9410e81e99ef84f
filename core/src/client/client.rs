//! `Client`: the commands of the application, the inputs from the socket, and the outputs that the loop polls.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::collectors::Collectors;
use super::config::{ClientSetup, Credentials, InvalidProvider, Provider, Settings};
use super::connect::{ConnectError, ForwardProxy, SocketCommand};
use super::conversation::{ClientPhase, Conversation, SocketInput};
use super::encode::RequestBuilder;
use super::event::Event;
use super::policy::{self, FailurePoint};
use super::queued_event::{Deliver, QueuedOutcome, pop_event};
use super::request::{CommandError, RawOperation, Rejected, Request, RequestId};
use super::requests::{ActiveRequest, RequestPhase, RequestTable, Submission};
use super::steering::{SubmissionId, WaitingSubmissions};
use super::transport::{ConnectAttempts, ConnectionCheck, ConnectionPhase, ConnectionSlot, TransportSelector};
use crate::connection::{EventQueue, LastActivity, LossReason, Transport};
use crate::entropy::{Entropy, Seed};
use crate::responses::Item;
use crate::responses::session::Session;
use crate::time::Instant;
use crate::turn::Turn;

/// One conversation with one provider: its turns, their requests, and the connections that carry them.
pub struct Client {
    pub(super) conversation: Conversation,
    last_request_id: u64,
}

/// Shows no payload, credential or turn token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conversation = &self.conversation;
        f.debug_struct("Client")
            .field("provider", &conversation.builder.shared.provider.name)
            .field("connected", &conversation.slot.connected().is_some())
            .field("requests", &conversation.requests.len())
            .field("backlog", &conversation.events.backlog())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Creates a client of this provider. It connects when the first request needs a connection. `seed` determines handshake
    /// keys, masking keys and the jitter of delays.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when no request can be made with the provider.
    pub fn new(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
        seed: Seed,
    ) -> Result<Self, InvalidProvider> {
        Self::with_setup(&ClientSetup::new(provider, settings)?, credentials, seed)
    }

    /// Creates a client that shares its provider and its settings with others. Its session, if the settings have one, is its own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_setup(setup: &ClientSetup, credentials: Credentials, seed: Seed) -> Result<Self, InvalidProvider> {
        let shared = setup.config();
        let selector = TransportSelector::new(shared.settings.transport, &shared.provider, &credentials);
        let conversation = Conversation {
            builder: RequestBuilder::new(shared, credentials)?,
            selector,
            requests: RequestTable::default(),
            slot: ConnectionSlot::Disconnected,
            connect_attempts: ConnectAttempts::default(),
            events: EventQueue::default(),
            collectors: Collectors::default(),
            turn: Turn::new(),
            socket_command: None,
            phase: ClientPhase::Open,
            entropy: Entropy::new(seed),
            unmatched_events: 0,
            waiting: WaitingSubmissions::default(),
            last_submission_id: 0,
            lanes_ignored: false,
            paused_at: None,
        };
        Ok(Self { conversation, last_request_id: 0 })
    }

    /// Sets the Unix time at `now`, in milliseconds. The client writes it into WebSocket requests (`docs/protocol.md` §3.8) and
    /// needs it to read a `Retry-After` date. Without it, the client does neither.
    pub const fn set_wall_clock(&mut self, now: Instant, millis: u64) {
        self.conversation.builder.set_wall_clock(now, millis);
    }

    /// Returns the session, whose members may change between requests, for example the window after a compaction.
    pub const fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.conversation.builder.session {
            Some(session) => Some(&mut **session),
            None => None,
        }
    }

    /// Begins the next turn, without a turn token. The connection, if there is one, is kept.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::InFlight`] while a request has not ended; the turn goes on. Wait for its end, or cancel it.
    pub fn begin_turn(&mut self) -> Result<(), CommandError> {
        self.replace_turn(Turn::new())
    }

    /// Begins a turn that goes on with this turn token, which an earlier client had, for example in another process.
    ///
    /// # Errors
    ///
    /// As [`begin_turn`](Self::begin_turn), and [`CommandError::TurnToken`] if the token is longer than [`Turn::MAX_TOKEN`]; the
    /// current turn goes on then.
    pub fn resume_turn(&mut self, token: &str) -> Result<(), CommandError> {
        let mut turn = Turn::new();
        if !turn.set_once(token) {
            return Err(CommandError::TurnToken(token.len()));
        }
        self.replace_turn(turn)
    }

    fn replace_turn(&mut self, turn: Turn) -> Result<(), CommandError> {
        if self.has_pending_requests() {
            return Err(CommandError::InFlight);
        }
        self.conversation.turn = turn;
        if let Some(managed) = self.conversation.slot.connected_mut() {
            managed.outlived_turn = true;
        }
        Ok(())
    }

    /// Submits a request of the current turn. Its last event is [`Event::Finished`].
    ///
    /// # Errors
    ///
    /// Returns [`CommandError`] and the request, and changes nothing, when a lane name or a header cannot be sent, when the
    /// request has `stream: false`, when the lane is busy and [`Settings::queue_on_busy_lane`] is off, or when the client is
    /// closed.
    pub fn send(&mut self, now: Instant, request: impl Into<Request>) -> Result<RequestId, Rejected<Request>> {
        let request = request.into();
        match self.validate(&request) {
            Ok(()) => Ok(self.enqueue(now, Submission::Response { request: Box::new(request), prewarm: false })),
            Err(reason) => Err(Rejected { reason, value: Box::new(request) }),
        }
    }

    /// Requests the rest of a background response whose stream was lost in another process: the events behind number `after`, or
    /// all of them (`docs/protocol.md` §15.9). The request goes over HTTP and ends like that of the response, whose events it
    /// delivers; a loss of its stream is resumed in the same way. A response of this client that was made with `background` is
    /// resumed without this call.
    ///
    /// A server that answers with a whole response in place of a stream does not say which of its output was in the events up to
    /// `after`, so that all of it is delivered.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::Closed`] when the client is closed, [`CommandError::ResponseId`] when the id is empty, and
    /// [`CommandError::InFlight`] when the default lane is busy and [`Settings::queue_on_busy_lane`] is off. Nothing is sent then.
    pub fn resume(&mut self, now: Instant, response_id: &str, after: Option<i64>) -> Result<RequestId, CommandError> {
        self.check_open()?;
        if response_id.is_empty() {
            return Err(CommandError::ResponseId);
        }
        self.check_lane(None)?;
        self.last_request_id += 1;
        let id = RequestId(self.last_request_id);
        self.insert(now, ActiveRequest::resume(id, response_id, after, now));
        Ok(id)
    }

    /// Lets the server prepare for a request without a response (`docs/protocol.md` §9.4, `generate: false`). Returns `None`, and
    /// does nothing, when that is not possible: over HTTP, or when the lane is busy or has a previous response.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn prewarm(
        &mut self,
        now: Instant,
        request: impl Into<Request>,
    ) -> Result<Option<RequestId>, Rejected<Request>> {
        let request = request.into();
        if let Err(reason) = self.validate(&request) {
            return Err(Rejected { reason, value: Box::new(request) });
        }
        let (lane, conversation) = (request.lane.as_deref(), &self.conversation);
        let possible = conversation.selector.transport() == Transport::WebSocket
            && !conversation.requests.has_lane(lane)
            && !conversation.slot.has_previous_response(lane);
        if !possible {
            return Ok(None);
        }
        Ok(Some(self.enqueue(now, Submission::Response { request: Box::new(request), prewarm: true })))
    }

    /// Submits an operation whose response is one whole body, over HTTP. The client has one connection: an open WebSocket is
    /// closed for it. An application with many operations beside its conversation should have a second client.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError`] and the operation, and changes nothing, when a header cannot be sent or the client is closed.
    pub fn submit_raw(&mut self, now: Instant, operation: RawOperation) -> Result<RequestId, Rejected<RawOperation>> {
        let valid = self.check_open().and_then(|()| self.conversation.builder.validate(&operation.headers, None));
        match valid {
            Ok(()) => Ok(self.enqueue(now, Submission::Operation(Box::new(operation)))),
            Err(reason) => Err(Rejected { reason, value: Box::new(operation) }),
        }
    }

    /// Connects as for the next request, unless there is a connection.
    ///
    /// It also probes the server (`docs/protocol.md` §9.9): [`Event::Connected`] has the head that accepted the handshake, and
    /// [`Event::Disconnected`] reports a server that closes at once.
    pub fn preconnect(&mut self, now: Instant) {
        let disconnected = matches!(self.conversation.slot, ConnectionSlot::Disconnected);
        if disconnected && self.conversation.phase == ClientPhase::Open {
            let transport = self.conversation.selector.transport();
            self.conversation.start_connecting(now, transport);
        }
    }

    /// Sends further input for the response to this request, messages of the user, to be taken into account at once
    /// (`docs/protocol.md` §15.1). [`Event::Steering`] says what becomes of it. The server may end the response and continue in a
    /// successor, which is part of the same request: [`Event::Continued`] says so, and the request ends with its last successor.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::SteerInput`] for other input, [`CommandError::NoRequest`] unless the request has a response with an
    /// id in flight on a WebSocket, and [`CommandError::TooManySubmissions`] when as many submissions as
    /// [`Settings::max_submissions`] wait for their end. Nothing is sent then.
    pub fn steer(&mut self, now: Instant, id: RequestId, input: &[Item]) -> Result<SubmissionId, CommandError> {
        self.conversation.steer(now, id, input)
    }

    /// Sends output of the client's tools to the response to this request, which waits for it (`docs/protocol.md` §15.3). The
    /// server answers with events.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::NoRequest`], and sends nothing, unless the request has a response with an id in flight on a
    /// WebSocket.
    pub fn inject(&mut self, now: Instant, id: RequestId, output: &[Item]) -> Result<(), CommandError> {
        self.conversation.inject(now, id, output)
    }

    /// Asks the server to interrupt the response to this request (`docs/protocol.md` §15.2). The request ends as
    /// [`Outcome::Cancelled`](super::Outcome) with the usage of what was done, and the next request can continue the response. If
    /// the response completes first, so does the request; if the server does not interrupt it, the response goes on. Without an end
    /// within [`Settings::interrupt_timeout`], and where there is no response on a WebSocket, the request is cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::NoRequest`] when the request has ended.
    pub fn interrupt(&mut self, now: Instant, id: RequestId) -> Result<(), CommandError> {
        self.conversation.update_reading(now);
        let result = self.conversation.interrupt(now, id);
        self.conversation.run_scheduler(now);
        result
    }

    /// Sends a message that the client does not know, as JSON, on the open WebSocket. `lane` is its `stream_id`. From here on,
    /// events of this connection that belong to no request are delivered as [`Event::Unmatched`].
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::Message`] when the text is no JSON object with a `type`, or requests a response;
    /// [`CommandError::Lane`] when the lane's name cannot be sent, or is not that of the text; [`CommandError::NotConnected`]
    /// when no WebSocket is open; [`CommandError::Closed`] when the client is closed. Nothing is sent then.
    pub fn send_message(&mut self, now: Instant, lane: Option<&str>, text: &str) -> Result<(), CommandError> {
        self.conversation.send_text(now, lane, text)
    }

    /// Cancels a request, in whatever phase it is, as [`Settings::cancel`] says. [`Event::Finished`] reports it: at once, or when
    /// the server has interrupted the response. A background response would go on without its stream: the server is asked to cancel
    /// it (`POST responses/{id}/cancel`), for at most [`Settings::interrupt_timeout`]. A second call does not wait for the server. A request that has ended is not
    /// changed.
    pub fn cancel(&mut self, now: Instant, id: RequestId) {
        self.conversation.update_reading(now);
        self.conversation.cancel(now, id);
        self.conversation.run_scheduler(now);
    }

    /// Sets the credentials of all further requests and handshakes, at any time. Requests that wait for credentials are sent
    /// again. A WebSocket that was opened with other credentials takes no more requests: it is closed when those that it carries
    /// have ended, and the next request connects.
    pub fn set_credentials(&mut self, now: Instant, credentials: Credentials) {
        self.conversation.set_credentials(now, credentials);
        self.conversation.run_scheduler(now);
    }

    /// Answers [`Event::CredentialsNeeded`] when there are no new credentials: the requests that wait for them end with the failure
    /// for which the application was asked.
    pub fn refuse_credentials(&mut self, now: Instant) {
        for id in self.conversation.requests.ids(awaits_credentials) {
            self.conversation.refuse_credentials(now, id);
        }
        self.conversation.run_scheduler(now);
    }

    /// Cancels all requests and closes the connection. Then the client is finished.
    pub fn close(&mut self, now: Instant) {
        self.conversation.phase = ClientPhase::Closed;
        for id in self.conversation.requests.ids(|_| true) {
            self.conversation.finish(now, id, QueuedOutcome::Cancelled);
        }
        self.conversation.run_scheduler(now);
    }

    /// Takes no more requests, and closes the client when those that it has have ended.
    pub fn shut_down_gracefully(&mut self, now: Instant) {
        if self.conversation.phase == ClientPhase::Open {
            self.conversation.phase = ClientPhase::ShuttingDown;
        }
        self.conversation.run_scheduler(now);
    }

    /// The requested socket is open.
    pub fn handle_connected(&mut self, now: Instant) {
        self.conversation.begin_connection(now, None);
        self.conversation.run_scheduler(now);
    }

    /// A socket is open to an HTTP proxy that forwards requests, in place of the requested socket. Requests are sent to it in
    /// absolute form (RFC 9112 §3.2.2), with the proxy's credentials. Only for a target with neither
    /// [`tls`](super::ConnectTarget::tls) nor [`websocket`](super::ConnectTarget::websocket): for any other, the attempt fails.
    pub fn handle_connected_to_proxy(&mut self, now: Instant, proxy: ForwardProxy) {
        let ConnectionSlot::Connecting { transport, .. } = self.conversation.slot else { return };
        if transport == Transport::WebSocket || self.conversation.builder.shared.endpoint.tls {
            self.conversation.drop_connection(now);
            let message = "a proxy that forwards requests cannot carry TLS or a WebSocket".into();
            let failure = policy::connect_failure(&ConnectError::Proxy { message, retryable: false });
            self.conversation.fail_connect_attempt(now, transport, FailurePoint::NoConnection, failure);
        } else {
            self.conversation.begin_connection(now, Some(proxy));
        }
        self.conversation.run_scheduler(now);
    }

    /// The requested socket could not be opened.
    pub fn handle_connect_failed(&mut self, now: Instant, error: ConnectError) {
        let ConnectionSlot::Connecting { transport, .. } = self.conversation.slot else { return };
        self.conversation.slot = ConnectionSlot::Disconnected;
        let failure = policy::connect_failure(&error);
        self.conversation.fail_connect_attempt(now, transport, FailurePoint::NoConnection, failure);
        self.conversation.run_scheduler(now);
    }

    /// Bytes arrived from the socket.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) {
        self.read(now, input, None);
    }

    /// Does what [`handle_input`](Self::handle_input) does, and gives the events to `deliver`, first those that wait, in the order in which
    /// [`poll_event`](Self::poll_event) would return them. None waits afterwards.
    ///
    /// That takes less time than polling: nearly all events are borrowed from `input` and not copied into the queue.
    ///
    /// ```
    /// use turnwire::client::{Client, Credentials, Event, Provider, Settings};
    /// use turnwire::responses::EventData;
    /// use turnwire::time::Instant;
    ///
    /// # let provider = Provider::new("example", "http://127.0.0.1:8080/v1");
    /// # let mut client = Client::new(provider, Credentials::bearer("key"), Settings::default(), [7; 32])?;
    /// # let (now, bytes) = (Instant::ZERO, b"");
    /// client.handle_input_with(now, bytes, |event| {
    ///     if let Event::Server { event, .. } = event
    ///         && let EventData::OutputTextDelta { delta, .. } = event.data
    ///     {
    ///         print!("{delta}");
    ///     }
    /// });
    /// assert!(!client.has_event());
    /// # Ok::<(), turnwire::client::InvalidProvider>(())
    /// ```
    pub fn handle_input_with(&mut self, now: Instant, input: &[u8], mut deliver: impl FnMut(Event<'_>)) {
        self.read(now, input, Some(&mut deliver));
    }

    fn read(&mut self, now: Instant, mut input: &[u8], mut deliver: Option<&mut Deliver<'_>>) {
        self.conversation.update_reading(now);
        if let Some(managed) = self.conversation.slot.connected_mut().filter(|_| !input.is_empty()) {
            managed.check = ConnectionCheck::Trusted;
        }
        let bytes = &mut input;
        while let Some(matters) = self.conversation.take_step(now, SocketInput::Bytes(bytes), deliver.as_deref_mut()) {
            if matters {
                // Run the scheduler after every step, so that the order of output does not depend on how the input was split into reads.
                self.conversation.run_scheduler(now);
            }
            self.deliver_waiting(deliver.as_deref_mut());
        }
        self.conversation.run_scheduler(now);
        self.deliver_waiting(deliver);
        self.conversation.update_reading(now);
    }

    #[inline]
    fn deliver_waiting(&mut self, deliver: Option<&mut Deliver<'_>>) {
        let Some(deliver) = deliver.filter(|_| self.has_event()) else { return };
        while let Some(event) = self.poll_event() {
            deliver(event);
        }
    }

    /// The peer has closed its direction of the socket in an orderly way and will send no more bytes. Under TLS, that is an end
    /// after `close_notify`; anything else is a [loss](Self::handle_lost).
    pub fn handle_eof(&mut self, now: Instant) {
        self.end_of_input(now, None);
    }

    /// The connection is lost: the socket was reset, a write or the TLS session failed, or the bytes ended without
    /// `close_notify`. A body that ends with the connection is incomplete then (RFC 9112 §9.8).
    pub fn handle_lost(&mut self, now: Instant, reason: LossReason) {
        self.end_of_input(now, Some(&reason));
    }

    fn end_of_input(&mut self, now: Instant, lost: Option<&LossReason>) {
        while self.conversation.take_step(now, SocketInput::End(lost), None).is_some() {}
        // The peer cannot read unsent output any more.
        if self.conversation.slot.connected().is_some_and(|managed| managed.phase == ConnectionPhase::Closed) {
            self.conversation.drop_connection(now);
        }
        self.conversation.run_scheduler(now);
    }

    /// `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, now: Instant, length: usize) {
        if let Some(managed) = self.conversation.slot.connected_mut() {
            managed.connection.handle_written(now, length);
            if managed.phase != ConnectionPhase::Open {
                self.conversation.run_scheduler(now);
            }
            self.conversation.update_reading(now);
        }
    }

    /// The time is `now`. Call it when the deadline of [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        // Only then: telling the time early changes nothing.
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.conversation.update_reading(now);
        }
        self.conversation.expire_deadlines(now);
        while self.conversation.take_step(now, SocketInput::Timeout, None).is_some() {}
        self.conversation.requests.wake_due(now);
        self.conversation.run_scheduler(now);
    }

    /// The machine has been asleep, or has changed its network: for example, its wall clock has moved on much further than the clock of
    /// the loop. The connection may be lost without notice. A WebSocket with requests in flight is asked with a ping at once, another
    /// one before the next request, as after [`Capabilities::check_after`](super::Capabilities::check_after); an idle HTTP connection
    /// is replaced. The application also repeats [`set_wall_clock`](Self::set_wall_clock).
    pub fn handle_clock_jump(&mut self, now: Instant) {
        self.conversation.doubt_connection(now);
        self.conversation.run_scheduler(now);
    }

    /// Returns the next action on the socket that the loop must perform. Each is returned once.
    pub fn poll_socket(&mut self) -> Option<SocketCommand> {
        self.conversation.socket_command.take()
    }

    /// Returns the next event. It borrows from the client.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if self.conversation.requests.is_empty() {
            // The end of the last request, or after it: nothing else needs the memory of the response's events.
            self.conversation.events.release_around_last();
        }
        pop_event(&mut self.conversation.events, &mut self.conversation.collectors)
    }

    /// Returns whether [`poll_event`](Self::poll_event) would return an event.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.conversation.events.is_empty()
    }

    /// Returns the bytes to write next.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.conversation.slot.connected().map_or(&[], |managed| managed.connection.poll_transmit())
    }

    /// Moves the bytes to write next into `buffer`, for I/O that owns its buffers until it is complete. Nothing is copied: the memory
    /// of `buffer` is used for further bytes. Bytes that were taken are written in the order in which they were taken, and reported
    /// with [`handle_written`](Self::handle_written) when they are: until then they count as waiting.
    pub fn take_transmit(&mut self, buffer: &mut Vec<u8>) {
        match self.conversation.slot.connected_mut() {
            Some(managed) => managed.connection.take_transmit(buffer),
            None => buffer.clear(),
        }
    }

    /// Returns the next deadline: call [`handle_timeout`](Self::handle_timeout) when it has passed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.conversation.deadlines().next()
    }

    /// Returns whether the loop should read from the socket. Input that is given regardless is kept in memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.conversation.wants_input()
    }

    /// Returns whether the client is closed, has no connection, and its last event was polled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.conversation.phase == ClientPhase::Closed
            && matches!(self.conversation.slot, ConnectionSlot::Disconnected)
            && self.conversation.events.is_empty()
    }

    /// Returns whether a request has not ended.
    #[must_use]
    pub const fn has_pending_requests(&self) -> bool {
        !self.conversation.requests.is_empty()
    }

    /// Returns the token of the current turn, once the server has sent one. On the wire it is called `x-codex-turn-state`.
    #[must_use]
    pub fn turn_token(&self) -> Option<&str> {
        self.conversation.turn.token()
    }

    /// Returns when the server was last active on the current connection, by kind of activity. Without a connection, each is
    /// `None`.
    #[must_use]
    pub fn last_seen(&self) -> LastActivity {
        self.conversation.slot.connected().map_or_else(LastActivity::default, |managed| managed.connection.last_seen())
    }

    /// Returns the number of events that belonged to no request.
    #[must_use]
    pub const fn unmatched_events(&self) -> u64 {
        self.conversation.unmatched_events
    }

    /// Returns the number of requests that went over HTTP without the turn token, because no header can hold it
    /// (`docs/protocol.md` §8.3).
    #[must_use]
    pub const fn omitted_turn_tokens(&self) -> u64 {
        self.conversation.builder.omitted_turn_tokens()
    }

    /// Returns whether the client fell back from WebSocket to HTTP.
    #[must_use]
    pub const fn is_http_fallback(&self) -> bool {
        self.conversation.selector.fell_back()
    }

    fn check_open(&self) -> Result<(), CommandError> {
        if self.conversation.phase == ClientPhase::Open { Ok(()) } else { Err(CommandError::Closed) }
    }

    fn validate(&self, request: &Request) -> Result<(), CommandError> {
        self.check_open()?;
        let (lane, builder) = (request.lane.as_deref(), &self.conversation.builder);
        builder.validate(&request.headers, lane)?;
        if !request.body.stream {
            return Err(CommandError::NotStreaming);
        }
        self.check_lane(lane)
    }

    fn check_lane(&self, lane: Option<&str>) -> Result<(), CommandError> {
        let queues = self.conversation.builder.shared.settings.queue_on_busy_lane;
        if !queues && self.conversation.requests.has_lane(lane) { Err(CommandError::InFlight) } else { Ok(()) }
    }

    fn enqueue(&mut self, now: Instant, mut submission: Submission) -> RequestId {
        if let Submission::Response { request, .. } = &mut submission {
            self.conversation.builder.prepare(request);
        }
        self.last_request_id += 1;
        let id = RequestId(self.last_request_id);
        self.insert(now, ActiveRequest::new(id, submission, now));
        id
    }

    fn insert(&mut self, now: Instant, mut request: ActiveRequest) {
        let total = request.submission.deadline().or(self.conversation.builder.shared.settings.deadline);
        request.total_deadline = total.map(|total| now + total);
        if request.collects() || (self.conversation.builder.shared.settings.collect && !request.is_operation()) {
            self.conversation.collectors.insert(request.id);
        }
        self.conversation.requests.insert(request);
        self.conversation.run_scheduler(now);
    }
}

const fn awaits_credentials(request: &ActiveRequest) -> bool {
    matches!(request.phase, RequestPhase::AwaitingCredentials { .. })
}
