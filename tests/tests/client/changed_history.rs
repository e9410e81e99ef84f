//! A history that was changed is not continued: what the server knows is another one.

use serde_json::{Value, json};
use turnwire::client::Settings;
use turnwire::responses::Item;
use turnwire_tests::fixtures::{done, request, user};
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
