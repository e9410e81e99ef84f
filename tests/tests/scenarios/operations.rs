//! Groups K and L: compaction and other unary operations.

use serde_json::json;
use turnwire::client::{Credentials, OwnedEvent, OwnedOutcome, RawOperation, Settings};
use turnwire::responses::session::{CompactionMetadata, HeaderSet, RequestKind, Session, TurnMetadata};
use turnwire::responses::{FailureKind, Item, ResponseInfo};
use turnwire_tests::fixtures::{ask, created, done, fail, request, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn call(pair: &mut Pair, call: RawOperation) -> turnwire::client::RequestId {
    let id = pair.client.submit_raw(pair.now, call).expect("a call that can be made");
    pair.run();
    id
}

fn answered(pair: &Pair, id: turnwire::client::RequestId) -> (u16, Vec<u8>) {
    match pair.outcome(id) {
        Some(OwnedOutcome::OperationCompleted { head, body }) => (head.status(), body.clone()),
        other => panic!("{id} has the outcome {other:?}"),
    }
}

#[test]
fn call_carries_required_headers() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(200, r#"{"output":[]}"#)]);
    let credentials = Credentials::bearer("key");
    let mut pair = Pair::with(http_provider(), credentials, Settings::default(), script);
    let mut compact = RawOperation::post("responses/compact", br#"{"model":"m","input":[]}"#.to_vec());
    compact.headers = turnwire_tests::pair::owned(&[("session-id", "s"), ("x-codex-installation-id", "i")]);
    let id = call(&mut pair, compact);
    assert_eq!(answered(&pair, id), (200, br#"{"output":[]}"#.to_vec()));
    let seen = pair.posts()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/responses/compact"));
    for (name, value) in [
        ("authorization", "Bearer key"),
        ("session-id", "s"),
        ("x-codex-installation-id", "i"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!((seen.header("accept"), seen.json()), (None, json!({"model": "m", "input": []})));
}

#[test]
fn k05_context_error() {
    let body = r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#;
    let script = Script::new().on(Kind::Post, vec![Act::respond(400, body)]);
    let mut provider = http_provider();
    provider.retry.max_retries = 3;
    let mut pair = Pair::new(provider, Settings::default(), script);
    let id = call(&mut pair, RawOperation::post("responses/compact", b"{}".to_vec()));
    let failure = pair.failure(id);
    assert_eq!((failure.kind, failure.raw.as_deref()), (FailureKind::ContextWindowExceeded, Some(body)));
    assert_eq!(pair.posts().len(), 1);
}

/// The number of compaction items is up to the application: items are delivered as received, and nothing is retried.
#[test]
fn k10_v2_count() {
    let item = r#"{"type":"response.output_item.done","item":{"type":"compaction","encrypted_content":"abc"}}"#;
    let script = Script::new().sse([vec![item.into(), item.into(), done("a")]]);
    let mut provider = http_provider();
    provider.retry.max_retries = 2;
    let mut pair = Pair::new(provider, Settings::default(), script);
    let trigger = Item::parse(r#"{"type":"compaction_trigger"}"#).expect("an item");
    let id = pair.ask(request(vec![user("hello"), trigger]));
    assert_eq!(pair.completed(id), "a");
    assert_eq!(pair.kinds(id).iter().filter(|kind| *kind == "response.output_item.done").count(), 2);
    assert_eq!(pair.posts().len(), 1);
}

/// If a retry of a compaction after output is allowed, the output of both attempts is delivered.
#[test]
fn k11_v2_retry() {
    let item = r#"{"type":"response.output_item.done","item":{"type":"compaction","encrypted_content":"abc"}}"#;
    let script = Script::new()
        .on(Kind::Post, vec![Act::respond(500, "x")])
        .sse([vec![created("a"), item.into()], vec![created("b"), item.into(), done("b")]]);
    let mut provider = http_provider();
    provider.retry.max_retries = 2;
    let mut settings = Settings::default();
    settings.resend_after_output = true;
    let mut pair = Pair::new(provider, settings, script);
    let id = pair.ask(ask("hello"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.posts().len()), ("b", 3));
    // The attempt of an item is known: each attempt begins with `Sent`.
    let marks: Vec<&str> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Sent { .. } => Some("sent"),
            OwnedEvent::Server { event, .. } if event.kind() == "response.output_item.done" => Some("item"),
            _ => None,
        })
        .collect();
    assert_eq!(marks, ["sent", "sent", "item", "sent", "item"]);
}

/// Dropping the oldest item is up to the application. The client reports the failure kind and does not retry.
#[test]
fn k13_local_compaction_context_error() {
    let script = Script::new().ws([vec![fail("context_length_exceeded", "too long")], vec![done("a")]]);
    let mut provider = provider();
    provider.retry.max_retries = 5;
    let mut pair = Pair::new(provider, Settings::default(), script);
    let first = pair.ask(request(vec![user("one"), user("two")]));
    assert_eq!(pair.failure(first).kind, FailureKind::ContextWindowExceeded);
    let second = pair.ask(request(vec![user("two")]));
    assert_eq!((pair.completed(second).as_str(), pair.texts().len()), ("a", 2));
}

#[test]
fn get_has_no_body() {
    let mut provider = http_provider();
    provider.query = turnwire_tests::pair::owned(&[("a", "b")]);
    let answer = vec![Act::respond_with(200, &[("etag", "\"abc\"")], r#"{"models":[]}"#)];
    let script = Script::new().on(Kind::Post, answer);
    let mut pair = Pair::new(provider, Settings::default(), script);
    let mut models = RawOperation::get("models");
    models.query = turnwire_tests::pair::owned(&[("client_version", "0.99.0")]);
    let id = call(&mut pair, models);
    let seen = &pair.seen[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/v1/models?a=b&client_version=0.99.0"));
    assert_eq!((seen.header("content-length"), seen.header("content-type")), (None, None));
    match pair.outcome(id) {
        Some(OwnedOutcome::OperationCompleted { head, .. }) => {
            assert_eq!(head.headers.get_str("etag"), Some("\"abc\""))
        }
        other => panic!("{other:?}"),
    }
}

/// When to fetch the models again is up to the application; an event reports the ETag.
#[test]
fn l04_etag_refresh() {
    let stream = |id: &str| {
        vec![Act::stream_with(&[("x-models-etag", "2")]), Act::Send(created(id)), Act::Send(done(id)), Act::End]
    };
    let script = Script::new()
        .on(Kind::Post, stream("a"))
        .on(Kind::Post, vec![Act::respond_with(200, &[("etag", "2")], "{}")])
        .on(Kind::Post, stream("b"));
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let tags = |pair: &Pair| {
        let tag = |event: &OwnedEvent| match event {
            OwnedEvent::Info { info: ResponseInfo::ModelsEtag(tag), .. } => Some(tag.to_string()),
            _ => None,
        };
        pair.events.iter().filter_map(tag).collect::<Vec<_>>()
    };
    assert_eq!(tags(&pair), ["2"]);
    call(&mut pair, RawOperation::get("models"));
    pair.ask(ask("two"));
    assert_eq!(tags(&pair), ["2", "2"]);
    assert_eq!(pair.posts().iter().filter(|seen| seen.method == "GET").count(), 1);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn call_closes_websocket_and_next_request_reconnects() {
    let script = Script::new()
        .ws([vec![created("a"), done("a")], vec![created("b"), done("b")]])
        .on(Kind::Post, vec![Act::respond(200, "{}")]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let id = call(&mut pair, RawOperation::get("models"));
    assert_eq!(answered(&pair, id).0, 200);
    let second = pair.ask(ask("two"));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("b", 3));
}

#[test]
fn calls_and_responses_wait_for_each_other() {
    let script = Script::new().ws([vec![created("a")], vec![done("b")]]).on(Kind::Post, vec![Act::respond(200, "{}")]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let one = pair.ask(ask("one"));
    let models = call(&mut pair, RawOperation::get("models"));
    let two = pair.ask(ask("two"));
    assert_eq!((pair.posts().len(), pair.texts().len()), (0, 1));
    pair.act(Act::Send(done("a")));
    let ended: Vec<_> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Finished { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [one, models, two]);
}

#[test]
fn call_has_own_timeout() {
    let mut pair = Pair::new(http_provider(), Settings::default(), Script::new());
    let mut models = RawOperation::get("models");
    models.timeout = Some(std::time::Duration::from_millis(300));
    let (start, id) = (pair.now, call(&mut pair, models));
    pair.run_out();
    assert_eq!(pair.failure(id).kind, FailureKind::Timeout);
    assert_eq!(pair.now.saturating_duration_since(start), std::time::Duration::from_millis(300));
}

#[test]
fn k15_metadata_after_compaction() {
    let mut settings = Settings::default();
    settings.session = Some(Session::new("s", "thr", "i"));
    let script =
        Script::new().on(Kind::Post, vec![Act::respond(200, r#"{"output":[]}"#)]).sse([vec![created("a"), done("a")]]);
    let mut pair = Pair::new(http_provider(), settings, script);
    let turn = |kind, id: &str| {
        let mut turn = TurnMetadata::default();
        turn.kind = Some(kind);
        turn.turn_id = Some(id.into());
        turn
    };
    let mut compaction = turn(RequestKind::Compaction, "t1");
    compaction.compaction = Some(CompactionMetadata {
        trigger: "manual".into(),
        reason: "user_requested".into(),
        implementation: "responses_compact".into(),
        phase: "standalone_turn".into(),
        strategy: "memento".into(),
    });
    let mut compact = RawOperation::post("responses/compact", b"{}".to_vec());
    compact.header_set = Some(HeaderSet::Compact);
    compact.turn = Some(compaction);
    call(&mut pair, compact);
    pair.client.session_mut().expect("a session").next_window();
    let mut next = turnwire::client::Request::from(ask("go on"));
    next.turn = Some(turn(RequestKind::Turn, "t2"));
    pair.ask(next);
    let metadata: Vec<serde_json::Value> = pair
        .posts()
        .iter()
        .map(|seen| serde_json::from_str(seen.header("x-codex-turn-metadata").expect("metadata")).expect("JSON"))
        .collect();
    assert_eq!((&metadata[0]["request_kind"], &metadata[0]["window_id"]), (&json!("compaction"), &json!("thr:0")));
    assert_eq!(metadata[0]["compaction"]["strategy"], json!("memento"));
    assert_eq!((&metadata[1]["request_kind"], &metadata[1]["window_id"]), (&json!("turn"), &json!("thr:1")));
    assert_eq!((metadata[1].get("compaction"), &metadata[1]["turn_id"]), (None, &json!("t2")));
    assert_eq!(pair.posts()[1].header("x-codex-window-id"), Some("thr:1"));
}
