//! A scripted server on both transports, for tests of clients: `turnwire serve`, and the server of `turnwire chat --demo`.

mod action;
mod command;
mod connection;
mod connections;
mod cors;
mod create;
mod deflate_pool;
mod ending;
mod errors;
mod faults;
mod journal;
mod listen;
mod notices;
mod operations;
mod replay;
mod request;
mod script;
mod server;
mod status;
mod store;

pub use connection::serve;
pub(crate) use listen::refuse;
pub use listen::{Options, ReplayOptions, ServerOptions, config, demo, main, replay, spawn};
pub use request::{ObservedRequest, OwnedRequest, RecordedRequest};
pub use script::{Call, FailureReply, Handshake, Operation, Reply, Script, ScriptError, UsageReply};
pub use server::ScriptedServer;
