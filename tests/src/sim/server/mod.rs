//! The simulated servers: well-behaved machines with a script for each request, and raw mischief where the script says so.

pub mod answer;
mod came;
pub mod line;
pub mod peer;
pub mod raw;

pub use peer::Peer;
