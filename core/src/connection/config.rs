//! What bounds a connection, in bytes and in time.

use alloc::string::String;
use core::time::Duration;

use crate::{http, sse, ws};

/// The settings of one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the `Host` header says: a host, and a port unless it is the scheme's own.
    pub authority: String,
    /// Limits of message heads.
    pub head_limits: http::HeadLimits,
    /// Interim responses that may come before a final one: 16.
    pub max_interim_responses: u32,
    /// Limits of what frames a body.
    pub body_limits: http::BodyLimits,
    /// Bytes of a body that is collected whole: 64 MiB.
    pub max_body: usize,
    /// Bytes of the body of a failing answer that are kept; the rest is cut off: 1 MiB.
    pub max_error_body: usize,
    /// gzip-coded bodies of responses: undone within these limits, or [`ContentCoding`](http::Error::ContentCoding) unless set. None
    /// is asked for either way, unless the request says so.
    #[cfg(feature = "gzip")]
    pub gzip: Option<http::gzip::Limits>,
    /// Limits of event streams; one event's data may be as long as a message.
    pub event_stream_limits: sse::Limits,
    /// Limits of WebSocket messages.
    pub message_limits: ws::Limits,
    /// permessage-deflate: what a client offers.
    pub deflate_offer: Option<ws::deflate::Offer>,
    /// permessage-deflate: what a server agrees to.
    pub deflate_policy: Option<ws::deflate::ServerPolicy>,
    /// How often a WebSocket is pinged, give or take a tenth: not at all unless set.
    pub ping_interval: Option<Duration>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// Bytes of unpolled events from which on no more input is wanted: 1 MiB.
    pub max_backlog: usize,
}

/// How long what may take. `None` is forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From a request, or a handshake, to the end of the response's head: 300 s.
    pub head: Option<Duration>,
    /// From one event of a response to the next: 300 s.
    pub idle: Option<Duration>,
    /// From one event that moves a response on to the next, while any is awaited: no limit. Its beginning, output and its end do;
    /// rate limits, metadata and other notes do not.
    pub progress: Option<Duration>,
    /// From one byte of the peer's to the next, while events are awaited: no limit.
    pub bytes: Option<Duration>,
    /// From one control frame of the peer's to the next, on an open WebSocket whether anything is awaited or not: no limit. Where
    /// this end [pings](Config::ping_interval), it finds a peer that does not answer. HTTP has no control frames: comments are bytes.
    pub control: Option<Duration>,
    /// Without a byte being written while some wait: 60 s.
    pub write: Option<Duration>,
    /// From our close frame to the peer's: 1 s.
    pub close: Duration,
    /// What counts as life for [`idle`](Self::idle).
    pub activity: IdleActivity,
}

/// What counts as life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdleActivity {
    /// Whole events only: a dead model behind a live proxy does not hang a turn.
    #[default]
    Events,
    /// Any byte: comments, pings, parts of events.
    Bytes,
}

/// A deadline that can pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// [`Timeouts::head`].
    Head,
    /// [`Timeouts::idle`].
    Idle,
    /// [`Timeouts::progress`].
    Progress,
    /// [`Timeouts::bytes`].
    Bytes,
    /// [`Timeouts::control`].
    Control,
    /// [`Timeouts::write`].
    Write,
    /// [`Timeouts::close`].
    Close,
}

impl Config {
    /// The usual settings.
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
            deflate_policy: None,
            ping_interval: None,
            timeouts: Timeouts::default(),
            max_backlog: 1024 * 1024,
        }
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
            close: Duration::from_secs(1),
            activity: IdleActivity::Events,
        }
    }
}
