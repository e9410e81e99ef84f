//! Property tests: the laws of `tests/src/laws` over random input. `PROPTEST_CASES` sets the number of cases.

mod client;
mod connection;
mod ends;
mod escape;
mod http;
mod http_gzip;
mod proxy;
mod repeats;
mod responses;
mod scan;
mod sse;
mod sse_differential;
mod web;
mod ws;
