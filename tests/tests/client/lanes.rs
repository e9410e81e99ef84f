//! Lanes: several concurrent responses on one WebSocket.

use turnwire::client::{CommandError, OwnedEvent, OwnedOutcome, Provider, Request, Settings};
use turnwire::responses::FailureKind;
use turnwire_tests::fixtures::{
    ask, assistant, created, delta, done, error, incomplete, msg, on_lane, request, token, user,
};
use turnwire_tests::pair::{Act, Pair, Script, provider};

fn wide() -> Provider {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 16;
    provider.capabilities.reuse_after_failure = true;
    provider
}

fn lane(name: &str, text: &str) -> Request {
    Request::from(ask(text)).on_lane(name)
}

#[test]
fn concurrent_lanes_receive_their_own_events() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let plain = pair.ask(ask("one"));
    let a = pair.ask(lane("a", "two"));
    let b = pair.ask(lane("b", "three"));
    assert_eq!((pair.texts().len(), pair.dials.len()), (3, 1));
    assert_eq!(pair.texts()[1].json()["stream_id"], serde_json::json!("a"));
    for event in [
        on_lane("b", &created("rb")),
        created("r"),
        on_lane("a", &created("ra")),
        on_lane("b", &delta("B")),
        delta("x"),
        on_lane("b", &done("rb")),
        on_lane("a", &done("ra")),
        done("r"),
    ] {
        pair.act(Act::Send(event));
    }
    assert_eq!((pair.completed(plain), pair.completed(a), pair.completed(b)), ("r".into(), "ra".into(), "rb".into()));
    assert_eq!(pair.kinds(a), ["response.created", "response.completed"]);
    assert_eq!(pair.kinds(b).len(), 3);
    assert_eq!(pair.client.unmatched_events(), 0);
}

#[test]
fn requests_of_one_lane_are_sequential() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let first = pair.ask(lane("a", "one"));
    let second = pair.ask(lane("a", "two"));
    let other = pair.ask(lane("b", "three"));
    assert_eq!(pair.texts().len(), 2);
    pair.act(Act::Send(on_lane("a", &done("a1"))));
    assert_eq!(pair.texts().len(), 3);
    pair.act(Act::Send(on_lane("a", &done("a2"))));
    pair.act(Act::Send(on_lane("b", &done("b1"))));
    let ids = [first, second, other].map(|id| pair.completed(id));
    assert_eq!(ids, ["a1", "a2", "b1"]);
}

#[test]
fn request_on_busy_lane_is_rejected_without_queueing() {
    let mut settings = Settings::default();
    settings.queue_on_busy_lane = false;
    let mut pair = Pair::new(wide(), settings, Script::new());
    pair.ask(lane("a", "one"));
    let refused = pair.client.send(pair.now, lane("a", "two")).expect_err("a busy lane");
    assert_eq!((refused.reason, refused.value.lane.as_deref()), (CommandError::InFlight, Some("a")));
    pair.ask(lane("b", "three"));
    for name in ["", "a b", &"x".repeat(257)] {
        let refused = pair.client.send(pair.now, lane(name, "x")).expect_err("no lane's name");
        assert_eq!(refused.reason, CommandError::Lane);
    }
    assert_eq!(pair.texts().len(), 2);
}

#[test]
fn requests_in_flight_are_limited() {
    let mut provider = wide();
    provider.capabilities.max_concurrent_requests = 2;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    let ids: Vec<_> = ["a", "b", "c"].iter().map(|name| pair.ask(lane(name, "x"))).collect();
    assert_eq!(pair.texts().len(), 2);
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!((pair.texts().len(), pair.completed(ids[1]).as_str()), (3, "rb"));
}

#[test]
fn each_lane_has_its_previous_response() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    pair.ask(lane("a", "hello"));
    pair.act(Act::Send(on_lane("a", &msg("msg_1", "hi"))));
    pair.act(Act::Send(on_lane("a", &done("ra"))));
    let history = || request(vec![user("hello"), assistant("msg_1", "hi"), user("more")]);
    pair.ask(Request::from(history()).on_lane("b"));
    pair.ask(Request::from(history()).on_lane("a"));
    let previous: Vec<_> = pair.texts().iter().map(|seen| seen.previous()).collect();
    assert_eq!(previous, [None, None, Some("ra".into())]);
}

