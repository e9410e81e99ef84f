//! The I/O loop that drives turnwire's clients and server connections over any socket and any clock. It depends on no runtime.
//!
//! An [`Io`] is a socket and a clock in six methods. A [`ClientDriver`] is a [`Client`](turnwire::client::Client) with its `Io`; a
//! [`ServerDriver`] is a server connection with an accepted `Io`. Neither spawns a task, takes a lock or uses a channel: all state is
//! in the state machine, so that a future can be dropped at any point and loses nothing.
//!
//! One task owns a driver. [`Turn::ask`] returns a whole response, [`Turn::run_tools`] runs the tools that the model calls, and
//! [`ClientDriver::perform`] does an operation:
//!
//! ```
//! use std::error::Error;
//! use turnwire::responses::CreateResponse;
//! use turnwire_driver::{ClientDriver, Io};
//!
//! async fn request<I: Io>(client: &mut ClientDriver<I>) -> Result<String, Box<dyn Error>> {
//!     Ok(client.turn()?.ask(CreateResponse::new("gpt-x", "ping")).await?.output_text())
//! }
//! ```
//!
//! An application that shows events as they come, or does other work meanwhile, selects between that and `next()`:
//!
//! ```
//! use turnwire::client::{Event, CommandError};
//! use turnwire::responses::{CreateResponse, EventData};
//! use turnwire_driver::{ClientDriver, Io};
//!
//! async fn request<I: Io>(client: &mut ClientDriver<I>) -> Result<String, CommandError> {
//!     let mut turn = client.turn()?;
//!     turn.send(CreateResponse::new("gpt-x", "ping")).map_err(|rejected| rejected.reason)?;
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

mod ask;
mod client;
mod connection;
mod io;
mod io_loop;
mod proxy;
mod server;
mod tools;
mod turn;

pub use ask::Reaction;
pub use client::ClientDriver;
pub use connection::ConnectionDriver;
pub use io::Io;
pub use proxy::{InvalidProxySetting, ProxyIo, proxies_from_environment};
pub use server::{ServerDriver, Wake};
pub use tools::ToolCall;
pub use turn::Turn;
/// The core, which defines the requests and events.
pub use turnwire;
