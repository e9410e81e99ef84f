//! Operations on stored responses: paths, queries and answers; the public rate limits; and serde of the vocabulary.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turnwire::responses::operations::{
    CancelResponse, Compact, Compacted, CountInputTokens, DeleteResponse, Deleted, InputItems, InputTokens,
    ListInputItems, Operation, RetrieveResponse,
};
use turnwire::responses::request::{ItemEncoding, PromptCacheOptions};
use turnwire::responses::{
    ClientEvent, ContentPart, CreateResponse, ErrorObject, Item, Quota, RateLimitWindow, RateLimits, RawJson, Response,
    ServerEvent, Usage, replace_lone_surrogates,
};

fn body(operation: &impl Operation) -> Value {
    let mut out = Vec::new();
    operation.encode(ItemEncoding::EVERYTHING, &mut out);
    if out.is_empty() { Value::Null } else { serde_json::from_slice(&out).expect("JSON") }
}

fn method<O: Operation>(operation: &O) -> (&'static str, String, Value) {
    (O::METHOD, operation.path().into_owned(), body(operation))
}

#[test]
fn operations_on_stored_responses_have_their_methods_and_paths() {
    assert_eq!(method(&RetrieveResponse::new("r_1")), ("GET", "responses/r_1".into(), Value::Null));
    assert_eq!(method(&DeleteResponse::new("r_1")), ("DELETE", "responses/r_1".into(), Value::Null));
    assert_eq!(method(&CancelResponse::new("r_1")), ("POST", "responses/r_1/cancel".into(), Value::Null));
    assert_eq!(method(&ListInputItems::new("r_1")), ("GET", "responses/r_1/input_items".into(), Value::Null));
    let list = ListInputItems::new("r_1").after("i_1").limit(5).order("asc").include(["a.b", "c"]);
    let query: Vec<String> = list.query().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(query, ["after=i_1", "limit=5", "order=asc", "include[]=a.b", "include[]=c"]);
}

#[test]
fn query_of_an_operation_is_what_it_includes() {
    assert!(RetrieveResponse::new("r_1").query().is_empty());
    assert!(DeleteResponse::new("r_1").query().is_empty() && CancelResponse::new("r_1").query().is_empty());
    let including = RetrieveResponse::new("r_1").include(["a.b", "c"]);
    let query: Vec<String> = including.query().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(query, ["include[]=a.b", "include[]=c"]);
}

