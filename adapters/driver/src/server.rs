//! A server connection with its socket.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use turnwire::client::SocketCommand;
use turnwire::connection::{CloseReason, Deadline, ServerConnection, server};
use turnwire::time::Instant;

use crate::io::Io;
use crate::io_loop::{IoEvent, IoLoop, SocketState, StateMachine};

/// How long, after an error response, input is read and discarded: see [`ServerDriver::next`].
const LINGER: Duration = Duration::from_secs(1);

/// A server connection with the accepted socket and the clock that drive it.
///
/// ```
/// use turnwire::connection::{CloseReason, Deadline, ServerConnection, server};
/// use turnwire::http::Headers;
/// use turnwire_driver::{Io, ServerDriver};
///
/// /// Responds to every request with 404.
/// async fn serve<I: Io>(io: I, seed: [u8; 32]) {
///     let mut server = ServerDriver::new(ServerConnection::new(server::Config::default(), seed), io);
///     while let Some(event) = server.next().await {
///         if let server::Event::Request { .. } | server::Event::Upgrade { .. } = event {
///             let now = server.now();
///             // Fails only if the connection has ended.
///             let _ = server.connection().respond(now, 404, &Headers::new(), b"");
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct ServerDriver<I> {
    connection: ServerConnection,
    io_loop: IoLoop<I>,
    /// Until when input is discarded, once the error response is written.
    lingers_until: Option<Instant>,
}

impl<I: Io> ServerDriver<I> {
    /// Drives `connection` with `io`, whose socket is open.
    pub fn new(connection: ServerConnection, io: I) -> Self {
        Self { connection, io_loop: IoLoop::new(io, SocketState::Open), lingers_until: None }
    }

    /// Returns the current time of the connection's clock.
    pub fn now(&self) -> Instant {
        self.io_loop.io.now()
    }

    /// Returns the connection, for the methods that respond. Responses are written while [`next`](Self::next) is awaited.
    pub const fn connection(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    /// Waits for the next incoming event. Returns `None` when the connection is closed, or its socket is. Writes what the socket takes
    /// before it returns an event; the rest is written while [`next`](Self::next), [`wait`](Self::wait) or [`flush`](Self::flush) is
    /// awaited.
    ///
    /// After a request that could not be read, [`Event::Closed`](server::Event::Closed) is not the end: the peer may still send the
    /// rest of the request, and a socket that is dropped with unread input is reset, which can destroy the error response on its way
    /// (RFC 9112 §9.6). Call this method until it returns `None`: it reads and discards input until the peer closes the socket, for at
    /// most a second.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn next(&mut self) -> Option<server::Event<'_>> {
        let Self { connection, io_loop, .. } = self;
        poll_fn(|cx| {
            io_loop.poll_write(connection, cx);
            // Without a socket, bytes that are still to be written can never be written: do not wait for that.
            if io_loop.is_open() || connection.has_event() { io_loop.poll(connection, cx) } else { Poll::Ready(()) }
        })
        .await;
        self.linger().await;
        let event = self.connection.poll_event();
        if let Some(server::Event::Closed(reason)) = &event
            && is_error_response(reason)
        {
            self.lingers_until = Some(self.io_loop.io.now() + LINGER);
        }
        event
    }

    /// Discards input after an error response, once nothing else is left to do.
    async fn linger(&mut self) {
        let Self { connection, io_loop, lingers_until } = self;
        if let Some(until) = *lingers_until
            && connection.is_finished()
        {
            poll_fn(|cx| io_loop.poll_discard(cx, until)).await;
            *lingers_until = None;
        }
    }

