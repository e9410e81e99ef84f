//! turnwire over tokio's sockets and clock: a client and a server for OpenAI's Responses API.
//!
//! ```no_run
//! use turnwire::client::{Credentials, Provider, Settings};
//! use turnwire::responses::CreateResponse;
//! use turnwire_tokio::Client;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::bearer(std::env::var("OPENAI_API_KEY")?);
//! let mut client = Client::new(Provider::openai(), key, Settings::default())?;
//! let response = client.turn()?.ask(CreateResponse::new("gpt-x", "ping")).await?;
//! println!("{}", response.output_text());
//! # Ok(())
//! # }
//! ```
//!
//! [`run_tools`](turnwire_driver::Turn::run_tools) runs the tools that the model calls, and
//! [`perform`](turnwire_driver::ClientDriver::perform) does an operation. With each event as it comes:
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
//! The crate spawns no task and takes no lock: the task that calls `next()` does all the work. That future is cancel-safe, so that it
//! can be used in `tokio::select!`.
#![forbid(unsafe_code)]

mod client;
mod clock;
mod stream;
mod tcp;

pub use client::{Client, ClientBuilder, Server, StreamClient, StreamClientBuilder, Turn, accept, accept_stream};
pub use clock::Clock;
pub use stream::StreamIo;
pub use tcp::TcpIo;
/// The core, which defines the requests and events.
pub use turnwire;
pub use turnwire_driver::{Reaction, ToolCall};
