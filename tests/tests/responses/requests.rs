//! The members of a request: typed, set by name, and never written twice.

use proptest::prelude::*;
use serde_json::{Value, json};
use turnwire::responses::request::{
    AccessPrograms, BackgroundOptions, ContextManagement, Conversation, ImageOptions, ItemEncoding, MessageFields,
    Moderation, ModerationMode, ModerationPolicy, Prompt, PromptCacheOptions, ReasoningOptions, StreamOptions,
    TextFormat, TextOptions,
};
use turnwire::responses::{CreateResponse, Item, Malformed, RawJson};
use turnwire_tests::generators::responses::json as any_json;

fn http(request: &CreateResponse) -> String {
    let mut out = Vec::new();
    request.encode_http(ItemEncoding::EVERYTHING, &mut out);
    String::from_utf8(out).expect("text")
}

fn message(request: &CreateResponse, fields: &MessageFields<'_>) -> String {
    let mut out = Vec::new();
    request.encode_ws(fields, ItemEncoding::EVERYTHING, &mut out);
    String::from_utf8(out).expect("text")
}

/// The names of the members, in the order in which they are written.
pub(crate) fn names(text: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Names>(text).expect("an object").0
}

fn full() -> CreateResponse {
    let policy = ModerationPolicy::new().input(ModerationMode::new("block")).output(ModerationMode::new("score"));
    CreateResponse::new("m", "hi")
        .instructions("i")
        .tools([RawJson::new("{}").expect("json")])
        .tool_choice(RawJson::string("none"))
        .parallel_tool_calls(true)
        .reasoning(ReasoningOptions::effort("low").with_mode("pro"))
        .store(true)
        .stream_options(StreamOptions::new().include_obfuscation(false))
        .include(["reasoning.encrypted_content"])
        .service_tier("flex")
        .prompt_cache_key("k")
        .text(TextOptions::json_object())
        .client_metadata([("a", "b")])
        .previous_response_id("resp_1")
        .conversation("conv_1")
        .background(true)
        .background_options(BackgroundOptions::new().completion_window("2h"))
        .max_output_tokens(10)
        .max_tool_calls(2)
        .metadata([("topic", "t")])
        .temperature(0.7)
        .top_p(1)
        .top_logprobs(3)
        .truncation("auto")
        .user("u")
        .safety_identifier("s")
        .prompt(Prompt::new("pmpt_1"))
        .prompt_cache_options(PromptCacheOptions::new().mode("explicit"))
        .prompt_cache_retention("24h")
        .context_management([ContextManagement::new("compaction").compact_threshold(5)])
        .moderation(Moderation::new("mod").policy(policy))
        .access_programs(AccessPrograms::new().cyber("standard"))
        .image(ImageOptions::new().context_compression("auto"))
        .frequency_penalty(0.5)
        .presence_penalty(-0.5)
}

#[test]
fn request_with_every_member_set_is_written_once_and_read_as_the_same() {
    let request = full();
    let text = http(&request);
    let written = names(&text);
    let mut expected: Vec<&str> = CreateResponse::MEMBERS.to_vec();
    expected.sort_unstable();
    let mut sorted: Vec<&str> = written.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(CreateResponse::parse(&text), Ok(request.clone()));
    let value: Value = serde_json::from_str(&text).expect("json");
    assert_eq!(
        (&value["temperature"], &value["max_output_tokens"], &value["conversation"]),
        (&json!(0.7), &json!(10), &json!("conv_1"))
    );
    assert_eq!(
        value["moderation"],
        json!({"model":"mod","policy":{"input":{"mode":"block"},"output":{"mode":"score"}}})
    );
    assert_eq!(value["context_management"], json!([{"type":"compaction","compact_threshold":5}]));
    assert_eq!(value["prompt"], json!({"id":"pmpt_1"}));
    // serde writes and reads the same.
    assert_eq!(serde_json::to_string(&request).expect("json"), text);
    assert_eq!(serde_json::from_str::<CreateResponse>(&text).expect("a request"), request);
}

#[test]
fn unset_members_are_not_written() {
    let text = http(&CreateResponse::new("m", Vec::new()));
    assert_eq!(
        text,
        r#"{"model":"m","input":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":null,"store":false,"stream":true,"include":[]}"#
    );
}

#[test]
fn input_is_a_text_or_items() {
    let item = Item::user("hi");
    for request in [
        CreateResponse::new("m", "hi"),
        CreateResponse::new("m", String::from("hi")),
        CreateResponse::new("m", item.clone()),
        CreateResponse::new("m", [item.clone()]),
        CreateResponse::new("m", vec![item.clone()]),
        CreateResponse::new("m", core::slice::from_ref(&item)),
    ] {
        assert_eq!(request.input, core::slice::from_ref(&item));
    }
}

#[test]
fn with_sets_known_members_and_keeps_unknown_ones() {
    let request = CreateResponse::new("m", "hi")
        .with("temperature", 0.25)
        .and_then(|request| request.with("metadata", json!({"a": "b"})))
        .and_then(|request| request.with("store", true))
        .and_then(|request| request.with("input", "other"))
        .and_then(|request| request.with("next_year", json!({"x": [1]})))
        .and_then(|request| request.with("next_year", 2))
        .expect("members");
    assert_eq!((request.temperature, request.store), (Some(0.25), true));
    assert_eq!(request.input, [Item::user("other")]);
    assert_eq!(request.extra, [("next_year".to_owned(), RawJson::new("2").expect("json").into_owned())]);
    let text = http(&request);
    assert_eq!(text.matches("\"temperature\":").count(), 1);
}

