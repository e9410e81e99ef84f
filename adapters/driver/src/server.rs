//! A server connection with its socket.

use core::future::poll_fn;
use core::task::Poll;

use turnwire::connection::{ServerConnection, server};
use turnwire::time::Instant;

use crate::io::Io;
use crate::io_loop::{IoLoop, SocketState};

/// A server connection with the accepted socket and the clock that drive it.
///
/// ```
/// use turnwire::connection::{ServerConnection, server};
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
}

impl<I: Io> ServerDriver<I> {
    /// Drives `connection` with `io`, whose socket is open.
    pub fn new(connection: ServerConnection, io: I) -> Self {
        Self { connection, io_loop: IoLoop::new(io, SocketState::Open) }
    }

    /// Returns the current time of the connection's clock.
    pub fn now(&self) -> Instant {
        self.io_loop.io.now()
    }

    /// Returns the connection, for the methods that respond. Responses are written while [`next`](Self::next) is awaited.
    pub const fn connection(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    /// Waits for the next incoming event. Returns `None` when the connection is closed, or its socket is.
    ///
    /// The future is cancel-safe: dropping it at any point loses nothing.
    pub async fn next(&mut self) -> Option<server::Event<'_>> {
        let Self { connection, io_loop } = self;
        poll_fn(|cx| {
            // Without a socket, bytes that are still to be written can never be written: do not wait for that.
            if io_loop.is_open() || connection.has_event() { io_loop.poll(connection, cx) } else { Poll::Ready(()) }
        })
        .await;
        self.connection.poll_event()
    }
}
