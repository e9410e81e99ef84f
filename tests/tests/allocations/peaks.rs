//! What one message takes at the peak, in the ways in which it can come: as an event to a client, and as a request to a server.

use allocation_counter::{AllocationInfo, measure};
use turnwire::client::Settings;
use turnwire::connection::{client, server};
use turnwire::time::Instant;
use turnwire::ws::deflate::{Params, ServerPolicy};
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::open_websocket::open_websocket;
use turnwire_tests::pair::{Pair, Script, http_provider, provider};

use super::wide_and_deep::{CONSTANT, PEAK, PLACES, TIGHT};

/// The length of a message in these tests.
const LENGTH: usize = 1024 * 1024;

/// The length of the parts in which bytes come.
pub(crate) const READ: usize = 16 * 1024;

const NOW: Instant = Instant::ZERO;

/// Returns the header of a frame, with a mask of zeros if a client sends it.
fn frame(first: u8, length: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let length = u64::try_from(length).expect("a length");
    let mut bytes = vec![first, mask | 127];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0; 4].iter().filter(|_| masked));
    bytes
}

/// Returns a message in frames of 16 KiB.
fn fragmented(text: &str, masked: bool) -> Vec<u8> {
    let (mut bytes, parts) = (Vec::new(), text.len().div_ceil(READ));
    for (at, part) in text.as_bytes().chunks(READ).enumerate() {
        let first = if at == 0 { 1 } else { 0 } | if at + 1 == parts { 0x80 } else { 0 };
        bytes.extend(frame(first, part.len(), masked));
        bytes.extend(part);
    }
    bytes
}

/// Returns a message, compressed.
fn deflated(text: &str, role: Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut socket = WebSocket::new(role, Limits::default(), Some(&Params::default()), [3; 32]);
    socket.send(Message::Text(text), &mut bytes).expect("it is open");
    bytes
}

/// How an event comes to a client.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Frame,
    Fragments,
    Deflate,
    EventStream,
}

/// Whether the client also assembles the whole response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delivery {
    Events,
    Collected,
}

fn event_cost(event: &str, way: Way, delivery: Delivery) -> AllocationInfo {
    let mut settings = Settings::default();
    settings.connection.max_backlog = 64 * 1024 * 1024;
    settings.collect = delivery == Delivery::Collected;
    let mut pair = match way {
        Way::EventStream => Pair::new(http_provider(), settings, Script::new()),
        Way::Frame | Way::Fragments | Way::Deflate => {
            Pair::new(provider(), settings, Script::new().ws([vec![created("r")]]))
        }
    };
    if way == Way::Deflate {
        pair.server.deflate_policy = Some(ServerPolicy::default());
    }
    pair.ask(ask("one"));
    let bytes = match way {
        Way::Frame => [frame(0x81, event.len(), false), event.as_bytes().to_vec()].concat(),
        Way::Fragments => fragmented(event, false),
        Way::Deflate => deflated(event, Role::Server),
        Way::EventStream => {
            let begun = created("r");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            pair.client.handle_input(pair.now, format!("{head}data: {begun}\n\n").as_bytes());
            while pair.client.poll_event().is_some() {}
            format!("data: {event}\n\n").into_bytes()
        }
    };
    // A response that is collected is whole after its end.
    let end = match (delivery, way) {
        (Delivery::Events, _) => Vec::new(),
        (Delivery::Collected, Way::EventStream) => format!("data: {}\n\n", done("r")).into_bytes(),
        (Delivery::Collected, Way::Frame | Way::Fragments | Way::Deflate) => {
            [frame(0x81, done("r").len(), false), done("r").into_bytes()].concat()
        }
    };
    let (now, client) = (pair.now, &mut pair.client);
    let mut polled = 0;
    let info = measure(|| {
        for read in bytes.chunks(READ) {
            client.handle_input(now, read);
        }
        while client.poll_event().is_some() {
            polled += 1;
        }
        client.handle_input(now, &end);
        while client.poll_event().is_some() {}
    });
    assert!(polled > 0, "{way:?}: no event");
    info
}

/// How many times its length a message may make its receiver allocate in all: as it is assembled, for which the buffer is copied when
/// it grows by half, as it waits, and as it is read.
const TOTAL: usize = 20;

/// Returns what exceeds `times` the length of a message, of all places and shapes.
pub(crate) fn excess(places: &[&str], times: usize, cost: impl Fn(&str) -> AllocationInfo) -> Vec<String> {
    let mut failures = Vec::new();
    for place in places {
        for (shape, make) in TIGHT {
            let text = place.replace('@', &make(LENGTH / place.matches('@').count()));
            let AllocationInfo { bytes_max: peak, bytes_total: total, .. } = cost(&text);
            if total > u64::try_from(TOTAL * text.len() + CONSTANT).expect("a number") {
                failures
                    .push(format!("{place}: {shape}: {:.1} times the length in all", total as f64 / text.len() as f64));
            }
            let at_most = u64::try_from(times * text.len() + CONSTANT).expect("a number");
            if peak > at_most {
                let times = (peak as f64 - CONSTANT as f64) / text.len() as f64;
                failures.push(format!("{place}: {shape}: {times:.2} times the length at the peak"));
            }
        }
    }
    failures
}

