//! The state of each lane's newest request on this connection; the default lane has no name.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::{Envelope, EventClass};
use crate::turn::{RequestInput, RequestState, Violation};

/// Named lanes that a connection remembers; the protocol allows 32 in a connection's life.
const NAMED: usize = 64;

/// The longest response id that is remembered, in bytes.
const ID: usize = 256;

/// Responses that have ended and are remembered, of each lane.
const ENDED: usize = 4;

#[derive(Debug, Default)]
pub(super) struct LaneStates {
    default: Lane,
    named: Vec<(String, Lane)>,
}

#[derive(Debug, Default)]
struct Lane {
    state: RequestState,
    /// The response that answers the newest request, once it has said its id.
    current: Option<Box<str>>,
    /// The responses that ended last, the newest first.
    ended: VecDeque<Box<str>>,
}

/// What an event is to its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    Expected,
    Unexpected(Violation),
    /// The end of a response before the one that is awaited, once more.
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

    /// Takes a step on a lane. A step that the table does not have changes nothing.
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
        // A peer that names lanes nobody opened is answered by nothing that stays.
        if state == RequestState::Idle {
            return;
        }
        if self.named.len() == NAMED {
            let idle = self.named.iter().position(|(_, lane)| !lane.state.is_in_flight());
            self.named.remove(idle.unwrap_or(0));
        }
        self.named.push((name.into(), Lane { state, ..Lane::default() }));
    }

    /// Takes the step that an event is. `shared`: one response after the other comes on this connection without a head of its
    /// own, so that one may still be heard of when the next is awaited.
    pub(super) fn observe(&mut self, envelope: &Envelope<'_>, shared: bool) -> LaneEvent {
        let class = envelope.class();
        let name = envelope.stream_id();
        let id = (class == EventClass::Created || class.is_terminal()).then(|| id_of(envelope.response())).flatten();
        // Late words may have come before it, and the awaited response may have begun; it is late all the same.
        let is_late = |lane: &Lane| {
            let ended = id.as_ref().is_some_and(|id| lane.ended.contains(id));
            // What was given up is passed over to its own end, not to another's.
            let awaits_end = lane.state.is_in_flight() || lane.state == RequestState::Cancelled;
            awaits_end && ended && lane.current != id
        };
        if shared && class.is_terminal() && self.lane(name.as_deref()).is_some_and(is_late) {
            return LaneEvent::Duplicate;
        }
        let heard = match self.apply(name.as_deref(), RequestInput::from(class)) {
            Ok(_) => LaneEvent::Expected,
            Err(violation) => LaneEvent::Unexpected(violation),
        };
        if let Some(lane) = self.lane_mut(name.as_deref()) {
            if class == EventClass::Created {
                lane.current = id;
            } else if class.is_terminal() {
                let current = lane.current.take();
                if let Some(ended) = id.or(current) {
                    lane.ended.truncate(ENDED - 1);
                    lane.ended.push_front(ended);
                }
            }
        }
        heard
    }

    pub(super) fn in_flight(&self) -> bool {
        self.default.state.is_in_flight() || self.named.iter().any(|(_, lane)| lane.state.is_in_flight())
    }

    /// The connection is lost: so is every request on it.
    pub(super) fn mark_lost(&mut self) {
        let lanes = self.named.iter_mut().map(|(_, lane)| lane).chain([&mut self.default]);
        for lane in lanes.filter(|lane| lane.state.is_in_flight()) {
            lane.state = RequestState::Lost;
        }
    }
}

/// The id that a `response` says it has.
fn id_of(response: Option<&str>) -> Option<Box<str>> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Box<str>,
    }
    let named: Named = serde_json::from_str(response?).ok()?;
    Some(named.id).filter(|id| (1..=ID).contains(&id.len()))
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
