//! The turn: its token, and the state diagram of a request.

mod diagram;
mod states;
mod token;
