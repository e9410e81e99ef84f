//! The states of a steering submission (docs/protocol.md §15.1), as a table.

/// The state of a steering submission: further input for a response that is being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SubmissionState {
    /// It was sent, and the server has not replied.
    #[default]
    Sent,
    /// The server owns the input, and has not applied it.
    Accepted,
    /// The successor of the steered response exists: it takes the input into account.
    Committed,
    /// The steered response stopped for output of the client's tools, or for an approval. The input waits at the server, and the
    /// next request that continues the response applies it. The client must not send it again.
    Pending,
    /// The server gave the input back. It was not applied.
    Failed,
    /// The connection, the response or the time ended before the server said what became of the input.
    Unknown,
}

impl SubmissionState {
    /// Every state, in protocol order.
    pub const ALL: [Self; 6] =
        [Self::Sent, Self::Accepted, Self::Committed, Self::Pending, Self::Failed, Self::Unknown];

    /// Whether the lane belongs to the steered response because of this submission.
    #[must_use]
    pub const fn holds_lane(self) -> bool {
        matches!(self, Self::Sent | Self::Accepted)
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::Failed | Self::Unknown)
    }

    /// Returns the state that `input` leads to, or `None` if [`SUBMISSION_TRANSITIONS`] has no such transition: the submission
    /// stays in its state then.
    #[must_use]
    pub fn after(self, input: SubmissionInput) -> Option<Self> {
        SUBMISSION_TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, input)).map(|(_, _, to)| *to)
    }
}

/// What can happen to a steering submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SubmissionInput {
    /// `response.steer.accepted`.
    Accepted,
    /// `response.created` of the response that applies the input: the successor of the steered response, or, after
    /// `response.steer.pending`, the response to the request that continues it.
    Successor,
    /// `response.steer.pending`.
    Pending,
    /// `response.steer.failed`, or a response that was interrupted.
    Failed,
    /// The connection was lost, the response ended otherwise, or the client waited too long.
    Lost,
}

impl SubmissionInput {
    /// Every input, in protocol order.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Successor, Self::Pending, Self::Failed, Self::Lost];
}

/// Every transition of a steering submission. A pair of state and input that is not in this table changes nothing.
///
/// Servers need not send `response.steer.accepted`: the later events imply it.
pub const SUBMISSION_TRANSITIONS: &[(SubmissionState, SubmissionInput, SubmissionState)] = {
    use SubmissionInput as I;
    use SubmissionState as S;
    &[
        (S::Sent, I::Accepted, S::Accepted),
        (S::Sent, I::Successor, S::Committed),
        (S::Sent, I::Pending, S::Pending),
        (S::Sent, I::Failed, S::Failed),
        (S::Sent, I::Lost, S::Unknown),
        (S::Accepted, I::Successor, S::Committed),
        (S::Accepted, I::Pending, S::Pending),
        (S::Accepted, I::Failed, S::Failed),
        (S::Accepted, I::Lost, S::Unknown),
        (S::Pending, I::Successor, S::Committed),
        (S::Pending, I::Failed, S::Failed),
        (S::Pending, I::Lost, S::Unknown),
    ]
};