#[test]
fn failure_of_one_lane_does_not_affect_others() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let a = pair.ask(lane("a", "one"));
    let b = pair.ask(lane("b", "two"));
    pair.act(Act::Send(on_lane("a", &error(400, "invalid_prompt", "no"))));
    assert_eq!(pair.failure(a).kind, FailureKind::InvalidRequest);
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!((pair.completed(b).as_str(), pair.is_connected()), ("rb", true));
}

#[test]
fn connection_without_reuse_closes_when_other_lanes_end() {
    let mut provider = wide();
    provider.capabilities.reuse_after_failure = false;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    pair.ask(lane("a", "one"));
    let b = pair.ask(lane("b", "two"));
    pair.act(Act::Send(on_lane("a", &error(400, "invalid_prompt", "no"))));
    let c = pair.ask(lane("c", "three"));
    assert_eq!(pair.texts().len(), 2);
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!((pair.completed(b).as_str(), pair.texts().len(), pair.dials.len()), ("rb", 3, 2));
    pair.act(Act::Send(on_lane("c", &done("rc"))));
    assert_eq!(pair.completed(c), "rc");
}

#[test]
fn connection_error_fails_all_lanes() {
    let mut provider = wide();
    provider.retry.max_retries = 1;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    let a = pair.ask(lane("a", "one"));
    let b = pair.ask(lane("b", "two"));
    pair.act(Act::Send(error(400, "websocket_connection_limit_reached", "60 minutes")));
    pair.jump();
    assert_eq!((pair.dials.len(), pair.texts().len()), (2, 4));
    pair.act(Act::Send(on_lane("a", &done("ra"))));
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!((pair.completed(a), pair.completed(b)), ("ra".into(), "rb".into()));
}

#[test]
fn lost_connection_fails_all_lanes() {
    let mut provider = wide();
    provider.retry.max_retries = 1;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    let a = pair.ask(lane("a", "one"));
    let b = pair.ask(lane("b", "two"));
    pair.act(Act::Send(on_lane("a", &delta("x"))));
    pair.act(Act::Drop);
    pair.pass(std::time::Duration::from_millis(500));
    assert!(matches!(pair.outcome(a), Some(OwnedOutcome::Failed(_))), "its output had been delivered");
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!(pair.completed(b), "rb");
}

#[test]
fn silent_lane_times_out_beside_active_one() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let silent = pair.ask(lane("a", "one"));
    let lively = pair.ask(lane("b", "two"));
    for _ in 0..4 {
        pair.pass(std::time::Duration::from_millis(400));
        pair.act(Act::Send(on_lane("b", &delta("x"))));
    }
    assert_eq!(pair.texts().len(), 2);
    assert!(pair.outcome(lively).is_none());
    pair.act(Act::Send(on_lane("b", &done("rb"))));
    assert_eq!(pair.completed(lively), "rb");
    pair.run_out();
    assert!(pair.outcome(silent).is_some());
}

#[test]
fn lane_names_per_websocket_are_limited() {
    let mut provider = wide();
    provider.capabilities.max_lane_names = 2;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    for (at, name) in ["a", "b", "a", "c"].iter().enumerate() {
        let id = pair.ask(lane(name, "x"));
        pair.act(Act::Send(on_lane(name, &done(&format!("r{at}")))));
        assert_eq!(pair.completed(id), format!("r{at}"));
    }
    let sockets: Vec<_> = pair.texts().iter().map(|seen| seen.socket).collect();
    assert_eq!(sockets, [0, 0, 0, 1]);
}

