//! The simulated servers: well-behaved machines with a script for each request, and raw mischief where the script says so.

pub mod answer;
pub mod messages;
pub mod peer;
pub mod raw;
mod received;

pub use peer::Peer;
