//! The simulated servers: a `ServerConnection` with a script for each request, and raw malformed bytes where a fault
//! requires them.

pub mod messages;
pub mod peer;
pub mod raw;
mod received;
pub mod script;
mod steering;

pub use peer::Peer;
