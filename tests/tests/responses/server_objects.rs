//! The response object of a server: what it repeats of its request, with the values of the public API for the rest.

use serde_json::{Value, json};
use turnwire::responses::request::{ReasoningOptions, TextFormat, TextOptions};
use turnwire::responses::{
    Collector, CreateResponse, Envelope, ErrorObject, RawJson, Response, ResponseStore, ResponseWriter, ServerEvent,
    StoreLimits,
};

fn value(event: &ServerEvent<'_>) -> Value {
    serde_json::from_str(&event.to_json()).expect("JSON")
}

/// The response object of the first event that is written for this request.
fn object(request: &str) -> Value {
    let events = ResponseWriter::new("resp_1", "gpt-x", 7).for_request(request).begin();
    value(&events[0])["response"].clone()
}

/// What the response to a request without members has.
fn defaults() -> Value {
    json!({
        "previous_response_id": null, "instructions": null, "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": true, "text": {"format": {"type": "text"}},
        "reasoning": {"effort": null, "summary": null}, "truncation": "disabled", "temperature": 1.0, "top_p": 1.0,
        "top_logprobs": 0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "max_output_tokens": null,
        "max_tool_calls": null, "store": true, "background": false, "service_tier": "default", "metadata": {},
        "user": null, "safety_identifier": null, "prompt_cache_key": null,
    })
}

/// Checks the members of the object that repeat the request: the defaults, with these in place of some.
fn repeats(request: &Value, expected: &Value) {
    let object = object(&request.to_string());
    let mut all = defaults();
    for (name, value) in expected.as_object().expect("an object") {
        all[name] = value.clone();
    }
    for (name, expected) in all.as_object().expect("an object") {
        assert_eq!(&object[name], expected, "{name} of {request}");
    }
    for name in ["conversation", "prompt", "prompt_cache_retention"] {
        assert_eq!(object.get(name).is_some(), all.get(name).is_some(), "{name} of {request}");
    }
}

