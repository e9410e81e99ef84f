//! Scenarios F, rate limits, and G, the meaning of failures (tests/scenarios.md).

use core::time::Duration;

use turnwire::responses::{Credits, Envelope, Failure, FailureKind, RateLimitWindow, RateLimits};

fn window(used_percent: f64, minutes: Option<i64>, resets_at: Option<i64>) -> Option<RateLimitWindow> {
    let mut window = RateLimitWindow::new(used_percent);
    window.window_minutes = minutes;
    window.resets_at = resets_at;
    Some(window)
}

fn ids(fields: &[(&str, &str)]) -> Vec<String> {
    RateLimits::from_headers(fields).into_iter().map(|limits| limits.limit_id).collect()
}

fn http(status: u16, fields: &[(&str, &str)], body: &str) -> Failure {
    Failure::from_http(status, fields, body, None, None)
}

fn event(payload: &str) -> Failure {
    Failure::from_event(&Envelope::scan(payload).expect("an event"))
}

const CREDITS: [(&str, &str); 3] =
    [("x-codex-credits-has-credits", "TRUE"), ("x-codex-credits-unlimited", "0"), ("x-codex-credits-balance", " 5 ")];

#[test]
fn f01_default_family() {
    let fields = [
        ("x-codex-primary-used-percent", "12.5"),
        ("x-codex-primary-window-minutes", "60"),
        ("x-codex-primary-reset-at", "1704069000"),
    ];
    let mut expected = RateLimits::new("codex");
    expected.primary = window(12.5, Some(60), Some(1_704_069_000));
    assert_eq!(RateLimits::from_headers(&fields), [expected]);
}

#[test]
fn f02_named_family() {
    let fields = [
        ("x-codex-secondary-primary-used-percent", "80"),
        ("x-codex-secondary-primary-window-minutes", "1440"),
        ("x-codex-secondary-primary-reset-at", "1704074400"),
    ];
    let limits = RateLimits::family(&fields, "codex_secondary");
    assert_eq!(limits.limit_id, "codex_secondary");
    assert_eq!(limits.primary, window(80.0, Some(1440), Some(1_704_074_400)));
    assert_eq!(limits.secondary, None);
}

#[test]
fn f03_limit_name() {
    let name = |fields: &[(&str, &str)]| RateLimits::family(fields, "codex_bengalfox").limit_name;
    assert_eq!(
        name(&[("x-codex-bengalfox-limit-name", "gpt-5.2-codex-sonic")]).as_deref(),
        Some("gpt-5.2-codex-sonic")
    );
    assert_eq!(name(&[("x-codex-bengalfox-limit-name", "  ")]), None);
    assert_eq!(name(&[]), None);
}

#[test]
fn f04_all_families() {
    let fields = [("x-codex-secondary-primary-used-percent", "1"), ("x-codex-primary-used-percent", "1")];
    assert_eq!(ids(&fields), ["codex", "codex_secondary"]);
}

#[test]
fn f07_non_finite_spaces() {
    for used in ["nan", "inf", "-inf", "abc", "", " 1"] {
        assert_eq!(ids(&[("x-codex-primary-used-percent", used)]), Vec::<String>::new(), "{used}");
    }
    let fields = [("x-codex-primary-used-percent", "3"), ("x-codex-primary-window-minutes", "15.0")];
    assert_eq!(RateLimits::family(&fields, "").primary, window(3.0, None, None));
    let nothing = |fields: &[(&str, &str)]| RateLimits::family(fields, "").primary.is_none();
    assert!(nothing(&[("x-codex-primary-used-percent", "0.0")]));
    assert!(nothing(&[("x-codex-primary-used-percent", "0.0"), ("x-codex-primary-window-minutes", "0")]));
    assert!(!nothing(&[("x-codex-primary-used-percent", "0.0"), ("x-codex-primary-reset-at", "0")]));
}

