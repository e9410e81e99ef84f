//! The one connection of a client, and the choice of its transport.

mod connect_attempts;
mod managed;
mod selector;
mod slot;

pub(super) use connect_attempts::ConnectAttempts;
pub(super) use managed::{ConnectionCheck, ConnectionPhase, DrainEnd, HttpSlot, ManagedConnection};
pub(super) use selector::TransportSelector;
pub(super) use slot::ConnectionSlot;
