//! The rules of recovery that one condition decides: each holds on both sides of that condition.

use core::time::Duration;

use turnwire::client::{Credentials, OwnedEvent, Settings, TransportPreference};
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::laws::resume::events;
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, ok_stream, provider, with_retries};

fn needed(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::CredentialsNeeded { .. })).count()
}

/// A background response whose stream is lost after some output, then these responses to the requests for its rest.
fn resumed(credential_requests: u32, statuses: &[u16]) -> Pair {
    let mut acts = vec![Act::stream_with(&[])];
    acts.extend(events(Some(0)).into_iter().take(4).map(Act::Send));
    acts.push(Act::Drop);
    let mut script = Script::new().on(Kind::Post, acts);
    for status in statuses {
        script = script.on(Kind::Post, vec![Act::respond(*status, "{}")]);
    }
    let mut settings = Settings::default();
    settings.max_credential_requests = credential_requests;
    Pair::with(with_retries(http_provider(), 3), Credentials::bearer("first"), settings, script)
}

#[test]
fn unauthorized_resumption_asks_for_credentials_as_often_as_allowed() {
    for allowed in [0, 1, 2] {
        let mut pair = resumed(allowed, &[401; 4]);
        let id = pair.send(ask("hi").background(true));
        pair.run();
        pair.pass(Duration::from_secs(1));
        for asked in 1..=allowed {
            assert_eq!((needed(&pair), pair.posts().len()), (asked as usize, 1 + asked as usize), "{allowed}");
            pair.client.set_credentials(pair.now, Credentials::bearer("next"));
            pair.run();
        }
        pair.run_out();
        assert_eq!(needed(&pair), allowed as usize);
        let failure = pair.failure(id);
        assert_eq!((failure.kind, failure.progress), (FailureKind::Unauthorized, RequestProgress::OutputSeen));
    }
}

#[test]
fn busy_resumption_asks_for_no_credentials() {
    let mut pair = resumed(2, &[503; 4]);
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!((needed(&pair), pair.posts().len()), (0, 4));
    assert_eq!(pair.failure(id).status, Some(503));
}

#[test]
fn too_large_message_fails_when_only_websocket_is_allowed() {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let script = Script::new().on(Kind::Text, vec![Act::Close(1009, String::new())]);
    let mut pair = Pair::new(provider(), settings, script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.posts().len(), pair.texts().len()), (FailureKind::TooLarge, 0, 1));
}

#[test]
fn event_of_an_error_is_retried_although_lost_connections_are_not() {
    let mut provider = with_retries(provider(), 1);
    provider.retry.on_transport = false;
    let failed = r#"{"type":"response.failed","response":{"id":"a","error":{"code":"server_error","message":"Oops"}}}"#;
    let script = Script::new().ws([vec![created("a"), failed.into()], vec![done("b")]]);
    let mut pair = Pair::new(provider, Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.texts().len()), ("b", 2));
}

#[test]
fn rejected_handshake_is_retried_for_a_status_that_may_pass() {
    for (status, attempts) in [(408, 2), (409, 2), (425, 2), (400, 1), (403, 1), (404, 1), (422, 1)] {
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let script = Script::new().on(Kind::Upgrade, vec![Act::respond(status, "{}")]).ws([vec![done("ok")]]);
        let mut pair = Pair::new(with_retries(provider(), 3), settings, script);
        pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.upgrades().len(), attempts, "{status}");
    }
}

#[test]
fn retry_whose_delay_ends_with_the_time_for_retries_is_made() {
    for (seconds, attempts) in [("10", 2), ("11", 1)] {
        let mut provider = with_retries(http_provider(), 3);
        provider.retry.max_elapsed = Some(Duration::from_secs(10));
        let busy = vec![Act::respond_with(503, &[("retry-after", seconds)], "busy")];
        let mut pair =
            Pair::new(provider, Settings::default(), Script::new().on(Kind::Post, busy).on(Kind::Post, ok_stream()));
        pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.posts().len(), attempts, "{seconds} s");
    }
}
