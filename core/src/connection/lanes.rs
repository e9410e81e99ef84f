//! The state of the newest request on each lane of a connection. A lane is a `stream_id`; the default lane has no name.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::{Envelope, EventClass};
use crate::turn::{RequestInput, RequestState, Violation};

/// Maximum number of named lanes to remember. By default, the client layer uses at most 32.
const MAX_NAMED: usize = 64;

/// Maximum length of a response id to remember, in bytes.
const MAX_ID: usize = 256;

/// Number of ended responses to remember, per lane.
const MAX_ENDED: usize = 4;

#[derive(Debug, Default)]
pub(super) struct LaneStates {
    default: Lane,
    named: Vec<(String, Lane)>,
}

#[derive(Debug, Default)]
struct Lane {
    state: RequestState,
    /// The id of the response to the newest request, once the server has sent it.
    current: Option<Box<str>>,
    /// The ids of the last responses that ended, newest first.
    ended: Vec<Box<str>>,
}

/// The relation of an event to the state of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    Expected,
    Unexpected(Violation),
    /// It repeats the end of a response before the pending one.
    Duplicate,
}

impl LaneStates {
    pub(super) fn state(&self, lane: Option<&str>) -> RequestState {
        self.lane(lane).map_or(RequestState::Idle, |lane| lane.state)
    }

    fn lane(&self, lane: Option<&str>) -> Option<&Lane> {
        match lane {
            None => Some(&self.default),
            Some(name) => self.named.iter().find(|(known, _)| known == name).map(|(_, lane)| lane),
        }
    }

    fn lane_mut(&mut self, lane: Option<&str>) -> Option<&mut Lane> {
        match lane {
            None => Some(&mut self.default),
            Some(name) => self.named.iter_mut().find(|(known, _)| known == name).map(|(_, lane)| lane),
        }
    }

    /// Applies an input to the state of a lane.
    ///
    /// # Errors
    ///
    /// [`Violation`] if the state does not allow the input. The state is unchanged then.
    pub(super) fn apply(&mut self, lane: Option<&str>, input: RequestInput) -> Result<RequestState, Violation> {
        let state = self.state(lane);
        let next = state.after(input).ok_or(Violation { state, input })?;
        if input == RequestInput::Request
            && let Some(lane) = self.lane_mut(lane)
        {
            lane.current = None;
        }
        match (self.lane_mut(lane), lane) {
            (Some(lane), _) => lane.state = next,
            (None, Some(name)) => self.open(name, next),
            (None, None) => {}
        }
        Ok(next)
    }

    fn open(&mut self, name: &str, state: RequestState) {
        // Do not store a lane that only the peer has named.
        if state == RequestState::Idle {
            return;
        }
        if self.named.len() == MAX_NAMED {
            let idle = self.named.iter().position(|(_, lane)| !lane.state.is_in_flight());
            self.named.remove(idle.unwrap_or(0));
        }
        self.named.push((name.into(), Lane { state, ..Lane::default() }));
    }

    /// Applies an event to the state of its lane. `shared`: responses follow each other without heads on this
    /// connection, so that an event may belong to a response before the pending one.
    pub(super) fn observe(&mut self, envelope: &Envelope<'_>, shared: bool) -> LaneEvent {
        let class = envelope.class();
        let name = envelope.stream_id();
        let id = (class == EventClass::Created || class.is_terminal()).then(|| id_of(envelope.response())).flatten();
        // The end is a duplicate even if other events came before it, or the pending response has started.
        let is_late = |lane: &Lane| {
            let ended = id.as_ref().is_some_and(|id| lane.ended.contains(id));
            // A cancelled response is skipped up to its own end, not up to that of another response.
            let awaits_end = lane.state.is_in_flight() || lane.state == RequestState::Cancelled;
            awaits_end && ended && lane.current != id
        };
        if shared && class.is_terminal() && self.lane(name.as_deref()).is_some_and(is_late) {
            return LaneEvent::Duplicate;
        }
        let relation = match self.apply(name.as_deref(), RequestInput::from(class)) {
            Ok(_) => LaneEvent::Expected,
            Err(violation) => LaneEvent::Unexpected(violation),
        };
        if let Some(lane) = self.lane_mut(name.as_deref()) {
            if class == EventClass::Created {
                lane.current = id;
            } else if class.is_terminal() {
                let current = lane.current.take();
                if let Some(ended) = id.or(current) {
                    lane.ended.truncate(MAX_ENDED - 1);
                    lane.ended.insert(0, ended);
                }
            }
        }
        relation
    }

    /// Whether a request is in flight on any lane.
    pub(super) fn in_flight(&self) -> bool {
        self.default.state.is_in_flight() || self.named.iter().any(|(_, lane)| lane.state.is_in_flight())
    }

    /// Marks every request in flight as lost, because the connection is closed.
    pub(super) fn mark_lost(&mut self) {
        let lanes = self.named.iter_mut().map(|(_, lane)| lane).chain([&mut self.default]);
        for lane in lanes.filter(|lane| lane.state.is_in_flight()) {
            lane.state = RequestState::Lost;
        }
    }
}

/// The `id` member of a `response` object, if it is a non-empty string of at most [`MAX_ID`] bytes.
fn id_of(response: Option<&str>) -> Option<Box<str>> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Box<str>,
    }
    let named: Named = serde_json::from_str(response?).ok()?;
    Some(named.id).filter(|id| (1..=MAX_ID).contains(&id.len()))
}

/// Maps the class of an event to the input that it is for the state of its request.
impl From<EventClass> for RequestInput {
    fn from(class: EventClass) -> Self {
        match class {
            EventClass::Created => Self::Created,
            EventClass::Informational => Self::Informational,
            EventClass::Output => Self::Output,
            EventClass::Completed => Self::Completed,
            EventClass::Failed | EventClass::Error => Self::Failed,
            EventClass::Incomplete => Self::Incomplete,
        }
    }
}
