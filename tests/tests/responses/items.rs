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
    request.text = Some(TextOptions::json_schema("codex_output_schema", &schema).with_verbosity("low"));
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

#[test]
fn every_kind_of_the_public_api_is_typed_and_written_as_it_came() {
    let texts = [
        r#"{"type":"file_search_call","id":"fs_1","queries":["q"],"status":"completed","results":[{"file_id":"f","score":0.5,"text":"t"}]}"#,
        r#"{"type":"computer_call","id":"cu_1","call_id":"c","action":{"type":"wait"},"pending_safety_checks":[{"id":"s"}],"status":"completed"}"#,
        r#"{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","file_id":"f"},"acknowledged_safety_checks":[{"id":"s","code":"x"}]}"#,
        r#"{"type":"code_interpreter_call","id":"ci_1","code":"1","container_id":"k","outputs":[{"type":"logs","logs":"1"}],"status":"completed"}"#,
        r#"{"type":"local_shell_call_output","id":"lsh_1","output":"o","status":"completed"}"#,
        r#"{"type":"shell_call","id":"sh_1","call_id":"c","action":{"commands":["ls"],"timeout_ms":5},"environment":{"type":"local"},"status":"completed","caller":{"type":"program","caller_id":"p"}}"#,
        r#"{"type":"shell_call_output","call_id":"c","output":[{"stdout":"o","stderr":"","outcome":{"type":"exit","exit_code":0}}],"max_output_length":9}"#,
        r#"{"type":"apply_patch_call","id":"ap_1","call_id":"c","operation":{"type":"update_file","path":"a","diff":"d"},"status":"completed"}"#,
        r#"{"type":"apply_patch_call_output","call_id":"c","status":"failed","output":"no"}"#,
        r#"{"type":"mcp_call","id":"mcp_1","server_label":"s","name":"n","arguments":"{}","output":"o","error":null}"#,
        r#"{"type":"mcp_list_tools","id":"mcpl_1","server_label":"s","tools":[{"name":"n","input_schema":{"type":"object"},"annotations":{"x":1}}],"error":"e"}"#,
        r#"{"type":"mcp_approval_request","id":"mcpr_1","server_label":"s","name":"n","arguments":"{}"}"#,
        r#"{"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":true,"reason":"r"}"#,
        r#"{"type":"program","id":"prog_1","call_id":"c","code":"x","fingerprint":"f"}"#,
        r#"{"type":"program_output","id":"po_1","call_id":"c","result":"r","status":"completed"}"#,
        r#"{"type":"configuration_update","reasoning":{"effort":"low"},"text":{"format":{"type":"text"}}}"#,
        r#"{"type":"item_reference","id":"msg_1"}"#,
    ];
    for text in texts {
        let item = Item::parse(text).expect("an item");
        assert!(!matches!(item, Item::Other { .. }), "{text}");
        let expected = text.replace(r#","error":null"#, "");
        assert_eq!(item.to_json(), expected);
        assert_eq!(serde_json::from_str::<Item>(&serde_json::to_string(&item).expect("json")).expect("an item"), item);
        assert!(item.equals_for_incremental(&item.clone()));
    }
    for kind in Item::TYPES {
        let is_known = texts.iter().chain(&EVENT_TYPES).any(|text| text.contains(&format!("\"type\":\"{kind}\"")));
        assert!(is_known || *kind == "compaction_trigger", "no example of {kind}");
    }
}

#[test]
fn item_of_a_built_in_tool_that_lacks_a_member_is_kept_as_it_came() {
    for text in [
        r#"{"type":"shell_call","call_id":"c","action":"ls"}"#,
        r#"{"type":"mcp_call","server_label":5}"#,
        r#"{"type":"item_reference"}"#,
        r#"{"type":"file_search_call", "queries":"q"}"#,
    ] {
        let item = Item::parse(text).expect("an item");
        assert!(matches!(item, Item::Other { .. }), "{text}");
        assert_eq!(item.to_json(), text);
    }
}

#[test]
fn reference_keeps_its_id_and_needs_no_type_in_an_input() {
    let items = parse_input(r#"[{"id":"msg_1"},{"type":"item_reference","id":"legacy"}]"#).expect("an input");
    assert_eq!(items.iter().map(Item::id).collect::<Vec<_>>(), [Some("msg_1"), Some("legacy")]);
    let mut out = Vec::new();
    items[1].encode_for(ItemEncoding { ids: ItemIds::None, passthrough: false }, &mut out);
    assert_eq!(String::from_utf8(out).expect("text"), r#"{"type":"item_reference","id":"legacy"}"#);
}

#[test]
fn members_of_the_public_api_are_typed_and_do_not_count_in_a_comparison() {
    let text = r#"{"type":"function_call","name":"f","arguments":"{}","call_id":"c","status":"completed","caller":{"type":"direct"},"async":true,"created_by":"u"}"#;
    let Item::FunctionCall(call) = Item::parse(text).expect("a call") else { panic!("a call") };
    assert_eq!((call.asynchronous, call.created_by.as_deref()), (Some(true), Some("u")));
    assert_eq!(call.caller.as_ref().map(|caller| caller.kind.as_str()), Some("direct"));
    assert_eq!(Item::from(call).to_json(), text);
    let same =
        |a: &str, b: &str| Item::parse(a).expect("an item").equals_for_incremental(&Item::parse(b).expect("an item"));
    let message = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"t"}],"id":"msg_1"}"#;
    assert!(same(message, &message.replace(r#""id""#, r#""status":"completed","id""#)));
}

#[test]
fn text_part_is_written_with_its_type() {
    for kind in ["input_text", "output_text", "summary_text", "reasoning_text", "text", "a \"text\""] {
        let extra = vec![("x".to_string(), RawJson::new("1").expect("JSON"))];
        let part = ContentPart::Text { kind, text: "a\nb".into(), extra };
        let expected = format!(r#"{{"type":{},"text":"a\nb","x":1}}"#, json!(kind));
        assert_eq!(part.to_raw().as_str(), expected);
    }
}

#[test]
fn parts_of_the_public_api_are_typed() {
    for text in [
        r#"{"type":"input_image","file_id":"f","detail":"low"}"#,
        r#"{"type":"input_file","file_id":"f"}"#,
        r#"{"type":"input_file","file_data":"data:,","filename":"n","detail":"high"}"#,
        r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}}"#,
        r#"{"type":"input_audio","audio_url":"u"}"#,
        r#"{"type":"refusal","refusal":"no","x":1}"#,
        r#"{"type":"computer_screenshot","image_url":"u"}"#,
    ] {
        let part = ContentPart::parse(text).expect("a part");
        assert!(!matches!(part, ContentPart::Other(_)), "{text}");
        assert_eq!(part.to_raw().as_str(), text);
    }
    let made = [
        ContentPart::input_file("f"),
        ContentPart::input_file_url("u"),
        ContentPart::input_file_data("n", "d"),
        ContentPart::input_image_file("f"),
        ContentPart::input_audio("d", "wav"),
        ContentPart::refusal("no"),
        ContentPart::computer_screenshot("u"),
    ];
    for part in made {
        assert_eq!(ContentPart::parse(part.to_raw().as_str()), Ok(part));
    }
    for text in [r#"{"type":"input_image"}"#, r#"{"type":"input_audio","input_audio":5}"#, r#"{"type":"refusal"}"#] {
        assert!(matches!(ContentPart::parse(text), Ok(ContentPart::Other(_))), "{text}");
    }
}
