//! Connections: opened when needed, reused, replaced when old, closed with a close frame, and reported when they end.

use std::time::Duration;

use turnwire::client::{ConnectError, Disconnected, OwnedEvent, OwnedOutcome, Settings, TransportPreference};
use turnwire::connection::{CloseReason, Transport};
use turnwire::responses::FailureKind;
use turnwire_tests::fixtures::{ask, created, delta, done, sse};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn disconnects(pair: &Pair) -> Vec<&Disconnected> {
    let mut found = Vec::new();
    for event in &pair.events {
        if let OwnedEvent::Disconnected(why) = event {
            found.push(why);
        }
    }
    found
}

fn connects(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::Connected { .. })).count()
}

#[test]
fn connection_is_not_opened_before_it_is_needed() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new());
    pair.run();
    assert!(!pair.jump());
    assert_eq!(pair.dials.len(), 0);
}

#[test]
fn preconnected_socket_is_used_by_request() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![done("a")]]));
    pair.client.preconnect(pair.now);
    pair.client.preconnect(pair.now);
    pair.run();
    pair.client.preconnect(pair.now);
    pair.run();
    assert_eq!((pair.dials.len(), connects(&pair), pair.texts().len()), (1, 1, 0));
    let id = pair.ask(ask("one"));
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("a", 1));
}

/// The handshake probe (docs/protocol.md §9.9) is a preconnect: it reports the head of the handshake, and whether a
/// close follows.
#[test]
fn handshake_can_be_probed() {
    let acts = vec![
        Act::accept_with(&[("x-models-etag", "t"), ("openai-model", "m")]),
        Act::Wait(Duration::from_millis(50)),
        Act::Close(1008, "policy".into()),
    ];
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().on(Kind::Upgrade, acts));
    pair.client.preconnect(pair.now);
    pair.pass(Duration::from_millis(100));
    let head = pair.events.iter().find_map(|event| match event {
        OwnedEvent::Connected { transport: Transport::WebSocket, head: Some(head) } => Some(head.clone()),
        _ => None,
    });
    let head = head.expect("a handshake");
    assert_eq!((head.status(), head.headers.get_str("x-models-etag")), (101, Some("t")));
    let closed = CloseReason::Peer { code: 1008, reason: "policy".into() };
    assert_eq!(disconnects(&pair), [&Disconnected::Closed(closed)]);
    assert_eq!((pair.texts().len(), pair.dials.len()), (0, 1));
}

#[test]
fn failed_preconnect_fails_no_request() {
    let refused = ConnectError::Network("refused".into());
    let script = Script::new().on(Kind::Dial, vec![Act::Fail(refused)]).ws([vec![done("a")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.client.preconnect(pair.now);
    pair.run();
    assert!(matches!(disconnects(&pair)[..], [Disconnected::Failed(failure)] if failure.kind == FailureKind::Connect));
    assert!(!pair.jump());
    let id = pair.ask(ask("one"));
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("a", 2));
}

#[test]
fn failed_connect_counts_as_retry() {
    let refused = || vec![Act::Fail(ConnectError::Network("refused".into()))];
    let mut retrying = provider();
    retrying.retry.max_retries = 2;
    let script = Script::new().on(Kind::Dial, refused()).on(Kind::Dial, refused()).ws([vec![done("a")]]);
    let mut pair = Pair::new(retrying.clone(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), pair.delays().len()), ("a", 3, 2));
    let tls = Script::new().on(Kind::Dial, vec![Act::Fail(ConnectError::Tls("bad certificate".into()))]);
    let mut pair = Pair::new(retrying, Settings::default(), tls);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.dials.len()), (FailureKind::Tls, 1));
}

#[test]
fn posts_share_a_persistent_connection() {
    let mut pair = Pair::new(
        http_provider(),
        Settings::default(),
        Script::new().sse([vec![done("a")], vec![done("b")], vec![done("c")]]),
    );
    pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    assert_eq!((pair.dials.len(), pair.report(second).expect("a report").reused), (1, true));
    pair.act(Act::Drop);
    assert_eq!(disconnects(&pair), [&Disconnected::Closed(CloseReason::Eof)]);
    let third = pair.ask(ask("three"));
    assert_eq!((pair.completed(third).as_str(), pair.dials.len()), ("c", 2));
    assert!(!pair.report(third).expect("a report").reused);
}

