//! How the client's engine reads: a handshake's answer, HTTP, events, WebSocket messages.

use alloc::boxed::Box;

use super::client::{Engine, Mode, Next};
use super::clock::Clock;
use super::closed::CloseReason;
use super::event::Step;
use super::exchange::Found;
use super::lanes::{Heard, Lanes};
use crate::http::Response;
use crate::responses::{Envelope, EventClass};
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

impl Engine {
    /// What an HTTP exchange has found, for both of its uses.
    pub(super) fn found(&mut self, now: Instant, found: Found) -> Step<'static> {
        match found {
            Found::Nothing => Step::Consumed,
            Found::Head(head) => {
                self.clock.head_came();
                self.clock.await_events(now, true);
                Step::Head { head: Box::new(head) }
            }
            Found::Body(head, body) => {
                self.clock.head_came();
                self.clock.await_events(now, false);
                // A request that wanted a body is complete with it; one that wanted events has failed.
                let input = if head.is_success() { RequestInput::Completed } else { RequestInput::Failed };
                let _ = self.lanes.apply(None, input);
                Step::Body { head, body }
            }
            Found::End { reusable } => {
                self.clock.await_events(now, false);
                let _ = self.lanes.apply(None, RequestInput::Lost);
                if !reusable {
                    self.end(now, CloseReason::Eof);
                }
                Step::End { reusable }
            }
        }
    }

    pub(super) fn handshake(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Handshake { nonce, exchange } = &mut self.mode else { return Step::Consumed };
        let nonce = *nonce;
        let mut found = match exchange.advance(input) {
            Ok(found) => found,
            Err(closed) => return self.fail(now, closed),
        };
        // Whoever took the handshake for a plain request may go on for ever with what nobody asked for.
        if exchange.collecting().is_some_and(Response::is_success)
            && let Some((head, body)) = exchange.cut_short()
        {
            found = Found::Body(head, body);
        }
        match found {
            Found::Body(head, _) if head.status() == 101 => {
                match handshake::verify_response(nonce, &head, self.config.deflate_offer.as_ref(), &[]) {
                    Ok(agreed) => {
                        let seed = self.entropy.fork();
                        let deflate = agreed.deflate.as_ref();
                        let socket = ws::WebSocket::new(ws::Role::Client, self.config.message_limits, deflate, seed);
                        self.mode = Mode::WebSocket(Box::new(socket));
                        // What the handshake took is larger than most messages, and holds credentials.
                        self.out.release();
                        self.clock.head_came();
                        self.clock.opened(now);
                        self.clock.ping_every(now, self.config.ping_interval, &mut self.entropy);
                        Step::Upgraded { head }
                    }
                    Err(error) => self.fail(now, CloseReason::Handshake(error)),
                }
            }
            Found::Body(head, body) => {
                self.clock.head_came();
                self.end(now, CloseReason::Local);
                Step::Refused { head, body }
            }
            Found::Nothing | Found::Head(_) | Found::End { .. } => Step::Consumed,
        }
    }

    pub(super) fn http<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Step<'s> {
        let Mode::Http(exchange) = &mut self.mode else { return Step::Consumed };
        if exchange.is_idle() {
            *input = &[];
            return self.fail(now, CloseReason::Unsolicited);
        }
        if exchange.is_streaming() {
            match exchange.fill(input) {
                Ok(true) => {}
                Ok(false) => return Step::Consumed,
                Err(closed) => return self.fail(now, closed),
            }
            if exchange.has_data() {
                return self.event(now, input);
            }
        }
        let Mode::Http(exchange) = &mut self.mode else { return Step::Consumed };
        match exchange.advance(input) {
            Ok(found) => self.found(now, found),
            Err(closed) => self.fail(now, closed),
        }
    }

    /// The next event of the data that `fill` has found.
    fn event<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Step<'s> {
        let Self { mode: Mode::Http(exchange), clock, lanes, next, .. } = self else { return Step::Consumed };
        match exchange.event(input) {
            Ok(None) => Step::Consumed,
            // Some servers end their streams with a word that is no event.
            Ok(Some("" | "[DONE]")) => {
                clock.event_came(now, false);
                Step::Consumed
            }
            Ok(Some(text)) => {
                let step = payload(text, clock, lanes, now, false);
                if is_end(&step) {
                    *next = Some(Next::Discard);
                }
                step
            }
            Err(closed) => {
                *next = Some(Next::Close(closed));
                Step::Consumed
            }
        }
    }

    pub(super) fn websocket<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        let Self { mode: Mode::WebSocket(socket), clock, lanes, next, strays, .. } = self else { return None };
        match socket.decode(input) {
            Ok(None) => return None,
            Ok(Some(ws::Message::Text(text))) => {
                let step = payload(text, clock, lanes, now, true);
                if let Step::Payload { violation: Some(_), .. } | Step::Payload { late: true, .. } = step {
                    *strays += 1;
                }
                return Some(step);
            }
            Ok(Some(ws::Message::Ping(_) | ws::Message::Pong(_))) => {
                clock.control_came(now);
                *next = Some(Next::Reply);
            }
            Ok(Some(ws::Message::Binary(_))) => *next = Some(Next::Close(CloseReason::Binary)),
            Ok(Some(ws::Message::Close(close))) => {
                let (code, reason) = close.map_or((1005, ""), |close| (close.code, close.reason));
                *next = Some(Next::Close(CloseReason::Peer { code, reason: reason.into() }));
            }
            Err(error) => *next = Some(Next::Close(CloseReason::WebSocket(error))),
        }
        Some(Step::Consumed)
    }

    /// Ends the connection for this reason; a WebSocket's close frame goes first.
    pub(super) fn break_off(&mut self, now: Instant, closed: CloseReason) {
        let mut ours = false;
        if let Mode::WebSocket(socket) = &mut self.mode {
            if closed == CloseReason::Binary {
                let _ = socket.close(1003, "");
            }
            socket.write_pending_replies(self.out.end());
            // The peer's frame may answer ours: then the closing was our doing.
            ours = self.closing && matches!(closed, CloseReason::Peer { .. });
        }
        self.end(now, if ours { CloseReason::Local } else { closed });
    }
}

/// What a payload is to its lane. `shared`: the connection carries one response after the other without heads between them.
fn payload<'s>(text: &'s str, clock: &mut Clock, lanes: &mut Lanes, now: Instant, shared: bool) -> Step<'s> {
    let Ok(envelope) = Envelope::scan(text) else {
        clock.event_came(now, false);
        return Step::Malformed { text };
    };
    // What comes on a lane where nothing is awaited is no sign of life.
    let awaited = !shared || lanes.state(envelope.stream_id().as_deref()).is_in_flight();
    let violation = match lanes.hear(&envelope, shared) {
        // Nor is a word of what is over.
        Heard::Late => return Step::Payload { text, envelope, violation: None, late: true },
        Heard::InTurn => None,
        Heard::OutOfTurn(violation) => Some(violation),
    };
    if awaited {
        clock.event_came(now, envelope.class() != EventClass::Informational);
    }
    if envelope.class().is_terminal() {
        clock.await_events(now, lanes.in_flight());
    }
    Step::Payload { text, envelope, violation, late: false }
}

fn is_end(step: &Step<'_>) -> bool {
    matches!(step, Step::Payload { envelope, .. } if envelope.class().is_terminal())
}
