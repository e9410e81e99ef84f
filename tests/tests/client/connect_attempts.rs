//! Connection attempts belong to the connection: all waiting requests share one attempt at a time, and its failure
//! counts once for each of them (docs/differences.md row 54).

use std::time::Duration;

use turnwire::client::{ConnectError, OwnedEvent, OwnedOutcome, Provider, Request, RequestId, Settings};
use turnwire_tests::fixtures::{ask, done, on_lane};
use turnwire_tests::pair::{Act, Kind, Pair, Script, ok_stream, provider};

const LANES: usize = 16;

fn wide(retries: u32) -> Provider {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = LANES;
    provider.retry.max_retries = retries;
    provider
}

fn on(lane: usize) -> Request {
    Request::from(ask("one")).on_lane(&format!("lane-{lane}"))
}

fn times(script: Script, kind: Kind, count: usize, act: impl Fn() -> Act) -> Script {
    (0..count).fold(script, |script, _| script.on(kind, vec![act()]))
}

fn refused() -> Act {
    Act::Fail(ConnectError::Network("refused".into()))
}

fn retries_of(pair: &Pair, id: RequestId) -> Vec<u32> {
    let of = |event: &OwnedEvent| match event {
        OwnedEvent::Retry { id: of, retries, .. } if *of == id => Some(*retries),
        _ => None,
    };
    pair.events.iter().filter_map(of).collect()
}

/// Returns the number of connection attempts for this many lanes, if every attempt fails.
fn attempts(lanes: usize, script: Script) -> usize {
    let mut pair = Pair::new(wide(5), Settings::default(), script);
    let ids: Vec<RequestId> = (0..lanes).map(|lane| pair.ask(on(lane))).collect();
    pair.run_out();
    for id in ids {
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Failed(_))), "{:?}", pair.outcome(id));
    }
    pair.dials.len()
}

#[test]
fn closed_port_causes_equal_attempts_for_one_and_sixteen_lanes() {
    let closed = || times(Script::new(), Kind::Dial, 400, refused);
    assert_eq!(attempts(1, closed()), 12);
    assert_eq!(attempts(LANES, closed()), 12);
}

#[test]
fn unavailable_handshake_causes_equal_attempts_for_one_and_sixteen_lanes() {
    let unavailable = || times(Script::new(), Kind::Upgrade, 400, || Act::respond(503, "busy"));
    for lanes in [1, LANES] {
        let script = unavailable().sse((0..lanes).map(|_| vec![done("ok")]));
        let mut pair = Pair::new(wide(5), Settings::default(), script);
        let ids: Vec<RequestId> = (0..lanes).map(|lane| pair.ask(on(lane))).collect();
        pair.run_out();
        assert_eq!((pair.upgrades().len(), pair.dials.len()), (6, 7), "{lanes} lanes");
        for id in ids {
            assert_eq!((pair.completed(id).as_str(), retries_of(&pair, id)), ("ok", vec![1, 2, 3, 4, 5]));
        }
    }
}

#[test]
fn request_during_the_delay_waits_for_its_end() {
    let script = times(Script::new(), Kind::Dial, 1, refused).ws([vec![], vec![]]);
    let mut pair = Pair::new(wide(5), Settings::default(), script);
    pair.ask(on(0));
    assert_eq!(pair.dials.len(), 1);
    pair.ask(on(1));
    assert_eq!(pair.dials.len(), 1, "the delay belongs to the connection");
    pair.pass(Duration::from_millis(221));
    assert_eq!((pair.dials.len(), pair.texts().len()), (2, 2));
    for lane in 0..2 {
        pair.act(Act::Send(on_lane(&format!("lane-{lane}"), &done("ok"))));
    }
    assert!(!pair.client.has_pending_requests());
}

#[test]
fn failed_attempt_counts_once_for_each_waiting_lane() {
    let script = times(Script::new(), Kind::Dial, 3, refused);
    let mut pair = Pair::new(wide(5), Settings::default(), script);
    let ids: Vec<RequestId> = (0..4).map(|lane| pair.ask(on(lane))).collect();
    pair.pass(Duration::from_secs(2));
    assert_eq!((pair.dials.len(), pair.texts().len()), (4, 4));
    let counts: Vec<usize> = ids.iter().map(|id| retries_of(&pair, *id).len()).collect();
    assert_eq!(counts, [3, 2, 2, 2], "the first request was the only one at the first failure");
}

#[test]
fn cancelled_requests_end_the_attempts() {
    let script = times(Script::new(), Kind::Dial, 9, refused);
    let mut pair = Pair::new(wide(5), Settings::default(), script);
    let id = pair.ask(on(0));
    pair.client.cancel(pair.now, id);
    pair.run();
    assert_eq!(pair.client.poll_timeout(), None);
    pair.pass(Duration::from_secs(60));
    assert_eq!(pair.dials.len(), 1);
}

/// Attempts are counted up to an open connection. The next connection has all of them again.
#[test]
fn open_connection_ends_the_count_of_attempts() {
    let mut script = Script::new();
    for _ in 0..2 {
        script = script.on(Kind::Dial, vec![refused()]).on(Kind::Dial, vec![Act::Connect]);
    }
    let mut pair = Pair::new(wide(1), Settings::default(), script.ws([vec![done("a")], vec![done("b")]]));
    for expected in ["a", "b"] {
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!((pair.completed(id).as_str(), retries_of(&pair, id)), (expected, vec![1]));
        pair.act(Act::Drop);
    }
    assert_eq!(pair.dials.len(), 4);
}

/// A proxy that refuses the tunnel for a WebSocket may forward requests, but no requests that belong into TLS.
#[test]
fn plain_request_that_gets_no_tunnel_takes_http_and_one_in_tls_fails() {
    for (base, takes_http) in [("http://127.0.0.1:8080/v1", true), ("https://h.example/v1", false)] {
        let refusal = ConnectError::Proxy { message: "no tunnel".into(), retryable: false };
        let script = Script::new().on(Kind::Dial, vec![Act::Fail(refusal)]).on(Kind::Post, ok_stream());
        let mut provider = wide(0);
        provider.base_url = base.into();
        let mut pair = Pair::new(provider, Settings::default(), script);
        let id = pair.ask(ask("one"));
        pair.run_out();
        let completed = matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_)));
        let websockets: Vec<bool> = pair.dials.iter().map(|target| target.websocket).collect();
        let expected = if takes_http { &[true, false][..] } else { &[true] };
        assert_eq!((completed, &websockets[..]), (takes_http, expected), "{base}");
    }
}
