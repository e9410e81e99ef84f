//! The interface between the I/O loop and a runtime.

use core::task::{Context, Poll};
use std::io;
use std::time::SystemTime;

use turnwire::client::{ConnectError, ConnectTarget, ForwardProxy};
use turnwire::time::Instant;

/// A socket, which may be open, and a clock.
///
/// A method that returns `Pending` wakes the task when calling it again may succeed. No method may block, except
/// [`poll_wait`](Self::poll_wait).
pub trait Io {
    /// Returns the time since an epoch that never changes.
    fn now(&self) -> Instant;

    /// Returns the time of the wall clock. Only a target without `SystemTime::now`, such as a browser, needs its own; an `Io` around
    /// another one passes on what that returns.
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Opens a socket to `target`, with TLS if the target requires it. The loop calls this with the same target until it returns
    /// `Ready`, unless it calls [`disconnect`](Self::disconnect) first.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] when no socket can be opened. No socket is open afterwards; the client decides whether to retry.
    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>>;

    /// Returns the proxy to which the open socket leads, if it leads to an HTTP proxy that forwards requests instead of the target.
    /// That is possible only for a target with neither [`tls`](ConnectTarget::tls) nor [`websocket`](ConnectTarget::websocket). An
    /// `Io` around another one passes on what that returns.
    fn forward_proxy(&self) -> Option<&ForwardProxy> {
        None
    }

    /// Reads into `buffer`. Returns 0 at an orderly end of the input: when the peer has closed its direction, and under TLS only
    /// after its `close_notify`.
    ///
    /// `Pending` means that the socket itself has nothing to read. An `Io` that learns from a reactor that its socket is readable must
    /// not rely on that after its task was away: the reactor may not have run since.
    ///
    /// # Errors
    ///
    /// Returns the socket's error, or a [`LossReason`](turnwire::connection::LossReason) in an [`io::Error`], which is passed on as it
    /// is. The connection is lost, and the loop reads no more.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `bytes`, which are not empty, and returns its length. After `Pending`, the next call passes the same
    /// bytes, possibly followed by more.
    ///
    /// # Errors
    ///
    /// Returns the socket's error, as [`poll_read`](Self::poll_read) does. The loop writes no more, but still reads a response that the
    /// peer has sent. After that the connection is lost, even if the input ends in an orderly way.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Waits, as the last call before the loop returns `Pending`, because nothing else is ready.
    ///
    /// Returns `Ready` when `until` has come (never, if it is `None`), or when the socket itself needs another poll, for example to
    /// start another connection attempt. The loop then starts another round. Without a runtime this method blocks until `until`
    /// or until the socket is ready, and returns `Ready`.
    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()>;

    /// Drops the socket, and a connection attempt that is in progress.
    fn disconnect(&mut self);
}
