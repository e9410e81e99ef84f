//! The requests that have not ended, in the order in which they were submitted.

use alloc::vec::Vec;
use core::time::Duration;

use super::active::{ActiveRequest, RequestPhase};
use crate::client::passed::has_passed;
use crate::client::request::RequestId;
use crate::responses::SteerReply;
use crate::time::Instant;

#[derive(Debug, Default)]
pub(in crate::client) struct RequestTable(Vec<ActiveRequest>);

impl RequestTable {
    pub(in crate::client) fn insert(&mut self, request: ActiveRequest) {
        self.0.push(request);
    }

    pub(in crate::client) fn remove(&mut self, id: RequestId) -> Option<ActiveRequest> {
        let at = self.0.iter().position(|request| request.id == id)?;
        let request = self.0.remove(at);
        if self.0.is_empty() {
            // An idle client has none.
            self.0 = Vec::new();
        }
        Some(request)
    }

    pub(in crate::client) fn get(&self, id: RequestId) -> Option<&ActiveRequest> {
        self.0.iter().find(|request| request.id == id)
    }

    pub(in crate::client) fn get_mut(&mut self, id: RequestId) -> Option<&mut ActiveRequest> {
        self.0.iter_mut().find(|request| request.id == id)
    }

    /// The request that sent the steering submission that this is a reply to.
    pub(in crate::client) fn steered_by(&self, reply: &SteerReply) -> Option<RequestId> {
        self.0.iter().find(|request| request.submissions.owns(reply)).map(|request| request.id)
    }

    pub(in crate::client) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::client) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::client) fn iter(&self) -> impl Iterator<Item = &ActiveRequest> {
        self.0.iter()
    }

    /// Returns the ids of the requests that `wanted` selects.
    pub(in crate::client) fn ids(&self, wanted: impl Fn(&ActiveRequest) -> bool) -> Vec<RequestId> {
        self.0.iter().filter(|request| wanted(request)).map(|request| request.id).collect()
    }

    pub(in crate::client) fn in_flight_mut(&mut self) -> impl Iterator<Item = &mut ActiveRequest> {
        self.0.iter_mut().filter(|request| request.is_in_flight())
    }

    pub(in crate::client) fn in_flight_count(&self) -> usize {
        self.0.iter().filter(|request| request.is_in_flight()).count()
    }

    pub(in crate::client) fn has_lane(&self, lane: Option<&str>) -> bool {
        self.0.iter().any(|request| request.lane() == lane)
    }

    /// Returns the first request that waits for a connection, and for nothing else.
    pub(in crate::client) fn next_ready(&self) -> Option<&ActiveRequest> {
        self.ready().next()
    }

    /// Returns the requests that wait for a connection. The requests of a lane go in their order, so that one waits for those
    /// before it.
    pub(in crate::client) fn ready(&self) -> impl Iterator<Item = &ActiveRequest> {
        self.0.iter().enumerate().filter_map(|(at, request)| {
            let waits = || self.0[..at].iter().any(|before| before.lane() == request.lane());
            (request.phase == RequestPhase::Ready && !waits()).then_some(request)
        })
    }

    /// Returns whether the application was asked for new credentials, and has not answered.
    pub(in crate::client) fn awaits_credentials(&self) -> bool {
        self.0.iter().any(|request| matches!(request.phase, RequestPhase::AwaitingCredentials { .. }))
    }

    /// Makes those requests ready whose next attempt is due.
    pub(in crate::client) fn wake_due(&mut self, now: Instant) {
        for request in &mut self.0 {
            if matches!(request.phase, RequestPhase::Backoff { until } if until <= now) {
                request.phase = RequestPhase::Ready;
            }
        }
    }

    /// Returns the next time at which something is due for a request. `lane_idle`: how long a request in flight may stay
    /// silent, where the connection does not watch that itself. `reading`: whether the deadlines of responses run.
    pub(in crate::client) fn next_deadline(&self, lane_idle: Option<Duration>, reading: bool) -> Option<Instant> {
        let running = self.0.iter().filter(|request| reading || !request.is_in_flight());
        let deadlines = running.filter_map(|request| request.deadline(lane_idle));
        deadlines.chain(self.0.iter().filter_map(|request| request.total_deadline)).min()
    }

    /// Postpones the deadlines of responses by the time in which nothing was read.
    pub(in crate::client) fn postpone_responses(&mut self, pause: Duration) {
        self.0.iter_mut().for_each(|request| request.postpone_response(pause));
    }

    /// Returns the first request in flight whose deadline has passed.
    pub(in crate::client) fn first_overdue(&self, now: Instant, lane_idle: Option<Duration>) -> Option<RequestId> {
        let overdue = |request: &&ActiveRequest| {
            request.is_in_flight() && request.deadline(lane_idle).is_some_and(|deadline| has_passed(deadline, now))
        };
        self.0.iter().find(overdue).map(|request| request.id)
    }

    /// Returns the first request whose total time has passed.
    pub(in crate::client) fn first_over_total(&self, now: Instant) -> Option<RequestId> {
        let over = |request: &&ActiveRequest| request.total_deadline.is_some_and(|deadline| has_passed(deadline, now));
        self.0.iter().find(over).map(|request| request.id)
    }

    /// Returns the first request that has waited too long for new credentials.
    pub(in crate::client) fn first_unanswered(&self, now: Instant) -> Option<RequestId> {
        let unanswered = |request: &&ActiveRequest| matches!(request.phase, RequestPhase::AwaitingCredentials { until } if has_passed(until, now));
        self.0.iter().find(unanswered).map(|request| request.id)
    }
}
