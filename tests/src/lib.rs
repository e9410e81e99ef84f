//! Everything that turnwire's tests share: laws, naive twins, splits, fuzz targets. All of it goes through the public API.

pub mod chunks;
pub mod fixtures;
pub mod laws;
pub mod naive;
pub mod pair;
pub mod sim;
pub mod strangers;
pub mod streams;
pub mod targets;
pub mod vocabulary;

/// The README's examples, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}
