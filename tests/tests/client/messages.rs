//! Messages beside requests: output that is injected, and messages that the client does not know (`docs/protocol.md` §15.3).

use serde_json::json;
use turnwire::client::{CommandError, OwnedEvent, Settings};
use turnwire::responses::Item;
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::pair::{Act, Pair, Script, http_provider, provider};

fn unmatched(pair: &Pair) -> Vec<String> {
    let text = |event: &OwnedEvent| match event {
        OwnedEvent::Unmatched { text } => Some(text.clone()),
        _ => None,
    };
    pair.events.iter().filter_map(text).collect()
}

#[test]
fn injected_output_goes_to_the_running_response() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![]]));
    let id = pair.ask(ask("one"));
    let output =
        Item::parse(r#"{"type":"function_call_output","id":"fco","call_id":"c","output":"ok"}"#).expect("an item");
    assert_eq!(pair.client.inject(pair.now, id, core::slice::from_ref(&output)), Err(CommandError::NoRequest));
    pair.act(Act::Send(created("r1")));
    assert_eq!(pair.client.inject(pair.now, id, &[output]), Ok(()));
    pair.run();
    let sent = pair.texts()[1].json();
    let input = json!([{"type": "function_call_output", "call_id": "c", "output": "ok"}]);
    assert_eq!(sent, json!({"type": "response.inject", "response_id": "r1", "input": input}));
    pair.act(Act::Send(json!({"type": "response.inject.created", "response_id": "r1"}).to_string()));
    pair.act(Act::Send(done("r1")));
    assert_eq!(pair.kinds(id), ["response.created", "response.inject.created", "response.completed"]);
}

#[test]
fn reply_to_an_injection_into_an_ended_response_is_not_of_the_next_request() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("r1")]]));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.client.inject(pair.now, id, &[]), Ok(()));
    pair.act(Act::Send(done("r1")));
    let next = pair.ask(ask("two"));
    pair.act(Act::Send(json!({"type": "response.inject.failed", "response_id": "r1"}).to_string()));
    pair.act(Act::Send(created("r2")));
    pair.act(Act::Send(done("r2")));
    assert_eq!(pair.kinds(next), ["response.created", "response.completed"]);
}

#[test]
fn message_of_the_application_is_sent_and_its_reply_delivered() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("r1"), done("r1")]]));
    let message = r#"{"type":"session.ask","what":"time"}"#;
    assert_eq!(pair.client.send_message(pair.now, None, message), Err(CommandError::NotConnected));
    pair.ask(ask("one"));
    let reply = r#"{"type":"session.told","what":"late"}"#;
    pair.act(Act::Send(reply.into()));
    assert!(unmatched(&pair).is_empty(), "nothing was asked yet");
    assert_eq!(pair.client.send_message(pair.now, None, message), Ok(()));
    pair.run();
    assert_eq!(pair.texts()[1].bytes, message.as_bytes());
    pair.act(Act::Send(reply.into()));
    assert_eq!(unmatched(&pair), [reply]);
}

#[test]
fn message_that_is_none_is_not_sent() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![created("r1"), done("r1")]]));
    pair.ask(ask("one"));
    for (lane, text, reason) in [
        (None, "no JSON", CommandError::Message),
        (None, r#"{"what":"time"}"#, CommandError::Message),
        (None, r#"{"type":"response.create","model":"m"}"#, CommandError::Message),
        (Some("a"), r#"{"type":"x"}"#, CommandError::Lane),
        (None, r#"{"type":"x","stream_id":"a"}"#, CommandError::Lane),
        (Some("a b"), r#"{"type":"x","stream_id":"a b"}"#, CommandError::Lane),
    ] {
        assert_eq!(pair.client.send_message(pair.now, lane, text), Err(reason), "{text}");
    }
    let mut http = Pair::new(http_provider(), Settings::default(), Script::new());
    http.ask(ask("one"));
    assert_eq!(http.client.send_message(http.now, None, r#"{"type":"x"}"#), Err(CommandError::NotConnected));
    assert_eq!(pair.texts().len(), 1);
}
