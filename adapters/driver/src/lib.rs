//! The I/O loop that drives turnwire's clients and server connections over any socket and any clock. It depends on no runtime.
//!
//! An [`Io`] is a socket and a clock in six methods. A [`ClientDriver`] is a [`Client`](turnwire::client::Client) with its `Io`; a
//! [`ServerDriver`] is a server connection with an accepted `Io`. Neither spawns a task, takes a lock or uses a channel: all state is
//! in the state machine, so that a future can be dropped at any point and loses nothing.
//!
//! One task owns a driver and selects between its own work and `next()`:
//!
//! ```
//! use turnwire::client::{Event, CommandError};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_driver::{ClientDriver, Io};
//!
//! async fn request<I: Io>(client: &mut ClientDriver<I>) -> Result<String, CommandError> {
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
mod connection;
mod io;
mod io_loop;
mod proxy;
mod server;
mod state_machine;

pub use client::{ClientDriver, Turn};
pub use connection::ConnectionDriver;
pub use io::Io;
pub use proxy::{InvalidProxySetting, ProxyIo, proxies_from_environment};
pub use server::{ServerDriver, Wake};
/// The core, which defines the requests and events.
pub use turnwire;
