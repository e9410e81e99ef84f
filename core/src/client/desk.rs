//! Where requests are kept while they are under way: what comes of them, and what is done when one fails.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::chain::Chains;
use super::event::{Disconnected, End, FallbackReason, Record};
use super::failures::{backoff, will_not_upgrade};
use super::flight::{Ask, Flight, Stage};
use super::request::RequestId;
use super::settings::TransportPreference;
use super::station::{Station, TURN_STATE};
use crate::connection::{EventQueue, Transport};
use crate::entropy::Entropy;
use crate::http::Response;
use crate::responses::{CompletedResponse, Failure, FailureKind, RequestProgress, ResponseInfo};
use crate::time::Instant;
use crate::turn::TurnToken;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) station: Station,
    pub(super) entropy: Entropy,
    /// The turn's token. It is here once, so that it has one place to leave.
    pub(super) token: TurnToken,
    /// The requests that have not ended, in the order they were asked.
    pub(super) flights: Vec<Flight>,
    pub(super) chains: Chains,
    pub(super) queue: EventQueue<Record>,
    /// WebSocket turned out not to work.
    pub(super) fell_back: bool,
    /// Payloads that came with no request to belong to.
    pub(super) strays: u64,
}

/// What a request failed of: it decides what may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It could not be sent as it stands.
    Unsent,
    /// There was no connection to send it on.
    NoConnection,
    /// The handshake was answered with this status.
    Refused(u16),
    /// The HTTP answer says so.
    Answer,
    /// An event says so.
    Event,
    /// The connection was lost, or a deadline passed.
    Lost,
}

impl Desk {
    pub(super) fn position(&self, id: RequestId) -> Option<usize> {
        self.flights.iter().position(|flight| flight.id == id)
    }

    pub(super) fn sent(&self) -> usize {
        self.flights.iter().filter(|flight| flight.is_sent()).count()
    }

    /// The transport that a request takes.
    pub(super) fn transport(&self, flight: &Flight) -> Transport {
        let fell_back = self.fell_back && self.station.settings.transport == TransportPreference::Auto;
        if flight.is_call() || flight.budget.over_http || fell_back || !self.station.websocket() {
            Transport::Http
        } else {
            Transport::WebSocket
        }
    }

    /// The first request that could go now, as far as the other requests are concerned: those of a lane go in their order.
    pub(super) fn next_up(&self) -> Option<usize> {
        self.up(|_| true).next()
    }

    /// The requests that could go now and are fit, as far as the other requests are concerned.
    pub(super) fn up(&self, fit: impl Fn(&Flight) -> bool) -> impl Iterator<Item = usize> {
        self.flights.iter().enumerate().filter_map(move |(at, flight)| {
            let waits = || self.flights[..at].iter().any(|before| before.lane() == flight.lane());
            (flight.stage == Stage::Ready && fit(flight) && !waits()).then_some(at)
        })
    }

