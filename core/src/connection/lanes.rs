//! The state of the newest request on each lane of a connection. A lane is a `stream_id`; the default lane has no name.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::lane::{Lane, item_id, response_id};
use crate::responses::{Envelope, EventClass};
use crate::turn::{RequestInput, RequestState, Violation};

/// Maximum number of named lanes to remember. By default, the client layer uses at most 32.
const MAX_NAMED: usize = 64;

/// Maximum length of a lane's name in bytes.
const MAX_NAME: usize = 256;

#[derive(Debug)]
pub(super) struct LaneStates {
    /// Grows with every change, from 1 on.
    generation: u64,
    default: Lane,
    named: Vec<(Box<str>, Lane)>,
    /// The number of requests so far.
    requests: u64,
    /// The peer has sent an event of a response on a named lane without naming the lane.
    ignored: bool,
    /// Number of messages about a response that may have ended when they arrive: the peer may answer them with an `error` that
    /// concerns no request.
    unanswered: u32,
}

/// The relation of an event to the state of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    Expected,
    Unexpected(Violation),
    /// It belongs to a response before the pending one.
    Late,
}

/// Returns whether a lane may have this name.
pub(super) fn is_lane_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_allowed)
}

impl Default for LaneStates {
    fn default() -> Self {
        Self { generation: 1, default: Lane::default(), named: Vec::new(), requests: 0, ignored: false, unanswered: 0 }
    }
}