#[test]
fn body_until_close_ends_its_connection() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let raw = |id: &str| [&head[..], sse(&[done(id)]).as_bytes()].concat();
    let script = Script::new()
        .on(Kind::Post, vec![Act::Raw(raw("a")), Act::Drop])
        .on(Kind::Post, vec![Act::Raw(raw("b")), Act::Drop]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    for text in ["one", "two"] {
        let id = pair.ask(ask(text));
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_))));
    }
    assert_eq!(pair.dials.len(), 2);
}

#[test]
fn endless_body_does_not_delay_next_request() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let events = sse(&[done("a")]);
    let raw = [&head[..], format!("{:x}\r\n{events}\r\n", events.len()).as_bytes()].concat();
    let script = Script::new().on(Kind::Post, vec![Act::Raw(raw)]).sse([vec![done("b")]]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    let first = pair.ask(ask("one"));
    assert_eq!(pair.completed(first), "a");
    assert!(!pair.jump(), "an idle client has no deadline");
    let (start, second) = (pair.now, pair.ask(ask("two")));
    pair.run_out();
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 2));
    assert!(pair.now.saturating_duration_since(start) <= Duration::from_millis(100));
}

#[test]
fn old_websocket_is_replaced_when_idle() {
    let script = Script::new().ws([vec![created("a"), done("a")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.pass(Duration::from_secs(54 * 60));
    assert!(pair.is_connected());
    pair.pass(Duration::from_secs(2 * 60));
    assert!(!pair.is_connected());
    assert_eq!(disconnects(&pair), [&Disconnected::Closed(CloseReason::Local)]);
    assert!(matches!(pair.closed[..], [(0, CloseReason::Peer { code: 1000, .. })]));
    let id = pair.ask(ask("two"));
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("b", 2));
}

#[test]
fn old_websocket_is_not_replaced_during_response() {
    let mut provider = provider();
    provider.idle_timeout = Duration::from_secs(7200);
    let mut pair = Pair::new(provider, Settings::default(), Script::new().ws([vec![created("a")]]));
    let id = pair.ask(ask("one"));
    pair.pass(Duration::from_secs(58 * 60));
    assert!(pair.is_connected());
    pair.act(Act::Send(done("a")));
    assert_eq!(pair.completed(id), "a");
    assert!(!pair.is_connected());
}

#[test]
fn connections_are_reported_once_when_opened_and_once_when_closed() {
    let script = Script::new()
        .on(Kind::Upgrade, vec![Act::respond(503, "")])
        .on(Kind::Upgrade, vec![Act::Drop])
        .on(Kind::Text, vec![Act::Close(1011, "x".into())])
        .on(Kind::Text, vec![Act::Send(done("a"))]);
    let mut provider = provider();
    provider.retry.max_retries = 5;
    let mut pair = Pair::new(provider, Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    pair.client.close(pair.now);
    pair.run_down();
    assert_eq!(pair.completed(id), "a");
    // A rejected and a lost handshake, a lost connection, and a closed one.
    assert_eq!((pair.dials.len(), connects(&pair), disconnects(&pair).len()), (4, 2, 4));
    let failed = disconnects(&pair).iter().filter(|why| matches!(why, Disconnected::Failed(_))).count();
    assert_eq!(failed, 2);
}

#[test]
fn close_waits_for_close_frame_of_peer() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![done("a")]]));
    pair.ask(ask("one"));
    pair.client.close(pair.now);
    assert!(!pair.client.is_finished());
    pair.run();
    assert!(pair.client.is_finished());
    assert!(matches!(pair.closed[..], [(0, CloseReason::Peer { code: 1000, .. })]));
}

#[test]
fn close_finishes_client_in_every_state() {
    let silent = |kind| Script::new().on(kind, vec![]);
    let cases: [(&str, Script, bool); 5] = [
        ("before anything", Script::new(), false),
        ("dialing", silent(Kind::Dial), true),
        ("upgrading", silent(Kind::Upgrade), true),
        ("waiting", silent(Kind::Text), true),
        ("pausing", Script::new().on(Kind::Upgrade, vec![Act::respond(503, "")]), true),
    ];
    for (name, script, ask_first) in cases {
        let mut provider = provider();
        provider.retry.max_retries = 3;
        let mut pair = Pair::new(provider, Settings::default(), script);
        let id = ask_first.then(|| pair.ask(ask("one")));
        pair.client.close(pair.now);
        assert!(
            matches!(pair.client.send(pair.now, ask("late")), Err(refused) if refused.reason == turnwire::client::CommandError::Closed)
        );
        pair.run_down();
        assert!(pair.client.is_finished(), "{name}");
        if let Some(id) = id {
            assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)), "{name}");
        }
    }
}

