//! What is not allocated, and what is not kept: in the framing layers, in a connection, and in a client. Allocations are counted
//! for each thread, so these tests can run side by side.

mod client;
mod connection;
mod framing;
mod idle_websocket;