#[test]
fn with_refuses_another_type_and_members_of_messages() {
    let request = || CreateResponse::new("m", "hi");
    for (name, value) in [
        ("temperature", json!("hot")),
        ("max_output_tokens", json!(1.5)),
        ("metadata", json!({"a": 1})),
        ("stream", json!("yes")),
        ("prompt", json!({"version": "1"})),
        ("context_management", json!([{"compact_threshold": 1}])),
    ] {
        let refused = request().with(name, &value);
        assert!(matches!(refused, Err(Malformed::WrongType { .. })), "{name}: {refused:?}");
    }
    for name in ["type", "stream_id", "generate"] {
        assert!(matches!(request().with(name, "x"), Err(Malformed::Duplicate { .. })), "{name}");
    }
}

#[test]
fn extra_with_the_name_of_a_set_member_is_not_written() {
    let mut request = full();
    for name in CreateResponse::MEMBERS.iter().copied().chain(["type", "stream_id", "generate"]) {
        request.extra.push((name.to_owned(), RawJson::string("twice")));
    }
    for name in names(&http(&request)) {
        let count = names(&http(&request)).iter().filter(|known| **known == name).count();
        assert_eq!(count, 1, "{name}");
    }
    let fields = MessageFields { stream_id: Some("a"), generate: Some(false), ..MessageFields::default() };
    let text = message(&request, &fields);
    let written = names(&text);
    for name in &written {
        assert_eq!(written.iter().filter(|known| *known == name).count(), 1, "{name}");
    }
    assert!(!text.contains("twice"), "{text}");
}

#[test]
fn previous_response_of_a_message_replaces_that_of_the_request() {
    let request = CreateResponse::new("m", "hi").previous_response_id("resp_own");
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("json")["previous_response_id"].clone();
    assert_eq!(value(&message(&request, &MessageFields::default())), "resp_own");
    let fields = MessageFields { previous_response_id: Some("resp_chain"), ..MessageFields::default() };
    let text = message(&request, &fields);
    assert_eq!((value(&text), text.matches("previous_response_id").count()), (json!("resp_chain"), 1));
    assert_eq!(value(&http(&request)), "resp_own");
}

#[test]
fn conversation_is_an_id_or_an_object() {
    let id = Conversation::parse(r#""conv_1""#).expect("a conversation");
    let object = Conversation::parse(r#"{"id":"conv_1","more":1}"#).expect("a conversation");
    assert_eq!((id.id(), object.id()), ("conv_1", "conv_1"));
    assert_eq!(object.to_raw().as_str(), r#"{"id":"conv_1","more":1}"#);
    for bad in ["5", "{}", r#"{"id":5}"#, "[]"] {
        assert!(Conversation::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn formats_of_text_are_typed_and_others_kept() {
    let schema = RawJson::new(r#"{"type":"object"}"#).expect("json");
    let strict = TextOptions::json_schema("answer", &schema);
    assert_eq!(
        strict.to_raw().as_str(),
        r#"{"format":{"type":"json_schema","strict":true,"schema":{"type":"object"},"name":"answer"}}"#
    );
    let loose = TextOptions::json_schema("answer", &schema).with_strict(false);
    assert!(loose.to_raw().as_str().contains(r#""strict":false"#));
    for (text, is_other) in [
        (r#"{"type":"text"}"#, false),
        (r#"{"type":"json_object"}"#, false),
        (r#"{"type":"json_schema","strict":true,"schema":{},"name":"n","description":"d","more":1}"#, false),
        (r#"{"type":"grammar","grammar":"x"}"#, true),
        (r#"{"type":"text","more":1}"#, true),
        (r#"{"type":"json_schema","name":5}"#, true),
    ] {
        let format = TextFormat::parse(text).expect("a format");
        assert_eq!((matches!(format, TextFormat::Other(_)), format.to_raw().as_str()), (is_other, text));
    }
}

proptest! {
    /// Whatever a client sends as the value of a public member is kept: typed or as it came.
    #[test]
    fn member_of_any_type_is_kept(name in prop::sample::select(&CreateResponse::MEMBERS[15..]), value in any_json()) {
        let text = format!(r#"{{"model":"m","input":[],"{name}":{value}}}"#);
        let request = CreateResponse::parse(&text).expect("a request");
        let came: Value = serde_json::from_str(&value).expect("json");
        let went: Value = serde_json::from_str(&http(&request)).expect("json");
        let went = went.get(name).cloned().unwrap_or(Value::Null);
        // A number of a typed member is read as a float, and compared as one.
        let is_same_number = came.as_f64().is_some() && came.as_f64() == went.as_f64();
        let lost = turnwire_tests::laws::responses::lost(&came, &went);
        prop_assert!(lost.is_none() || is_same_number, "{} became {}", came, went);
        let again = http(&CreateResponse::parse(&http(&request)).expect("a request"));
        prop_assert_eq!(again, http(&request));
    }
}
