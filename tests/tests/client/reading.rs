//! What a client tells its loop, and what it makes of times and sockets that the loop reports early, late, or of another kind.

use core::time::Duration;

use turnwire::client::{
    Client, Credentials, Event, ForwardProxy, Outcome, OwnedOutcome, Provider, Request, RequestId, Settings,
    SocketCommand,
};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::{Failure, FailureKind};
use turnwire::time::Instant;
use turnwire_tests::fixtures::{ask, created, delta, done, error, on_lane};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

const START: Instant = Instant::ZERO;

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

/// A client with one request, and what it wants to connect to.
fn connecting(provider: Provider, settings: Settings) -> (Client, RequestId) {
    let mut client = Client::new(provider, Credentials::None, settings, [7; 32]).expect("a provider");
    let id = client.send(START, ask("one")).expect("a request that can be sent");
    assert!(matches!(client.poll_socket(), Some(SocketCommand::Connect(_))));
    (client, id)
}

fn failure(client: &mut Client) -> Option<Failure> {
    let mut found = None;
    while let Some(event) = client.poll_event() {
        if let Event::Finished { outcome: Outcome::Failed(failure), .. } = event {
            found = Some(failure.clone());
        }
    }
    found
}

/// A proxy that forwards requests sees them: what belongs into TLS is not for its eyes, and a WebSocket it does not know.
#[test]
fn proxy_that_forwards_gets_no_request_that_belongs_into_tls_or_a_websocket() {
    let plain = || Provider::new("test", "http://127.0.0.1:8080/v1");
    let secure = || Provider::new("test", "https://h.example/v1");
    for (mut provider, websocket, is_sent) in
        [(plain(), false, true), (plain(), true, false), (secure(), false, false), (secure(), true, false)]
    {
        provider.capabilities.websocket = websocket;
        provider.retry.max_retries = 0;
        let mut settings = Settings::default();
        if websocket {
            settings.transport = turnwire::client::TransportPreference::WebSocket;
        }
        let (mut client, _) = connecting(provider, settings);
        client.handle_connected_to_proxy(START, ForwardProxy::new(None));
        assert_eq!(!client.poll_transmit().is_empty(), is_sent, "websocket: {websocket}");
        let failure = failure(&mut client).map(|failure| failure.kind);
        assert_eq!(failure, (!is_sent).then_some(FailureKind::Connect), "websocket: {websocket}");
    }
}

#[test]
fn bytes_that_client_gave_away_are_not_polled_again() {
    let (mut client, _) = connecting(http_provider(), Settings::default());
    let mut taken = b"before".to_vec();
    client.take_transmit(&mut taken);
    assert!(taken.is_empty(), "there is no socket");
    client.handle_connected(START);
    let expected = client.poll_transmit().to_vec();
    client.take_transmit(&mut taken);
    assert!(!taken.is_empty() && taken == expected);
    assert!(client.poll_transmit().is_empty());
}

#[test]
fn time_that_is_told_early_changes_nothing() {
    let mut provider = http_provider();
    provider.connect_timeout = Duration::from_secs(10);
    let (mut client, _) = connecting(provider, Settings::default());
    for millis in [0, 1, 9_999] {
        client.handle_timeout(after(millis));
        assert_eq!((client.poll_socket(), client.poll_timeout()), (None, Some(after(10_000))), "{millis} ms");
    }
    client.handle_timeout(after(10_000));
    assert_eq!(failure(&mut client).map(|failure| failure.kind), Some(FailureKind::Timeout));
}

/// A client with a response over WebSocket, and more events than it may have; the peer is silent from then on.
fn overfull(max_concurrent: usize) -> Client {
    let (mut provider, mut settings) = (provider(), Settings::default());
    provider.capabilities.max_concurrent_requests = max_concurrent;
    settings.connection.max_backlog = 2000;
    let (mut client, _) = connecting(provider, settings);
    client.handle_connected(START);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    for _ in 0..2 {
        server.handle_input(START, client.poll_transmit());
        client.handle_written(START, usize::MAX);
        match server.poll_event() {
            Some(server::Event::Upgrade { .. }) => server.accept(START, &Headers::new()).expect("a handshake"),
            Some(server::Event::Text { .. }) => {
                for event in [created("r"), delta(&"x".repeat(3000))] {
                    server.send(START, &event).expect("an open WebSocket");
                }
            }
            other => panic!("{other:?}"),
        }
        client.handle_input(START, server.poll_transmit());
        server.handle_written(START, usize::MAX);
    }
    client
}

