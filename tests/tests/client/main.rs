//! The client's behaviour besides the scenarios of `tests/scenarios`. Most tests use a `Pair` of a client and in-memory
//! servers.

mod cancel;
mod connect_attempts;
mod connections;
mod credentials;
mod deadlines;
mod endpoint;
mod entropy;
mod handshake;
mod happy_eyeballs;
mod http_trial;
mod incomplete;
mod lanes;
mod late;
mod operations;
mod provider;
mod recovery;
mod replay;
mod request_members;
mod retries;
mod secrets;
mod time;
mod total_time;
