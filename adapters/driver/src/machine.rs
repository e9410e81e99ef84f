//! What the loop needs of a machine, whichever end it is.

use turnwire::client::{Client, ConnectError, SocketCommand};
use turnwire::connection::ServerConnection;
use turnwire::time::Instant;

/// What the world tells a machine.
pub(crate) enum News<'a> {
    Connected(Result<(), ConnectError>),
    Input(&'a [u8]),
    Eof,
    Written(usize),
    Timeout,
}

/// A machine: the part of its vocabulary that concerns sockets and clocks.
pub(crate) trait Machine {
    /// Whether there is an event to be polled, or never will be.
    fn is_ready(&self) -> bool;
    fn dial(&mut self) -> Option<SocketCommand>;
    fn tell(&mut self, now: Instant, news: News<'_>);
    fn transmit(&self) -> &[u8];
    fn deadline(&self) -> Option<Instant>;
    fn reads(&self) -> bool;
}

macro_rules! machine {
    ($machine:ty, $dial:expr, $connected:expr) => {
        impl Machine for $machine {
            fn is_ready(&self) -> bool {
                self.has_event() || self.is_finished()
            }

            fn dial(&mut self) -> Option<SocketCommand> {
                $dial(self)
            }

            fn tell(&mut self, now: Instant, news: News<'_>) {
                match news {
                    News::Connected(result) => $connected(self, now, result),
                    News::Input(bytes) => self.handle_input(now, bytes),
                    News::Eof => self.handle_eof(now),
                    News::Written(length) => self.handle_written(now, length),
                    News::Timeout => self.handle_timeout(now),
                }
            }

            fn transmit(&self) -> &[u8] {
                self.poll_transmit()
            }

            fn deadline(&self) -> Option<Instant> {
                self.poll_timeout()
            }

            fn reads(&self) -> bool {
                self.wants_input()
            }
        }
    };
}

machine!(Client, Self::poll_socket, |client: &mut Self, now, result| match result {
    Ok(()) => client.handle_connected(now),
    Err(why) => client.handle_connect_failed(now, why),
});

// What was accepted is open, and is never dialed again.
machine!(ServerConnection, |_| None, |_, _, _| {});
