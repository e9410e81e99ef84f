//! Items of other servers: members of other types, or without required members.

use turnwire::responses::Item;
use turnwire::responses::operations::{Compact, Operation};

#[test]
fn items_without_required_members_are_read() {
    for (json, kind) in [
        (r#"{"type":"message","role":"assistant","content":null}"#, "message"),
        (r#"{"type":"message","role":"assistant"}"#, "message"),
        (r#"{"type":"reasoning","id":"rs_1"}"#, "reasoning"),
        (r#"{"type":"reasoning","summary":null}"#, "reasoning"),
    ] {
        let item = Item::parse(json).expect(json);
        assert!(!matches!(item, Item::Other { .. }), "{json}");
        assert_eq!(item.kind(), kind);
    }
}

#[test]
fn arguments_of_another_type_are_kept_as_json() {
    for (arguments, expected) in [(r#"{"a":1}"#, r#"{"a":1}"#), ("[1]", "[1]"), (r#""{}""#, "{}"), ("null", "")] {
        let json = format!(r#"{{"type":"function_call","call_id":"c","name":"f","arguments":{arguments}}}"#);
        let Ok(Item::FunctionCall(call)) = Item::parse(&json) else { panic!("{json}") };
        if arguments != "null" {
            assert_eq!(call.arguments, expected);
        }
    }
}

#[test]
fn unreadable_item_does_not_fail_compaction() {
    let body = r#"{"output":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"compaction","encrypted_content":7},{"type":"compaction","encrypted_content":"x"},{"type":"new_kind","a":1}]}"#;
    let compacted = Compact::read(&[], body).expect("a compaction");
    let kinds: Vec<&str> = compacted.output.iter().map(Item::kind).collect();
    assert_eq!(kinds, ["message", "compaction", "compaction", "new_kind"]);
}
