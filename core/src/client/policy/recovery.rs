//! Recovery from a failed attempt of a request: a retry, another transport, a request for credentials, or the end.

use core::time::Duration;

use super::backoff;
use super::failed_attempt::{FailedAttempt, FailurePoint};
use super::handshake_rejection::{HandshakeRejection, rejection};
use crate::client::config::RetryPolicy;
use crate::client::requests::AttemptKind;
use crate::connection::Transport;
use crate::responses::{FailureKind, RequestProgress};

/// The recovery that the configuration allows.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct RecoveryRules<'a> {
    pub(in crate::client) retry: &'a RetryPolicy,
    /// The retries of the request on one transport: its own number, or that of the policy.
    pub(in crate::client) max_retries: u32,
    /// HTTP may take the place of WebSocket.
    pub(in crate::client) can_fall_back: bool,
    /// The provider's URL is plain `http`.
    pub(in crate::client) plain: bool,
    pub(in crate::client) resend_after_output: bool,
    pub(in crate::client) max_credential_requests: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::client) enum Recovery {
    /// The request ends with the failure.
    Fail,
    /// The request is sent again at once, and not as an incremental one.
    ResendInFull,
    /// This request takes HTTP from here on.
    ForceHttp,
    /// All requests take HTTP from here on: the server answered the handshake with this status.
    FallBackRejected { status: u16 },
    /// This request tries HTTP: the status of the handshake does not say whether the server supports WebSocket.
    TryHttp,
    /// All requests take HTTP from here on: the retries on WebSocket are used up.
    FallBackExhausted,
    /// The application is asked for new credentials.
    RequestCredentials,
    /// The request is sent again after a delay.
    Retry { delay: Duration },
    /// The rest of the response is requested after a delay.
    Resume { delay: Duration },
}

impl Recovery {
    /// Returns the delay before a retry.
    pub(in crate::client) const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Retry { delay } | Self::Resume { delay } => Some(*delay),
            Self::Fail
            | Self::ResendInFull
            | Self::ForceHttp
            | Self::FallBackRejected { .. }
            | Self::TryHttp
            | Self::FallBackExhausted
            | Self::RequestCredentials => None,
        }
    }
}

/// Decides the recovery from a failed attempt. `random` is at least 0 and less than 1; it varies the delay.
pub(in crate::client) fn decide(attempt: &FailedAttempt<'_>, rules: &RecoveryRules<'_>, random: f64) -> Recovery {
    if attempt.kind == AttemptKind::Cancel {
        return if may_retry(attempt, rules.retry) { retry(attempt, rules, random) } else { Recovery::Fail };
    }
    // The input that was sent later is not part of the request, so that sending it again would lose that input.
    if attempt.steered {
        return Recovery::Fail;
    }
    if let Some(recovery) = resume(attempt, rules, random) {
        return recovery;
    }
    if !may_send_again(attempt, rules) {
        return Recovery::Fail;
    }
    if let Some(recovery) = without_retry(attempt, rules) {
        return recovery;
    }
    // A prewarm is attempted only once.
    if attempt.prewarm || !may_retry(attempt, rules.retry) {
        return Recovery::Fail;
    }
    retry(attempt, rules, random)
}

/// Returns whether the request may be made again, as far as that depends on what it has led to.
fn may_send_again(attempt: &FailedAttempt<'_>, rules: &RecoveryRules<'_>) -> bool {
    let output_seen = attempt.failure.progress == RequestProgress::OutputSeen;
    attempt.repeatable && (!output_seen || rules.resend_after_output)
}

