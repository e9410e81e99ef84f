//! What a connection tells its loop: whether there are events and bytes, whether to read, and the deadlines meanwhile.

use core::time::Duration;

use turnwire::connection::client::{self, Event};
use turnwire::connection::{ClientConnection, CloseReason, Deadline, ServerConnection, server};
use turnwire::time::Instant;
use turnwire::ws::handshake::Negotiated;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

const START: Instant = Instant::ZERO;
const REQUEST: &str = r#"{"type":"response.create"}"#;

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

fn client(config: client::Config) -> ClientConnection {
    open_websocket(START, config, server::Config::new()).0
}

fn frame(text: &str) -> Vec<u8> {
    let (mut peer, mut bytes) = (WebSocket::new(Role::Server, Limits::default(), None, [3; 32]), Vec::new());
    peer.send(Message::Text(text), &mut bytes).expect("a message");
    bytes
}

/// An event of about this length.
fn event(length: usize) -> Vec<u8> {
    frame(&format!(r#"{{"type":"response.output_text.delta","delta":"{}"}}"#, "x".repeat(length)))
}

fn closed(client: &mut ClientConnection) -> Option<CloseReason> {
    let mut reason = None;
    while let Some(event) = client.poll_event() {
        if let Event::Closed(closed) = event {
            reason = Some(closed.clone());
        }
    }
    reason
}

#[test]
fn client_says_whether_it_has_an_event() {
    let mut client = client(client::Config::new("localhost"));
    assert!(!client.has_event());
    client.send_request_message(START, None, REQUEST).expect("a free lane");
    client.handle_input(START, &event(1));
    client.handle_input(START, &event(2));
    for _ in 0..2 {
        assert!(client.has_event() && client.poll_event().is_some());
    }
    assert!(!client.has_event() && client.poll_event().is_none());
}

#[test]
fn bytes_that_client_gave_away_are_not_polled_again() {
    let mut client = client(client::Config::new("localhost"));
    client.send_request_message(START, None, REQUEST).expect("a free lane");
    let expected = client.poll_transmit().to_vec();
    let mut taken = b"before".to_vec();
    client.take_transmit(&mut taken);
    assert_eq!(taken, expected);
    assert!(client.poll_transmit().is_empty());
    client.take_transmit(&mut taken);
    assert!(taken.is_empty(), "nothing was left");
}

/// A client with a pending request, an idle timeout of one second, and more unpolled events than it may have.
fn overfull() -> ClientConnection {
    let mut config = client::Config::new("localhost");
    (config.max_backlog, config.timeouts.idle) = (1000, Some(Duration::from_secs(1)));
    let mut client = client(config);
    client.send_request_message(START, None, REQUEST).expect("a free lane");
    client.handle_written(START, usize::MAX);
    client.handle_input(START, &event(2000));
    client
}

#[test]
fn client_whose_events_are_not_polled_wants_no_input_and_blames_no_peer() {
    let mut client = overfull();
    assert!(!client.wants_input());
    assert_eq!(client.poll_timeout(), None);
    client.handle_timeout(after(60_000));
    assert_eq!(closed(&mut client), None, "the application was late, not the peer");
    assert!(client.wants_input());
}

#[test]
fn deadlines_of_client_start_again_when_it_wants_input() {
    for told_by_timeout in [true, false] {
        let mut client = overfull();
        assert_eq!(closed(&mut client), None);
        assert!(client.wants_input());
        if told_by_timeout {
            client.handle_timeout(after(60_000));
        } else {
            client.handle_input(after(60_000), b"");
        }
        assert_eq!(closed(&mut client), None);
        assert_eq!(client.poll_timeout(), Some(after(61_000)));
        client.handle_timeout(after(60_999));
        assert_eq!(closed(&mut client), None);
        client.handle_timeout(after(61_000));
        assert_eq!(closed(&mut client), Some(CloseReason::Timeout(Deadline::Idle)));
    }
}

#[test]
fn input_is_wanted_below_the_limit_and_not_at_it() {
    // How much an event counts is not said: it is the least limit with which it leaves room.
    let wants = |limit: usize| {
        let mut config = client::Config::new("localhost");
        config.max_backlog = limit;
        let mut client = client(config);
        client.send_request_message(START, None, REQUEST).expect("a free lane");
        client.handle_input(START, &event(1000));
        client.wants_input()
    };
    let least = (1000..2000).find(|limit| wants(*limit)).expect("an event of a thousand bytes");
    assert!((least..2000).all(wants) && !wants(0));
    let mut config = client::Config::new("localhost");
    config.max_backlog = 0;
    assert!(!client(config).wants_input(), "no event is less than none");
}

/// Pings are spread over a tenth before and behind their interval, so that connections opened together do not go on together.
#[test]
fn ping_interval_deviates_by_a_tenth_at_most() {
    let first = |seconds: u64, seed: u8| {
        let mut config = server::Config::new();
        config.ping_interval = Some(Duration::from_secs(seconds));
        (config.timeouts.idle, config.timeouts.websocket_idle) = (None, None);
        let mut server = ServerConnection::accepted(START, config, [seed; 32], &Negotiated::default());
        server.handle_timeout(START);
        server.poll_timeout().expect("a ping").saturating_duration_since(START).as_secs_f64()
    };
    let pings: Vec<f64> = (0..100).map(|seed| first(1000, seed)).collect();
    assert!(pings.iter().all(|at| (900.0..=1100.0).contains(at)), "{pings:?}");
    assert!(pings.iter().any(|at| *at < 930.0) && pings.iter().any(|at| *at > 1070.0), "{pings:?}");
    // An interval of a year is one of 30 days.
    let days = first(365 * 24 * 3600, 1) / (24.0 * 3600.0);
    assert!((27.0..=33.0).contains(&days), "{days}");
}

#[test]
fn closed_connection_still_says_when_its_peer_was_seen() {
    let mut client = client(client::Config::new("localhost"));
    client.send_request_message(START, None, REQUEST).expect("a free lane");
    client.handle_input(after(5), &event(1));
    let (seen, before) = (client.last_seen(), after(5));
    assert_eq!((seen.bytes, seen.event, seen.progress), (Some(before), Some(before), Some(before)));
    client.close(after(6), 1000);
    assert_eq!(client.last_seen(), seen);
    client.handle_eof(after(7));
    assert!(closed(&mut client).is_some());
    assert_eq!(client.last_seen(), seen);
}

#[test]
fn closing_does_not_give_the_peer_more_time_to_read() {
    let mut config = client::Config::new("localhost");
    (config.timeouts.write, config.timeouts.close) = (Some(Duration::from_secs(60)), Duration::from_secs(1000));
    let mut client = client(config);
    client.send_request_message(START, None, REQUEST).expect("a free lane");
    client.close(after(30_000), 1000);
    assert_eq!(client.poll_timeout(), Some(after(60_000)));
    client.handle_timeout(after(60_000));
    assert_eq!(closed(&mut client), Some(CloseReason::Timeout(Deadline::Write)));
}

#[test]
fn deadline_at_the_latest_instant_is_none() {
    let mut config = client::Config::new("localhost");
    (config.timeouts.idle, config.timeouts.write) = (Some(Duration::MAX), None);
    let mut client = client(config);
    client.send_request_message(after(1), None, REQUEST).expect("a free lane");
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn deadline_is_named_like_its_timeout() {
    for (deadline, name) in [
        (Deadline::Head, "head"),
        (Deadline::Body, "body"),
        (Deadline::Idle, "idle"),
        (Deadline::Progress, "progress"),
        (Deadline::Bytes, "byte"),
        (Deadline::Control, "control frame"),
        (Deadline::Write, "write"),
        (Deadline::Close, "close"),
    ] {
        assert_eq!(deadline.to_string(), name);
        assert!(CloseReason::Timeout(deadline).to_string().contains(name));
    }
}
