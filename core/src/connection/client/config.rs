//! Limits and deadlines of a client's connection.

use alloc::string::String;
use core::time::Duration;

use super::super::config::{self, IdleActivity, RoleConfig};
use crate::{http, sse, ws};

/// The configuration of a [`ClientConnection`](super::ClientConnection).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The value of the `Host` header: a host, and a port unless it is the default port of the scheme.
    pub authority: String,
    /// Limits of response heads.
    pub head_limits: http::HeadLimits,
    /// Maximum number of interim (1xx) responses before the final response. Default: 16.
    pub max_interim_responses: u32,
    /// Limits of chunk headers and trailers.
    pub body_limits: http::BodyLimits,
    /// Maximum size in bytes of a body that is collected whole. Default: 64 MiB.
    pub max_body: usize,
    /// Maximum size in bytes of the body of an error response; a longer body is truncated. Default: 1 MiB.
    pub max_error_body: usize,
    /// Limits for decoding response bodies with the coding `gzip`. Default: `None`, which means that such a body is
    /// rejected with [`ContentCoding`](http::Error::ContentCoding). A request asks for `gzip` only by its own
    /// `Accept-Encoding` header.
    #[cfg(feature = "gzip")]
    pub gzip: Option<http::gzip::Limits>,
    /// Limits of event streams. By default, the data of one event may be as long as a WebSocket message.
    pub event_stream_limits: sse::Limits,
    /// Limits of WebSocket messages.
    pub message_limits: ws::Limits,
    /// The parameters of permessage-deflate to offer; `None` means no offer.
    pub deflate_offer: Option<ws::deflate::Offer>,
    /// Memory of compressors that the connections of a process share. Default: `None`, which means that each allocates its own.
    pub deflate_pool: Option<ws::deflate::SharedPool>,
    /// The interval of pings on a WebSocket, with a jitter of a tenth. Default: `None`, which means no pings.
    pub ping_interval: Option<Duration>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// The size in bytes of unpolled events from which on `wants_input` returns `false`. Default: 1 MiB.
    pub max_backlog: usize,
    /// The number of bytes waiting to be written above which a WebSocket connection wants no input. Default: 64 MiB.
    /// It does not apply to HTTP, where a response may come before its request is written.
    pub max_send_backlog: usize,
}

/// The durations after which a client's connection closes with
/// [`CloseReason::Timeout`](crate::connection::CloseReason::Timeout). `None` means no limit.
///
/// The deadlines that concern the peer's bytes do not run while `wants_input` returns `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From a request or a handshake to the end of the response's head. Default: 300 s.
    pub head: Option<Duration>,
    /// From one event of a response to the next. Default: 300 s.
    pub idle: Option<Duration>,
    /// From one event that counts as progress to the next, while a response is pending. Default: no limit. The start of
    /// a response, its output and its end count; rate limits, metadata and other informational events do not.
    pub progress: Option<Duration>,
    /// Between two reads of bytes, while a response is pending. Default: no limit.
    pub bytes: Option<Duration>,
    /// Between two control frames of the peer, on an open WebSocket, even while no response is pending. Default: no
    /// limit. Together with [`ping_interval`](Config::ping_interval), it detects a peer that does not respond. HTTP has
    /// no control frames; comments of an event stream count as bytes.
    pub control: Option<Duration>,
    /// The period in which the peer must read, while bytes are waiting to be written: all of them, or
    /// [`min_rate`](Self::min_rate) bytes for each second of the period. Default: 60 s.
    pub write: Option<Duration>,
    /// The least rate in bytes per second at which the peer must read. Default: 1024. With 0, any byte counts.
    pub min_rate: u32,
    /// From this end's close frame to that of the peer. Default: 1 s. It also limits the time to write the last bytes.
    pub close: Duration,
    /// The activity that restarts [`idle`](Self::idle).
    pub activity: IdleActivity,
}

impl Config {
    /// Creates the default configuration for this authority.
    #[must_use]
    pub fn new(authority: &str) -> Self {
        let messages = ws::Limits::default();
        let data = messages.message;
        Self {
            authority: authority.into(),
            head_limits: http::HeadLimits::default(),
            max_interim_responses: 16,
            body_limits: http::BodyLimits::default(),
            max_body: 64 * 1024 * 1024,
            max_error_body: 1024 * 1024,
            #[cfg(feature = "gzip")]
            gzip: None,
            event_stream_limits: sse::Limits { data, line: data + 6, ..sse::Limits::default() },
            message_limits: messages,
            deflate_offer: ws::deflate::Offer::usual(),
            deflate_pool: None,
            ping_interval: None,
            timeouts: Timeouts::default(),
            max_backlog: 1024 * 1024,
            max_send_backlog: 64 * 1024 * 1024,
        }
    }
}

impl RoleConfig for Config {
    fn timeouts(&self) -> config::Timeouts {
        let Timeouts { head, idle, progress, bytes, control, write, min_rate, close, activity } = self.timeouts;
        config::Timeouts {
            head,
            body: None,
            idle,
            request: None,
            websocket_idle: None,
            progress,
            bytes,
            control,
            write,
            min_rate,
            close,
            activity,
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
            head: Some(Duration::from_secs(300)),
            idle: Some(Duration::from_secs(300)),
            progress: None,
            bytes: None,
            control: None,
            write: Some(Duration::from_secs(60)),
            min_rate: config::MIN_RATE,
            close: Duration::from_secs(1),
            activity: IdleActivity::Events,
        }
    }
}
