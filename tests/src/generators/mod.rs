//! proptest strategies that several test binaries use.

pub mod responses;
pub mod sse;
