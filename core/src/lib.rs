//! The Responses protocol as pure state machines: no sockets, no clocks, no threads, no randomness.
//!
//! Coding agents talk to models through JSON events, streamed over HTTP and server-sent events or over one WebSocket that many
//! turns share. This crate is that protocol alone, for both ends: bytes in, typed events out, and everything decided that a client
//! must decide. You bring the socket and the clock, or take them from one of the adapters (`turnwire-tokio`,
//! `turnwire-async-std`, `turnwire-blocking`).
//!
//! ```text
//!   your event loop, or an adapter
//!     │ bytes in, "time is now", "socket opened/closed"       ▲ bytes out, "open a socket", typed events, next deadline
//!     ▼                                                       │
//!   ┌───────────────────────── this crate: no_std + alloc ────┴──────────────────────────┐
//!   │ floor 5  client       one conversation: turns, transports, reconnects, retries     │
//!   │ floor 4  connection   one peer of one physical connection, client or server        │
//!   │ floor 3  turn         what a logical turn may do; the sticky token                 │
//!   │ floor 2  responses    the vocabulary: requests, items, events, failures, limits    │
//!   │ floor 1  sse │ http │ ws      framing, each a stranger to the others               │
//!   │ floor 0  time                                                                      │
//!   └────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A *turn* is logical, a *connection* is physical. A connection may carry many turns, and a turn may survive several connections
//! and both transports; the server's sticky token belongs to the turn and to nothing else. Keeping the two apart is what this
//! crate is for.
//!
//! # What it promises
//!
//! The network side is taken to be hostile. No input panics; every length has a limit, and none is reserved because a peer
//! declared it; work grows with the bytes that came, however they were cut into reads; what cannot be read is delivered as such
//! and the stream goes on; credentials are in no `Debug`, error or event. Where behaviour comes from a specification, the section
//! is named: RFC 6455, 7692, 9110, 9112, WHATWG HTML §9.2, or § of `docs/protocol.md` in the repository.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core, clippy::wildcard_enum_match_arm)]

extern crate alloc;

mod entropy;
#[doc(hidden)]
pub mod mutant;
pub mod time;

pub mod http;
pub mod sse;
pub mod ws;

pub mod responses;
pub mod turn;

pub mod connection;

pub use entropy::Seed;
