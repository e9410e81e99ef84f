//! The contents of an ended response: `CompletedResponse` and `IncompleteResponse`
//! ([docs/protocol.md §5.4](crate::docs::protocol#54-event-table)).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::response_members::{ResponseMember, ResponseMembers};
use crate::responses::Envelope;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::response::Response;
use crate::responses::usage::Usage;

/// A response that is complete. A member that the server did not send, or that cannot be read, is `None`
/// ([docs/differences.md row 37](crate::docs::differences)).
///
/// ```
/// use turnwire::responses::{CompletedResponse, ServerEvent, Usage};
///
/// let mut completed = CompletedResponse::new("resp_1");
/// completed.usage = Some(Usage::new(5, 1));
/// assert_eq!(ServerEvent::completed(&completed).kind(), "response.completed");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CompletedResponse {
    /// The id of the response. A later request can continue it.
    pub id: Option<String>,
    /// The number of tokens.
    pub usage: Option<Usage>,
    /// The `usage` member, as the server sent it.
    pub raw_usage: Option<RawJson<'static>>,
    /// Whether the model has ended its turn.
    pub end_turn: Option<bool>,
    /// The whole response, if a client was asked to collect it and it was not longer than a
    /// [`Collector`](crate::responses::Collector) keeps. It is never read from the terminal event alone.
    pub response: Option<Box<Response>>,
}

/// A response that ended before it was complete, for example because of `max_output_tokens` or a content filter. It is
/// final: the same request would end the same way ([docs/differences.md row 36](crate::docs::differences)).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IncompleteResponse {
    /// The id of the response.
    pub id: Option<String>,
    /// The reason, as the server sent it.
    pub reason: Option<String>,
    /// The number of tokens.
    pub usage: Option<Usage>,
    /// The `usage` member, as the server sent it.
    pub raw_usage: Option<RawJson<'static>>,
    /// The response as far as it was made, under the conditions of [`CompletedResponse::response`].
    pub response: Option<Box<Response>>,
}

impl CompletedResponse {
    /// Parses the `response` of a terminal event, each member by itself.
    #[must_use]
    pub fn parse(response: &str) -> Self {
        EndMembers::read(ResponseMembers::read(response).ok().as_ref()).completed
    }
}

/// The members of the response of a terminal event.
#[derive(Debug, Default)]
pub(crate) struct EndMembers {
    pub(crate) completed: CompletedResponse,
    /// The members that could not be read.
    pub(crate) malformed: Vec<Malformed>,
}

impl EndMembers {
    /// Reads the response of a terminal event.
    pub(crate) fn of(envelope: &Envelope<'_>) -> Self {
        if envelope.response().is_none() {
            return Self::default();
        }
        Self::read(envelope.response_members())
    }

    /// `members`: those of the response; `None` if that is no object.
    fn read(members: Option<&ResponseMembers<'_>>) -> Self {
        let mut end = Self::default();
        let Some(members) = members else {
            end.malformed.push(Malformed::wrong_type("response", "response"));
            return end;
        };
        let get = |member| members.get(member);
        end.completed.id = end.member(get(ResponseMember::Id), "id", |text| {
            lenient::read(text).ok().filter(|_| text.len() <= limits::RESPONSE_ID)
        });
        if let Some(usage) = get(ResponseMember::Usage) {
            end.completed.usage = Usage::read(usage);
            if end.completed.usage.is_none() {
                end.malformed.push(Malformed::wrong_type("response", "usage"));
            }
            let is_short = usage.len() <= limits::USAGE;
            end.completed.raw_usage = is_short.then(|| RawJson::trusted(usage).into_owned());
        }
        end.completed.end_turn = end.member(get(ResponseMember::EndTurn), "end_turn", |text| text.parse().ok());
        end
    }

    /// Reads a member that may be missing.
    fn member<T>(&mut self, text: Option<&str>, name: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(text?);
        if value.is_none() {
            self.malformed.push(Malformed::wrong_type("response", name));
        }
        value
    }

    /// Converts the members to those of an incomplete response.
    pub(crate) fn into_incomplete(self, envelope: &Envelope<'_>) -> IncompleteResponse {
        let CompletedResponse { id, usage, raw_usage, response, .. } = self.completed;
        IncompleteResponse { id, reason: envelope.incomplete_reason(), usage, raw_usage, response }
    }
}
