//! Operations that are answered by one body, as the client asks them (`docs/protocol.md` §11).

use alloc::string::String;
use alloc::vec::Vec;

use super::event::Outcome;
use super::machine::Client;
use super::request::{Call, Refused, RequestId};
use crate::responses::Failure;
use crate::responses::request::Wire;
use crate::responses::session::TurnMetadata;
use crate::responses::unary::Operation;
use crate::time::Instant;

/// What became of the wish for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performed<A> {
    /// It was asked; its [`Event::Finished`](super::Event::Finished) brings the answer, to be read by [`Outcome::read`].
    Asked(RequestId),
    /// There was nothing to ask, and this is the answer.
    Unasked(A),
}

impl Client {
    /// Asks for an operation, for this turn. [`call`](Self::call) is the same without types.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn perform<O: Operation>(
        &mut self,
        now: Instant,
        operation: &O,
        turn: Option<TurnMetadata>,
    ) -> Result<Performed<O::Answer>, Refused<Call>> {
        if let Some(answer) = operation.unasked() {
            return Ok(Performed::Unasked(answer));
        }
        let station = &self.desk.station;
        let wire = Wire::new(station.settings.item_ids, false, station.provider.is_first_party());
        let mut body = Vec::new();
        operation.encode(wire, &mut body);
        let call = Call {
            method: O::METHOD,
            path: O::PATH.into(),
            query: operation.query(),
            headers: Vec::new(),
            body,
            turn_state: O::TURN_STATE,
            timeout: O::timeout(station.provider.idle_timeout),
            surface: Some(O::SURFACE),
            turn,
            lite: false,
        };
        self.call(now, call).map(Performed::Asked)
    }
}

impl Outcome<'_> {
    /// The answer to an operation of this type, or the failure that there is instead. `None`: it was given up, or this is the
    /// end of something else.
    #[must_use]
    pub fn read<O: Operation>(&self) -> Option<Result<O::Answer, Failure>> {
        match self {
            Self::Answered { head, body } => {
                let text = String::from_utf8_lossy(body);
                Some(O::read(&head.headers.text(), &text))
            }
            Self::Failed(failure) => Some(Err((*failure).clone())),
            Self::Completed(_) | Self::Cancelled | Self::Skipped => None,
        }
    }
}
