//! A TCP socket of tokio as an [`Io`].

use core::future::Future as _;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{self, TcpStream};
use tokio::time::{self, Sleep};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::HappyEyeballsConnect;
use turnwire_driver::Io;

/// A TCP socket, which may be open, and tokio's clock.
pub struct TcpIo {
    epoch: time::Instant,
    race: Option<HappyEyeballsConnect<TcpStream>>,
    stream: Option<TcpStream>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl TcpIo {
    /// Creates an `Io` without a socket.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: time::Instant::now(), race: None, stream: None, sleep: None }
    }

    /// Wraps an open socket, for example an accepted one. Disables Nagle's algorithm, because every write is a whole message.
    #[must_use]
    pub fn from_stream(stream: TcpStream) -> Self {
        // The socket works without this option, only slower.
        let _ = stream.set_nodelay(true);
        Self { stream: Some(stream), ..Self::new() }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

async fn lookup(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(net::lookup_host((host, port)).await?.collect())
}

impl Io for TcpIo {
    fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let now = self.now();
        let race = self.race.get_or_insert_with(|| HappyEyeballsConnect::new(lookup(target.host.clone(), target.port)));
        let result = ready!(race.poll(cx, now, TcpStream::connect));
        self.race = None;
        let stream = result.map_err(|error| ConnectError::Network(error.to_string()))?;
        let _ = stream.set_nodelay(true);
        self.stream = Some(stream);
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(self.stream()?.poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        let until = self.race.as_ref().and_then(HappyEyeballsConnect::poll_timeout).into_iter().chain(until).min();
        // The clock cannot represent this deadline, so it never expires.
        let Some(until) = until.and_then(|until| self.epoch.checked_add(until.as_duration())) else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
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

impl core::fmt::Debug for TcpIo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TcpIo").field("stream", &self.stream).finish_non_exhaustive()
    }
}
