//! The client itself: what it is commanded, and what it says is to be done.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::chain::Chains;
use super::credentials::Credentials;
use super::desk::Desk;
use super::dial::SocketCommand;
use super::event::{End, Event, lend};
use super::flight::{Ask, Flight, Stage};
use super::provider::{InvalidProvider, Provider};
use super::request::{CommandError, RawOperation, Rejected, Request, RequestId};
use super::settings::{CancelMode, Settings};
use super::station::Station;
use super::wire::Wire;
use crate::connection::{EventQueue, LastActivity, Transport};
use crate::entropy::{Entropy, Seed};
use crate::responses::session::Session;
use crate::responses::{Failure, FailureKind, Item};
use crate::time::Instant;
use crate::turn::TurnToken;

/// One conversation with one provider: turns, the requests of each, and whatever connections that takes.
pub struct Client {
    pub(super) desk: Desk,
    pub(super) wire: Wire,
    pub(super) dial: Option<SocketCommand>,
    life: Life,
    /// The number of requests so far.
    asked: u64,
}

/// Shows no bytes and no requests: they hold credentials and what people say.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.desk.station.provider.name)
            .field("connected", &matches!(self.wire, Wire::Up(_)))
            .field("requests", &self.desk.flights.len())
            .field("backlog", &self.desk.queue.backlog())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// No more requests; over when those under way are.
    Draining,
    Closed,
}

impl Client {
    /// A client of this provider. Nothing is dialed before it is needed. `seed` makes nonces, masking keys and jitter.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`] when no request could ever be made.
    pub fn new(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
        seed: Seed,
    ) -> Result<Self, InvalidProvider> {
        let desk = Desk {
            station: Station::new(provider, credentials, settings)?,
            entropy: Entropy::new(seed),
            token: TurnToken::new(),
            flights: Vec::new(),
            chains: Chains::default(),
            queue: EventQueue::default(),
            fell_back: false,
            strays: 0,
        };
        Ok(Self { desk, wire: Wire::Down, dial: None, life: Life::Open, asked: 0 })
    }

    /// Says what the Unix time is, in milliseconds. It stamps WebSocket requests (`docs/protocol.md` §3.8) and reads
    /// `Retry-After` dates; without it neither happens.
    pub const fn set_wall_clock(&mut self, now: Instant, millis: u64) {
        self.desk.station.set_unix(now, millis);
    }

    /// The session, to change what it says of itself: the next window, after a compaction.
    pub const fn session_mut(&mut self) -> Option<&mut Session> {
        self.desk.station.settings.session.as_mut()
    }

    /// Begins the next logical turn, without a token, on whatever connection there is.
    ///
    /// # Errors
    ///
    /// [`CommandError::InFlight`] while a request has not ended: cancel it first.
    pub fn begin_turn(&mut self) -> Result<(), CommandError> {
        if self.has_pending_requests() {
            return Err(CommandError::InFlight);
        }
        self.desk.token = TurnToken::new();
        Ok(())
    }

    /// Makes a request of the current turn. Events follow, and one [`Event::Finished`], last.
    ///
    /// # Errors
    ///
    /// [`CommandError`], with the request handed back: a lane or header that cannot be sent, a lane that is busy when
    /// [`Settings::queue_on_busy_lane`] is off, or a client that is closed.
    pub fn send(&mut self, now: Instant, request: impl Into<Request>) -> Result<RequestId, Rejected<Request>> {
        let request = request.into();
        match self.judge(&request) {
            Ok(()) => Ok(self.ask(now, Ask::Create { request: Box::new(request), warm: false })),
            Err(why) => Err(Rejected { reason: why, value: Box::new(request) }),
        }
    }

