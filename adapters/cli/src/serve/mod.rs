//! A scripted server on both transports, for tests of clients: `turnwire serve`, and the server of `turnwire chat --demo`.

mod listen;
mod script;
mod server;

pub use listen::{Options, config, demo, main};
pub use script::{Reply, Script, ScriptError};
pub use server::{OwnedRequest, RecordedRequest, ScriptedServer, serve};
