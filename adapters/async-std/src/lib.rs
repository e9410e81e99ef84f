//! turnwire over futures-io and async-io: what async-std and smol are made of, and any executor can run.
//!
//! async-std itself is discontinued (RUSTSEC-2025-0052), so that nothing here depends on it; it runs on it all the same.
//!
//! ```no_run
//! use turnwire::client::{Credentials, Event, Provider, Settings};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_async_std::Client;
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
//! wherever it waits.
#![forbid(unsafe_code)]

mod client;
mod socket;

pub use client::{Client, accept};
pub use socket::TcpIo;
