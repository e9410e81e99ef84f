//! Scenarios B, request bodies and items (tests/scenarios.md), and those of A and L that need no connection.

use serde_json::{Value, json};
use turnwire::responses::operations::{Compact, GenerateImage, ListModels, Model, Operation, Summarize};
use turnwire::responses::request::{ItemEncoding, ItemIds, MessageFields, ReasoningOptions, TextOptions};
use turnwire::responses::session::{HeaderSet, RequestContext, RequestKind, Session, SessionSource, TurnMetadata};
use turnwire::responses::{CreateResponse, FailureKind, Item, RawJson, is_prefixed};

fn body(request: &CreateResponse, wire: ItemEncoding) -> Value {
    let mut out = Vec::new();
    request.encode_http(wire, &mut out);
    serde_json::from_slice(&out).expect("json")
}

fn frame(request: &CreateResponse, frame: &MessageFields<'_>) -> Value {
    let mut out = Vec::new();
    request.encode_ws(frame, ItemEncoding::EVERYTHING, &mut out);
    serde_json::from_slice(&out).expect("json")
}

fn item(json: &Value) -> Item {
    Item::parse(&json.to_string()).expect("an item")
}

fn written(json: &Value) -> Value {
    serde_json::from_str(&item(json).to_json()).expect("json")
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn header<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a07_session_headers_and_sub_agent() {
    let mut session = Session::new("sess_123", "thread_123", "inst");
    session.source = SessionSource::Review;
    let fields = session.headers(HeaderSet::Sse, &RequestContext::default());
    assert_eq!(header(&fields, "session-id"), Some("sess_123"));
    assert_eq!(header(&fields, "thread-id"), Some("thread_123"));
    assert_eq!(header(&fields, "x-client-request-id"), Some("thread_123"));
    assert_eq!(header(&fields, "x-openai-subagent"), Some("review"));
}

#[test]
fn a16_window_id_generations() {
    let mut session = Session::new("s", "thr", "i");
    let window = |session: &Session| {
        let fields = session.headers(HeaderSet::Sse, &RequestContext::default());
        header(&fields, "x-codex-window-id").map(String::from)
    };
    assert_eq!(window(&session).as_deref(), Some("thr:0"));
    let compact = session.headers(HeaderSet::Compact, &RequestContext::default());
    assert_eq!(header(&compact, "x-codex-window-id"), Some("thr:0"));
    session.next_window();
    assert_eq!(window(&session).as_deref(), Some("thr:1"));
    assert_eq!(session.metadata(None).get("x-codex-window-id"), Some("thr:1"));
    assert_eq!(window(&Session::new("s", "fork", "i")).as_deref(), Some("fork:0"));
}

#[test]
fn a17_sub_agent_shares_the_sessions_cache_key() {
    let parent = Session::new("sess", "parent", "i");
    let mut child = Session::new("sess", "child", "i");
    child.parent_thread_id = Some(parent.thread_id.clone());
    for session in [&parent, &child] {
        let fields = session.headers(HeaderSet::Sse, &RequestContext::default());
        assert_eq!(header(&fields, "session-id"), Some("sess"));
        assert_eq!(header(&fields, "x-client-request-id"), Some(session.thread_id.as_str()));
    }
    let fields = child.headers(HeaderSet::Sse, &RequestContext::default());
    assert_eq!(header(&fields, "x-codex-parent-thread-id"), Some("parent"));
}

#[test]
fn b01_minimal_body() {
    let request = CreateResponse::new("m", Vec::new());
    let mut out = Vec::new();
    request.encode_http(ItemEncoding::EVERYTHING, &mut out);
    let expected = r#"{"model":"m","input":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":null,"store":false,"stream":true,"include":[]}"#;
    assert_eq!(String::from_utf8(out).expect("text"), expected);
    let mut out = Vec::new();
    request.encode_ws(&MessageFields::default(), ItemEncoding::EVERYTHING, &mut out);
    let expected = expected.replacen('{', r#"{"type":"response.create","#, 1);
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn b02_ws_frame_equals_body_plus_type() {
    let mut request = CreateResponse::new("m", vec![Item::user("hi")]);
    request.instructions = "Be brief.".into();
    request.tools = Some(Vec::new());
    request.reasoning = Some(ReasoningOptions::effort("medium").with_summary("auto"));
    request.include = vec!["reasoning.encrypted_content".into()];
    request.service_tier = Some("priority".into());
    request.prompt_cache_key = Some("sess".into());
    request.text = Some(TextOptions::default().with_verbosity("low"));
    request.client_metadata = Some(Session::new("s", "t", "i").metadata(None));
    let mut expected = body(&request, ItemEncoding::EVERYTHING);
    let sent =
        MessageFields { previous_response_id: Some("resp-1"), generate: Some(false), ..MessageFields::default() };
    let members = expected.as_object_mut().expect("an object");
    members.insert("type".into(), json!("response.create"));
    members.insert("previous_response_id".into(), json!("resp-1"));
    members.insert("generate".into(), json!(false));
    assert_eq!(frame(&request, &sent), expected);
}

fn with_id(id: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [], "id": id})
}

#[test]
fn b03_ids_preserved_by_l1() {
    let request = CreateResponse::new("m", vec![item(&with_id("msg_1"))]);
    assert_eq!(body(&request, ItemEncoding::EVERYTHING)["input"][0]["id"], "msg_1");
}

#[test]
fn b04_l2_strips_ids() {
    let request = CreateResponse::new("m", vec![item(&with_id("msg_existing"))]);
    assert_eq!(body(&request, ItemEncoding::new(false, false, true))["input"][0].get("id"), None);
}

#[test]
fn b05_item_id_option() {
    let ids = ["msg_existing", "018f9e15-7a6a-7000-8000-000000000001", ""];
    let request = CreateResponse::new("m", ids.iter().map(|id| item(&with_id(id))).collect::<Vec<_>>());
    let sent = body(&request, ItemEncoding::new(true, false, true));
    let ids: Vec<Option<&str>> = (0..3).map(|at| sent["input"][at].get("id").and_then(Value::as_str)).collect();
    assert_eq!(ids, [Some("msg_existing"), None, None]);
    assert_eq!(request.input[1].id(), Some("018f9e15-7a6a-7000-8000-000000000001"));
}

#[test]
fn b06_azure_store() {
    let items = [
        json!({"type":"reasoning","id":"rs_reasoning-id","summary":[],"encrypted_content":null}),
        json!({"type":"message","id":"msg_message-id","role":"assistant","content":[]}),
        json!({"type":"web_search_call","id":"ws_web-search-id"}),
        json!({"type":"function_call","id":"fc_function-id","name":"f","arguments":"{}","call_id":"c1"}),
        json!({"type":"function_call_output","call_id":"c1","output":"ok"}),
        json!({"type":"local_shell_call","id":"lsh_local-shell-id","status":"completed","action":{"type":"exec","command":["ls"]}}),
        json!({"type":"custom_tool_call","id":"ctc_custom-tool-id","call_id":"c2","name":"t","input":"i"}),
        json!({"type":"custom_tool_call_output","call_id":"c2","output":"ok"}),
        with_id("018f9e15-7a6a-7000-8000-000000000002"),
        with_id(""),
    ];
    let mut request = CreateResponse::new("m", items.iter().map(item).collect::<Vec<_>>());
    request.store = true;
    let sent = body(&request, ItemEncoding::new(false, request.store, false));
    assert_eq!(sent["store"], true);
    let ids: Vec<Option<&str>> = (0..10).map(|at| sent["input"][at].get("id").and_then(Value::as_str)).collect();
    let kept = ["rs_reasoning-id", "msg_message-id", "ws_web-search-id", "fc_function-id"].map(Some);
    assert_eq!(ids[..4], kept);
    assert_eq!(ids[4..], [None, Some("lsh_local-shell-id"), Some("ctc_custom-tool-id"), None, None, None]);
    assert_eq!(sent["input"].as_array().map(Vec::len), Some(10));
}

#[test]
fn b07_prefix_rule() {
    assert!(is_prefixed("msg_test") && is_prefixed("a_b_c"));
    for id in ["legacy-id", "", "_test", "msg_", "_", "__x"] {
        assert!(!is_prefixed(id), "{id}");
    }
}

#[test]
fn b09_nulls() {
    let shell =
        written(&json!({"type":"local_shell_call","status":"completed","action":{"type":"exec","command":["ls"]}}));
    assert_eq!(shell["call_id"], Value::Null);
    assert_eq!(keys(&shell), ["action", "call_id", "status", "type"]);
    assert_eq!(
        shell["action"],
        json!({"type":"exec","command":["ls"],"timeout_ms":null,"working_directory":null,"env":null,"user":null})
    );
    let call = written(&json!({"type":"tool_search_call","execution":"client","arguments":{}}));
    let output = written(&json!({"type":"tool_search_output","status":"s","execution":"client","tools":[]}));
    assert_eq!((call.get("call_id"), output.get("call_id")), (Some(&Value::Null), Some(&Value::Null)));
    let reasoning = written(&json!({"type":"reasoning","summary":[]}));
    assert_eq!(reasoning, json!({"type":"reasoning","summary":[],"content":null,"encrypted_content":null}));
    let with = |content: Value| written(&json!({"type":"reasoning","summary":[],"content":content}));
    assert_eq!(with(json!([])).get("content"), None);
    assert_eq!(with(json!([{"type":"text","text":"t"}])).get("content"), None);
    let both = json!([{"type":"text","text":"t"},{"type":"reasoning_text","text":"r"}]);
    assert_eq!(with(both.clone())["content"], both);
}

/// Differs: an unknown item is kept whole (docs/differences.md row 7).
#[test]
fn b10_unknown_item() {
    let ghost = json!({"type":"ghost_snapshot","files":[1,2]});
    assert!(matches!(item(&ghost), Item::Other { kind, .. } if kind == "ghost_snapshot"));
    assert_eq!(written(&ghost), ghost);
}

#[test]
fn b11_compaction_alias() {
    let alias = json!({"type":"compaction_summary","encrypted_content":"abc"});
    assert_eq!(written(&alias), json!({"type":"compaction","encrypted_content":"abc"}));
    assert_eq!(Item::CompactionTrigger.to_json(), r#"{"type":"compaction_trigger"}"#);
    assert_eq!(item(&json!({"type":"compaction_trigger"})), Item::CompactionTrigger);
}

/// Differs: an unknown action is kept (docs/differences.md row 7).
#[test]
fn b13_web_search_actions() {
    for action in [
        json!({"type":"search","query":"q","queries":["q","r"]}),
        json!({"type":"open_page","url":"u"}),
        json!({"type":"find_in_page","url":"u","pattern":"p"}),
        json!({"type":"levitate","height":3}),
    ] {
        let call = json!({"type":"web_search_call","status":"completed","action":action});
        assert_eq!(written(&call), call);
    }
    let partial = json!({"type":"web_search_call","status":"in_progress"});
    assert_eq!(written(&partial), partial);
}

#[test]
fn b16_sequential_cutoff() {
    let request = || {
        let mut request = CreateResponse::new("m", Vec::new());
        request.reasoning = Some(ReasoningOptions::effort("low").with_summary("auto"));
        request
    };
    let sent = body(&request().with_sequential_cutoff(true), ItemEncoding::EVERYTHING);
    assert_eq!(sent["stream_options"], json!({"reasoning_summary_delivery":"sequential_cutoff"}));
    let other = request().with_sequential_cutoff(false);
    assert_eq!(body(&other, ItemEncoding::EVERYTHING).get("stream_options"), None);
    let silent = CreateResponse::new("m", Vec::new()).with_sequential_cutoff(true);
    assert_eq!(body(&silent, ItemEncoding::EVERYTHING).get("stream_options"), None);
}

#[test]
fn b17_text_controls() {
    let mut request = CreateResponse::new("m", Vec::new());
    assert_eq!(body(&request, ItemEncoding::EVERYTHING).get("text"), None);
    let schema = RawJson::new(r#"{"type":"object"}"#).expect("json");
    request.text = Some(TextOptions::json_schema("codex_output_schema", &schema).with_verbosity("low"));
    assert_eq!(
        body(&request, ItemEncoding::EVERYTHING)["text"],
        json!({"verbosity":"low","format":{"type":"json_schema","strict":true,"schema":{"type":"object"},"name":"codex_output_schema"}})
    );
}

#[test]
fn b18_service_tier() {
    let model = json!({
        "slug":"m","display_name":"M","supported_reasoning_levels":[],"shell_type":"default","visibility":"list",
        "supported_in_api":true,"priority":0,"base_instructions":"","support_verbosity":false,
        "truncation_policy":{"mode":"bytes","limit":1},"supports_parallel_tool_calls":false,
        "experimental_supported_tools":[],
        "service_tiers":[{"id":"priority","name":"","description":""},{"id":"default","name":"","description":""}]
    });
    let model = Model::parse(&model.to_string()).expect("a model");
    assert_eq!(model.service_tier("priority"), Some("priority"));
    assert_eq!((model.service_tier("default"), model.service_tier("unsupported")), (None, None));
}

#[test]
fn b19_lite() {
    let mut request = CreateResponse::new("m", vec![Item::user("hi")]);
    request.instructions = "Be brief.".into();
    request.tools = Some(vec![RawJson::new(r#"{"type":"function","name":"f"}"#).expect("json").into_owned()]);
    request.parallel_tool_calls = true;
    let sent = body(&request.into_lite(), ItemEncoding::EVERYTHING);
    assert_eq!((sent.get("instructions"), sent.get("tools")), (None, None));
    assert_eq!(
        sent["input"][0],
        json!({"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f"}]})
    );
    assert_eq!(
        sent["input"][1],
        json!({"type":"message","role":"developer","content":[{"type":"input_text","text":"Be brief."}]})
    );
    assert_eq!(sent["input"][2]["role"], "user");
    assert_eq!((&sent["parallel_tool_calls"], &sent["reasoning"]["context"]), (&json!(false), &json!("all_turns")));
    let context = RequestContext { lite: true, ..RequestContext::default() };
    let fields = Session::new("s", "t", "i").headers(HeaderSet::Sse, &context);
    assert_eq!(header(&fields, "x-openai-internal-codex-responses-lite"), Some("true"));
}

#[test]
fn lite_request_whose_tools_are_an_item_gets_no_second_one() {
    let tools = json!({"type":"additional_tools","role":"developer","tools":[]});
    let request = CreateResponse::new("m", vec![item(&tools), item(&with_id("msg_1"))]).into_lite();
    let sent = body(&request, ItemEncoding::EVERYTHING);
    assert_eq!((&sent["input"][0], &sent["input"][1]["type"]), (&tools, &json!("message")));
    let kinds = |request: CreateResponse| body(&request.into_lite(), ItemEncoding::EVERYTHING)["input"].clone();
    assert_eq!(kinds(CreateResponse::new("m", Vec::new())), json!([]), "nothing is prewarmed with");
    assert_eq!(
        kinds(CreateResponse::new("m", vec![item(&with_id("msg_1"))]))[0],
        tools,
        "no tools are said to be none"
    );
}

#[test]
fn b20_lite_image_detail() {
    let image = |detail: bool| {
        let mut image = json!({"type":"input_image","image_url":"data:,"});
        if detail {
            image["detail"] = json!("original");
        }
        image
    };
    let message = |detail| json!({"type":"message","role":"user","content":[image(detail)]});
    let output = |detail| json!({"type":"function_call_output","call_id":"c","output":[image(detail)]});
    let request = CreateResponse::new("m", vec![item(&message(true)), item(&output(true))]).into_lite();
    let sent = body(&request, ItemEncoding::EVERYTHING);
    assert_eq!((&sent["input"][1], &sent["input"][2]), (&message(false), &output(false)));
}

#[test]
fn k01_endpoint_request() {
    let mut request = CreateResponse::new("m", vec![item(&with_id("msg_1"))]);
    request.tools = Some(Vec::new());
    request.parallel_tool_calls = true;
    request.reasoning = Some(ReasoningOptions::effort("low"));
    request.text = Some(TextOptions::default().with_verbosity("low"));
    request.prompt_cache_key = Some("sess".into());
    request.include = vec!["reasoning.encrypted_content".into()];
    let ordinary = body(&request, ItemEncoding::EVERYTHING);
    let mut out = Vec::new();
    Compact::from(request).encode(ItemEncoding { ids: ItemIds::None, passthrough: true }, &mut out);
    let sent: Value = serde_json::from_slice(&out).expect("json");
    for shared in ["tools", "parallel_tool_calls", "reasoning", "text", "prompt_cache_key"] {
        assert_eq!(sent[shared], ordinary[shared], "{shared}");
    }
    for absent in ["client_metadata", "include", "store", "stream", "tool_choice"] {
        assert_eq!(sent.get(absent), None, "{absent}");
    }
    assert_eq!(sent["input"][0].get("id"), None);
    let session = Session::new("s", "t", "inst");
    let mut turn = TurnMetadata::new(RequestKind::Compaction, "turn-1");
    turn.compaction = Some(turnwire::responses::session::CompactionMetadata::manual());
    let fields =
        session.headers(HeaderSet::Compact, &RequestContext { turn: Some(&turn), ..RequestContext::default() });
    for name in ["session-id", "thread-id", "x-codex-installation-id", "x-codex-window-id"] {
        assert!(header(&fields, name).is_some(), "{name}");
    }
    let blob: Value = serde_json::from_str(header(&fields, "x-codex-turn-metadata").expect("a blob")).expect("json");
    assert_eq!(
        blob["compaction"],
        json!({"trigger":"manual","reason":"user_requested","implementation":"responses_compact","phase":"standalone_turn","strategy":"memento"})
    );
}

#[test]
fn k02_service_tier_by_auth() {
    let mut compact = Compact::new("m", vec![Item::user("hi")]);
    let tier = |compact: &Compact| {
        let mut out = Vec::new();
        compact.encode(ItemEncoding::EVERYTHING, &mut out);
        serde_json::from_slice::<Value>(&out).expect("json").get("service_tier").cloned()
    };
    compact.service_tier = Some("priority".into());
    assert_eq!(tier(&compact), Some(json!("priority")));
    compact.service_tier = None;
    assert_eq!(tier(&compact), None);
}

#[test]
fn k06_empty_input() {
    let answer = Compact::new("m", Vec::new()).immediate_answer().expect("nothing is asked");
    assert!(answer.output.is_empty());
}

#[test]
fn l02_memories_alias() {
    let read = |summary: &str| Summarize::read(&[], &format!(r#"{{"output":[{summary}]}}"#));
    assert_eq!(read(r#"{"raw_memory":"r","memory_summary":"m"}"#).expect("summaries").output[0].trace_summary, "r");
    assert!(read(r#"{"raw_memory":"r","trace_summary":"t","memory_summary":"m"}"#).is_err());
    assert!(read(r#"{"trace_summary":"t"}"#).is_err());
    assert!(Summarize::new("m", Vec::new()).immediate_answer().is_some());
}

#[test]
fn l03_models_url() {
    let ask = ListModels { client_version: "0.99.0".into() };
    assert_eq!(ask.query(), [("client_version".to_owned(), "0.99.0".to_owned())]);
    let models = ListModels::read(&[("ETag", "\"abc\"")], r#"{"models":[],"minimal_client_version":"1"}"#);
    assert_eq!(models.expect("a catalogue").etag.as_deref(), Some("\"abc\""));
}

#[test]
fn l06_images() {
    let mut out = Vec::new();
    GenerateImage::new("m", "p").encode(ItemEncoding::EVERYTHING, &mut out);
    assert_eq!(serde_json::from_slice::<Value>(&out).expect("json"), json!({"prompt":"p","model":"m"}));
    let failure = GenerateImage::read(&[], r#"{"created":1}"#).expect_err("no data");
    assert_eq!(failure.kind, FailureKind::Stream);
    assert!(failure.message.starts_with("failed to decode image generation response: missing field `data`"));
}
