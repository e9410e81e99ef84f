//! What a whole response takes at the peak that a server sends in place of an event stream.

use allocation_counter::{AllocationInfo, measure};
use turnwire::client::Settings;
use turnwire_tests::fixtures::{ask, created, delta};
use turnwire_tests::pair::{Act, Pair, Script, http_provider, with_retries};

use super::peaks::{Delivery, READ, excess};
use super::wide_and_deep::PEAK;

/// Responses with a place for a value.
const RESPONSES: [&str; 16] = [
    r#"{"id":"r","object":"response","status":"completed","output":@}"#,
    r#"{"id":"r","object":"response","status":"completed","output":[@]}"#,
    r#"{"id":"r","object":"response","output":[{"type":"message","role":"assistant","content":@}]}"#,
    r#"{"id":"r","object":"response","output":[{"type":"message","id":@,"role":"assistant","content":[{"type":"output_text","text":@}]}]}"#,
    r#"{"id":"r","object":"response","output":[{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":@}]}]}"#,
    r#"{"id":"r","object":"response","output":[{"type":"reasoning","summary":@,"content":@}]}"#,
    r#"{"id":"r","object":"response","output":[{"type":"function_call","call_id":"c","name":"f","arguments":@}]}"#,
    r#"{"id":"r","object":"response","output":[],"usage":@}"#,
    r#"{"id":"r","object":"response","output":[],"x":@}"#,
    r#"{"id":@,"previous_response_id":@,"object":"response","output":[],"model":@}"#,
    r#"{"id":"r","object":"response","status":@,"output":[]}"#,
    r#"{"id":"r","object":@,"status":"completed","output":[]}"#,
    r#"{"id":"r","object":"response","status":"incomplete","incomplete_details":@}"#,
    r#"{"id":"r","object":"response","status":"failed","error":{"code":"c","message":@}}"#,
    r#"{"id":"r","object":"response","status":"cancelled","error":@}"#,
    r#"{"error":{"code":"c","message":@}}"#,
];

/// What the client asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Requested {
    Response,
    /// The rest of a background response whose stream was lost.
    Rest,
}

fn cost(text: &str, chunked: bool, requested: Requested, delivery: Delivery) -> AllocationInfo {
    let mut settings = Settings::default();
    settings.connection.max_backlog = 64 * 1024 * 1024;
    settings.collect = delivery == Delivery::Collected;
    let mut pair = Pair::new(with_retries(http_provider(), 3), settings, Script::new());
    match requested {
        Requested::Response => drop(pair.ask(ask("one"))),
        Requested::Rest => {
            pair.ask(ask("one").background(true));
            for act in [Act::stream_with(&[]), Act::Send(created("r")), Act::Send(delta("x")), Act::Drop] {
                pair.act(act);
            }
            while pair.posts().last().is_none_or(|seen| seen.method != "GET") {
                assert!(pair.jump(), "the rest is requested");
                pair.run();
            }
        }
    }
    while pair.client.poll_event().is_some() {}
    let framing = if chunked { "transfer-encoding: chunked".into() } else { format!("content-length: {}", text.len()) };
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{framing}\r\n\r\n").into_bytes();
    if chunked {
        for part in text.as_bytes().chunks(READ) {
            bytes.extend(format!("{:x}\r\n", part.len()).bytes().chain(part.iter().copied()).chain(*b"\r\n"));
        }
        bytes.extend(b"0\r\n\r\n");
    } else {
        bytes.extend(text.bytes());
    }
    let (now, client) = (pair.now, &mut pair.client);
    let mut polled = 0;
    let info = measure(|| {
        for read in bytes.chunks(READ) {
            client.handle_input(now, read);
        }
        while client.poll_event().is_some() {
            polled += 1;
        }
    });
    assert!(polled > 0, "no event");
    info
}

/// What is not collected takes no more.
fn check(requested: Requested, delivery: Delivery, chunked: bool) {
    let failures = excess(&RESPONSES, PEAK, |text| cost(text, chunked, requested, delivery));
    let case = format!("{requested:?}, {delivery:?}, chunked: {chunked}");
    assert!(failures.is_empty(), "{case}: {} of all: {failures:#?}", failures.len());
}

#[test]
fn whole_response_of_any_shape_takes_at_most_three_times_its_length_at_the_peak() {
    check(Requested::Response, Delivery::Collected, true);
}

#[test]
fn rest_of_a_response_of_any_shape_takes_at_most_three_times_its_length_at_the_peak() {
    check(Requested::Rest, Delivery::Collected, false);
}
