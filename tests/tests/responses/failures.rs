//! Errors in every shape that servers use, and the failures that result.

use core::time::Duration;

use turnwire::responses::{Envelope, EventClass, Failure, FailureKind, retry_after, try_again_in};

fn of(payload: &str) -> Failure {
    let envelope = Envelope::scan(payload).expect("an event");
    assert!(envelope.class().is_terminal(), "{payload} is not terminal");
    Failure::from_event(&envelope)
}

fn class(payload: &str) -> EventClass {
    Envelope::scan(payload).expect("an event").class()
}

#[test]
fn error_in_every_shape_gives_equal_failure() {
    let shapes = [
        r#"{"type":"error","error":{"type":"invalid_request_error","code":"invalid_prompt","message":"no","param":"input"},"sequence_number":3}"#,
        r#"{"type":"error","code":"invalid_prompt","message":"no","param":"input","sequence_number":3}"#,
        r#"{"type":"error","error":{"code":"invalid_prompt"},"message":"no"}"#,
        r#"{"type":"error","error":{"message":"no"},"code":"invalid_prompt"}"#,
        r#"{"type":"error","error":{"code":"invalid_prompt","message":"no"},"status":null,"headers":null}"#,
        r#"{"error":{"code":"invalid_prompt","message":"no"}}"#,
        r#"{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"no"}}}"#,
    ];
    for shape in shapes {
        let failure = of(shape);
        assert_eq!(failure.kind, FailureKind::InvalidRequest, "{shape}");
        assert_eq!((failure.message.as_str(), failure.retryable), ("no", false), "{shape}");
        assert_eq!(failure.code.as_deref(), Some("invalid_prompt"), "{shape}");
        assert_eq!(failure.raw.as_deref(), Some(shape));
    }
}

