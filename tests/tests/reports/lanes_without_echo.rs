//! Servers that do not echo `stream_id`, or echo an empty one.

use turnwire::client::{Request, Settings};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{ask, created, delta, done, on_lane};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

use crate::{BEGIN, END, completed, each_transport, frame, text};

#[test]
fn events_without_a_lane_belong_to_the_only_request() {
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        let payloads = format!("{BEGIN}\n{END}");
        let script =
            Script::new().on(Kind::Text, payloads.lines().map(|line| Act::Raw(frame(line))).collect::<Vec<_>>());
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.down = chunks;
        let id = pair.ask(Request::from(ask("hello")).on_lane("A"));
        pair.completed(id);
        assert_eq!(text(&pair, id), "Hi");
    }
}

#[test]
fn empty_lane_is_default_lane() {
    let payloads = format!("{BEGIN}\n{END}").replace(r#"{"type":"response."#, r#"{"stream_id":"","type":"response."#);
    each_transport(&payloads, completed);
}

/// Creates a client with up to four requests in flight, and a server without automatic responses.
fn wide() -> Pair {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 4;
    Pair::new(provider, Settings::default(), Script::new())
}

fn on(lane: &str) -> Request {
    Request::from(ask(lane)).on_lane(lane)
}

#[test]
fn server_that_ignores_lanes_gets_one_request_at_a_time() {
    let mut pair = wide();
    let first = pair.ask(on("A"));
    pair.act(Act::Send(created("r1")));
    let second = pair.ask(on("B"));
    assert_eq!(pair.texts().len(), 1, "the second request waits for the end of the first");
    pair.act(Act::Send(delta("one")));
    pair.act(Act::Send(done("r1")));
    assert_eq!((pair.completed(first).as_str(), pair.texts().len()), ("r1", 2));
    let third = pair.ask(on("C"));
    assert_eq!(pair.texts().len(), 2);
    for event in [created("r2"), delta("two"), done("r2"), created("r3"), delta("three"), done("r3")] {
        pair.act(Act::Send(event));
    }
    assert_eq!((pair.completed(second).as_str(), pair.completed(third).as_str()), ("r2", "r3"));
    assert_eq!((text(&pair, second).as_str(), text(&pair, third).as_str()), ("two", "three"));
}

#[test]
fn server_that_ignores_lanes_gets_one_request_at_a_time_on_the_next_connection_too() {
    let mut pair = wide();
    let first = pair.ask(on("A"));
    pair.act(Act::Send(created("r1")));
    pair.act(Act::Send(done("r1")));
    pair.completed(first);
    pair.act(Act::Drop);
    pair.ask(on("A"));
    pair.ask(on("B"));
    assert_eq!((pair.dials.len(), pair.texts().len()), (2, 2));
}

#[test]
fn server_that_names_lanes_gets_requests_at_the_same_time() {
    let mut pair = wide();
    pair.ask(on("A"));
    pair.act(Act::Send(on_lane("A", &created("r1"))));
    // Neither rate limits nor an error without a lane shows whether the server ignores lanes.
    pair.act(Act::Send(r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}"#.into()));
    pair.ask(on("B"));
    assert_eq!(pair.texts().len(), 2);
}

#[test]
fn responses_without_lanes_go_to_the_requests_in_their_order() {
    let mut pair = wide();
    let (first, second) = (pair.ask(on("A")), pair.ask(on("B")));
    assert_eq!(pair.texts().len(), 2);
    for event in [created("r1"), delta("one"), done("r1"), created("r2"), delta("two"), done("r2")] {
        pair.act(Act::Send(event));
    }
    assert_eq!((pair.completed(first).as_str(), pair.completed(second).as_str()), ("r1", "r2"));
    assert_eq!((text(&pair, first).as_str(), text(&pair, second).as_str()), ("one", "two"));
}
