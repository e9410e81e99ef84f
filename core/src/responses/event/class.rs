//! `EventClass`: the effect of an event on its request.

/// The effect of an event on its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventClass {
    /// The response was created.
    Created,
    /// Neither output nor terminal: metadata, rate limits, timing, steering, an unknown type.
    Informational,
    /// Output.
    Output,
    /// `response.completed`.
    Completed,
    /// `response.failed`.
    Failed,
    /// `response.incomplete`.
    Incomplete,
    /// The server cancelled the response.
    Cancelled,
    /// `error`: the request, or the connection, failed.
    Error,
}

impl EventClass {
    /// Returns whether the event ends the request.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Incomplete | Self::Cancelled | Self::Error)
    }
}
