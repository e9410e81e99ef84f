//! The tool loop: asks, runs the tools that the model calls, and sends their outputs.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::HashSet;

use turnwire::client::Request;
use turnwire::responses::request::Input;
use turnwire::responses::{
    CustomToolCall, CustomToolCallOutput, Failure, FunctionCall, FunctionCallOutput, Item, Response, ToolOutput,
};

use crate::client::ClientDriver;
use crate::io::Io;
use crate::turn::Turn;

/// A call of a tool that the application runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolCall {
    /// A function with JSON arguments.
    Function(FunctionCall),
    /// A custom tool, whose input is text.
    Custom(CustomToolCall),
}

impl ToolCall {
    /// Returns the name of the tool.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Function(call) => &call.name,
            Self::Custom(call) => &call.name,
        }
    }

    /// Returns the arguments of a function, as JSON, or the input of a custom tool.
    #[must_use]
    pub fn input(&self) -> &str {
        match self {
            Self::Function(call) => &call.arguments,
            Self::Custom(call) => &call.input,
        }
    }

    /// Returns the id of the call, to which its output refers.
    #[must_use]
    pub fn call_id(&self) -> &str {
        match self {
            Self::Function(call) => &call.call_id,
            Self::Custom(call) => &call.call_id,
        }
    }

    /// Returns the item with the output of this call.
    #[must_use]
    pub fn to_output(&self, output: impl Into<ToolOutput>) -> Item {
        match self {
            Self::Function(call) => FunctionCallOutput::new(&call.call_id, output.into()).into(),
            Self::Custom(call) => CustomToolCallOutput::new(&call.call_id, output.into()).into(),
        }
    }

    /// Returns the calls of functions and custom tools in a history that have no output there, in order.
    #[must_use]
    pub fn open<'h>(history: impl IntoIterator<Item = &'h Item, IntoIter: Clone>) -> Vec<Self> {
        let history = history.into_iter();
        let answered: HashSet<&str> = history.clone().filter_map(answered_call).collect();
        let calls = history.filter_map(|item| match item {
            Item::FunctionCall(call) => Some(Self::Function(call.clone())),
            Item::CustomToolCall(call) => Some(Self::Custom(call.clone())),
            _ => None,
        });
        calls.filter(|call| !answered.contains(call.call_id())).collect()
    }
}

/// Returns the call to which this item is the output.
fn answered_call(item: &Item) -> Option<&str> {
    match item {
        Item::FunctionCallOutput(output) => Some(&output.call_id),
        Item::CustomToolCallOutput(output) => Some(&output.call_id),
        _ => None,
    }
}

impl<I: Io> Turn<'_, I> {
    /// Runs tools until the model calls no more: [asks](Self::ask), calls `tool` for each function and each custom tool that the
    /// model calls, sends the outputs, and so on, with at most `rounds` requests. Returns the last response.
    ///
    /// The input of `request` becomes the history: the items of each complete response and the output of each call are appended as
    /// soon as they exist. Dropping the future therefore loses nothing that was finished. Another call with the same request first
    /// runs the tools that have no output yet, then asks. This is also how to go on when the limit of rounds is reached: the calls of
    /// the last response were not run then.
    ///
    /// The calls of one response run concurrently, and their outputs are in the order of the calls. While tools run, the client replies
    /// to pings of the server. An incomplete response is returned without running its calls, and its items are not appended.
    ///
    /// ```
    /// use turnwire::client::Request;
    /// use turnwire::responses::{CreateResponse, Failure};
    /// use turnwire_driver::{Io, Turn};
    ///
    /// async fn answer<I: Io>(turn: &mut Turn<'_, I>, question: CreateResponse) -> Result<String, Failure> {
    ///     let mut request = Request::from(question);
    ///     let response = turn.run_tools(&mut request, 10, async |call| match call.name() {
    ///         "weather" => "4 °C, rain".to_owned(),
    ///         other => format!("there is no tool {other}"),
    ///     });
    ///     Ok(response.await?.output_text())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask). The input of `request` has everything that was finished.
    pub async fn run_tools<F, T>(
        &mut self,
        request: &mut Request,
        rounds: usize,
        mut tool: F,
    ) -> Result<Response, Failure>
    where
        F: FnMut(ToolCall) -> T,
        T: Future<Output: Into<ToolOutput>>,
    {
        let mut response = Err(Failure::build("the limit of rounds is 0"));
        for _ in 0..rounds {
            self.run_open_calls(&mut request.body.input, &mut tool).await;
            let asked = self.ask(request.clone()).await?;
            let is_complete = asked.status.as_deref() == Some("completed");
            if is_complete {
                request.body.input.extend(asked.output.iter().cloned());
            }
            let is_done = !is_complete || ToolCall::open(&asked.output).is_empty();
            response = Ok(asked);
            if is_done {
                break;
            }
        }
        response
    }

    /// Runs the calls that have no output in the history, and appends each output once it exists.
    async fn run_open_calls<T>(&mut self, history: &mut Input, tool: &mut impl FnMut(ToolCall) -> T)
    where
        T: Future<Output: Into<ToolOutput>>,
    {
        let calls = ToolCall::open(&*history);
        let mut outputs = Outputs { history, finished: Vec::new() };
        let mut running: Vec<Option<(ToolCall, Pin<Box<T>>)>> =
            calls.into_iter().map(|call| Some((call.clone(), Box::pin(tool(call))))).collect();
        poll_fn(|cx| {
            self.poll_idle(cx);
            for (at, slot) in running.iter_mut().enumerate() {
                if let Some((call, future)) = slot
                    && let Poll::Ready(output) = future.as_mut().poll(cx)
                {
                    outputs.insert(at, call.to_output(output));
                    *slot = None;
                }
            }
            if running.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Reads and writes what is ready, for a task that waits for something else.
    fn poll_idle(&mut self, cx: &mut Context<'_>) {
        let ClientDriver { client, io_loop, .. } = &mut *self.driver;
        io_loop.poll_ready(client, cx);
    }
}

/// The outputs of the calls of one response, at the end of the history.
struct Outputs<'h> {
    history: &'h mut Input,
    /// The positions of the calls that have an output, in order.
    finished: Vec<usize>,
}

impl Outputs<'_> {
    /// Inserts the output of the call at this position behind those of earlier calls.
    fn insert(&mut self, at: usize, output: Item) {
        let before = self.finished.partition_point(|finished| *finished < at);
        let begin = self.history.len() - self.finished.len();
        self.history.insert(begin + before, output);
        self.finished.insert(before, at);
    }
}
