//! Scenarios C and D that need a client and a server, over event streams (tests/scenarios.md).

use core::time::Duration;

use serde_json::json;
use turnwire::client::{OwnedEvent, Provider, Settings};
use turnwire::responses::{FailureKind, ResponseInfo};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{ask, created, done, done0, fail, incomplete, msg, sse};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider};

/// Creates an HTTP pair. The server responds to the k-th request with the k-th event stream, which may be incomplete.
fn streamed(provider: Provider, bodies: Vec<Vec<Act>>) -> Pair {
    let script = bodies.into_iter().fold(Script::new(), |script, acts| script.on(Kind::Post, acts));
    Pair::new(provider, Settings::default(), script)
}

fn stream(events: &[String]) -> Vec<Act> {
    let sends = events.iter().cloned().map(Act::Send);
    [Act::Stream(Vec::new())].into_iter().chain(sends).chain([Act::End]).collect()
}

#[test]
fn c01_items_and_completed() {
    let hello = json!({"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello"}],"phase":"commentary"}}).to_string();
    let events = [hello, msg("msg_2", "World"), done0("resp1")];
    let mut pair = streamed(http_provider(), vec![stream(&events)]);
    pair.down = Chunks::Size(97);
    let id = pair.ask(ask("hi"));
    assert_eq!(pair.kinds(id), ["response.output_item.done", "response.output_item.done", "response.completed"]);
    let Some(turnwire::client::OwnedOutcome::Completed(completed)) = pair.outcome(id) else { panic!("not completed") };
    assert_eq!((completed.id.as_deref(), completed.usage, completed.end_turn), (Some("resp1"), None, None));
}

#[test]
fn d01_missing_completed() {
    let mut pair = streamed(http_provider(), vec![stream(&[msg("msg_1", "x")])]);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.kinds(id), ["response.output_item.done"]);
    let failure = pair.failure(id);
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (FailureKind::Stream, "stream closed before response.completed")
    );
}

/// Differs: a failure ends its request at once, so that nothing can mask it (docs/differences.md row 6).
#[test]
fn d10_held_error_masked_by_idle() {
    let acts = vec![Act::Stream(Vec::new()), Act::Send(fail("insufficient_quota", "no"))];
    let mut pair = streamed(http_provider(), vec![acts]);
    let (asked_at, id) = (pair.now, pair.ask(ask("hi")));
    assert_eq!((pair.failure(id).kind, pair.now), (FailureKind::QuotaExceeded, asked_at));
}

/// Differs: the first failure ends the request (docs/differences.md row 6).
#[test]
fn d11_last_held_error_wins() {
    let events = [fail("insufficient_quota", "no"), incomplete("r", "max_output_tokens")];
    let mut pair = streamed(http_provider(), vec![stream(&events)]);
    let id = pair.ask(ask("hi"));
    assert_eq!(pair.failure(id).kind, FailureKind::QuotaExceeded);
    assert_eq!(pair.kinds(id), ["response.failed"]);
}

/// Differs: a failure before the transport error ends the request (docs/differences.md row 6); otherwise the transport
/// error does.
#[test]
fn d12_transport_error_masks() {
    let held = vec![Act::Stream(Vec::new()), Act::Send(fail("insufficient_quota", "no")), Act::Drop];
    let cut = vec![Act::Stream(Vec::new()), Act::Send(created("r")), Act::Drop];
    let mut pair = streamed(http_provider(), vec![held, cut]);
    let first = pair.ask(ask("hi"));
    assert_eq!(pair.failure(first).kind, FailureKind::QuotaExceeded);
    let second = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.failure(second).kind, FailureKind::Stream);
}

/// Differs: a malformed completion ends the request at once (docs/differences.md rows 6 and 37), and one without a
/// response is malformed (row 7).
#[test]
fn d13_bad_completed() {
    let bad = json!({"type":"response.completed","response":{}}).to_string();
    let empty = json!({"type":"response.completed"}).to_string();
    let mut pair = streamed(http_provider(), vec![stream(&[bad, done0("r")]), stream(&[empty])]);
    let first = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.completed(first), "");
    let second = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.completed(second), "");
}

