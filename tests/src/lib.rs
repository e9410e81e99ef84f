//! Shared parts of turnwire's tests: laws, reference implementations, input generators, fuzz targets, the simulation.
//! All of it uses the public API.

pub mod choices;
pub mod chunks;
pub mod fixtures;
pub mod generators;
pub mod laws;
pub mod open_websocket;
pub mod pair;
pub mod reference;
pub mod sim;
pub mod targets;
pub mod third_party;
pub mod vectors;

/// The README's examples, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}
