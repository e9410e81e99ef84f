//! The ids and reasoning options that compaction, search and steering send (docs/protocol.md §3.3, §3.6, §15.1).

use serde_json::{Value, json};
use turnwire::responses::operations::{Commands, Compact, Operation, Search, SearchInput};
use turnwire::responses::request::{ItemEncoding, ReasoningOptions, steer};
use turnwire::responses::{CreateResponse, Item};

fn body(operation: &impl Operation) -> Value {
    let mut out = Vec::new();
    operation.encode(ItemEncoding::new(false, false, false), &mut out);
    serde_json::from_slice(&out).expect("JSON")
}

fn items() -> Vec<Item> {
    let texts = [
        r#"{"type":"message","id":"msg_1","role":"user","content":[{"type":"input_text","text":"hi"}],"phase":"commentary",
            "internal_chat_message_metadata_passthrough":{"turn_id":"t"},"more":1}"#,
        r#"{"type":"function_call_output","id":"fco_1","call_id":"c","output":"x"}"#,
        r#"{"type":"new_item","id":"ni_1","x":1}"#,
    ];
    texts.iter().map(|text| Item::parse(text).expect("an item")).collect()
}

#[test]
fn compaction_and_search_send_no_ids_and_adjusted_reasoning() {
    let mut reasoning = ReasoningOptions::effort("ultra");
    reasoning.summary = Some("none".into());
    let mut compact = Compact::new("m", items());
    compact.reasoning = Some(reasoning.clone());
    let mut search = Search::new("s", "m", Commands::default());
    search.reasoning = Some(reasoning);
    search.input = Some(SearchInput::Items(items()));
    for sent in [body(&compact), body(&search)] {
        assert_eq!(sent["reasoning"], json!({"effort": "max"}));
        let input = sent["input"].as_array().expect("items");
        assert_eq!(input.len(), 3);
        for item in input {
            assert_eq!(
                (item.get("id"), item.get("internal_chat_message_metadata_passthrough")),
                (None, None),
                "{item}"
            );
        }
    }
}

#[test]
fn compaction_from_request_keeps_shared_fields() {
    let mut request = CreateResponse::new("m", items());
    request.prompt_cache_key = Some("key".into());
    request.service_tier = Some("flex".into());
    request.instructions = "be short".into();
    let sent = body(&Compact::from(request));
    assert_eq!((&sent["prompt_cache_key"], &sent["service_tier"]), (&json!("key"), &json!("flex")));
    assert_eq!(sent["instructions"], "be short");
}

#[test]
fn steering_sends_three_members_and_bare_messages() {
    let sent: Value = serde_json::from_str(&steer("resp_1", &items())).expect("JSON");
    assert_eq!(
        sent,
        json!({
            "type": "response.steer",
            "previous_response_id": "resp_1",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
                {"type": "new_item", "x": 1},
            ],
        })
    );
}
