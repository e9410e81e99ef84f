//! A client and its socket.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use turnwire::client::{Client, CommandError, Event, OwnedEvent, Rejected, Request, RequestId};
use turnwire::time::Instant;

use crate::io::Io;
use crate::wire::{Link, Wire};

/// A client, and the socket and clock that drive it.
#[derive(Debug)]
pub struct ClientDriver<I> {
    client: Client,
    wire: Wire<I>,
}

impl<I: Io> ClientDriver<I> {
    /// Drives `client` with `io`. Nothing is opened before the client wants it.
    pub fn new(client: Client, io: I) -> Self {
        Self { client, wire: Wire::new(io, Link::Down) }
    }

    /// The time now, as the client is told it.
    pub fn now(&self) -> Instant {
        self.wire.io.now()
    }

    /// The client itself, for every command that is not here.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Begins the next logical turn.
    ///
    /// # Errors
    ///
    /// [`CommandError::InFlight`] when a request that was made on the [client](Self::client) itself has not ended. One that was made
    /// on a [`Turn`] has, at the latest when that was dropped.
    pub fn turn(&mut self) -> Result<Turn<'_, I>, CommandError> {
        self.wire.catch_up(&mut self.client);
        self.client.begin_turn()?;
        Ok(Turn { driver: self, under_way: Vec::new() })
    }

    /// The next event, of whichever turn. `None`: the client is closed, and that was the last.
    ///
    /// The future may be dropped wherever it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Event<'_>> {
        poll_fn(|cx| self.wire.poll(&mut self.client, cx)).await;
        self.client.poll_event()
    }

    /// Closes, and waits until the connection is closed, too. What is still under way is given up.
    pub async fn close(&mut self) {
        self.client.close(self.now());
        while self.next().await.is_some() {}
    }
}

/// One logical turn: its requests share the token that the server hands out, and it borrows the client, so that no token can
/// outlive its turn. Dropping it gives up what is under way, and what that had to say.
#[derive(Debug)]
pub struct Turn<'c, I: Io> {
    driver: &'c mut ClientDriver<I>,
    under_way: Vec<RequestId>,
}

impl<I: Io> Turn<'_, I> {
    /// Makes a request of this turn. It is sent while [`next`](Self::next) is awaited.
    ///
    /// # Errors
    ///
    /// [`Rejected`], with the request handed back.
    pub fn send(&mut self, request: impl Into<Request>) -> Result<RequestId, Rejected<Request>> {
        self.driver.wire.catch_up(&mut self.driver.client);
        let id = self.driver.client.send(self.driver.now(), request)?;
        self.under_way.push(id);
        Ok(id)
    }

    /// Lets the server prepare for a request, where that is possible.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn prewarm(&mut self, request: impl Into<Request>) -> Result<Option<RequestId>, Rejected<Request>> {
        self.driver.wire.catch_up(&mut self.driver.client);
        let id = self.driver.client.prewarm(self.driver.now(), request)?;
        self.under_way.extend(id);
        Ok(id)
    }

    /// Gives a request up. Its last event says so.
    pub fn cancel(&mut self, id: RequestId) {
        self.driver.client.cancel(self.driver.now(), id);
    }

    /// The client itself, for every command that is not here.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.driver.client
    }

    /// The next event. `None`: every request of the turn has ended, so it is time for the next one, or for the next turn.
    ///
    /// The future may be dropped wherever it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Event<'_>> {
        poll_fn(|cx| self.poll(cx)).await;
        self.take()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ClientDriver { client, wire } = &mut *self.driver;
        if client.has_pending_requests() || client.has_event() { wire.poll(client, cx) } else { Poll::Ready(()) }
    }

    fn take(&mut self) -> Option<Event<'_>> {
        let event = self.driver.client.poll_event();
        if let Some(Event::Finished { id, .. }) = &event {
            self.under_way.retain(|known| known != id);
        }
        event
    }
}

/// The events of a turn, to keep, until all its requests have ended.
impl<I: Io> Stream for Turn<'_, I> {
    type Item = OwnedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OwnedEvent>> {
        ready!(self.poll(cx));
        Poll::Ready(self.take().map(Event::into_owned))
    }
}

impl<I: Io> Drop for Turn<'_, I> {
    fn drop(&mut self) {
        let now = self.driver.now();
        let given_up = self.under_way.drain(..).map(|id| self.driver.client.cancel(now, id)).count();
        // Nobody is left to hear how they ended.
        while given_up > 0 && self.driver.client.poll_event().is_some() {}
    }
}
