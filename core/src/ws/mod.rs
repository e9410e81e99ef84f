//! Layer 1: the WebSocket protocol (RFC 6455) with permessage-deflate (RFC 7692) over byte buffers, for both roles.
//!
//! Three parts, each usable by itself: a [`Decoder`] and an [`Encoder`] translate between bytes and [`Message`]s; a [`WebSocket`]
//! adds pongs, close frames and the closing handshake; [`handshake`] builds and checks the HTTP heads of the opening handshake.
//!
//! ```
//! use turnwire::ws::{Limits, Message, Role, WebSocket};
//!
//! let mut client = WebSocket::new(Role::Client, Limits::default(), None, [7; 32]);
//! let mut server = WebSocket::new(Role::Server, Limits::default(), None, [8; 32]);
//! let mut wire = Vec::new();
//! client.send(Message::Text("hello"), &mut wire)?;
//! client.send(Message::Ping(b"!"), &mut wire)?;
//!
//! let mut input = wire.as_slice();
//! assert_eq!(server.decode(&mut input)?, Some(Message::Text("hello")));
//! assert_eq!(server.decode(&mut input)?, Some(Message::Ping(b"!")));
//! let mut back = Vec::new();
//! server.write_pending_replies(&mut back); // the pong
//! assert_eq!(client.decode(&mut back.as_slice())?, Some(Message::Pong(b"!")));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The first violation decides the close code, and nothing after it is delivered. No memory is reserved for a declared length. A
//! frame that is too long, masked in the wrong direction or out of order is rejected at its header, and invalid UTF-8 at its
//! first byte, without waiting for the rest.

mod assembler;
mod decode;
#[cfg_attr(not(feature = "deflate"), path = "deflate/disabled.rs")]
pub mod deflate;
mod encode;
mod error;
mod fast_path;
mod frame;
pub mod handshake;
mod limits;
mod mask;
mod message;
mod role;
mod utf8;
mod websocket;

pub use decode::Decoder;
pub use encode::{Encoder, SendError};
pub use error::Error;
pub use limits::Limits;
pub use message::{Close, Message, is_close_code};
pub use role::Role;
pub use websocket::{Eof, State, WebSocket};