#[test]
fn f08_credits() {
    let credits = |fields: &[(&str, &str)]| RateLimits::family(fields, "").credits;
    let read = credits(&CREDITS).expect("credits");
    assert_eq!((read.has_credits, read.unlimited, read.balance.as_deref()), (true, false, Some("5")));
    let mut empty = CREDITS;
    empty[2].1 = "";
    assert_eq!(credits(&empty).and_then(|credits: Credits| credits.balance), None);
    assert_eq!((credits(&CREDITS[1..]), credits(&[CREDITS[0], CREDITS[2]])), (None, None));
}

/// Differs: credits belong only to the `codex` family, and do not create other families (docs/differences.md row 19).
#[test]
fn f09_credits_leak_to_families() {
    let mut fields = CREDITS.to_vec();
    fields.extend([
        ("x-codex-zz-primary-used-percent", "0"),
        ("x-codex-aa-primary-used-percent", "nan"),
        ("x-codex-bb-secondary-used-percent", "4"),
    ]);
    let snapshots = RateLimits::from_headers(&fields);
    assert_eq!(snapshots.len(), 1);
    assert!(snapshots[0].limit_id == "codex" && snapshots[0].credits.is_some());
}

#[test]
fn f10_end_to_end_snapshot() {
    let fields = [
        ("x-codex-primary-used-percent", "12.5"),
        ("x-codex-primary-window-minutes", "10"),
        ("x-codex-primary-reset-at", "1704069000"),
        ("x-codex-secondary-used-percent", "40.0"),
        ("x-codex-secondary-window-minutes", "60"),
        ("x-codex-secondary-reset-at", "1704074400"),
        ("x-codex-primary-over-secondary-limit-percent", "9"),
    ];
    let mut expected = RateLimits::new("codex");
    expected.primary = window(12.5, Some(10), Some(1_704_069_000));
    expected.secondary = window(40.0, Some(60), Some(1_704_074_400));
    let snapshots = RateLimits::from_headers(&fields);
    assert_eq!(snapshots, [expected]);
    assert!(snapshots[0].credits.is_none() && snapshots[0].plan_type.is_none() && snapshots[0].reached_type.is_none());
}

