//! Slow and simple reference implementations of the parsers, written after the specifications.

pub mod http;
pub mod inflate;
pub mod offer;
pub mod proxy;
pub mod responses;
pub mod sse;
pub mod ws;
