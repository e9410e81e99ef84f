//! Layer 3: the turn token, the states of a request, and those of a steering submission.
//!
//! A *turn* is one user turn: a request, and the follow-up requests that carry tool output back. It has no bytes, no time and no
//! role: [`Turn`] holds the one value that belongs to it, the turn token. A *request* goes through the states of [`RequestState`]. Client
//! and server apply the same inputs to the same table, so that both are in the same state when nothing is in transit. All
//! transitions are in [`TRANSITIONS`]; a pair of state and input that is not there is a [`Violation`].
//!
//! ```
//! use turnwire::turn::{RequestInput, RequestState, Turn};
//!
//! let mut turn = Turn::new(); // without a token
//! let mut state = RequestState::Idle;
//! for input in [RequestInput::Request, RequestInput::Created, RequestInput::Output, RequestInput::Completed] {
//!     state = state.apply(input)?;
//! }
//! assert!(turn.set_once("ts-1"));
//! assert!(!turn.set_once("ts-2")); // the first value wins
//! assert_eq!((state, turn.token()), (RequestState::Completed, Some("ts-1")));
//! # Ok::<(), turnwire::turn::Violation>(())
//! ```

mod submission;

use alloc::string::String;
use core::fmt;

pub use submission::{SUBMISSION_TRANSITIONS, SubmissionInput, SubmissionState};

/// The state of the newest request of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestState {
    /// No request was sent yet.
    #[default]
    Idle,
    /// A request was sent; no event of its response was received.
    Requested,
    /// The response exists (`response.created`, `queued` or `in_progress`); no output of it was received.
    Created,
    /// Output was received. From here on the request must not be sent again without the application's consent.
    Output,
    /// `response.completed` was received.
    Completed,
    /// `response.failed`, an `error`, or an HTTP status that rejects the whole request was received.
    Failed,
    /// `response.incomplete` was received.
    Incomplete,
    /// The application cancelled the request.
    Cancelled,
    /// The connection was lost before a terminal event.
    Lost,
}

impl RequestState {
    /// Every state, in protocol order.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Requested,
        Self::Created,
        Self::Output,
        Self::Completed,
        Self::Failed,
        Self::Incomplete,
        Self::Cancelled,
        Self::Lost,
    ];

    /// Returns whether a request is in flight.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Requested | Self::Created | Self::Output)
    }

    /// Returns the state that `input` leads to, or `None` if the table has no such transition.
    #[must_use]
    pub fn after(self, input: RequestInput) -> Option<Self> {
        TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, input)).map(|(_, _, to)| *to)
    }

    /// Returns the state that `input` leads to.
    ///
    /// # Errors
    ///
    /// [`Violation`] if [`TRANSITIONS`] has no such transition. The request stays in this state, and the conversation can go on.
    pub fn apply(self, input: RequestInput) -> Result<Self, Violation> {
        self.after(input).ok_or(Violation { state: self, input })
    }
}

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestInput {
    /// A request is sent: the first of its turn, a follow-up, or the same one again after a loss.
    Request,
    /// `response.created`, `response.queued` or `response.in_progress`.
    Created,
    /// An event that is neither output nor terminal: metadata, rate limits, timing, or an unknown event type.
    Informational,
    /// An output event: an item or part added or done, a delta, a tool call's progress.
    Output,
    /// `response.completed`.
    Completed,
    /// `response.failed`, `error`, or an HTTP status that rejects the request.
    Failed,
    /// `response.incomplete`.
    Incomplete,
    /// `response.created` of a response that continues the ended one by itself, because it was steered.
    Successor,
    /// The application cancels the request.
    Cancel,
    /// The connection ended without a terminal event.
    Lost,
}

impl RequestInput {
    /// Every input, in protocol order.
    pub const ALL: [Self; 10] = [
        Self::Request,
        Self::Created,
        Self::Informational,
        Self::Output,
        Self::Completed,
        Self::Failed,
        Self::Incomplete,
        Self::Successor,
        Self::Cancel,
        Self::Lost,
    ];
}

