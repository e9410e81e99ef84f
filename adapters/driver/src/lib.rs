//! The one loop that drives turnwire's machines over any socket and any clock; it names no runtime.
//!
//! An [`Io`] is a socket and a clock in six methods. A [`ClientDriver`] is a [`Client`](turnwire::client::Client) with its `Io`, and a
//! [`ServerDriver`] the other end of an accepted one. Neither spawns, locks or sends: all progress lives in the machine, so that a
//! future of theirs can be dropped wherever it waits, and nothing is lost.
//!
//! One task owns a driver and selects between its own work and `next()`:
//!
//! ```
//! use turnwire::client::{Event, CommandError};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_driver::{ClientDriver, Io};
//!
//! async fn ask<I: Io>(client: &mut ClientDriver<I>) -> Result<String, CommandError> {
//!     let mut turn = client.turn()?;
//!     turn.send(CreateResponse::new("gpt-x", vec![Item::user("ping")])).map_err(|rejected| rejected.reason)?;
//!     let mut text = String::new();
//!     while let Some(event) = turn.next().await {
//!         if let Event::Server { event, .. } = event
//!             && let EventData::OutputTextDelta { delta, .. } = event.data
//!         {
//!             text.push_str(&delta);
//!         }
//!     }
//!     Ok(text)
//! }
//! ```
#![forbid(unsafe_code)]

mod client;
mod io;
mod machine;
mod server;
mod wire;

pub use client::{ClientDriver, Turn};
pub use io::Io;
pub use server::ServerDriver;
