//! Tests of programs that use the Responses API: a scripted server and a virtual clock, without sockets, threads or waiting.
//!
//! A [`MockServer`] responds to each request with the next [`Reply`], over WebSocket or HTTP, and records what it [saw](SeenRequest).
//! Its clients are [`ClientDriver`](turnwire_driver::ClientDriver)s, as those of all adapters are, over an [`Io`](turnwire_driver::Io)
//! in memory:
//!
//! ```
//! use turnwire::client::{CommandError, Event};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_driver::{ClientDriver, Io};
//! use turnwire_testkit::{MockServer, Reply, block_on};
//!
//! async fn ask<I: Io>(client: &mut ClientDriver<I>, question: &str) -> Result<String, CommandError> {
//!     let (mut turn, mut answer) = (client.turn()?, String::new());
//!     turn.send(CreateResponse::new("gpt-x", vec![Item::user(question)])).map_err(|rejected| rejected.reason)?;
//!     while let Some(event) = turn.next().await {
//!         if let Event::Server { event, .. } = event
//!             && let EventData::OutputTextDelta { delta, .. } = event.data
//!         {
//!             answer.push_str(&delta);
//!         }
//!     }
//!     Ok(answer)
//! }
//!
//! let server = MockServer::new([Reply::text("It rains.")]);
//! let answer = block_on(ask(&mut server.client(), "What is the weather?"));
//! assert_eq!(answer.as_deref(), Ok("It rains."));
//! assert!(server.seen()[0].body.contains("What is the weather?"));
//! ```
//!
//! # Time
//!
//! The clock is virtual. When the client waits, time jumps to the next deadline of the client or to the next action of the server, so
//! that a retry after a minute takes no time and always the same virtual time. [`MockServer::with_manual_clock`] lets time pass only
//! in [`MockServer::advance`].
//!
//! # Faults
//!
//! Each reply can end in the wrong way: [`Reply::hang_up`], [`Reply::status`], [`Reply::silence`]. [`Faults`] are drawn from a seed
//! instead:
//!
//! ```
//! use turnwire::responses::{CreateResponse, Item};
//! use turnwire_testkit::{Faults, MockServer, Reply, block_on};
//!
//! let run = |seed| {
//!     let server = MockServer::new([Reply::text("It rains.")]).with_faults(Faults::new(seed, 0.5));
//!     let mut client = server.client();
//!     let mut turn = client.turn().expect("a turn");
//!     turn.send(CreateResponse::new("gpt-x", vec![Item::user("What is the weather?")])).expect("a request");
//!     while block_on(turn.next()).is_some() {}
//!     (server.seen().len(), server.elapsed())
//! };
//! assert_eq!(run(7), run(7), "a seed determines the run");
//! ```
#![forbid(unsafe_code)]

mod connection;
mod executor;
mod faults;
mod io;
pub mod recording;
mod reply;
mod respond;
mod seen;
mod server;

pub use executor::block_on;
pub use faults::{Fault, Faults};
pub use io::MockIo;
pub use recording::Recording;
pub use reply::Reply;
pub use seen::SeenRequest;
pub use server::MockServer;
/// The core, which defines the requests and events.
pub use turnwire;
