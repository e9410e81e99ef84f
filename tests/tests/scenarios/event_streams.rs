//! Scenarios C, D and E that payloads and headers alone can show (tests/scenarios.md).

use turnwire::responses::{
    CompletedResponse, Envelope, EventClass, EventData, Failure, FailureKind, HeaderSource, Item, Malformed,
    RateLimits, ResponseInfo, ResponseInfoTracker, ServerEvent,
};
use turnwire::sse;

/// Returns the payloads of an event stream that arrives in these reads.
fn payloads(chunks: &[&[u8]]) -> Vec<String> {
    let mut decoder = sse::Decoder::new(sse::Limits::default());
    let mut payloads = Vec::new();
    for chunk in chunks {
        let mut input = sse::Input::new(chunk);
        while let Some(event) = decoder.decode(&mut input).expect("an event stream") {
            payloads.push(event.data.to_string());
        }
    }
    payloads
}

fn class(payload: &str) -> EventClass {
    Envelope::scan(payload).expect("an event").class()
}

fn parse(payload: &str) -> Result<ServerEvent<'_>, Malformed> {
    ServerEvent::parse(payload)
}

fn observed(origin: HeaderSource, payload: &str) -> Vec<ResponseInfo<'static>> {
    let envelope = Envelope::scan(payload).expect("an event");
    ResponseInfoTracker::default().observe(origin, &envelope).into_iter().map(ResponseInfo::into_owned).collect()
}

fn failure(payload: &str) -> Failure {
    Failure::from_event(&Envelope::scan(payload).expect("an event"))
}

