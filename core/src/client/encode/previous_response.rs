//! The previous responses of a connection's lanes, and which requests can be incremental
//! ([docs/protocol.md §9.5](crate::docs::protocol#95-incremental-requests)).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::known_items::KnownItems;
use crate::client::requests::LaneId;
use crate::responses::CreateResponse;

/// The last completed response of a lane.
#[derive(Debug)]
struct PreviousResponse {
    lane: LaneId,
    response_id: Box<str>,
    /// The request that it answered. `None` if no request can be known to continue it.
    request: Option<KnownRequest>,
}

/// A request and the items of its response, as far as the next request is compared with them.
#[derive(Debug)]
struct KnownRequest {
    /// The members beside the input, as text.
    members: Box<[u8]>,
    /// The input, with the ids of items, and behind it the items of the response, in the order in which they were done.
    items: KnownItems,
}

/// The last completed response of each lane of one connection. The server forgets them with the connection.
#[derive(Debug, Default)]
pub(in crate::client) struct PreviousResponses(Vec<PreviousResponse>);

/// How a request continues a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Continuation<'a> {
    pub(in crate::client) previous_response_id: &'a str,
    /// The number of leading input items that the server knows.
    pub(in crate::client) known_items: usize,
}

impl PreviousResponses {
    /// Stores the completed response of a lane. One without an id cannot be continued. `items`: those of the response, as JSON.
    pub(in crate::client) fn store(
        &mut self,
        lane: LaneId,
        request: CreateResponse,
        response_id: &str,
        items: Vec<Box<str>>,
    ) {
        self.remove(lane.name());
        if !response_id.is_empty() {
            self.0.reserve_exact(1);
            self.0.push(PreviousResponse {
                lane,
                response_id: response_id.into(),
                request: KnownRequest::new(request, items),
            });
        }
    }

    /// Forgets the response of a lane.
    pub(in crate::client) fn remove(&mut self, lane: Option<&str>) {
        self.0.retain(|known| !known.lane.is(lane));
    }

    /// Returns whether a response of the lane is stored.
    pub(in crate::client) fn contains(&self, lane: Option<&str>) -> bool {
        self.0.iter().any(|known| known.lane.is(lane))
    }

    /// Returns how the request continues the stored response of its lane, if it does.
    pub(in crate::client) fn continuation(
        &self,
        lane: Option<&str>,
        request: &CreateResponse,
    ) -> Option<Continuation<'_>> {
        if request.previous_response_id.is_some() || request.conversation.is_some() {
            // The application's own.
            return None;
        }
        let previous = self.0.iter().find(|known| known.lane.is(lane))?;
        let known_items = previous.request.as_ref()?.known_prefix_of(request)?;
        Some(Continuation { previous_response_id: &previous.response_id, known_items })
    }
}

impl KnownRequest {
    /// Returns `None` if the input before its own is unknown, because the application named a previous response or a conversation.
    fn new(mut request: CreateResponse, items: Vec<Box<str>>) -> Option<Self> {
        if request.previous_response_id.is_some() || request.conversation.is_some() {
            return None;
        }
        let items = KnownItems::new(core::mem::take(&mut request.input), items);
        Some(Self { members: request.comparable(), items })
    }

    /// Returns the number of leading input items of the request that the server knows. `None` when the request does not begin
    /// with all that was sent and received before, or when another member of it differs.
    fn known_prefix_of(&self, request: &CreateResponse) -> Option<usize> {
        let continues = *self.members == *request.comparable() && self.items.are_prefix_of(&request.input);
        continues.then(|| self.items.len())
    }
}
