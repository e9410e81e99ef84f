//! Typed operations, whose response is one whole body (`docs/protocol.md` §11).

use alloc::string::String;
use alloc::vec::Vec;

use super::client::Client;
use super::event::Outcome;
use super::request::{RawOperation, Rejected, RequestId};
use crate::responses::Failure;
use crate::responses::operations::Operation;
use crate::responses::request::ItemEncoding;
use crate::responses::session::TurnMetadata;
use crate::time::Instant;

/// The result of [`Client::submit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted<A> {
    /// The operation was submitted. Its [`Event::Finished`](super::Event::Finished) has the response, for [`Outcome::read`].
    Pending(RequestId),
    /// The result is known without a request.
    Immediate(A),
}

impl Client {
    /// Submits an operation of the current turn. [`submit_raw`](Self::submit_raw) submits one without types.
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
        let builder = &self.conversation.builder;
        let wire = ItemEncoding::new(
            builder.shared.settings.send_item_ids,
            false,
            builder.shared.provider.capabilities.item_metadata,
        );
        let mut body = Vec::new();
        operation.encode(wire, &mut body);
        let call = RawOperation {
            method: O::METHOD,
            path: operation.path().into(),
            query: operation.query(),
            headers: Vec::new(),
            body,
            send_turn_token: O::TURN_STATE,
            timeout: O::timeout(builder.shared.provider.idle_timeout),
            header_set: Some(O::SURFACE),
            turn,
            lite: false,
            retries: None,
            deadline: None,
        };
        self.submit_raw(now, call).map(Submitted::Pending)
    }
}

impl Outcome<'_> {
    /// Parses the response to an operation of this type, or the failure. Returns `None` for a cancelled request, and
    /// for a request that is not an operation.
    #[must_use]
    pub fn read<O: Operation>(&self) -> Option<Result<O::Answer, Failure>> {
        match self {
            Self::OperationCompleted { head, body } => {
                let text = String::from_utf8_lossy(body);
                Some(O::read(&head.headers.ascii_pairs(), &text))
            }
            Self::Failed(failure) => Some(Err((*failure).clone())),
            Self::Completed(_) | Self::Incomplete(_) | Self::Cancelled | Self::PrewarmSkipped => None,
        }
    }
}
