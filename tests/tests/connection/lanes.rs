//! Lanes: the request to which an event belongs, and the limits of names from a peer.

use allocation_counter::measure;
use turnwire::connection::{CommandError, ServerConnection, client, server};
use turnwire::time::Instant;
use turnwire::turn::RequestState;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

use crate::lane_pair::{EXPECTED, Pair, UNMATCHED, completed, created, delta};

const NOW: Instant = Instant::ZERO;

#[test]
fn event_without_a_known_lane_belongs_to_the_only_request() {
    for request in [None, Some("a")] {
        for named in ["", r#","stream_id":"""#, r#","stream_id":"unknown""#, r#","stream_id":null"#] {
            let mut pair = Pair::new();
            pair.request(request);
            assert_eq!(pair.hear(&created("r1", named)), EXPECTED, "{request:?} {named}");
            assert_eq!(pair.hear(&delta("i1", named)), EXPECTED, "{request:?} {named}");
            assert_eq!(pair.state(request), RequestState::Output, "{request:?} {named}");
            assert_eq!(pair.hear(&completed("r1", named)), EXPECTED, "{request:?} {named}");
            assert_eq!(pair.state(request), RequestState::Completed, "{request:?} {named}");
        }
    }
}

/// A lane whose response has ended is known: its events do not belong to another request.
#[test]
fn event_of_ended_lane_does_not_belong_to_other_request() {
    let mut pair = Pair::new();
    pair.request(Some("a"));
    pair.hear(&completed("r1", r#","stream_id":"a""#));
    pair.request(Some("b"));
    assert_eq!(pair.hear(&delta("i1", r#","stream_id":"a""#)), (0, 1));
    assert_eq!(pair.state(Some("b")), RequestState::Requested);
}

/// The lane of an abandoned request stays in use until its end: an event without a lane does not belong to the other
/// request.
#[test]
fn event_of_abandoned_request_does_not_belong_to_other_request() {
    let mut pair = Pair::new();
    pair.request(None);
    pair.client.abandon(NOW, None);
    pair.request(Some("b"));
    pair.hear(&completed("r1", ""));
    assert_eq!(pair.state(Some("b")), RequestState::Requested);
    // After the end of the abandoned request, only one request is left.
    assert_eq!(pair.hear(&created("r2", "")), EXPECTED);
    assert_eq!(pair.state(Some("b")), RequestState::Created);
}

#[test]
fn with_several_requests_a_known_response_id_counts_more_than_the_lane() {
    let mut pair = Pair::new();
    for lane in [None, Some("a"), Some("b")] {
        pair.request(lane);
    }
    pair.hear(&created("ra", r#","stream_id":"a""#));
    pair.hear(&created("rb", r#","stream_id":"b""#));
    // The response id, in either place, against a lane that is wrong, unknown or missing.
    for named in ["", r#","stream_id":"b""#, r#","stream_id":"x""#] {
        assert_eq!(pair.hear(&delta("i", &format!(r#","response_id":"ra"{named}"#))), EXPECTED, "{named}");
    }
    assert_eq!(pair.state(Some("a")), RequestState::Output);
    assert_eq!((pair.state(None), pair.state(Some("b"))), (RequestState::Requested, RequestState::Created));
    pair.hear(&completed("rb", ""));
    assert_eq!((pair.state(None), pair.state(Some("b"))), (RequestState::Requested, RequestState::Completed));
    // With an unknown response id, the lane decides.
    pair.hear(&completed("r0", ""));
    assert_eq!(pair.state(None), RequestState::Completed);
    pair.hear(&completed("ra", r#","stream_id":"a""#));
    assert_eq!(pair.state(Some("a")), RequestState::Completed);
}

/// Output of the previous response, before the next one has begun, is unmatched.
#[test]
fn output_of_the_ended_response_is_unmatched_before_the_next_has_begun() {
    for late in [
        delta("i1", ""),
        delta("i2", ""),
        delta("i9", r#","response_id":"r1""#),
        r#"{"type":"response.output_item.done","item":{"id":"i1","type":"message"}}"#.to_owned(),
        completed("r1", ""),
        r#"{"type":"response.metadata","response_id":"r1","headers":{"x-codex-turn-state":"t"}}"#.to_owned(),
    ] {
        let mut pair = Pair::new();
        pair.request(None);
        pair.hear(&created("r1", ""));
        pair.hear(r#"{"type":"response.output_item.added","item":{"id":"i1","type":"message"}}"#);
        pair.hear(&delta("i2", ""));
        pair.hear(&completed("r1", ""));
        pair.request(None);
        assert_eq!(pair.hear(&late), UNMATCHED, "{late}");
        assert_eq!((pair.state(None), pair.client.unmatched_events()), (RequestState::Requested, 1), "{late}");
        // Another item belongs to the pending response, although it was not created yet.
        assert_eq!(pair.hear(&delta("i3", "")), EXPECTED);
        assert_eq!(pair.state(None), RequestState::Output);
    }
}

/// Some servers give every response the same id.
#[test]
fn response_may_have_the_id_of_one_that_has_ended() {
    let mut pair = Pair::new();
    for _ in 0..3 {
        pair.request(None);
        for event in [created("r1", ""), delta("i1", r#","response_id":"r1""#), completed("r1", "")] {
            assert_eq!(pair.hear(&event), EXPECTED, "{event}");
        }
    }
}

/// An event of another response does not belong to the pending one just because its lane is unknown.
#[test]
fn other_response_on_an_unknown_lane_is_unmatched() {
    let mut pair = Pair::new();
    pair.request(Some("a"));
    pair.hear(&created("r1", r#","stream_id":"a""#));
    assert_eq!(pair.hear(&completed("r2", r#","stream_id":"x""#)).0, 0);
    assert_eq!(pair.hear(&delta("i", r#","response_id":"r2","stream_id":"x""#)).0, 0);
    assert_eq!(pair.state(Some("a")), RequestState::Created);
    assert_eq!(pair.hear(&delta("i", r#","response_id":"r1","stream_id":"x""#)), EXPECTED);
    assert_eq!(pair.hear(&completed("r1", r#","stream_id":"x""#)), EXPECTED);
}

/// On a new connection, a response need not be created before its output.
#[test]
fn output_on_a_fresh_connection_needs_no_created_event() {
    let mut pair = Pair::new();
    pair.request(None);
    assert_eq!(pair.hear(&delta("i1", r#","response_id":"r1""#)), EXPECTED);
    assert_eq!(pair.state(None), RequestState::Output);
}

/// Metadata of another response than the current one is unmatched.
#[test]
fn metadata_of_another_response_is_unmatched() {
    let mut pair = Pair::new();
    pair.request(None);
    let metadata = |id| format!(r#"{{"type":"response.metadata","response_id":"{id}","headers":{{}}}}"#);
    assert_eq!(pair.hear(&metadata("r1")), EXPECTED, "before the response is created, any id may be its own");
    pair.hear(&created("r1", ""));
    pair.hear(&completed("r1", ""));
    pair.request(None);
    pair.hear(&created("r2", ""));
    assert_eq!(pair.hear(&metadata("r3")), UNMATCHED);
    assert_eq!(pair.hear(&metadata("r1")), UNMATCHED);
    assert_eq!(pair.hear(&metadata("r2")), EXPECTED);
    assert_eq!(pair.hear(r#"{"type":"response.metadata","headers":{}}"#), EXPECTED);
}

/// A duplicate end of any of the last four responses is late; older ones are forgotten.
#[test]
fn ends_of_the_last_four_responses_are_remembered() {
    let mut pair = Pair::new();
    for number in 1..=5 {
        pair.request(None);
        pair.hear(&created(&format!("r{number}"), ""));
        pair.hear(&completed(&format!("r{number}"), ""));
    }
    pair.request(None);
    for number in 2..=5 {
        assert_eq!(pair.hear(&completed(&format!("r{number}"), "")), UNMATCHED, "r{number}");
        assert_eq!(pair.state(None), RequestState::Requested, "r{number}");
    }
    pair.hear(&completed("r1", ""));
    assert_eq!(pair.state(None), RequestState::Completed);
}

/// A cancelled request is skipped up to its own end, not up to a duplicate end of the previous response.
#[test]
fn repeated_end_does_not_end_an_abandoned_request() {
    let mut pair = Pair::new();
    pair.request(None);
    pair.hear(&created("r1", ""));
    pair.hear(&completed("r1", ""));
    pair.request(None);
    pair.client.abandon(NOW, None);
    pair.request(Some("b"));
    assert_eq!(pair.hear(&completed("r1", "")), UNMATCHED);
    // The abandoned request still awaits its end, so an event without a lane does not belong to b.
    pair.hear(&created("r2", ""));
    assert_eq!(pair.state(Some("b")), RequestState::Requested);
}

/// The response to a new request has another id than the previous one, or none.
#[test]
fn response_of_the_request_before_is_not_the_current_one() {
    let mut pair = Pair::new();
    pair.request(None);
    pair.hear(&created("r1", ""));
    pair.client.abandon(NOW, None);
    pair.request(None);
    // The end names no response: it belongs to the pending one, which has no id yet.
    pair.hear(r#"{"type":"response.completed","response":{}}"#);
    pair.request(None);
    pair.hear(&completed("r1", ""));
    assert_eq!(pair.state(None), RequestState::Completed, "r1 has not ended before");
}

#[test]
fn ended_lane_is_not_lost_with_connection() {
    let mut pair = Pair::new();
    for lane in [None, Some("a"), Some("b")] {
        pair.request(lane);
    }
    pair.hear(&completed("r1", r#","stream_id":"a""#));
    pair.client.abandon(NOW, Some("b"));
    pair.client.handle_eof(NOW);
    let states = [None, Some("a"), Some("b")].map(|lane| pair.state(lane));
    assert_eq!(states, [RequestState::Lost, RequestState::Completed, RequestState::Cancelled]);
}

#[test]
fn lane_names_are_limited() {
    let mut pair = Pair::new();
    let longest = "x".repeat(256);
    for (name, fits) in [
        ("a", true),
        ("A-z_0.9", true),
        (&longest, true),
        ("", false),
        ("a b", false),
        ("é", false),
        (&"x".repeat(257), false),
    ] {
        let sent = pair.client.send_request_message(NOW, Some(name), "{}");
        assert_eq!(sent, if fits { Ok(()) } else { Err(CommandError::Lane) }, "{name}");
    }
}

#[test]
fn number_of_lanes_is_limited() {
    let mut pair = Pair::new();
    let name = |number: usize| format!("lane-{number}");
    for number in 0..64 {
        pair.request(Some(&name(number)));
    }
    assert_eq!(pair.client.send_request_message(NOW, Some("one-more"), "{}"), Err(CommandError::Lane));
    assert_eq!(pair.client.send_request_message(NOW, Some(&name(7)), "{}"), Err(CommandError::InFlight));
    pair.hear(&completed("r", r#","stream_id":"lane-7""#));
    pair.request(Some("one-more"));
    assert_eq!(pair.state(Some(&name(7))), RequestState::Idle, "forgotten to make room");
    for number in (0..64).filter(|number| *number != 7) {
        assert_eq!(pair.state(Some(&name(number))), RequestState::Requested);
    }
}

/// Creates a server with an open WebSocket, and the codec of its peer.
fn server() -> (ServerConnection, WebSocket) {
    let (_, server) = open_websocket(NOW, client::Config::new("localhost"), server::Config::new());
    (server, WebSocket::new(Role::Client, Limits::default(), None, [3; 32]))
}

/// Names of 5 MB each are rejected and not stored.
#[test]
fn server_keeps_no_copy_of_a_long_lane_name() {
    let (mut server, mut peer) = server();
    let mut held = 0;
    let long = "x".repeat(5_000_000);
    for number in 0..8 {
        let mut bytes = Vec::new();
        let text = format!(r#"{{"type":"response.create","stream_id":"{number}{long}"}}"#);
        peer.send(Message::Text(&text), &mut bytes).expect("a message");
        held += measure(|| {
            server.handle_input(NOW, &bytes);
            match server.poll_event() {
                Some(server::Event::Malformed { malformed, .. }) => {
                    assert_eq!(malformed.to_string(), "`stream_id` of `response.create` has the wrong type");
                }
                other => panic!("{}", format!("{other:?}").chars().take(200).collect::<String>()),
            }
            assert!(server.poll_event().is_none());
        })
        .bytes_current;
        assert!(held <= 400_000, "{held} bytes are held after {number} names");
    }
}

#[test]
fn server_remembers_sixty_four_lanes() {
    let (mut server, mut peer) = server();
    let info = measure(|| {
        for number in 0..1000 {
            let mut bytes = Vec::new();
            let name = format!("{number:0>256}");
            peer.send(Message::Text(&format!(r#"{{"type":"response.create","stream_id":"{name}"}}"#)), &mut bytes)
                .expect("a message");
            server.handle_input(NOW, &bytes);
            assert!(matches!(server.poll_event(), Some(server::Event::Text { lane: Some(lane), .. }) if lane == name));
            assert!(server.poll_event().is_none());
            let state = server.state(Some(&name));
            assert_eq!(state.is_in_flight(), number < 64, "{number}");
        }
    });
    assert!(info.bytes_current <= 100_000, "{info:?}");
}

/// Ids from a server are stored up to 256 bytes; longer ones are not stored.
#[test]
fn client_keeps_no_copy_of_a_long_id() {
    let mut pair = Pair::new();
    let long = "x".repeat(100_000);
    let mut held = 0;
    for turn in 0..20 {
        pair.request(None);
        held += measure(|| {
            // One response names its id, the other one leaves it to its events.
            if turn % 2 == 0 {
                pair.hear(&created(&long, ""));
            } else {
                pair.hear(&format!(r#"{{"type":"response.created","response":{{}},"response_id":"{long}"}}"#));
            }
            for _ in 0..20 {
                pair.hear(&delta(&long, &format!(r#","response_id":"{long}""#)));
            }
            pair.hear(&format!(r#"{{"type":"response.completed","response":{{}},"response_id":"{long}"}}"#));
        })
        .bytes_current;
    }
    assert!(held < 100_000, "{held} bytes are held, and one id takes as many");
}

#[test]
fn late_delta_is_late_though_it_repeats_ones_that_were_not() {
    let mut pair = Pair::new();
    pair.request(Some("busy"));
    pair.request(None);
    assert_eq!(pair.hear(&created("r1", "")), EXPECTED);
    for number in 1..5 {
        assert_eq!(pair.hear(&delta("i1", &format!(r#","sequence_number":{number}"#))), EXPECTED, "{number}");
    }
    assert_eq!(pair.hear(&completed("r1", "")), EXPECTED);
    pair.request(None);
    assert_eq!(pair.hear(&delta("i1", r#","sequence_number":5"#)), UNMATCHED);
}
