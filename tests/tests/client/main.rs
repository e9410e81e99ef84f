//! The client: what it promises beside the scenarios of `tests/scenarios`. Most tests use a `Pair` of a client and servers in memory.

mod cancel;
mod connections;
mod endpoint;
mod handshake;
mod happy_eyeballs;
mod lanes;
mod late;
mod operations;
mod provider;
mod replay;
mod secrets;
mod time;
