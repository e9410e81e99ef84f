//! Late and unmatched events (docs/differences.md row 9).

use std::time::Duration;

use turnwire::client::{Disconnected, OwnedEvent, Settings};
use turnwire::responses::{FailureKind, ResponseInfo};
use turnwire_tests::fixtures::{ask, created, delta, done, done0, error, fail, on_lane};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

fn delivered(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::Server { .. } | OwnedEvent::Malformed { .. })).count()
}

#[test]
fn event_between_requests_is_unmatched() {
    let script = Script::new().ws([vec![created("a"), done("a"), delta("LATE")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let first = pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    assert_eq!(pair.kinds(first), ["response.created", "response.completed"]);
    assert_eq!(pair.kinds(second), ["response.created", "response.completed"]);
    assert_eq!((pair.dials.len(), pair.client.unmatched_events()), (1, 1));
}

#[test]
fn duplicate_end_does_not_end_next_request() {
    let script =
        Script::new().ws([vec![created("a"), done("a")], vec![done("a"), created("b"), delta("x"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    assert_eq!(pair.completed(second), "b");
    assert_eq!(pair.kinds(second), ["response.created", "response.output_text.delta", "response.completed"]);
    let violations = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Violation { .. })).count();
    assert_eq!((violations, pair.client.unmatched_events()), (0, 1));
}

#[test]
fn duplicate_end_does_not_stop_idle_timer() {
    let script = Script::new().ws([vec![created("a"), done("a")], vec![done("a")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let mut settings = Settings::default();
    settings.transport = turnwire::client::TransportPreference::WebSocket;
    let second = pair.ask(ask("two"));
    assert!(pair.client.has_pending_requests());
    let start = pair.now;
    pair.jump();
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(1));
    pair.run();
    assert!(pair.outcome(second).is_some() || pair.client.is_http_fallback());
}

#[test]
fn duplicate_failure_does_not_fail_next_request() {
    let mut provider = provider();
    provider.capabilities.reuse_after_failure = true;
    let script = Script::new().ws([
        vec![created("r"), fail("invalid_prompt", "no")],
        vec![fail("invalid_prompt", "no"), created("b"), done("b")],
    ]);
    let mut pair = Pair::new(provider, Settings::default(), script);
    let first = pair.ask(ask("one"));
    assert_eq!(pair.failure(first).kind, FailureKind::InvalidRequest);
    let second = pair.ask(ask("two"));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 1));
}

#[test]
fn server_with_one_id_for_all_responses_is_supported() {
    let answer = || vec![created("resp_mock"), delta("x"), done("resp_mock")];
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([answer(), answer(), answer()]));
    for text in ["one", "two", "three"] {
        let id = pair.ask(ask(text));
        assert_eq!(pair.kinds(id), ["response.created", "response.output_text.delta", "response.completed"]);
    }
    assert_eq!((pair.dials.len(), pair.client.unmatched_events()), (1, 0));
}

#[test]
fn repeated_response_id_over_http_is_not_late() {
    let answer = || vec![done0("resp_mock")];
    let script = Script::new().sse([answer(), answer()]);
    let mut pair = Pair::new(turnwire_tests::pair::http_provider(), Settings::default(), script);
    for text in ["one", "two"] {
        let id = pair.ask(ask(text));
        assert_eq!(pair.completed(id), "resp_mock");
    }
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn rate_limits_are_delivered_at_any_time() {
    let limits = r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":42,"window_minutes":60}}}"#;
    let script = Script::new().ws([vec![created("a"), done("a"), limits.into()]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let told = |event: &OwnedEvent| matches!(event, OwnedEvent::Info { id: None, info: ResponseInfo::RateLimits(_) });
    assert_eq!(pair.events.iter().filter(|event| told(event)).count(), 1);
    assert_eq!(pair.client.unmatched_events(), 0);
}

#[test]
fn connection_error_between_requests_costs_no_retry() {
    let limit = error(400, "websocket_connection_limit_reached", "60 minutes");
    let script = Script::new().ws([vec![created("a"), done("a"), limit], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 2));
    assert!(pair.delays().is_empty());
    let told: Vec<&Disconnected> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Disconnected(why) => Some(why),
            _ => None,
        })
        .collect();
    assert!(matches!(told[..], [Disconnected::Failed(failure)] if failure.kind == FailureKind::ConnectionLimit));
}

#[test]
fn unmatched_error_does_not_affect_idle_connection() {
    let script = Script::new().ws([vec![created("a"), done("a"), error(500, "x", "y")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len(), pair.client.unmatched_events()), ("b", 1, 1));
}

#[test]
fn events_of_an_unknown_lane_belong_to_the_only_request_unless_they_name_another_response() {
    let answer = vec![created("a"), on_lane("x", &delta("who?")), on_lane("x", &done("z")), done("a")];
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([answer]));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.kinds(id), ["response.created", "response.output_text.delta", "response.completed"]);
    assert_eq!((pair.completed(id).as_str(), pair.client.unmatched_events()), ("a", 1));
}

#[test]
fn malformed_payload_belongs_to_the_only_request() {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 4;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    let first = pair.ask(ask("one"));
    pair.act(Act::Raw(b"\x81\x04nope".to_vec()));
    assert_eq!(delivered(&pair), 1);
    let request = turnwire::client::Request::from(ask("two")).on_lane("x");
    pair.ask(request);
    pair.act(Act::Raw(b"\x81\x04nope".to_vec()));
    assert_eq!((delivered(&pair), pair.client.unmatched_events()), (1, 1));
    pair.act(Act::Send(done("a")));
    assert_eq!(pair.completed(first), "a");
    assert_eq!(pair.seen(Kind::Text).len(), 2);
}
