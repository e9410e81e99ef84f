//! A server's end of an accepted socket.

use core::future::poll_fn;
use core::task::Poll;

use turnwire::connection::{ServerConnection, server};
use turnwire::time::Instant;

use crate::io::Io;
use crate::wire::{Link, Wire};

/// A server's end of a connection, and the accepted socket and clock that drive it.
#[derive(Debug)]
pub struct ServerDriver<I> {
    connection: ServerConnection,
    wire: Wire<I>,
}

impl<I: Io> ServerDriver<I> {
    /// Drives `connection` with `io`, whose socket is open.
    pub fn new(connection: ServerConnection, io: I) -> Self {
        Self { connection, wire: Wire::new(io, Link::Open) }
    }

    /// The time now, as the connection is told it.
    pub fn now(&self) -> Instant {
        self.wire.io.now()
    }

    /// The connection itself, for the verbs that answer. What they have to say is written while [`next`](Self::next) is awaited.
    pub const fn connection(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    /// What comes next. `None`: the connection is over, or the peer can no longer be reached.
    ///
    /// The future may be dropped wherever it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<server::Event<'_>> {
        let Self { connection, wire } = self;
        poll_fn(|cx| {
            // When nobody is left to read what still waits to be written, it does not wait any longer.
            if wire.is_up() || connection.has_event() { wire.poll(connection, cx) } else { Poll::Ready(()) }
        })
        .await;
        self.connection.poll_event()
    }
}
