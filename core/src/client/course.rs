//! The course a client takes: when to dial, what to send on what, when to close, when to give up waiting.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter;

use super::desk::Cause;
use super::dial::{ConnectTarget, SocketCommand};
use super::event::{Disconnected, End, Record, Sent};
use super::failures;
use super::flight::{Ask, Flight};
use super::machine::Client;
use super::reading::Verdict;
use super::station::TURN_STATE;
use super::wire::{Live, Stage, Wire};
use crate::connection::{CloseReason, CommandError, Deadline, Transport};
use crate::http::Response;
use crate::responses::{Failure, FailureKind};
use crate::time::Instant;

impl Client {
    /// Does everything that can be done now. Each round sends, dials, closes or ends something, so it comes to an end.
    pub(super) fn settle(&mut self, now: Instant) {
        while self.advance(now) {}
    }

    /// One round; whether anything was done.
    fn advance(&mut self, now: Instant) -> bool {
        if let Wire::Up(live) = &self.wire
            && live.is_spent(self.desk.next_up().is_some())
        {
            self.hang_up(now);
            return true;
        }
        if self.is_ending() {
            return self.wind_down(now);
        }
        if self.desk.sent() == 0
            && let Wire::Up(live) = &mut self.wire
            && live.is_left_over()
        {
            live.close(now);
            return true;
        }
        let Some(at) = self.desk.next_up() else { return self.rotate(now) };
        let transport = self.desk.transport(&self.desk.flights[at]);
        if transport == Transport::Http && self.desk.flights[at].is_warm() {
            self.desk.finish(now, at, End::Skipped);
            return true;
        }
        match &mut self.wire {
            Wire::Down => {
                self.reach(now, transport);
                true
            }
            Wire::Dialing { transport: dialed, .. } if *dialed == transport => false,
            // What was dialed for is gone, and this needs something else.
            Wire::Dialing { .. } => {
                self.reach(now, transport);
                true
            }
            Wire::Up(live) => match live.stage {
                Stage::Closing | Stage::Over => false,
                Stage::Upgrading { .. } if live.transport == transport => false,
                Stage::Upgrading { .. } => {
                    self.hang_up(now);
                    true
                }
                Stage::Open => self.dispatch(now, at, transport),
            },
        }
    }

    /// A request meets an open connection: it is sent, it waits, or the connection makes way.
    fn dispatch(&mut self, now: Instant, at: usize, transport: Transport) -> bool {
        let sent = self.desk.sent();
        let profile = &self.desk.station.provider.capabilities;
        let Wire::Up(live) = &mut self.wire else { return false };
        let old = live.ripe_at(profile.max_connection_age).is_some_and(|at| at <= now);
        let fit = live.transport == transport && !live.retired && !old;
        match (fit, transport) {
            (false, _) if sent > 0 => false,
            (false, _) => {
                self.part(now);
                true
            }
            (true, Transport::Http) => match live.exchange {
                None => self.post(now, at),
                Some(None) => false,
                Some(Some(_)) if live.tail().is_some_and(|until| until <= now) => {
                    self.hang_up(now);
                    true
                }
                Some(Some(_)) => false,
            },
            // What was given up, and goes on for a while, takes up room as well.
            (true, Transport::WebSocket) if sent + live.drains.len() >= profile.max_concurrent_requests.max(1) => false,
            (true, Transport::WebSocket) => self.converse(now),
        }
    }

    /// The first request whose lane is free goes onto the WebSocket.
    fn converse(&mut self, now: Instant) -> bool {
        let limit = self.desk.station.provider.capabilities.max_lane_names.max(1);
        let Wire::Up(live) = &mut self.wire else { return false };
        let fit = |flight: &Flight| {
            self.desk.transport(flight) == Transport::WebSocket && !flight.is_call() && !live.drains(flight.lane())
        };
        let Some(at) = self.desk.up(fit).next() else { return false };
        if let Some(lane) = self.desk.flights[at].lane()
            && !live.lanes.iter().any(|known| known == lane)
        {
            if live.lanes.len() >= limit {
                live.retired = true;
                return true;
            }
            live.lanes.push(lane.into());
        }
        self.message(now, at)
    }

