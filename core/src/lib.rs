//! A client and a server for OpenAI's Responses API as pure state machines: event streams, HTTP, WebSocket, turns and retries over byte
//! buffers, without I/O.
//!
//! The application passes in bytes from a socket and the current time; a state machine returns bytes to write, typed events, and the
//! time of its next deadline. The socket and the clock are the application's, or those of an adapter: `turnwire-tokio`,
//! `turnwire-async-std` (for smol too) or `turnwire-blocking`.
//!
//! ```text
//!   your event loop, or an adapter
//!     │ bytes in, the time, "socket open/closed"              ▲ bytes out, "open a socket", typed events, next deadline
//!     ▼                                                       │
//!   ┌───────────────────────── this crate: no_std + alloc ────┴──────────────────────────┐
//!   │ layer 5  client       one conversation: turns, transport choice, reconnect, retry  │
//!   │ layer 4  connection   one peer of one physical connection, client or server role   │
//!   │ layer 3  turn         the turn token, and the states of a request                  │
//!   │ layer 2  responses    the vocabulary: requests, items, events, failures, limits    │
//!   │ layer 1  sse │ http │ ws      framing; none of the three knows the others          │
//!   │          proxy                which proxy leads to a host, and the handshake with it │
//!   │          web                  the WebSocket and fetch of a browser, as a socket       │
//!   │ layer 0  time                                                                      │
//!   └────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A *connection* is physical, a *turn* is logical. A connection may carry many turns, and a turn may survive several connections
//! and both transports. The turn token that a server sends belongs to its turn and to nothing else. A *lane* is our name for a
//! `stream_id`, by which one WebSocket carries several requests at once.
//!
//! # The loop
//!
//! Every state machine has three kinds of methods. `handle_*` reports what happened, and cannot fail. Other verbs are commands of the
//! application; they fail only with a `CommandError`, which hands the value back. `poll_*` returns what to do next. Poll in any order
//! and as often as you like: input is decoded when it arrives, so that after any call every `poll_*` is exact. A round of the loop is:
//! *events, finished?, connect, write, read, wait*.
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
//! # One layer alone
//!
//! Each layer is usable by itself, and is a cargo feature: `sse` decodes event streams, `http` heads and bodies of HTTP/1.1, `ws`
//! WebSocket over byte buffers, `proxy` (not a default feature) the handshake with an HTTP or SOCKS proxy, `web` (neither) the WebSocket and `fetch` of a browser in
//! place of a socket, `responses` requests, items and events; `connection` is one connection of either role, and `client`
//! a whole conversation. `default-features = false, features = ["sse"]` brings four crates.
//!
//! # Guarantees
//!
//! The peer is assumed to be hostile. No input causes a panic. Every length has a limit, and no memory is reserved for a length that a
//! peer declares. Work is linear in the input, however it was split into reads. A payload that cannot be read is delivered as such, and
//! the stream goes on. No `Debug`, error or event contains credentials.
//!
//! Where behaviour follows a specification, the comment names the section: RFC 6455, RFC 7692, RFC 9110, RFC 9112,
//! WHATWG HTML §9.2, or the project's own description of the protocol, [docs/protocol.md](crate::docs::protocol). This
//! crate's documentation contains it, with the limits and the differences from the reference client, in the module
//! `docs`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "a layer also has items that only the layers above it use")
)]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core, clippy::wildcard_enum_match_arm)]

extern crate alloc;

#[cfg(any(feature = "ws", feature = "sse", feature = "responses"))]
mod buffer;
#[cfg(feature = "responses")]
mod by_members;
#[cfg(any(feature = "connection", feature = "web"))]
mod byte_queue;
#[cfg(feature = "ws")]
mod entropy;
#[cfg(any(feature = "sse", feature = "http", feature = "responses"))]
mod hidden;
pub mod time;
#[cfg(any(feature = "ws", feature = "sse", feature = "responses"))]
mod truncate;
#[cfg(any(feature = "ws", feature = "sse"))]
mod utf8;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "proxy")]
pub mod proxy;
#[cfg(feature = "sse")]
pub mod sse;
#[cfg(feature = "web")]
pub mod web;
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

/// The project's documents that the comments refer to. This module exists only in the documentation.
#[cfg(doc)]
pub mod docs {
    #[doc = include_str!("../docs/protocol.md")]
    pub mod protocol {}
    #[doc = include_str!("../docs/differences.md")]
    pub mod differences {}
    #[doc = include_str!("../docs/limits.md")]
    pub mod limits {}
}

#[cfg(feature = "ws")]
pub use entropy::Seed;
