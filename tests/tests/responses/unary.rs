//! Operations with a single response body: requests, responses, and operations that need no request.

use core::time::Duration;

use serde_json::{Value, json};
use turnwire::responses::operations::{
    Commands, Compact, Compacted, EditImage, GenerateImage, Image, Images, ListModels, MemoryTrace, Model, Models,
    Operation, Query, Search, SearchInput, SearchResults, SearchSettings, Summaries, Summarize, Summary,
};
use turnwire::responses::request::{ItemEncoding, ReasoningOptions};
use turnwire::responses::session::HeaderSet;
use turnwire::responses::{CreateResponse, FailureKind, Item, RawJson};

fn body(operation: &impl Operation) -> String {
    let mut out = Vec::new();
    operation.encode(ItemEncoding::new(false, false, false), &mut out);
    String::from_utf8(out).expect("text")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

fn raw(text: &str) -> RawJson<'static> {
    RawJson::new(text).expect("json").into_owned()
}

#[test]
fn operations_have_method_path_headers_and_timeout() {
    fn of<O: Operation>() -> (&'static str, &'static str, HeaderSet, bool, Option<Duration>) {
        (O::METHOD, O::PATH, O::SURFACE, O::TURN_STATE, O::timeout(Duration::from_secs(300)))
    }
    let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
    assert_eq!(of::<Compact>(), ("POST", "responses/compact", HeaderSet::Compact, true, minutes(20)));
    assert_eq!(of::<Summarize>(), ("POST", "memories/trace_summarize", HeaderSet::Memories, false, None));
    assert_eq!(of::<ListModels>(), ("GET", "models", HeaderSet::Models, false, Some(Duration::from_secs(5))));
    assert_eq!(of::<Search>(), ("POST", "alpha/search", HeaderSet::Search, false, None));
    assert_eq!(of::<GenerateImage>(), ("POST", "images/generations", HeaderSet::Images, false, None));
    assert_eq!(of::<EditImage>(), ("POST", "images/edits", HeaderSet::Images, false, None));
}

