//! Items and requests: parsing loses nothing, and writing is exact.

use serde_json::{Value, json};
use turnwire::responses::request::{ItemEncoding, ItemIds, ReasoningOptions, TextOptions};
use turnwire::responses::{
    AdditionalTools, AgentMessage, Compaction, ContentPart, ContextCompaction, CreateResponse, CustomToolCall,
    CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageGenerationCall, Item, LocalShellCall, Message,
    RawJson, ToolOutput, ToolSearchCall, ToolSearchOutput, WebSearchCall, parse_input,
};

fn sent(item: &str, wire: ItemEncoding) -> String {
    let mut out = Vec::new();
    Item::parse(item).expect("an item").encode_for(wire, &mut out);
    String::from_utf8(out).expect("text")
}

/// An item of each type, with its required members.
const EVENT_TYPES: [&str; 16] = [
    r#""type":"message","role":"user","content":[]"#,
    r#""type":"agent_message","author":"a","recipient":"b","content":[]"#,
    r#""type":"reasoning","summary":[]"#,
    r#""type":"local_shell_call","status":"completed","action":{"type":"exec","command":[]}"#,
    r#""type":"function_call","name":"f","arguments":"{}","call_id":"c""#,
    r#""type":"function_call_output","call_id":"c","output":"o""#,
    r#""type":"custom_tool_call","call_id":"c","name":"f","input":"i""#,
    r#""type":"custom_tool_call_output","call_id":"c","output":[]"#,
    r#""type":"tool_search_call","execution":"client","arguments":{}"#,
    r#""type":"tool_search_output","status":"s","execution":"client","tools":[]"#,
    r#""type":"web_search_call""#,
    r#""type":"image_generation_call","status":"s","result":"r""#,
    r#""type":"compaction","encrypted_content":"e""#,
    r#""type":"context_compaction""#,
    r#""type":"additional_tools","role":"developer","tools":[]"#,
    r#""type":"mcp_call","server_label":"s""#,
];

#[test]
fn ids_and_metadata_are_encoded_per_item_type_and_transport() {
    const PASSTHROUGH: &str = r#","internal_chat_message_metadata_passthrough":{"turn_id":"t"}"#;
    for kind in EVENT_TYPES {
        for (id, is_prefixed) in [("x_1", true), ("legacy-id", false), ("", false), ("_x", false), ("msg_", false)] {
            let item = format!(r#"{{{kind},"id":"{id}"{PASSTHROUGH}}}"#);
            let has = |wire, member: &str| {
                let value: Value = serde_json::from_str(&sent(&item, wire)).expect("json");
                value.get(member).is_some()
            };
            let passthrough = "internal_chat_message_metadata_passthrough";
            assert!(has(ItemEncoding::EVERYTHING, "id") && has(ItemEncoding::EVERYTHING, passthrough), "{item}");
            for (ids, travels) in [(ItemIds::Prefixed, is_prefixed), (ItemIds::None, false)] {
                let wire = ItemEncoding { ids, passthrough: false };
                assert_eq!(has(wire, "id"), travels, "{item} with {ids:?}");
                assert!(!has(wire, passthrough), "{item}");
            }
        }
    }
}

#[test]
fn unknown_item_keeps_all_but_unsent_members() {
    let item = r#"{ "id" : "ghost", "type":"ghost_snapshot" , "n": 1.50, "s":"\u00e9","deep":{"id":"kept"} }"#;
    assert_eq!(sent(item, ItemEncoding::EVERYTHING), item);
    let bare = r#"{"type":"ghost_snapshot","n":1.50,"s":"\u00e9","deep":{"id":"kept"}}"#;
    assert_eq!(sent(item, ItemEncoding { ids: ItemIds::None, passthrough: false }), bare);
}

#[test]
fn unknown_members_are_kept_byte_for_byte() {
    for item in [
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"t","annotations":[ 1 ],"x":1e2}],"y":"\u0041"}"#,
        r#"{"type":"local_shell_call","call_id":null,"status":"s","action":{"type":"exec","command":["a"],"timeout_ms":null,"working_directory":null,"env":{"A": "b"},"user":null,"nice":[ 5 ]}}"#,
        r#"{"type":"local_shell_call","call_id":"c","status":"s","action":{"type":"spawn", "x":1}}"#,
        r#"{"type":"web_search_call","status":"completed","action":{"type":"find_somewhere","x": 1}}"#,
        r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"no"},{"type":"input_image","image_url":5}]}"#,
        r#"{"type":"reasoning","summary":[],"content":[{"type":"strange","x": 1}],"encrypted_content":null}"#,
    ] {
        assert_eq!(sent(item, ItemEncoding::EVERYTHING), item);
    }
}