    /// Lets the server prepare for a request without answering it (§9.4, `generate: false`), where that is possible: over
    /// WebSocket, and when its lane has nothing to build on yet. `None`: it was not, and nothing needs to be done.
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
        if let Err(why) = self.judge(&request) {
            return Err(Rejected { reason: why, value: Box::new(request) });
        }
        let lane = request.lane.as_deref();
        let busy = self.desk.flights.iter().any(|flight| flight.lane() == lane);
        if self.desk.fell_back || !self.desk.station.websocket() || self.desk.chains.has(lane) || busy {
            return Ok(None);
        }
        Ok(Some(self.ask(now, Ask::Create { request: Box::new(request), warm: true })))
    }

    /// Makes a request that is answered by one body, over HTTP. One WebSocket is closed for it: a client that makes many calls
    /// beside its conversation is better two clients.
    ///
    /// # Errors
    ///
    /// [`CommandError`], with the call handed back.
    pub fn submit_raw(&mut self, now: Instant, call: RawOperation) -> Result<RequestId, Rejected<RawOperation>> {
        let fit = self.open().and_then(|()| self.desk.station.judge(&call.headers, None));
        match fit {
            Ok(()) => Ok(self.ask(now, Ask::Call(Box::new(call)))),
            Err(why) => Err(Rejected { reason: why, value: Box::new(call) }),
        }
    }

    /// Dials now what the next request would dial; nothing when there is a connection, or one on its way.
    ///
    /// It is also the probe of §9.9: [`Event::Connected`] has the head that accepted the handshake, and a server that closes at
    /// once is told of by [`Event::Disconnected`].
    pub fn preconnect(&mut self, now: Instant) {
        let transport = match self.desk.station.websocket() && !self.desk.fell_back {
            true => Transport::WebSocket,
            false => Transport::Http,
        };
        if matches!(self.wire, Wire::Down) && self.life == Life::Open {
            self.reach(now, transport);
        }
    }

    /// Steers the response that answers this request: `input` is to be taken into account at once
    /// (`docs/protocol.md` §9; the answers are events).
    ///
    /// # Errors
    ///
    /// [`CommandError::NoRequest`] when no response with an id is under way for it on a WebSocket.
    pub fn steer(&mut self, now: Instant, id: RequestId, input: &[Item]) -> Result<(), CommandError> {
        let flight = self.desk.flights.iter_mut().find(|flight| flight.id == id && flight.is_sent());
        let (Some(flight), Wire::Up(live)) = (flight, &mut self.wire) else { return Err(CommandError::NoRequest) };
        let (Transport::WebSocket, Some(response)) = (live.transport, &flight.report.response_id) else {
            return Err(CommandError::NoRequest);
        };
        let text = crate::responses::request::steer(response, flight.lane(), input);
        live.connection.send_message(now, &text).map_err(|_| CommandError::NoRequest)?;
        flight.report.sent_bytes += text.len();
        // What the server makes of the two inputs is not known item by item, so nothing can build on it.
        flight.seen.items = None;
        Ok(())
    }

    /// Gives a request up, wherever it is; its [`Event::Finished`] says so. Nothing happens to one that has ended.
    pub fn cancel(&mut self, now: Instant, id: RequestId) {
        let Some(at) = self.desk.position(id) else { return };
        let (sent, lane) = (self.desk.flights[at].is_sent(), self.desk.flights[at].lane().map(Into::into));
        self.desk.finish(now, at, End::Cancelled);
        if sent {
            self.give_up(now, lane);
        }
        self.settle(now);
    }

    /// Answers [`Event::CredentialsNeeded`]: with new credentials, from here on used for everything, or with the word that there
    /// are none, which fails what waits for them.
    pub fn authorize(&mut self, now: Instant, credentials: Option<Credentials>) {
        let refused = credentials.is_none();
        if let Some(credentials) = credentials {
            self.desk.station.credentials = credentials;
        }
        while let Some(at) = self.desk.flights.iter().position(|flight| matches!(flight.stage, Stage::Asking(_))) {
            if refused {
                let failure = Failure::new(FailureKind::Unauthorized, "no new credentials were given");
                self.desk.finish(now, at, End::Failed(failure));
            } else {
                self.desk.flights[at].stage = Stage::Ready;
            }
        }
        self.settle(now);
    }

    /// Ends everything: requests under way are given up, the connection is closed, and then the client is finished.
    pub fn close(&mut self, now: Instant) {
        self.life = Life::Closed;
        self.desk.cancel_all(now);
        self.settle(now);
    }

    /// Takes no more requests; when those under way have ended, the client closes.
    pub fn shut_down_gracefully(&mut self, now: Instant) {
        if self.life == Life::Open {
            self.life = Life::Draining;
        }
        self.settle(now);
    }

    /// What is to be done about the socket, once.
    pub fn poll_socket(&mut self) -> Option<SocketCommand> {
        self.dial.take()
    }

    /// The next event, lent until the client is used again.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        lend(&mut self.desk.queue)
    }

    /// Whether [`poll_event`](Self::poll_event) has something to say.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.desk.queue.is_empty()
    }

    /// The bytes to write next.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        match &self.wire {
            Wire::Up(live) => live.connection.poll_transmit(),
            Wire::Down | Wire::Dialing { .. } => &[],
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }

    /// Whether more input is wanted. Ignoring it loses nothing and costs memory.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        match &self.wire {
            Wire::Up(live) => {
                let limit = self.desk.station.settings.connection.max_backlog;
                live.connection.wants_input() && self.desk.queue.backlog() < limit
            }
            Wire::Down | Wire::Dialing { .. } => false,
        }
    }

    /// Whether the client is closed, its connection gone, and its last event polled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.life == Life::Closed && matches!(self.wire, Wire::Down) && self.desk.queue.is_empty()
    }

    /// Whether a request has not ended.
    #[must_use]
    pub fn has_pending_requests(&self) -> bool {
        !self.desk.flights.is_empty()
    }

    /// The turn's token, once the server has handed one out.
    #[must_use]
    pub fn turn_token(&self) -> Option<&str> {
        self.desk.token.get()
    }

    /// When the server was last heard of on the connection there is, by what was heard; never, where there is none.
    #[must_use]
    pub fn last_seen(&self) -> LastActivity {
        match &self.wire {
            Wire::Up(live) => live.connection.last_seen(),
            Wire::Down | Wire::Dialing { .. } => LastActivity::default(),
        }
    }

    /// Payloads that came with no request to belong to.
    #[must_use]
    pub const fn unmatched_events(&self) -> u64 {
        self.desk.strays
    }

    /// Requests that went out over HTTP without the turn's token, because no header can hold it (§8.3).
    #[must_use]
    pub const fn omitted_turn_tokens(&self) -> u64 {
        self.desk.station.unsendable
    }

    /// Whether WebSocket was given up for HTTP.
    #[must_use]
    pub const fn is_http_fallback(&self) -> bool {
        self.desk.fell_back
    }

    fn open(&self) -> Result<(), CommandError> {
        if self.life == Life::Open { Ok(()) } else { Err(CommandError::Closed) }
    }

    fn judge(&self, request: &Request) -> Result<(), CommandError> {
        self.open()?;
        let lane = request.lane.as_deref();
        self.desk.station.judge(&request.headers, lane)?;
        let busy = self.desk.flights.iter().any(|flight| flight.lane() == lane);
        if busy && !self.desk.station.settings.queue_on_busy_lane { Err(CommandError::InFlight) } else { Ok(()) }
    }

    fn ask(&mut self, now: Instant, mut ask: Ask) -> RequestId {
        if let Ask::Create { request, .. } = &mut ask {
            self.desk.station.dress(request);
        }
        self.asked += 1;
        let id = RequestId(self.asked);
        self.desk.flights.push(Flight::new(id, ask, now));
        self.settle(now);
        id
    }

    /// A request that was on the connection was given up.
    fn give_up(&mut self, now: Instant, lane: Option<String>) {
        let Wire::Up(live) = &mut self.wire else { return };
        if live.transport == Transport::Http {
            return self.hang_up(now);
        }
        let limit = match self.desk.station.settings.cancel {
            CancelMode::Close => None,
            CancelMode::Drain { limit } => Some(now + limit),
        };
        if limit.is_none() && self.desk.sent() == 0 {
            return live.close(now);
        }
        live.connection.abandon(now, lane.as_deref());
        live.drains.push((lane, limit));
    }

    /// Whether the connection is to be closed because nothing more will be asked.
    pub(super) fn is_ending(&mut self) -> bool {
        if self.life == Life::Draining && !self.has_pending_requests() {
            self.life = Life::Closed;
        }
        self.life == Life::Closed
    }
}
