//! Responses that name a previous response, and requests that do (docs/differences.md row 58).

use serde_json::{Value, json};
use turnwire::client::{OwnedEvent, RequestId, ServerViolation, Settings};
use turnwire::responses::{CreateResponse, RawJson};
use turnwire_tests::fixtures::{ask, created, done, error, msg, request, user};
use turnwire_tests::pair::{Kind, Pair, Script, http_provider, provider, with_retries};

fn event(kind: &str, id: &str, previous: &Value) -> String {
    json!({"type": kind, "response": {"id": id, "previous_response_id": previous}}).to_string()
}

fn violations(pair: &Pair, of: RequestId) -> Vec<ServerViolation> {
    let violation = |event: &OwnedEvent| match event {
        OwnedEvent::Violation { id, violation } if *id == of => Some(violation.clone()),
        _ => None,
    };
    pair.events.iter().filter_map(violation).collect()
}

#[test]
fn another_previous_response_than_the_sent_one_is_a_violation() {
    for (sent, echoed, differs) in [
        (None, json!(null), false),
        (None, json!(""), false),
        (None, json!("resp_x"), true),
        (Some("resp_a"), json!("resp_a"), false),
        (Some("resp_a"), json!(null), false),
        (Some("resp_a"), json!("resp_x"), true),
    ] {
        let events = vec![
            event("response.created", "r", &echoed),
            event("response.in_progress", "r", &echoed),
            event("response.completed", "r", &echoed),
        ];
        for (provider, script) in
            [(provider(), Script::new().ws([events.clone()])), (http_provider(), Script::new().sse([events.clone()]))]
        {
            let mut pair = Pair::new(provider, Settings::default(), script);
            let create = sent.map_or_else(|| ask("more"), |sent| ask("more").continuing(sent));
            let id = pair.ask(create);
            assert_eq!(pair.completed(id), "r");
            let sent = sent.map(str::to_owned);
            let echoed = echoed.as_str().unwrap_or_default().to_owned();
            let expected = differs.then_some(ServerViolation::PreviousResponse { sent, echoed });
            assert_eq!(violations(&pair, id), Vec::from_iter(expected));
        }
    }
}

#[test]
fn previous_response_of_the_client_itself_is_compared_too() {
    for (echoed, differs) in [("r1", false), ("r0", true)] {
        let script = Script::new().ws([
            vec![created("r1"), msg("m", "hi"), done("r1")],
            vec![event("response.created", "r2", &json!(echoed)), done("r2")],
        ]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.ask(ask("one"));
        let second = pair.ask(request(vec![user("one"), turnwire_tests::fixtures::assistant("m", "hi"), user("two")]));
        assert_eq!(pair.texts()[1].previous().as_deref(), Some("r1"));
        assert_eq!(violations(&pair, second).len(), usize::from(differs));
    }
}

#[test]
fn own_previous_response_takes_the_place_of_that_of_the_client() {
    let answers = || ["r1", "r2", "r3"].map(|id| vec![created(id), done(id)]);
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws(answers()));
    pair.ask(ask("one"));
    pair.ask(request(vec![user("one"), user("two")]).continuing("resp_own"));
    // The previous response of the request before it is not part of its input, so its items cannot be continued.
    pair.ask(request(vec![user("one"), user("two"), user("three")]));
    let sent: Vec<_> = pair.texts().iter().map(|seen| (seen.previous(), seen.input().len())).collect();
    assert_eq!(sent, [(None, 1), (Some("resp_own".into()), 2), (None, 3)]);
}

#[test]
fn own_previous_response_is_sent_once_on_either_transport() {
    let mut untyped = ask("more");
    untyped.extra.push(("previous_response_id".into(), RawJson::string("resp_own")));
    let both = {
        let mut both = untyped.clone();
        both.previous_response_id = Some("resp_own".into());
        both
    };
    for create in [ask("more").continuing("resp_own"), untyped, both] {
        for (provider, script) in [
            (provider(), Script::new().ws([vec![created("r"), done("r")]])),
            (http_provider(), Script::new().sse([vec![created("r"), done("r")]])),
        ] {
            let mut pair = Pair::new(provider, Settings::default(), script);
            pair.ask(create.clone());
            let seen = pair.seen.iter().rfind(|seen| matches!(seen.kind, Kind::Text | Kind::Post)).expect("a request");
            let text = String::from_utf8(seen.bytes.clone()).expect("UTF-8");
            assert_eq!(text.matches("previous_response_id").count(), 1, "{text}");
            assert_eq!(seen.previous().as_deref(), Some("resp_own"));
        }
    }
}

#[test]
fn own_previous_response_that_the_server_does_not_know_fails_the_request() {
    let script = Script::new().ws([vec![error(400, "previous_response_not_found", "Previous response not found.")]]);
    let mut pair = Pair::new(with_retries(provider(), 3), Settings::default(), script);
    let id = pair.ask(ask("more").continuing("resp_own"));
    pair.run_out();
    assert_eq!((pair.failure(id).status, pair.texts().len()), (Some(400), 1));
}

#[test]
fn previous_response_is_read_and_written() {
    let create =
        CreateResponse::parse(r#"{"model":"m","previous_response_id":"resp_a","input":"x"}"#).expect("a request");
    assert_eq!(create.previous_response_id.as_deref(), Some("resp_a"));
    assert!(create.extra.is_empty());
}
