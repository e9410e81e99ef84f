//! Properties: the laws of `tests/src/laws`, over random input. `PROPTEST_CASES` sets how much of it each tries.

mod client;
mod connection;
mod http;
mod http_gzip;
mod proxy;
mod responses;
mod scan;
mod sse;
mod sse_differential;
mod ws;