    /// Waits until everything is written, and reads meanwhile, so that it notices when the peer leaves. Takes no event:
    /// [`next`](Self::next) returns them. Returns [`Wake::Writable`], or [`Wake::Closed`] if not everything could be written.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn flush(&mut self) -> Wake {
        let Self { connection, io_loop, .. } = self;
        let mut flushing = Flushing(connection);
        poll_fn(|cx| {
            // The socket may be lost meanwhile, and then nothing more is written.
            let waits = io_loop.is_open() && io_loop.poll(&mut flushing, cx).is_pending() && io_loop.is_open();
            if waits { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        if self.connection.poll_transmit().is_empty() { Wake::Writable } else { Wake::Closed }
    }

    /// Closes the connection once the responses that are running have ended, at the latest after this time, as
    /// [`ServerConnection::shut_down_gracefully`] does. Go on calling [`next`](Self::next) until it returns `None`.
    pub fn shut_down_gracefully(&mut self, within: Duration) {
        let now = self.now();
        self.connection.shut_down_gracefully(now, now + within);
    }

    /// Waits, as [`next`](Self::next) does, for an event, which [`next`](Self::next) then returns without waiting. Also returns when
    /// at most `unsent` bytes wait to be written, so that a long response can be written in parts, and when `until` has come. With
    /// `None`, it does not wait for that.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn wait(&mut self, unsent: Option<usize>, until: Option<Instant>) -> Wake {
        let Self { connection, io_loop, .. } = self;
        let mut waiting = Waiting { connection, unsent, until, now: io_loop.io.now() };
        poll_fn(|cx| {
            if io_loop.is_open() || waiting.connection.has_event() {
                io_loop.poll(&mut waiting, cx)
            } else {
                Poll::Ready(())
            }
        })
        .await;
        let wake = waiting.wake();
        self.linger().await;
        match wake {
            Some(Wake::Event) => Wake::Event,
            _ if !self.io_loop.is_open() => Wake::Closed,
            wake => wake.unwrap_or(Wake::Closed),
        }
    }
}

/// Returns whether the connection itself has responded to a request that it could not read, or that did not come in time.
const fn is_error_response(reason: &CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::Http(_)
            | CloseReason::Host
            | CloseReason::BodyTooLong { .. }
            | CloseReason::Timeout(Deadline::Head | Deadline::Body)
    )
}

/// A connection that is driven until everything is written.
struct Flushing<'c>(&'c mut ServerConnection);

impl StateMachine for Flushing<'_> {
    fn is_ready(&self) -> bool {
        self.0.poll_transmit().is_empty()
    }

    fn poll_socket(&mut self) -> Option<SocketCommand> {
        None
    }

    fn handle(&mut self, now: Instant, event: IoEvent<'_>) {
        StateMachine::handle(self.0, now, event);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.0.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.0.wants_input()
    }
}

/// Why [`ServerDriver::wait`] or [`ServerDriver::flush`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wake {
    /// There is an event.
    Event,
    /// No more bytes than the given number wait to be written.
    Writable,
    /// The given time has come.
    Elapsed,
    /// The connection is closed, or its socket is, and there are no more events.
    Closed,
}

/// A connection, with the conditions besides an event on which the loop returns.
struct Waiting<'c> {
    connection: &'c mut ServerConnection,
    unsent: Option<usize>,
    until: Option<Instant>,
    now: Instant,
}

impl Waiting<'_> {
    fn wake(&self) -> Option<Wake> {
        if self.connection.has_event() {
            Some(Wake::Event)
        } else if self.connection.is_finished() {
            Some(Wake::Closed)
        } else if self.unsent.is_some_and(|unsent| self.connection.poll_transmit().len() <= unsent) {
            Some(Wake::Writable)
        } else if self.until.is_some_and(|until| until <= self.now) {
            Some(Wake::Elapsed)
        } else {
            None
        }
    }
}

impl StateMachine for Waiting<'_> {
    fn is_ready(&self) -> bool {
        self.wake().is_some()
    }

    fn poll_socket(&mut self) -> Option<SocketCommand> {
        None
    }

    fn handle(&mut self, now: Instant, event: IoEvent<'_>) {
        self.now = now;
        StateMachine::handle(self.connection, now, event);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.connection.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout().into_iter().chain(self.until).min()
    }

    fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }
}
