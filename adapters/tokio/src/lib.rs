//! turnwire over tokio: its sockets and its clock.
//!
//! ```no_run
//! use turnwire::client::{Credentials, Event, Provider, Settings};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_tokio::Client;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::bearer(std::env::var("OPENAI_API_KEY")?);
//! let mut client = Client::new(Provider::openai(), key, Settings::default())?;
//! let mut turn = client.turn()?;
//! turn.send(CreateResponse::new("gpt-x", vec![Item::user("ping")]))?;
//! while let Some(event) = turn.next().await {
//!     if let Event::Server { event, .. } = event
//!         && let EventData::OutputTextDelta { delta, .. } = event.data
//!     {
//!         print!("{delta}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here spawns a task, and nothing locks: the task that calls `next()` does all the work, and may drop that future
//! wherever it waits, in `tokio::select!` for one.
#![forbid(unsafe_code)]

mod client;
mod socket;

pub use client::{Client, accept};
pub use socket::TcpIo;
