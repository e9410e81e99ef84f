//! A client that has processed some events makes no allocation for a text delta, from the socket to the application.
//! Its memory is bounded for endless input.

use allocation_counter::measure;
use turnwire::client::{Client, Credentials, Event, Settings};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::EventData;
use turnwire::time::Instant;
use turnwire_tests::fixtures::{ask, created, delta, done, msg, on_lane, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

/// Feeds the client the reads and polls its events. Returns the number of text bytes.
fn read(client: &mut Client, now: Instant, reads: &[&[u8]]) -> usize {
    let mut text = 0;
    for read in reads {
        client.handle_input(now, read);
        while let Some(event) = client.poll_event() {
            let Event::Server { event, .. } = event else { panic!("{event:?}") };
            let EventData::OutputTextDelta { delta, .. } = &event.data else { panic!("{event:?}") };
            text += delta.len();
        }
        let _ = (client.poll_timeout(), client.poll_transmit().len(), client.wants_input(), client.poll_socket());
    }
    text
}

/// Does the same with events that are delivered at once.
fn take(client: &mut Client, now: Instant, reads: &[&[u8]]) -> usize {
    let mut text = 0;
    for read in reads {
        client.handle_input_with(now, read, |event| {
            let Event::Server { event, .. } = event else { panic!("{event:?}") };
            let EventData::OutputTextDelta { delta, .. } = &event.data else { panic!("{event:?}") };
            text += delta.len();
        });
    }
    text
}

fn frame(event: &str) -> Vec<u8> {
    let length = u16::try_from(event.len()).expect("a short event").to_be_bytes();
    [&[0x81, 126][..], &length, event.as_bytes()].concat()
}

fn check(mut pair: Pair, bytes: &[u8], expected: usize) {
    assert!(pair.client.has_pending_requests());
    for size in [1400, 64, bytes.len()] {
        let reads: Vec<&[u8]> = bytes.chunks(size).collect();
        let now = pair.now;
        assert_eq!(read(&mut pair.client, now, &reads), expected, "warming");
        for read in [read, take] {
            let made = measure(|| assert_eq!(read(&mut pair.client, now, &reads), expected));
            assert_eq!(made.count_total, 0, "reads of {size}: {made:?}");
        }
    }
}

fn text() -> String {
    delta(&"some words of an answer ".repeat(6))
}

#[test]
fn text_delta_over_websocket_allocates_nothing() {
    let pair = || {
        let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("r")]]));
        pair.ask(ask("one"));
        pair
    };
    check(pair(), &frame(&text()).repeat(50), 50 * 144);
}

#[test]
fn text_delta_over_event_stream_allocates_nothing() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    let script = Script::new().on(Kind::Post, vec![Act::Raw(head)]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let event = format!("event: response.output_text.delta\ndata: {}\n\n", text());
    check(pair, event.repeat(50).as_bytes(), 50 * 144);
}

#[test]
fn text_delta_over_chunked_event_stream_allocates_nothing() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let script = Script::new().on(Kind::Post, vec![Act::Raw(head)]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let event = format!("data: {}\n\n", text());
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    check(pair, chunk.repeat(50).as_bytes(), 50 * 144);
}

#[test]
fn text_delta_on_one_of_several_lanes_allocates_nothing() {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 4;
    let mut pair = Pair::new(provider, Settings::default(), Script::new());
    pair.ask(ask("one"));
    pair.ask(turnwire::client::Request::from(ask("two")).on_lane("a"));
    check(pair, &frame(&on_lane("a", &text())).repeat(50), 50 * 144);
}

/// Events and raw bytes that a server may repeat endlessly.
fn endless() -> Vec<String> {
    vec![
        text(),
        created("r"),
        msg("msg_1", &"word ".repeat(100)),
        token("another"),
        r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}"#.into(),
        r#"{"type":"response.metadata","metadata":{"openai_verification_recommendation":["a","b"]}}"#.into(),
        r#"{"type":"response.odd","response":{"id":"r"}}"#.into(),
        r#"{"type":"response.output_item.done","item":7}"#.into(),
        on_lane("nobody", &text()),
        "{".into(),
    ]
}

