//! The end of a server: the signals that begin it, and how its connections learn of it.

use core::future::pending;
use core::time::Duration;
use std::io;

use tokio::sync::watch;

/// The time that connections are told at first. The server itself knows when it is over.
const UNLIMITED: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Tells the connections of a server that it ends.
#[derive(Debug)]
pub(super) struct Endings(watch::Sender<Option<Duration>>);

impl Default for Endings {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Endings {
    /// Returns what a new connection learns of it. Dropping it means that the connection has ended.
    pub(super) fn subscribe(&self) -> Ending {
        Ending(Some(self.0.subscribe()))
    }

    /// Lets the connections take no further request, and end after the responses in progress.
    pub(super) fn begin(&self) {
        self.0.send_replace(Some(UNLIMITED));
    }

    /// Lets the connections end now.
    pub(super) fn close(&self) {
        self.0.send_replace(Some(Duration::ZERO));
    }

    /// Waits until all connections have ended.
    pub(super) async fn all_ended(&self) {
        self.0.closed().await;
    }
}

/// What a connection learns of the end of its server.
#[derive(Debug)]
pub(super) struct Ending(Option<watch::Receiver<Option<Duration>>>);

impl Ending {
    /// That of a connection whose server does not end before it.
    pub(super) const fn never() -> Self {
        Self(None)
    }

    /// Waits until the server ends, or until the time that it leaves changes. Returns the time that the responses in progress have.
    pub(super) async fn begins(&mut self) -> Duration {
        if let Some(told) = &mut self.0
            && told.changed().await.is_ok()
            && let Some(within) = *told.borrow_and_update()
        {
            return within;
        }
        pending().await
    }
}

/// The signals that end the command: Ctrl-C, and on Unix SIGTERM. Once this value exists, they do not end the process by themselves.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 2],
}

impl Signals {
    /// # Errors
    ///
    /// Returns an error when the operating system refuses.
    #[cfg(unix)]
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { streams: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    /// # Errors
    ///
    /// None.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(super) const fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            pending().await
        }
    }
}
