//! The one connection of a client, and the choice of its transport.

mod managed;
mod selector;
mod slot;

pub(super) use managed::{ConnectionPhase, DrainEnd, HttpSlot, ManagedConnection};
pub(super) use selector::TransportSelector;
pub(super) use slot::ConnectionSlot;
