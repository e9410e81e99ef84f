//! Bridges from turnwire to crates that its users have anyway, for any loop. Each is a feature, and none is on by itself.
//!
//! - `zstd`: the function of that name compresses request bodies; it is what `Settings::compress` takes.
//! - `tracing`: the function `trace` tells the `tracing` crate of each event that is polled.
#![forbid(unsafe_code)]

#[cfg(feature = "tracing")]
mod trace;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(feature = "tracing")]
pub use trace::trace;
#[cfg(feature = "zstd")]
pub use zstd::zstd;