#[test]
fn close_waits_one_second_for_silent_peer() {
    // The server accepts the handshake and is then silent.
    let script = Script::new().ws([vec![done("a")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let start = pair.now;
    pair.cuts.clear();
    pair.mute();
    pair.client.close(pair.now);
    pair.run_down();
    assert!(pair.client.is_finished());
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(1));
}

#[test]
fn close_does_not_wait_for_peer_that_does_not_read() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![done("a")]]));
    pair.ask(ask("one"));
    let start = pair.now;
    pair.blocks_writes = true;
    pair.client.close(pair.now);
    pair.run_down();
    assert!(pair.client.is_finished());
    assert!(pair.now.saturating_duration_since(start) <= Duration::from_secs(2));
}

#[test]
fn request_does_not_wait_for_close() {
    let script = Script::new().ws([vec![created("a"), delta("x")], vec![done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let first = pair.ask(ask("one"));
    pair.mute();
    pair.client.cancel(pair.now, first);
    let (start, second) = (pair.now, pair.ask(ask("two")));
    assert_eq!((pair.completed(second).as_str(), pair.now, pair.dials.len()), ("b", start, 2));
}

#[test]
fn graceful_shutdown_ends_with_requests_in_flight() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("a")], vec![done("b")]]));
    let first = pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    pair.client.shut_down_gracefully(pair.now);
    pair.run();
    assert!(pair.client.send(pair.now, ask("three")).is_err());
    assert!(!pair.client.is_finished());
    pair.act(Act::Send(done("a")));
    pair.run_down();
    assert_eq!((pair.completed(first), pair.completed(second)), ("a".into(), "b".into()));
    assert!(pair.client.is_finished());
    let mut idle = Pair::new(provider(), Settings::default(), Script::new());
    idle.client.shut_down_gracefully(idle.now);
    assert!(idle.client.is_finished());
}

#[test]
fn binary_message_closes_with_1003() {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(provider(), settings, Script::new().on(Kind::Text, vec![Act::Raw(b"\x82\x01x".to_vec())]));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.failure(id).message, "unexpected binary websocket event");
    assert!(matches!(pair.closed[..], [(0, CloseReason::Peer { code: 1003, .. })]));
}

#[test]
fn invalid_handshake_response_is_rejected() {
    for head in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: wrong\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let script = Script::new().on(Kind::Upgrade, vec![Act::Raw(head.into())]);
        let mut pair = Pair::new(provider(), settings, script);
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Failed(_))), "{head}");
        assert_eq!(pair.dials.len(), 1);
    }
}

#[test]
fn failed_connect_does_not_fail_queued_request() {
    let mut provider = provider();
    provider.retry.max_retries = 1;
    let refused = || vec![Act::Fail(ConnectError::Network("refused".into()))];
    let script =
        Script::new().on(Kind::Dial, refused()).on(Kind::Dial, refused()).ws([vec![done("a")], vec![done("b")]]);
    let mut pair = Pair::new(provider, Settings::default(), script);
    let first = pair.ask(ask("one"));
    let second = pair.ask(ask("two"));
    // The first request is in its retry delay; the second waits for it, and is not affected by the failed preconnect.
    pair.client.preconnect(pair.now);
    pair.run();
    pair.run_out();
    assert_eq!((pair.completed(first), pair.completed(second)), ("a".into(), "b".into()));
    let retried: Vec<_> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Retry { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(retried, [first]);
}

/// Without a request, so that the next one does not wait for the close of the old WebSocket.
#[test]
fn websocket_that_is_too_old_closes_while_it_is_idle() {
    let mut provider = provider();
    provider.capabilities.max_connection_age = Some(Duration::from_secs(60));
    let mut pair = Pair::new(provider, Settings::default(), Script::new().ws([vec![done("a")]]));
    let (start, id) = (pair.now, pair.ask(ask("one")));
    pair.completed(id);
    assert!(pair.is_connected() && pair.client.poll_timeout() == Some(start + Duration::from_secs(60)));
    pair.run_down();
    assert!(!pair.is_connected());
}
