//! The interface that the I/O loop needs from a client or a server connection.

use std::time::{SystemTime, UNIX_EPOCH};

use turnwire::client::{Client, ConnectError, ForwardProxy, SocketCommand};
use turnwire::connection::{LossReason, ServerConnection};
use turnwire::time::Instant;

/// An event of the socket or the clock.
pub(crate) enum IoEvent<'a> {
    /// The socket is open, to the target or to a proxy that forwards requests to it; or it could not be opened.
    Connected(Result<Option<ForwardProxy>, ConnectError>),
    Input(&'a [u8]),
    /// The peer has ended its bytes in an orderly way.
    Eof,
    /// The socket or its TLS session has failed.
    Lost(LossReason),
    Written(usize),
    Timeout,
    /// The wall clock has moved on, to this time, much further than the clock of the loop.
    ClockJump(SystemTime),
}

/// The methods of a state machine that concern sockets and clocks.
pub(crate) trait StateMachine {
    /// Returns whether an event is queued, or none will ever be.
    fn is_ready(&self) -> bool;
    fn poll_socket(&mut self) -> Option<SocketCommand>;
    fn handle(&mut self, now: Instant, event: IoEvent<'_>);
    fn poll_transmit(&self) -> &[u8];
    fn poll_timeout(&self) -> Option<Instant>;
    fn wants_input(&self) -> bool;
}

macro_rules! state_machine {
    ($machine:ty, $poll_socket:expr, $connected:expr, $clock_jump:expr) => {
        impl StateMachine for $machine {
            fn is_ready(&self) -> bool {
                self.has_event() || self.is_finished()
            }

            fn poll_socket(&mut self) -> Option<SocketCommand> {
                $poll_socket(self)
            }

            fn handle(&mut self, now: Instant, event: IoEvent<'_>) {
                match event {
                    IoEvent::Connected(result) => $connected(self, now, result),
                    IoEvent::Input(bytes) => self.handle_input(now, bytes),
                    IoEvent::Eof => self.handle_eof(now),
                    IoEvent::Lost(reason) => self.handle_lost(now, reason),
                    IoEvent::Written(length) => self.handle_written(now, length),
                    IoEvent::Timeout => self.handle_timeout(now),
                    IoEvent::ClockJump(wall) => $clock_jump(self, now, wall),
                }
            }

            fn poll_transmit(&self) -> &[u8] {
                <$machine>::poll_transmit(self)
            }

            fn poll_timeout(&self) -> Option<Instant> {
                <$machine>::poll_timeout(self)
            }

            fn wants_input(&self) -> bool {
                <$machine>::wants_input(self)
            }
        }
    };
}

state_machine!(
    Client,
    Client::poll_socket,
    |client: &mut Self, now, result| match result {
        Ok(None) => client.handle_connected(now),
        Ok(Some(proxy)) => client.handle_connected_to_proxy(now, proxy),
        Err(error) => client.handle_connect_failed(now, error),
    },
    |client: &mut Self, now, wall: SystemTime| {
        if let Ok(unix) = wall.duration_since(UNIX_EPOCH) {
            client.set_wall_clock(now, unix.as_millis().try_into().unwrap_or(u64::MAX));
        }
        client.handle_clock_jump(now);
    }
);

// An accepted socket is open from the start, and is never connected again.
state_machine!(ServerConnection, |_| None, |_, _, _| {}, |_, _, _| {});