#[test]
fn client_whose_events_are_not_polled_wants_no_input_and_blames_no_peer() {
    for max_concurrent in [1, 4] {
        let mut client = overfull(max_concurrent);
        assert!(!client.wants_input());
        assert_eq!(client.poll_timeout(), None, "{max_concurrent}");
        client.handle_timeout(after(60_000));
        assert_eq!(failure(&mut client), None, "the application was late, not the peer ({max_concurrent})");
        assert!(client.wants_input());
    }
}

#[test]
fn deadlines_of_responses_go_on_when_the_client_wants_input() {
    for max_concurrent in [1, 4] {
        for told_by_timeout in [true, false] {
            let mut client = overfull(max_concurrent);
            assert_eq!(failure(&mut client), None);
            assert!(client.wants_input());
            if told_by_timeout {
                client.handle_timeout(after(60_000));
            } else {
                client.handle_input(after(60_000), b"");
            }
            assert_eq!(failure(&mut client), None, "{max_concurrent} {told_by_timeout}");
            assert_eq!(client.poll_timeout(), Some(after(61_000)), "{max_concurrent} {told_by_timeout}");
            client.handle_timeout(after(61_000));
            assert!(failure(&mut client).is_some(), "{max_concurrent} {told_by_timeout}");
        }
    }
}

/// What belongs to no request fails no request.
#[test]
fn event_of_an_unknown_lane_leaves_the_requests_alone() {
    for event in [
        on_lane("C", &error(500, "server_error", "no")),
        on_lane("C", &delta("x")),
        // It could be of either.
        delta("x"),
    ] {
        let mut wide = provider();
        wide.capabilities.max_concurrent_requests = 4;
        let mut pair = Pair::new(wide, Settings::default(), Script::new());
        let ids = ["A", "B"].map(|lane| pair.ask(Request::from(ask(lane)).on_lane(lane)));
        for lane in ["A", "B"] {
            pair.act(Act::Send(on_lane(lane, &created(lane))));
        }
        pair.act(Act::Send(event.clone()));
        for lane in ["A", "B"] {
            pair.act(Act::Send(on_lane(lane, &done(lane))));
        }
        assert_eq!(ids.map(|id| pair.completed(id)), ["A", "B"], "{event}");
    }
}

/// A lane is prewarmed unless it has a previous response, whatever other lanes have.
#[test]
fn previous_response_of_a_lane_lets_others_be_prewarmed() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![on_lane("A", &done("a"))]]));
    let id = pair.ask(Request::from(ask("one")).on_lane("A"));
    pair.completed(id);
    let prewarm = |pair: &mut Pair, lane: &str| {
        pair.client.prewarm(pair.now, Request::from(ask("two")).on_lane(lane)).expect("a request").is_some()
    };
    assert!(!prewarm(&mut pair, "A"));
    assert!(prewarm(&mut pair, "B"));
}

/// A response that has only begun, as a whole body, is no answer: another attempt would get the same.
#[test]
fn whole_body_of_a_response_that_has_not_ended_is_final() {
    let body = r#"{"id":"r1","object":"response","status":"in_progress","output":[]}"#;
    let script =
        Script::new().on(Kind::Post, vec![Act::respond_with(200, &[("Content-Type", "application/json")], body)]);
    let mut pair = Pair::new(with_retries(http_provider(), 2), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    let failure = pair.failure(id);
    assert!(!failure.retryable && failure.message.contains("without events"), "{failure:?}");
    assert_eq!(pair.posts().len(), 1);
    assert!(!matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_))));
}

/// The client learns that its events were polled when it is called next, which may be long after.
#[test]
fn pause_in_reading_postpones_no_request_that_is_sent_after_it() {
    let mut settings = Settings::default();
    settings.connection.max_backlog = 400;
    let (mut client, _) = connecting(http_provider(), settings);
    client.handle_connected(START);
    client.handle_written(START, usize::MAX);
    let body = format!(r#"{{"id":"r","object":"response","status":"completed","output":[{}]}}"#, " ".repeat(500));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    client.handle_input(START, format!("{head}{body}").as_bytes());
    assert!(!client.wants_input());
    while client.poll_event().is_some() {}
    assert!(client.wants_input());
    client.send(after(5_000), ask("two")).expect("a request that can be sent");
    let deadline = client.poll_timeout().expect("it waits for the head");
    client.handle_written(after(5_001), usize::MAX);
    assert!(client.poll_timeout() <= Some(deadline));
}
