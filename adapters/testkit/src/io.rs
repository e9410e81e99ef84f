//! A socket to a scripted server, and its clock.

use core::task::{Context, Poll};
use std::io;

use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_driver::Io;

use crate::connection::Ended;
use crate::faults::Faults;
use crate::server::MockServer;

/// A socket to a [`MockServer`], which may be open, and the server's clock.
#[derive(Debug)]
pub struct MockIo {
    server: MockServer,
    /// The number of the open connection.
    connection: Option<usize>,
}

impl MockIo {
    pub(crate) const fn new(server: MockServer) -> Self {
        Self { server, connection: None }
    }
}

impl Io for MockIo {
    fn now(&self) -> Instant {
        self.server.state().now
    }

    fn poll_connect(&mut self, _: &mut Context<'_>, _: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        self.disconnect();
        self.connection = self.server.state().connect();
        Poll::Ready(match self.connection {
            Some(_) => Ok(()),
            None => Err(ConnectError::Network("the server refuses connections".into())),
        })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(number) = self.connection else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        let state = &mut *self.server.state();
        let connection = &mut state.connections[number];
        let ready = connection.out.len().min(buffer.len());
        if ready == 0 {
            return match connection.ended() {
                Some(Ended::Orderly) => Poll::Ready(Ok(0)),
                Some(Ended::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                None => {
                    connection.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        let length = state.faults.as_mut().map_or(ready, |faults: &mut Faults| faults.read_length(ready));
        for (to, byte) in buffer.iter_mut().zip(connection.out.drain(..length)) {
            *to = byte;
        }
        Poll::Ready(Ok(length))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(number) = self.connection else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        let mut state = self.server.state();
        if !state.connections[number].is_open() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let now = state.now;
        state.connections[number].handle_input(now, bytes);
        state.run(number);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        let mut state = self.server.state();
        if let Some(number) = self.connection {
            state.connections[number].waker = Some(cx.waker().clone());
        }
        let next = state.next_action().into_iter().chain(until).min();
        match next {
            Some(next) if next <= state.now || !state.is_manual() => {
                state.advance_to(next);
                Poll::Ready(())
            }
            _ => Poll::Pending,
        }
    }

    fn disconnect(&mut self) {
        if let Some(number) = self.connection.take() {
            let mut state = self.server.state();
            let now = state.now;
            state.connections[number].disconnect(now);
        }
    }
}

impl Drop for MockIo {
    fn drop(&mut self) {
        self.disconnect();
    }
}
