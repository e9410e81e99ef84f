//! The server role's deadlines for a client that does not send.

use core::time::Duration;

use turnwire::connection::{CloseReason, Deadline, ServerConnection, server};
use turnwire::http::Headers;

use super::server::{NOW, after, message, request, server, websocket};

/// Reports the time to a server at each deadline, and feeds it one byte of `bytes` at each multiple of `pace`
/// milliseconds. Returns the time of its close, the reason, and its output.
fn slowly(mut server: ServerConnection, bytes: &[u8], pace: u64) -> Option<(u64, CloseReason, Vec<u8>)> {
    let mut bytes = bytes.iter();
    for step in 0..100_000 {
        let now = after(step * pace);
        while let Some(at) = server.poll_timeout().filter(|at| *at <= now) {
            server.handle_timeout(at);
            assert!(server.poll_timeout().is_none_or(|next| next > at), "the deadline at {at:?} is not later");
            if let Some(server::Event::Closed(reason)) = server.poll_event() {
                let (reason, at) = (reason.clone(), at.saturating_duration_since(NOW));
                return Some((u64::try_from(at.as_millis()).expect("soon"), reason, server.poll_transmit().to_vec()));
            }
        }
        match bytes.next() {
            Some(byte) => server.handle_input(now, &[*byte]),
            None if server.poll_event().is_some() => return None,
            None => {}
        }
    }
    panic!("there is no deadline")
}

#[test]
fn client_that_sends_nothing_is_closed_after_the_idle_timeout() {
    let (at, reason, written) = slowly(server(), b"", 1000).expect("a deadline");
    assert_eq!((at, reason, written.len()), (120_000, CloseReason::Timeout(Deadline::Idle), 0));
    // The connection's clock starts when it first learns the time.
    let mut late = server();
    assert_eq!(late.poll_timeout(), Some(NOW), "at once");
    late.handle_timeout(after(5000));
    assert_eq!(late.poll_timeout(), Some(after(125_000)));
}

#[test]
fn head_that_drips_is_answered_408() {
    let (at, reason, written) = slowly(server(), &request("GET").into_bytes().repeat(10), 1000).expect("a deadline");
    assert_eq!((at, reason), (30_000, CloseReason::Timeout(Deadline::Head)));
    assert!(written.starts_with(b"HTTP/1.1 408 "), "{written:?}");
}

#[test]
fn body_that_drips_is_answered_408() {
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n";
    let mut drips = server();
    drips.handle_input(NOW, head.as_bytes());
    let (at, reason, written) = slowly(drips, &[b'x'; 60_000], 1000).expect("a deadline");
    assert_eq!((at, reason), (60_000, CloseReason::Timeout(Deadline::Body)));
    assert!(written.starts_with(b"HTTP/1.1 408 "), "{written:?}");
    // Half a byte per second too slow, and fast enough.
    let mut fast = server();
    fast.handle_input(NOW, head.as_bytes());
    assert_eq!(slowly(fast, &[b'x'; 60_000], 0), None);
}

#[test]
fn message_that_drips_is_closed_with_1001() {
    let long = message(&format!(r#"{{"type":"x","y":"{}"}}"#, "y".repeat(60_000)));
    let (at, reason, written) = slowly(websocket(server::Config::new()), &long, 1000).expect("a deadline");
    assert_eq!((at, reason), (60_000, CloseReason::Timeout(Deadline::Body)));
    assert_eq!(written, [0x88, 2, 3, 0xE9]);
}

#[test]
fn idle_websocket_is_closed_after_an_hour_unless_a_request_is_in_flight() {
    let (at, reason, written) = slowly(websocket(server::Config::new()), b"", 1000).expect("a deadline");
    assert_eq!((at, reason), (3_600_000, CloseReason::Timeout(Deadline::Idle)));
    assert_eq!(written, [0x88, 2, 3, 0xE9]);
    let mut busy = websocket(server::Config::new());
    busy.handle_input(NOW, &message(r#"{"type":"response.create"}"#));
    assert!(busy.poll_event().is_some() && busy.poll_timeout().is_none());
    busy.send(after(1000), r#"{"type":"response.completed","response":{"id":"r"}}"#).expect("an open socket");
    busy.handle_written(after(1000), usize::MAX);
    assert_eq!(busy.poll_timeout(), Some(after(3_601_000)));
}

/// While a response is pending or being written, no deadline for the client's bytes runs.
#[test]
fn no_clock_of_the_client_runs_while_the_server_responds() {
    let mut server = server();
    server.handle_input(NOW, request("GET").as_bytes());
    assert!(server.poll_event().is_some());
    assert_eq!(server.poll_timeout(), None);
    server.begin_stream(NOW, &Headers::new()).expect("a request waits");
    server.handle_written(NOW, usize::MAX);
    assert_eq!(server.poll_timeout(), None);
    server.end_stream(after(500_000)).expect("a stream");
    assert_eq!(server.poll_timeout(), Some(after(560_000)), "the write deadline");
    server.handle_written(after(510_000), usize::MAX);
    assert_eq!(server.poll_timeout(), Some(after(630_000)), "the idle deadline, from the last byte written");
}

/// While no input is wanted, deadlines of the peer's bytes do not run; afterwards they restart.
#[test]
fn no_clock_of_the_client_runs_while_no_input_is_wanted() {
    let mut config = server::Config::new();
    (config.max_send_backlog, config.timeouts.write) = (100, None);
    let mut server = websocket(config);
    let bytes = message(r#"{"type":"response.create","input":"hello"}"#);
    server.handle_input(NOW, &bytes[..20]);
    server.send(NOW, &format!(r#"{{"type":"x","x":"{}"}}"#, "x".repeat(200))).expect("an open socket");
    assert!(!server.wants_input());
    assert_eq!(server.poll_timeout(), None);
    server.handle_timeout(after(10_000_000));
    assert!(server.poll_event().is_none());
    server.handle_written(after(20_000_000), usize::MAX);
    assert!(server.wants_input());
    // It may ask for the time once more, and the deadline then restarts in full.
    server.handle_timeout(after(20_000_000));
    assert_eq!(server.poll_timeout(), Some(after(20_060_000)));
    server.handle_input(after(20_050_000), &bytes[20..]);
    assert!(matches!(server.poll_event(), Some(server::Event::Text { .. })));
}

#[test]
fn latest_instant_causes_no_spin_in_server() {
    let latest = NOW + Duration::MAX;
    let mut config = server::Config::new();
    config.ping_interval = Some(Duration::from_secs(1));
    let mut server = websocket(config);
    server.handle_timeout(latest);
    assert_eq!(server.poll_timeout(), None, "no later deadline exists");
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    server.handle_timeout(latest);
    server.handle_timeout(latest);
    assert_eq!(server.poll_timeout(), None, "no later deadline exists");
}
