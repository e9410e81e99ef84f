//! Any stream of tokio as an [`Io`].

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::Dialer;
use turnwire_driver::Io;

use crate::clock::Clock;

/// A stream of any type, which may be open, and tokio's clock: a Unix socket, an in-memory pipe, a tunnel.
///
/// A client opens its streams with a dialer:
///
/// ```
/// use tokio::io::{DuplexStream, duplex};
/// use turnwire::client::{Credentials, InvalidProvider, Provider, Settings};
/// use turnwire_tokio::{StreamClient, StreamClientBuilder, StreamIo};
///
/// fn client() -> Result<StreamClient<DuplexStream>, InvalidProvider> {
///     let io = StreamIo::with_dialer(|target| async move {
///         let (ours, theirs) = duplex(64 * 1024);
///         println!("a pipe instead of a connection to {}", target.host);
///         drop(theirs); // a server would get it
///         Ok(ours)
///     });
///     let provider = Provider::new("pipe", "http://localhost/v1");
///     StreamClientBuilder::new(io).build(provider, Credentials::None, Settings::default())
/// }
/// # client().unwrap();
/// ```
pub struct StreamIo<S> {
    clock: Clock,
    /// `None` for an accepted stream.
    dialer: Option<Dialer<S>>,
    stream: Option<S>,
}

impl<S> StreamIo<S> {
    /// Creates an `Io` without a stream. `dial` opens one for each connection attempt, to the host and port that it gets: those of the
    /// proxy, if one is used. Dropping its future must cancel the attempt.
    pub fn with_dialer<F, D>(dial: D) -> Self
    where
        D: FnMut(ConnectTarget) -> F + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        Self { clock: Clock::new(), dialer: Some(Dialer::new(dial)), stream: None }
    }

    /// Wraps an open stream, for example an accepted one.
    #[must_use]
    pub fn from_stream(stream: S) -> Self {
        Self { clock: Clock::new(), dialer: None, stream: Some(stream) }
    }

    /// Returns the stream, if one is open.
    #[must_use]
    pub const fn get_ref(&self) -> Option<&S> {
        self.stream.as_ref()
    }
}

impl<S: Unpin> StreamIo<S> {
    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io for StreamIo<S> {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let Some(dialer) = &mut self.dialer else {
            let message = "an accepted stream cannot be opened again";
            return Poll::Ready(Err(ConnectError::Network(message.into())));
        };
        let stream = ready!(dialer.poll(cx, target))?;
        self.stream = Some(stream);
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = ReadBuf::new(buffer);
        ready!(self.stream()?.poll_read(cx, &mut filled))?;
        Poll::Ready(Ok(filled.filled().len()))
    }

    /// Flushes what it writes: the stream may be buffered.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.stream()?.poll_write(cx, bytes))?;
        match self.stream()?.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(written)),
        }
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        // A flush that was not complete continues: nothing else polls the stream while there is nothing to write.
        if let Some(stream) = &mut self.stream {
            let _ = Pin::new(stream).poll_flush(cx);
        }
        self.clock.poll_until(cx, until)
    }

    fn disconnect(&mut self) {
        if let Some(dialer) = &mut self.dialer {
            dialer.cancel();
        }
        self.stream = None;
    }
}

impl<S> fmt::Debug for StreamIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamIo").field("open", &self.stream.is_some()).finish_non_exhaustive()
    }
}
