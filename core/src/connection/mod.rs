//! Layer 4: one physical connection, in client or server role, over HTTP and server-sent events or over WebSocket.
//!
//! The caller passes in bytes from the socket and the current time. A [`ClientConnection`] or [`ServerConnection`]
//! returns bytes to write, events, and the time of its next deadline. It handles framing and the state of each request
//! on it. Decisions that concern more than this connection, such as retries, belong to the [`client`](crate::client)
//! layer.
//!
//! ```
//! use turnwire::connection::{
//!     ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport, client, server,
//! };
//! use turnwire::http::Headers;
//! use turnwire::time::Instant;
//!
//! let now = Instant::ZERO;
//! let config = client::Config::new("localhost");
//! let mut client = ClientConnection::new(config, Transport::Http, [1; 32]);
//! let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
//!
//! let request = OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream);
//! client.send_request(now, request)?;
//! server.handle_input(now, client.poll_transmit());
//! assert!(matches!(server.poll_event(), Some(server::Event::Request { body: b"{}", .. })));
//! server.begin_stream(now, &Headers::new())?;
//! server.send(now, r#"{"type":"response.completed","response":{"id":"resp_a"}}"#)?;
//! server.end_stream(now)?;
//!
//! client.handle_input(now, server.poll_transmit());
//! assert!(matches!(client.poll_event(), Some(client::Event::Head { .. })));
//! assert!(matches!(client.poll_event(), Some(client::Event::Server(event)) if event.kind() == "response.completed"));
//! assert!(matches!(client.poll_event(), Some(client::Event::End { reusable: true })));
//! # Ok::<(), turnwire::connection::CommandError>(())
//! ```

pub mod client;
pub mod server;

mod config;
mod content_coding;
mod error;
mod event_decoder;
mod event_queue;
mod lane;
mod lanes;
mod repeats;
mod shared;
mod timers;
mod transport;

pub use self::client::{ClientConnection, ExpectedBody, OutgoingRequest};
pub use self::config::{Deadline, IdleActivity};
pub use self::error::{CloseReason, CommandError, LossReason};
pub use self::event_decoder::{EventDecoder, StreamEvent};
pub use self::server::ServerConnection;
pub use self::timers::LastActivity;
pub use self::transport::Transport;

pub(crate) use self::client::Step;
pub(crate) use self::event_queue::{EventQueue, Polled};
