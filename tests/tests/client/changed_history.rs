//! A history that was changed is not continued: what the server knows is another one.

use serde_json::{Value, json};
use turnwire::client::Settings;
use turnwire::responses::Item;
use turnwire_tests::fixtures::{assistant, created, done, msg, request, user};
use turnwire_tests::pair::{Pair, Script, provider};

fn item(value: &Value) -> Item {
    Item::parse(&value.to_string()).expect("an item")
}

/// Sends a request with this item, and then one with the other in its place and one more. Returns whether the second one continues
/// the first.
fn continues(first: &Value, second: &Value) -> bool {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![done("r1")]]));
    let id = pair.ask(request(vec![user("one"), item(first)]));
    pair.completed(id);
    pair.ask(request(vec![user("one"), item(second), user("two")]));
    let sent = pair.texts()[1];
    assert_eq!(sent.input().len(), if sent.previous().is_some() { 1 } else { 3 });
    sent.previous().as_deref() == Some("r1")
}

#[test]
fn output_of_a_call_that_was_changed_is_sent_again() {
    let output = |output: Value| json!({"type": "function_call_output", "call_id": "c", "output": output});
    let part = |kind: &str, text: &str| json!([{"type": kind, "text": text}]);
    let text = output(json!("it is 20 degrees"));
    let parts = output(part("input_text", "it is 20 degrees"));
    for known in [&text, &parts] {
        assert!(continues(known, known));
    }
    for (known, changed) in [
        (&text, output(json!("it is 30 degrees"))),
        (&parts, output(part("input_text", "it is 30 degrees"))),
        (
            &parts,
            output(json!([{"type": "input_text", "text": "it is 20 degrees"}, {"type": "input_text", "text": "x"}])),
        ),
        (&parts, output(json!([]))),
        (&text, output(json!("other"))),
    ] {
        assert!(!continues(known, &changed), "{changed}");
    }
}

#[test]
fn message_that_was_changed_is_sent_again() {
    let message = |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    let known = message("user", "input_text", "a");
    assert!(continues(&known, &known));
    for changed in [
        message("user", "input_text", "b"),
        message("developer", "input_text", "a"),
        json!({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "a"}]}),
        json!({"type": "message", "role": "user", "content": []}),
    ] {
        assert!(!continues(&known, &changed), "{changed}");
    }
}

#[test]
fn reasoning_that_was_changed_is_sent_again() {
    let reasoning = |summary: &str, encrypted: &str| {
        json!({
            "type": "reasoning", "id": "rs", "encrypted_content": encrypted,
            "summary": [{"type": "summary_text", "text": summary}],
        })
    };
    let known = reasoning("a", "x");
    assert!(continues(&known, &known));
    for changed in [reasoning("b", "x"), reasoning("a", "y")] {
        assert!(!continues(&known, &changed), "{changed}");
    }
    // The text of the reasoning itself, where a server shows it.
    let shown = |text: &str| {
        let mut item = reasoning("a", "x");
        item["content"] = json!([{"type": "reasoning_text", "text": text}]);
        item
    };
    assert!(continues(&shown("a"), &shown("a")));
    assert!(!continues(&shown("a"), &shown("b")));
}

/// Only the client holds the first request's items, as its JSON, or as they are if they are long.
#[test]
fn message_without_what_does_not_count_is_the_same() {
    let message = |text: &str, beside: Value| {
        let part = json!({"type": "output_text", "text": text, "annotations": [beside]});
        let mut item = json!({"type": "message", "role": "assistant", "id": "msg", "content": [part]});
        item["status"] = beside;
        item
    };
    for text in ["short".to_owned(), "long".repeat(10_000)] {
        assert!(continues(&message(&text, json!("completed")), &message(&text, Value::Null)));
        assert!(!continues(&message(&text, json!("completed")), &message(&format!("{text}."), json!("completed"))));
    }
}

#[test]
fn item_of_the_response_that_was_changed_is_sent_again() {
    for (text, is_incremental) in [("an answer", true), ("another answer", false)] {
        let script = Script::new().ws([vec![created("r1"), msg("msg_1", "an answer"), done("r1")]]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.ask(request(vec![user("one")]));
        pair.ask(request(vec![user("one"), assistant("msg_1", text), user("two")]));
        assert_eq!(pair.texts()[1].previous().is_some(), is_incremental);
    }
}
