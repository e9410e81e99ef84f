//! Limits of names and values from a server, and the work that one event may cost.

use serde_json::{Value, json};
use turnwire::responses::{Envelope, Failure, HeaderSource, RateLimits, ResponseInfo, ResponseInfoTracker};
use turnwire_tests::laws::responses as laws;

fn infos(source: HeaderSource, payload: &str) -> Vec<ResponseInfo<'static>> {
    let envelope = Envelope::scan(payload).expect("an event");
    ResponseInfoTracker::default().observe(source, &envelope).into_iter().map(ResponseInfo::into_owned).collect()
}

/// Returns an event with these headers, after `before` others.
fn metadata(before: usize, headers: &Value) -> String {
    let others = (0..before).map(|at| format!(r#""x-{at}":"1","#)).collect::<String>();
    let headers = headers.to_string();
    format!(r#"{{"type":"response.metadata","headers":{{{others}{}}}"#, &headers[1..])
}

#[test]
fn headers_of_an_event_are_read_up_to_128_pairs() {
    let headers = json!({"openai-model": "gpt-y", "x-codex-turn-state": "token"});
    for (before, read) in [(0, true), (126, true), (128, false), (100_000, false)] {
        let payload = metadata(before, &headers);
        assert_eq!(infos(HeaderSource::Response, &payload).len(), usize::from(read), "{before}");
        let token = Envelope::scan(&payload).expect("an event").turn_state().map(|token| token.into_owned());
        assert_eq!(token.as_deref(), read.then_some("token"), "{before}");
    }
    let others = (0..128).map(|at| format!(r#""x-{at}":"1","#)).collect::<String>();
    let error = format!(r#"{{"type":"error","status":401,"headers":{{{others}"x-request-id":"r1"}}}}"#);
    let id = |text: &str| Failure::from_event(&Envelope::scan(text).expect("an event")).details.request_id.clone();
    assert_eq!(id(&error), None);
    assert_eq!(id(&error.replace(r#""x-0":"1","#, "")).as_deref(), Some("r1"));
}

#[test]
fn header_value_in_an_event_is_its_first_element_at_any_depth() {
    for depth in [0, 1, 60, 120] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let payload = format!(r#"{{"type":"response.metadata","headers":{{"openai-model":{open}"gpt-y"{close}}}}}"#);
        assert_eq!(infos(HeaderSource::Response, &payload), [ResponseInfo::Model("gpt-y".into())], "{depth}");
        let payload = format!(r#"{{"type":"response.metadata","headers":{{"openai-model":{open}7{close}}}}}"#);
        assert_eq!(infos(HeaderSource::Response, &payload), [], "{depth}");
    }
}

#[test]
fn model_name_that_is_too_long_is_ignored() {
    for (length, read) in [(256, 1), (257, 0)] {
        let payload = metadata(0, &json!({"openai-model": "m".repeat(length)}));
        assert_eq!(infos(HeaderSource::Response, &payload).len(), read, "{length}");
    }
}

#[test]
fn rate_limits_are_read_up_to_64_families() {
    let names: Vec<String> = (0..200).map(|at| format!("X-F{at:03}-Primary-Used-Percent")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "5")).collect();
    let families = RateLimits::from_headers(&fields);
    assert_eq!(families.len(), 63, "the default family is the 64th, and has no data");
    assert_eq!((families[0].limit_id.as_str(), families[62].limit_id.as_str()), ("f000", "f062"));
    // The limit concerns families alone: further headers of those are read.
    let mut fields = fields;
    fields.extend([
        ("x-f000-secondary-used-percent", "7"),
        ("x-codex-primary-used-percent", "9"),
        ("x-f000-limit-name", "fast"),
    ]);
    let families = RateLimits::from_headers(&fields);
    assert_eq!(families.len(), 64);
    assert_eq!(families[0].primary.map(|window| window.used_percent), Some(9.0));
    assert_eq!(families[1].secondary.map(|window| window.used_percent), Some(7.0));
    assert_eq!(families[1].limit_name.as_deref(), Some("fast"));
}

#[test]
fn families_parsed_together_equal_families_parsed_singly() {
    let fields = [
        ("x-a-primary-used-percent", "1"),
        ("X-A-Primary-Used-Percent", "2"),
        ("x-b_c-primary-used-percent", "3"),
        ("x-b-c-secondary-used-percent", "4"),
        ("x-d-primary-used-percent", "\u{e9}"),
        ("x-d-primary-used-percent", "5"),
        ("x-e-primary-primary-used-percent", "6"),
        ("x-e-primary-primary-reset-at", "7"),
        ("x--primary-used-percent", "8"),
        ("x-codex-secondary-used-percent", "9"),
        ("x-codex-credits-has-credits", "true"),
        ("x-codex-credits-unlimited", "0"),
    ];
    let families = RateLimits::from_headers(&fields);
    let ids: Vec<&str> = families.iter().map(|family| family.limit_id.as_str()).collect();
    assert_eq!(ids, ["codex", "a", "b_c", "e_primary"]);
    for family in &families {
        assert_eq!(*family, RateLimits::family(&fields, &family.limit_id));
    }
    assert_eq!(families[1].primary.map(|window| window.used_percent), Some(1.0));
    assert_eq!(families[2].secondary.map(|window| window.used_percent), Some(4.0));
}

#[test]
fn unreadable_rate_limits_yield_nothing() {
    for members in [
        r#""rate_limits":{"primary":{"used_percent":"5"}}"#,
        r#""rate_limits":5"#,
        r#""credits":{"has_credits":1,"unlimited":false}"#,
        r#""plan_type":5"#,
    ] {
        let payload = format!(r#"{{"type":"codex.rate_limits",{members},"headers":{{"openai-model":"gpt-y"}}}}"#);
        assert_eq!(infos(HeaderSource::Handshake, &payload), [], "{members}");
    }
}

#[test]
fn safety_buffering_text_is_limited() {
    let payload = |count: usize| {
        let words = vec!["w"; count];
        json!({"type": "x", "safety_buffering": {"use_cases": words, "reasons": ["r"], "retry_model": null}})
            .to_string()
    };
    for (count, kept) in [(0, 0), (64, 64), (1000, 64)] {
        let infos = infos(HeaderSource::Response, &payload(count));
        let [ResponseInfo::SafetyBuffering(buffering)] = &infos[..] else { panic!("{infos:?}") };
        assert_eq!((buffering.use_cases.len(), buffering.reasons.len()), (kept, 1));
    }
    assert_eq!(infos(HeaderSource::Response, r#"{"type":"x","safety_buffering":{"use_cases":"w","reasons":[]}}"#), []);
    assert_eq!(infos(HeaderSource::Response, r#"{"type":"x","safety_buffering":{"use_cases":[5],"reasons":[]}}"#), []);
}

/// Joins `count` results of `each` with commas.
fn repeat(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(",")
}

#[test]
fn work_on_one_event_grows_with_its_length_only() {
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(110), "]".repeat(110));
    let cases: [(&str, &dyn Fn(usize) -> String); 13] = [
        ("families", &|n| {
            let families = repeat(n / 40, |at| format!(r#""x-f{at}-primary-used-percent":"5""#));
            format!(
                r#"{{"type":"error","status":429,"error":{{"type":"usage_limit_reached"}},"headers":{{{families}}}}}"#
            )
        }),
        ("families of an error", &|n| {
            let families = repeat(n / 40, |at| format!(r#""x-f{at}-primary-used-percent":"5""#));
            format!(r#"{{"type":"error","error":{{"code":"rate_limit_exceeded","headers":{{{families}}}}}}}"#)
        }),
        ("deep header", &|n| {
            let value = deep(&repeat(n / 4, |_| "\"m\"".into()));
            format!(
                r#"{{"type":"response.metadata","headers":{{"openai-model":{value},"x-codex-turn-state":{value}}}}}"#
            )
        }),
        ("deep headers", &|n| {
            let values = repeat(n / 250, |_| format!(r#""openai-model":{}"#, deep("5")));
            format!(r#"{{"type":"response.metadata","headers":{{{values}}}}}"#)
        }),
        ("headers of a response", &|n| {
            let values = repeat(n / 20, |at| format!(r#""headers":{{"x-{at}":1}}"#));
            format!(r#"{{"type":"response.created","response":{{{values}}}}}"#)
        }),
        ("metadata", &|n| {
            let words = repeat(n / 4, |_| "\"w\"".into());
            format!(r#"{{"type":"response.metadata","metadata":{{"openai_verification_recommendation":[{words}]}}}}"#)
        }),
        ("members", &|n| {
            format!(
                r#"{{"type":"response.output_text.delta","delta":"x",{}}}"#,
                repeat(n / 10, |at| format!(r#""a{at}":1"#))
            )
        }),
        ("members of an item", &|n| {
            let members = repeat(n / 10, |at| format!(r#""a{at}":1"#));
            format!(
                r#"{{"type":"response.output_item.done","item":{{"type":"function_call","call_id":"c","name":"f",{members}}}}}"#
            )
        }),
        ("parts of an item", &|n| {
            let parts = repeat(n / 40, |_| r#"{"type":"output_text","text":"a","x":[]}"#.into());
            format!(
                r#"{{"type":"response.output_item.done","item":{{"type":"message","role":"assistant","content":[{parts}]}}}}"#
            )
        }),
        ("output of a response", &|n| {
            let items =
                repeat(n / 60, |at| format!(r#"{{"type":"message","id":"m{at}","role":"assistant","content":[]}}"#));
            format!(r#"{{"type":"response.completed","response":{{"id":"r","output":[{items}],"usage":null}}}}"#)
        }),
        ("delays in words", &|n| {
            let words = "try again in retry after ".repeat(n / 25);
            format!(
                r#"{{"type":"response.failed","response":{{"error":{{"code":"rate_limit_exceeded","message":"{words}"}}}}}}"#
            )
        }),
        ("words of a buffering", &|n| {
            let words = repeat(n / 4, |_| "\"w\"".into());
            format!(r#"{{"type":"x","safety_buffering":{{"use_cases":[{words}],"reasons":[{words}]}}}}"#)
        }),
        ("metrics", &|n| {
            let metrics = repeat(n / 30, |_| r#""engine_service_total_ms":1.5"#.into());
            format!(r#"{{"type":"responsesapi.websocket_timing","timing_metrics":{{{metrics}}}}}"#)
        }),
    ];
    for (name, make) in cases {
        laws::linear_work(make).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}
