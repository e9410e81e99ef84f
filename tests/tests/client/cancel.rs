//! Cancelled requests.

use std::time::Duration;

use turnwire::client::{CancelMode, OwnedOutcome, Provider, Request, Settings};
use turnwire_tests::fixtures::{ask, assistant, created, delta, done, msg, on_lane, request, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn draining() -> Settings {
    let mut settings = Settings::default();
    settings.cancel = CancelMode::Drain { limit: Duration::from_millis(500) };
    settings
}

fn cancelled(pair: &Pair, id: turnwire::client::RequestId) -> bool {
    matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled))
}

#[test]
fn cancelled_request_closes_connection_by_default() {
    let answers = [vec![created("a"), delta("x")], vec![created("b"), done("b")]];
    let over_ws = Script::new().ws(answers.clone());
    let over_http =
        Script::new().on(Kind::Post, vec![Act::stream_with(&[]), Act::Send(created("a"))]).sse([answers[1].clone()]);
    for (provider, script) in [(provider(), over_ws), (http_provider(), over_http)] {
        let mut pair = Pair::new(provider, Settings::default(), script);
        let first = pair.ask(ask("one"));
        pair.client.cancel(pair.now, first);
        pair.client.cancel(pair.now, first);
        pair.run();
        assert!(cancelled(&pair, first));
        assert!(!pair.is_connected());
        let second = pair.ask(ask("two"));
        assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 2));
    }
}

#[test]
fn draining_response_is_discarded() {
    let script = Script::new().ws([vec![created("a"), delta("x")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), draining(), script);
    let first = pair.ask(ask("one"));
    pair.client.cancel(pair.now, first);
    let second = pair.ask(ask("two"));
    assert_eq!((cancelled(&pair, first), pair.texts().len()), (true, 1));
    pair.act(Act::Send(delta("y")));
    pair.act(Act::Send(done("a")));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 1));
    assert_eq!(pair.kinds(second), ["response.created", "response.completed"]);
    assert_eq!(pair.kinds(first), ["response.created", "response.output_text.delta"]);
}

#[test]
fn drain_beyond_limit_closes_connection() {
    let script = Script::new().ws([vec![created("a")], vec![done("b")]]);
    let mut pair = Pair::new(provider(), draining(), script);
    let first = pair.ask(ask("one"));
    pair.client.cancel(pair.now, first);
    let (start, second) = (pair.now, pair.ask(ask("two")));
    pair.run_out();
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 2));
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_millis(500));
}

fn wide() -> Provider {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 8;
    provider
}

fn lane(name: &str) -> Request {
    Request::from(ask(name)).on_lane(name)
}

#[test]
fn cancelled_lane_does_not_affect_others() {
    for settings in [Settings::default(), draining()] {
        let mut pair = Pair::new(wide(), settings, Script::new());
        let a = pair.ask(lane("a"));
        let b = pair.ask(lane("b"));
        pair.client.cancel(pair.now, a);
        pair.run();
        pair.act(Act::Send(on_lane("a", &delta("x"))));
        pair.act(Act::Send(on_lane("b", &done("rb"))));
        assert_eq!((cancelled(&pair, a), pair.completed(b).as_str()), (true, "rb"));
    }
}

#[test]
fn draining_lane_does_not_block_others() {
    let mut pair = Pair::new(wide(), draining(), Script::new());
    let a = pair.ask(lane("a"));
    pair.ask(lane("b"));
    pair.client.cancel(pair.now, a);
    let again = pair.ask(lane("a"));
    let c = pair.ask(lane("c"));
    assert_eq!(pair.texts().len(), 3, "the third message is lane c's; lane a is still draining");
    pair.act(Act::Send(on_lane("c", &done("rc"))));
    assert_eq!(pair.completed(c), "rc");
    pair.act(Act::Send(on_lane("a", &done("ra"))));
    pair.act(Act::Send(on_lane("a", &done("ra2"))));
    assert_eq!(pair.completed(again), "ra2");
}

#[test]
fn request_can_be_cancelled_in_every_phase() {
    let scripts = [
        Script::new().on(Kind::Dial, vec![]),
        Script::new().on(Kind::Upgrade, vec![]),
        Script::new().on(Kind::Upgrade, vec![Act::respond(503, "")]),
        Script::new(),
    ];
    for script in scripts {
        let mut provider = provider();
        provider.retry.max_retries = 4;
        let mut pair = Pair::new(provider, Settings::default(), script);
        let first = pair.ask(ask("one"));
        let queued = pair.ask(ask("two"));
        pair.client.cancel(pair.now, queued);
        pair.client.cancel(pair.now, first);
        pair.run();
        assert!(cancelled(&pair, first) && cancelled(&pair, queued));
        assert!(!pair.client.has_pending_requests());
        assert_eq!(pair.client.begin_turn(), Ok(()));
        while pair.jump() {}
    }
}

#[test]
fn draining_response_counts_as_in_flight() {
    let mut pair = Pair::new(provider(), draining(), Script::new());
    let first = pair.ask(ask("one"));
    pair.client.cancel(pair.now, first);
    let second = pair.ask(lane("a"));
    assert_eq!(pair.texts().len(), 1);
    pair.act(Act::Send(done("r1")));
    pair.act(Act::Send(on_lane("a", &done("r2"))));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("r2", 1));
}

/// A connection with an abandoned response is kept for the requests beside it, and no longer.
#[test]
fn connection_of_a_cancelled_request_closes_after_the_requests_beside_it() {
    let mut wide = provider();
    wide.capabilities.max_concurrent_requests = 4;
    let mut pair = Pair::new(wide, Settings::default(), Script::new());
    let [first, second] = ["a", "b"].map(|lane| pair.ask(Request::from(ask(lane)).on_lane(lane)));
    for lane in ["a", "b"] {
        pair.act(Act::Send(on_lane(lane, &created(lane))));
    }
    pair.client.cancel(pair.now, first);
    pair.run();
    assert!(cancelled(&pair, first) && pair.is_connected());
    pair.act(Act::Send(on_lane("b", &done("b"))));
    assert_eq!(pair.completed(second), "b");
    assert!(!pair.is_connected(), "nothing but the abandoned response was left");
}

/// What was cancelled without an interruption has no end that the server knows: no request continues it.
#[test]
fn response_that_was_cancelled_is_not_continued() {
    let mut pair = Pair::new(provider(), draining(), Script::new());
    let first = pair.ask(ask("one"));
    for event in [created("r1"), msg("m", "hi")] {
        pair.act(Act::Send(event));
    }
    pair.client.cancel(pair.now, first);
    pair.act(Act::Send(done("r1")));
    assert!(cancelled(&pair, first) && pair.is_connected());
    pair.ask(request(vec![user("one"), assistant("m", "hi"), user("two")]));
    let sent = pair.texts()[1];
    assert_eq!((sent.previous(), sent.input().len()), (None, 3));
}
