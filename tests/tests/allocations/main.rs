//! Allocations and held memory in the framing layers, in a connection and in a client. Allocations are counted per
//! thread, so that these tests can run in parallel.

mod client;
mod connection;
mod framing;
mod framing_laws;
mod history;
mod idle_client;
mod idle_http;
mod idle_tls;
mod idle_websocket;
mod peaks;
mod server;
mod websocket_laws;
mod whole_response;
mod wide_and_deep;
