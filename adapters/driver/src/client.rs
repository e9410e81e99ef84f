//! A client with its socket.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use turnwire::client::{Client, CommandError, Event, OwnedEvent, Rejected, Request, RequestId};
use turnwire::time::Instant;

use crate::io::Io;
use crate::io_loop::{IoLoop, SocketState};

/// A client with the socket and clock that drive it.
///
/// ```
/// use turnwire::client::{Client, Credentials, InvalidProvider, Provider, Settings};
/// use turnwire_driver::{ClientDriver, Io};
///
/// /// `seed` comes from the operating system's random source.
/// fn client<I: Io>(io: I, seed: [u8; 32]) -> Result<ClientDriver<I>, InvalidProvider> {
///     let client = Client::new(Provider::openai(), Credentials::bearer("key"), Settings::default(), seed)?;
///     Ok(ClientDriver::new(client, io))
/// }
/// ```
#[derive(Debug)]
pub struct ClientDriver<I> {
    client: Client,
    io_loop: IoLoop<I>,
}

impl<I: Io> ClientDriver<I> {
    /// Drives `client` with `io`. No socket is opened before the client requests one.
    pub fn new(client: Client, io: I) -> Self {
        Self { client, io_loop: IoLoop::new(io, SocketState::Closed) }
    }

    /// Returns the current time of the client's clock.
    pub fn now(&self) -> Instant {
        self.io_loop.io.now()
    }

    /// Returns the client, for commands that have no method here.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Begins the next logical turn.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::InFlight`] while a request that was submitted to the [client](Self::client) directly has not ended.
    /// Nothing has changed: receive its events with [`next`](Self::next), then try again. Requests of a [`Turn`] end at the latest
    /// when it is dropped.
    pub fn turn(&mut self) -> Result<Turn<'_, I>, CommandError> {
        self.io_loop.process_ready_input(&mut self.client);
        self.client.begin_turn()?;
        Ok(Turn { driver: self, pending: Vec::new() })
    }

    /// Waits for the next event of the client, of any turn. Returns `None` when the client is closed and every event was returned.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn next(&mut self) -> Option<Event<'_>> {
        poll_fn(|cx| self.io_loop.poll(&mut self.client, cx)).await;
        self.client.poll_event()
    }

    /// Closes the client, cancels pending requests, and waits until the connection is closed.
    pub async fn close(&mut self) {
        self.client.close(self.now());
        while self.next().await.is_some() {}
    }
}

/// A logical turn. Its requests share the turn token that the server sends. The turn borrows the client, so that no token can
/// outlive its turn. Dropping it cancels its pending requests and discards their events.
#[derive(Debug)]
pub struct Turn<'c, I: Io> {
    driver: &'c mut ClientDriver<I>,
    pending: Vec<RequestId>,
}

impl<I: Io> Turn<'_, I> {
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

    /// Cancels a request. Its last event is [`Event::Finished`] with [`Outcome::Cancelled`](turnwire::client::Outcome::Cancelled).
    pub fn cancel(&mut self, id: RequestId) {
        self.driver.client.cancel(self.driver.now(), id);
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ClientDriver { client, io_loop } = &mut *self.driver;
        if client.has_pending_requests() || client.has_event() { io_loop.poll(client, cx) } else { Poll::Ready(()) }
    }

    fn take(&mut self) -> Option<Event<'_>> {
        let event = self.driver.client.poll_event();
        if let Some(Event::Finished { id, .. }) = &event {
            self.pending.retain(|known| known != id);
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
        let now = self.driver.now();
        if self.pending.is_empty() {
            return;
        }
        for id in self.pending.drain(..) {
            self.driver.client.cancel(now, id);
        }
        // Discard all queued events: they belong to the turn that is dropped.
        while self.driver.client.poll_event().is_some() {}
    }
}
