//! Floor 5: one conversation with one provider. Policy only: when to dial, which transport, what is sent, what is tried again.
//!
//! A [`Client`] is told what happened and commanded what to do, and says what to write, which socket to open, and when to be told
//! the time. It never sees bytes: those are [`connection`](crate::connection)'s business.
//!
//! The loop that drives it has one shape: *events, finished?, dial, write, read, wait*. Here the wire is a slice that is handed
//! from one machine to the other:
//!
//! ```
//! use turnwire::client::{Client, Credentials, SocketCommand, Event, Outcome, Provider, Settings};
//! use turnwire::connection::{server, Config, ServerConnection};
//! use turnwire::http::Headers;
//! use turnwire::responses::{CreateResponse, Item};
//! use turnwire::time::Instant;
//!
//! let now = Instant::ZERO;
//! let provider = Provider::new("demo", "http://localhost:8080/v1");
//! let mut client = Client::new(provider, Credentials::bearer("key"), Settings::default(), [1; 32])?;
//! let mut server = ServerConnection::new(Config::new("localhost"), [2; 32]);
//!
//! client.begin_turn()?;
//! let asked = client.send(now, CreateResponse::new("gpt-x", vec![Item::user("ping")]))?;
//! loop {
//!     while let Some(event) = client.poll_event() {
//!         if let Event::Finished { id, outcome: Outcome::Completed(completed), .. } = event {
//!             assert_eq!((id, completed.id.as_str()), (asked, "resp_a"));
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

mod addresses;
mod chain;
mod course;
mod credentials;
mod desk;
mod dial;
mod event;
mod failures;
mod flight;
mod machine;
mod news;
mod operation;
mod provider;
mod reading;
mod request;
mod settings;
mod station;
mod stored;
mod url;
mod wire;

pub use addresses::HappyEyeballs;
pub use credentials::{Credentials, Secret, Sign, SignError, SignableRequest, TokenCommand};
pub use dial::{ConnectError, ConnectTarget, SocketCommand};
pub use event::{Disconnected, Event, FallbackReason, Outcome, OwnedEvent, OwnedOutcome, RequestReport, Sent};
pub use machine::Client;
pub use operation::Submitted;
pub use provider::{Capabilities, InvalidProvider, Provider, RetryPolicy};
pub use request::{CommandError, RawOperation, Rejected, Request, RequestId, TraceContext};
pub use settings::{AttestationFn, CancelMode, Settings, TransportPreference};
