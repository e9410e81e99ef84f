//! The socket of a scripted server's connection: it is cut where the script says, and limits the input that all connections hold.

use core::future::Future as _;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use socket2::SockRef;
use tokio::time::{Sleep, sleep};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_driver::Io;
use turnwire_tokio::TcpIo;

/// Where the output of a connection is cut, and how many bytes of input it holds. Shared by the socket and the task.
#[derive(Debug)]
pub(super) struct Faults {
    /// The number of bytes that were written.
    written: AtomicU64,
    /// The number of bytes after which the socket is cut.
    limit: AtomicU64,
    /// Whether to cut with a reset.
    reset: AtomicBool,
    /// The bytes of a head that are sent one by one: from this one, to this one, with this pause in milliseconds.
    slow: [AtomicU64; 3],
    /// The number of bytes that the incomplete request may take: those that were read since the last event.
    held: AtomicUsize,
    /// How many bytes one byte of input may become by inflating.
    inflates_to: AtomicUsize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            written: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            reset: AtomicBool::new(false),
            slow: [const { AtomicU64::new(0) }; 3],
            held: AtomicUsize::new(0),
            inflates_to: AtomicUsize::new(1),
        }
    }
}

impl Faults {
    /// Cuts the socket `at` bytes after the `unsent` bytes that wait to be written.
    pub(super) fn cut_after(&self, unsent: usize, at: u64, reset: bool) {
        let begin = self.written.load(Ordering::Relaxed).saturating_add(unsent as u64);
        self.limit.store(begin.saturating_add(at), Ordering::Relaxed);
        self.reset.store(reset, Ordering::Relaxed);
    }

    /// Cuts the socket at the latest after the `unsent` bytes that wait to be written. Returns whether that is now.
    pub(super) fn cut_at_end(&self, unsent: usize) -> bool {
        let written = self.written.load(Ordering::Relaxed);
        let end = written.saturating_add(unsent as u64);
        self.limit.fetch_min(end, Ordering::Relaxed).min(end) <= written
    }

    /// Sends a head byte by byte: that which begins `before` bytes after the first of the bytes that wait to be written.
    pub(super) fn slow_head(&self, unsent: &[u8], before: usize, pause: Duration) {
        let head = unsent.get(before..).unwrap_or_default();
        let length = head.windows(4).position(|end| end == b"\r\n\r\n").map_or(head.len(), |at| at + 4);
        let from = self.written.load(Ordering::Relaxed).saturating_add(before as u64);
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        for (slot, value) in self.slow.iter().zip([from, from.saturating_add(length as u64), pause]) {
            slot.store(value, Ordering::Relaxed);
        }
    }

    /// Returns how many bytes may be written at once, and the pause after them.
    fn at_once(&self) -> (u64, Option<Duration>) {
        let [from, to, pause] = [0, 1, 2].map(|at: usize| self.slow[at].load(Ordering::Relaxed));
        let written = self.written.load(Ordering::Relaxed);
        if written >= to {
            (u64::MAX, None)
        } else if written < from {
            (from - written, None)
        } else {
            (1, Some(Duration::from_millis(pause)))
        }
    }

    /// Counts each byte of input as `factor` bytes from here on.
    pub(super) fn inflates_to(&self, factor: usize) {
        self.inflates_to.store(factor, Ordering::Relaxed);
    }

    /// Returns the memory that a read may take.
    fn weight(&self, length: usize) -> usize {
        let factor = if length > SMALL_READ { self.inflates_to.load(Ordering::Relaxed) } else { 1 };
        length.saturating_mul(factor)
    }

    fn left(&self) -> u64 {
        self.limit.load(Ordering::Relaxed).saturating_sub(self.written.load(Ordering::Relaxed))
    }
}

/// The memory for requests that are not complete, of all connections.
#[derive(Debug)]
pub(super) struct InputBudget {
    held: AtomicUsize,
    max: usize,
    /// The maximum size of one request.
    max_request: usize,
}

/// The part of a request that a connection may hold in any case.
const FREE: usize = 64 * 1024;

/// The number of bytes up to which a read counts as it is, though messages are inflated: a ping, not a part of a message.
const SMALL_READ: usize = 32;

