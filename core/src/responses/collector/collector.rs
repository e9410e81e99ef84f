//! `Collector`: assembles a response from its events.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::merge::merge;
use super::piece::Piece;
use super::slot::Slot;
use crate::responses::error_object::ErrorObject;
use crate::responses::event::{EventData, EventType, ServerEvent};
use crate::responses::item::Item;
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::response::{Response, status_of};

/// Memory of an item besides its text, in bytes.
const SLOT: usize = 256;

/// Assembles a [`Response`] from its events.
///
/// It accepts every form in which servers send output: deltas, finished parts, finished items, or the `output` of the
/// terminal event. Repeated output is merged; a finished item takes precedence over the same item in the terminal
/// event, and both over deltas. Memory is bounded: output beyond the limit is omitted, and
/// [`is_truncated`](Self::is_truncated) reports that.
///
/// After a steered response, its successor is assembled from the start.
///
/// ```
/// use turnwire::responses::{Collector, ServerEvent};
///
/// let mut collector = Collector::new();
/// for payload in [
///     r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
///     r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Ro"}"#,
///     r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"me"}"#,
///     r#"{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":5,"output_tokens":1}}}"#,
/// ] {
///     collector.add(&ServerEvent::parse(payload)?);
/// }
/// assert!(collector.has_ended());
/// let response = collector.finish();
/// assert_eq!((response.output_text().as_str(), response.status.as_deref()), ("Rome", Some("completed")));
/// assert_eq!(response.usage.map(|usage| usage.total_tokens), Some(6));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone)]
pub struct Collector {
    limit: usize,
    used: usize,
    is_truncated: bool,
    has_ended: bool,
    response: Box<Response>,
    slots: Vec<Slot>,
    by_index: BTreeMap<i64, usize>,
    by_id: BTreeMap<String, usize>,
    /// The slot of deltas that name no item.
    unnamed: Option<usize>,
}

