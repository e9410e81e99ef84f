//! A TCP socket of async-io as an [`Io`].

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};

use async_io::Async;
use futures_io::{AsyncRead as _, AsyncWrite as _};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::{HappyEyeballsConnect, set_tcp_options};
use turnwire_driver::Io;

use crate::clock::Clock;

type Stream = Async<TcpStream>;

/// A TCP socket, which may be open, and the system's monotonic clock.
///
/// ```
/// use turnwire_driver::Io as _;
/// use turnwire_async_std::TcpIo;
///
/// let io = TcpIo::new();
/// assert!(io.now() <= io.now());
/// ```
#[derive(Debug)]
pub struct TcpIo {
    clock: Clock,
    /// In a box: it exists only while a socket is being opened.
    race: Option<Box<HappyEyeballsConnect<Stream>>>,
    stream: Option<Stream>,
}

impl TcpIo {
    /// Creates an `Io` without a socket.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: Clock::default(), race: None, stream: None }
    }

    /// Wraps an open socket, for example an accepted one. Sets the options of [`set_tcp_options`].
    #[must_use]
    pub fn from_stream(stream: Stream) -> Self {
        set_tcp_options(stream.get_ref());
        Self { stream: Some(stream), ..Self::new() }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// Looks up a name on a thread of the `blocking` pool, because the system call blocks.
async fn lookup(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    blocking::unblock(move || Ok((host, port).to_socket_addrs()?.collect())).await
}

impl Io for TcpIo {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let now = self.now();
        let race = self
            .race
            .get_or_insert_with(|| Box::new(HappyEyeballsConnect::new(lookup(target.host.clone(), target.port))));
        let result = ready!(race.poll(cx, now, Stream::connect));
        self.race = None;
        let stream = result.map_err(|error| ConnectError::Network(error.to_string()))?;
        set_tcp_options(stream.get_ref());
        self.stream = Some(stream);
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_read(cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.clock.poll_until(cx, HappyEyeballsConnect::next_poll(self.race.as_deref(), until))
    }

    fn disconnect(&mut self) {
        self.race = None;
        self.stream = None;
    }
}

impl Default for TcpIo {
    fn default() -> Self {
        Self::new()
    }
}