    /// Wakes what has paused long enough, and lets go of what nobody answers.
    pub(super) fn wake(&mut self, now: Instant) {
        for flight in &mut self.flights {
            if let Stage::Pausing(until) = flight.stage
                && until <= now
            {
                flight.stage = Stage::Ready;
            }
        }
        while let Some(at) =
            self.flights.iter().position(|flight| matches!(flight.stage, Stage::Asking(at) if at <= now))
        {
            let failure = Failure::new(FailureKind::Unauthorized, "no new credentials were given");
            self.finish(now, at, End::Failed(failure));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let due = |flight: &Flight| match flight.stage {
            Stage::Ready => None,
            Stage::Pausing(at) | Stage::Asking(at) => Some(at),
            Stage::Sent { deadline } => deadline.into_iter().chain(self.quiet_until(flight)).min(),
        };
        self.flights.iter().filter_map(due).min()
    }

    /// Until when a request that shares its WebSocket may stay silent; one that is alone is the connection's to watch.
    pub(super) fn quiet_until(&self, flight: &Flight) -> Option<Instant> {
        use crate::connection::IdleActivity;

        let shared = self.station.provider.capabilities.max_concurrent_requests > 1
            && flight.report.transport == Some(Transport::WebSocket)
            && self.station.settings.connection.timeouts.activity == IdleActivity::Events;
        shared.then(|| flight.seen.last_event + self.station.provider.idle_timeout)
    }

    /// The server hands out a token. Where the provider has none, there is none to be replayed.
    pub(super) fn learn_token(&mut self, token: &str) {
        if self.station.provider.capabilities.turn_token {
            self.token.set_once(token);
        }
    }

    pub(super) fn say(&mut self, record: Record) {
        self.queue.push(record, &[]);
    }

    pub(super) fn derived(&mut self, id: Option<RequestId>, derived: Vec<ResponseInfo<'_>>) {
        for derived in derived {
            self.say(Record::Derived(id, Box::new(derived.into_owned())));
        }
    }

    pub(super) fn disconnected(&mut self, why: Disconnected) {
        self.say(Record::Disconnected(Box::new(why)));
    }

    /// The request has ended.
    pub(super) fn finish(&mut self, now: Instant, at: usize, end: End) {
        self.finish_with(now, at, end, &[]);
    }

    pub(super) fn finish_with(&mut self, now: Instant, at: usize, mut end: End, body: &[u8]) {
        let flight = self.flights.remove(at);
        if let End::Failed(failure) = &mut end {
            failure.progress = flight.progress();
        }
        let (id, websocket) = (flight.id, flight.report.transport == Some(Transport::WebSocket));
        let (ask, items, report) = flight.closed_report(now);
        if let (End::Completed(completed), Ask::Create { request, .. }, Some(items), true) =
            (&end, ask, items, websocket)
        {
            self.chains.keep(request.lane, Box::new(request.body), &completed.id, items);
        }
        self.queue.push(Record::Finished(id, Box::new((end, report))), body);
    }

    pub(super) fn complete(&mut self, now: Instant, at: usize, completed: CompletedResponse) {
        self.flights[at].report.response_id = Some(completed.id.clone());
        self.finish(now, at, End::Completed(completed));
    }

    /// An attempt failed: the request is made again, or ends.
    pub(super) fn fail(&mut self, now: Instant, at: usize, cause: Cause, mut failure: Failure) {
        let flight = &self.flights[at];
        if (cause, failure.kind) == (Cause::Lost, FailureKind::TooLarge) && flight.progress() != RequestProgress::Sent {
            // It was heard: another message of its connection was too large.
            failure = Failure::stream("websocket closed by server before response.completed");
        }
        failure.progress = flight.progress();
        let resend = self.station.settings.resend_after_output;
        if failure.progress == RequestProgress::OutputSeen && !resend {
            return self.finish(now, at, End::Failed(failure));
        }
        if let Some(next) = self.remedy(at, cause, &failure) {
            self.flights[at].stage = Stage::Ready;
            return next.into_iter().for_each(|record| self.say(record));
        }
        if failure.kind == FailureKind::Unauthorized && self.ask(now, at, cause, &failure) {
            return;
        }
        // A prewarm is worth one attempt.
        if !self.may_retry(&failure, cause) || self.flights[at].is_warm() {
            return self.finish(now, at, End::Failed(failure));
        }
        self.retry(now, at, failure);
    }

    /// What mends the failure at once and costs nothing of the budget.
    fn remedy(&mut self, at: usize, cause: Cause, failure: &Failure) -> Option<Option<Record>> {
        let auto = self.station.settings.transport == TransportPreference::Auto;
        let flight = &mut self.flights[at];
        let on_websocket = flight.report.transport == Some(Transport::WebSocket);
        match (cause, failure.kind) {
            // The server has forgotten what the request builds on: once, it is told everything.
            (Cause::Event, FailureKind::PreviousResponseNotFound)
                if flight.report.incremental && !flight.budget.resent_in_full =>
            {
                flight.budget.resent_in_full = true;
                let lane: Option<String> = flight.lane().map(Into::into);
                let (id, retries) = (flight.id, flight.budget.retries);
                self.chains.forget(lane.as_deref());
                Some(Some(Record::Retry(id, Box::new(failure.clone()), retries, Duration::ZERO)))
            }
            // The same bytes would meet the same end on this transport (ruling 30).
            (Cause::Lost, FailureKind::TooLarge) if on_websocket && auto && !flight.budget.over_http => {
                flight.budget.over_http = true;
                Some(Some(Record::FellBack(Box::new(FallbackReason::TooLarge(flight.id)))))
            }
            (Cause::Refused(status), _) if auto && will_not_upgrade(status) => {
                let first = !core::mem::replace(&mut self.fell_back, true);
                Some(first.then(|| Record::FellBack(Box::new(FallbackReason::Refused(status)))))
            }
            _ => None,
        }
    }

    /// Asks for new credentials, where that is wanted (§9.7).
    fn ask(&mut self, now: Instant, at: usize, cause: Cause, failure: &Failure) -> bool {
        let settings = &self.station.settings;
        let flight = &mut self.flights[at];
        let refused = matches!(cause, Cause::Answer | Cause::Refused(_));
        if !refused || flight.budget.asked >= settings.max_credential_requests {
            return false;
        }
        flight.budget.asked += 1;
        flight.stage = Stage::Asking(now + settings.credential_timeout);
        let record = Record::CredentialsNeeded(flight.id, Box::new(failure.clone()));
        self.say(record);
        true
    }

    fn may_retry(&self, failure: &Failure, cause: Cause) -> bool {
        let retry = &self.station.provider.retry;
        match (failure.status, failure.kind) {
            (Some(429), FailureKind::RateLimited) => retry.on_429,
            (Some(500..), _) => failure.retryable && retry.on_5xx,
            (Some(300..=399), _) | (_, FailureKind::PreviousResponseNotFound) => false,
            (Some(status), _) if matches!(cause, Cause::Refused(_)) && will_not_upgrade(status) => false,
            (Some(_), _) => failure.retryable,
            (None, _) if matches!(cause, Cause::NoConnection | Cause::Lost) => failure.retryable && retry.on_transport,
            (None, _) => failure.retryable,
        }
    }

    /// Makes the request again later, over HTTP when the budget is used up on WebSocket, or not at all.
    fn retry(&mut self, now: Instant, at: usize, failure: Failure) {
        let transport = self.transport(&self.flights[at]);
        let retry = &self.station.provider.retry;
        let flight = &mut self.flights[at];
        if flight.budget.retries >= retry.max_retries {
            // Who has asked too often has on either transport.
            let can_fall = transport == Transport::WebSocket
                && self.station.settings.transport == TransportPreference::Auto
                && failure.status != Some(429);
            if !can_fall {
                return self.finish(now, at, End::Failed(failure));
            }
            flight.budget.retries = 0;
            flight.stage = Stage::Ready;
            if !core::mem::replace(&mut self.fell_back, true) {
                let id = flight.id;
                self.say(Record::FellBack(Box::new(FallbackReason::Exhausted { id, failure: Box::new(failure) })));
            }
            return;
        }
        flight.budget.retries += 1;
        let own = backoff(retry.base_delay, flight.budget.retries, &mut self.entropy);
        let delay = match failure.delay {
            // A header's delay is the least there must be; a message's is the one that is meant (§6.4, ruling 14).
            Some(asked) if failure.status.is_some() => asked.max(own),
            Some(asked) => asked,
            None if failure.kind == FailureKind::ConnectionLimit => Duration::ZERO,
            None => own,
        };
        let too_long = retry.max_server_delay.is_some_and(|longest| delay > longest);
        if too_long || retry.max_elapsed.is_some_and(|within| now + delay > flight.asked_at + within) {
            return self.finish(now, at, End::Failed(failure));
        }
        flight.stage = Stage::Pausing(now + delay);
        let record = Record::Retry(flight.id, Box::new(failure), flight.budget.retries, delay);
        self.say(record);
    }

    /// A dial, or a handshake, came to nothing: the request that it was for failed.
    pub(super) fn blame(&mut self, now: Instant, transport: Transport, cause: Cause, failure: Failure) {
        self.disconnected(Disconnected::Failed(failure.clone()));
        let concerned = self.up(|flight| self.transport(flight) == transport).next();
        match concerned {
            Some(at) => {
                self.flights[at].report.status = failure.status.or(self.flights[at].report.status);
                self.fail(now, at, cause, failure);
            }
            // It was for nobody in particular; what it taught holds for all.
            None => {
                if let Cause::Refused(status) = cause
                    && will_not_upgrade(status)
                    && self.station.settings.transport == TransportPreference::Auto
                    && !core::mem::replace(&mut self.fell_back, true)
                {
                    self.say(Record::FellBack(Box::new(FallbackReason::Refused(status))));
                }
            }
        }
    }

    /// Every request that was sent fails of this.
    pub(super) fn fail_sent(&mut self, now: Instant, cause: Cause, failure: &Failure) {
        let sent: Vec<RequestId> =
            self.flights.iter().filter(|flight| flight.is_sent()).map(|flight| flight.id).collect();
        for id in sent {
            if let Some(at) = self.position(id) {
                self.fail(now, at, cause, failure.clone());
            }
        }
    }

    /// The request was answered with a body.
    pub(super) fn answered(&mut self, now: Instant, head: Response, body: &[u8]) {
        let Some(at) = self.flights.iter().position(Flight::is_sent) else { return };
        let flight = &mut self.flights[at];
        flight.heard(now, body.len());
        flight.report.status = Some(head.status());
        flight.report.request_id = head.headers.get_str("x-request-id").map(Into::into);
        if head.is_success() && flight.is_call() {
            if flight.bears_token()
                && let Some(token) = head.headers.get_str(TURN_STATE)
            {
                self.learn_token(token);
            }
            return self.finish_with(now, at, End::Answered(head), body);
        }
        let path = match &flight.ask {
            Ask::Create { .. } => super::station::RESPONSES,
            Ask::Call(call) => call.path.as_str(),
        };
        let url = self.station.endpoint.url(false, &self.station.endpoint.target(path, &[]));
        let failure = super::failures::answered(&head, body, &url, self.station.unix(now));
        self.fail(now, at, Cause::Answer, failure);
    }
}
