//! The client through a `Pair`: scenarios of groups H to L, each by its name, and what the client promises beside them.

mod cancel;
mod connections;
mod h_turn_state;
mod i_reuse;
mod j_retry;
mod kl_calls;
mod lanes;
mod late;
mod replay;
mod secrets;
mod time;
