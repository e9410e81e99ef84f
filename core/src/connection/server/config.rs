//! Limits and deadlines of a server's connection.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::super::config::{self, IdleActivity, RoleConfig};
use crate::{http, ws};

/// The configuration of a [`ServerConnection`](super::ServerConnection).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of request heads.
    pub head_limits: http::HeadLimits,
    /// Limits of chunk headers and trailers.
    pub body_limits: http::BodyLimits,
    /// Maximum size in bytes of a request's body. Default: 64 MiB.
    pub max_body: usize,
    /// Whether the head of a request with a body is delivered before the body is read, as
    /// [`Event::Head`](super::Event::Head), so that the request can be rejected by its head. Default: `false`.
    pub announce_heads: bool,
    /// Limits of WebSocket messages.
    pub message_limits: ws::Limits,
    /// The offers of permessage-deflate to accept. Default: `None`, which means none.
    pub deflate_policy: Option<ws::deflate::ServerPolicy>,
    /// Memory of compressors that the connections of a server share. Default: `None`, which means that each allocates its own.
    pub deflate_pool: Option<ws::deflate::SharedPool>,
    /// The WebSocket subprotocols of the server, in order of preference: the first one that a client requests is selected. Default:
    /// none. A browser that requests subprotocols closes a WebSocket for which none is selected.
    pub subprotocols: Vec<String>,
    /// The interval of pings on a WebSocket, with a jitter of a tenth. Default: `None`, which means no pings.
    pub ping_interval: Option<Duration>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// The size in bytes of unpolled events from which on `wants_input` returns `false`. Default: 1 MiB.
    pub max_backlog: usize,
    /// The number of bytes waiting to be written above which no input is wanted, and no further request is delivered.
    /// Default: 1 MiB.
    pub max_send_backlog: usize,
}

/// The durations after which a server's connection closes with
/// [`CloseReason::Timeout`](crate::connection::CloseReason::Timeout). `None` means no limit.
///
/// The deadlines that concern the peer's bytes do not run while `wants_input` returns `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a request to the end of its head. Default: 30 s. The server responds with 408.
    pub head: Option<Duration>,
    /// The period in which at least [`min_rate`](Self::min_rate) bytes for each of its seconds must come, while a
    /// request's body or a WebSocket message is incomplete. Default: 60 s. The server responds with 408, or closes the
    /// WebSocket with code 1001.
    pub body: Option<Duration>,
    /// On HTTP, from the connection's start or from the end of a response to the first byte of the next request.
    /// Default: 120 s.
    pub idle: Option<Duration>,
    /// On a WebSocket, between two reads of bytes, while no request is in flight. Default: 1 h.
    pub websocket_idle: Option<Duration>,
    /// Between two control frames of the peer, on an open WebSocket. Default: no limit. Together with
    /// [`ping_interval`](Config::ping_interval), it detects a peer that does not respond.
    pub control: Option<Duration>,
    /// The period in which the peer must read, while bytes are waiting to be written: all of them, or
    /// [`min_rate`](Self::min_rate) bytes for each second of the period. Default: 60 s.
    pub write: Option<Duration>,
    /// The least rate in bytes per second at which the peer must read, and send what it has begun. Default: 1024. With
    /// 0, any byte counts.
    pub min_rate: u32,
    /// From this end's close frame to that of the peer. Default: 1 s. It also limits the time to write the last bytes.
    pub close: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head_limits: http::HeadLimits::default(),
            body_limits: http::BodyLimits::default(),
            max_body: 64 * 1024 * 1024,
            announce_heads: false,
            message_limits: ws::Limits::default(),
            deflate_policy: None,
            deflate_pool: None,
            subprotocols: Vec::new(),
            ping_interval: None,
            timeouts: Timeouts::default(),
            max_backlog: 1024 * 1024,
            max_send_backlog: 1024 * 1024,
        }
    }
}

impl Config {
    /// Creates the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl RoleConfig for Config {
    fn timeouts(&self) -> config::Timeouts {
        let Timeouts { head, body, idle, websocket_idle, control, write, min_rate, close } = self.timeouts;
        config::Timeouts {
            head,
            body,
            idle: None,
            request: idle,
            websocket_idle,
            progress: None,
            bytes: None,
            control,
            write,
            min_rate,
            close,
            activity: IdleActivity::Events,
        }
    }

    fn ping_interval(&self) -> Option<Duration> {
        self.ping_interval
    }

    fn max_send_backlog(&self) -> usize {
        self.max_send_backlog
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Some(Duration::from_secs(30)),
            body: Some(Duration::from_secs(60)),
            idle: Some(Duration::from_secs(120)),
            websocket_idle: Some(Duration::from_secs(3600)),
            control: None,
            write: Some(Duration::from_secs(60)),
            min_rate: config::MIN_RATE,
            close: Duration::from_secs(1),
        }
    }
}
