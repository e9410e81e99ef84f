//! Any stream of tokio as an [`Io`](turnwire_driver::Io).

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turnwire::time::Instant;
use turnwire_connect::StreamRuntime;

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
pub type StreamIo<S> = turnwire_connect::StreamIo<S, Clock>;

impl<S: AsyncRead + AsyncWrite> StreamRuntime<S> for Clock {
    fn now(&self) -> Instant {
        self.now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.poll_until(cx, until)
    }

    fn poll_read(stream: Pin<&mut S>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = ReadBuf::new(buffer);
        ready!(stream.poll_read(cx, &mut filled))?;
        Poll::Ready(Ok(filled.filled().len()))
    }

    fn poll_write(stream: Pin<&mut S>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        stream.poll_write(cx, bytes)
    }

    fn poll_flush(stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        stream.poll_flush(cx)
    }
}