#[test]
fn missing_image_is_null() {
    let begun = r#"{"type":"image_generation_call","id":"ig_1","status":"in_progress"}"#;
    assert!(sent(begun, ItemEncoding::EVERYTHING).ends_with(r#""result":null}"#));
}

#[test]
fn items_are_compared_by_value() {
    let same =
        |a: &str, b: &str| Item::parse(a).expect("an item").equals_for_incremental(&Item::parse(b).expect("an item"));
    let search = r#"{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{"a":1,"b":[2]}}"#;
    let other =
        r#"{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{ "b": [2], "a": 1 },"new":true}"#;
    assert!(same(search, other));
    assert!(!same(search, &search.replace("\"a\":1", "\"a\":2")));
    let message =
        |id: &str, more: &str| format!(r#"{{"type":"message","role":"user","content":[],"id":"{id}"{more}}}"#);
    let passthrough = r#","internal_chat_message_metadata_passthrough":{"turn_id":"t"}"#;
    assert!(same(&message("msg_1", ""), &message("msg_1", passthrough)));
    assert!(!same(&message("msg_1", ""), &message("msg_2", "")));
    assert!(!same(&message("msg_1", ""), r#"{"type":"compaction_trigger"}"#));
    let strange = r#"{"type":"strange","x":1}"#;
    assert!(same(strange, r#"{ "type":"strange", "x":1 }"#));
    assert!(!same(strange, r#"{"type":"strange","x":2}"#));
}

#[test]
fn server_parses_shorthands_of_public_api() {
    let texts = |input: &str| {
        let items = parse_input(input).expect("an input");
        let texts = items.iter().map(|item| match item {
            Item::Message(message) => (message.role.clone(), message.text(), message.content.clone()),
            other => panic!("{} is no message", other.kind()),
        });
        texts.collect::<Vec<_>>()
    };
    let hi = || vec![ContentPart::input_text("hi")];
    assert_eq!(texts(r#""hi""#), [("user".into(), "hi".into(), hi())]);
    assert_eq!(texts(r#"[{"role":"user","content":"hi"}]"#), [("user".into(), "hi".into(), hi())]);
    assert_eq!(
        texts(r#"[{"role":"assistant","content":"hi","type":"message","id":"msg_1"}]"#),
        [("assistant".into(), "hi".into(), vec![ContentPart::output_text("hi")])]
    );
    assert_eq!(
        texts(r#"[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]"#),
        [("user".into(), "hi".into(), hi())]
    );
    for bad in
        [r#"[{"content":"hi"}]"#, r#"[{"type":"function_call","role":"user","content":"x"}]"#, "[5]", "{}", "[[]]"]
    {
        assert!(parse_input(bad).is_err(), "{bad}");
    }
    assert!(Item::parse(r#"{"role":"user","content":"hi"}"#).is_err(), "an item by itself needs its type");
}

#[test]
fn reasoning_and_text_options_are_encoded() {
    let reasoning = ReasoningOptions::effort("ultra").with_summary("auto").for_wire();
    assert_eq!((reasoning.effort.as_deref(), reasoning.summary.as_deref()), (Some("max"), Some("auto")));
    assert_eq!(ReasoningOptions::effort("high").with_summary("none").summary, None);
    let mut request = CreateResponse::new("m", Vec::new());
    let schema = RawJson::new(r#"{"type":"object"}"#).expect("json");
    request.text = Some(TextOptions::json_schema(&schema, true).with_verbosity("low"));
    let mut body = Vec::new();
    request.encode_http(ItemEncoding::EVERYTHING, &mut body);
    let value: Value = serde_json::from_slice(&body).expect("json");
    assert_eq!(
        value["text"],
        json!({"verbosity":"low","format":{"type":"json_schema","strict":true,"schema":{"type":"object"},"name":"codex_output_schema"}})
    );
}

#[test]
fn every_item_type_can_be_built_and_round_trips() {
    let raw = |text| RawJson::new(text).expect("json").into_owned();
    let reasoning = turnwire::responses::Reasoning::new(vec![ContentPart::summary_text("s")]);
    let items = [
        Item::Message(
            Message::new("user", vec![ContentPart::input_text("t"), ContentPart::input_image("data:,")])
                .with_id("msg_1"),
        ),
        Item::AgentMessage(AgentMessage::new("a", "b", vec![ContentPart::input_text("t")])),
        Item::Reasoning(reasoning.with_id("rs_1")),
        Item::LocalShellCall(LocalShellCall::new("c", "completed", vec!["ls".into()])),
        Item::FunctionCall(FunctionCall::new("c", "f", "{}").with_id("fc_1")),
        Item::FunctionCallOutput(FunctionCallOutput::new("c", ToolOutput::Parts(vec![ContentPart::input_text("t")]))),
        Item::CustomToolCall(CustomToolCall::new("c", "f", "i")),
        Item::CustomToolCallOutput(CustomToolCallOutput::new("c", ToolOutput::Text("o".into()))),
        Item::ToolSearchCall(ToolSearchCall::new("client", raw("{}"))),
        Item::ToolSearchOutput(ToolSearchOutput::new("completed", "client", vec![raw("{}")])),
        Item::WebSearchCall(WebSearchCall::new("in_progress")),
        Item::ImageGenerationCall(ImageGenerationCall::new("completed", Some("AA==".into()))),
        Item::Compaction(Compaction::new("e")),
        Item::ContextCompaction(ContextCompaction::new(None)),
        Item::CompactionTrigger,
        Item::AdditionalTools(AdditionalTools::new(vec![raw("{}")])),
    ];
    for item in items {
        assert_eq!(Item::parse(&item.to_json()), Ok(item.clone()), "{}", item.to_json());
    }
    let mut reasoning = turnwire::responses::Reasoning::new(Vec::new());
    reasoning.content = Some(vec![ContentPart::reasoning_text("r")]);
    assert!(Item::Reasoning(reasoning).to_json().contains(r#""content":[{"type":"reasoning_text","text":"r"}]"#));
}