    fn post(&mut self, now: Instant, at: usize) -> bool {
        let flight = &self.desk.flights[at];
        let token = self.desk.token.get().filter(|_| flight.bears_token()).map(String::from);
        let (post, patience) = match &flight.ask {
            Ask::Create { request, .. } => {
                (self.desk.station.post(request, token.as_deref()), self.desk.station.patience(None))
            }
            Ask::Call(call) => {
                let patience = self.desk.station.patience(Some(call));
                (self.desk.station.call(call, token.as_deref()), patience)
            }
        };
        let post = post.and_then(|post| self.desk.station.cap(post.body.len()).map(|()| post));
        let post = match post {
            Ok(post) => post,
            Err(failure) => return self.unsent(now, at, failure),
        };
        let bytes = post.body.len();
        let token = token.filter(|_| post.headers.contains(TURN_STATE));
        let Wire::Up(live) = &mut self.wire else { return false };
        match live.connection.send_request(now, post) {
            Ok(()) => {
                live.exchange = Some(None);
                self.sent(now, at, bytes, false, token.as_deref(), Some(now + patience));
                true
            }
            // It has just turned out to be over, which will be told.
            Err(CommandError::Closed | CommandError::InFlight | CommandError::Transport) => {
                self.hang_up(now);
                true
            }
            Err(_) => self.unsent(now, at, Failure::build("the request cannot be built")),
        }
    }

    fn message(&mut self, now: Instant, at: usize) -> bool {
        let token = self.desk.token.get().map(String::from);
        let Ask::Create { request, warm } = &self.desk.flights[at].ask else { return false };
        let framed = self.desk.station.frame(now, request, *warm, token.as_deref(), &self.desk.chains);
        let lane = request.lane.clone();
        if let Err(failure) = self.desk.station.cap(framed.text.len()) {
            return self.unsent(now, at, failure);
        }
        let Wire::Up(live) = &mut self.wire else { return false };
        if live.connection.send_request_message(now, lane.as_deref(), &framed.text).is_err() {
            // It is closing, or the lane is not free as it should be: a new connection helps.
            live.retired = true;
            return true;
        }
        self.desk.chains.forget(lane.as_deref());
        self.sent(now, at, framed.text.len(), framed.incremental, token.as_deref(), None);
        true
    }

    fn sent(
        &mut self,
        now: Instant,
        at: usize,
        bytes: usize,
        incremental: bool,
        token: Option<&str>,
        deadline: Option<Instant>,
    ) {
        let Wire::Up(live) = &mut self.wire else { return };
        let reused = live.carried > 0;
        live.carried += 1;
        let flight = &mut self.desk.flights[at];
        flight.sent(now, live.transport, deadline);
        flight.report.reused = reused;
        flight.report.incremental = incremental;
        flight.report.turn_token = token.is_some();
        flight.report.sent_bytes += bytes;
        let sent = Sent { attempt: flight.report.attempts, transport: live.transport, reused, incremental, bytes };
        let record = Record::Sent(flight.id, sent, token.is_some());
        self.desk.queue.push(record, token.unwrap_or_default().as_bytes());
    }

    /// The request cannot be sent as it stands.
    fn unsent(&mut self, now: Instant, at: usize, failure: Failure) -> bool {
        self.desk.fail(now, at, Cause::Unsent, failure);
        true
    }

    /// Asks for a socket.
    pub(super) fn reach(&mut self, now: Instant, transport: Transport) {
        let endpoint = &self.desk.station.endpoint;
        self.dial = Some(SocketCommand::Connect(ConnectTarget::new(&endpoint.host, endpoint.port, endpoint.tls)));
        self.wire = Wire::Dialing { transport, until: now + self.desk.station.provider.connect_timeout };
    }

