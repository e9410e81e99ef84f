//! Layer 5: one conversation with one provider. The client decides when to connect, which transport a request takes, what is
//! sent, and what is retried. It does no framing; that is the work of [`connection`](crate::connection).
//!
//! The application gives a [`Client`] commands and inputs. It polls the client for events, for the bytes to write, for what to do
//! about the socket, and for the next deadline.
//!
//! | files | contents |
//! |---|---|
//! | `client`, `event`, `violation`, `request`, `operation`, `connect` | the public types |
//! | `conversation/` | the state, and everything that changes it |
//! | `scheduler`, `deadlines`, `policy/` | decisions: functions of the state, without effects |
//! | `receive` | applies the steps of the connection to their requests |
//! | `collectors` | the responses that are assembled for the application |
//! | `requests/` | the requests that have not ended |
//! | `steering/` | steering submissions and interruptions |
//! | `transport/` | the connection, and the choice of its transport |
//! | `encode/` | from a request to the bytes of an HTTP request or a WebSocket message |
//! | `config/` | provider, settings and credentials |
//! | `happy_eyeballs` | which address to try when (RFC 8305) |
//!
//! Every loop that drives a client has the same steps: deliver events, check whether the client is finished, connect or
//! disconnect, write, read, wait. In this example, slices take the place of a socket between a client and a server:
//!
//! ```
//! use turnwire::client::{Client, Credentials, SocketCommand, Event, Outcome, Provider, Settings};
//! use turnwire::connection::{server, ServerConnection};
//! use turnwire::http::Headers;
//! use turnwire::responses::{CreateResponse, Item};
//! use turnwire::time::Instant;
//!
//! let now = Instant::ZERO;
//! let provider = Provider::new("demo", "http://localhost:8080/v1");
//! let mut client = Client::new(provider, Credentials::bearer("key"), Settings::default(), [1; 32])?;
//! let mut server = ServerConnection::new(server::Config::default(), [2; 32]);
//!
//! client.begin_turn()?;
//! let asked = client.send(now, CreateResponse::new("gpt-x", vec![Item::user("ping")]))?;
//! loop {
//!     while let Some(event) = client.poll_event() {
//!         if let Event::Finished { id, outcome: Outcome::Completed(completed), .. } = event {
//!             assert_eq!((id, completed.id.as_deref()), (asked, Some("resp_a")));
//!             client.close(now);
//!         }
//!     }
//!     if client.is_finished() {
//!         break;
//!     }
//!     match client.poll_socket() {
//!         Some(SocketCommand::Connect(target)) => {
//!             assert_eq!((target.host.as_str(), target.port), ("localhost", 8080));
//!             client.handle_connected(now); // a real loop connects first
//!         }
//!         Some(SocketCommand::Disconnect) => server.handle_eof(now),
//!         None => {}
//!     }
//!     let sent = client.poll_transmit().to_vec();
//!     client.handle_written(now, sent.len());
//!     server.handle_input(now, &sent);
//!     match server.poll_event() {
//!         Some(server::Event::Upgrade { .. }) => server.accept(now, &Headers::new())?,
//!         Some(server::Event::Text { .. }) => {
//!             server.send(now, r#"{"type":"response.completed","response":{"id":"resp_a"}}"#)?;
//!         }
//!         _ => {}
//!     }
//!     let answer = server.poll_transmit().to_vec();
//!     server.handle_written(now, answer.len());
//!     client.handle_input(now, &answer);
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod client;
mod collectors;
mod config;
mod connect;
mod conversation;
mod deadlines;
mod encode;
mod event;
mod happy_eyeballs;
mod operation;
mod passed;
mod policy;
mod queued_event;
mod receive;
mod request;
mod requests;
mod scheduler;
mod steering;
mod transport;
mod violation;

pub use client::Client;
pub use config::{
    AbandonMode, AttestationFn, CancelMode, Capabilities, ClientSetup, Credentials, InvalidProvider, Provider,
    RetryPolicy,
};
pub use config::{Secret, Settings, Sign, SignError, SignableRequest, TokenCommand, TransportPreference};
pub use connect::{ConnectError, ConnectTarget, ForwardProxy, SocketCommand};
pub use event::{Disconnected, Event, FallbackReason, Outcome, OwnedEvent, OwnedOutcome, RequestReport, Sent};
pub use happy_eyeballs::HappyEyeballs;
pub use operation::Submitted;
pub use request::{CommandError, RawOperation, Rejected, Request, RequestId, TraceContext};
pub use steering::{SteeringUpdate, SubmissionId};
pub use violation::ServerViolation;
