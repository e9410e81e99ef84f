//! `Conversation`: the state of a client, and everything that changes it. This file has the state, and what runs the scheduler.

mod connecting;
mod ending;
mod expiring;
mod receiving;
mod sending;
mod steering;

use alloc::boxed::Box;

use super::collectors::Collectors;
use super::connect::SocketCommand;
use super::encode::RequestBuilder;
use super::event::Disconnected;
use super::queued_event::{QueuedEvent, QueuedOutcome};
use super::requests::RequestTable;
use super::scheduler::{NextAction, SchedulerState, next_action};
use super::steering::WaitingSubmissions;
use super::transport::{ConnectAttempts, ConnectionSlot, TransportSelector};
use crate::connection::{EventQueue, LossReason};
use crate::entropy::Entropy;
use crate::time::Instant;
use crate::turn::Turn;

/// Whether the client takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientPhase {
    Open,
    /// The client takes no more requests, and closes when those that it has have ended.
    ShuttingDown,
    Closed,
}

/// An input of the connection.
#[derive(Debug)]
pub(super) enum SocketInput<'a, 'i> {
    /// Bytes from the socket. Each step takes some of them.
    Bytes(&'a mut &'i [u8]),
    /// The socket delivers no more bytes, for this reason if the end is not orderly.
    End(Option<&'a LossReason>),
    /// The time, which may have reached a deadline of the connection.
    Timeout,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) builder: RequestBuilder,
    pub(super) selector: TransportSelector,
    pub(super) requests: RequestTable,
    pub(super) slot: ConnectionSlot,
    pub(super) connect_attempts: ConnectAttempts,
    pub(super) events: EventQueue<QueuedEvent>,
    pub(super) collectors: Collectors,
    pub(super) turn: Turn,
    pub(super) socket_command: Option<SocketCommand>,
    pub(super) phase: ClientPhase,
    pub(super) entropy: Entropy,
    pub(super) unmatched_events: u64,
    /// The steering submissions of ended requests whose input waits at the server.
    pub(super) waiting: WaitingSubmissions,
    pub(super) last_submission_id: u64,
    /// The server sends events without the lane of their request, so that one request at a time can be in flight.
    pub(super) lanes_ignored: bool,
    /// The time since which no input is wanted.
    pub(super) paused_at: Option<Instant>,
}

impl Conversation {
    /// Returns whether the loop should read from the socket.
    pub(super) fn wants_input(&self) -> bool {
        let limit = self.builder.shared.settings.connection.max_backlog;
        let wanted = self.slot.connected().is_some_and(|managed| managed.connection.wants_input());
        wanted && self.events.backlog() < limit
    }

    /// Suspends the deadlines of responses while no input is wanted, because then the application is late and not the
    /// server.
    pub(super) fn update_reading(&mut self, now: Instant) {
        let wanted = self.wants_input();
        if wanted && self.paused_at.is_none() {
            return; // Nothing is suspended.
        }
        let Some(managed) = self.slot.connected_mut() else {
            self.paused_at = None;
            return;
        };
        managed.connection.set_reading(now, wanted);
        if !wanted {
            self.paused_at.get_or_insert(now);
        } else if let Some(since) = self.paused_at.take() {
            self.requests.postpone_responses(now.saturating_duration_since(since));
        }
    }

    /// Does everything that can be done now.
    pub(super) fn run_scheduler(&mut self, now: Instant) {
        loop {
            if self.phase == ClientPhase::ShuttingDown && self.requests.is_empty() {
                self.phase = ClientPhase::Closed;
            }
            let state = SchedulerState {
                is_ending: self.phase == ClientPhase::Closed,
                requests: &self.requests,
                slot: &self.slot,
                connect_attempts: &self.connect_attempts,
                selector: &self.selector,
                capabilities: &self.builder.shared.provider.capabilities,
                lanes_ignored: self.lanes_ignored,
            };
            let action = next_action(now, &state);
            if action != NextAction::Wait {
                // What begins now is not postponed by a pause in reading before it.
                self.update_reading(now);
            }
            match action {
                NextAction::Wait => return,
                NextAction::Connect(transport) => self.start_connecting(now, transport),
                NextAction::DropConnection => self.drop_connection(now),
                NextAction::CloseConnection => self.close_connection(now),
                NextAction::CheckConnection => self.check_connection(now),
                NextAction::RetireConnection => self.retire_connection(),
                NextAction::SendOverHttp(id) => self.send_over_http(now, id),
                NextAction::SendMessage(id) => self.send_message(now, id),
                NextAction::SkipPrewarm(id) => self.finish(now, id, QueuedOutcome::PrewarmSkipped),
            }
        }
    }

    fn report_disconnected(&mut self, reason: Disconnected) {
        self.push(QueuedEvent::Disconnected(Box::new(reason)));
    }

    fn push(&mut self, event: QueuedEvent) {
        self.events.push(event, "");
    }
}
