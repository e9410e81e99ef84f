//! Slow, obvious twins of the parsers, written from the specifications' own words.

pub mod http;
pub mod inflate;
pub mod offer;
pub mod proxy;
pub mod responses;
pub mod sse;
pub mod ws;