fn failed(error: &str) -> Failure {
    failure(&format!(r#"{{"type":"response.failed","response":{{"id":"r","error":{error}}}}}"#))
}

fn coded(code: &str, message: &str) -> Failure {
    failed(&format!(r#"{{"code":"{code}","message":"{message}"}}"#))
}

#[test]
fn c03_created_needs_response() {
    let created = r#"{"type":"response.created","response":{}}"#;
    assert!(parse(created).is_ok() && class(created) == EventClass::Created);
    for payload in [r#"{"type":"response.created"}"#, r#"{"type":"response.created","response":null}"#] {
        assert!(matches!(parse(payload), Err(Malformed::Missing { member: "response", .. })));
        assert_eq!(class(payload), EventClass::Informational);
    }
}

#[test]
fn c04_unknown_type() {
    let payload = r#"{"type":"response.new_tool_event","x": [1]}"#;
    let event = parse(payload).expect("an event");
    assert!(matches!(&event.data, EventData::Other { kind } if kind == "response.new_tool_event"));
    assert_eq!((event.to_json().as_str(), class(payload)), (payload, EventClass::Informational));
}

#[test]
fn c06_usage_null_details() {
    let usage = |details: &str| {
        let response = format!(
            r#"{{"id":"r","usage":{{"input_tokens":3,"input_tokens_details":{details},"output_tokens":4,"output_tokens_details":null,"total_tokens":7}}}}"#
        );
        CompletedResponse::parse(&response).usage.expect("usage")
    };
    let read = usage("null");
    assert_eq!((read.input_tokens, read.cached_tokens, read.reasoning_tokens, read.total_tokens), (3, 0, 0, 7));
    let cached = usage(r#"{"cached_tokens":2}"#);
    assert_eq!((cached.cached_tokens, cached.cache_write_tokens), (2, 0));
    // Differs: a count that cannot be parsed only loses itself (docs/differences.md row 37).
    assert_eq!((usage("{}").cached_tokens, usage(r#"{"cached_tokens":2.0}"#).cached_tokens), (0, 2));
}

#[test]
fn c07_tool_input_delta() {
    let payload =
        r#"{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","call_id":"call_1","delta":"*** Begin"}"#;
    let event = parse(payload).expect("an event");
    let EventData::CustomToolCallInputDelta { item_id, call_id, delta, .. } = &event.data else { panic!("{event:?}") };
    assert_eq!((item_id.as_deref(), call_id.as_deref(), &**delta), (Some("ctc_1"), Some("call_1"), "*** Begin"));
    // Differs: the public set of events is typed too (docs/differences.md row 7).
    let other = r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#;
    assert!(matches!(parse(other).expect("an event").data, EventData::FunctionCallArgumentsDelta { .. }));
}

#[test]
fn c09_reasoning_summary_done() {
    let payload = r#"{"type":"response.reasoning_summary_text.done","item_id":"reasoning-1","summary_index":0,"text":"Checking"}"#;
    let event = parse(payload).expect("an event");
    let EventData::ReasoningSummaryTextDone { item_id, summary_index, text, .. } = &event.data else {
        panic!("{event:?}")
    };
    assert_eq!((item_id.as_deref(), *summary_index, &**text), (Some("reasoning-1"), Some(0), "Checking"));
}

/// Differs: the text is delivered with or without the index, which some servers do not send (docs/differences.md row
/// 7). Only the text is required.
#[test]
fn c10_reasoning_delta_needs_index() {
    for (index, expected) in [("", None), (r#","content_index":0.0"#, Some(0)), (r#","content_index":2"#, Some(2))] {
        let payload = format!(r#"{{"type":"response.reasoning_text.delta","delta":"raw"{index}}}"#);
        let event = parse(&payload).expect("an event");
        let EventData::ReasoningTextDelta { content_index, delta, .. } = &event.data else { panic!("{event:?}") };
        assert_eq!((*content_index, &**delta), (expected, "raw"));
    }
    let silent = r#"{"type":"response.reasoning_text.delta","content_index":0}"#;
    assert!(matches!(parse(silent), Err(Malformed::Missing { member: "delta", .. })));
}

#[test]
fn c11_tool_search_call() {
    let payload = r#"{"type":"response.output_item.done","item":{"type":"tool_search_call","call_id":"search-1","execution":"client","arguments":{"query":"q","limit":3}}}"#;
    let envelope = Envelope::scan(payload).expect("an event");
    let item = Item::parse(envelope.item().expect("an item")).expect("an item");
    let Item::ToolSearchCall(call) = item else { panic!("{item:?}") };
    assert_eq!((call.call_id.as_deref(), call.execution.as_str()), (Some("search-1"), "client"));
    assert_eq!(call.arguments.as_str(), r#"{"query":"q","limit":3}"#);
}

#[test]
fn c12_event_name_mismatch() {
    let stream =
        b"event: response.failed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"end_turn\":false}}\n\n";
    let payload = &payloads(&[stream])[0];
    assert_eq!(class(payload), EventClass::Completed);
    let completed =
        CompletedResponse::parse(Envelope::scan(payload).expect("an event").response().expect("a response"));
    assert_eq!(completed.end_turn, Some(false));
}

/// Differs: unknown parts and values are kept with their item, and so is a value of another type if nothing is lost
/// (docs/differences.md rows 7, 8 and 46).
#[test]
fn c14_malformed_items_dropped() {
    let item = |item: &str| {
        let payload = format!(r#"{{"type":"response.output_item.done","item":{item}}}"#);
        assert!(ServerEvent::parse(&payload).is_ok(), "the event itself is well formed");
        Item::parse(Envelope::scan(&payload).expect("an event").item().expect("an item"))
    };
    let refusal = r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"no"}]}"#;
    assert_eq!(item(refusal).expect("an item").to_json(), refusal);
    let phase = r#"{"type":"message","role":"assistant","content":[],"phase":"weird"}"#;
    assert_eq!(item(phase).expect("an item").to_json(), phase);
    assert!(matches!(item(r#"{"type":"ghost"}"#), Ok(Item::Other { .. })));
    for tolerated in [
        r#"{"type":"message","role":"assistant","content":"bare"}"#,
        r#"{"type":"function_call","name":"f","arguments":{},"call_id":"c"}"#,
        r#"{"type":"function_call_output","call_id":"c","output":{}}"#,
    ] {
        assert!(item(tolerated).is_ok(), "{tolerated}");
    }
    for bad in [
        r#"{"type":"message","role":"assistant","content":5}"#,
        r#"{"type":"message","content":[]}"#,
        r#"{"type":"function_call","arguments":{},"call_id":"c"}"#,
        r#"{"type":"function_call_output","call_id":"c","output":null}"#,
        r#"{"role":"user"}"#,
    ] {
        assert!(item(bad).is_err(), "{bad}");
    }
}

#[test]
fn c18_response_model_ignored() {
    assert!(observed(HeaderSource::Response, r#"{"type":"response.created","response":{"model":"gpt-y"}}"#).is_empty());
}

#[test]
fn c19_response_headers_beat_top_level() {
    let payload =
        r#"{"type":"response.created","headers":{"openai-model":"A"},"response":{"headers":{"OpenAI-Model":[["B"]]}}}"#;
    assert_eq!(observed(HeaderSource::Response, payload), [ResponseInfo::Model("B".into())]);
    let other = r#"{"type":"strange","headers":{"openai-model":5,"x-openai-model":"A"},"response":{"headers":{}}}"#;
    assert_eq!(observed(HeaderSource::Response, other), [ResponseInfo::Model("A".into())]);
}

#[test]
fn c21_moderation() {
    let moderation = |value: &str| {
        let payload =
            format!(r#"{{"type":"response.metadata","metadata":{{"openai_chatgpt_moderation_metadata":{value}}}}}"#);
        match &observed(HeaderSource::Response, &payload)[..] {
            [ResponseInfo::Moderation(raw)] => raw.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(moderation(r#"{"presentation":"inline"}"#), r#"{"presentation":"inline"}"#);
    assert_eq!(moderation("null"), "null");
    let other = r#"{"type":"codex.response.metadata","headers":{"openai-model":"m","x-codex-turn-state":"t"},"metadata":{"openai_chatgpt_moderation_metadata":null}}"#;
    assert_eq!(observed(HeaderSource::Handshake, other), [ResponseInfo::Model("m".into())]);
    assert_eq!(Envelope::scan(other).expect("an event").turn_state(), None);
}

#[test]
fn c26_framing() {
    let text = "{\"type\":\"a\",\n\"x\":\"€\"}";
    assert_eq!(payloads(&[b"data: {\"type\":\"a\",\r", b"\ndata: \"x\":\"\xe2\x82", b"\xac\"}\r\n\r\n"]), [text]);
    assert_eq!(payloads(&[b": comment\ndata:{\"type\":\"a\"}\n: more\n\n"]), [r#"{"type":"a"}"#]);
    assert_eq!(payloads(&[b"data: 1\r\rdata:  2\r\n\r\n"]), ["1", " 2"]);
}

#[test]
fn c27_dataless_event() {
    assert!(payloads(&[b"event: foo\n\n"]).is_empty());
}

#[test]
fn d04_fatal_codes() {
    for (code, class) in [
        ("context_length_exceeded", FailureKind::ContextWindowExceeded),
        ("insufficient_quota", FailureKind::QuotaExceeded),
        ("usage_not_included", FailureKind::UsageNotIncluded),
        ("slow_down", FailureKind::Overloaded),
        ("server_is_overloaded", FailureKind::Overloaded),
    ] {
        let failure = coded(code, "too\\nlong");
        assert_eq!((failure.kind, failure.retryable), (class, false), "{code}");
    }
}

#[test]
fn d06_content_policy() {
    for code in ["invalid_prompt", "bio_policy"] {
        let failure = coded(code, "no");
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::InvalidRequest, "no"));
    }
    assert_eq!(failed(r#"{"code":"invalid_prompt"}"#).message, "Invalid request.");
    let flagged = "This request has been flagged for possible cybersecurity risk.";
    assert_eq!(coded("cyber_policy", "  ").message, flagged);
    assert_eq!(coded("cyber_policy", "why").message, "why");
}

#[test]
fn d07_generic_failed() {
    let generic = "response.failed event received";
    for payload in [
        r#"{"type":"response.failed"}"#,
        r#"{"type":"response.failed","response":{"error":null}}"#,
        r#"{"type":"response.failed","response":{"error":{"code":5}}}"#,
        r#"{"type":"response.failed","response":{"error":[]}}"#,
    ] {
        let failure = failure(payload);
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Stream, generic), "{payload}");
    }
    let failure = failed("{}");
    assert_eq!((failure.kind, failure.message.as_str(), failure.delay), (FailureKind::Retryable, "", None));
}

#[test]
fn d08_incomplete() {
    let incomplete =
        |details: &str| failure(&format!(r#"{{"type":"response.incomplete","response":{{"id":"r"{details}}}}}"#));
    let failure = incomplete(r#","incomplete_details":{"reason":"content_filter"}"#);
    assert_eq!(failure.message, "Incomplete response returned, reason: content_filter");
    assert_eq!(
        failure.user_text(),
        "stream disconnected before completion: Incomplete response returned, reason: content_filter"
    );
    // Differs: the same request would end the same way (docs/differences.md row 36).
    assert!(!failure.retryable);
    assert_eq!(incomplete("").message, "Incomplete response returned, reason: unknown");
}

#[test]
fn e02_prelude_repeats_per_request() {
    let fields = [
        ("openai-model", "hm"),
        ("x-models-etag", "et"),
        ("x-reasoning-included", ""),
        ("x-codex-primary-used-percent", "5"),
        ("x-codex-turn-state", "hs"),
    ];
    for _ in 0..2 {
        assert_eq!(
            ResponseInfoTracker::default().prelude(HeaderSource::Handshake, &fields),
            [ResponseInfo::Model("hm".into()), ResponseInfo::ModelsEtag("et".into()), ResponseInfo::ReasoningIncluded]
        );
    }
}

#[test]
fn e03_rate_limit_event() {
    let payload = r#"{"type":"codex.rate_limits","plan_type":"plus","new":1,"rate_limits":{"allowed":true,"primary":{"used_percent":42,"window_minutes":60,"reset_at":1700000000,"x":1},"secondary":null},"credits":{"has_credits":true,"unlimited":false,"balance":"123"},"headers":{"openai-model":"m"}}"#;
    let derived = observed(HeaderSource::Handshake, payload);
    let [ResponseInfo::RateLimits(limits)] = &derived[..] else { panic!("{derived:?}") };
    let primary = limits.primary.expect("a window");
    assert_eq!(
        (primary.used_percent, primary.window_minutes, primary.resets_at),
        (42.0, Some(60), Some(1_700_000_000))
    );
    assert_eq!((limits.limit_id.as_str(), limits.plan_type.as_deref()), ("codex", Some("plus")));
    assert_eq!(limits.credits.as_ref().and_then(|credits| credits.balance.as_deref()), Some("123"));
    assert!(
        !observed(HeaderSource::Response, payload).iter().any(|derived| matches!(derived, ResponseInfo::RateLimits(_)))
    );
    let event = limits.to_event();
    assert_eq!(RateLimits::from_event(&Envelope::scan(&event).expect("an event")).as_ref(), Some(limits));
    for bad in ["42", r#""42""#] {
        let bad = format!(r#"{{"type":"codex.rate_limits","rate_limits":{bad}}}"#);
        assert_eq!(RateLimits::from_event(&Envelope::scan(&bad).expect("an event")), None);
    }
}

/// Differs: the status is read under both names, and the error ends the request instead of being ignored until the
/// timeout (docs/differences.md row 34).
#[test]
fn e16_status_code_alias() {
    let frame = |status: &str| {
        failure(&format!(
            r#"{{"type":"error",{status},"error":{{"message":"m"}},"headers":{{"a":true,"b":[1],"x-request-id":"r","c":1.5,"cf ray":"x","cf-ray":null}}}}"#
        ))
    };
    let alias = frame(r#""status_code":401"#);
    assert_eq!((alias.status, alias.kind), (Some(401), FailureKind::Unauthorized));
    assert_eq!((alias.details.request_id.as_deref(), &alias.details.cf_ray), (Some("r"), &None));
    let both = frame(r#""status_code":401,"status":429"#);
    assert_eq!((both.status, both.kind), (Some(429), FailureKind::RateLimited));
}