/// Creates a client with a request in flight and a small backlog. Returns also the bytes of the event.
fn talkative(ws: bool, event: &str) -> (Pair, Vec<u8>) {
    let mut settings = Settings::default();
    settings.connection.max_backlog = BACKLOG;
    settings.connection.max_body = BACKLOG;
    if ws {
        let mut pair = Pair::new(provider(), settings, Script::new());
        pair.ask(ask("one"));
        return (pair, frame(event));
    }
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let mut pair = Pair::new(http_provider(), settings, Script::new().on(Kind::Post, vec![Act::Raw(head)]));
    pair.ask(ask("one"));
    (pair, format!("data: {event}\n\n").into_bytes())
}

const BACKLOG: usize = 64 * 1024;

/// A large multiple of the backlog.
const MUCH: usize = 100 * BACKLOG;

#[test]
fn unpolled_events_are_bounded() {
    for event in endless() {
        for ws in [false, true] {
            let (mut pair, bytes) = talkative(ws, &event);
            let (client, now) = (&mut pair.client, pair.now);
            let mut given = 0;
            let made = measure(|| {
                while client.wants_input() && given < MUCH {
                    client.handle_input(now, &bytes);
                    given += bytes.len();
                }
            });
            let kept = usize::try_from(made.bytes_current).unwrap_or_default();
            assert!(kept <= 16 * BACKLOG, "ws {ws}, {event}: {kept} of {given} bytes are held");
        }
    }
}

#[test]
fn polled_events_are_not_held() {
    for event in endless() {
        for ws in [false, true] {
            let (mut pair, bytes) = talkative(ws, &event);
            let (client, now) = (&mut pair.client, pair.now);
            let made = measure(|| {
                for _ in 0..MUCH / bytes.len() {
                    client.handle_input(now, &bytes);
                    while client.poll_event().is_some() {}
                }
            });
            let kept = usize::try_from(made.bytes_current).unwrap_or_default();
            assert!(kept <= 4 * BACKLOG, "ws {ws}, {event}: {kept} bytes are held");
        }
    }
}

/// The bytes that a client holds after a response with this many text deltas.
fn held_after(provider: turnwire::client::Provider, script: Script) -> i64 {
    let mut pair = Pair::new(provider, Settings::default(), script);
    pair.ask(ask("one"));
    assert!(!pair.client.has_pending_requests());
    let client = pair.client;
    -measure(|| drop(client)).bytes_current
}

#[test]
fn idle_client_holds_no_memory_of_the_deltas_of_its_last_response() {
    let events = |deltas| {
        let begin = [created("r")].into_iter();
        begin.chain((0..deltas).map(|_| text())).chain([done("r")]).collect::<Vec<_>>()
    };
    for (long, short) in [
        (
            held_after(provider(), Script::new().ws([events(500)])),
            held_after(provider(), Script::new().ws([events(0)])),
        ),
        (
            held_after(http_provider(), Script::new().sse([events(500)])),
            held_after(http_provider(), Script::new().sse([events(0)])),
        ),
    ] {
        assert!(long <= short + 1024, "{long} bytes are held, and {short} without deltas");
    }
}

/// The handshake contains the credentials; the request behind it does not.
#[test]
fn memory_of_the_handshake_is_freed_before_the_first_request() {
    let now = Instant::ZERO;
    let key = "k".repeat(3_000);
    let mut client =
        Client::new(provider(), Credentials::bearer(&*key), Settings::default(), [7; 32]).expect("a provider");
    client.send(now, ask("one")).expect("it is open");
    client.poll_socket();
    client.handle_connected(now);
    let mut server = ServerConnection::new(server::Config::new(), [8; 32]);
    server.handle_input(now, client.poll_transmit());
    while server.poll_event().is_some() {}
    server.accept(now, &Headers::new()).expect("it was asked for");
    let length = client.poll_transmit().len();
    assert!(length > key.len());
    let kept = measure(|| {
        client.handle_written(now, length);
        client.handle_input(now, server.poll_transmit());
    });
    let request = client.poll_transmit().len();
    assert!(request > 0 && request < 2000, "the request follows at once");
    assert!(kept.bytes_current < -3_500, "{kept:?}");
}
