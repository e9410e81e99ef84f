//! The laws of ARCHITECTURE.md, one function each. Property tests, fuzz targets and corpus replay call the same
//! functions.
//!
//! A law takes an input and returns `Err` with a one-line description of the violation.

pub mod addressing;
pub mod built;
pub mod client;
pub mod client_repeats;
pub mod connection;
pub mod cut;
pub mod deflate;
pub mod differential;
pub mod ends;
pub mod gzip;
pub mod handshake;
pub mod history;
pub mod http;
pub mod operations;
pub mod proxy;
pub mod repeats;
pub mod responses;
pub mod resume;
pub mod server;
pub mod sse;
pub mod web;
mod web_wire;
pub mod writer;
pub mod ws;
