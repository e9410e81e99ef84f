//! `Turn`: a logical turn of a client.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use turnwire::client::{
    Client, CommandError, Credentials, Event, OwnedEvent, Rejected, Request, RequestId, SubmissionId,
};
use turnwire::responses::Item;
use turnwire::time::Instant;

use crate::client::ClientDriver;
use crate::io::Io;

/// A logical turn. Its requests share the turn token that the server sends. The turn borrows the client, so that no token can
/// outlive its turn. Dropping it cancels its pending requests and discards their events.
#[derive(Debug)]
pub struct Turn<'c, I: Io> {
    pub(crate) driver: &'c mut ClientDriver<I>,
    pending: Vec<RequestId>,
}

impl<'c, I: Io> Turn<'c, I> {
    pub(crate) const fn new(driver: &'c mut ClientDriver<I>) -> Self {
        Self { driver, pending: Vec::new() }
    }

    /// Submits a request of this turn. It is sent while [`next`](Self::next) is awaited.
    ///
    /// # Errors
    ///
    /// Returns [`Rejected`] with the reason and the request, unchanged. Nothing was sent.
    pub fn send(&mut self, request: impl Into<Request>) -> Result<RequestId, Rejected<Request>> {
        self.driver.io_loop.process_ready_input(&mut self.driver.client);
        let id = self.driver.client.send(self.driver.now(), request)?;
        self.pending.push(id);
        Ok(id)
    }

    /// Asks the server to prepare for a request, if the transport supports it. Returns `None` if it does not.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn prewarm(&mut self, request: impl Into<Request>) -> Result<Option<RequestId>, Rejected<Request>> {
        self.driver.io_loop.process_ready_input(&mut self.driver.client);
        let id = self.driver.client.prewarm(self.driver.now(), request)?;
        self.pending.extend(id);
        Ok(id)
    }

    /// Requests the rest of a background response whose stream was lost in another process, as [`Client::resume`] does: its events
    /// behind number `after`, or all of them.
    ///
    /// # Errors
    ///
    /// As [`Client::resume`].
    pub fn resume(&mut self, response_id: &str, after: Option<i64>) -> Result<RequestId, CommandError> {
        let id = self.driver.client.resume(self.driver.now(), response_id, after)?;
        self.pending.push(id);
        Ok(id)
    }

    /// Cancels a request. Its last event is [`Event::Finished`] with [`Outcome::Cancelled`](turnwire::client::Outcome::Cancelled).
    pub fn cancel(&mut self, id: RequestId) {
        self.driver.client.cancel(self.driver.now(), id);
    }

    /// Asks the server to interrupt the response to a request, so that the connection and the previous response are kept.
    ///
    /// # Errors
    ///
    /// As [`Client::interrupt`].
    pub fn interrupt(&mut self, id: RequestId) -> Result<(), CommandError> {
        self.driver.client.interrupt(self.driver.now(), id)
    }

    /// Sends further input for the response to a request. [`Event::Steering`] says what becomes of it.
    ///
    /// # Errors
    ///
    /// As [`Client::steer`].
    pub fn steer(&mut self, id: RequestId, input: &[Item]) -> Result<SubmissionId, CommandError> {
        self.driver.client.steer(self.driver.now(), id, input)
    }

    /// Sends output of tools to the response to a request, which waits for it.
    ///
    /// # Errors
    ///
    /// As [`Client::inject`].
    pub fn inject(&mut self, id: RequestId, output: &[Item]) -> Result<(), CommandError> {
        self.driver.client.inject(self.driver.now(), id, output)
    }

    /// Sets the credentials of all further requests. Requests that wait for credentials are sent again.
    pub fn authorize(&mut self, credentials: Credentials) {
        self.driver.authorize(credentials);
    }

    /// Answers [`Event::CredentialsNeeded`] when there are no new credentials, as [`Client::refuse_credentials`] does.
    pub fn refuse_credentials(&mut self) {
        self.driver.client.refuse_credentials(self.driver.now());
    }

    /// Returns the turn token, once the server has sent one. With it, [`ClientDriver::resume_turn`] goes on with the turn, in another
    /// process as well. It is a secret: it identifies the turn at the server.
    pub fn token(&self) -> Option<&str> {
        self.driver.client.turn_token()
    }

    /// Returns the current time of the client's clock.
    pub fn now(&self) -> Instant {
        self.driver.now()
    }

    /// Returns the client, for commands that have no method here.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.driver.client
    }

    /// Waits for the next event of the turn. Returns `None` when every request of the turn has ended; then send the next request,
    /// or drop the turn.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn next(&mut self) -> Option<Event<'_>> {
        poll_fn(|cx| self.poll(cx)).await;
        self.take()
    }

    /// Returns whether a request that was not abandoned has not ended, or has events that were not polled.
    pub(crate) fn is_busy(&self) -> bool {
        let ClientDriver { client, abandoned, .. } = &*self.driver;
        self.pending.iter().any(|id| !abandoned.contains(id)) || (client.has_pending_requests() && abandoned.is_empty())
    }

    /// Adds a request to those of the turn.
    pub(crate) fn track(&mut self, id: RequestId) {
        self.pending.push(id);
    }

    /// Cancels a request of which nobody awaits the end any more.
    pub(crate) fn abandon(&mut self, id: RequestId) {
        self.cancel(id);
        self.driver.abandoned.push(id);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ClientDriver { client, io_loop, .. } = &mut *self.driver;
        if client.has_pending_requests() || client.has_event() { io_loop.poll(client, cx) } else { Poll::Ready(()) }
    }

    fn take(&mut self) -> Option<Event<'_>> {
        let event = self.driver.client.poll_event();
        if let Some(Event::Finished { id, .. }) = &event {
            self.pending.retain(|known| known != id);
            self.driver.abandoned.retain(|known| known != id);
        }
        event
    }
}

/// Owned events of a turn, until all its requests have ended.
impl<I: Io> Stream for Turn<'_, I> {
    type Item = OwnedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OwnedEvent>> {
        ready!(self.poll(cx));
        Poll::Ready(self.take().map(Event::into_owned))
    }
}

impl<I: Io> Drop for Turn<'_, I> {
    fn drop(&mut self) {
        if self.pending.is_empty() {
            // The last event is not borrowed any more. Unless another one waits, this frees its memory.
            if !self.driver.client.has_event() {
                self.driver.client.poll_event();
            }
            return;
        }
        for id in core::mem::take(&mut self.pending) {
            if !self.driver.abandoned.contains(&id) {
                self.abandon(id);
            }
        }
        // Discard all queued events: they belong to the turn that is dropped.
        while self.driver.client.poll_event().is_some() {}
        if !self.driver.client.has_pending_requests() {
            self.driver.abandoned.clear();
        }
    }
}