/// Shows the progress of the response, and no output.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("id", &self.response.id)
            .field("items", &self.slots.len())
            .field("bytes", &self.used)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// Creates a collector that keeps at most 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(limits::COLLECTED)
    }

    /// Creates a collector that keeps at most this many bytes of text and JSON.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            is_truncated: false,
            has_ended: false,
            response: Box::default(),
            slots: Vec::new(),
            by_index: BTreeMap::new(),
            by_id: BTreeMap::new(),
            unnamed: None,
        }
    }

    /// Returns whether the response has ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns whether output was omitted because of the limit.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Processes the next event. Events after the end are ignored, except the creation of a successor.
    pub fn add(&mut self, event: &ServerEvent<'_>) {
        if let EventData::Created { response } = &event.data {
            self.begin(response);
        } else if let EventData::Queued { response: Some(response) }
        | EventData::InProgress { response: Some(response) } = &event.data
        {
            if !self.has_ended
                && let Ok(begun) = Response::parse(response.as_str())
            {
                self.describe(begun, response.as_str().len());
            }
        } else if self.has_ended {
            // Late events of a response that has ended.
        } else if let EventData::Error { error, code, message, param, .. } = &event.data {
            let error = error.as_ref().and_then(|error| ErrorObject::parse(error.as_str()).ok());
            let text = |member: &Option<RawJson<'_>>| member.as_ref().and_then(|text| text.parse().ok());
            let flat = || ErrorObject {
                code: text(code),
                message: text(message),
                param: text(param),
                ..ErrorObject::default()
            };
            self.response.error = Some(error.unwrap_or_else(flat));
            self.response.status = Some("failed".into());
            self.has_ended = true;
        } else if let Some(response) = end_of(&event.data) {
            self.end(event.kind(), response);
        } else {
            self.add_output(&event.data, event.raw());
        }
    }

    /// Returns the response so far. An unfinished item contains its received parts.
    #[must_use]
    pub fn finish(self) -> Response {
        let Self { mut response, slots, .. } = self;
        let is_whole = response.status.as_deref() == Some("completed");
        let output = core::mem::take(&mut response.output);
        response.output = merge(slots, output, is_whole);
        *response
    }

    /// Handles the creation of a response. One with another id is the successor of the current response.
    fn begin(&mut self, response: &RawJson<'_>) {
        let Ok(begun) = Response::parse(response.as_str()) else { return };
        let is_other = self.response.id.is_some() && begun.id.is_some() && self.response.id != begun.id;
        if is_other {
            *self = Self::with_limit(self.limit);
        }
        self.describe(begun, response.as_str().len());
    }

    /// Stores members of the response that arrive before its end. `length`: that of their text.
    fn describe(&mut self, begun: Response, length: usize) {
        if !self.has_ended && self.spend(length) {
            *self.response = Response { output: Vec::new(), ..begun };
        }
    }

    fn end(&mut self, kind: &str, response: Option<&RawJson<'_>>) {
        let class = EventType::of(kind).class();
        let begun = core::mem::take(&mut *self.response);
        let mut ended = match response {
            Some(response) if self.spend(response.as_str().len()) => {
                Response::parse(response.as_str()).unwrap_or_default().without_event_members()
            }
            Some(_) | None => Response::default(),
        };
        if ended.status.is_none() {
            ended.status = status_of(class).map(Into::into);
        }
        let reason = ended.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        // Continue with the successor of a steered response.
        self.has_ended = reason != Some("steered");
        *self.response = ended.or(begun);
    }

    fn add_output(&mut self, data: &EventData<'_>, payload: Option<&str>) {
        if let EventData::OutputItemAdded { item, output_index } = data {
            self.add_item(item, *output_index, false);
        } else if let EventData::OutputItemDone { item, output_index } = data {
            self.add_item(item, *output_index, true);
        } else if let EventData::OutputItemInterrupted { item_id, output_index, .. } = data {
            if let Some(at) = self.find(*output_index, item_id.as_deref()) {
                self.slots[at].remove();
            }
        } else if let Some(piece) = Piece::of(data) {
            if !self.spend(piece.text.len()) {
                return;
            }
            let Some(at) = self.slot(piece.output_index, piece.item_id.filter(limits::is_item_id)) else { return };
            let before = self.slots[at].parts();
            self.slots[at].add(&piece, payload);
            let parts = self.slots[at].parts().saturating_sub(before);
            self.used = self.used.saturating_add(parts.saturating_mul(SLOT));
        }
    }

    fn add_item(&mut self, json: &RawJson<'_>, output_index: Option<i64>, is_done: bool) {
        if !self.spend(json.as_str().len()) {
            return;
        }
        let item = Item::parse_or_other(json.as_str());
        let id: Option<String> = item.id().filter(limits::is_item_id).map(Into::into);
        let at = if is_done {
            self.slot_of_done(output_index, id.as_deref(), item.kind())
        } else if output_index.is_none() && id.is_none() {
            // An item without an index and an id is a new one.
            self.push(None, None)
        } else {
            self.slot(output_index, id.as_deref())
        };
        if let Some(at) = at {
            self.slots[at].set(item, is_done);
        }
    }

    /// Returns the slot of a finished item. Deltas that named no item belong to the next finished item of their type.
    fn slot_of_done(&mut self, index: Option<i64>, id: Option<&str>, kind: &str) -> Option<usize> {
        let open = self.unnamed.filter(|at| !self.slots[*at].is_done() && self.slots[*at].kind() == Some(kind));
        let found =
            self.find(index, id).filter(|at| index.is_some() || id.is_some() || self.slots[*at].kind() == Some(kind));
        match (found, open) {
            (Some(at), Some(open)) => {
                if at != open {
                    self.slots[open].remove();
                }
                Some(at)
            }
            (Some(at), None) => Some(at),
            (None, Some(open)) => {
                self.name(open, index, id);
                Some(open)
            }
            (None, None) => self.push(index, id),
        }
    }

    /// Returns the slot of an item: by its id, else by its index, else the last open one; creates a new one if there is
    /// none.
    fn slot(&mut self, index: Option<i64>, id: Option<&str>) -> Option<usize> {
        if let Some(at) = self.find(index, id) {
            self.name(at, index, id);
            return Some(at);
        }
        let at = self.push(index, id)?;
        if index.is_none() && id.is_none() {
            self.unnamed = Some(at);
        }
        Some(at)
    }

    /// Stores the index and the id of a slot, if they were unknown.
    fn name(&mut self, at: usize, index: Option<i64>, id: Option<&str>) {
        let slot = &mut self.slots[at];
        if let (Some(index), None) = (index, slot.index) {
            slot.index = Some(index);
            self.by_index.entry(index).or_insert(at);
        }
        if let Some(id) = id.filter(|id| !self.by_id.contains_key(*id)) {
            self.by_id.insert(id.into(), at);
        }
    }

    fn find(&self, index: Option<i64>, id: Option<&str>) -> Option<usize> {
        let known = id.and_then(|id| self.by_id.get(id));
        let known = known.or_else(|| index.and_then(|index| self.by_index.get(&index)));
        match (known, index, id) {
            (Some(at), ..) => Some(*at),
            (None, None, None) => self.slots.len().checked_sub(1).filter(|at| !self.slots[*at].is_done()),
            (None, ..) => None,
        }
    }

    fn push(&mut self, index: Option<i64>, id: Option<&str>) -> Option<usize> {
        if !self.spend(SLOT + id.map_or(0, str::len)) {
            return None;
        }
        let at = self.slots.len();
        self.slots.push(Slot::new(index, id));
        if let Some(index) = index {
            self.by_index.insert(index, at);
        }
        if let Some(id) = id {
            self.by_id.insert(id.into(), at);
        }
        Some(at)
    }

    /// Counts stored bytes. Returns `false` if they exceed the limit.
    fn spend(&mut self, bytes: usize) -> bool {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            self.is_truncated = true;
            return false;
        }
        self.used = used;
        true
    }
}

/// Returns the response of a terminal event.
fn end_of<'e, 'a>(data: &'e EventData<'a>) -> Option<Option<&'e RawJson<'a>>> {
    if let EventData::Completed { response } = data {
        return Some(Some(response));
    }
    if let EventData::Failed { response }
    | EventData::Incomplete { response }
    | EventData::Done { response }
    | EventData::Cancelled { response } = data
    {
        return Some(response.as_ref());
    }
    None
}