/// Returns the recovery from the loss of a background response's stream, or of an attempt to resume it
/// ([docs/protocol.md §15.9](crate::docs::protocol#159-background-responses)). `None` if the response has ended.
fn resume(attempt: &FailedAttempt<'_>, rules: &RecoveryRules<'_>, random: f64) -> Option<Recovery> {
    let failure = attempt.failure;
    let is_lost = match attempt.point {
        FailurePoint::NoConnection
        | FailurePoint::HandshakeRejected { .. }
        | FailurePoint::HttpResponse
        | FailurePoint::ConnectionLost => true,
        FailurePoint::Event => failure.kind == FailureKind::ConnectionLimit,
        FailurePoint::Unsent => false,
    };
    if !attempt.resumable || !is_lost {
        return None;
    }
    if attempt.point == FailurePoint::HttpResponse {
        if failure.kind == FailureKind::Unauthorized
            && attempt.retry_state.credential_requests < rules.max_credential_requests
        {
            return Some(Recovery::RequestCredentials);
        }
        if failure.status == Some(404) && may_send_again(attempt, rules) {
            // The server does not have the response, so that only a new one can be requested.
            return Some(retry(attempt, rules, random));
        }
    }
    if !may_retry(attempt, rules.retry) {
        return Some(Recovery::Fail);
    }
    let recovery = retry(attempt, rules, random);
    Some(recovery.delay().map_or(recovery, |delay| Recovery::Resume { delay }))
}

/// Returns the recovery that does not count as a retry, if there is one.
fn without_retry(attempt: &FailedAttempt<'_>, rules: &RecoveryRules<'_>) -> Option<Recovery> {
    let state = attempt.retry_state;
    let on_websocket = attempt.sent_on == Some(Transport::WebSocket);
    match (attempt.point, attempt.failure.kind) {
        (FailurePoint::Event, FailureKind::PreviousResponseNotFound) => {
            (attempt.incremental && !state.resent_in_full).then_some(Recovery::ResendInFull)
        }
        // The same bytes would fail again on this transport (docs/differences.md row 30).
        (FailurePoint::ConnectionLost, FailureKind::TooLarge) => {
            (on_websocket && rules.can_fall_back && !state.forced_http).then_some(Recovery::ForceHttp)
        }
        // OpenAI has no background responses over WebSocket (docs/protocol.md §15.9). A request that is invalid for another reason fails
        // over HTTP too.
        (FailurePoint::Event, FailureKind::InvalidRequest) if attempt.background && !attempt.resumable => {
            (on_websocket && rules.can_fall_back && !state.forced_http).then_some(Recovery::ForceHttp)
        }
        // docs/protocol.md §9.7
        (
            FailurePoint::HttpResponse | FailurePoint::HandshakeRejected { .. } | FailurePoint::Event,
            FailureKind::Unauthorized,
        ) if state.credential_requests < rules.max_credential_requests => Some(Recovery::RequestCredentials),
        (FailurePoint::HandshakeRejected { status }, _) if rules.can_fall_back => match rejection(status) {
            HandshakeRejection::NoWebSocket => Some(Recovery::FallBackRejected { status }),
            HandshakeRejection::Unclear => Some(Recovery::TryHttp),
            HandshakeRejection::AnyTransport => None,
        },
        // A proxy that opens no tunnel for a WebSocket may still forward requests over HTTP.
        (FailurePoint::NoConnection, FailureKind::Connect)
            if !attempt.failure.retryable
                && rules.plain
                && rules.can_fall_back
                && attempt.next_transport == Transport::WebSocket =>
        {
            Some(Recovery::FallBackExhausted)
        }
        _ => None,
    }
}

fn may_retry(attempt: &FailedAttempt<'_>, policy: &RetryPolicy) -> bool {
    let failure = attempt.failure;
    // `x-should-retry` of the server takes precedence (docs/differences.md row 41).
    if let Some(asked) = failure.details.should_retry {
        return asked;
    }
    match (failure.status, failure.kind) {
        (Some(429), FailureKind::RateLimited) => policy.on_429,
        (Some(500..), _) => failure.retryable && policy.on_5xx,
        (Some(300..=399), _) | (_, FailureKind::PreviousResponseNotFound) => false,
        (Some(status), _) => {
            let handshake = matches!(attempt.point, FailurePoint::HandshakeRejected { .. });
            let may_pass = matches!(status, 408 | 409 | 425 | 429);
            failure.retryable && (may_pass || !handshake)
        }
        (None, _) if matches!(attempt.point, FailurePoint::NoConnection | FailurePoint::ConnectionLost) => {
            failure.retryable && policy.on_transport
        }
        (None, _) => failure.retryable,
    }
}

