//! Deviations of servers from the protocol, one file per kind (docs/servers.md). Each input reaches a client whole and
//! byte by byte.

mod answers_without_events;
mod close_codes;
mod codes_of_failing_statuses;
mod completed_that_says_otherwise;
mod completed_without_members;
mod echoed_previous_response;
mod ends_under_other_names;
mod error_events_without_a_type;
mod final_ends;
mod forgotten_previous_response;
mod http_of_other_servers;
mod items_of_other_servers;
mod items_only_added;
mod lanes_without_echo;
mod late_output;
mod lone_surrogates;
mod metadata_of_other_responses;
mod nearly_json;
mod repeated_members;
mod requested_delays;
mod usage_of_unfinished_responses;
mod usage_with_odd_counts;

use turnwire::client::{OwnedEvent, OwnedOutcome, RequestId, Settings};
use turnwire::responses::{EventData, Failure, FailureKind};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

/// The events before the end of a response with the text `Hi`.
const BEGIN: &str = r#"{"type":"response.created","response":{"id":"resp_1"}}
{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"}
{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}}"#;

/// The terminal event of that response.
const END: &str = r#"{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}}"#;

/// Returns a server's frame with this text.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len();
    let mut frame = vec![0x81];
    match u16::try_from(length) {
        Ok(short @ ..126) => frame.push(short as u8),
        Ok(length) => frame.extend([&[126][..], &length.to_be_bytes()].concat()),
        Err(_) => frame.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Returns an event stream of these blocks, each of which is a payload or has field names already.
fn events(blocks: &str) -> String {
    blocks
        .lines()
        .map(
            |line| {
                if line.starts_with('{') || line == "[DONE]" {
                    format!("data: {line}\n\n")
                } else {
                    format!("{line}\n")
                }
            },
        )
        .collect()
}

/// Returns a response with status 200 and a stream of these events.
fn stream(blocks: &str) -> Vec<u8> {
    let body = events(blocks);
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Returns a response with this status line, headers and body.
fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Creates a client over HTTP with two retries, and a server that gives the same response to each request.
fn http(answer: &[u8], chunks: Chunks) -> Pair {
    let script = (0..8).fold(Script::new(), |script, _| {
        script.on(Kind::Post, vec![Act::Raw(answer.to_vec()), Act::Close(1000, String::new())])
    });
    let mut pair = Pair::new(with_retries(http_provider(), 2), Settings::default(), script);
    pair.down = chunks;
    pair
}

/// Creates a client over WebSocket with two retries, and a server that responds to each request with these payloads,
/// one per line.
fn websocket(payloads: &str, chunks: Chunks) -> Pair {
    let script = (0..8).fold(Script::new(), |script, _| {
        script.on(Kind::Text, payloads.lines().map(|line| Act::Raw(frame(line))).collect::<Vec<_>>())
    });
    let mut settings = Settings::default();
    settings.transport = turnwire::client::TransportPreference::WebSocket;
    let mut pair = Pair::new(with_retries(provider(), 2), settings, script);
    pair.down = chunks;
    pair
}

/// Sends a request with each of these clients, and calls `check` when it has ended.
fn each(pairs: impl IntoIterator<Item = Pair>, check: impl Fn(&Pair, RequestId)) {
    for mut pair in pairs {
        let id = pair.ask(ask("hello"));
        pair.run_out();
        check(&pair, id);
    }
}

/// Responds over each transport with these payloads, one per line, whole and byte by byte. The request must end at
/// once, without waiting for a deadline.
fn each_transport(payloads: &str, check: impl Fn(&Pair, RequestId)) {
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        for mut pair in [http(&stream(payloads), chunks.clone()), websocket(payloads, chunks.clone())] {
            let id = pair.ask(ask("hello"));
            if pair.outcome(id).is_none() {
                let retried = pair.events.iter().any(|event| matches!(event, OwnedEvent::Retry { .. }));
                assert!(retried, "the request did not end at once: {payloads}");
                pair.run_out();
            }
            check(&pair, id);
        }
    }
}

/// Responds over HTTP with these bytes, whole and byte by byte.
fn each_cut(answer: &[u8], check: impl Fn(&Pair, RequestId)) {
    each([Chunks::Whole, Chunks::Bytes].map(|chunks| http(answer, chunks)), check);
}

/// Returns the delivered text.
fn text(pair: &Pair, of: RequestId) -> String {
    let deltas = pair.events.iter().filter_map(|event| match event {
        OwnedEvent::Server { id, event } if *id == of => match &event.data {
            EventData::OutputTextDelta { delta, .. } => Some(delta.as_ref()),
            _ => None,
        },
        _ => None,
    });
    deltas.collect()
}

/// Checks that the request completed at its first attempt with the text `Hi`.
fn completed(pair: &Pair, id: RequestId) {
    pair.completed(id);
    assert_eq!((text(pair, id).as_str(), requests(pair)), ("Hi", 1));
}

/// Returns the number of requests that the server received.
fn requests(pair: &Pair) -> usize {
    pair.texts().len() + pair.posts().len()
}

/// Checks that the request failed in this way and was not retried.
fn failed(pair: &Pair, id: RequestId, kind: FailureKind, words: &str) -> Failure {
    let failure = pair.failure(id);
    assert_eq!((failure.kind, requests(pair)), (kind, 1), "{failure}");
    assert!(failure.message.contains(words) || failure.to_string().contains(words), "{failure}: {}", failure.message);
    failure
}

/// Returns the reason of an incomplete response.
fn incomplete(pair: &Pair, id: RequestId) -> Option<String> {
    assert_eq!(requests(pair), 1);
    match pair.outcome(id) {
        Some(OwnedOutcome::Incomplete(response)) => response.reason.clone(),
        other => panic!("{id} has the outcome {other:?}"),
    }
}
