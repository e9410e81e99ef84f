//! Any stream of futures-io as an [`Io`](turnwire_driver::Io).

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures_io::{AsyncRead, AsyncWrite};
use turnwire::time::Instant;
use turnwire_connect::StreamRuntime;

use crate::clock::Clock;

/// A stream of any type that implements the traits of futures-io, which may be open, and the system's monotonic clock: async-std's own
/// `TcpStream`, a Unix socket, an in-memory pipe, a tunnel.
///
/// A client opens its streams with a dialer:
///
/// ```
/// use async_std::net::TcpStream;
/// use turnwire::client::{Credentials, InvalidProvider, Provider, Settings};
/// use turnwire_async_std::{StreamClient, StreamClientBuilder, StreamIo};
///
/// /// Creates a client over the sockets of async-std.
/// fn client() -> Result<StreamClient<TcpStream>, InvalidProvider> {
///     let io = StreamIo::with_dialer(|target| async move {
///         TcpStream::connect((target.host.as_str(), target.port)).await
///     });
///     StreamClientBuilder::new(io).build(Provider::openai(), Credentials::bearer("key"), Settings::default())
/// }
/// # client().unwrap();
/// ```
pub type StreamIo<S> = turnwire_connect::StreamIo<S, Clock>;

impl<S: AsyncRead + AsyncWrite> StreamRuntime<S> for Clock {
    fn now(&self) -> Instant {
        self.now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.poll_until(cx, until)
    }

    fn poll_read(stream: Pin<&mut S>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        stream.poll_read(cx, buffer)
    }

    fn poll_write(stream: Pin<&mut S>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        stream.poll_write(cx, bytes)
    }

    fn poll_flush(stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        stream.poll_flush(cx)
    }
}