#[test]
fn response_object_repeats_the_request_and_has_defaults_for_the_rest() {
    repeats(&json!({}), &json!({}));
    let given = json!({
        "previous_response_id": "resp_0", "instructions": "be brief", "tool_choice": "none",
        "parallel_tool_calls": false, "truncation": "auto", "temperature": 0.5, "top_p": 0.25, "top_logprobs": 3,
        "presence_penalty": 0.5, "frequency_penalty": -0.5, "max_output_tokens": 9, "max_tool_calls": 2,
        "store": false, "background": true, "service_tier": "flex", "metadata": {"a": "b"}, "user": "u",
        "safety_identifier": "s", "prompt_cache_key": "k", "conversation": {"id": "conv_1"},
        "prompt": {"id": "pmpt_1"}, "prompt_cache_retention": "24h",
    });
    repeats(&given, &given);
    // What is no member of a response is not one for having been asked for.
    let object = object(r#"{"input":"hi","stream":true,"model":"other"}"#);
    assert!(object.get("input").is_none() && object.get("stream").is_none());
    assert_eq!(object["model"], "gpt-x");
}

#[test]
fn members_that_a_request_may_omit_are_completed() {
    for (request, expected) in [
        (json!({"text": {"verbosity": "low"}}), json!({"text": {"verbosity": "low", "format": {"type": "text"}}})),
        (json!({"text": {}}), json!({"text": {"format": {"type": "text"}}})),
        (json!({"text": {"format": {"type": "json_object"}}}), json!({"text": {"format": {"type": "json_object"}}})),
        (json!({"reasoning": {"effort": "high"}}), json!({"reasoning": {"effort": "high", "summary": null}})),
        (json!({"reasoning": {"summary": "auto"}}), json!({"reasoning": {"effort": null, "summary": "auto"}})),
        (json!({"reasoning": "odd"}), json!({"reasoning": "odd"})),
        (json!({"service_tier": "auto"}), json!({"service_tier": "default"})),
        (json!({"service_tier": "priority"}), json!({"service_tier": "priority"})),
        (json!({"tools": "odd"}), json!({"tools": "odd"})),
    ] {
        repeats(&request, &expected);
    }
    let tools = json!([
        {"type": "function", "name": "f"},
        {"type": "web_search"},
        {"type": "function", "name": "g", "strict": true, "description": "d", "parameters": {"type": "object"}},
    ]);
    let complete = json!([
        {"type": "function", "name": "f", "description": null, "parameters": null, "strict": null},
        {"type": "web_search"},
        {"type": "function", "name": "g", "strict": true, "description": "d", "parameters": {"type": "object"}},
    ]);
    repeats(&json!({"tools": tools}), &json!({"tools": complete}));
}

#[test]
fn member_that_is_null_repeated_or_too_long_is_repeated_as_it_can_be() {
    repeats(&json!({"instructions": null, "tools": null, "store": null}), &json!({}));
    assert_eq!(object(r#"{"user":"a","user":"b"}"#)["user"], "b");
    assert_eq!(object(r#"{"user":"a","user":null}"#)["user"], "a");
    for (length, is_repeated) in [(64 * 1024 - 2, true), (64 * 1024 - 1, false)] {
        let text = "x".repeat(length);
        let found = object(&json!({"instructions": text}).to_string());
        assert_eq!(found["instructions"], if is_repeated { json!(text) } else { Value::Null }, "{length}");
    }
}

#[test]
fn continuation_names_its_predecessor_once_and_keeps_the_rest() {
    let request = r#"{"previous_response_id":"resp_0","user":"u"}"#;
    let mut writer = ResponseWriter::new("resp_2", "m", 7).for_request(request).continuing("resp_1");
    let created = writer.begin()[0].to_json();
    assert_eq!(created.matches("previous_response_id").count(), 1);
    let object = &serde_json::from_str::<Value>(&created).expect("JSON")["response"];
    assert_eq!((&object["previous_response_id"], &object["user"]), (&json!("resp_1"), &json!("u")));
}

#[test]
fn queued_response_is_created_queued_and_in_progress() {
    let mut writer = ResponseWriter::new("resp_1", "m", 7).on_lane("a");
    assert_eq!(writer.lane(), Some("a"));
    assert_eq!(ResponseWriter::new("resp_1", "m", 7).lane(), None);
    let events: Vec<_> = writer.begin_queued().iter().map(value).collect();
    let seen: Vec<_> =
        events.iter().map(|event| (event["type"].clone(), event["response"]["status"].clone())).collect();
    assert_eq!(
        seen,
        [
            (json!("response.created"), json!("queued")),
            (json!("response.queued"), json!("queued")),
            (json!("response.in_progress"), json!("in_progress")),
        ]
    );
    let last = writer.complete(None, None).last().map(value).expect("an end");
    assert_eq!((&last["response"]["completed_at"], &last["sequence_number"]), (&json!(7), &json!(3)));
}

/// Text by `send_text` is text by `text`, without events in between.
#[test]
fn text_that_is_sent_at_once_is_the_same_text() {
    let pieces = [("m1", "Hel"), ("m1", "lo \"you\"\n"), ("m2", "next"), ("m2", "")];
    let (mut one, mut other) = (ResponseWriter::new("r", "m", 7), ResponseWriter::new("r", "m", 7));
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for (item, text) in pieces {
        let result: Result<(), ()> = one.send_text(item, text, |event| {
            sent.push(serde_json::from_str::<Value>(event).expect("JSON"));
            Ok(())
        });
        assert_eq!(result, Ok(()));
        expected.extend(other.text(item, text).iter().map(value));
    }
    assert_eq!(sent, expected);
    assert!(sent.len() > pieces.len());
    assert_eq!(one.send_text("m2", "x", |_| Err("lost")), Err("lost"));
    assert_eq!(one.send_text("m3", "x", |_| Err("lost")), Err("lost"));
}

#[test]
fn response_to_a_request_repeats_it_and_has_defaults_for_the_rest() {
    let whole = |request: &CreateResponse| -> Value {
        let mut out = Vec::new();
        Response::to_request("resp_1", 7, request).encode_whole(&mut out);
        serde_json::from_slice(&out).expect("JSON")
    };
    let plain = whole(&CreateResponse::new("m", "hi"));
    let mut expected = defaults();
    expected["store"] = json!(CreateResponse::new("m", "hi").store);
    expected["parallel_tool_calls"] = json!(CreateResponse::new("m", "hi").parallel_tool_calls);
    for (name, expected) in expected.as_object().expect("an object").iter().filter(|(name, _)| *name != "reasoning") {
        assert_eq!(&plain[name], expected, "{name}");
    }
    assert_eq!(
        (&plain["id"], &plain["created_at"], &plain["status"], &plain["model"]),
        (&json!("resp_1"), &json!(7), &json!("in_progress"), &json!("m"))
    );
    let given = json!({
        "model": "m", "input": "hi", "previous_response_id": "resp_0", "instructions": "be brief",
        "tools": [{"type": "web_search"}], "tool_choice": "none", "parallel_tool_calls": false, "truncation": "auto",
        "temperature": 0.5, "top_p": 0.25, "top_logprobs": 3, "presence_penalty": 0.5, "frequency_penalty": -0.5,
        "max_output_tokens": 9, "max_tool_calls": 2, "store": true, "background": true, "service_tier": "flex",
        "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
        "prompt_cache_retention": "24h", "prompt": {"id": "pmpt_1"}, "text": {"verbosity": "low"},
        "reasoning": {"effort": "high"}, "conversation": "conv_1",
    });
    let request = CreateResponse::parse(&given.to_string()).expect("a request");
    let found = whole(&request);
    for (name, value) in given.as_object().expect("an object") {
        match name.as_str() {
            "input" => assert!(found.get(name).is_none()),
            "conversation" => assert_eq!(found[name], json!({"id": "conv_1"})),
            "text" | "reasoning" => {
                for (name, value) in value.as_object().expect("an object") {
                    assert_eq!(&found[if name == "verbosity" { "text" } else { "reasoning" }][name], value);
                }
            }
            _ => assert_eq!(&found[name], value, "{name}"),
        }
    }
}

#[test]
fn response_of_an_event_has_the_status_of_its_end() {
    for (kind, status) in [
        ("response.created", None),
        ("response.completed", Some("completed")),
        ("response.incomplete", Some("incomplete")),
        ("response.failed", Some("failed")),
        ("response.cancelled", Some("cancelled")),
    ] {
        for (own, expected) in [("", status), (r#","status":"own""#, Some("own"))] {
            let text = format!(r#"{{"type":"{kind}","response":{{"id":"r"{own}}}}}"#);
            let response = Response::from_event(&Envelope::scan(&text).expect("an event")).expect("a response");
            assert_eq!((response.id.as_deref(), response.status.as_deref()), (Some("r"), expected), "{text}");
        }
    }
    let delta = r#"{"type":"response.output_text.delta","delta":"x"}"#;
    assert_eq!(Response::from_event(&Envelope::scan(delta).expect("an event")), None);
}

#[test]
fn time_of_creation_may_have_a_fraction() {
    let created_at = |text: &str| {
        let response = Response::parse(&format!(r#"{{"id":"r","created_at":{text}}}"#)).expect("a response");
        response.created_at
    };
    for (text, expected) in [
        ("1741476542", Some(1_741_476_542)),
        ("1741476542.9", Some(1_741_476_542)),
        ("1.5e3", Some(1500)),
        ("-1.5", Some(-1)),
        ("1e300", None),
        ("\"soon\"", None),
    ] {
        assert_eq!(created_at(text), expected, "{text}");
    }
    let again = Response::parse(r#"{"id":"r","created_at":7.5}"#).expect("a response").to_raw();
    assert!(again.as_str().contains(r#""created_at":7"#), "{}", again.as_str());
}

#[test]
fn store_is_empty_without_a_response() {
    let mut store = ResponseStore::new(StoreLimits::default());
    assert_eq!((store.is_empty(), store.len()), (true, 0));
    store.begin("r");
    assert_eq!((store.is_empty(), store.len()), (false, 1));
    assert!(store.remove("r") && store.is_empty());
}

#[test]
fn failed_response_has_the_members_of_its_error() {
    let error = json!({"type": "t", "code": "c", "message": "m", "param": "p", "plan_type": "plus", "resets_at": 9});
    let parsed = ErrorObject::parse(&error.to_string()).expect("an error");
    assert_eq!((parsed.kind.as_deref(), parsed.param.as_deref()), (Some("t"), Some("p")));
    assert_eq!((parsed.plan_type.as_deref(), parsed.resets_at), (Some("plus"), Some(9)));
    assert!(parsed.extra.is_empty());
    let events = ResponseWriter::new("r", "m", 7).fail(&parsed);
    let found = &value(events.last().expect("an end"))["response"]["error"];
    for (name, value) in error.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name}");
    }
    let odd = ErrorObject::parse(r#"{"code":{"a":1},"message":"m"}"#).expect("an error");
    assert_eq!(odd.code, None);
    assert_eq!(odd.extra, [("code".to_owned(), RawJson::new(r#"{"a":1}"#).expect("JSON"))]);
}

/// An error event without an error object says the same beside its type.
#[test]
fn collected_response_has_the_members_of_a_flat_error() {
    let event = r#"{"type":"error","code":"c","message":"m","param":"p"}"#;
    let mut collector = Collector::new();
    collector.add(&ServerEvent::parse(event).expect("an event"));
    let response = collector.finish();
    let error = response.error.expect("an error");
    assert_eq!(
        (error.code.as_deref(), error.message.as_deref(), error.param.as_deref()),
        (Some("c"), Some("m"), Some("p"))
    );
    assert_eq!(response.status.as_deref(), Some("failed"));
}

#[test]
fn options_of_a_request_are_those_that_were_set() {
    let reasoning = ReasoningOptions::effort("high").with_context("all").with_mode("pro");
    assert_eq!((reasoning.context.as_deref(), reasoning.mode.as_deref()), (Some("all"), Some("pro")));
    assert_eq!(reasoning.effort.as_deref(), Some("high"));
    let request =
        CreateResponse::parse(r#"{"model":"m","input":"x","reasoning":{"effort":"low"}}"#).expect("a request");
    assert_eq!(request.reasoning.and_then(|reasoning| reasoning.effort).as_deref(), Some("low"));
    assert_eq!(TextOptions::json_object().format, Some(TextFormat::JsonObject));
}
