//! Operations that are answered by one body, as the client asks them (`docs/protocol.md` §11).

use alloc::string::String;
use alloc::vec::Vec;

use super::event::Outcome;
use super::machine::Client;
use super::request::{RawOperation, Rejected, RequestId};
use crate::responses::Failure;
use crate::responses::request::ItemEncoding;
use crate::responses::session::TurnMetadata;
use crate::responses::unary::Operation;
use crate::time::Instant;

/// What became of the wish for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted<A> {
    /// It was asked; its [`Event::Finished`](super::Event::Finished) brings the answer, to be read by [`Outcome::read`].
    Pending(RequestId),
    /// There was nothing to ask, and this is the answer.
    Immediate(A),
}

impl Client {
    /// Asks for an operation, for this turn. [`submit_raw`](Self::submit_raw) is the same without types.
    ///
    /// # Errors
    ///
    /// As [`submit_raw`](Self::submit_raw).
    pub fn submit<O: Operation>(
        &mut self,
        now: Instant,
        operation: &O,
        turn: Option<TurnMetadata>,
    ) -> Result<Submitted<O::Answer>, Rejected<RawOperation>> {
        if let Some(answer) = operation.immediate_answer() {
            return Ok(Submitted::Immediate(answer));
        }
        let station = &self.desk.station;
        let wire = ItemEncoding::new(station.settings.send_item_ids, false, station.provider.is_first_party());
        let mut body = Vec::new();
        operation.encode(wire, &mut body);
        let call = RawOperation {
            method: O::METHOD,
            path: O::PATH.into(),
            query: operation.query(),
            headers: Vec::new(),
            body,
            send_turn_token: O::TURN_STATE,
            timeout: O::timeout(station.provider.idle_timeout),
            header_set: Some(O::SURFACE),
            turn,
            lite: false,
        };
        self.submit_raw(now, call).map(Submitted::Pending)
    }
}

impl Outcome<'_> {
    /// The answer to an operation of this type, or the failure that there is instead. `None`: it was given up, or this is the
    /// end of something else.
    #[must_use]
    pub fn read<O: Operation>(&self) -> Option<Result<O::Answer, Failure>> {
        match self {
            Self::OperationCompleted { head, body } => {
                let text = String::from_utf8_lossy(body);
                Some(O::read(&head.headers.ascii_pairs(), &text))
            }
            Self::Failed(failure) => Some(Err((*failure).clone())),
            Self::Completed(_) | Self::Cancelled | Self::PrewarmSkipped => None,
        }
    }
}
