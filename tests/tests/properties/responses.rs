//! Laws of the `responses` layer, over known and unknown events, items and requests.

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::responses::{Credits, Failure, Item, RateLimitWindow, RateLimits, ServerEvent, Usage, try_again_in};
use turnwire_tests::generators::responses::{event, item, json, request, string};
use turnwire_tests::laws::responses as laws;

/// Damaged text: truncated, or with a few characters replaced.
fn broken(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, any::<prop::sample::Index>(), "[\\PC\"{}\\[\\]:,\\\\]{0,2}", 0_usize..4).prop_map(
        |(text, at, with, drop)| {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let end = (at + drop).min(chars.len());
            chars.splice(at..end, with.chars());
            chars.into_iter().collect()
        },
    )
}

fn window() -> impl Strategy<Value = RateLimitWindow> {
    (0.0..200.0_f64, prop::option::of(any::<i64>()), prop::option::of(any::<i64>())).prop_map(
        |(used, minutes, resets)| {
            let mut window = RateLimitWindow::new(used);
            (window.window_minutes, window.resets_at) = (minutes, resets);
            window
        },
    )
}

fn limits() -> impl Strategy<Value = RateLimits> {
    let credits =
        (any::<bool>(), any::<bool>(), prop::option::of("[0-9.]{1,5}")).prop_map(|(has, unlimited, balance)| {
            let mut text = format!(r#"{{"has_credits":{has},"unlimited":{unlimited}"#);
            text.extend(balance.map(|balance| format!(r#","balance":"{balance}""#)));
            serde_json::from_str::<Credits>(&(text + "}")).expect("credits")
        });
    ("[a-z]{1,5}(_[a-z]{1,5})?", prop::option::of(window()), prop::option::of(window()), prop::option::of(credits))
        .prop_map(|(id, primary, secondary, credits)| {
            let mut limits = RateLimits::new(&id);
            (limits.primary, limits.secondary, limits.credits) = (primary, secondary, credits);
            limits
        })
}

proptest! {
    #[test]
    fn known_events_round_trip_unchanged(text in event()) {
        laws::event(&text).map_err(TestCaseError::fail)?;
        let parsed = ServerEvent::parse(&text);
        prop_assert!(parsed.is_ok(), "{parsed:?}");
    }

    #[test]
    fn damaged_events_are_rejected_or_round_trip(text in broken(event())) {
        laws::event(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn json_value_is_rejected_or_round_trips(text in json()) {
        laws::event(&text).map_err(TestCaseError::fail)?;
        laws::body(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn items_round_trip(text in item()) {
        let parsed = Item::parse(&text);
        prop_assert!(parsed.is_ok(), "{parsed:?}");
        laws::item(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn damaged_items_are_rejected_or_round_trip(text in broken(item())) {
        laws::item(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn requests_round_trip(text in request()) {
        laws::request(&text).map_err(TestCaseError::fail)?;
        laws::body(&text).map_err(TestCaseError::fail)?;
        let parsed = turnwire::responses::CreateResponse::parse(&text);
        prop_assert!(parsed.is_ok(), "{parsed:?}");
    }

    #[test]
    fn damaged_requests_are_rejected_or_round_trip(text in broken(request())) {
        laws::request(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn rate_limits_round_trip_in_events_and_headers(limits in limits()) {
        laws::rate_limits(&limits).map_err(TestCaseError::fail)?;
        let headers = limits.to_headers();
        let fields: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut expected = limits.clone();
        let says = |window: &RateLimitWindow| window.used_percent != 0.0 || window.window_minutes.is_some_and(|minutes| minutes != 0) || window.resets_at.is_some();
        expected.primary = expected.primary.filter(says);
        expected.secondary = expected.secondary.filter(says);
        expected.credits = expected.credits.filter(|_| limits.limit_id == "codex");
        prop_assert_eq!(RateLimits::family(&fields, &limits.limit_id), expected);
    }

    #[test]
    fn usage_round_trips(counts in vec(0_i64..1 << 53, 6)) {
        let mut usage = Usage::new(counts[0], counts[1]).cached(counts[2]);
        (usage.cache_write_tokens, usage.reasoning_tokens, usage.total_tokens) = (counts[3], counts[4], counts[5]);
        let text = serde_json::to_string(&usage).expect("json");
        prop_assert_eq!(serde_json::from_str::<Usage>(&text).expect("usage"), usage);
    }

    #[test]
    fn delay_texts_never_panic(words in "\\PC{0,12}(try again in ?[0-9]{0,6}\\.?[0-9]{0,3} ?[a-z]{0,7}){0,3}\\PC{0,5}") {
        let _ = try_again_in(&words);
    }

    #[test]
    fn errors_of_any_shape_parse_as_failures(kind in string(), code in json(), message in json(), status in json()) {
        for text in [
            format!(r#"{{"type":"error","error":{{"type":{kind},"code":{code},"message":{message}}},"status":{status}}}"#),
            format!(r#"{{"type":"error","code":{code},"message":{message},"status_code":{status}}}"#),
            format!(r#"{{"type":"error","error":{message}}}"#),
            format!(r#"{{"type":"response.failed","response":{{"error":{{"code":{code},"message":{message}}}}}}}"#),
        ] {
            laws::event(&text).map_err(TestCaseError::fail)?;
        }
        let body = format!(r#"{{"error":{{"code":{code},"message":{message}}}}}"#);
        laws::body(&body).map_err(TestCaseError::fail)?;
        let _ = Failure::from_http(429, &[], &body, None, None);
    }
}
