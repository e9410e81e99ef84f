//! Items as other servers write them: a missing member is unset, and a member of another type is kept.

use proptest::prelude::*;
use serde_json::{Value, json};
use turnwire::responses::operations::{Compact, Operation};
use turnwire::responses::{ContentPart, Item, LocalShellAction, ToolOutput, parse_items};
use turnwire_tests::laws::responses as laws;

fn item(value: &Value) -> Item {
    let text = value.to_string();
    laws::item(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
    Item::parse(&text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn content_of_a_message_is_empty_when_null_or_missing() {
    for content in [json!({"content": null}), json!({})] {
        let mut value = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"});
        value.as_object_mut().expect("an object").extend(content.as_object().expect("an object").clone());
        let Item::Message(message) = item(&value) else { panic!("a message") };
        assert_eq!((message.role.as_str(), message.content.len()), ("assistant", 0));
        assert_eq!(message.id.as_deref(), Some("msg_1"));
        assert_eq!(message.status.as_deref(), Some("completed"));
    }
}

#[test]
fn content_of_a_message_is_one_part_when_it_is_a_string_or_an_object() {
    let read = |role: &str, content: Value| {
        let text = json!({"type": "message", "role": role, "content": content}).to_string();
        match Item::parse(&text) {
            Ok(Item::Message(message)) => message.content,
            other => panic!("{text}: {other:?}"),
        }
    };
    assert_eq!(read("assistant", json!("Hi")), [ContentPart::output_text("Hi")]);
    assert_eq!(read("user", json!("Hi")), [ContentPart::input_text("Hi")]);
    let part = json!({"type": "output_text", "text": "Hi"});
    assert_eq!(read("assistant", part), [ContentPart::output_text("Hi")]);
    let odd = read("assistant", json!([5, "x", {"text": "no type"}, null, {"type": "output_text", "text": "Hi"}]));
    assert_eq!(odd.len(), 5);
    assert!(odd[..4].iter().all(|part| matches!(part, ContentPart::Other(_))));
    assert_eq!(odd[4], ContentPart::output_text("Hi"));
}

#[test]
fn arguments_and_input_of_another_type_are_their_json_text() {
    let call = |key: &str, value: &Value| match key {
        "arguments" => json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": value}),
        _ => json!({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": value}),
    };
    for key in ["arguments", "input"] {
        for (value, expected) in [
            (json!({"x": 1}), r#"{"x":1}"#),
            (json!([1, 2]), "[1,2]"),
            (json!(5), "5"),
            (json!(true), "true"),
            (json!("{\"x\":1}"), r#"{"x":1}"#),
            (json!(null), ""),
        ] {
            let text = call(key, &value).to_string();
            let text = match Item::parse(&text).expect("a call") {
                Item::FunctionCall(call) => call.arguments,
                Item::CustomToolCall(call) => call.input,
                other => panic!("{}", other.kind()),
            };
            assert_eq!(text, expected, "{key}: {value}");
        }
    }
    let missing = item(&json!({"type": "function_call", "call_id": "c", "name": "f"}));
    assert!(matches!(missing, Item::FunctionCall(call) if call.arguments.is_empty() && call.id.is_none()));
}

#[test]
fn output_of_another_type_is_its_json_text() {
    for kind in ["function_call_output", "custom_tool_call_output"] {
        for (value, expected) in [
            (json!({"x": 1}), r#"{"x":1}"#),
            (json!(5), "5"),
            (json!([1, 2]), "[1,2]"),
            (json!([{"x": 1}]), r#"[{"x":1}]"#),
            (json!("text"), "text"),
        ] {
            let text = json!({"type": kind, "call_id": "c", "output": value}).to_string();
            let (Item::FunctionCallOutput(turnwire::responses::FunctionCallOutput { output, .. })
            | Item::CustomToolCallOutput(turnwire::responses::CustomToolCallOutput { output, .. })) =
                Item::parse(&text).expect("an output")
            else {
                panic!("an output")
            };
            assert_eq!(output, ToolOutput::Text(expected.into()), "{text}");
        }
    }
    let parts =
        item(&json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "a"}]}));
    assert!(
        matches!(parts, Item::FunctionCallOutput(output) if output.output == ToolOutput::Parts(vec![ContentPart::input_text("a")]))
    );
}

#[test]
fn reasoning_needs_no_summary() {
    for (value, summaries) in [
        (json!({"type": "reasoning", "id": "rs_1", "encrypted_content": null}), 0),
        (json!({"type": "reasoning", "summary": null, "content": null}), 0),
        (json!({"type": "reasoning", "summary": "short"}), 1),
        (json!({"type": "reasoning", "summary": {"type": "summary_text", "text": "short"}}), 1),
    ] {
        let Ok(Item::Reasoning(reasoning)) = Item::parse(&value.to_string()) else { panic!("{value}") };
        assert_eq!(reasoning.summary.len(), summaries, "{value}");
        assert!(reasoning.summary.iter().all(|part| *part == ContentPart::summary_text("short")));
    }
}

#[test]
fn status_and_id_may_be_missing_or_of_another_type() {
    for value in [
        json!({"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}}),
        json!({"type": "image_generation_call", "result": "AA=="}),
        json!({"type": "tool_search_output", "execution": "server", "tools": []}),
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "status": {"at": 1}}),
        json!({"type": "message", "role": "assistant", "content": [], "phase": 5}),
    ] {
        assert_eq!(item(&value).id(), None, "{value}");
    }
    let numbered = Item::parse(r#"{"type":"message","role":"assistant","content":[],"id":17}"#).expect("a message");
    assert_eq!(numbered.id(), Some("17"));
    let odd = item(&json!({"type": "local_shell_call", "action": {"type": "exec", "command": "ls"}}));
    assert!(matches!(odd, Item::LocalShellCall(call) if matches!(call.action, LocalShellAction::Other(_))));
}

#[test]
fn unreadable_item_in_list_is_kept() {
    let text = r#"[{"type":"function_call","name":"f"}, 5, {"x":1}, {"type":7}, {"type":"message","role":"user","content":"hi"}]"#;
    let items = parse_items(text).expect("an array");
    assert_eq!(items.iter().map(Item::kind).collect::<Vec<_>>(), ["function_call", "", "", "", "message"]);
    let raw: Vec<String> = items.iter().take(4).map(Item::to_json).collect();
    assert_eq!(raw, [r#"{"type":"function_call","name":"f"}"#, "5", r#"{"x":1}"#, r#"{"type":7}"#]);
    assert!(parse_items("{}").is_err());
    assert!(parse_items(r#""text""#).is_err());
}

#[test]
fn lenient_json_item_is_written_as_json() {
    for text in [
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a\ud83d","logprobs":[NaN]}],"x":-Infinity}"#,
        r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{\"x\":\"\ud83d\"}","x":Infinity}"#,
        r#"{"type":"new_item","text":"\ud83d","x":NaN}"#,
        r#"{"type":"function_call","x":NaN}"#,
    ] {
        let item = Item::parse_or_other(text);
        let written: Value = serde_json::from_str(&item.to_json()).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert!(!matches!((&item, text.contains("arguments")), (Item::Other { .. }, true)), "{text}");
        assert_eq!(written["type"], item.kind(), "{text}");
    }
    let Ok(Item::FunctionCall(call)) =
        Item::parse(r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{\"x\":\"\ud83d\"}"}"#)
    else {
        panic!("a call")
    };
    assert_eq!(call.arguments, "{\"x\":\"\u{FFFD}\"}");
}

#[test]
fn compaction_keeps_unreadable_item_and_rejects_invalid_output() {
    let body = r#"{"output":[{"type":"message","role":"user","content":null},{"type":"compaction"},
        {"type":"compaction","encrypted_content":"opaque"}],"usage":{}}"#;
    let compacted = Compact::read(&[], body).expect("a compaction");
    assert_eq!(compacted.output.iter().map(Item::kind).collect::<Vec<_>>(), ["message", "compaction", "compaction"]);
    assert!(matches!(compacted.output[1], Item::Other { .. }));
    for (body, expected) in [
        (r#"{"output":"done"}"#, "`output` of the compaction is a string, not an array of items"),
        (r#"{"output":{}}"#, "`output` of the compaction is an object, not an array of items"),
        (r#"{"output":null}"#, "`output` of the compaction is null, not an array of items"),
        (r#"{"output":12}"#, "`output` of the compaction is a number, not an array of items"),
        (r#"{"output":false}"#, "`output` of the compaction is a boolean, not an array of items"),
    ] {
        assert_eq!(Compact::read(&[], body).expect_err("no items").message, expected);
    }
    assert!(Compact::read(&[], "{}").expect_err("no output").message.contains("output"));
}

/// Any JSON value.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(type|text|[a-z]{1,4})", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_list_round_trips(values in prop::collection::vec(value(), 0..6)) {
        let text = Value::from(values.clone()).to_string();
        let items = parse_items(&text).expect("an array");
        prop_assert_eq!(items.len(), values.len());
        let body = format!(r#"{{"output":{text}}}"#);
        prop_assert_eq!(Compact::read(&[], &body).expect("a compaction").output, items);
    }

    #[test]
    fn tolerated_members_keep_item_type(
        content in value(), arguments in value(), output in value(), summary in value(), status in value()
    ) {
        let string_or_list = |value: &Value| value.is_null() || value.is_string() || value.is_array() || value.is_object();
        let mut items = vec![
            json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments, "status": status}),
            json!({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": arguments, "status": status}),
            json!({"type": "image_generation_call", "status": status, "revised_prompt": status}),
            json!({"type": "tool_search_output", "status": status, "execution": "client", "tools": []}),
        ];
        if !output.is_null() {
            items.push(json!({"type": "function_call_output", "call_id": "c", "output": output}));
        }
        if string_or_list(&content) {
            items.push(json!({"type": "message", "role": "assistant", "content": content, "phase": status}));
        }
        if string_or_list(&summary) {
            items.push(json!({"type": "reasoning", "summary": summary, "content": summary}));
        }
        for item in items {
            let text = item.to_string();
            let read = Item::parse(&text);
            prop_assert!(read.is_ok(), "{}: {:?}", text, read);
            let written = read.expect("an item").to_json();
            prop_assert!(Item::parse(&written).is_ok(), "{}", written);
        }
    }
}