    /// Lets go of the socket, or of the wish for one.
    pub(super) fn hang_up(&mut self, now: Instant) {
        self.dial = Some(SocketCommand::Disconnect);
        let before = core::mem::replace(&mut self.wire, Wire::Down);
        self.desk.chains.clear();
        if let Wire::Up(live) = before {
            // Nothing should be left on it; what is would never be heard of again.
            self.desk.fail_sent(now, Cause::Lost, &failures::lost(live.transport, &CloseReason::Local));
            if matches!(live.stage, Stage::Open | Stage::Closing) && !live.told {
                self.desk.disconnected(Disconnected::Closed(CloseReason::Local));
            }
        }
    }

    /// Takes leave of the connection: politely where the protocol has a way to.
    pub(super) fn part(&mut self, now: Instant) {
        match &mut self.wire {
            Wire::Up(live) if live.transport == Transport::WebSocket => live.close(now),
            Wire::Up(_) | Wire::Dialing { .. } | Wire::Down => self.hang_up(now),
        }
    }

    /// Nothing is asked. A connection that is too old to be used again is closed now rather than in the way of the next request.
    fn rotate(&mut self, now: Instant) -> bool {
        let (sent, max_age) = (self.desk.sent(), self.desk.station.provider.capabilities.max_connection_age);
        let Wire::Up(live) = &mut self.wire else { return false };
        let old = live.ripe_at(max_age).is_some_and(|at| at <= now);
        if sent > 0 || live.stage != Stage::Open || !(old || live.retired) {
            return false;
        }
        live.close(now);
        true
    }

    fn wind_down(&mut self, now: Instant) -> bool {
        match &mut self.wire {
            Wire::Up(live) if live.stage == Stage::Open && live.transport == Transport::WebSocket => {
                live.close(now);
                true
            }
            Wire::Up(live) if matches!(live.stage, Stage::Closing | Stage::Over) => false,
            Wire::Up(_) | Wire::Dialing { .. } => {
                self.hang_up(now);
                true
            }
            Wire::Down => false,
        }
    }

    /// Does to the connection what a step of it means. `drained`: the lane whose response it ended.
    pub(super) fn follow(&mut self, now: Instant, verdict: Verdict, drained: Option<Option<String>>) {
        let others = self.desk.sent() > 0;
        let keep = self.desk.station.provider.capabilities.reuse_after_failure;
        let Wire::Up(live) = &mut self.wire else { return };
        if let Some(lane) = drained {
            live.drained(lane.as_deref());
        }
        match verdict {
            Verdict::Nothing => {}
            Verdict::Upgraded(head) => {
                live.head = Some(head);
                live.stage = Stage::Open;
            }
            // What accepts nothing has nothing left to say.
            Verdict::Refused => self.hang_up(now),
            Verdict::Over(closed) => {
                let before = core::mem::replace(&mut live.stage, Stage::Over);
                if matches!(before, Stage::Upgrading { .. }) {
                    // No request was on it yet; the one it was made for has to bear it.
                    let failure = failures::lost(live.transport, &closed);
                    return self.desk.blame(now, Transport::WebSocket, Cause::NoConnection, failure);
                }
                if !live.told {
                    self.desk.disconnected(Disconnected::Closed(closed));
                }
            }
            Verdict::Spoiled(failure) => {
                self.desk.disconnected(Disconnected::Failed(*failure));
                live.told = true;
                live.close(now);
            }
            Verdict::Ended => live.exchange = live.exchange.map(|since| since.or(Some(now))),
            Verdict::Free => live.exchange = None,
            Verdict::Failed(class) => match live.transport {
                Transport::Http => live.exchange = live.exchange.map(|since| since.or(Some(now))),
                Transport::WebSocket if others || (keep && class != FailureKind::ConnectionLimit) => {
                    live.retired |= !keep || class == FailureKind::ConnectionLimit;
                }
                Transport::WebSocket => live.close(now),
            },
        }
    }