#[test]
fn minimal_and_full_compaction_are_encoded() {
    assert_eq!(body(&Compact::new("m", Vec::new())), r#"{"model":"m","input":[],"parallel_tool_calls":false}"#);
    let mut request = CreateResponse::new("m", vec![Item::user("hi")]);
    request.instructions = "Be brief.".into();
    request.tools = Some(Vec::new());
    request.reasoning = Some(ReasoningOptions::effort("low"));
    request.service_tier = Some("priority".into());
    request.prompt_cache_key = Some("sess".into());
    request.store = true;
    let compact = Compact::from(request);
    let text = body(&compact);
    let keys: Vec<&str> = ["instructions", "tools", "reasoning", "service_tier", "prompt_cache_key"].into();
    assert!(keys.iter().all(|key| value(&text).get(key).is_some()), "{text}");
    for absent in ["client_metadata", "include", "store", "stream", "stream_options", "tool_choice"] {
        assert!(value(&text).get(absent).is_none(), "{absent}");
    }
    assert_eq!(Compact::parse(&text), Ok(compact));
}

#[test]
fn compaction_keeps_unknown_items_and_fails_for_another_output() {
    let answer = r#"{"output":[{"type":"compaction","encrypted_content":"e"},{"type":"new", "x": 1}],"more":1}"#;
    let compacted = Compact::read(&[], answer).expect("an answer");
    assert_eq!(compacted.output.iter().map(Item::kind).collect::<Vec<_>>(), ["compaction", "new"]);
    let mut out = Vec::new();
    compacted.encode(&mut out);
    assert_eq!(Compact::read(&[], core::str::from_utf8(&out).expect("text")), Ok(compacted));
    for bad in ["", "[]", "{}", r#"{"output":5}"#, r#"{"output":{"type":"compaction"}}"#] {
        let failure = Compact::read(&[], bad).expect_err(bad);
        assert_eq!((failure.kind, failure.raw.as_deref()), (FailureKind::Stream, Some(bad)));
    }
}

#[test]
fn empty_input_needs_no_request() {
    assert_eq!(Compact::new("m", Vec::new()).immediate_answer(), Some(Compacted::new(Vec::new())));
    assert_eq!(Compact::new("m", vec![Item::user("hi")]).immediate_answer(), None);
    assert_eq!(Summarize::new("m", Vec::new()).immediate_answer(), Some(Summaries::default()));
    assert_eq!(ListModels { client_version: "1".into() }.immediate_answer(), None);
}

#[test]
fn memory_summaries_round_trip() {
    let mut ask = Summarize::new("m", vec![MemoryTrace::new("t1", "s.json", vec![raw(r#"{"a": 1}"#)])]);
    assert_eq!(
        body(&ask),
        r#"{"model":"m","traces":[{"id":"t1","metadata":{"source_path":"s.json"},"items":[{"a": 1}]}]}"#
    );
    assert_eq!(Summarize::parse(&body(&ask)).expect("a request"), ask);
    ask.reasoning = Some(ReasoningOptions::effort("ultra"));
    assert_eq!(value(&body(&ask))["reasoning"], json!({"effort": "max"}));
    let summaries = Summaries::new(vec![Summary::new("t", "m")]);
    let mut out = Vec::new();
    summaries.encode(&mut out);
    assert_eq!(Summarize::read(&[], core::str::from_utf8(&out).expect("text")), Ok(summaries.clone()));
    assert_eq!(Summarize::read(&[], r#"{"output":[{"raw_memory":"t","memory_summary":"m"}]}"#), Ok(summaries));
    assert!(
        Summarize::read(&[], r#"{"output":[{"raw_memory":"t","trace_summary":"t","memory_summary":"m"}]}"#).is_err()
    );
    assert!(Summarize::read(&[], r#"{"output":[{"trace_summary":"t"}]}"#).is_err());
}

const MODEL: &str = r#"{"slug":"gpt-x","display_name":"X","supported_reasoning_levels":[{"effort":"low","description":"d"}],"shell_type":"default","visibility":"list","supported_in_api":true,"priority":1,"base_instructions":"b","support_verbosity":false,"truncation_policy":{"mode":"bytes","limit":10000},"supports_parallel_tool_calls":true,"experimental_supported_tools":[]"#;

#[test]
fn model_has_defaults_and_required_fields() {
    let model = Model::parse(&format!("{MODEL}}}")).expect("a model");
    assert!(model.tooling.supports_reasoning_summary_parameter && !model.tooling.use_responses_lite);
    assert_eq!(model.tooling.default_reasoning_summary, "auto");
    assert_eq!(model.tooling.input_modalities, ["text", "image"]);
    assert_eq!(model.context.effective_context_window_percent, 95);
    let more = r#","tool_mode":"telepathy","service_tiers":[{"id":"priority","name":"n","description":"d"}],"minimal_client_version":[0,1]}"#;
    let model = Model::parse(&format!("{MODEL}{more}")).expect("a model");
    assert_eq!(model.tooling.tool_mode, None);
    assert_eq!(model.service_tiers.len(), 1);
    assert!(model.raw().as_str().contains("minimal_client_version"));
    for member in ["slug", "shell_type", "priority", "truncation_policy", "experimental_supported_tools"] {
        let without = MODEL.replace(&format!("\"{member}\":"), "\"other\":");
        assert!(Model::parse(&format!("{without}}}")).is_err(), "{member}");
    }
}

#[test]
fn model_list_has_etag_and_fails_as_a_whole() {
    let ask = ListModels { client_version: "0.99.0".into() };
    assert_eq!(ask.query(), [("client_version".to_owned(), "0.99.0".to_owned())]);
    assert_eq!(body(&ask), "");
    let text = format!(r#"{{"models":[{MODEL}}}],"more":1}}"#);
    let models = ListModels::read(&[("ETag", "\"abc\"")], &text).expect("a catalogue");
    assert_eq!(models.etag.as_deref(), Some("\"abc\""));
    let mut out = Vec::new();
    models.encode(&mut out);
    let again = ListModels::read(&[("etag", "\"abc\"")], core::str::from_utf8(&out).expect("text"));
    assert_eq!(again, Ok(models));
    let failure = ListModels::read(&[], &format!(r#"{{"models":[{MODEL}}},{{}}]}}"#)).expect_err("a bad model");
    assert_eq!(failure.message, "failed to decode models response: `` has no `slug`");
    assert_eq!(ListModels::read(&[], r#"{"models":[]}"#), Ok(Models::default()));
}

#[test]
fn search_omits_unset_fields() {
    let query = Query { recency: Some(7), ..Query::new("rust news") };
    let commands = Commands { search_query: Some(vec![query]), ..Commands::default() };
    let mut search = Search::new("s1", "gpt-x", commands);
    assert_eq!(
        body(&search),
        r#"{"id":"s1","model":"gpt-x","commands":{"search_query":[{"q":"rust news","recency":7}]}}"#
    );
    search.input = Some(SearchInput::Items(vec![Item::user("hi")]));
    search.settings = Some(SearchSettings { external_web_access: Some(raw("\"live\"")), ..SearchSettings::default() });
    search.max_output_tokens = Some(9);
    assert_eq!(Search::parse(&body(&search)), Ok(search.clone()));
    search.input = Some(SearchInput::Text("hi".into()));
    assert_eq!(value(&body(&search))["input"], "hi");
    assert_eq!(Search::parse(&body(&search)), Ok(search));
    let answer = r#"{"output":"…","encrypted_output":null,"results":[]}"#;
    let results = Search::read(&[], answer).expect("results");
    assert_eq!(results.results, Some(Vec::new()));
    let mut out = Vec::new();
    results.encode(&mut out);
    assert_eq!(core::str::from_utf8(&out), Ok(answer));
    assert_eq!(Search::read(&[], r#"{"output":"x"}"#), Ok(SearchResults::new("x")));
    let failure = Search::read(&[], "{}").expect_err("no output");
    assert!(failure.message.starts_with("failed to decode search response: missing field `output`"));
}

#[test]
fn image_operations_round_trip() {
    let generate = GenerateImage::new("m", "a fox");
    assert_eq!(body(&generate), r#"{"prompt":"a fox","model":"m"}"#);
    let edit = EditImage::new(generate, &["data:image/png;base64,AA=="]);
    assert_eq!(
        value(&body(&edit)),
        json!({"prompt":"a fox","model":"m","images":[{"image_url":"data:image/png;base64,AA=="}]})
    );
    assert_eq!(serde_json::from_str::<EditImage>(&body(&edit)).expect("a request"), edit);
    let images = Images::new(5, vec![Image { b64_json: "AA==".into() }]);
    let mut out = Vec::new();
    images.encode(&mut out);
    assert_eq!(GenerateImage::read(&[], core::str::from_utf8(&out).expect("text")), Ok(images));
    let failure = EditImage::read(&[], r#"{"created":5}"#).expect_err("no data");
    assert!(failure.message.starts_with("failed to decode image edit response: missing field `data`"));
}
