//! The turn: its token, and the diagram of a request's states.

mod diagram;
mod states;
mod token;
