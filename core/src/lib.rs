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
//! # The loop
//!
//! Every machine has the same three kinds of methods: `handle_*` tells it what happened and cannot fail; bare verbs command it and
//! fail only with misuse, which hands the value back; `poll_*` asks it what to do. Polls have no order, and asking twice changes
//! nothing: input is decoded when it arrives, so that every answer is exact at once. A loop has one shape: *events, finished?,
//! dial, write, read, wait*.
//!
//! ```no_run
//! # use turnwire::client::{Client, ConnectError, SocketCommand, ConnectTarget};
//! # use turnwire::connection::LossReason;
//! # use turnwire::time::{Duration, Instant};
//! # struct Socket;
//! # impl Socket {
//! #     fn open(_: &ConnectTarget) -> Result<Self, ConnectError> { Ok(Self) }
//! #     fn write(&mut self, _: &[u8]) -> Result<usize, LossReason> { Ok(0) }
//! #     fn read(&mut self, _: &mut [u8], _until: Option<Instant>) -> Result<Option<usize>, LossReason> { Ok(None) }
//! # }
//! # fn now() -> Instant { Instant::ZERO }
//! fn drive(client: &mut Client) {
//!     let (mut socket, mut buffer) = (None, [0; 16 * 1024]);
//!     loop {
//!         while let Some(event) = client.poll_event() {
//!             println!("{event:?}");
//!         }
//!         if client.is_finished() {
//!             return;
//!         }
//!         match client.poll_socket() {
//!             Some(SocketCommand::Connect(target)) => match Socket::open(&target) {
//!                 Ok(open) => { socket = Some(open); client.handle_connected(now()) }
//!                 Err(why) => client.handle_connect_failed(now(), why),
//!             },
//!             Some(SocketCommand::Disconnect) => socket = None,
//!             None => {}
//!         }
//!         let Some(open) = &mut socket else { continue };
//!         match open.write(client.poll_transmit()) {
//!             Ok(written) => client.handle_written(now(), written),
//!             Err(why) => client.handle_lost(now(), why), // the peer has reset the connection, for example
//!         }
//!         match open.read(&mut buffer, client.poll_timeout()) {
//!             Ok(Some(0)) => client.handle_eof(now()), // an orderly end; under TLS, only after close_notify
//!             Err(why) => client.handle_lost(now(), why),
//!             Ok(Some(length)) => client.handle_input(now(), &buffer[..length]),
//!             Ok(None) => client.handle_timeout(now()), // nothing came until the deadline
//!         }
//!     }
//! }
//! ```
//!
//! # One floor alone
//!
//! Each floor is usable by itself: an event-stream decoder ([`sse`]), HTTP heads and bodies ([`http`]), a WebSocket codec with
//! deflate ([`ws`]), the vocabulary ([`responses`]), one [`connection`] of either role, the whole [`client`].
//!
//! # What it promises
//!
//! The network side is taken to be hostile. No input panics; every length has a limit, and none is reserved because a peer
//! declared it; work grows with the bytes that came, however they were cut into reads; what cannot be read is delivered as such
//! and the stream goes on; credentials are in no `Debug`, error or event. Where behaviour comes from a specification, the section
//! is named: RFC 6455, 7692, 9110, 9112, WHATWG HTML §9.2, or § of `docs/protocol.md` in the repository.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "a layer also has items that only the layers above it use")
)]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core, clippy::wildcard_enum_match_arm)]

extern crate alloc;

#[cfg(feature = "ws")]
mod entropy;
pub mod time;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "sse")]
pub mod sse;
#[cfg(feature = "ws")]
pub mod ws;

#[cfg(feature = "responses")]
pub mod responses;
#[cfg(feature = "turn")]
pub mod turn;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "connection")]
pub mod connection;

#[cfg(feature = "ws")]
pub use entropy::Seed;
