//! The laws of the house, one function each; properties, fuzz targets and corpus replay all call the same function.
//!
//! A law takes the input it judges and returns `Err` with one line that says what it saw.

pub mod client;
pub mod connection;
pub mod cut;
pub mod deflate;
pub mod differential;
pub mod gzip;
pub mod handshake;
pub mod http;
pub mod proxy;
pub mod responses;
pub mod sse;
pub mod ws;