#[test]
fn d14_idle_with_comments() {
    let mut provider = http_provider();
    provider.idle_timeout = Duration::from_millis(100);
    let alive = (0..10).flat_map(|_| [Act::Wait(Duration::from_millis(30)), Act::KeepAlive]);
    let acts = [Act::Stream(Vec::new())].into_iter().chain(alive).collect();
    let mut pair = streamed(provider, vec![acts]);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.failure(id).message, "idle timeout waiting for SSE");
    assert_eq!(pair.report(id).expect("a report").total, Duration::from_millis(100));
}

/// Differs: invalid UTF-8 is replaced, and the stream goes on (docs/differences.md row 2).
#[test]
fn d17_invalid_utf8() {
    let mut body = b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\xffb\"}\n\n".to_vec();
    body.extend_from_slice(sse(&[done0("r")]).as_bytes());
    let mut head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    head.extend(body);
    let mut pair = streamed(http_provider(), vec![vec![Act::Raw(head)]]);
    let id = pair.ask(ask("hi"));
    assert_eq!(pair.completed(id), "r");
    let text = pair.events.iter().find_map(|event| match event {
        OwnedEvent::Server { event, .. } => event.raw().filter(|raw| raw.contains("delta\":\"a")).map(String::from),
        _ => None,
    });
    assert!(text.expect("a delta").contains("a\u{fffd}b"));
}

/// Differs: the failure shows the body, and is final (docs/differences.md row 43).
#[test]
fn d19_non_sse_200() {
    let answer = Act::respond_with(200, &[("content-type", "application/json")], "{}");
    let mut pair = streamed(http_provider(), vec![vec![answer]]);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!(failure.message, "status 200 without events, content type application/json: {}");
    assert_eq!((failure.retryable, pair.posts().len()), (false, 1));
}

#[test]
fn d20_quota_shown_once() {
    let mut provider = http_provider();
    provider.retry.max_retries = 3;
    let mut pair = streamed(provider, vec![stream(&[created("r"), fail("insufficient_quota", "no")])]);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.failure(id).user_text(), "Quota exceeded. Check your plan and billing details.");
    let ends = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Finished { .. })).count();
    assert_eq!((ends, pair.posts().len()), (1, 1));
}

#[test]
fn d21_retry_after_early_close() {
    let mut provider = http_provider();
    provider.retry.max_retries = 1;
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-length: 34\r\nconnection: close\r\n\r\nevent: response.output_item.done\n\n"
            .to_vec();
    let mut pair = streamed(provider, vec![vec![Act::Raw(head)], stream(&[created("r"), done("r")])]);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.posts().len()), ("r", 2));
}

#[test]
fn d22_error_then_next_turn_works() {
    let mut provider = http_provider();
    provider.retry.max_retries = 1;
    let failing = || vec![Act::respond(500, "")];
    let mut pair = streamed(provider, vec![failing(), failing(), stream(&[done("r")])]);
    let first = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.failure(first).kind, FailureKind::InternalServerError);
    pair.client.begin_turn().expect("a turn");
    let second = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.completed(second), "r");
    assert!(
        !pair.events.iter().any(|event| matches!(event, OwnedEvent::Info { info: ResponseInfo::RateLimits(_), .. }))
    );
}

#[test]
fn body_with_content_length_ends_at_last_byte() {
    let mut provider = http_provider();
    provider.idle_timeout = Duration::from_secs(300);
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\ndata: x\n\nda".to_vec();
    for down in [Chunks::Whole, Chunks::Bytes] {
        let mut pair = streamed(provider.clone(), vec![vec![Act::Raw(half.clone())]]);
        pair.down = down;
        let id = pair.ask(ask("hi"));
        assert_eq!(pair.failure(id).message, "stream closed before response.completed");
    }
}
