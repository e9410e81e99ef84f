//! Operations with a single response body, submitted through the client.

use turnwire::client::{OwnedEvent, OwnedOutcome, Settings, Submitted};
use turnwire::responses::operations::{Compact, ListModels, Operation as _};
use turnwire::responses::{CreateResponse, Item};
use turnwire_tests::fixtures::{ask, created, done, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

/// A compaction that is the turn's first request provides the turn token for later requests, even if its body is
/// invalid.
#[test]
fn compaction_provides_turn_token() {
    for body in [r#"{"output":[{"type":"compaction","encrypted_content":"x"}]}"#, "no json"] {
        let script = Script::new()
            .on(Kind::Post, [Act::respond_with(200, &[("x-codex-turn-state", "compact-state")], body)])
            .ws([vec![created("resp-1"), done("resp-1")]]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        let compact = Compact::new("m", vec![Item::user("a long story")]);
        let Ok(Submitted::Pending(id)) = pair.client.submit(pair.now, &compact, None) else { panic!("asked") };
        pair.run();
        let Some(OwnedOutcome::OperationCompleted { head, body: answered }) = pair.outcome(id) else {
            panic!("answered")
        };
        let read = Compact::read(&head.headers.ascii_pairs(), core::str::from_utf8(answered).expect("text"));
        assert_eq!(read.is_ok(), body.starts_with('{'));
        let next = pair.send(ask("and now"));
        pair.run();
        pair.completed(next);
        assert_eq!(pair.posts()[0].turn_state(), None);
        assert_eq!(pair.texts()[0].turn_state().as_deref(), Some("compact-state"));
    }
}

#[test]
fn empty_compaction_needs_no_request() {
    let mut pair = Pair::new(http_provider(), Settings::default(), Script::new());
    let asked = pair.client.submit(pair.now, &Compact::new("m", Vec::new()), None);
    assert!(matches!(asked, Ok(Submitted::Immediate(answer)) if answer.output.is_empty()));
    pair.run();
    assert!(pair.posts().is_empty());
}

#[test]
fn model_list_has_etag_and_request_has_no_body() {
    let script = Script::new().on(Kind::Post, [Act::respond_with(200, &[("ETag", "\"abc\"")], r#"{"models":[]}"#)]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    let Ok(Submitted::Pending(id)) =
        pair.client.submit(pair.now, &ListModels { client_version: "0.99.0".into() }, None)
    else {
        panic!("asked")
    };
    pair.run();
    let Some(OwnedOutcome::OperationCompleted { head, body }) = pair.outcome(id) else { panic!("answered") };
    let models =
        ListModels::read(&head.headers.ascii_pairs(), core::str::from_utf8(body).expect("text")).expect("models");
    assert_eq!(models.etag.as_deref(), Some("\"abc\""));
    let seen = pair.posts()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/v1/models?client_version=0.99.0"));
    assert!(seen.header("content-length").is_none());
}

/// An operation between two requests closes the WebSocket; the turn goes on with its token and a full request.
#[test]
fn operation_between_requests_keeps_turn() {
    let script = Script::new()
        .ws([vec![token("ts-1"), created("resp-1"), done("resp-1")], vec![created("resp-2"), done("resp-2")]])
        .on(Kind::Post, [Act::respond(200, r#"{"models":[]}"#)]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let first = pair.send(ask("one"));
    pair.run();
    pair.completed(first);
    let Ok(Submitted::Pending(_)) = pair.client.submit(pair.now, &ListModels { client_version: "1".into() }, None)
    else {
        panic!("asked")
    };
    pair.run();
    let second = pair.send(CreateResponse::new("m", vec![Item::user("one"), Item::user("two")]));
    pair.run();
    pair.completed(second);
    assert_eq!(pair.texts()[1].turn_state().as_deref(), Some("ts-1"));
    assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 2));
    assert!(pair.events.iter().any(|event| matches!(event, OwnedEvent::Disconnected(_))));
}