#[test]
fn string_error_becomes_message() {
    assert_eq!(of(r#"{"type":"error","error":"out of luck"}"#).message, "out of luck");
    assert_eq!(of(r#"{"error":"out of luck"}"#).message, "out of luck");
    let failure = of(r#"{"type":"error","error":"invalid_request_error","message":"bad tool"}"#);
    assert_eq!((failure.message.as_str(), failure.kind), ("bad tool", FailureKind::InvalidRequest));
    assert_eq!(of(r#"{"type":"response.failed","response":{"error":"out of luck"}}"#).message, "out of luck");
    assert_eq!(Failure::from_http(502, &[], r#"{"detail":"out of luck"}"#, None, None).message, "out of luck");
}

#[test]
fn status_is_number_or_string_under_either_name_or_in_code() {
    for payload in [
        r#"{"type":"error","status":429,"error":{"message":"slow"}}"#,
        r#"{"type":"error","status_code":429,"error":{"message":"slow"}}"#,
        r#"{"type":"error","status":"429","error":{"message":"slow"}}"#,
        r#"{"type":"error","status":429,"status_code":400,"error":{"message":"slow"}}"#,
        r#"{"error":{"message":"slow","code":429}}"#,
        r#"{"type":"error","code":429,"message":"slow"}"#,
    ] {
        let failure = of(payload);
        assert_eq!((failure.status, failure.kind), (Some(429), FailureKind::RateLimited), "{payload}");
        assert_eq!(failure.message, "slow", "{payload}");
    }
    assert_eq!(of(r#"{"type":"error","status":500}"#).kind, FailureKind::InternalServerError);
    assert_eq!(of(r#"{"type":"error","status":99,"message":"x"}"#).status, None);
    assert_eq!(of(r#"{"type":"error","status":"high","message":"x"}"#).status, None);
}

#[test]
fn empty_error_and_success_code_are_not_terminal() {
    for payload in [
        r#"{"type":"error"}"#,
        r#"{"type":"error","error":null}"#,
        r#"{"type":"error","status":200,"error":{"message":"fine"}}"#,
    ] {
        assert_eq!(class(payload), EventClass::Informational, "{payload}");
    }
    assert!(Envelope::scan(r#"{"error":null}"#).is_err(), "neither a type nor an error");
}

#[test]
fn connection_codes_precede_status() {
    let old = of(
        r#"{"type":"error","status":400,"error":{"code":"websocket_connection_limit_reached"},"headers":{"x-request-id":"r1"}}"#,
    );
    assert_eq!((old.kind, old.retryable, old.status), (FailureKind::ConnectionLimit, true, Some(400)));
    assert_eq!(old.details.request_id.as_deref(), Some("r1"));
    assert!(old.message.starts_with("Responses websocket connection limit reached (60 minutes)."));
    assert_eq!(
        of(r#"{"type":"error","code":"websocket_connection_limit_reached"}"#).kind,
        FailureKind::ConnectionLimit
    );
    let lanes = of(r#"{"type":"error","status":400,"error":{"code":"websocket_stream_limit_reached","message":"32"}}"#);
    assert_eq!((lanes.kind, lanes.retryable), (FailureKind::ConnectionLimit, true));
    let lost = r#"{"error":{"code":"previous_response_not_found","message":"no such response"}}"#;
    for failure in
        [of(lost), Failure::from_http(400, &[], lost, None, None), Failure::from_http(404, &[], lost, None, None)]
    {
        assert_eq!((failure.kind, failure.retryable), (FailureKind::PreviousResponseNotFound, true));
    }
}

#[test]
fn steered_response_has_successor() {
    let steered = r#"{"type":"response.incomplete","response":{"id":"r","incomplete_details":{"reason":"steered"}}}"#;
    assert_eq!(class(steered), EventClass::Informational);
    for reason in ["null", r#"{"reason":"max_output_tokens"}"#, r#"{"reason":5}"#, "{}", r#""steered""#] {
        let payload = format!(r#"{{"type":"response.incomplete","response":{{"incomplete_details":{reason}}}}}"#);
        assert_eq!(class(&payload), EventClass::Incomplete, "{reason}");
    }
}

#[test]
fn malformed_completion_is_terminal_and_malformed_creation_is_not() {
    assert_eq!(class(r#"{"type":"response.completed"}"#), EventClass::Completed);
    let created = r#"{"type":"response.created","response":null}"#;
    assert_eq!(class(created), EventClass::Informational);
    assert!(turnwire::responses::ServerEvent::parse(created).is_err());
}

#[test]
fn delay_texts_are_parsed() {
    let ms = Duration::from_millis;
    for (message, delay) in [
        ("Please try again in 11.054s.", Some(ms(11_054))),
        ("Try again in 35 seconds.", Some(ms(35_000))),
        ("try again in 28ms", Some(ms(28))),
        ("try again in 1.5ms", Some(ms(1))),
        ("try again in3s", Some(ms(3000))),
        ("TRY AGAIN IN 2S", Some(ms(2000))),
        ("try again in 5 minutes", Some(ms(300_000))),
        ("try again in 1m30s", Some(ms(90_000))),
        ("try again in 1h 2min 3sec", Some(ms(3_723_000))),
        ("do not try again in vain: try again in 4 s", Some(ms(4000))),
        ("try again in 7 sloths", None),
        ("try again in 10 Milliseconds", None),
        ("try again in", None),
        ("try again in ...", None),
        ("try again in 1e9s", None),
        ("später: try again in 2s", Some(ms(2000))),
        ("", None),
    ] {
        assert_eq!(try_again_in(message), delay, "{message}");
    }
    let huge = format!("try again in {}h", "9".repeat(40));
    assert!(try_again_in(&huge).is_some_and(|delay| delay > Duration::from_secs(1 << 40)), "too long, and not none");
}

#[test]
fn only_rate_limit_code_yields_delay() {
    let words = "try again in 2s";
    let limited = format!(
        r#"{{"type":"response.failed","response":{{"error":{{"code":"rate_limit_exceeded","message":"{words}"}}}}}}"#
    );
    assert_eq!(of(&limited).delay, Some(Duration::from_secs(2)));
    assert_eq!(of(&limited.replace("rate_limit_exceeded", "server_error")).delay, None);
    let body = format!(r#"{{"error":{{"code":"rate_limit_exceeded","message":"{words}"}}}}"#);
    assert_eq!(Failure::from_http(429, &[], &body, None, None).delay, Some(Duration::from_secs(2)));
    let failure = Failure::from_http(429, &[("Retry-After", "9")], &body, None, None);
    assert_eq!(failure.delay, Some(Duration::from_secs(9)));
    assert_eq!(Failure::from_http(502, &[], "try again in 2s", None, None).delay, None);
}

#[test]
fn retry_after_is_seconds_or_date() {
    let at = |value: &str, unix| retry_after(&[("retry-after", value)], unix);
    assert_eq!(at("120", None), Some(Duration::from_secs(120)));
    assert_eq!(at(" 0 ", None), Some(Duration::ZERO));
    let now = Some(784_111_700);
    for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
        assert_eq!(at(date, now), Some(Duration::from_secs(77)), "{date}");
        assert_eq!(at(date, Some(784_111_999)), Some(Duration::ZERO), "{date}");
        assert_eq!(at(date, None), None, "{date}");
    }
    for value in [
        "",
        "-1",
        "+5",
        "5 s",
        "1e3",
        "soon",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
    ] {
        assert_eq!(at(value, now), None, "{value}");
    }
}

/// Counts the days of every month, leap years (1972, 2000) and other years (2100) included.
#[test]
fn retry_after_dates_are_consecutive_days() {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut days = 0;
    for year in 1970..=2101_u32 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (month, length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            for day in 1..=length + u32::from(month == 1 && leap) {
                let date = format!("Any, {day:02} {} {year} 00:00:00 GMT", NAMES[month]);
                let delay = retry_after(&[("retry-after", &date)], Some(0));
                assert_eq!(delay, Some(Duration::from_secs(days * 86_400)), "{date}");
                days += 1;
            }
        }
    }
}

#[test]
fn non_ascii_headers_are_ignored() {
    let failure = Failure::from_http(500, &[("x-request-id", "r\u{e9}"), ("x-oai-request-id", "r2")], "", None, None);
    assert_eq!(failure.details.request_id.as_deref(), Some("r2"));
}

#[test]
fn usage_limit_text_contains_known_details() {
    let body = r#"{"error":{"type":"usage_limit_reached","plan_type":"plus","resets_at":5}}"#;
    let text = |fields: &[(&str, &str)]| Failure::from_http(429, fields, body, None, None).user_text();
    assert_eq!(text(&[]), "the usage limit of the plus plan is reached");
    assert_eq!(text(&[("x-codex-promo-message", " more with pro ")]), "the usage limit is reached: more with pro");
    let reached = ("x-codex-rate-limit-reached-type", "workspace_member_usage_limit_reached");
    assert!(text(&[reached, ("x-codex-promo-message", "x")]).contains("spend cap"));
    assert_eq!(text(&[reached, ("x-codex-limit-name", "fast")]), "the usage limit of fast is reached");
    assert!(text(&[reached, ("x-codex-limit-name", "codex")]).contains("spend cap"));
    let untyped =
        Failure::from_http(429, &[], r#"{"error":{"type":"usage_limit_reached","resets_at":"5"}}"#, None, None);
    assert_eq!(untyped.kind, FailureKind::RateLimited);
}

#[test]
fn display_redacts_keys_and_debug_omits_server_text() {
    let failure =
        Failure::from_http(401, &[("x-request-id", "r1")], r#"{"error":{"message":"key sk-secret"}}"#, None, None);
    assert_eq!(failure.to_string(), "unauthorized, status 401, request id r1: key sk-***");
    assert!(!format!("{failure:?}").contains("secret"));
}
