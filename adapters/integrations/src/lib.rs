//! Integrations of turnwire with other crates, for any I/O loop. Each is a feature; none is enabled by default.
//!
//! - `zstd`: the function `zstd` compresses request bodies. Pass it to `Settings::compress`.
//! - `tracing`: the function `trace` emits a `tracing` event for an event of a client.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "tracing")]
mod trace;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(feature = "tracing")]
pub use trace::trace;
/// The core, which defines the requests and events.
pub use turnwire;
#[cfg(feature = "zstd")]
pub use zstd::zstd;