fn retry(attempt: &FailedAttempt<'_>, rules: &RecoveryRules<'_>, random: f64) -> Recovery {
    let (policy, failure) = (rules.retry, attempt.failure);
    if attempt.retry_state.retries >= rules.max_retries {
        // A rate limit holds for both transports.
        let other_transport =
            attempt.next_transport == Transport::WebSocket && rules.can_fall_back && failure.status != Some(429);
        return if other_transport { Recovery::FallBackExhausted } else { Recovery::Fail };
    }
    let own = backoff::delay(policy.base_delay, attempt.backoff_step, random);
    let delay = match failure.delay {
        // The delay of a header is a minimum; that of a message is the delay itself (docs/protocol.md §6.4,
        // docs/differences.md row 14).
        Some(requested) if failure.status.is_some() => requested.max(own),
        Some(requested) => requested,
        None if failure.kind == FailureKind::ConnectionLimit => Duration::ZERO,
        None => own,
    };
    let too_long = policy.max_server_delay.is_some_and(|longest| delay > longest);
    let too_late = policy.max_elapsed.is_some_and(|longest| attempt.elapsed.saturating_add(delay) > longest);
    if too_long || too_late { Recovery::Fail } else { Recovery::Retry { delay } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::requests::RetryState;
    use crate::responses::Failure;

    const RULES: RecoveryRules<'static> = RecoveryRules {
        retry: &RetryPolicy {
            max_retries: 2,
            base_delay: Duration::from_millis(200),
            on_429: false,
            on_5xx: true,
            on_transport: true,
            max_elapsed: None,
            max_server_delay: Some(Duration::from_secs(600)),
        },
        max_retries: 2,
        can_fall_back: true,
        plain: false,
        resend_after_output: false,
        max_credential_requests: 1,
    };

    /// Decides for an attempt on a WebSocket that failed at this point, with half the jitter.
    fn decided(
        point: FailurePoint,
        failure: Failure,
        change: impl FnOnce(&mut FailedAttempt<'_>, &mut RetryState),
    ) -> Recovery {
        let mut state = RetryState::default();
        let mut attempt = FailedAttempt {
            point,
            failure: &failure,
            sent_on: Some(Transport::WebSocket),
            next_transport: Transport::WebSocket,
            incremental: false,
            prewarm: false,
            kind: AttemptKind::Create,
            background: false,
            resumable: false,
            repeatable: true,
            steered: false,
            backoff_step: 1,
            retry_state: &RetryState::default(),
            elapsed: Duration::ZERO,
        };
        change(&mut attempt, &mut state);
        decide(&FailedAttempt { retry_state: &state, ..attempt }, &RULES, 0.5)
    }

    fn lost() -> Failure {
        Failure::stream("the connection was lost")
    }

    fn with_status(status: u16) -> Failure {
        Failure::from_http(status, &[], "", None, None)
    }

    #[test]
    fn lost_connection_before_output_is_retried() {
        let recovery = decided(FailurePoint::ConnectionLost, lost(), |_, _| {});
        assert_eq!(recovery, Recovery::Retry { delay: Duration::from_millis(200) });
    }

    #[test]
    fn lost_connection_after_output_fails() {
        let mut failure = lost();
        failure.progress = RequestProgress::OutputSeen;
        assert_eq!(decided(FailurePoint::ConnectionLost, failure, |_, _| {}), Recovery::Fail);
    }

    #[test]
    fn used_up_retries_on_websocket_fall_back_to_http() {
        let used_up = |_: &mut FailedAttempt<'_>, state: &mut RetryState| state.retries = 2;
        assert_eq!(decided(FailurePoint::ConnectionLost, lost(), used_up), Recovery::FallBackExhausted);
        let over_http = |attempt: &mut FailedAttempt<'_>, state: &mut RetryState| {
            attempt.next_transport = Transport::Http;
            state.retries = 2;
        };
        assert_eq!(decided(FailurePoint::ConnectionLost, lost(), over_http), Recovery::Fail);
    }

    #[test]
    fn rejected_handshake_falls_back_where_websocket_is_not_supported() {
        for status in [404, 405, 426, 501] {
            let recovery = decided(FailurePoint::HandshakeRejected { status }, with_status(status), |_, _| {});
            assert_eq!(recovery, Recovery::FallBackRejected { status }, "{status}");
        }
    }

    #[test]
    fn rejected_handshake_with_an_unclear_status_tries_http() {
        for status in [200, 204, 301, 307, 400, 403, 406, 409, 418, 451] {
            let recovery = decided(FailurePoint::HandshakeRejected { status }, with_status(status), |_, _| {});
            assert_eq!(recovery, Recovery::TryHttp, "{status}");
        }
    }

    #[test]
    fn rejected_handshake_that_concerns_any_transport_is_final() {
        for status in [402, 407, 429] {
            let recovery = decided(FailurePoint::HandshakeRejected { status }, with_status(status), |_, _| {});
            assert_ne!(recovery, Recovery::TryHttp, "{status}");
            assert!(!matches!(recovery, Recovery::FallBackRejected { .. }), "{status}");
        }
    }

    #[test]
    fn unauthorized_event_before_output_requests_credentials() {
        let failure = || Failure::new(FailureKind::Unauthorized, "the token has expired");
        assert_eq!(decided(FailurePoint::Event, failure(), |_, _| {}), Recovery::RequestCredentials);
        let mut late = failure();
        late.progress = RequestProgress::OutputSeen;
        assert_eq!(decided(FailurePoint::Event, late, |_, _| {}), Recovery::Fail);
    }

    #[test]
    fn steered_request_is_not_sent_again() {
        let steered = |attempt: &mut FailedAttempt<'_>, _: &mut RetryState| attempt.steered = true;
        assert_eq!(decided(FailurePoint::ConnectionLost, lost(), steered), Recovery::Fail);
    }

    fn background(attempt: &mut FailedAttempt<'_>, _: &mut RetryState) {
        (attempt.resumable, attempt.next_transport) = (true, Transport::Http);
    }

    #[test]
    fn lost_background_response_is_resumed_even_after_output() {
        let mut failure = lost();
        failure.progress = RequestProgress::OutputSeen;
        let recovery = decided(FailurePoint::ConnectionLost, failure.clone(), background);
        assert_eq!(recovery, Recovery::Resume { delay: Duration::from_millis(200) });
        let used_up = |attempt: &mut FailedAttempt<'_>, state: &mut RetryState| {
            background(attempt, state);
            state.retries = 2;
        };
        assert_eq!(decided(FailurePoint::ConnectionLost, failure, used_up), Recovery::Fail);
    }

    #[test]
    fn unknown_background_response_is_requested_anew_only_before_output() {
        let recovery = decided(FailurePoint::HttpResponse, with_status(404), background);
        assert_eq!(recovery, Recovery::Retry { delay: Duration::from_millis(200) });
        let mut late = with_status(404);
        late.progress = RequestProgress::OutputSeen;
        assert_eq!(decided(FailurePoint::HttpResponse, late, background), Recovery::Fail);
        let of_others = |attempt: &mut FailedAttempt<'_>, state: &mut RetryState| {
            background(attempt, state);
            attempt.repeatable = false;
        };
        assert_eq!(decided(FailurePoint::HttpResponse, with_status(404), of_others), Recovery::Fail);
    }

    #[test]
    fn background_response_that_failed_is_not_resumed() {
        let mut failure = lost();
        failure.progress = RequestProgress::OutputSeen;
        assert_eq!(decided(FailurePoint::Event, failure, background), Recovery::Fail);
        let recovery = decided(FailurePoint::Event, lost(), background);
        assert_eq!(recovery, Recovery::Retry { delay: Duration::from_millis(200) });
    }

    #[test]
    fn own_number_of_retries_takes_the_place_of_the_policy() {
        let failure = lost();
        let state = RetryState::default();
        let attempt = FailedAttempt {
            point: FailurePoint::ConnectionLost,
            failure: &failure,
            sent_on: Some(Transport::Http),
            next_transport: Transport::Http,
            incremental: false,
            prewarm: false,
            kind: AttemptKind::Create,
            background: false,
            resumable: false,
            repeatable: true,
            steered: false,
            backoff_step: 1,
            retry_state: &state,
            elapsed: Duration::ZERO,
        };
        assert_eq!(decide(&attempt, &RecoveryRules { max_retries: 0, ..RULES }, 0.5), Recovery::Fail);
        let once = decide(&attempt, &RecoveryRules { max_retries: 1, ..RULES }, 0.5);
        assert_eq!(once, Recovery::Retry { delay: Duration::from_millis(200) });
    }

    #[test]
    fn unauthorized_handshake_requests_credentials_as_often_as_allowed() {
        let point = FailurePoint::HandshakeRejected { status: 401 };
        assert_eq!(decided(point, with_status(401), |_, _| {}), Recovery::RequestCredentials);
        let asked = |_: &mut FailedAttempt<'_>, state: &mut RetryState| state.credential_requests = 1;
        assert_eq!(decided(point, with_status(401), asked), Recovery::Fail);
    }

    #[test]
    fn forgotten_previous_response_is_resent_in_full_once() {
        let failure = || Failure::new(FailureKind::PreviousResponseNotFound, "no such response");
        let incremental = |attempt: &mut FailedAttempt<'_>, _: &mut RetryState| attempt.incremental = true;
        assert_eq!(decided(FailurePoint::Event, failure(), incremental), Recovery::ResendInFull);
        let again = |attempt: &mut FailedAttempt<'_>, state: &mut RetryState| {
            attempt.incremental = true;
            state.resent_in_full = true;
        };
        assert_eq!(decided(FailurePoint::Event, failure(), again), Recovery::Fail);
        assert_eq!(decided(FailurePoint::Event, failure(), |_, _| {}), Recovery::Fail);
    }

    #[test]
    fn too_large_message_is_sent_over_http() {
        let failure = || Failure::new(FailureKind::TooLarge, "close code 1009");
        assert_eq!(decided(FailurePoint::ConnectionLost, failure(), |_, _| {}), Recovery::ForceHttp);
        let forced = |_: &mut FailedAttempt<'_>, state: &mut RetryState| state.forced_http = true;
        assert_eq!(decided(FailurePoint::ConnectionLost, failure(), forced), Recovery::Fail);
    }

    #[test]
    fn background_request_that_is_rejected_on_a_websocket_is_sent_over_http() {
        let failure = || Failure::new(FailureKind::InvalidRequest, "not over WebSocket");
        let background = |attempt: &mut FailedAttempt<'_>, _: &mut RetryState| attempt.background = true;
        assert_eq!(decided(FailurePoint::Event, failure(), background), Recovery::ForceHttp);
        assert_eq!(decided(FailurePoint::Event, failure(), |_, _| {}), Recovery::Fail);
        let forced = |attempt: &mut FailedAttempt<'_>, state: &mut RetryState| {
            attempt.background = true;
            state.forced_http = true;
        };
        assert_eq!(decided(FailurePoint::Event, failure(), forced), Recovery::Fail);
        let begun = |attempt: &mut FailedAttempt<'_>, _: &mut RetryState| {
            (attempt.background, attempt.resumable) = (true, true);
        };
        assert_eq!(decided(FailurePoint::Event, failure(), begun), Recovery::Fail);
    }

    #[test]
    fn delay_of_a_header_is_a_minimum() {
        let mut failure = with_status(503);
        failure.delay = Some(Duration::from_secs(7));
        let recovery = decided(FailurePoint::HttpResponse, failure.clone(), |_, _| {});
        assert_eq!(recovery, Recovery::Retry { delay: Duration::from_secs(7) });
        failure.delay = Some(Duration::from_millis(1));
        let recovery = decided(FailurePoint::HttpResponse, failure, |_, _| {});
        assert_eq!(recovery, Recovery::Retry { delay: Duration::from_millis(200) });
    }

    #[test]
    fn delay_over_the_limit_fails() {
        let mut failure = with_status(503);
        failure.delay = Some(Duration::from_secs(601));
        assert_eq!(decided(FailurePoint::HttpResponse, failure, |_, _| {}), Recovery::Fail);
    }

    #[test]
    fn prewarm_is_not_retried() {
        let prewarm = |attempt: &mut FailedAttempt<'_>, _: &mut RetryState| attempt.prewarm = true;
        assert_eq!(decided(FailurePoint::ConnectionLost, lost(), prewarm), Recovery::Fail);
    }
}
