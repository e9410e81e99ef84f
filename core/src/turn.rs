//! Floor 3: what a logical turn may do, and the token that belongs to it.
//!
//! A *turn* is one user turn: a request, and the follow-up requests that carry tool output back. It knows no bytes, no time
//! and no role: client and server apply the same inputs to the same table, so that with an empty wire both are in the same
//! state. Everything that decides a transition is in [`TRANSITIONS`]; a pair that is not there is a [`Violation`].
//!
//! ```
//! use turnwire::turn::{RequestInput, RequestState, Turn};
//!
//! let mut turn = Turn::new();
//! turn.apply(RequestInput::Request)?;
//! turn.token.set_once("ts-1");
//! turn.apply(RequestInput::Output)?;
//! turn.apply(RequestInput::Completed)?;
//! turn.apply(RequestInput::Request)?; // the follow-up with the tool's output
//! turn.token.set_once("ts-2");
//! assert_eq!(turn.token.get(), Some("ts-1")); // the first value wins
//! turn.apply(RequestInput::Completed)?;
//!
//! turn.begin()?; // the next logical turn, on whatever socket there is
//! assert_eq!((turn.state(), turn.token.get()), (RequestState::Idle, None));
//! # Ok::<(), turnwire::turn::Violation>(())
//! ```

use alloc::string::String;
use core::fmt;

/// Where the newest request of a turn stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestState {
    /// No request of this turn has been made yet.
    #[default]
    Idle,
    /// A request was made; nothing of its response has been seen.
    Requested,
    /// The response exists (`response.created`, `queued` or `in_progress`); no output of it has been seen.
    Created,
    /// Output was seen. From here on the same request must not be made again behind the application's back.
    Output,
    /// `response.completed` was seen.
    Completed,
    /// `response.failed`, an `error`, or a refusal of the whole request was seen.
    Failed,
    /// `response.incomplete` was seen.
    Incomplete,
    /// The application gave the request up.
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

    /// Whether a request is in flight.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Requested | Self::Created | Self::Output)
    }

    /// The state that `input` leads to, or `None` when the table has no such transition.
    #[must_use]
    pub fn after(self, input: RequestInput) -> Option<Self> {
        TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, input)).map(|(_, _, to)| *to)
    }
}

/// What can happen to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestInput {
    /// The next logical turn begins.
    Begin,
    /// A request is made: the turn's first, a follow-up, or the same one again after a loss.
    Request,
    /// `response.created`, `response.queued` or `response.in_progress`.
    Created,
    /// An event that is neither output nor an end: metadata, rate limits, timing, a kind we do not know.
    Informational,
    /// An output event: an item or part added or done, a delta, a tool call's progress.
    Output,
    /// `response.completed`.
    Completed,
    /// `response.failed`, `error`, or an HTTP status that refuses the request.
    Failed,
    /// `response.incomplete`.
    Incomplete,
    /// The application gives the request up.
    Cancel,
    /// The connection ended without a terminal event.
    Lost,
}

impl RequestInput {
    /// Every input, in protocol order.
    pub const ALL: [Self; 10] = [
        Self::Begin,
        Self::Request,
        Self::Created,
        Self::Informational,
        Self::Output,
        Self::Completed,
        Self::Failed,
        Self::Incomplete,
        Self::Cancel,
        Self::Lost,
    ];
}

/// Every transition there is. A pair of state and input that is missing here is out of turn.
///
/// `Created` after `Output` stays `Output`: a steered response is followed by its successor's `response.created` on the same
/// request, and what was delivered stays delivered. `Note` is in turn at any time: rate limits come on an idle socket too.
pub const TRANSITIONS: &[(RequestState, RequestInput, RequestState)] = {
    use RequestInput as I;
    use RequestState as S;
    &[
        (S::Idle, I::Begin, S::Idle),
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
        (S::Completed, I::Begin, S::Idle),
        (S::Completed, I::Request, S::Requested),
        (S::Completed, I::Informational, S::Completed),
        (S::Failed, I::Begin, S::Idle),
        (S::Failed, I::Request, S::Requested),
        (S::Failed, I::Informational, S::Failed),
        (S::Incomplete, I::Begin, S::Idle),
        (S::Incomplete, I::Request, S::Requested),
        (S::Incomplete, I::Informational, S::Incomplete),
        (S::Cancelled, I::Begin, S::Idle),
        (S::Cancelled, I::Request, S::Requested),
        (S::Cancelled, I::Informational, S::Cancelled),
        (S::Lost, I::Begin, S::Idle),
        (S::Lost, I::Request, S::Requested),
        (S::Lost, I::Informational, S::Lost),
    ]
};

/// An input that the state has no transition for. The state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{input:?} is out of turn in state {state:?}")]
pub struct Violation {
    /// The state that has no such transition.
    pub state: RequestState,
    /// What was out of turn.
    pub input: RequestInput,
}

/// One logical turn: the state of its newest request, and its sticky token.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    state: RequestState,
    /// The token of this turn. [`begin`](Self::begin) is the only thing that empties it.
    pub token: TurnToken,
}

impl Turn {
    /// A turn without a request and without a token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the newest request stands.
    #[must_use]
    pub const fn state(&self) -> RequestState {
        self.state
    }

    /// Takes one step.
    ///
    /// # Errors
    ///
    /// [`Violation`] when [`TRANSITIONS`] has no such step; the turn is unchanged and goes on. [`RequestInput::Begin`] belongs to
    /// [`begin`](Self::begin), which also empties the token; given here it is a step like any other and empties it too.
    pub fn apply(&mut self, input: RequestInput) -> Result<RequestState, Violation> {
        let next = self.state.after(input).ok_or(Violation { state: self.state, input })?;
        if input == RequestInput::Begin {
            self.token = TurnToken::new();
        }
        self.state = next;
        Ok(next)
    }

    /// Begins the next logical turn: no request, no token.
    ///
    /// # Errors
    ///
    /// [`Violation`] while a request is in flight: cancel it first.
    pub fn begin(&mut self) -> Result<(), Violation> {
        self.apply(RequestInput::Begin).map(|_| ())
    }
}

/// The sticky routing token of one turn (`x-codex-turn-state`, `docs/protocol.md` §8): a cell that is written once.
///
/// The first value that the server hands out wins; later ones are ignored. An empty string is a value. The token is opaque,
/// and `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TurnToken(Option<String>);

impl TurnToken {
    /// The longest token that is kept, in bytes. A longer one is not a token but an attack on the next request's size.
    pub const LIMIT: usize = 64 * 1024;

    /// An empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Offers a value that the server sent. Returns whether it was kept: it is not when the cell is filled already, or when
    /// the value is longer than [`LIMIT`](Self::LIMIT).
    pub fn set_once(&mut self, value: &str) -> bool {
        let free = self.0.is_none();
        let keep = free && value.len() <= Self::LIMIT;
        if keep {
            self.0 = Some(value.into());
        }
        keep
    }

    /// The token to replay on every further request of this turn.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for TurnToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "TurnToken(set)" } else { "TurnToken(empty)" })
    }
}
