//! Reads the input of a connection: heads, events and messages, and applies payloads to the lanes' states.

use alloc::boxed::Box;

use super::super::config::Config;
use super::super::event::Step;
use super::super::http_response::HttpProgress;
use super::{ClientEngine, Deferred, Mode};
use crate::connection::error::CloseReason;
use crate::connection::event_decoder::is_marker;
use crate::connection::lanes::LaneEvent;
use crate::connection::shared::{self, SharedState, WebSocketInput};
use crate::http::Response;
use crate::responses::{EventClass, ShortFound};
use crate::sse;
use crate::time::Instant;
use crate::turn::RequestInput;
use crate::ws::{self, handshake};

/// Reading, by mode.
impl ClientEngine {
    /// Turns the progress of an HTTP response into a step.
    pub(super) fn http_step(&mut self, now: Instant, progress: HttpProgress) -> Step<'static> {
        let SharedState { timers, lanes, repeats, .. } = &mut self.shared;
        match progress {
            HttpProgress::Nothing => Step::Consumed,
            HttpProgress::Head(head) => {
                timers.on_head();
                timers.await_events(now, true);
                Step::Head { head: Box::new(head) }
            }
            HttpProgress::Body(head, body) => {
                timers.on_head();
                timers.await_events(now, false);
                // A body completes a request that expected one. If events were expected, this is an error response.
                let input = if head.is_success() { RequestInput::Completed } else { RequestInput::Failed };
                let _ = lanes.apply(None, input);
                Step::Body { head, body }
            }
            HttpProgress::End { reusable, tail } => {
                timers.await_events(now, false);
                repeats.release();
                let _ = lanes.apply(None, RequestInput::Lost);
                if !reusable {
                    self.end(now, CloseReason::Eof);
                }
                Step::End { reusable, tail }
            }
        }
    }

    pub(super) fn read_handshake(&mut self, now: Instant, input: &mut &[u8]) -> Step<'static> {
        let Mode::Handshake { nonce, reader } = &mut self.mode else { return Step::Consumed };
        let nonce = *nonce;
        let mut progress = match reader.advance(input) {
            Ok(progress) => progress,
            Err(reason) => return self.fail(now, reason),
        };
        // A server that treats the handshake as a plain request may send a body without end: do not wait for it.
        if reader.collecting_head().is_some_and(Response::is_success)
            && let Some((head, body)) = reader.take_partial()
        {
            progress = HttpProgress::Body(head, body);
        }
        match progress {
            HttpProgress::Body(head, _) if head.status() == 101 => self.open_websocket(now, nonce, head),
            HttpProgress::Body(head, body) => {
                self.shared.timers.on_head();
                self.end(now, CloseReason::Local);
                Step::Refused { head, body }
            }
            HttpProgress::Nothing | HttpProgress::Head(_) | HttpProgress::End { .. } => Step::Consumed,
        }
    }

    fn open_websocket(&mut self, now: Instant, nonce: [u8; 16], head: Response) -> Step<'static> {
        let shared = &mut self.shared;
        match handshake::verify_response(nonce, &head, shared.config.deflate_offer.as_ref(), &[]) {
            Ok(negotiated) => {
                let (limits, deflate) = (shared.config.message_limits, negotiated.deflate.as_ref());
                let mut socket = ws::WebSocket::new(ws::Role::Client, limits, deflate, shared.entropy.fork());
                if let Some(pool) = &shared.config.deflate_pool {
                    socket.use_pool(pool);
                }
                socket.release_output_memory();
                self.mode = Mode::WebSocket(Box::new(socket));
                // The handshake request is larger than most messages, and contains credentials.
                shared.send_buffer.release();
                shared.timers.on_head();
                shared.on_websocket_open(now);
                Step::Upgraded { head }
            }
            Err(error) => self.fail(now, CloseReason::Handshake(error)),
        }
    }

    pub(super) fn read_http<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Step<'s> {
        let Mode::Http(reader) = &mut self.mode else { return Step::Consumed };
        if reader.is_idle() {
            *input = &[];
            return self.fail(now, CloseReason::Unsolicited);
        }
        if reader.is_streaming() {
            match reader.peek_data(input) {
                Ok(true) => {}
                Ok(false) => return Step::Consumed,
                Err(reason) => return self.fail(now, reason),
            }
            if reader.has_data() {
                return self.read_event(now, input);
            }
        }
        let Mode::Http(reader) = &mut self.mode else { return Step::Consumed };
        match reader.advance(input) {
            Ok(progress) => self.http_step(now, progress),
            Err(reason) => self.fail(now, reason),
        }
    }

    /// Reads the next event from the data that `peek_data` has found.
    fn read_event<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Step<'s> {
        let Self { mode: Mode::Http(reader), shared, deferred, .. } = self else { return Step::Consumed };
        match reader.next_event(input) {
            Ok(None) => Step::Consumed,
            // Some servers end their streams with a marker that is not an event.
            Ok(Some(event)) if is_marker(event.data) => {
                shared.timers.on_event(now, false);
                Step::Consumed
            }
            Ok(Some(event)) => {
                let step = payload(event.data, event.event_type, shared, now, Delimiting::PerRequest);
                if is_terminal(&step) {
                    *deferred = Some(Deferred::Discard);
                }
                step
            }
            Err(reason) => {
                *deferred = Some(Deferred::Close(Box::new(reason)));
                Step::Consumed
            }
        }
    }

    /// Reads the deltas at the front of the input that repeat the last one, on its lane, and gives them to `receive`. Reads nothing else:
    /// what follows is left for the next step, and so are deltas that have to be put together or decoded first.
    #[inline]
    pub(in crate::connection) fn read_repeats(
        &mut self,
        now: Instant,
        input: &mut &[u8],
        mut receive: impl FnMut(&str, &ShortFound),
    ) {
        let Self { mode, shared: SharedState { config, timers, lanes, repeats, .. }, deferred: None, .. } = self else {
            return;
        };
        let Some((shape, _)) = repeats.known(lanes) else { return };
        let (before, mut is_event, mut found) = (input.len(), false, ShortFound::NOTHING);
        match mode {
            Mode::WebSocket(socket) => {
                while let Some(text) = socket.decode_known(input, |payload| shape.is_whole(payload, &mut found)) {
                    is_event = true;
                    receive(text, &found);
                }
            }
            Mode::Http(reader) => {
                let mut read = sse::Input::new(input);
                while let Some(text) = reader.next_known(&mut read, |bytes| shape.line_length(bytes, &mut found)) {
                    is_event = true;
                    receive(text, &found);
                }
                *input = read.unread();
            }
            Mode::NotUpgraded | Mode::Handshake { .. } | Mode::Closed => {}
        }
        if input.len() < before {
            timers.on_bytes(now, config.timeouts.activity);
        }
        if is_event {
            timers.on_event(now, true);
        }
    }

    /// Returns the lane of the deltas that [`read_repeats`](Self::read_repeats) would read; `None` if it would read none.
    pub(in crate::connection) fn lane_of_repeats(&self) -> Option<Option<&str>> {
        self.shared.repeats.known(&self.shared.lanes).map(|(_, lane)| lane)
    }

    pub(super) fn read_websocket<'s, 'i: 's>(&'s mut self, now: Instant, input: &mut &'i [u8]) -> Option<Step<'s>> {
        let Self { mode: Mode::WebSocket(socket), shared, deferred, unmatched_events, .. } = self else { return None };
        match shared::decode_websocket(socket, input) {
            WebSocketInput::Incomplete => return None,
            WebSocketInput::Text(text) => {
                let step = payload(text, "", shared, now, Delimiting::Shared);
                if let Step::Payload { violation: Some(_), .. } | Step::Payload { late: true, .. } = step {
                    *unmatched_events += 1;
                }
                return Some(step);
            }
            WebSocketInput::Control => {
                shared.timers.on_control(now);
                *deferred = Some(Deferred::Reply);
            }
            WebSocketInput::Close(reason) => *deferred = Some(Deferred::Close(Box::new(reason))),
        }
        Some(Step::Consumed)
    }
}

