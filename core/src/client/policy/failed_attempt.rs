//! `FailedAttempt`: where and how an attempt of a request failed.

use core::time::Duration;

use crate::client::requests::{AttemptKind, RetryState};
use crate::connection::Transport;
use crate::responses::Failure;

/// Where a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum FailurePoint {
    /// The request could not be built or sent.
    Unsent,
    /// No connection could be opened for it.
    NoConnection,
    /// The server answered the WebSocket handshake with this status.
    HandshakeRejected { status: u16 },
    /// The response over HTTP, by its status.
    HttpResponse,
    /// An event of the response.
    Event,
    /// The connection ended, or a deadline passed.
    ConnectionLost,
}

/// A failed attempt. `failure.progress` says how far it got.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct FailedAttempt<'a> {
    pub(in crate::client) point: FailurePoint,
    pub(in crate::client) failure: &'a Failure,
    /// The transport of the latest attempt that was sent.
    pub(in crate::client) sent_on: Option<Transport>,
    /// The transport of the next attempt, if nothing changes it.
    pub(in crate::client) next_transport: Transport,
    pub(in crate::client) incremental: bool,
    pub(in crate::client) prewarm: bool,
    /// What the attempt asked for.
    pub(in crate::client) kind: AttemptKind,
    /// The request is for a response that runs in the background.
    pub(in crate::client) background: bool,
    /// The response runs in the background and goes on, so that the rest of it can be requested.
    pub(in crate::client) resumable: bool,
    /// The request can be made again. That of a response that another client requested cannot.
    pub(in crate::client) repeatable: bool,
    /// The server has, or may have, taken further input for the response.
    pub(in crate::client) steered: bool,
    /// The number of the retry for its delay, from 1. Attempts to connect are counted for the connection, others for the request.
    pub(in crate::client) backoff_step: u32,
    pub(in crate::client) retry_state: &'a RetryState,
    /// The time since the request was submitted.
    pub(in crate::client) elapsed: Duration,
}
