//! The seam between the loop and a runtime.

use core::task::{Context, Poll};
use std::io;

use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;

/// A socket that may be open, and a clock.
///
/// A method that returns `Pending` has the task woken when it is worth to call it again. None of them waits for itself, but for
/// [`poll_wait`](Self::poll_wait), which may.
pub trait Io {
    /// The time now, since an epoch that never changes.
    fn now(&self) -> Instant;

    /// Opens a socket to `target`, TLS included where the target wants it. Called until it is ready, with the same target, unless
    /// [`disconnect`](Self::disconnect) comes before.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when it cannot be opened. There is no socket then.
    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>>;

    /// Reads into `buffer`. 0 is the end of the bytes.
    ///
    /// # Errors
    ///
    /// The socket's own. Nothing is read any more.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `bytes`, which are not empty. After `Pending`, the next call brings the same bytes, or more behind them.
    ///
    /// # Errors
    ///
    /// The socket's own. Nothing is written any more.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// The last call before the loop gives up its turn, because nothing else is ready: `Ready` when `until` has come, and without
    /// it never; or when it is time for something of the socket's own, such as another attempt to connect: then the loop looks
    /// again. Where there is no runtime, this is the place to block until `until`, or until something is ready; then it is
    /// `Ready`, too.
    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()>;

    /// Drops the socket, open or not.
    fn disconnect(&mut self);
}
