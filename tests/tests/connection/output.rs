//! Unsent output, in both roles: its limit, its memory, and the time that a peer may take to read it.

use core::time::Duration;

use allocation_counter::measure;
use proptest::prelude::*;
use turnwire::connection::{ClientConnection, CloseReason, Deadline, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

const START: Instant = Instant::ZERO;

fn after(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

/// A client's frames, one for each text.
fn frames(texts: &[&str]) -> Vec<u8> {
    let (mut socket, mut out) = (WebSocket::new(Role::Client, Limits::default(), None, [3; 32]), Vec::new());
    for text in texts {
        socket.send(Message::Text(text), &mut out).expect("a message");
    }
    out
}

fn delta(length: usize) -> String {
    format!(r#"{{"type":"response.output_text.delta","delta":"{}"}}"#, "x".repeat(length))
}

/// The peer sends a request, and reads one byte or nothing; the server responds to each delivered request.
#[test]
fn server_whose_peer_does_not_read_holds_the_limit_and_one_response() {
    for reads in [0, 1, 300] {
        let mut config = server::Config::new();
        config.max_send_backlog = 64 * 1024;
        let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
        // Three hundred requests in one read: the events of all of them are queued at once.
        let input = frames(&[r#"{"type":"response.create","stream_id":"a"}"#; 300]);
        let event = delta(20_000);
        let mut answered = 0;
        let info = measure(|| {
            for second in 0..50 {
                let now = after(second * 1000);
                if server.wants_input() {
                    server.handle_input(now, &input);
                }
                while server.poll_event().is_some() {
                    server.send(now, &event).expect("an open socket");
                    answered += 1;
                }
                server.handle_written(now, reads);
            }
        });
        assert!(answered <= 5, "{reads}: {answered} requests were answered");
        assert!(!server.wants_input(), "{reads}: more input is wanted");
        assert!(server.poll_transmit().len() <= 64 * 1024 + 21_000, "{reads}: {}", server.poll_transmit().len());
        let held = u64::try_from(info.bytes_current).expect("something is held");
        assert!(held <= 400_000 && info.bytes_max <= 500_000, "{reads}: {info:?}");
    }
}

/// The peer sends requests for 100 s and reads 20 kB every 10 s, which is above the least rate: the connection stays, and holds no more.
#[test]
fn server_whose_peer_reads_in_a_trickle_holds_the_limit_and_one_response() {
    let config = server::Config::new();
    let limit = config.max_send_backlog;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    let input = frames(&[r#"{"type":"response.create","stream_id":"a"}"#; 300]);
    let event = delta(20_000);
    let mut answered = 0;
    let info = measure(|| {
        for second in 0..=100 {
            let now = after(second * 1000);
            server.handle_timeout(now);
            if server.wants_input() {
                server.handle_input(now, &input);
            }
            while server.poll_event().is_some() {
                server.send(now, &event).expect("an open socket");
                answered += 1;
            }
            if second % 10 == 9 {
                server.handle_written(now, 20_000);
            }
        }
    });
    let at_most = (limit + 10 * 20_000) / 20_000 + 1;
    assert!(answered <= at_most, "{answered} requests were answered, and {at_most} may be");
    assert!(!server.is_finished() && server.poll_transmit().len() <= limit + 21_000);
    // The output, as its buffer grows, and a read of requests.
    assert!(info.bytes_max <= 4 * 1024 * 1024, "{info:?}");
}

#[test]
fn taken_bytes_wait_to_be_written_until_they_are_reported() {
    let mut config = server::Config::new();
    config.max_send_backlog = 1000;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    server.handle_input(START, &frames(&[r#"{"type":"response.create"}"#; 2]));
    assert!(server.poll_event().is_some());
    server.send(START, &delta(2000)).expect("an open socket");
    let mut taken = Vec::new();
    server.take_transmit(&mut taken);
    assert!(taken.len() > 2000 && server.poll_transmit().is_empty());
    assert!(!server.has_event() && !server.wants_input(), "taken bytes count as written");
    server.handle_written(START, taken.len());
    assert!(server.has_event() && server.wants_input());
}

#[test]
fn server_delivers_waiting_requests_once_peer_has_read() {
    let mut config = server::Config::new();
    config.max_send_backlog = 1000;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    server.handle_input(START, &frames(&[r#"{"type":"response.create"}"#; 3]));
    let mut answered = 0;
    for _ in 0..3 {
        assert!(server.has_event() && server.poll_event().is_some());
        server.send(START, &delta(1000)).expect("an open socket");
        answered += 1;
        assert!(!server.has_event() && server.poll_event().is_none(), "after {answered}");
        server.handle_written(START, server.poll_transmit().len() - 1000);
    }
    assert!(server.poll_event().is_none() && server.wants_input());
}

#[test]
fn server_that_is_closed_delivers_all_events() {
    let mut config = server::Config::new();
    config.max_send_backlog = 10;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    server.handle_input(START, &frames(&[r#"{"type":"response.create"}"#; 2]));
    server.send(START, &delta(1000)).expect("an open socket");
    assert!(server.poll_event().is_none());
    server.handle_eof(START);
    assert!(matches!(server.poll_event(), Some(server::Event::Text { .. })));
    assert!(matches!(server.poll_event(), Some(server::Event::Text { .. })));
    assert!(matches!(server.poll_event(), Some(server::Event::Closed(_))));
}

#[test]
fn pipelined_request_waits_until_the_response_before_it_is_written() {
    let mut config = server::Config::new();
    config.max_send_backlog = 1000;
    let mut server = ServerConnection::new(config, [2; 32]);
    let request = |name| format!("POST /{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}");
    server.handle_input(START, (request("first") + &request("second")).as_bytes());
    assert!(matches!(server.poll_event(), Some(server::Event::Request { .. })));
    server.respond(START, 200, &Headers::new(), &[b'x'; 5000]).expect("a request waits");
    assert!(server.poll_event().is_none() && !server.wants_input());
    server.handle_written(START, server.poll_transmit().len() - 1001);
    assert!(server.poll_event().is_none() && !server.wants_input());
    server.handle_written(START, 1);
    match server.poll_event() {
        Some(server::Event::Request { head, body: b"{}" }) => assert_eq!(head.target(), "/second"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn client_whose_peer_does_not_read_wants_no_input_on_websocket() {
    let mut config = client::Config::new("localhost");
    config.max_send_backlog = 1000;
    let (mut client, _) = open_websocket(START, config, server::Config::new());
    client.send_message(START, &delta(500)).expect("an open socket");
    assert!(client.wants_input());
    client.send_message(START, &delta(500)).expect("an open socket");
    assert!(!client.wants_input());
    client.handle_written(START, 200);
    assert!(client.wants_input());
}

#[test]
fn http_response_is_read_although_its_request_is_not_written() {
    let mut config = client::Config::new("localhost");
    config.max_send_backlog = 1000;
    let mut client = ClientConnection::new(config, Transport::Http, [1; 32]);
    let body = vec![b'x'; 100_000];
    let request = turnwire::connection::OutgoingRequest::new(
        "/",
        Headers::new(),
        body,
        turnwire::connection::ExpectedBody::EventStream,
    );
    client.send_request(START, request).expect("a fresh connection");
    assert!(client.wants_input());
    client.handle_input(START, b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(client.poll_event(), Some(client::Event::Body { head, .. }) if head.status() == 413));
}

/// A peer that pings without reading causes one pending pong; a close reply is one frame.
#[test]
fn replies_to_a_peer_that_does_not_read_are_bounded() {
    let (mut client, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    let (mut pings, mut socket) = (Vec::new(), WebSocket::new(Role::Client, Limits::default(), None, [3; 32]));
    for _ in 0..1000 {
        socket.send(Message::Ping(&[b'?'; 100]), &mut pings).expect("a ping");
    }
    server.handle_input(START, &pings);
    let (mut pings, mut socket) = (Vec::new(), WebSocket::new(Role::Server, Limits::default(), None, [3; 32]));
    for _ in 0..1000 {
        socket.send(Message::Ping(&[b'?'; 100]), &mut pings).expect("a ping");
    }
    client.handle_input(START, &pings);
    assert!(server.poll_transmit().len() <= 110 && client.poll_transmit().len() <= 110);
    assert!(!server.poll_transmit().is_empty() && !client.poll_transmit().is_empty());
}

/// Pings are not queued after output that the peer does not read.
#[test]
fn pings_to_a_peer_that_does_not_read_do_not_pile_up() {
    let mut config = server::Config::new();
    (config.ping_interval, config.timeouts.write) = (Some(Duration::from_secs(1)), None);
    config.timeouts.websocket_idle = None;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    for _ in 0..1000 {
        let at = server.poll_timeout().expect("a ping");
        server.handle_timeout(at);
    }
    assert_eq!(server.poll_transmit().len(), 2, "one ping");
}

#[test]
fn ping_interval_of_zero_is_a_millisecond() {
    let mut config = client::Config::new("localhost");
    config.ping_interval = Some(Duration::ZERO);
    let (mut client, _) = open_websocket(START, config, server::Config::new());
    let (mut now, mut timeouts) = (START, 0);
    while now < after(20) && timeouts < 100 {
        now = client.poll_timeout().expect("the next ping");
        client.handle_timeout(now);
        client.handle_written(now, usize::MAX);
        timeouts += 1;
    }
    assert!(now >= after(20) && timeouts <= 40, "{timeouts} timeouts until {now:?}");
}

/// Returns the time at which the write deadline closes a connection whose peer reads `pace` bytes every `every`
/// milliseconds, starting at once; `None` if everything was read in time.
fn write_deadline(pending: usize, pace: usize, every: u64) -> Option<Duration> {
    let mut config = server::Config::new();
    config.max_send_backlog = usize::MAX;
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    server.send(START, &delta(pending)).expect("an open socket");
    for step in 0_u64.. {
        let now = after(step * every);
        while let Some(at) = server.poll_timeout().filter(|at| *at <= now) {
            server.handle_timeout(at);
            if let Some(server::Event::Closed(reason)) = server.poll_event() {
                assert_eq!(*reason, CloseReason::Timeout(Deadline::Write));
                return Some(at.saturating_duration_since(START));
            }
        }
        server.handle_written(now, pace);
        if server.poll_transmit().is_empty() {
            return None;
        }
    }
    unreachable!("steps do not end")
}

#[test]
fn write_deadline_requires_minimum_rate() {
    let minutes = |count: u64| Some(Duration::from_secs(count * 60));
    // Nothing is read, for any amount of output.
    assert_eq!(write_deadline(10, 0, 1000), minutes(1));
    assert_eq!(write_deadline(1_000_000, 0, 1000), minutes(1));
    // One byte per second, or one in the last second.
    assert_eq!(write_deadline(1_000_000, 1, 1000), minutes(1));
    assert_eq!(write_deadline(1_000_000, 1, 59_000), minutes(1));
    // A little less than 1 KiB per second; a little more; much less, but all in time.
    assert_eq!(write_deadline(1_000_000, 1000, 1000), minutes(1));
    assert_eq!(write_deadline(1_000_000, 1100, 1000), None);
    assert_eq!(write_deadline(5000, 100, 1000), None);
    // Much at first, and then nothing: the period restarts when enough was read.
    assert_eq!(write_deadline(1_000_000, 61_440 * 10, 10_000_000), minutes(1));
}

#[test]
fn write_deadline_of_client_requires_minimum_rate() {
    let (mut client, _) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    client.send_message(START, &delta(1_000_000)).expect("an open socket");
    for second in 0..60 {
        client.handle_written(after(second * 1000), 20);
    }
    assert_eq!(client.poll_timeout(), Some(after(60_000)));
    client.handle_timeout(after(60_000));
    assert!(
        matches!(client.poll_event(), Some(client::Event::Closed(CloseReason::Timeout(Deadline::Write)))),
        "the peer reads too slowly"
    );
    assert!(client.poll_transmit().is_empty() && client.is_finished(), "unsent output is dropped");
}

/// Output that is appended later does not restart the period.
#[test]
fn appending_does_not_restart_the_write_deadline() {
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    for second in 0..50 {
        server.send(after(second * 1000), &delta(10)).expect("an open socket");
    }
    assert_eq!(server.poll_timeout(), Some(after(60_000)));
}

#[test]
fn with_rate_zero_any_byte_restarts_the_write_deadline() {
    let mut config = server::Config::new();
    (config.timeouts.min_rate, config.timeouts.websocket_idle) = (0, None);
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), config);
    server.send(START, &delta(1_000_000)).expect("an open socket");
    for minute in 1..100 {
        server.handle_written(after(minute * 59_000), 1);
        assert_eq!(server.poll_timeout(), Some(after(minute * 59_000 + 60_000)));
    }
}

#[test]
fn more_written_than_was_waiting_counts_as_all() {
    let (mut client, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    client.send_message(START, &delta(10)).expect("an open socket");
    server.send(START, &delta(10)).expect("an open socket");
    for length in [usize::MAX, usize::MAX, 0, usize::MAX - 1] {
        client.handle_written(START, length);
        server.handle_written(START, length);
    }
    assert!(client.poll_transmit().is_empty() && server.poll_transmit().is_empty());
    client.send_message(START, &delta(10)).expect("an open socket");
    assert!(!client.poll_transmit().is_empty());
}

#[test]
fn written_output_is_not_held() {
    let (_, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
    let event = delta(10_000_000);
    let sent = measure(|| server.send(START, &event).expect("an open socket"));
    let mut held = sent.bytes_current;
    while server.poll_transmit().len() > 1 {
        let length = (server.poll_transmit().len() - 1).min(16 * 1024);
        held += measure(|| server.handle_written(START, length)).bytes_current;
        let pending = i64::try_from(server.poll_transmit().len()).expect("a length");
        assert!(held <= 2 * pending + 16 * 1024, "{held} bytes are held for {pending}");
    }
    held += measure(|| server.handle_written(START, 1)).bytes_current;
    assert!(held <= 4 * 1024, "{held} bytes are held for nothing");
}

proptest! {
    /// For any schedule of sending and writing, the bytes are the same, and the memory is at most twice the unsent
    /// bytes plus a small constant. Moving them is linear work.
    #[test]
    fn output_of_any_schedule_is_whole_and_small(steps in proptest::collection::vec((0_usize..3000, 0_usize..5000), 1..200)) {
        let (_, mut server) = open_websocket(START, client::Config::new("localhost"), server::Config::new());
        let (mut expected, mut written, mut held) = (Vec::new(), Vec::new(), 0);
        let mut socket = WebSocket::new(Role::Server, Limits::default(), None, [3; 32]);
        for (send, write) in steps {
            let event = delta(send);
            socket.send(Message::Text(&event), &mut expected).expect("a message");
            let length = write.min(server.poll_transmit().len());
            held += measure(|| server.send(START, &event).expect("an open socket")).bytes_current;
            written.extend_from_slice(&server.poll_transmit()[..length]);
            held += measure(|| server.handle_written(START, length)).bytes_current;
            let pending = server.poll_transmit().len();
            prop_assert!(held <= i64::try_from(2 * pending + 16 * 1024).expect("a length"), "{} for {}", held, pending);
        }
        written.extend_from_slice(server.poll_transmit());
        prop_assert!(written == expected);
    }
}
