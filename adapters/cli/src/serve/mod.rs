//! A scripted Responses server, on both transports, for others to test against: `turnwire serve`, and the other end of
//! `turnwire chat --demo`.

mod desk;
mod listen;
mod script;

pub use desk::{Desk, Heard, Seen, serve};
pub use listen::{Options, config, demo, main};
pub use script::{Bad, Reply, Script};
