//! `Submission`: what the application submitted.

use alloc::boxed::Box;
use core::time::Duration;

use crate::client::request::{RawOperation, Request};

/// The submission of the application.
#[derive(Debug)]
pub(in crate::client) enum Submission {
    /// A request for a response. A prewarm asks for none of its output.
    Response {
        request: Box<Request>,
        prewarm: bool,
    },
    Operation(Box<RawOperation>),
    /// The rest of a background response that another client requested.
    Resume,
}

impl Submission {
    /// Returns the request, if it is one for a response.
    pub(in crate::client) fn request(&self) -> Option<&Request> {
        match self {
            Self::Response { request, .. } => Some(request),
            Self::Operation(_) | Self::Resume => None,
        }
    }

    /// Returns the number of its retries on one transport, if it has one of its own.
    pub(in crate::client) const fn max_retries(&self) -> Option<u32> {
        match self {
            Self::Response { request, .. } => request.retries,
            Self::Operation(operation) => operation.retries,
            Self::Resume => None,
        }
    }

    /// Returns its total time, if it has one of its own.
    pub(in crate::client) const fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Response { request, .. } => request.deadline,
            Self::Operation(operation) => operation.deadline,
            Self::Resume => None,
        }
    }
}
