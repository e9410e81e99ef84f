//! What headers and events say beside themselves, where their words or values are unusual.

use turnwire::responses::{Envelope, Failure, HeaderSource, RateLimits, ResponseInfo, ResponseInfoTracker};

fn observed(payload: &str) -> Vec<ResponseInfo<'static>> {
    let envelope = Envelope::scan(payload).expect("an event");
    let mut tracker = ResponseInfoTracker::default();
    tracker.observe(HeaderSource::Response, &envelope).into_iter().map(ResponseInfo::into_owned).collect()
}

#[test]
fn verification_is_reported_for_the_known_word_only() {
    for (words, expected) in [
        (r#"["trusted_access_for_cyber"]"#, true),
        (r#"["other","trusted_access_for_cyber"]"#, true),
        (r#"["other"]"#, false),
        (r#"["trusted_access_for_cyber2","TRUSTED_ACCESS_FOR_CYBER",""]"#, false),
        ("[]", false),
        (r#"[["trusted_access_for_cyber"]]"#, false),
    ] {
        let metadata = format!(r#"{{"openai_verification_recommendation":{words}}}"#);
        let found = observed(&format!(r#"{{"type":"response.metadata","metadata":{metadata}}}"#));
        let reported = found.iter().any(|info| matches!(info, ResponseInfo::Verifications(_)));
        assert_eq!(reported, expected, "{words}");
    }
}

#[test]
fn reasoning_is_included_whatever_the_case_and_the_value_of_its_header() {
    for name in ["x-reasoning-included", "X-Reasoning-Included", "X-REASONING-INCLUDED"] {
        for value in ["true", "false", ""] {
            let mut tracker = ResponseInfoTracker::default();
            let headers = [(name, value)];
            let found = tracker.prelude(HeaderSource::Response, &headers);
            assert_eq!(found, [ResponseInfo::ReasoningIncluded], "{name}: {value}");
        }
    }
    assert!(ResponseInfoTracker::default().prelude(HeaderSource::Response, &[("x-reasoning", "true")]).is_empty());
}

#[test]
fn rate_limit_of_an_infinite_percent_is_none() {
    let limits = |used: &str| {
        let payload =
            format!(r#"{{"type":"codex.rate_limits","rate_limits":{{"primary":{{"used_percent":{used}}}}}}}"#);
        RateLimits::from_event(&Envelope::scan(&payload).expect("an event"))
    };
    assert_eq!(limits("12.5").and_then(|limits| limits.primary).map(|window| window.used_percent), Some(12.5));
    for used in ["1e400", "-1e400", "1e999999999"] {
        assert_eq!(limits(used), None, "{used}");
    }
    for used in ["inf", "-inf", "NaN", "infinity"] {
        let found = RateLimits::from_headers(&[("x-codex-primary-used-percent", used)]);
        assert!(found.is_empty(), "{used}: {found:?}");
    }
}

#[test]
fn type_of_an_event_is_not_the_type_of_its_error() {
    for (payload, expected) in [
        (r#"{"type":"error","code":"server_error","message":"no"}"#, None),
        (r#"{"type":"error","message":"no"}"#, None),
        (r#"{"type":"error","error":{"type":"server_error","message":"no"}}"#, Some("server_error")),
    ] {
        let failure = Failure::from_event(&Envelope::scan(payload).expect("an event"));
        assert_eq!(failure.details.error_type.as_deref(), expected, "{payload}");
    }
}
