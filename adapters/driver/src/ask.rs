//! One call for one response: a request or an operation, and its result.

use turnwire::client::{Credentials, Event, Outcome, Request, RequestId, Submitted};
use turnwire::responses::operations::Operation;
use turnwire::responses::{Collector, CompletedResponse, Failure, FailureKind, RequestProgress, Response};

use crate::io::Io;
use crate::turn::Turn;

/// What [`Turn::ask_with`] does after an event. `()` stands for [`Continue`](Self::Continue).
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Reaction {
    /// Goes on.
    #[default]
    Continue,
    /// Asks the server to interrupt the response. The result is the interrupted response, if the server interrupts it; otherwise
    /// the request is cancelled.
    Interrupt,
    /// Sets the credentials of all further attempts, in response to [`Event::CredentialsNeeded`].
    Authorize(Credentials),
}

impl From<()> for Reaction {
    fn from((): ()) -> Self {
        Self::Continue
    }
}

impl<I: Io> Turn<'_, I> {
    /// Sends a request, waits for its end, and returns the whole response. One that ended before it was complete has the status
    /// `incomplete` and says why in [`incomplete_details`](Response::incomplete_details).
    ///
    /// Dropping the future cancels the request. The turn, its token and its connection stay usable.
    ///
    /// ```
    /// use turnwire::responses::{CreateResponse, Failure};
    /// use turnwire_driver::{Io, Turn};
    ///
    /// async fn say_hi<I: Io>(turn: &mut Turn<'_, I>) -> Result<String, Failure> {
    ///     Ok(turn.ask(CreateResponse::new("gpt-x", "Say hi")).await?.output_text())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the [`Failure`] of the request. Its kind is [`Build`](FailureKind::Build) if the client rejects the request, or if
    /// another request of the turn has not ended: nothing was sent then. It is [`Cancelled`](FailureKind::Cancelled) if the client
    /// is closed, and [`Stream`](FailureKind::Stream), not retryable, if the output is longer than a
    /// [`Collector`] keeps.
    pub async fn ask(&mut self, request: impl Into<Request>) -> Result<Response, Failure> {
        self.check_idle()?;
        self.ask_with(request, |_| {}).await
    }

    /// As [`ask`](Self::ask), and calls `observe` with each event of the turn, also with those of its other requests, which may be
    /// in flight.
    ///
    /// An [`Event::CredentialsNeeded`] of this request that is not answered with [`Reaction::Authorize`] fails it.
    ///
    /// ```
    /// use turnwire::client::Event;
    /// use turnwire::responses::{CreateResponse, EventData, Failure, Response};
    /// use turnwire_driver::{Io, Turn};
    ///
    /// async fn print<I: Io>(turn: &mut Turn<'_, I>) -> Result<Response, Failure> {
    ///     let request = CreateResponse::new("gpt-x", "Say hi");
    ///     turn.ask_with(request, |event| {
    ///         if let Event::Server { event, .. } = event
    ///             && let EventData::OutputTextDelta { delta, .. } = &event.data
    ///         {
    ///             print!("{delta}");
    ///         }
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn ask_with<R: Into<Reaction>>(
        &mut self,
        request: impl Into<Request>,
        mut observe: impl FnMut(&Event<'_>) -> R,
    ) -> Result<Response, Failure> {
        let id = self.send(request).map_err(|rejected| Failure::build(&rejected.to_string()))?;
        let mut call = Call { turn: self, id: Some(id) };
        let mut collector = Collector::new();
        loop {
            let event = call.turn.next().await.ok_or_else(closed)?;
            let reaction: Reaction = observe(&event).into();
            let mut unanswered = false;
            match event {
                Event::Server { id: of, event } if of == id => collector.add(&event),
                // The response is made again, from its beginning.
                Event::Sent { id: of, sent, .. } if of == id && !sent.resumed => collector = Collector::new(),
                Event::CredentialsNeeded { id: of, .. } if of == id => unanswered = true,
                Event::Finished { id: of, outcome, .. } if of == id => {
                    let result = response_of(&outcome, collector);
                    call.id = None;
                    return result;
                }
                _ => {}
            }
            match reaction {
                Reaction::Continue if unanswered => call.turn.refuse_credentials(),
                Reaction::Continue => {}
                Reaction::Authorize(credentials) => call.turn.authorize(credentials),
                // It fails only if the request has ended, which the next event says.
                Reaction::Interrupt => drop(call.turn.interrupt(id)),
            }
        }
    }

    /// Submits an operation of this turn, waits for the response and parses it.
    ///
    /// Dropping the future cancels the operation.
    ///
    /// ```
    /// use turnwire::responses::{Failure, Item, operations::Compact};
    /// use turnwire_driver::{Io, Turn};
    ///
    /// async fn compact<I: Io>(turn: &mut Turn<'_, I>, history: Vec<Item>) -> Result<Vec<Item>, Failure> {
    ///     Ok(turn.perform(&Compact::new("gpt-x", history)).await?.output)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the [`Failure`] of the operation, also for a response that cannot be parsed. Its kind is
    /// [`Build`](FailureKind::Build) if the client rejects the operation, or if a request of the turn has not ended: nothing was sent
    /// then. It is [`Cancelled`](FailureKind::Cancelled) if the client is closed.
    pub async fn perform<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, Failure> {
        self.check_idle()?;
        let now = self.now();
        let submitted = self.client().submit(now, operation, None);
        let id = match submitted.map_err(|rejected| Failure::build(&rejected.to_string()))? {
            Submitted::Immediate(answer) => return Ok(answer),
            Submitted::Pending(id) => id,
        };
        self.track(id);
        let mut call = Call { turn: self, id: Some(id) };
        loop {
            match call.turn.next().await.ok_or_else(closed)? {
                Event::Finished { id: of, outcome, .. } if of == id => {
                    let result = outcome.read::<O>().unwrap_or_else(|| Err(closed()));
                    call.id = None;
                    return result;
                }
                Event::CredentialsNeeded { id: of, .. } if of == id => call.turn.refuse_credentials(),
                _ => {}
            }
        }
    }

    /// Returns a failure if a request of the turn has not ended, because its events would be discarded.
    fn check_idle(&self) -> Result<(), Failure> {
        if self.is_busy() { Err(Failure::build("another request has not ended")) } else { Ok(()) }
    }
}

