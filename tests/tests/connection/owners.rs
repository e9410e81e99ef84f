//! Lanes: the request that an event without a lane, or without a request of its own, belongs to.

use turnwire::time::Instant;
use turnwire::turn::RequestState;

use crate::lane_pair::{EXPECTED, Pair, UNMATCHED, completed, created, delta};

const NOW: Instant = Instant::ZERO;

/// What is known to be of a response that has ended on the default lane stays there, whatever else is pending.
#[test]
fn late_event_of_the_default_lane_does_not_belong_to_the_only_request() {
    for late in [completed("r1", ""), delta("i1", ""), delta("i9", r#","response_id":"r1""#)] {
        let mut pair = Pair::new();
        pair.request(None);
        pair.hear(&created("r1", ""));
        pair.hear(&delta("i1", ""));
        pair.hear(&completed("r1", ""));
        pair.request(Some("a"));
        pair.hear(&created("ra", r#","stream_id":"a""#));
        assert_eq!(pair.hear(&late), (0, 1), "{late}");
        assert_eq!(pair.state(Some("a")), RequestState::Created, "{late}");
    }
}

/// A server that names no lanes: what begins is of the oldest request, and an item is of the response that it began in.
#[test]
fn event_without_a_lane_belongs_to_the_owner_of_its_item_or_to_the_oldest_request() {
    let mut pair = Pair::new();
    for lane in ["b", "a", "c"] {
        pair.request(Some(lane));
    }
    let states = |pair: &Pair| ["b", "a", "c"].map(|lane| pair.state(Some(lane)));
    use RequestState::{Created, Output, Requested};
    assert_eq!(pair.hear(&created("rb", "")), EXPECTED);
    assert_eq!(states(&pair), [Created, Requested, Requested]);
    assert_eq!(pair.hear(&created("ra", "")), EXPECTED);
    assert_eq!(states(&pair), [Created, Created, Requested]);
    // The lane of an item is known from the event that named both.
    assert_eq!(pair.hear(&delta("ia", r#","stream_id":"a""#)), EXPECTED);
    assert_eq!(pair.hear(&delta("ia", "")), EXPECTED);
    assert_eq!(states(&pair), [Created, Output, Requested]);
    // Two responses have begun: an unknown item may be of either.
    assert_eq!(pair.hear(&delta("ix", "")), (0, 1));
    assert_eq!(states(&pair), [Created, Output, Requested]);
    pair.hear(&completed("ra", ""));
    assert_eq!(pair.hear(&delta("ix", "")), EXPECTED, "only one response has begun");
    assert_eq!(states(&pair), [Output, RequestState::Completed, Requested]);
}

/// A successor begins without a request: where it is expected, or where it names the response that it continues.
#[test]
fn response_without_a_request_is_a_successor_only_where_one_is_due() {
    let continues = |id: &str, of: &str| {
        format!(r#"{{"type":"response.created","response":{{"id":"{id}","previous_response_id":"{of}"}}}}"#)
    };
    for (expects, event, is_successor) in [
        (true, created("r2", ""), true),
        (true, continues("r2", "other"), true),
        (false, continues("r2", "r1"), true),
        (false, created("r2", ""), false),
        (false, continues("r2", "other"), false),
        (false, continues("r1", "r1"), false),
    ] {
        let mut pair = Pair::new();
        pair.request(None);
        pair.hear(&created("r1", ""));
        pair.hear(&completed("r1", ""));
        if expects {
            pair.client.expect_successor(None);
        }
        let expected = if is_successor { (EXPECTED, RequestState::Output) } else { ((0, 1), RequestState::Completed) };
        assert_eq!((pair.hear(&event), pair.state(None)), expected, "{expects} {event}");
    }
}

#[test]
fn events_that_no_request_waits_for_are_counted() {
    let mut pair = Pair::new();
    pair.request(None);
    pair.hear(&created("r1", ""));
    pair.hear(&completed("r1", ""));
    pair.request(None);
    for number in 0..3 {
        assert_eq!(pair.client.unmatched_events(), number);
        assert_eq!(pair.hear(&completed("r1", "")), UNMATCHED);
    }
}

/// A message about a response that has ended is answered with one `error`, which fails no request. Every other one does.
#[test]
fn error_about_a_response_that_has_ended_fails_no_request() {
    let unknown = r#"{"type":"error","error":{"code":"response_not_found","message":"no"}}"#;
    let other = r#"{"type":"error","error":{"code":"server_error","message":"no"}}"#;
    let refused = r#"{"type":"response.interrupt.failed","response_id":"r0","error":{"code":"x"}}"#;
    for (messages, replies, fails) in [
        (0, &[][..], unknown),
        (1, &[unknown][..], unknown),
        (1, &[][..], other),
        (1, &[refused][..], unknown),
        (2, &[refused, unknown][..], unknown),
    ] {
        let mut pair = Pair::new();
        pair.request(None);
        pair.hear(&created("r1", ""));
        for _ in 0..messages {
            let text = r#"{"type":"response.interrupt","response_id":"r0"}"#;
            pair.client.send_about_response(NOW, text).expect("an open WebSocket");
        }
        for reply in replies {
            pair.hear(reply);
            assert_eq!(pair.state(None), RequestState::Created, "{messages} {replies:?}");
        }
        assert_eq!(pair.hear(fails), EXPECTED, "{messages} {replies:?}");
        assert_eq!(pair.state(None), RequestState::Failed, "{messages} {replies:?}");
    }
}

/// An event of no known response, while two wait, shows that the server names no lanes.
#[test]
fn server_that_leaves_the_lane_out_of_a_response_ignores_lanes() {
    let mut pair = Pair::new();
    for lane in ["a", "b"] {
        pair.request(Some(lane));
        pair.hear(&created(lane, &format!(r#","stream_id":"{lane}""#)));
    }
    assert!(!pair.client.ignores_lanes());
    pair.hear(r#"{"type":"codex.rate_limits"}"#);
    assert!(!pair.client.ignores_lanes(), "it is of no response");
    pair.hear(&delta("ix", ""));
    assert!(pair.client.ignores_lanes());
}
