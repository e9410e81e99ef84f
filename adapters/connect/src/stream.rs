//! A byte stream of any runtime as an [`Io`].

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_driver::Io;

use crate::dialer::Dialer;

/// What a [`StreamIo`] needs of a runtime: a clock with one timer, and the way to read and write streams of type `S`.
pub trait StreamRuntime<S>: Default {
    /// Returns the time since an epoch that never changes.
    fn now(&self) -> Instant;

    /// Returns `Ready` when `until` has come. `None` never comes. A call replaces the time of the last one.
    fn poll_until(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()>;

    /// Reads into `buffer`, as [`Io::poll_read`] does.
    ///
    /// # Errors
    ///
    /// Returns the error of the stream, which is lost.
    fn poll_read(stream: Pin<&mut S>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `bytes` and returns its length, as [`Io::poll_write`] does.
    ///
    /// # Errors
    ///
    /// Returns the error of the stream, which accepts no more bytes.
    fn poll_write(stream: Pin<&mut S>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Passes on the bytes that the stream keeps in a buffer of its own.
    ///
    /// # Errors
    ///
    /// Returns the error of the stream, which accepts no more bytes.
    fn poll_flush(stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A stream of type `S`, which may be open, and the clock of the runtime `R`. The adapters name it with their own runtime.
pub struct StreamIo<S, R> {
    runtime: R,
    /// `None` for an accepted stream.
    dialer: Option<Dialer<S>>,
    stream: Option<S>,
}

impl<S, R: Default> StreamIo<S, R> {
    /// Creates an `Io` without a stream. `dial` opens one for each connection attempt, to the host and port that it gets: those of the
    /// proxy, if one is used. Dropping its future must cancel the attempt.
    pub fn with_dialer<F, D>(dial: D) -> Self
    where
        D: FnMut(ConnectTarget) -> F + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        Self { runtime: R::default(), dialer: Some(Dialer::new(dial)), stream: None }
    }

    /// Wraps an open stream, for example an accepted one.
    #[must_use]
    pub fn from_stream(stream: S) -> Self {
        Self { runtime: R::default(), dialer: None, stream: Some(stream) }
    }

    /// Returns the stream, if one is open.
    #[must_use]
    pub const fn get_ref(&self) -> Option<&S> {
        self.stream.as_ref()
    }
}

impl<S: Unpin, R> StreamIo<S, R> {
    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: Unpin, R: StreamRuntime<S>> Io for StreamIo<S, R> {
    fn now(&self) -> Instant {
        self.runtime.now()
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
        R::poll_read(self.stream()?, cx, buffer)
    }

    /// Flushes what it writes: the stream may be buffered.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(R::poll_write(self.stream()?, cx, bytes))?;
        match R::poll_flush(self.stream()?, cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(written)),
        }
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        // A flush that was not complete continues: nothing else polls the stream while there is nothing to write.
        if let Some(stream) = &mut self.stream {
            let _ = R::poll_flush(Pin::new(stream), cx);
        }
        self.runtime.poll_until(cx, until)
    }

    fn disconnect(&mut self) {
        if let Some(dialer) = &mut self.dialer {
            dialer.cancel();
        }
        self.stream = None;
    }
}

impl<S, R> fmt::Debug for StreamIo<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamIo").field("open", &self.stream.is_some()).finish_non_exhaustive()
    }
}