#[test]
fn g01_overloaded_by_status_and_code() {
    let body = r#"{"error":{"code":"server_is_overloaded"}}"#;
    let said = |status, body| {
        let failure = http(status, &[], body);
        (failure.kind, failure.retryable)
    };
    assert_eq!(said(503, body), (FailureKind::Overloaded, false));
    assert_eq!(said(503, r#"{"error":{"code":"slow_down"}}"#), (FailureKind::Overloaded, false));
    assert_eq!(said(503, "busy"), (FailureKind::UnexpectedStatus, true));
    // Differs: the code decides at any status (docs/differences.md row 40).
    assert_eq!(said(500, body), (FailureKind::Overloaded, false));
}

#[test]
fn g04_other_400() {
    let body = r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#;
    let failure = http(400, &[], body);
    assert_eq!(
        (failure.kind, failure.retryable, failure.message.as_str()),
        (FailureKind::ContextWindowExceeded, false, "x")
    );
    assert_eq!(http(400, &[], r#"{"error":{"message":"x"}}"#).user_text(), "x");
    let cyber = http(400, &[], r#"{"error":{"code":"cyber_policy","message":" "}}"#);
    assert_eq!(cyber.kind, FailureKind::CyberPolicy);
    assert_eq!(cyber.message, "This request has been flagged for possible cybersecurity risk.");
}

#[test]
fn g05_invalid_image() {
    let body = r#"{"error":{"message":"The image data you provided does not represent a valid image. Try again."}}"#;
    let failure = http(400, &[], body);
    assert_eq!((failure.kind, failure.retryable), (FailureKind::InvalidImage, false));
}

const USAGE: &str = r#"{"error":{"type":"usage_limit_reached","plan_type":"pro","resets_at":1738888888}}"#;

#[test]
fn g06_limit_name_of_the_active_limit() {
    let name =
        |fields: &[(&str, &str)]| http(429, fields, USAGE).details.rate_limits.and_then(|limits| limits.limit_name);
    let active = ("x-codex-active-limit", "codex_other");
    assert_eq!(name(&[active, ("x-codex-other-limit-name", "codex_other")]).as_deref(), Some("codex_other"));
    assert_eq!(name(&[active]), None);
}

#[test]
fn g07_usage_limit_with_reached_type() {
    let reached = ("x-codex-rate-limit-reached-type", "workspace_member_usage_limit_reached");
    let mut fields = vec![
        ("x-codex-credits-has-credits", "true"),
        ("x-codex-credits-unlimited", "false"),
        ("x-codex-credits-balance", ""),
        reached,
    ];
    let of = |fields: &[(&str, &str)]| http(429, fields, USAGE).details.rate_limits.expect("a snapshot");
    let plain = of(&fields);
    assert_eq!((plain.limit_id.as_str(), plain.reached_type.as_deref()), ("codex", Some(reached.1)));
    fields.push(("x-codex-active-limit", "codex_other"));
    let active = of(&fields);
    assert_eq!((active.limit_id.as_str(), active.reached_type.as_deref()), ("codex_other", Some(reached.1)));
    for limits in [plain, active] {
        let credits = limits.credits.expect("credits");
        assert_eq!((credits.has_credits, credits.unlimited, credits.balance), (true, false, None));
    }
    for unknown in ["something_else", "\u{fffd}"] {
        fields[3].1 = unknown;
        assert_eq!(of(&fields).reached_type, None);
    }
    let bare = http(429, &[], USAGE);
    assert_eq!((&bare.details.rate_limits, bare.details.resets_at), (&None, Some(1_738_888_888)));
}

#[test]
fn g08_retry_limit_and_its_id() {
    let id = |fields: &[(&str, &str)]| {
        let failure = http(429, fields, "");
        assert_eq!((failure.kind, failure.retryable), (FailureKind::RateLimited, false));
        failure.user_text()
    };
    let all = [("cf-ray", "ray"), ("x-oai-request-id", "oai"), ("x-request-id", "req")];
    let text = "exceeded retry limit, last status: 429 Too Many Requests";
    assert_eq!(id(&all), format!("{text}, request id: req"));
    assert_eq!(id(&all[..2]), format!("{text}, request id: oai"));
    assert_eq!(id(&all[..1]), format!("{text}, request id: ray"));
    assert_eq!(id(&[]), text);
    let untyped = http(429, &[], r#"{"error":{"type":"usage_limit_reached","plan_type":5}}"#);
    assert_eq!(untyped.kind, FailureKind::RateLimited);
    let excluded = http(429, &[], r#"{"error":{"type":"usage_not_included"}}"#);
    assert_eq!((excluded.kind, excluded.retryable), (FailureKind::UsageNotIncluded, false));
}

/// `{"error":{"code":"token_expired"}}`
const EXPIRED: &str = "eyJlcnJvciI6eyJjb2RlIjoidG9rZW5fZXhwaXJlZCJ9fQ==";

#[test]
fn g09_unauthorized_details() {
    let with = |json| {
        let fields = [
            ("x-request-id", "req"),
            ("cf-ray", "ray"),
            ("x-openai-authorization-error", "missing_authorization_header"),
            ("x-error-json", json),
        ];
        http(401, &fields, "")
    };
    let failure = with(EXPIRED);
    assert_eq!((failure.kind, failure.retryable), (FailureKind::Unauthorized, false));
    let details = &failure.details;
    assert_eq!((details.request_id.as_deref(), details.cf_ray.as_deref()), (Some("req"), Some("ray")));
    assert_eq!(details.authorization_error.as_deref(), Some("missing_authorization_header"));
    assert_eq!(details.identity_error_code.as_deref(), Some("token_expired"));
    for bad in [EXPIRED.trim_end_matches('='), "eyJlcnJvciI6ey-_", "", "e30="] {
        assert_eq!(with(bad).details.identity_error_code, None, "{bad}");
    }
}

#[test]
fn g10_display() {
    let text = |status, body: &str| http(status, &[], body).user_text();
    assert_eq!(text(502, r#"{"error":{"message":" bad gateway "}}"#), "unexpected status 502 Bad Gateway: bad gateway");
    assert_eq!(text(502, ""), "unexpected status 502 Bad Gateway: Unknown error");
    assert_eq!(text(502, " oops "), "unexpected status 502 Bad Gateway: oops");
    let long = "é".repeat(505);
    assert_eq!(text(502, &long), format!("unexpected status 502 Bad Gateway: {}...", "é".repeat(500)));
    let fields = [
        ("x-error-json", EXPIRED),
        ("x-openai-authorization-error", "auth"),
        ("x-request-id", "req"),
        ("cf-ray", "ray"),
    ];
    let failure = Failure::from_http(401, &fields, "x", Some("https://h/v1"), None);
    let expected = "unexpected status 401 Unauthorized: x, url: https://h/v1, cf-ray: ray, request id: req, auth error: auth, auth error code: token_expired";
    assert_eq!(failure.user_text(), expected);
    assert_eq!(
        text(403, "<html>Cloudflare … blocked</html>"),
        "Access blocked by Cloudflare. This usually happens when connecting from a restricted region (status 403 Forbidden)"
    );
}

#[test]
fn g11_usage_limit_over_both_transports() {
    let fields = [
        ("x-codex-primary-used-percent", "100.0"),
        ("x-codex-primary-window-minutes", "15"),
        ("x-codex-secondary-used-percent", "87.5"),
        ("x-codex-secondary-window-minutes", "60"),
        ("x-codex-credits-has-credits", "true"),
        ("x-codex-credits-unlimited", "false"),
        ("x-codex-rate-limit-reached-type", "workspace_member_usage_limit_reached"),
    ];
    let over_http = http(429, &fields, USAGE);
    let frame = r#"{"type":"error","status":429,"error":{"type":"usage_limit_reached","plan_type":"pro","resets_at":1738888888},"headers":{"x-codex-primary-used-percent":"100.0","x-codex-primary-window-minutes":15,"x-codex-secondary-used-percent":87.5,"x-codex-secondary-window-minutes":"60","x-codex-credits-has-credits":true,"x-codex-credits-unlimited":false,"x-codex-rate-limit-reached-type":"workspace_member_usage_limit_reached"}}"#;
    let over_socket = event(frame);
    for failure in [&over_http, &over_socket] {
        assert_eq!((failure.kind, failure.retryable), (FailureKind::UsageLimitReached, false));
        assert!(failure.user_text().contains("spend cap"));
    }
    assert_eq!(over_http.details, over_socket.details);
    let limits = over_socket.details.rate_limits.expect("a snapshot");
    assert_eq!((limits.primary, limits.secondary), (window(100.0, Some(15), None), window(87.5, Some(60), None)));
}

#[test]
fn g12_wrapped_400() {
    let frame = r#"{"type":"error","status":400,"error":{"message":"model m does not support image inputs."}}"#;
    let failure = event(frame);
    assert_eq!((failure.kind, failure.retryable), (FailureKind::InvalidRequest, false));
    assert!(failure.user_text().contains("does not support image inputs."));
}

#[test]
fn g13_retryable_timeout_build() {
    let failure = event(
        r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"Please try again in 2.5s."}}}"#,
    );
    assert_eq!((failure.kind, failure.retryable), (FailureKind::Retryable, true));
    assert_eq!(failure.delay, Some(Duration::from_millis(2500)));
    assert_eq!(failure.user_text(), "stream disconnected before completion: Please try again in 2.5s.");
    let timeout = Failure::timeout();
    assert_eq!((timeout.user_text().as_str(), timeout.retryable), ("request timed out", true));
    // Differs: a request that cannot be built is not retried, at any level.
    assert!(!Failure::build("no").retryable);
}
