//! The client's end of one connection with its socket.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use turnwire::client::{ConnectError, ConnectTarget, SocketCommand};
use turnwire::connection::{ClientConnection, client};
use turnwire::time::Instant;

use crate::io::Io;
use crate::io_loop::{IoEvent, IoLoop, SocketState, StateMachine};

/// The client's end of one connection, with the socket and the clock that drive it. A [`ClientDriver`](crate::ClientDriver) opens
/// connections and repeats requests by itself; this is for programs that decide that, such as proxies.
///
/// ```
/// use turnwire::client::{ConnectError, ConnectTarget};
/// use turnwire::connection::{ClientConnection, ExpectedBody, OutgoingRequest, Transport, client};
/// use turnwire::http::Headers;
/// use turnwire_driver::{ConnectionDriver, Io};
///
/// /// Returns the status of a request.
/// async fn status<I: Io>(io: I, seed: [u8; 32]) -> Result<Option<u16>, ConnectError> {
///     let connection = ClientConnection::new(client::Config::new("localhost"), Transport::Http, seed);
///     let mut driver = ConnectionDriver::new(connection, io, ConnectTarget::new("localhost", 80, false));
///     let mut request = OutgoingRequest::new("/v1/models", Headers::new(), Vec::new(), ExpectedBody::Whole);
///     request.method = "GET".into();
///     let now = driver.now();
///     driver.connection().send_request(now, request).expect("the connection is new");
///     while let Some(event) = driver.next().await? {
///         if let client::Event::Body { head, .. } = event {
///             return Ok(Some(head.status()));
///         }
///     }
///     Ok(None)
/// }
/// ```
pub struct ConnectionDriver<I> {
    machine: Machine,
    io_loop: IoLoop<I>,
}

impl<I> fmt::Debug for ConnectionDriver<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionDriver").field("connection", &self.machine.connection).finish_non_exhaustive()
    }
}

impl<I: Io> ConnectionDriver<I> {
    /// Drives `connection` with `io`, which connects to `target` first.
    pub fn new(connection: ClientConnection, io: I, mut target: ConnectTarget) -> Self {
        // A proxy must open a tunnel, as for a WebSocket: requests are sent as they are, and not in absolute form.
        target.websocket = true;
        let machine = Machine { connection, failed: None };
        Self { machine, io_loop: IoLoop::new(io, SocketState::Connecting(target)) }
    }

    /// Returns the current time of the connection's clock.
    pub fn now(&self) -> Instant {
        self.io_loop.io.now()
    }

    /// Returns the connection, for its commands. Output is written while [`next`](Self::next) is awaited.
    pub const fn connection(&mut self) -> &mut ClientConnection {
        &mut self.machine.connection
    }

    /// Waits for the next event. Returns `None` when the connection is closed.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] when no socket could be opened. Nothing was sent.
    pub async fn next(&mut self) -> Result<Option<client::Event<'_>>, ConnectError> {
        let Self { machine, io_loop } = self;
        poll_fn(|cx| if machine.is_ready() { Poll::Ready(()) } else { io_loop.poll(machine, cx) }).await;
        match &self.machine.failed {
            Some(error) => Err(error.clone()),
            None => Ok(self.machine.connection.poll_event()),
        }
    }
}

/// A connection, and why it could not be opened.
struct Machine {
    connection: ClientConnection,
    failed: Option<ConnectError>,
}

impl StateMachine for Machine {
    fn is_ready(&self) -> bool {
        self.connection.has_event() || self.connection.is_finished() || self.failed.is_some()
    }

    fn poll_socket(&mut self) -> Option<SocketCommand> {
        None
    }

    fn handle(&mut self, now: Instant, event: IoEvent<'_>) {
        let connection = &mut self.connection;
        match event {
            IoEvent::Connected(result) => self.failed = result.err(),
            IoEvent::Input(bytes) => connection.handle_input(now, bytes),
            IoEvent::Eof => connection.handle_eof(now),
            IoEvent::Lost(reason) => connection.handle_lost(now, reason),
            IoEvent::Written(length) => connection.handle_written(now, length),
            IoEvent::Timeout => connection.handle_timeout(now),
            // The deadlines of the connection are all that it has.
            IoEvent::ClockJump(_) => {}
        }
    }

    fn poll_transmit(&self) -> &[u8] {
        self.connection.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }
}