    /// What has taken too long is given up.
    pub(super) fn expire(&mut self, now: Instant) {
        let passed = |until: Instant| until <= now;
        let late = match &self.wire {
            Wire::Dialing { transport, until } if passed(*until) => Some(*transport),
            Wire::Up(live) => match live.stage {
                Stage::Upgrading { until } if passed(until) => Some(live.transport),
                Stage::Upgrading { .. } | Stage::Open | Stage::Closing | Stage::Over => None,
            },
            Wire::Down | Wire::Dialing { .. } => None,
        };
        if let Some(transport) = late {
            let refused = self.cut_short();
            self.hang_up(now);
            match refused {
                Some((head, body)) => self.desk.refused(now, &head, &body),
                None => self.desk.blame(now, transport, Cause::NoConnection, Failure::timeout()),
            }
        }
        while let Some(at) = self.desk.flights.iter().position(|flight| self.is_overdue(flight, now)) {
            self.give_up_on(now, at);
        }
        let sent = self.desk.sent();
        if let Wire::Up(live) = &mut self.wire
            && sent == 0
            && live.drains.iter().any(|(_, until)| until.is_some_and(passed))
        {
            live.close(now);
        }
    }

    fn is_overdue(&self, flight: &Flight, now: Instant) -> bool {
        let super::flight::Stage::Sent { deadline } = flight.stage else { return false };
        deadline.into_iter().chain(self.desk.quiet_until(flight)).any(|until| until <= now)
    }

    /// A failing answer whose body is late: what it says without the rest is worth more than that it was late.
    fn cut_short(&mut self) -> Option<(Response, Vec<u8>)> {
        let Wire::Up(live) = &mut self.wire else { return None };
        live.connection.take_partial_error_body()
    }

    /// Nothing came of a request for too long.
    fn give_up_on(&mut self, now: Instant, at: usize) {
        let flight = &self.desk.flights[at];
        let lane: Option<String> = flight.lane().map(Into::into);
        let websocket = flight.report.transport == Some(Transport::WebSocket);
        if let Some((head, body)) = self.cut_short() {
            self.desk.answered(now, head, &body);
            return self.hang_up(now);
        }
        let failure = match websocket {
            true => failures::lost(Transport::WebSocket, &CloseReason::Timeout(Deadline::Idle)),
            false => Failure::timeout(),
        };
        self.desk.fail(now, at, Cause::Lost, failure);
        let others = self.desk.sent() > 0;
        match &mut self.wire {
            Wire::Up(live) if websocket && others => {
                live.connection.abandon(now, lane.as_deref());
                live.drains.push((lane, None));
            }
            Wire::Up(live) if websocket => live.close(now),
            Wire::Up(_) | Wire::Dialing { .. } | Wire::Down => self.hang_up(now),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let of_wire = match &self.wire {
            Wire::Down => None,
            Wire::Dialing { until, .. } => Some(*until),
            Wire::Up(live) => self.deadline_of(live),
        };
        of_wire.into_iter().chain(self.desk.next_deadline()).min()
    }

    fn deadline_of(&self, live: &Live) -> Option<Instant> {
        let upgrade = match live.stage {
            Stage::Upgrading { until } => Some(until),
            Stage::Open | Stage::Closing | Stage::Over => None,
        };
        let open = live.stage == Stage::Open;
        let idle = open && self.desk.sent() == 0;
        let rotation = live.ripe_at(self.desk.station.provider.capabilities.max_connection_age).filter(|_| idle);
        let tail = live.tail().filter(|_| open && self.desk.next_up().is_some());
        let drains = live.drains.iter().filter_map(|(_, until)| *until).min().filter(|_| idle);
        let own = live.connection.poll_timeout();
        own.into_iter().chain(iter::once(upgrade).flatten()).chain(rotation).chain(tail).chain(drains).min()
    }
}