impl InputBudget {
    pub(super) const fn new(max: usize, max_request: usize) -> Self {
        Self { held: AtomicUsize::new(0), max, max_request }
    }

    /// What `held` bytes of one connection take of the budget.
    const fn cost(held: usize) -> usize {
        held.saturating_sub(FREE)
    }

    /// Takes the memory of further bytes of a connection. Returns whether there is enough.
    fn grow(&self, held: usize, more: usize) -> bool {
        // Control frames are counted too, so that the count may exceed the size of a request.
        if held.saturating_add(more) > self.max_request.saturating_mul(2).saturating_add(FREE) {
            return false;
        }
        let cost = Self::cost(held + more) - Self::cost(held);
        let total = self.held.fetch_add(cost, Ordering::Relaxed).saturating_add(cost);
        if cost > 0 && total > self.max {
            self.held.fetch_sub(cost, Ordering::Relaxed);
            return false;
        }
        true
    }

    fn release(&self, held: usize) {
        self.held.fetch_sub(Self::cost(held), Ordering::Relaxed);
    }
}

/// A socket of tokio with [`Faults`], under the [`InputBudget`].
#[derive(Debug)]
pub(super) struct ServeIo {
    io: TcpIo,
    faults: Arc<Faults>,
    budget: Arc<InputBudget>,
    /// The pause before the next byte of a slow head.
    pause: Option<Pin<Box<Sleep>>>,
}

impl ServeIo {
    pub(super) const fn new(io: TcpIo, faults: Arc<Faults>, budget: Arc<InputBudget>) -> Self {
        Self { io, faults, budget, pause: None }
    }

    /// Returns the memory of the request that is complete now.
    pub(super) fn request_is_complete(faults: &Faults, budget: &InputBudget) {
        budget.release(faults.held.swap(0, Ordering::Relaxed));
    }

    fn cut(&mut self) -> io::Error {
        self.disconnect();
        io::Error::new(io::ErrorKind::ConnectionReset, "the script cuts the connection")
    }
}

impl Io for ServeIo {
    fn now(&self) -> Instant {
        self.io.now()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        self.io.poll_connect(cx, target)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.io.poll_read(cx, buffer);
        if let Poll::Ready(Ok(length)) = read {
            let (held, more) = (self.faults.held.load(Ordering::Relaxed), self.faults.weight(length));
            if !self.budget.grow(held, more) {
                let words = "the server's memory for incomplete requests is used up";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::OutOfMemory, words)));
            }
            self.faults.held.store(held + more, Ordering::Relaxed);
        }
        read
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.faults.left();
        if left == 0 {
            return Poll::Ready(Err(self.cut()));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let (at_once, pause) = self.faults.at_once();
        let length = usize::try_from(left.min(at_once)).unwrap_or(usize::MAX).min(bytes.len());
        let wrote = self.io.poll_write(cx, &bytes[..length]);
        if let Poll::Ready(Ok(length)) = wrote {
            self.faults.written.fetch_add(length as u64, Ordering::Relaxed);
            self.pause = pause.map(|pause| Box::pin(sleep(pause)));
            if self.faults.left() == 0 {
                self.disconnect();
            }
        }
        wrote
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.io.poll_wait(cx, until)
    }

    fn disconnect(&mut self) {
        if let Some(stream) = self.io.get_ref()
            && self.faults.reset.load(Ordering::Relaxed)
            && self.faults.left() == 0
        {
            // Without this option, the peer sees an orderly end.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.io.disconnect();
    }
}

impl Drop for ServeIo {
    fn drop(&mut self) {
        Self::request_is_complete(&self.faults, &self.budget);
        self.disconnect();
    }
}

#[cfg(test)]
mod tests {
    use super::{FREE, InputBudget};

    #[test]
    fn the_budget_counts_what_exceeds_the_free_part_of_each_connection() {
        let budget = InputBudget::new(100, 1000);
        assert!(budget.grow(0, FREE));
        assert!(budget.grow(FREE, 100));
        assert!(!budget.grow(FREE + 100, 1), "one byte more than the limit");
        assert!(budget.grow(0, FREE), "another connection has its own free part");
        budget.release(FREE + 100);
        assert!(budget.grow(FREE, 100));
    }
}
