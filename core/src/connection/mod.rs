//! Floor 4: one peer of one physical connection, in client or server role, over HTTP and server-sent events or over WebSocket.
//!
//! A [`Connection`] is told what the socket brought and what time it is, and says what to write, what happened, and when it
//! wants to be told the time again. It knows framing and the state of each request on it, and decides nothing that concerns
//! more than this one connection: that is [`client`](crate::client)'s business.
//!
//! ```
//! use turnwire::connection::{Config, Connection, Event, ExpectedBody, Incoming, OutgoingRequest, Transport};
//! use turnwire::http::Headers;
//! use turnwire::time::Instant;
//!
//! let now = Instant::ZERO;
//! let mut client = Connection::client(Config::new("localhost"), Transport::Http, [1; 32]);
//! let mut server = Connection::server(Config::new("localhost"), [2; 32]);
//!
//! client.send_request(now, OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), ExpectedBody::EventStream))?;
//! server.handle_input(now, client.poll_transmit());
//! assert!(matches!(server.poll_event(), Some(Incoming::Request { body: b"{}", .. })));
//! server.begin_stream(now, &Headers::new())?;
//! server.send(now, r#"{"type":"response.completed","response":{"id":"resp_a"}}"#)?;
//! server.end_stream(now)?;
//!
//! client.handle_input(now, server.poll_transmit());
//! assert!(matches!(client.poll_event(), Some(Event::Head { .. })));
//! assert!(matches!(client.poll_event(), Some(Event::Server(event)) if event.kind() == "response.completed"));
//! assert!(matches!(client.poll_event(), Some(Event::End { reusable: true })));
//! # Ok::<(), turnwire::connection::CommandError>(())
//! ```

mod answer;
mod client;
mod clock;
mod closed;
mod coding;
mod config;
mod event;
mod exchange;
mod incoming;
mod lanes;
mod out;
mod queue;
mod reading;
mod role;
mod server;

pub(crate) use event::Step;

pub use clock::LastActivity;
pub use closed::{CloseReason, CommandError};
pub use config::{Config, Deadline, IdleActivity, Timeouts};
pub use event::{Event, ExpectedBody, OutgoingRequest};
pub use incoming::Incoming;
pub(crate) use lanes::input as input_of;
pub(crate) use queue::Queue;
pub use role::{Client, Connection, Role, Server};

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP/1.1 requests, one after the other, answered by event streams or by whole bodies.
    Http,
    /// One WebSocket that carries all requests.
    WebSocket,
}
