//! What errors mean, by their code, their type and their status, and what a user is told.

use core::time::Duration;

use turnwire::responses::FailureKind::{
    self, ConnectionLimit, ContextWindowExceeded, CyberPolicy, InvalidImage, InvalidRequest, Overloaded,
    PreviousResponseNotFound, QuotaExceeded, RateLimited, TooLarge, Unauthorized, UnexpectedStatus, UsageLimitReached,
    UsageNotIncluded,
};
use turnwire::responses::{Envelope, Failure, RateLimits, retry_after};

fn event(error: &str) -> Failure {
    Failure::from_event(&Envelope::scan(&format!(r#"{{"type":"error","error":{error}}}"#)).expect("an event"))
}

fn response(status: u16, body: &str) -> Failure {
    Failure::from_http(status, &[], body, None, None)
}

#[test]
fn code_decides_before_type_and_status() {
    let images = "invalid_image invalid_image_format invalid_base64_image invalid_image_url invalid_image_mode \
        image_too_large image_too_small image_parse_error image_content_policy_violation image_file_too_large \
        unsupported_image_media_type empty_image_file image_file_not_found";
    let requests = "invalid_prompt bio_policy misalignment_policy_violation data_residency_mismatch \
        invalid_access_program content_filter content_policy_violation model_not_found model_not_supported \
        unsupported_model unsupported_value unsupported_parameter not_supported invalid_request_error invalid_stream_id";
    for (codes, kind) in [
        ("context_length_exceeded", ContextWindowExceeded),
        ("insufficient_quota credit_balance_exhausted billing_hard_limit_reached", QuotaExceeded),
        ("usage_not_included", UsageNotIncluded),
        ("cyber_policy", CyberPolicy),
        (requests, InvalidRequest),
        (images, InvalidImage),
        ("payload_too_large", TooLarge),
        ("invalid_api_key token_expired account_deactivated", Unauthorized),
        ("server_is_overloaded slow_down", Overloaded),
        ("websocket_connection_limit_reached websocket_stream_limit_reached", ConnectionLimit),
        ("previous_response_not_found", PreviousResponseNotFound),
    ] {
        for code in codes.split_whitespace() {
            let error = format!(r#"{{"code":"{code}","type":"server_error","message":"no"}}"#);
            assert_eq!(event(&error).kind, kind, "{code}");
            let body = format!(r#"{{"error":{error}}}"#);
            assert_eq!(response(500, &body).kind, kind, "{code}");
        }
    }
}

#[test]
fn type_decides_where_no_code_does() {
    for (types, status, kind) in [
        ("invalid_request_error not_found_error image_generation_user_error", None, InvalidRequest),
        ("invalid_request_error not_found_error image_generation_user_error", Some(400), InvalidRequest),
        ("invalid_request_error not_found_error image_generation_user_error", Some(422), InvalidRequest),
        // The status is more specific.
        ("invalid_request_error not_found_error image_generation_user_error", Some(401), Unauthorized),
        ("invalid_request_error not_found_error image_generation_user_error", Some(404), UnexpectedStatus),
        ("content_filter content_policy_violation", Some(404), InvalidRequest),
        ("authentication_error permission_error permission_denied", None, Unauthorized),
        ("authentication_error permission_error permission_denied", Some(404), UnexpectedStatus),
        ("insufficient_quota quota_exceeded billing_error", Some(404), QuotaExceeded),
        ("usage_not_included", Some(404), UsageNotIncluded),
        ("usage_limit_reached", Some(404), UsageLimitReached),
        ("context_length_exceeded", Some(404), ContextWindowExceeded),
    ] {
        for name in types.split_whitespace() {
            let error = format!(r#"{{"type":"{name}","message":"no"}}"#);
            let failure = match status {
                None => event(&error),
                Some(status) => response(status, &format!(r#"{{"error":{error}}}"#)),
            };
            assert_eq!(failure.kind, kind, "{name} {status:?}");
        }
    }
}

#[test]
fn status_decides_where_nothing_else_does() {
    for (statuses, kind, retryable) in [
        (&[400, 422][..], InvalidRequest, false),
        (&[401], Unauthorized, false),
        (&[402], QuotaExceeded, false),
        (&[413], TooLarge, false),
        (&[429], RateLimited, false),
        (&[500], FailureKind::InternalServerError, true),
        (&[408, 409, 425, 501, 503], UnexpectedStatus, true),
        (&[403, 404, 410], UnexpectedStatus, false),
    ] {
        for status in statuses {
            let failure = response(*status, "{}");
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status}");
        }
    }
}

/// Without a code, the words must name the previous response and say that it is gone (docs/differences.md row 58).
#[test]
fn words_say_that_the_previous_response_is_gone() {
    for (message, is_gone) in [
        ("Previous response with id 'r' not found.", true),
        ("previous_response_id is invalid", true),
        ("unknown previous response", true),
        ("The previous response has expired", true),
        ("the previous response does not exist", true),
        ("The previous response is no longer stored", true),
        ("The previous response is too long", false),
        ("The model does not exist", false),
    ] {
        let failure = event(&format!(r#"{{"message":"{message}"}}"#));
        assert_eq!(failure.kind == PreviousResponseNotFound, is_gone, "{message}");
    }
}

#[test]
fn user_is_told_the_phrase_of_a_status() {
    for (status, phrase) in [
        (402, "Payment Required"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (406, "Not Acceptable"),
        (407, "Proxy Authentication Required"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (411, "Length Required"),
        (412, "Precondition Failed"),
        (414, "URI Too Long"),
        (415, "Unsupported Media Type"),
        (416, "Range Not Satisfiable"),
        (417, "Expectation Failed"),
        (418, "I'm a teapot"),
        (421, "Misdirected Request"),
        (423, "Locked"),
        (424, "Failed Dependency"),
        (425, "Too Early"),
        (426, "Upgrade Required"),
        (428, "Precondition Required"),
        (431, "Request Header Fields Too Large"),
        (451, "Unavailable For Legal Reasons"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (599, "<unknown status code>"),
    ] {
        let mut failure = response(status, "body");
        failure.kind = UnexpectedStatus;
        assert_eq!(failure.user_text(), format!("unexpected status {status} {phrase}: body"));
    }
    assert!(response(413, "body").user_text().starts_with("unexpected status 413 Payload Too Large"));
    assert!(response(401, "body").user_text().starts_with("unexpected status 401 Unauthorized"));
}

#[test]
fn user_is_told_of_a_block_only_where_cloudflare_says_so() {
    let blocked = "Access blocked by Cloudflare";
    let text = |status, body: &str| response(status, body).user_text();
    assert!(text(403, "Cloudflare: you have been blocked").starts_with(blocked));
    for (status, body) in [(404, "Cloudflare: you have been blocked"), (403, "Cloudflare"), (403, "blocked")] {
        assert!(!text(status, body).starts_with(blocked), "{status} {body}");
    }
}

#[test]
fn user_is_told_who_can_raise_a_limit() {
    let body = r#"{"error":{"type":"usage_limit_reached","message":"no"}}"#;
    for (reached, text) in [
        ("workspace_owner_credits_depleted", "the workspace has no credits left: add some"),
        ("workspace_member_credits_depleted", "the workspace has no credits left: ask its owner to add some"),
        ("workspace_owner_usage_limit_reached", "the workspace's spend cap is reached: raise it"),
        (
            "workspace_member_usage_limit_reached",
            "the spend cap that the workspace's owner set is reached: ask the owner to raise it",
        ),
    ] {
        let headers = [("x-codex-rate-limit-reached-type", reached)];
        let failure = Failure::from_http(429, &headers, body, None, None);
        assert_eq!((failure.kind, failure.user_text().as_str()), (UsageLimitReached, text));
    }
}

#[test]
fn rate_limit_of_an_event_is_no_status() {
    let failure = event(r#"{"code":"rate_limit_exceeded","message":"slow"}"#);
    assert!(!failure.user_text().contains("429"), "{}", failure.user_text());
    assert!(response(429, "{}").user_text().starts_with("exceeded retry limit, last status: 429 Too Many Requests"));
}

#[test]
fn details_are_those_of_the_headers() {
    let headers = [
        ("location", "/elsewhere"),
        ("content-type", "text/html"),
        ("x-request-id", "req"),
        ("x-codex-primary-used-percent", "40"),
    ];
    let failure = Failure::from_http(307, &headers, "{}", Some("https://user:key@h/p?q=key#f"), None);
    let details = &failure.details;
    assert_eq!(details.location.as_deref(), Some("/elsewhere"));
    assert_eq!(details.content_type.as_deref(), Some("text/html"));
    assert_eq!(details.request_id.as_deref(), Some("req"));
    assert_eq!(details.url.as_deref(), Some("https://h/p"));
    let limits = details.rate_limits.as_ref().expect("a rate limit");
    assert_eq!(limits.primary.as_ref().map(|window| window.used_percent), Some(40.0));
}

/// Keys are hidden, what stands around them is not.
#[test]
fn key_in_a_message_is_hidden_and_the_rest_of_its_word_is_not() {
    let failure = event(r#"{"code":"invalid_prompt","message":"the\nkey (sk-proj_1.a*b),\u0007 is \"sk-2\"; no"}"#);
    assert!(failure.to_string().contains(r#"the key (sk-***), is "sk-***"; no"#), "{failure}");
}

/// Names of headers are those of RFC 9110 §5.6.2; any other is none.
#[test]
fn header_of_an_event_has_the_name_of_a_header() {
    for (name, is_read) in [("retry-after", true), ("", false), ("retry after", false), ("retry-after:", false)] {
        let error = format!(r#"{{"type":"error","error":{{"code":"x"}},"headers":{{"{name}":"7"}}}}"#);
        let failure = Failure::from_event(&Envelope::scan(&error).expect("an event"));
        assert_eq!(failure.delay, is_read.then_some(Duration::from_secs(7)), "{name:?}");
    }
}

#[test]
fn times_of_dates_are_valid_up_to_their_last() {
    let now = Some(784_080_000); // 06 Nov 1994, 00:00:00
    let at = |clock: &str| retry_after(&[("retry-after", &format!("Sun, 06 Nov 1994 {clock} GMT"))], now);
    for (clock, seconds) in [("00:00:00", 0), ("23:59:59", 86_399), ("23:59:60", 86_400), ("01:02:03", 3723)] {
        assert_eq!(at(clock), Some(Duration::from_secs(seconds)), "{clock}");
    }
    for clock in ["24:00:00", "00:60:00", "00:00:61"] {
        assert_eq!(at(clock), None, "{clock}");
    }
    // Of two digits, the century is that of RFC 9110 §5.6.7.
    let year = |date: &str| retry_after(&[("retry-after", date)], Some(0)).map(|delay| delay.as_secs());
    assert_eq!(year("Thursday, 01-Jan-70 00:00:00 GMT"), Some(0));
    assert_eq!(year("Sunday, 06-Nov-69 00:00:00 GMT"), year("Wed, 06 Nov 2069 00:00:00 GMT"));
    assert_eq!(year("Saturday, 01-Jan-00 00:00:00 GMT"), Some(946_684_800));
}

#[test]
fn flags_of_credits_are_numbers_or_words() {
    let credits = |flag: &str| {
        let headers = [("x-codex-credits-has-credits", flag), ("x-codex-credits-unlimited", flag)];
        let limits = RateLimits::from_headers(&headers).into_iter().next();
        limits.and_then(|limits| limits.credits).map(|credits| (credits.has_credits, credits.unlimited))
    };
    for (flag, expected) in [
        ("1", Some(true)),
        ("true", Some(true)),
        ("TRUE", Some(true)),
        ("0", Some(false)),
        ("false", Some(false)),
        ("False", Some(false)),
        ("yes", None),
        ("", None),
    ] {
        assert_eq!(credits(flag), expected.map(|flag| (flag, flag)), "{flag}");
    }
}
