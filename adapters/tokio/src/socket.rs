//! A tokio socket as an [`Io`].

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{self, Sleep};
use turnwire::client::{ConnectFailed, Target};
use turnwire::time::Instant;
use turnwire_driver::Io;

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send + Sync>>;

/// A TCP socket, if one is open, and tokio's clock.
pub struct Socket {
    epoch: time::Instant,
    connecting: Option<Connecting>,
    stream: Option<TcpStream>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// No socket yet.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: time::Instant::now(), connecting: None, stream: None, sleep: None }
    }

    /// An open socket, accepted or dialed elsewhere. Nagle's algorithm is switched off: every write is a whole message.
    #[must_use]
    pub fn open(stream: TcpStream) -> Self {
        // A socket for which this cannot be done is no worse than before.
        let _ = stream.set_nodelay(true);
        Self { stream: Some(stream), ..Self::new() }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Io for Socket {
    fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &Target) -> Poll<Result<(), ConnectFailed>> {
        let connecting = self.connecting.get_or_insert_with(|| {
            let place = (target.host.clone(), target.port);
            // Each address of the name is tried in turn.
            Box::pin(async move { TcpStream::connect((place.0.as_str(), place.1)).await })
        });
        let result = ready!(connecting.as_mut().poll(cx));
        self.connecting = None;
        let stream = result.map_err(|error| ConnectFailed::Network(error.to_string()))?;
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
        // A moment that the clock cannot name never comes.
        let Some(until) = until.and_then(|until| self.epoch.checked_add(until.as_duration())) else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }

    fn hang_up(&mut self) {
        self.connecting = None;
        self.stream = None;
    }
}

impl Default for Socket {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Socket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}
