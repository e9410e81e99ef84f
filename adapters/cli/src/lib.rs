//! What the command `turnwire` is made of, for the command itself and for tests.
#![forbid(unsafe_code)]

pub mod chat;
pub mod decode;
pub mod doctor;
pub mod serve;
