//! The subcommands of `turnwire`, for the binary and for tests.
#![forbid(unsafe_code)]

mod arguments;
pub mod chat;
pub mod decode;
pub mod doctor;
pub mod record;
pub mod serve;
pub mod terminal;
mod tls;

pub use tls::TlsOptions;
