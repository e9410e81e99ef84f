//! Concurrent connection attempts to the addresses of a host.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use sync_wrapper::SyncWrapper;
use turnwire::client::HappyEyeballs;
use turnwire::time::Instant;

/// A lookup or a connection attempt.
type Pending<T> = SyncWrapper<Pin<Box<dyn Future<Output = io::Result<T>> + Send>>>;

/// Concurrent connection attempts to a host's addresses.
///
/// ```
/// use core::future::{Ready, ready};
/// use core::task::{Context, Poll, Waker};
/// use turnwire::time::Instant;
/// use turnwire_connect::HappyEyeballsConnect;
///
/// let addresses = vec!["127.0.0.1:80".parse()?];
/// let mut attempts = HappyEyeballsConnect::new(ready(Ok(addresses)));
/// let mut cx = Context::from_waker(Waker::noop());
/// // `connect` stands for the runtime's, which returns a socket.
/// let connect = |address| -> Ready<std::io::Result<String>> { ready(Ok(format!("connected to {address}"))) };
/// let Poll::Ready(stream) = attempts.poll(&mut cx, Instant::ZERO, connect) else { panic!("not yet") };
/// assert_eq!(stream?, "connected to 127.0.0.1:80");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct HappyEyeballsConnect<S> {
    lookup: Pending<Vec<SocketAddr>>,
    addresses: Option<HappyEyeballs>,
    attempts: Vec<Pending<S>>,
    last_error: Option<io::Error>,
}

impl<S> HappyEyeballsConnect<S> {
    /// Creates the attempts for the addresses that `lookup` returns.
    pub fn new(lookup: impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static) -> Self {
        Self { lookup: SyncWrapper::new(Box::pin(lookup)), addresses: None, attempts: Vec::new(), last_error: None }
    }

    /// Polls all attempts, and starts each attempt that is due with `connect`. Returns the first stream.
    ///
    /// # Errors
    ///
    /// Returns the error of the lookup, or of the last attempt when all have failed, or
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when the host has no address. Do not poll again afterwards.
    pub fn poll<F: Future<Output = io::Result<S>> + Send + 'static>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        mut connect: impl FnMut(SocketAddr) -> F,
    ) -> Poll<io::Result<S>> {
        let addresses = match &mut self.addresses {
            Some(addresses) => addresses,
            None => self.addresses.insert(HappyEyeballs::new(ready!(self.lookup.get_mut().as_mut().poll(cx))?)),
        };
        loop {
            let due = addresses.next_attempt(now);
            if let Some(address) = due {
                self.attempts.push(SyncWrapper::new(Box::pin(connect(address))));
            }
            let (mut at, running) = (0, self.attempts.len());
            while let Some(attempt) = self.attempts.get_mut(at) {
                match attempt.get_mut().as_mut().poll(cx) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.last_error = Some(error);
                        addresses.handle_attempt_failed();
                        drop(self.attempts.swap_remove(at));
                    }
                }
            }
            if addresses.is_exhausted() {
                return Poll::Ready(Err(self
                    .last_error
                    .take()
                    .unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())));
            }
            // No attempt is due, and none failed (a failure makes the next one due).
            if due.is_none() && at == running {
                return Poll::Pending;
            }
        }
    }

    /// Returns the time of the next [`poll`](Self::poll), which is needed even if nothing wakes the task.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.addresses.as_ref().and_then(HappyEyeballs::poll_timeout)
    }

    /// Returns until when a socket waits: until the attempts, if there are any, must be polled again, but no longer than `until`.
    #[must_use]
    pub fn next_poll(attempts: Option<&Self>, until: Option<Instant>) -> Option<Instant> {
        attempts.and_then(Self::poll_timeout).into_iter().chain(until).min()
    }
}

impl<S> core::fmt::Debug for HappyEyeballsConnect<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HappyEyeballsConnect").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
