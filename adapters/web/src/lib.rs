//! turnwire in a browser, and wherever else there are the Web's `WebSocket` and `fetch`: a client for OpenAI's Responses API.
//!
//! The crate is for `wasm32-unknown-unknown` with wasm-bindgen. On every other target it is empty.
//!
//! ```
//! # #[cfg(target_arch = "wasm32")]
//! # async fn example(key: &str) -> Result<String, Box<dyn std::error::Error>> {
//! use turnwire_web::Client;
//! use turnwire_web::turnwire::client::{Credentials, Provider, Settings};
//! use turnwire_web::turnwire::responses::CreateResponse;
//!
//! let provider = Provider::new("gateway", "https://gateway.example.com/v1");
//! let mut client = Client::new(provider, Credentials::bearer(key), Settings::default())?;
//! let response = client.turn()?.ask(CreateResponse::new("gpt-x", "ping")).await?;
//! Ok(response.output_text())
//! # }
//! ```
//!
//! Everything but the socket is that of the other adapters: turns and their tokens, retries, incremental requests, resumption, tools.
//! The browser does the framing, TLS and proxies. [`turnwire::web`] translates between its messages and the client.
//!
//! The crate spawns no task: the task that calls `next()` does all the work.
#![forbid(unsafe_code)]

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(target_arch = "wasm32")]
mod io;
#[cfg(target_arch = "wasm32")]
mod shared;
#[cfg(target_arch = "wasm32")]
mod websocket;

#[cfg(target_arch = "wasm32")]
pub use client::{Client, Turn};
#[cfg(target_arch = "wasm32")]
pub use io::WebIo;
/// The core, which defines the requests and events.
pub use turnwire;
pub use turnwire_driver::{Reaction, ToolCall};
