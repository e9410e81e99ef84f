//! Conversations over real sockets on every runtime, and in memory; and the turns that an application reads from them.

mod async_io;
mod calls;
mod cancel;
mod custom;
mod endpoints;
mod every_runtime;
mod failure_scenarios;
mod late;
mod memory;
#[cfg(target_os = "linux")]
mod namespace;
mod pending_io;
mod proxies;
mod proxy;
mod resets;
mod scenario;
mod setup;
mod streams;
mod tls;
mod tokio;
mod tool_loops;
mod troubles;
mod turns;