impl LaneStates {
    /// Returns a number that differs whenever the state of a lane does. As long as it stays the same, so does the effect of an event.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    const fn touch(&mut self) {
        self.generation += 1;
    }

    pub(super) fn state(&self, lane: Option<&str>) -> RequestState {
        self.lane(lane).map_or(RequestState::Idle, |lane| lane.state)
    }

    fn lane(&self, lane: Option<&str>) -> Option<&Lane> {
        match lane {
            None => Some(&self.default),
            Some(name) => self.named.iter().find(|(known, _)| **known == *name).map(|(_, lane)| lane),
        }
    }

    fn lane_mut(&mut self, lane: Option<&str>) -> Option<&mut Lane> {
        match lane {
            None => Some(&mut self.default),
            Some(name) => self.named.iter_mut().find(|(known, _)| **known == *name).map(|(_, lane)| lane),
        }
    }

    /// Returns whether a request can be sent on this lane: its name is valid, and there is room to remember it.
    pub(super) fn admits(&self, lane: Option<&str>) -> bool {
        let has_room = || self.named.len() < MAX_NAMED || self.named.iter().any(|(_, lane)| !lane.awaits_end);
        lane.is_none_or(|name| is_lane_name(name) && (self.lane(lane).is_some() || has_room()))
    }

    /// Applies an input to the state of a lane.
    ///
    /// # Errors
    ///
    /// [`Violation`] if the state does not allow the input. The state is unchanged then.
    pub(super) fn apply(&mut self, lane: Option<&str>, input: RequestInput) -> Result<RequestState, Violation> {
        let state = self.state(lane);
        let next = state.after(input).ok_or(Violation { state, input })?;
        let repeats = matches!(input, RequestInput::Created | RequestInput::Informational | RequestInput::Output);
        if next != state || !repeats {
            self.touch();
        }
        // A lane that only the peer has named is not stored, nor one that is not admitted.
        if next != RequestState::Idle
            && let Some(name) = lane
            && self.lane(lane).is_none()
            && self.admits(lane)
        {
            self.open(name);
        }
        self.requests += u64::from(input == RequestInput::Request);
        let number = self.requests;
        if let Some(lane) = self.lane_mut(lane) {
            lane.state = next;
            match input {
                RequestInput::Request => {
                    lane.current = None;
                    lane.awaits_end = true;
                    lane.held = false;
                    lane.request = number;
                }
                RequestInput::Completed | RequestInput::Failed | RequestInput::Incomplete | RequestInput::Lost => {
                    lane.awaits_end = false;
                }
                RequestInput::Successor => {
                    lane.awaits_end = true;
                    lane.held = false;
                }
                RequestInput::Created | RequestInput::Informational | RequestInput::Output | RequestInput::Cancel => {}
            }
        }
        Ok(next)
    }

    fn open(&mut self, name: &str) {
        if self.named.len() == MAX_NAMED
            && let Some(idle) = self.named.iter().position(|(_, lane)| !lane.awaits_end)
        {
            self.named.remove(idle);
        }
        self.named.push((name.into(), Lane::default()));
    }

    /// Returns the lane that an event belongs to. While one response is pending, an event that names no lane, or an
    /// unknown one, belongs to it. Otherwise a known response id counts more than the lane that the event names.
    pub(super) fn route<'e>(&self, envelope: &Envelope<'e>) -> Option<Cow<'e, str>> {
        let named = envelope.stream_id().filter(|name| !name.is_empty());
        if named.is_none() && self.named.is_empty() {
            return None;
        }
        let names = self.named.iter().map(|(name, lane)| (Some(&**name), lane));
        let pending =
            core::iter::once((None, &self.default)).chain(names).filter(|(_, lane)| lane.awaits_end || lane.held);
        let target = match (pending.clone().next(), pending.clone().nth(1)) {
            (None, _) => return named,
            (Some((only, _)), None) if named.is_none() => {
                // What is known to be of the default lane's ended responses is late there.
                if self.default.has_ended(envelope) { None } else { only }
            }
            (Some((only, lane)), None) if self.lane(named.as_deref()).is_none() => {
                // On an unknown lane, an event of another response than the pending one belongs to no request.
                let is_other = lane.current.is_some() && lane.differs(response_id(envelope).as_deref());
                if is_other { named.as_deref() } else { only }
            }
            (Some(_), _) => {
                let id = response_id(envelope);
                match id.and_then(|id| pending.clone().find(|(_, lane)| lane.current.as_deref() == Some(&*id))) {
                    Some((lane, _)) => lane,
                    None if named.is_none() && self.is_unlabelled(envelope) => owner_of_unlabelled(pending, envelope),
                    None => return named,
                }
            }
        };
        if target == named.as_deref() { named } else { target.map(|name| Cow::Owned(name.into())) }
    }

    /// Returns whether an event that names no lane is of a response on a named lane: the default lane has no pending
    /// response, and the event is not of one that ended there.
    fn is_unlabelled(&self, envelope: &Envelope<'_>) -> bool {
        let of_response = match envelope.class() {
            EventClass::Created
            | EventClass::Output
            | EventClass::Completed
            | EventClass::Failed
            | EventClass::Incomplete
            | EventClass::Cancelled => true,
            EventClass::Informational | EventClass::Error => false,
        };
        of_response && !self.default.awaits_end && !self.default.held && !self.default.has_ended(envelope)
    }

    /// Returns whether the peer ignores lanes.
    pub(super) const fn ignored(&self) -> bool {
        self.ignored
    }

    /// Applies an event to the state of its lane. `shared`: responses follow each other without heads on this
    /// connection, so that an event may belong to a response before the pending one.
    pub(super) fn observe(&mut self, envelope: &Envelope<'_>, lane: Option<&str>, shared: bool) -> LaneEvent {
        let class = envelope.class();
        if self.unanswered > 0 && self.concerns_no_request(envelope) {
            return LaneEvent::Late;
        }
        let id = response_id(envelope);
        let item = if shared && class == EventClass::Output { item_id(envelope) } else { None };
        if shared && self.lane(lane).is_some_and(|lane| lane.is_late(envelope, id.as_deref(), item.as_deref())) {
            return LaneEvent::Late;
        }
        if shared && !self.ignored && envelope.stream_id().is_none_or(|name| name.is_empty()) {
            let named_pending = lane.is_some() || self.named.iter().any(|(_, lane)| lane.awaits_end);
            self.ignored = named_pending && self.is_unlabelled(envelope);
            if self.ignored {
                self.touch();
            }
        }
        let succeeds = class == EventClass::Created
            && self.lane(lane).is_some_and(|lane| lane.is_succeeded_by(envelope, id.as_deref()));
        let input = if succeeds { RequestInput::Successor } else { RequestInput::from(class) };
        let relation = match self.apply(lane, input) {
            Ok(_) => LaneEvent::Expected,
            Err(violation) => LaneEvent::Unexpected(violation),
        };
        if let Some(lane) = self.lane_mut(lane) {
            let changed = if class == EventClass::Created {
                lane.current = id.map(Into::into);
                true
            } else if class.is_terminal() {
                lane.end_response(id.map(Into::into));
                true
            } else {
                item.is_some_and(|item| lane.add_item(&item))
            };
            if changed {
                self.touch();
            }
        }
        relation
    }

    /// Records whether a successor of the ended response may come on this lane.
    pub(super) fn hold(&mut self, lane: Option<&str>, held: bool) {
        if let Some(lane) = self.lane_mut(lane) {
            lane.held = held;
            self.touch();
        }
    }

    /// Records that a message about a response was sent, to which the peer may reply with an `error` that concerns no request.
    pub(super) const fn expect_reply(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.touch();
    }

    /// Whether an event is the reply to a message about a response that has ended, and no event of a request. Counts the replies.
    fn concerns_no_request(&mut self, envelope: &Envelope<'_>) -> bool {
        let is_error = envelope.class() == EventClass::Error && envelope.is_unknown_response();
        if is_error || envelope.interrupt_reply().is_some() {
            self.unanswered -= 1;
            self.touch();
        }
        is_error
    }

    /// The named lane of the response that the message of a client is about.
    pub(super) fn lane_of_command(&self, message: &Envelope<'_>) -> Option<String> {
        let id = message.commanded_response()?;
        let is_of = |lane: &Lane| lane.current.as_deref() == Some(&*id) || lane.has_ended_response(&id);
        self.named.iter().find(|(_, lane)| is_of(lane)).map(|(name, _)| String::from(&**name))
    }

    /// Whether a request is in flight on any lane.
    pub(super) fn in_flight(&self) -> bool {
        self.default.state.is_in_flight() || self.named.iter().any(|(_, lane)| lane.state.is_in_flight())
    }

    /// Marks every request in flight as lost, because the connection is closed.
    pub(super) fn mark_lost(&mut self) {
        self.touch();
        for lane in self.named.iter_mut().map(|(_, lane)| lane).chain([&mut self.default]) {
            lane.awaits_end = false;
            lane.held = false;
            if lane.state.is_in_flight() {
                lane.state = RequestState::Lost;
            }
        }
    }
}

