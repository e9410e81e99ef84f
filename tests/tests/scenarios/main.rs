//! The scenarios of tests/scenarios.md, each by its id and name.

mod event_streams;
mod failed_responses;
mod index;
mod operations;
mod rate_limits;
mod request_bodies;
mod retry;
mod reuse;
mod turn_token;
mod urls_and_headers;
mod websocket;
