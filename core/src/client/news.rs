//! What the world tells the client.

use alloc::borrow::Cow;
use alloc::string::String;

use super::desk::Cause;
use super::dial::ConnectError;
use super::failures;
use super::flight::Ask;
use super::machine::Client;
use super::reading::Verdict;
use super::wire::{self, Live, Wire};
use crate::connection::{ClientConnection, Step, Transport};
use crate::responses::Failure;
use crate::time::Instant;

impl Client {
    /// The socket that was asked for last is open.
    pub fn handle_connected(&mut self, now: Instant) {
        let Wire::Dialing { transport, until } = self.wire else { return };
        let config = self.desk.station.config(transport);
        let mut connection = ClientConnection::new(config, transport, self.desk.entropy.fork());
        let stage = match transport {
            Transport::Http => {
                self.desk.connected(transport);
                wire::Stage::Open
            }
            Transport::WebSocket => {
                let turn = self.desk.flights.iter().find_map(|flight| match &flight.ask {
                    Ask::Create { request, .. } => request.turn.as_ref(),
                    Ask::Call(_) => None,
                });
                let shaken = self.desk.station.handshake(turn).and_then(|(target, headers)| {
                    let unfit = |_| Failure::build("the handshake cannot be built");
                    connection.upgrade(now, &target, &headers).map_err(unfit)
                });
                if let Err(failure) = shaken {
                    self.hang_up(now);
                    self.desk.blame(now, transport, Cause::Unsent, failure);
                    return self.settle(now);
                }
                wire::Stage::Upgrading { until }
            }
        };
        self.wire = Wire::Up(Live::new(connection, transport, stage, now));
        self.settle(now);
    }

    /// The socket that was asked for last could not be opened.
    pub fn handle_connect_failed(&mut self, now: Instant, why: ConnectError) {
        let Wire::Dialing { transport, .. } = self.wire else { return };
        self.wire = Wire::Down;
        self.desk.blame(now, transport, Cause::NoConnection, failures::not_connected(&why));
        self.settle(now);
    }

    /// Bytes came from the socket.
    pub fn handle_input(&mut self, now: Instant, mut input: &[u8]) {
        while let Wire::Up(live) = &mut self.wire {
            let Live { connection, transport, head, .. } = &mut **live;
            let Some(step) = connection.step(now, &mut input) else { break };
            let drained = drained_lane(&step);
            let verdict = self.desk.take(now, *transport, head.as_ref(), step);
            let quiet = matches!(verdict, Verdict::Nothing) && drained.is_none();
            self.follow(now, verdict, drained);
            if !quiet {
                // At once: whether the next request goes before or behind what else was read must not depend on the reading.
                self.settle(now);
            }
        }
        self.settle(now);
    }

    /// The socket will bring no more bytes, or has failed.
    pub fn handle_eof(&mut self, now: Instant) {
        while let Wire::Up(live) = &mut self.wire {
            let Live { connection, transport, head, .. } = &mut **live;
            let Some(step) = connection.step_eof(now) else { break };
            let verdict = self.desk.take(now, *transport, head.as_ref(), step);
            self.follow(now, verdict, None);
        }
        // Nobody is left to read what was still to be written.
        if let Wire::Up(live) = &self.wire
            && live.stage == wire::Stage::Over
        {
            self.hang_up(now);
        }
        self.settle(now);
    }

    /// `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, now: Instant, length: usize) {
        if let Wire::Up(live) = &mut self.wire {
            live.connection.handle_written(now, length);
            if live.stage != wire::Stage::Open {
                self.settle(now);
            }
        }
    }

    /// It is now.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
        while let Wire::Up(live) = &mut self.wire {
            let Live { connection, transport, head, .. } = &mut **live;
            let Some(step) = connection.step_timeout(now) else { break };
            let verdict = self.desk.take(now, *transport, head.as_ref(), step);
            self.follow(now, verdict, None);
        }
        self.desk.wake(now);
        self.settle(now);
    }
}

/// The lane whose response a step ends.
fn drained_lane(step: &Step<'_>) -> Option<Option<String>> {
    let Step::Payload { envelope, late: false, .. } = step else { return None };
    envelope.class().is_terminal().then(|| envelope.stream_id().map(Cow::into_owned))
}