/// A request whose end is awaited. Dropping it before that cancels the request.
struct Call<'t, 'c, I: Io> {
    turn: &'t mut Turn<'c, I>,
    id: Option<RequestId>,
}

impl<I: Io> Drop for Call<'_, '_, I> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.turn.abandon(id);
        }
    }
}

fn response_of(outcome: &Outcome<'_>, collector: Collector) -> Result<Response, Failure> {
    let (ended, is_truncated) = (collector.has_ended(), collector.is_truncated());
    let mut response = collector.finish();
    match outcome {
        // The end of a response counts even if the members of its last event cannot be read.
        Outcome::Completed(completed) => complete(&mut response, completed, "completed"),
        Outcome::Incomplete(incomplete) => {
            let mut end = CompletedResponse::default();
            end.id.clone_from(&incomplete.id);
            end.usage.clone_from(&incomplete.usage);
            end.raw_usage.clone_from(&incomplete.raw_usage);
            complete(&mut response, &end, "incomplete");
        }
        Outcome::Failed(failure) => return Err((*failure).clone()),
        // The server has interrupted the response.
        Outcome::Cancelled if ended => {}
        _ => return Err(closed()),
    }
    if is_truncated {
        let mut failure = Failure::stream("the output is longer than the collector keeps");
        (failure.retryable, failure.progress) = (false, RequestProgress::OutputSeen);
        return Err(failure);
    }
    Ok(response)
}

/// Sets what the events did not say.
fn complete(response: &mut Response, end: &CompletedResponse, status: &str) {
    if response.id.is_none() {
        response.id.clone_from(&end.id);
    }
    if response.usage.is_none() {
        response.usage.clone_from(&end.usage);
        response.raw_usage.clone_from(&end.raw_usage);
    }
    response.status.get_or_insert_with(|| status.into());
}

/// Returns the failure of a request that ended because the application cancelled it or closed the client.
fn closed() -> Failure {
    Failure::new(FailureKind::Cancelled, "the application cancelled the request or closed the client")
}
