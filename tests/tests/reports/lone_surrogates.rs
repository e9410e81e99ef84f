//! Escapes of lone surrogates, which JavaScript and Python servers send when they split an emoji: each becomes U+FFFD.

use turnwire::responses::Item;

use crate::{BEGIN, END, each_transport, text};

#[test]
fn lone_surrogate_in_delta_becomes_replacement_character() {
    for (delta, expected) in [(r"a\ud83d", "a\u{fffd}"), (r"\ude00b", "\u{fffd}b"), (r"\ud83d\ude00", "😀")] {
        let begin = BEGIN.replace(r#""delta":"Hi""#, &format!(r#""delta":"{delta}""#));
        each_transport(&format!("{begin}\n{END}"), |pair, id| {
            pair.completed(id);
            assert_eq!(text(pair, id), expected);
        });
    }
}

#[test]
fn item_with_lone_surrogate_is_parsed() {
    for json in [
        r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":\"\ud83d\"}"}"#,
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"\ud83d"}]}"#,
        r#"{"type":"custom_tool_call","call_id":"c","name":"f","input":"\ude00"}"#,
    ] {
        let item = Item::parse(json).expect(json);
        assert!(json.contains(item.kind()));
        assert!(item.to_json().contains('\u{fffd}') || item.to_json().contains(r"\ufffd"), "{}", item.to_json());
    }
}