#[test]
fn steering_is_sent_for_response_in_flight() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let id = pair.ask(ask("one"));
    assert_eq!(pair.client.steer(pair.now, id, &[user("left")]), Err(CommandError::NoRequest));
    pair.act(Act::Send(created("r1")));
    pair.client.steer(pair.now, id, &[user("left")]).expect("a response in flight");
    pair.run();
    let steer = pair.texts()[1].json();
    assert_eq!(
        (&steer["type"], &steer["previous_response_id"], steer["input"].as_array().map(Vec::len)),
        (&serde_json::json!("response.steer"), &serde_json::json!("r1"), Some(1))
    );
    for event in [
        r#"{"type":"response.steer.accepted"}"#.to_owned(),
        incomplete("r1", "steered"),
        created("r2"),
        delta("x"),
        done("r2"),
    ] {
        pair.act(Act::Send(event));
    }
    assert_eq!(pair.completed(id), "r2");
    assert_eq!(pair.report(id).expect("a report").response_id.as_deref(), Some("r2"));
    assert_eq!(pair.client.steer(pair.now, id, &[user("late")]), Err(CommandError::NoRequest));
    // After steering, the exact input is unknown, so the next request is not incremental.
    pair.ask(request(vec![user("one"), user("more")]));
    assert_eq!(pair.texts()[2].previous(), None);
}

#[test]
fn failed_steering_is_an_event() {
    for kind in ["response.steer.pending", "response.steer.failed"] {
        let mut pair = Pair::new(wide(), Settings::default(), Script::new().ws([vec![created("r1")]]));
        let id = pair.ask(ask("one"));
        pair.client.steer(pair.now, id, &[user("left")]).expect("a running response");
        pair.run();
        pair.act(Act::Send(format!(r#"{{"type":"{kind}"}}"#)));
        pair.act(Act::Send(done("r1")));
        assert_eq!(pair.kinds(id), ["response.created", kind, "response.completed"]);
        assert!(!pair.events.iter().any(|event| matches!(event, OwnedEvent::Violation { .. })));
    }
}

#[test]
fn close_1009_fails_only_requests_without_events() {
    let mut provider = wide();
    provider.retry.max_retries = 1;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    let a = pair.ask(lane("a", "one"));
    let b = pair.ask(lane("b", "two"));
    pair.act(Act::Send(on_lane("a", &created("ra"))));
    pair.act(Act::Close(1009, String::new()));
    pair.pass(std::time::Duration::from_millis(500));
    let over_http =
        |pair: &Pair| pair.posts().iter().map(|seen| seen.input()[0]["content"][0]["text"].clone()).collect::<Vec<_>>();
    assert_eq!(over_http(&pair), ["two"]);
    for act in [Act::stream_with(&[]), Act::Send(done("rb")), Act::End] {
        pair.act(act);
    }
    assert_eq!(pair.completed(b), "rb");
    pair.act(Act::Send(on_lane("a", &done("ra2"))));
    assert_eq!(pair.completed(a), "ra2");
}

#[test]
fn late_turn_token_without_lane_never_reaches_the_next_turn() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let first = pair.ask(ask("one"));
    pair.act(Act::Send(done("r1")));
    assert_eq!(pair.completed(first), "r1");
    pair.client.begin_turn().expect("nothing is in flight");
    let second = pair.ask(lane("a", "two"));
    // The server still says this of the response on the default lane, and names no lane.
    pair.act(Act::Send(token("of-turn-1")));
    assert_eq!(pair.client.turn_token(), None);
    pair.act(Act::Send(on_lane("a", &token("of-turn-2"))));
    assert_eq!(pair.client.turn_token(), Some("of-turn-2"));
    pair.act(Act::Send(on_lane("a", &done("r2"))));
    assert_eq!(pair.completed(second), "r2");
}

#[test]
fn turn_token_from_a_server_that_names_no_lanes_is_kept_on_a_new_connection() {
    let mut pair = Pair::new(wide(), Settings::default(), Script::new());
    let id = pair.ask(lane("a", "one"));
    pair.act(Act::Send(token("of-turn-1")));
    pair.act(Act::Send(done("r1")));
    assert_eq!((pair.completed(id), pair.client.turn_token()), ("r1".into(), Some("of-turn-1")));
}