/// Every transition. A pair of state and input that is not in this table is a [`Violation`].
///
/// `Created` after `Output`, and `Successor` after the end, lead to `Output`: a steered response is followed by its successor's
/// `response.created` on the same request, and output that was delivered stays delivered. `Informational` is allowed in every state: rate limits are also sent
/// on an idle connection.
pub const TRANSITIONS: &[(RequestState, RequestInput, RequestState)] = {
    use RequestInput as I;
    use RequestState as S;
    &[
        (S::Idle, I::Request, S::Requested),
        (S::Idle, I::Informational, S::Idle),
        (S::Requested, I::Created, S::Created),
        (S::Requested, I::Informational, S::Requested),
        (S::Requested, I::Output, S::Output),
        (S::Requested, I::Completed, S::Completed),
        (S::Requested, I::Failed, S::Failed),
        (S::Requested, I::Incomplete, S::Incomplete),
        (S::Requested, I::Cancel, S::Cancelled),
        (S::Requested, I::Lost, S::Lost),
        (S::Created, I::Created, S::Created),
        (S::Created, I::Informational, S::Created),
        (S::Created, I::Output, S::Output),
        (S::Created, I::Completed, S::Completed),
        (S::Created, I::Failed, S::Failed),
        (S::Created, I::Incomplete, S::Incomplete),
        (S::Created, I::Cancel, S::Cancelled),
        (S::Created, I::Lost, S::Lost),
        (S::Output, I::Created, S::Output),
        (S::Output, I::Informational, S::Output),
        (S::Output, I::Output, S::Output),
        (S::Output, I::Completed, S::Completed),
        (S::Output, I::Failed, S::Failed),
        (S::Output, I::Incomplete, S::Incomplete),
        (S::Output, I::Cancel, S::Cancelled),
        (S::Output, I::Lost, S::Lost),
        (S::Completed, I::Request, S::Requested),
        (S::Completed, I::Informational, S::Completed),
        (S::Completed, I::Successor, S::Output),
        (S::Failed, I::Request, S::Requested),
        (S::Failed, I::Informational, S::Failed),
        (S::Failed, I::Successor, S::Output),
        (S::Incomplete, I::Request, S::Requested),
        (S::Incomplete, I::Informational, S::Incomplete),
        (S::Incomplete, I::Successor, S::Output),
        (S::Cancelled, I::Request, S::Requested),
        (S::Cancelled, I::Informational, S::Cancelled),
        (S::Lost, I::Request, S::Requested),
        (S::Lost, I::Informational, S::Lost),
    ]
};

/// An event that the state of its request does not allow. The state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The state that has no such transition.
    pub state: RequestState,
    /// The input that is not allowed.
    pub input: RequestInput,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, input } = self;
        write!(f, "{input:?} is not allowed in state {state:?}")
    }
}

impl core::error::Error for Violation {}

/// One turn: the turn token, which routes its requests, and the rule that it is set once.
///
/// The token is the value of the header `x-codex-turn-state`
/// ([docs/protocol.md §8](crate::docs::protocol#8-turn-state)). A turn begins without one. The first value that the
/// server sends wins, later ones are ignored, and every further request of the turn carries it. An empty string is a
/// value. The token is opaque, and `Debug` does not show it.
///
/// ```
/// use turnwire::turn::Turn;
///
/// let mut turn = Turn::new();
/// assert!(turn.set_once("first"));
/// assert!(!turn.set_once("second"));
/// assert_eq!(turn.token(), Some("first"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Turn {
    token: Option<String>,
}

impl Turn {
    /// The maximum length of a token, in bytes. A longer value is ignored, because it would make every further request larger.
    pub const MAX_TOKEN: usize = 64 * 1024;

    /// Begins a turn, without a token.
    #[must_use]
    pub const fn new() -> Self {
        Self { token: None }
    }

    /// Sets the token to a value that the server sent. Returns `false`, and changes nothing, if the token was set before or if
    /// `value` is longer than [`MAX_TOKEN`](Self::MAX_TOKEN).
    pub fn set_once(&mut self, value: &str) -> bool {
        let free = self.token.is_none();
        let keep = free && value.len() <= Self::MAX_TOKEN;
        if keep {
            self.token = Some(value.into());
        }
        keep
    }

    /// Returns the token, which every further request of the turn carries.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() { "Turn(token set)" } else { "Turn(no token)" })
    }
}
