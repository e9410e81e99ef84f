//! Where the connection of a client is kept: there is none, one is being opened, or one is open.

use alloc::boxed::Box;

use super::managed::ManagedConnection;
use crate::connection::Transport;
use crate::time::Instant;

#[derive(Debug)]
pub(in crate::client) enum ConnectionSlot {
    Disconnected,
    /// A socket was requested. The connection must be able to carry a request by the deadline.
    Connecting {
        transport: Transport,
        deadline: Instant,
    },
    Connected(Box<ManagedConnection>),
}

impl ConnectionSlot {
    pub(in crate::client) fn connected(&self) -> Option<&ManagedConnection> {
        match self {
            Self::Connected(managed) => Some(managed),
            Self::Disconnected | Self::Connecting { .. } => None,
        }
    }

    pub(in crate::client) fn connected_mut(&mut self) -> Option<&mut ManagedConnection> {
        match self {
            Self::Connected(managed) => Some(managed),
            Self::Disconnected | Self::Connecting { .. } => None,
        }
    }

    /// Returns whether a request on this lane can be incremental.
    pub(in crate::client) fn has_previous_response(&self, lane: Option<&str>) -> bool {
        self.connected().is_some_and(|managed| managed.previous_responses.contains(lane))
    }
}
