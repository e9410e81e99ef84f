//! turnwire on the calling thread, without a runtime: a client and a server for OpenAI's Responses API.
//!
//! ```no_run
//! use turnwire::client::{Credentials, Provider, Settings};
//! use turnwire::responses::CreateResponse;
//! use turnwire_blocking::{Client, ask};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::bearer(std::env::var("OPENAI_API_KEY")?);
//! let mut client = Client::new(Provider::openai(), key, Settings::default())?;
//! let response = ask(&mut client.turn()?, CreateResponse::new("gpt-x", "ping"))?;
//! println!("{}", response.output_text());
//! # Ok(())
//! # }
//! ```
//!
//! With each event as it comes:
//!
//! ```no_run
//! use turnwire::client::{Credentials, Event, Provider, Settings};
//! use turnwire::responses::{CreateResponse, EventData, Item};
//! use turnwire_blocking::{Client, block_on};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::bearer(std::env::var("OPENAI_API_KEY")?);
//! let mut client = Client::new(Provider::openai(), key, Settings::default())?;
//! let mut turn = client.turn()?;
//! turn.send(CreateResponse::new("gpt-x", vec![Item::user("ping")]))?;
//! while let Some(event) = block_on(turn.next()) {
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
//! The sockets are non-blocking, and the thread waits only in the system's poller. Deadlines are therefore kept, and a read never
//! blocks a write. Name lookup is a system call that may block for longer than a deadline allows: it runs on a thread of its own,
//! which is left behind when a deadline ends the attempt.
#![forbid(unsafe_code)]

mod call;
mod client;
mod tcp;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

pub use call::{ask, ask_with, perform, run_tools};
pub use client::{Client, ClientBuilder, Server, Turn, accept};
pub use tcp::TcpIo;
/// The core, which defines the requests and events.
pub use turnwire;
pub use turnwire_driver::{Reaction, ToolCall};

/// Runs a future that waits for a [`TcpIo`] on this thread. Any other future is busy-polled, because its waker does nothing.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        // `TcpIo` blocks in `poll_wait`; `Pending` only lets other tasks run, and there are none.
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
