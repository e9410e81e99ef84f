//! One call for one response, on the calling thread.

use core::future::ready;

use turnwire::client::{Event, Request};
use turnwire::responses::operations::Operation;
use turnwire::responses::{Failure, Response, ToolOutput};
use turnwire_driver::{Reaction, ToolCall};

use crate::block_on;
use crate::client::{Client, Turn};

/// Sends a request, waits for its end, and returns the whole response.
///
/// ```no_run
/// use turnwire::responses::{CreateResponse, Failure};
/// use turnwire_blocking::{Turn, ask};
///
/// fn say_hi(turn: &mut Turn<'_>) -> Result<String, Failure> {
///     Ok(ask(turn, CreateResponse::new("gpt-x", "Say hi"))?.output_text())
/// }
/// ```
///
/// # Errors
///
/// As [`Turn::ask`](turnwire_driver::Turn::ask).
pub fn ask(turn: &mut Turn<'_>, request: impl Into<Request>) -> Result<Response, Failure> {
    block_on(turn.ask(request))
}

/// As [`ask`], and calls `observe` with each event.
///
/// # Errors
///
/// As [`Turn::ask_with`](turnwire_driver::Turn::ask_with).
pub fn ask_with<R: Into<Reaction>>(
    turn: &mut Turn<'_>,
    request: impl Into<Request>,
    observe: impl FnMut(&Event<'_>) -> R,
) -> Result<Response, Failure> {
    block_on(turn.ask_with(request, observe))
}

/// Runs tools until the model calls no more, with at most `rounds` requests, as
/// [`Turn::run_tools`](turnwire_driver::Turn::run_tools) does. The calls of one response run one after another.
///
/// # Errors
///
/// As [`ask`].
pub fn run_tools<T: Into<ToolOutput>>(
    turn: &mut Turn<'_>,
    request: &mut Request,
    rounds: usize,
    mut tool: impl FnMut(ToolCall) -> T,
) -> Result<Response, Failure> {
    block_on(turn.run_tools(request, rounds, |call| ready(tool(call))))
}

/// Submits an operation of the current turn, waits for the response and parses it.
///
/// # Errors
///
/// As [`ClientDriver::perform`](turnwire_driver::ClientDriver::perform).
pub fn perform<O: Operation>(client: &mut Client, operation: &O) -> Result<O::Answer, Failure> {
    block_on(client.perform(operation))
}
