//! The common parts of the configurations of both roles.

use core::fmt;
use core::time::Duration;

/// The activity that restarts the idle deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdleActivity {
    /// Whole events only, so that keep-alives of a proxy do not hide a server that has stopped responding.
    #[default]
    Events,
    /// Any bytes: comments, pings, parts of events.
    Bytes,
}

/// A deadline of a connection. Its `Display` form is the name of the timeout, such as `idle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// The head of a request or of a response was not complete in time.
    Head,
    /// The body of a request, or a WebSocket message, came more slowly than the least rate. Servers only.
    Body,
    /// A client received no event, or a server no request.
    Idle,
    /// No event counted as progress of its response. Clients only.
    Progress,
    /// No bytes came while a response was pending. Clients only.
    Bytes,
    /// No control frame came on a WebSocket.
    Control,
    /// The peer read more slowly than the least rate.
    Write,
    /// The peer did not close in time, or did not read the last bytes.
    Close,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "head",
            Self::Body => "body",
            Self::Idle => "idle",
            Self::Progress => "progress",
            Self::Bytes => "byte",
            Self::Control => "control frame",
            Self::Write => "write",
            Self::Close => "close",
        })
    }
}

/// The least rate in bytes per second at which a peer must read, or send what it has begun.
pub(super) const MIN_RATE: u32 = 1024;

/// The common interface of both configurations.
pub(super) trait RoleConfig {
    fn timeouts(&self) -> Timeouts;
    fn ping_interval(&self) -> Option<Duration>;
    fn max_send_backlog(&self) -> usize;
}

/// The durations of all deadlines, of either role. `None` means no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) head: Option<Duration>,
    pub(super) body: Option<Duration>,
    /// Client: between two events.
    pub(super) idle: Option<Duration>,
    /// Server: until the next request, on HTTP.
    pub(super) request: Option<Duration>,
    /// Server: between two reads, on a WebSocket.
    pub(super) websocket_idle: Option<Duration>,
    pub(super) progress: Option<Duration>,
    pub(super) bytes: Option<Duration>,
    pub(super) control: Option<Duration>,
    pub(super) write: Option<Duration>,
    pub(super) min_rate: u32,
    pub(super) close: Duration,
    pub(super) activity: IdleActivity,
}

impl Timeouts {
    /// Returns the number of bytes that a peer must read in each period of [`write`](Self::write).
    pub(super) fn write_quota(&self) -> usize {
        quota(self.min_rate, self.write)
    }

    /// Returns the number of bytes that a peer must send in each period of [`body`](Self::body) while a body or message
    /// is incomplete.
    pub(super) fn body_quota(&self) -> usize {
        quota(self.min_rate, self.body)
    }
}

/// `rate` bytes for each second of `period`, and at least one.
fn quota(rate: u32, period: Option<Duration>) -> usize {
    let millis = period.unwrap_or_default().as_millis();
    usize::try_from(millis.saturating_mul(rate.into()) / 1000).unwrap_or(usize::MAX).max(1)
}
