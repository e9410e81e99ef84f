//! A client with its socket.

use core::future::poll_fn;

use turnwire::client::{Client, CommandError, Credentials, Event, RequestId};
use turnwire::responses::Failure;
use turnwire::responses::operations::Operation;
use turnwire::time::Instant;

use crate::io::Io;
use crate::io_loop::{IoLoop, SocketState};
use crate::turn::Turn;

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
    pub(crate) client: Client,
    pub(crate) io_loop: IoLoop<I>,
    /// Requests that were cancelled because a [`Turn`] or a future was dropped. The server may not have interrupted them yet.
    pub(crate) abandoned: Vec<RequestId>,
}

impl<I: Io> ClientDriver<I> {
    /// Drives `client` with `io`. No socket is opened before the client requests one.
    pub fn new(client: Client, io: I) -> Self {
        Self { client, io_loop: IoLoop::new(io, SocketState::Closed), abandoned: Vec::new() }
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
    /// A request of the last turn that was cancelled, and that the server has not interrupted yet, ends without waiting for the
    /// server.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::InFlight`] while a request that was submitted to the [client](Self::client) directly has not ended.
    /// Nothing has changed: receive its events with [`next`](Self::next), then try again. Requests of a [`Turn`] end at the latest
    /// here.
    pub fn turn(&mut self) -> Result<Turn<'_, I>, CommandError> {
        self.end_last_turn();
        self.client.begin_turn()?;
        Ok(Turn::new(self))
    }

    /// Begins a turn that goes on with the turn token of an earlier one, for example of another process
    /// ([`Turn::token`]).
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn), and [`CommandError::TurnToken`] if the token is too long. Nothing has changed then.
    pub fn resume_turn(&mut self, token: &str) -> Result<Turn<'_, I>, CommandError> {
        self.end_last_turn();
        self.client.resume_turn(token)?;
        Ok(Turn::new(self))
    }

    /// Goes on with the last turn and its turn token, after its [`Turn`] was dropped. Before the first turn, this begins one.
    pub const fn same_turn(&mut self) -> Turn<'_, I> {
        Turn::new(self)
    }

    /// Submits an operation of the current turn, waits for the response and parses it. Other events that arrive meanwhile are
    /// discarded.
    ///
    /// Dropping the future cancels the operation.
    ///
    /// # Errors
    ///
    /// As [`Turn::perform`].
    pub async fn perform<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, Failure> {
        self.same_turn().perform(operation).await
    }

    /// Sets the credentials of all further requests, as [`Client::set_credentials`] does.
    pub fn authorize(&mut self, credentials: Credentials) {
        self.client.set_credentials(self.now(), credentials);
    }

    /// Waits for the next event of the client, of any turn. Returns `None` when the client is closed and every event was returned.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn next(&mut self) -> Option<Event<'_>> {
        poll_fn(|cx| self.io_loop.poll(&mut self.client, cx)).await;
        let event = self.client.poll_event();
        if let Some(Event::Finished { id, .. }) = &event {
            self.abandoned.retain(|known| known != id);
        }
        event
    }

    /// Closes the client, cancels pending requests, and waits until the connection is closed.
    pub async fn close(&mut self) {
        self.client.close(self.now());
        while self.next().await.is_some() {}
    }

    /// Ends the requests that were cancelled, without waiting for the server, and discards their events.
    fn end_last_turn(&mut self) {
        self.io_loop.process_ready_input(&mut self.client);
        if self.abandoned.is_empty() {
            return;
        }
        let now = self.now();
        for id in self.abandoned.drain(..) {
            // A second call does not wait for the server.
            self.client.cancel(now, id);
        }
        while self.client.poll_event().is_some() {}
    }
}
