//! Requests that build on the response before them (`docs/protocol.md` §9.5).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::{CreateResponse, Item};

/// The last complete exchange of a lane, which the server still has in memory.
#[derive(Debug)]
pub(super) struct Link {
    /// The last full logical request, ids and all.
    request: Box<CreateResponse>,
    response_id: String,
    /// The response's items, in the order they were done.
    items: Vec<Item>,
}

/// The chains of one connection, by lane. They live no longer than it does.
#[derive(Debug, Default)]
pub(super) struct Chains {
    links: Vec<(Option<String>, Link)>,
}

impl Chains {
    /// Keeps what the next request of the lane can build on. A response without an id is nothing to build on.
    pub(super) fn keep(
        &mut self,
        lane: Option<String>,
        request: Box<CreateResponse>,
        response_id: &str,
        items: Vec<Item>,
    ) {
        self.forget(lane.as_deref());
        if !response_id.is_empty() {
            self.links.push((lane, Link { request, response_id: response_id.into(), items }));
        }
    }

    /// The lane's chain is broken.
    pub(super) fn forget(&mut self, lane: Option<&str>) {
        self.links.retain(|(known, _)| known.as_deref() != lane);
    }

    /// The connection is gone.
    pub(super) fn clear(&mut self) {
        self.links.clear();
    }

    /// Whether the lane has something to build on.
    pub(super) fn has(&self, lane: Option<&str>) -> bool {
        self.links.iter().any(|(known, _)| known.as_deref() == lane)
    }

    /// How the request builds on what the lane has: the response's id, and how many items the server knows.
    pub(super) fn continuation(&self, lane: Option<&str>, request: &CreateResponse) -> Option<(&str, usize)> {
        let (_, link) = self.links.iter().find(|(known, _)| known.as_deref() == lane)?;
        let known = link.extends(request)?;
        Some((&link.response_id, known))
    }
}

impl Link {
    fn extends(&self, request: &CreateResponse) -> Option<usize> {
        let last = &*self.request;
        let alike = last.model == request.model
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
            && last.extra == request.extra;
        let known = last.input.len() + self.items.len();
        let mut baseline = last.input.iter().chain(&self.items);
        let prefix = request.input.get(..known)?;
        (alike && prefix.iter().all(|item| baseline.next().is_some_and(|before| before.equals_for_incremental(item))))
            .then_some(known)
    }
}
