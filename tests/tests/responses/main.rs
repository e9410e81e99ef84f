//! The types of the Responses protocol: what is read, what is written, and what failures mean.

mod delays;
mod events;
mod failures;
mod items;
mod server;
mod session;
mod unary;
mod writer;