#[test]
fn answer_about_a_response_is_one_with_an_id_or_a_status() {
    for (body, is_answer) in [
        (r#"{"id":"r","status":"cancelled"}"#, true),
        (r#"{"id":"r"}"#, true),
        (r#"{"status":"cancelled"}"#, true),
        (r#"{"output":[]}"#, false),
    ] {
        let cancelled = CancelResponse::read(&[], body);
        assert_eq!(cancelled.is_ok(), is_answer, "{body}");
        if let Ok(response) = cancelled {
            assert_eq!(response, Response::parse(body).expect("a response"));
        }
        assert_eq!(RetrieveResponse::read(&[], body).is_ok(), is_answer, "{body}");
    }
}

#[test]
fn id_cannot_leave_its_segment_of_the_path() {
    for (id, path) in [
        ("a/b?c#d", "responses/a%2Fb%3Fc%23d"),
        ("..", "responses/%2E%2E"),
        ("a.b", "responses/a.b"),
        ("é\r\n", "responses/%C3%A9%0D%0A"),
    ] {
        assert_eq!(RetrieveResponse::new(id).path(), path);
    }
}

#[test]
fn answers_are_read_and_written() {
    let response = RetrieveResponse::read(&[], r#"{"id":"r","status":"completed","output":[{"type":"odd"}]}"#);
    assert_eq!(response.expect("a response").output.len(), 1);
    assert!(RetrieveResponse::read(&[], r#"{"error":{"message":"no"}}"#).is_err());
    assert!(RetrieveResponse::read(&[], "<html>").is_err());
    let mut out = Vec::new();
    Deleted::new("r").encode(&mut out);
    let text = String::from_utf8(out).expect("text");
    assert_eq!(DeleteResponse::read(&[], &text).expect("an answer"), Deleted::new("r"));
    assert!(DeleteResponse::read(&[], "").expect("an answer").deleted);
    let mut out = Vec::new();
    InputTokens::new(7).encode(&mut out);
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text, r#"{"object":"response.input_tokens","input_tokens":7}"#);
    assert_eq!(CountInputTokens::read(&[], &text).expect("an answer").input_tokens, 7);
    assert_eq!(CountInputTokens::read(&[], r#"{"input_tokens":"7"}"#).expect("an answer").input_tokens, 7);
    assert!(CountInputTokens::read(&[], "{}").is_err());
    let page = InputItems::new(vec![Item::user("a").clone()], true);
    let mut out = Vec::new();
    page.encode(&mut out);
    let read = ListInputItems::read(&[], core::str::from_utf8(&out).expect("text")).expect("a page");
    assert_eq!(read, page);
    // A page that names no last item is followed by nothing.
    assert_eq!(ListInputItems::new("r").following(&page), None);
    let page = ListInputItems::read(&[], r#"{"data":[{"type":"item_reference","id":"i_9"}],"has_more":true}"#);
    let page = page.expect("a page");
    let next = ListInputItems::new("r").following(&page).expect("another page");
    assert_eq!(next.after.as_deref(), Some("i_9"));
    assert_eq!(next.following(&page), None, "a page that repeats itself is the last one");
}

#[test]
fn count_of_tokens_sends_what_changes_the_input() {
    let request = CreateResponse::new("m", "hi").instructions("i").temperature(1).previous_response_id("r").store(true);
    let sent = body(&CountInputTokens::new(request));
    assert_eq!(
        sent,
        json!({"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],"instructions":"i","previous_response_id":"r"})
    );
}

#[test]
fn compaction_has_the_members_of_the_public_api() {
    let mut compact = Compact::new("m", vec![Item::user("hi")]);
    compact.previous_response_id = Some("r".into());
    compact.prompt_cache_options = Some(PromptCacheOptions::new().mode("explicit"));
    let sent = body(&compact);
    assert_eq!(
        (&sent["previous_response_id"], &sent["prompt_cache_options"]["mode"]),
        (&json!("r"), &json!("explicit"))
    );
    let answer = r#"{"id":"c_1","object":"response.compaction","created_at":5,"output":[],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let read = Compact::read(&[], answer).expect("an answer");
    assert_eq!((read.id.as_deref(), read.created_at, read.usage), (Some("c_1"), Some(5), Some(Usage::new(1, 2))));
    let mut out = Vec::new();
    read.encode(&mut out);
    assert_eq!(Compact::read(&[], core::str::from_utf8(&out).expect("text")).expect("an answer"), read);
    assert_eq!(Compacted::new(Vec::new()).id, None);
}

#[test]
fn public_rate_limits_are_one_family_of_their_own() {
    let fields = [
        ("x-ratelimit-limit-requests", "60"),
        ("X-RateLimit-Remaining-Requests", "59"),
        ("x-ratelimit-reset-requests", "6m0s"),
        ("x-ratelimit-remaining-tokens", "many"),
        ("x-ratelimit-reset-tokens", "12ms"),
        ("x-codex-primary-used-percent", "5.0"),
    ];
    let limits = RateLimits::from_headers(&fields);
    assert_eq!(limits.iter().map(|limits| limits.limit_id.as_str()).collect::<Vec<_>>(), ["codex", RateLimits::PUBLIC]);
    let mut requests = Quota::new(60, 59);
    requests.reset = Some(Duration::from_secs(360));
    assert_eq!(limits[1].requests, Some(requests));
    assert_eq!(
        limits[1].tokens.map(|tokens| (tokens.limit, tokens.remaining, tokens.reset)),
        Some((None, None, Some(Duration::from_millis(12))))
    );
    assert_eq!(limits[0].requests, None);
    let headers = limits[1].to_headers();
    let fields: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(RateLimits::from_headers(&fields), limits[1..]);
    assert_eq!(RateLimits::from_headers(&[("x-ratelimit-limit-requests", "")]), []);
}

/// What an application saves: the vocabulary in a type of its own.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Saved {
    history: Vec<Item>,
    request: CreateResponse,
    response: Response,
    events: Vec<ServerEvent<'static>>,
    message: ClientEvent,
    usage: Usage,
    limits: RateLimits,
    error: ErrorObject,
    parts: Vec<ContentPart>,
}

#[test]
fn vocabulary_is_saved_in_any_type_as_it_is_on_the_wire() {
    let odd = r#"{ "type":"odd", "n": 1.50 }"#;
    let mut limits = RateLimits::new("codex_other");
    limits.primary = Some(RateLimitWindow::new(12.25));
    limits.limit_name = Some("Other".into());
    limits.reached_type = Some("rate_limit_reached".into());
    limits.tokens = Some(Quota::new(5, 4));
    let payload = r#"{"type":"response.output_text.delta","delta":"a","sequence_number":3, "x": 1.0}"#;
    let saved = Saved {
        history: vec![Item::user("hi"), Item::parse(odd).expect("an item"), Item::function_call_output("c", "o")],
        request: CreateResponse::new("m", "hi").temperature(0.5),
        response: Response::parse(r#"{"id":"r","output":[],"usage":{"input_tokens":1,"x":2}}"#).expect("a response"),
        events: vec![ServerEvent::parse(payload).expect("an event").into_owned()],
        message: ClientEvent::parse(r#"{"type":"response.steer","previous_response_id":"r","input":"x"}"#)
            .expect("a message"),
        usage: Usage::new(3, 4),
        limits,
        error: ErrorObject::new("c", "m"),
        parts: vec![ContentPart::input_file("f")],
    };
    let text = serde_json::to_string(&saved).expect("json");
    assert!(text.contains(odd) && text.contains(payload), "{text}");
    assert_eq!(serde_json::from_str::<Saved>(&text).expect("what was saved"), saved);
    // By way of a value, too, in which the order of members is another one.
    let value = serde_json::to_value(&saved).expect("json");
    assert_eq!(serde_json::from_value::<Saved>(value).expect("what was saved").history[0], saved.history[0]);
}

#[test]
fn history_is_read_although_an_item_is_odd() {
    let text = r#"[{"type":"function_call"},{"role":"user","content":"hi"},{"x":1},{"type":"message","role":"user","content":"hi"}]"#;
    let items: Vec<Item> = serde_json::from_str(text).expect("items");
    assert_eq!(items.iter().map(Item::kind).collect::<Vec<_>>(), ["function_call", "message", "", "message"]);
    assert!(matches!(items[0], Item::Other { .. }));
    assert!(serde_json::from_str::<Vec<Item>>("[5]").is_err());
}

#[test]
fn lone_surrogates_are_replaced_and_nothing_else_is_changed() {
    for (text, expected) in [
        (r#"["\ud83d","\ud83d\ude00","\\ud83d"]"#, r#"["\ufffd","\ud83d\ude00","\\ud83d"]"#),
        (r#"{"a":NaN,"b":"\ude00"#, r#"{"a":NaN,"b":"\ufffd"#),
        (r"é\é\", r"é\é\"),
        (r"\u+d83", r"\u+d83"),
        ("", ""),
    ] {
        assert_eq!(replace_lone_surrogates(text), expected);
    }
    assert!(matches!(replace_lone_surrogates("plain"), std::borrow::Cow::Borrowed(_)));
    let raw = RawJson::new("1").expect("json");
    assert_eq!(serde_json::to_string(&raw).expect("json"), "1");
}
