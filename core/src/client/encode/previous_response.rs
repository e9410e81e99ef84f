//! The previous responses of a connection's lanes, and which requests can be incremental
//! ([docs/protocol.md §9.5](crate::docs::protocol#95-incremental-requests)).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::client::requests::LaneId;
use crate::responses::{CreateResponse, Item};

/// The last completed response of a lane.
#[derive(Debug)]
struct PreviousResponse {
    lane: LaneId,
    /// The whole request that it answered, with the ids of items. Behind its input are the items of the response, in the order in
    /// which they were done.
    request: Box<CreateResponse>,
    response_id: String,
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
    /// Stores the completed response of a lane. One without an id cannot be continued.
    pub(in crate::client) fn store(
        &mut self,
        lane: LaneId,
        mut request: Box<CreateResponse>,
        response_id: &str,
        mut items: Vec<Item>,
    ) {
        items.shrink_to_fit();
        self.remove(lane.name());
        if !response_id.is_empty() {
            request.input.append(items.into());
            self.0.push(PreviousResponse { lane, request, response_id: response_id.into() });
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
        let known_items = previous.known_prefix_of(request)?;
        Some(Continuation { previous_response_id: &previous.response_id, known_items })
    }
}

impl PreviousResponse {
    /// Returns the number of leading input items of the request that the server knows. `None` when the request does not begin
    /// with all that was sent and received before, or when another member of it differs.
    fn known_prefix_of(&self, request: &CreateResponse) -> Option<usize> {
        let last = &*self.request;
        // The input before a previous response that the application named is unknown.
        let same_settings = last.previous_response_id.is_none()
            && last.model == request.model
            && last.instructions == request.instructions
            && last.tools == request.tools
            && last.tool_choice == request.tool_choice
            && last.parallel_tool_calls == request.parallel_tool_calls
            && last.reasoning == request.reasoning
            && last.store == request.store
            && last.stream == request.stream
            && last.include == request.include
            && last.service_tier == request.service_tier
            && last.prompt_cache_key == request.prompt_cache_key
            && last.text == request.text
            && last.has_public_members_of(request)
            && last.extra == request.extra;
        let continues = same_settings && request.input.starts_with(&last.input, Item::equals_for_incremental);
        continues.then(|| last.input.len())
    }
}
