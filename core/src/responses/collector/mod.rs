//! Assembly of a response from its events.

#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod collector;
mod merge;
mod piece;
mod slot;

pub use collector::Collector;