/// How responses are separated on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiting {
    /// Each response has a head and a body of its own (HTTP).
    PerRequest,
    /// Responses follow each other without heads (WebSocket), so that an event may belong to an earlier one.
    Shared,
}

/// Applies a payload to the state of its lane. `event_type`: the event type of an event stream, or empty.
fn payload<'s>(
    text: &'s str,
    event_type: &'s str,
    shared: &'s mut SharedState<Config>,
    now: Instant,
    delimiting: Delimiting,
) -> Step<'s> {
    let SharedState { timers, lanes, repeats, .. } = shared;
    let mut found = ShortFound::NOTHING;
    let shape = repeats.recognize(text, &mut found);
    if let Some(shape) = shape
        && repeats.is_known(shape, lanes)
    {
        timers.on_event(now, true);
        return Step::Repeat { text, found, lane: repeats.lane(shape) };
    }
    let Ok((envelope, shape)) = repeats.scan(text, event_type, shape) else {
        timers.on_event(now, false);
        return Step::Malformed { text };
    };
    let before = lanes.generation();
    repeats.forget(shape);
    let shared = delimiting == Delimiting::Shared;
    let lane = if shared { lanes.route(&envelope) } else { None };
    // An event on a lane without a pending request does not count as activity.
    let awaited = !shared || lanes.state(lane.as_deref()).is_in_flight();
    let violation = match lanes.observe(&envelope, lane.as_deref(), shared) {
        // Neither does an event of an earlier response.
        LaneEvent::Late => return Step::Payload { text, envelope, lane, violation: None, late: true },
        LaneEvent::Expected => None,
        LaneEvent::Unexpected(violation) => Some(violation),
    };
    if awaited {
        timers.on_event(now, envelope.class() != EventClass::Informational);
        if violation.is_none() {
            repeats.record(shape, lane.as_deref(), before, lanes);
        }
    }
    if envelope.class().is_terminal() || (envelope.class() == EventClass::Created && !awaited) {
        timers.await_events(now, lanes.in_flight());
    }
    Step::Payload { text, envelope, lane, violation, late: false }
}

fn is_terminal(step: &Step<'_>) -> bool {
    matches!(step, Step::Payload { envelope, .. } if envelope.class().is_terminal())
}
