//! turnwire on the calling thread: no runtime, and no other thread.
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
//! The sockets do not block, and the one place to wait is the system's `poll`: deadlines hold, and reading never keeps from
//! writing. Names are looked up by the system, which may block for longer than a deadline allows.
#![forbid(unsafe_code)]

mod client;
mod socket;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

pub use client::{Client, accept};
pub use socket::TcpIo;

/// Runs a future whose waiting is done by [`TcpIo`]s, on this thread. Any other future would be polled in circles.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        // A socket waits by itself; `Pending` only means that other tasks should have their turn, and there are none.
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