/// Returns the pending lane that an event without a lane and without a known response belongs to: that of the item that
/// it names, or of the only response that has begun; a response that begins is that of the oldest request without one.
fn owner_of_unlabelled<'l>(
    pending: impl Iterator<Item = (Option<&'l str>, &'l Lane)> + Clone,
    envelope: &Envelope<'_>,
) -> Option<&'l str> {
    if let Some(item) = item_id(envelope)
        && let Some((owner, _)) = pending.clone().find(|(_, lane)| lane.has_item(&item))
    {
        return owner;
    }
    if envelope.class() == EventClass::Created {
        let waiting = pending.filter(|(_, lane)| lane.current.is_none());
        return waiting.min_by_key(|(_, lane)| lane.request).and_then(|(owner, _)| owner);
    }
    let mut begun = pending.filter(|(_, lane)| lane.current.is_some());
    match (begun.next(), begun.next()) {
        (Some((owner, _)), None) => owner,
        _ => None,
    }
}

/// Maps the class of an event to the input that it is for the state of its request.
impl From<EventClass> for RequestInput {
    fn from(class: EventClass) -> Self {
        match class {
            EventClass::Created => Self::Created,
            EventClass::Informational => Self::Informational,
            EventClass::Output => Self::Output,
            EventClass::Completed => Self::Completed,
            EventClass::Failed | EventClass::Error | EventClass::Cancelled => Self::Failed,
            EventClass::Incomplete => Self::Incomplete,
        }
    }
}
