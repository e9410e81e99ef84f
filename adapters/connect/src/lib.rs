//! Connects to whichever of a host's addresses answers first (RFC 8305), on any runtime.
//!
//! [`HappyEyeballs`] decides which address is tried when. This is what the adapters have around it: a lookup, and the attempts that are
//! under way. It names no runtime and spawns nothing; dropping it drops every attempt.
#![forbid(unsafe_code)]

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use turnwire::client::HappyEyeballs;
use turnwire::time::Instant;

/// What is waited for.
type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + Sync>>;

/// A host's addresses, racing for a stream.
pub struct HappyEyeballsConnect<S> {
    lookup: Pending<Vec<SocketAddr>>,
    addresses: Option<HappyEyeballs>,
    attempts: Vec<Pending<S>>,
    last: Option<io::Error>,
}

impl<S> HappyEyeballsConnect<S> {
    /// A race between the addresses that this finds.
    pub fn new(lookup: impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + Sync + 'static) -> Self {
        Self { lookup: Box::pin(lookup), addresses: None, attempts: Vec::new(), last: None }
    }

    /// Looks how far the race is, and begins each attempt that is due with `connect`.
    ///
    /// # Errors
    ///
    /// That of the lookup, or of the attempt that failed last; [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when there was
    /// no address.
    pub fn poll<F: Future<Output = io::Result<S>> + Send + Sync + 'static>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        mut connect: impl FnMut(SocketAddr) -> F,
    ) -> Poll<io::Result<S>> {
        let addresses = match &mut self.addresses {
            Some(addresses) => addresses,
            None => self.addresses.insert(HappyEyeballs::new(ready!(self.lookup.as_mut().poll(cx))?)),
        };
        loop {
            let due = addresses.next_attempt(now);
            if let Some(address) = due {
                self.attempts.push(Box::pin(connect(address)));
            }
            let (mut at, running) = (0, self.attempts.len());
            while let Some(attempt) = self.attempts.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.last = Some(error);
                        addresses.handle_attempt_failed();
                        drop(self.attempts.swap_remove(at));
                    }
                }
            }
            if addresses.is_exhausted() {
                return Poll::Ready(Err(self.last.take().unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())));
            }
            // None is due, and none failed, which would make the next one due.
            if due.is_none() && at == running {
                return Poll::Pending;
            }
        }
    }

    /// When to look again, whoever wakes the task or not.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.addresses.as_ref().and_then(HappyEyeballs::poll_timeout)
    }
}

impl<S> core::fmt::Debug for HappyEyeballsConnect<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Race").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