fn check(way: Way, delivery: Delivery) {
    let failures = excess(&PLACES, PEAK, |event| event_cost(event, way, delivery));
    assert!(failures.is_empty(), "{way:?}: {} of all: {failures:#?}", failures.len());
}

#[test]
fn event_of_any_shape_in_fragments_takes_at_most_three_times_its_length_at_the_peak() {
    check(Way::Fragments, Delivery::Events);
}

#[test]
fn event_of_any_shape_compressed_takes_at_most_three_times_its_length_at_the_peak() {
    check(Way::Deflate, Delivery::Events);
}

#[test]
fn event_of_any_shape_in_an_event_stream_takes_at_most_three_times_its_length_at_the_peak() {
    check(Way::EventStream, Delivery::Events);
}

#[test]
fn collected_event_of_any_shape_takes_at_most_three_times_its_length_at_the_peak() {
    for way in [Way::Frame, Way::Fragments, Way::Deflate, Way::EventStream] {
        check(way, Delivery::Collected);
        let failures = excess(&OUTPUT, PEAK, |event| event_cost(event, way, Delivery::Collected));
        assert!(failures.is_empty(), "{way:?}: {} of all: {failures:#?}", failures.len());
    }
}

/// Further events of which a response is collected, with a place for a value.
const OUTPUT: [&str; 7] = [
    r#"{"type":"response.output_text.done","item_id":"i","text":@}"#,
    r#"{"type":"response.content_part.done","item_id":"i","part":{"type":"output_text","text":@}}"#,
    r#"{"type":"response.output_text.delta","item_id":@,"delta":"x"}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":@,"call_id":@,"delta":@}"#,
    r#"{"type":"response.output_item.added","item":{"type":"function_call","id":@,"call_id":@,"name":@,"arguments":@}}"#,
    r#"{"type":"response.in_progress","response":{"id":"r","instructions":@}}"#,
    r#"{"type":"response.completed","response":{"id":"r","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":@}]}]}}"#,
];

/// Requests with a place for a value.
const REQUESTS: [&str; 14] = [
    r#"{"type":"response.create","model":"m","input":@}"#,
    r#"{"type":"response.create","model":"m","input":[{"type":"message","role":"user","content":@}]}"#,
    r#"{"type":"response.create","model":"m","input":[{"type":"function_call_output","call_id":"c","output":@}]}"#,
    r#"{"type":"response.create","model":"m","input":[],"tools":@}"#,
    r#"{"type":"response.create","model":"m","input":[],"tools":[{"type":"function","name":"f","parameters":@}]}"#,
    r#"{"type":"response.create","model":"m","input":[],"metadata":@}"#,
    r#"{"type":"response.create","model":@,"input":[],"previous_response_id":@,"instructions":@}"#,
    r#"{"type":"response.create","model":"m","input":[],"stream_id":@}"#,
    r#"{"type":"response.create","model":"m","input":[],"client_metadata":@}"#,
    r#"{"type":"response.future","model":@}"#,
    r#"{"type":@}"#,
    r#"{"type":"response.steer","previous_response_id":"r","input":@}"#,
    r#"{"type":"response.inject","response_id":"r","input":[@]}"#,
    r#"{"type":"response.interrupt","response_id":@,"mode":@}"#,
];

/// How a request comes to a server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RequestWay {
    Post,
    Frame,
    Deflate,
}

fn request_cost(text: &str, way: RequestWay) -> AllocationInfo {
    let mut config = server::Config::new();
    config.deflate_policy = (way == RequestWay::Deflate).then(ServerPolicy::default);
    let (_client, mut server) = match way {
        RequestWay::Post => (None, turnwire::connection::ServerConnection::new(config, [2; 32])),
        RequestWay::Frame | RequestWay::Deflate => {
            let (client, server) = open_websocket(NOW, client::Config::new("localhost"), config);
            (Some(client), server)
        }
    };
    let bytes = match way {
        RequestWay::Post => {
            let length = text.len();
            let head = format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            [head.as_bytes(), text.as_bytes()].concat()
        }
        RequestWay::Frame => [frame(0x81, text.len(), true), text.as_bytes().to_vec()].concat(),
        RequestWay::Deflate => deflated(text, Role::Client),
    };
    let mut polled = 0;
    let info = measure(|| {
        for read in bytes.chunks(READ) {
            server.handle_input(NOW, read);
        }
        while server.poll_event().is_some() {
            polled += 1;
        }
    });
    assert_eq!(polled, 1, "{way:?}");
    info
}

#[test]
fn request_of_any_shape_takes_a_server_at_most_three_times_its_length_at_the_peak() {
    for way in [RequestWay::Post, RequestWay::Frame, RequestWay::Deflate] {
        let failures = excess(&REQUESTS, PEAK, |text| request_cost(text, way));
        assert!(failures.is_empty(), "{way:?}: {} of all: {failures:#?}", failures.len());
    }
}
