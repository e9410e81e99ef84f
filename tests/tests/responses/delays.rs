//! What a failed response requests: a delay, and whether to retry.

use core::time::Duration;

use turnwire::responses::{Envelope, Failure, retry_after, try_again_in};

const fn ms(milliseconds: u64) -> Option<Duration> {
    Some(Duration::from_millis(milliseconds))
}

#[test]
fn delay_headers_are_milliseconds_before_seconds_with_fractions() {
    for (fields, expected) in [
        (&[("Retry-After-Ms", "700"), ("Retry-After", "9")][..], ms(700)),
        (&[("retry-after-ms", "2500.5")], Some(Duration::from_micros(2_500_500))),
        (&[("retry-after-ms", "-1"), ("retry-after", "2")], ms(2000)),
        (&[("retry-after-ms", "+1"), ("retry-after", "2")], ms(2000)),
        (&[("retry-after-ms", "soon")], None),
        (&[("retry-after", "0.25")], ms(250)),
        (&[("retry-after", "1.")], ms(1000)),
        (&[("retry-after", ".")], None),
        (&[("retry-after", "1.5.2")], None),
        (&[("retry-after", "+5")], None),
        (&[("retry-after", "Sun, +6 Nov 1994 08:49:37 GMT")], None),
    ] {
        assert_eq!(retry_after(fields, Some(784_111_700)), expected, "{fields:?}");
    }
}

#[test]
fn delay_that_overflows_is_too_long() {
    let longest = Duration::from_secs(1 << 40);
    for digits in [15, 19, 20, 21, 40, 400] {
        let number = "9".repeat(digits);
        for fields in [[("retry-after", number.as_str())], [("retry-after", &format!("{number}.{number}"))]] {
            assert!(retry_after(&fields, None) > Some(longest), "{fields:?}");
        }
        for words in [format!("try again in {number}s"), format!("retry after {number} h {number} minutes")] {
            assert!(try_again_in(&words) > Some(longest), "{words}");
        }
    }
    assert!(retry_after(&[("retry-after-ms", &"9".repeat(40))], None) > Some(longest));
}

#[test]
fn delay_text_has_several_phrases() {
    for (message, expected) in [
        ("Requests have exceeded the rate limit. Please retry after 2 seconds.", ms(2000)),
        ("Retry after 700ms", ms(700)),
        ("please RETRY AFTER 1.5 s and not before", ms(1500)),
        ("try again after 1 minute", ms(60_000)),
        ("retry in 1m30s", ms(90_000)),
        ("to retry after a while is fine: try again in 3s", ms(3000)),
        ("retry after 5", None),
        ("retry after 5 sloths", None),
        ("rretry after 5s", ms(5000)),
        ("tttttry again in 1s", ms(1000)),
        ("retry after", None),
    ] {
        assert_eq!(try_again_in(message), expected, "{message}");
    }
}

#[test]
fn delay_of_limited_response_is_read_for_any_code() {
    let azure = r#"{"error":{"code":"429","message":"Please retry after 2 seconds."}}"#;
    assert_eq!(Failure::from_http(429, &[], azure, None, None).delay, ms(2000));
    assert_eq!(Failure::from_http(503, &[], "busy, try again in 3s", None, None).delay, ms(3000));
    assert_eq!(Failure::from_http(429, &[("retry-after-ms", "5")], azure, None, None).delay, ms(5));
    assert_eq!(Failure::from_http(400, &[], azure, None, None).delay, None);
    for status in [408, 409, 500, 502, 503] {
        assert_eq!(Failure::from_http(status, &[("retry-after", "1.5")], "", None, None).delay, ms(1500), "{status}");
    }
}

#[test]
fn should_retry_decides_whether_a_failure_is_retryable() {
    for (status, by_itself) in [(429, false), (403, false), (500, true), (502, true)] {
        let retryable = |fields: &[(&str, &str)]| Failure::from_http(status, fields, "", None, None).retryable;
        assert_eq!(retryable(&[]), by_itself, "{status}");
        assert!(retryable(&[("X-Should-Retry", "true")]), "{status}");
        assert!(!retryable(&[("x-should-retry", " FALSE ")]), "{status}");
        assert_eq!(retryable(&[("x-should-retry", "maybe")]), by_itself, "{status}");
    }
}

#[test]
fn headers_of_an_error_event_are_read_like_those_of_a_response() {
    let of = |text: &str| Failure::from_event(&Envelope::scan(text).expect("an event"));
    let headers = r#""headers":{"retry-after-ms":"700","x-should-retry":true}"#;
    for failure in [
        of(&format!(r#"{{"type":"error","status":429,"error":{{"message":"slow"}},{headers}}}"#)),
        of(&format!(r#"{{"type":"error","error":{{"message":"slow","type":"invalid_request_error",{headers}}}}}"#)),
    ] {
        assert_eq!((failure.delay, failure.retryable), (ms(700), true), "{failure:?}");
    }
    let code = "c".repeat(5000);
    let failure = of(&format!(r#"{{"type":"error","error":{{"code":"{code}","message":"{code}"}}}}"#));
    assert_eq!(failure.code.map(|code| code.len()), Some(256));
}

#[test]
fn failure_shows_its_url_without_keys() {
    for (url, shown) in [
        ("https://h/v1/responses?api-key=sk-secret&v=1", "https://h/v1/responses"),
        ("https://user:sk-secret@h:8443/v1#sk-secret", "https://h:8443/v1"),
        ("https://h?key=sk-secret", "https://h"),
        ("wss://h/a@b/c", "wss://h/a@b/c"),
        ("/v1/responses?key=sk-secret", "/v1/responses"),
    ] {
        let failure = Failure::from_http(403, &[], "no", Some(url), None);
        assert_eq!(failure.details.url.as_deref(), Some(shown));
        let all = format!("{} {failure} {failure:?} {:?}", failure.user_text(), failure.details);
        assert!(!all.contains("secret"), "{all}");
    }
}
