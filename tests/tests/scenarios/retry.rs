//! Group J: fallback and retry.

use std::time::Duration;

use turnwire::client::{Credentials, FallbackReason, OwnedEvent, Settings, TransportPreference};
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire_tests::fixtures::{ask, done, error, fail};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, ok_stream, provider, with_retries};

fn upgrades_refused(status: u16, times: usize) -> Script {
    (0..times).fold(Script::new(), |script, _| script.on(Kind::Upgrade, vec![Act::respond(status, "hello")]))
}

fn fallbacks(pair: &Pair) -> Vec<&FallbackReason> {
    let mut found = Vec::new();
    for event in &pair.events {
        if let OwnedEvent::HttpFallback(why) = event {
            found.push(why);
        }
    }
    found
}

#[test]
fn j01_426_at_prewarm() {
    let script = upgrades_refused(426, 1).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(provider(), 2), Settings::default(), script);
    pair.client.prewarm(pair.now, ask("one")).expect("a prewarm");
    pair.run_out();
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.completed(id), "ok");
    assert_eq!((pair.upgrades().len(), pair.posts().len()), (1, 1));
}

#[test]
fn j02_426_at_first_request() {
    let script = upgrades_refused(426, 1).on(Kind::Post, ok_stream()).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(provider(), Settings::default(), script);
    for text in ["one", "two"] {
        let id = pair.ask(ask(text));
        assert_eq!(pair.completed(id), "ok");
    }
    assert_eq!((pair.upgrades().len(), pair.posts().len()), (1, 2));
    assert!(matches!(fallbacks(&pair)[..], [FallbackReason::Refused(426)]));
}

/// Differs: a 404 means that there is no WebSocket, and does not count as a retry; a 503 does (docs/differences.md row
/// 31).
#[test]
fn j03_retries_exhausted() {
    let script = upgrades_refused(404, 1).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(provider(), 2), Settings::default(), script);
    let id = pair.ask(ask("one"));
    assert_eq!((pair.completed(id).as_str(), pair.upgrades().len(), pair.posts().len()), ("ok", 1, 1));

    let script = upgrades_refused(503, 4).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(provider(), 2), Settings::default(), script);
    pair.client.prewarm(pair.now, ask("one")).expect("a prewarm");
    pair.run_out();
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.completed(id), "ok");
    assert_eq!((pair.upgrades().len(), pair.posts().len()), (4, 1));
}

#[test]
fn j04_notifications() {
    let script = upgrades_refused(503, 3).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(provider(), 2), Settings::default(), script);
    let asked = pair.ask(ask("one"));
    pair.run_out();
    let retries: Vec<u32> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Retry { retries, .. } => Some(*retries),
            _ => None,
        })
        .collect();
    assert_eq!(retries, [1, 2]);
    let [FallbackReason::Exhausted { id, failure }] = fallbacks(&pair)[..] else { panic!("{:?}", fallbacks(&pair)) };
    assert_eq!((*id, failure.status), (asked, Some(503)));
}

#[test]
fn j05_sticky() {
    let script = upgrades_refused(503, 1).on(Kind::Post, ok_stream()).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.run_out();
    pair.client.begin_turn().expect("nothing is in flight");
    let id = pair.ask(ask("two"));
    assert_eq!(pair.completed(id), "ok");
    assert_eq!((pair.upgrades().len(), pair.posts().len(), pair.dials.len()), (1, 2, 2));
    assert!(pair.report(id).expect("a report").reused);
}

#[test]
fn j07_non_retryable_at_handshake() {
    for (status, class) in [
        (Some(429), Some(FailureKind::RateLimited)),
        (Some(401), Some(FailureKind::Unauthorized)),
        (Some(402), None),
        (Some(407), None),
    ] {
        let refused = status.expect("a status");
        let mut pair = Pair::new(with_retries(provider(), 3), Settings::default(), upgrades_refused(refused, 9));
        let id = pair.ask(ask("one"));
        pair.run_out();
        let failure = pair.failure(id);
        assert_eq!((failure.status, failure.progress), (status, RequestProgress::NotSent));
        assert!(class.is_none_or(|class| class == failure.kind), "{refused}: {:?}", failure.kind);
        assert_eq!((pair.posts().len(), pair.client.is_http_fallback()), (0, false), "{refused}");
        assert_eq!(pair.report(id).expect("a report").status, status);
    }
}

#[test]
fn final_upgrade_rejection_falls_back_at_once() {
    for status in [404, 405, 426, 501] {
        let script = upgrades_refused(status, 1).on(Kind::Post, ok_stream());
        let mut pair = Pair::new(with_retries(provider(), 3), Settings::default(), script);
        let start = pair.now;
        let id = pair.ask(ask("one"));
        assert_eq!(pair.completed(id), "ok", "{status}");
        assert_eq!((pair.now, pair.delays().len()), (start, 0), "{status}");
        assert!(matches!(fallbacks(&pair)[..], [FallbackReason::Refused(of)] if *of == status));
    }
}

#[test]
fn websocket_only_never_falls_back() {
    for status in [200, 404, 426, 503] {
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let mut pair = Pair::new(with_retries(provider(), 1), settings, upgrades_refused(status, 9));
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.failure(id).status, Some(status));
        assert_eq!((pair.posts().len(), pair.upgrades().len()), (0, if status == 503 { 2 } else { 1 }));
        assert!(!pair.client.is_http_fallback() && fallbacks(&pair).is_empty());
    }
}

#[test]
fn retried_quota_failure_does_not_fall_back() {
    let mut provider = with_retries(provider(), 1);
    provider.retry.on_429 = true;
    let mut pair = Pair::new(provider, Settings::default(), upgrades_refused(429, 9));
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).status, pair.upgrades().len(), pair.posts().len()), (Some(429), 2, 0));
}

#[test]
fn j08_request_level_count() {
    let script = (0..9).fold(Script::new(), |script, _| script.on(Kind::Post, vec![Act::respond(500, "x")]));
    let mut pair = Pair::new(with_retries(http_provider(), 4), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(500), 5));
    let delays = pair.delays();
    for (delay, base) in delays.iter().zip([200.0, 400.0, 800.0, 1600.0]) {
        let millis = delay.as_secs_f64() * 1000.0;
        assert!((base * 0.9 - 1.0..base * 1.1).contains(&millis), "{millis} for {base}");
    }
    assert_eq!(delays.len(), 4);
    assert_eq!(pair.dials.len(), 1, "the connection is reused after a complete response");
}

#[test]
fn jitter_is_determined_by_seed() {
    let delays = |seed: u8| {
        let script = Script::new().on(Kind::Post, vec![Act::respond(500, "x")]).on(Kind::Post, ok_stream());
        let provider = with_retries(http_provider(), 1);
        let mut pair = Pair::seeded(provider, Credentials::None, Settings::default(), script, [seed; 32]);
        pair.ask(ask("one"));
        pair.run_out();
        pair.delays()
    };
    assert_eq!(delays(1), delays(1));
    assert!((2..12).any(|seed| delays(seed) != delays(1)));
}

#[test]
fn j09_429_not_retried() {
    let script = || Script::new().on(Kind::Post, vec![Act::respond(429, "{}")]).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(http_provider(), 4), Settings::default(), script());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.posts().len()), (FailureKind::RateLimited, 1));
    let mut provider = with_retries(http_provider(), 4);
    provider.retry.on_429 = true;
    let mut pair = Pair::new(provider, Settings::default(), script());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.completed(id), "ok");
}

#[test]
fn j10_4xx_not_retried() {
    for status in [404, 400, 403, 413] {
        let script = Script::new().on(Kind::Post, vec![Act::respond(status, "no")]);
        let mut pair = Pair::new(with_retries(http_provider(), 4), Settings::default(), script);
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(status), 1));
    }
}

fn recovering(attempts: u32) -> Settings {
    let mut settings = Settings::default();
    settings.max_credential_requests = attempts;
    settings
}

fn needed(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::CredentialsNeeded { .. })).count()
}

#[test]
fn j12_401_with_refreshable_credentials() {
    let refused = || vec![Act::respond(401, "{}")];
    let over_http = Script::new().on(Kind::Post, refused()).on(Kind::Post, ok_stream());
    let over_ws = Script::new().on(Kind::Upgrade, refused()).ws([vec![done("ok")]]);
    for (provider, script, kind) in [(http_provider(), over_http, Kind::Post), (provider(), over_ws, Kind::Upgrade)] {
        let mut pair = Pair::with(provider, Credentials::bearer("first"), recovering(1), script);
        let (start, id) = (pair.now, pair.ask(ask("one")));
        assert_eq!((needed(&pair), pair.outcome(id).is_none()), (1, true));
        pair.client.set_credentials(pair.now, Credentials::bearer("second"));
        pair.run();
        assert_eq!((pair.completed(id).as_str(), pair.now), ("ok", start));
        let sent: Vec<_> = pair.seen(kind).iter().filter_map(|seen| seen.header("authorization")).collect();
        assert_eq!(sent, ["Bearer first", "Bearer second"]);
        assert!(pair.delays().is_empty());
    }
}

#[test]
fn j13_401_managed() {
    let script = (0..3).fold(Script::new(), |script, _| script.on(Kind::Post, vec![Act::respond(401, "{}")]));
    let mut pair = Pair::with(http_provider(), Credentials::bearer("k"), recovering(2), script);
    let id = pair.ask(ask("one"));
    for _ in 0..2 {
        pair.client.set_credentials(pair.now, Credentials::bearer("k"));
        pair.run();
    }
    assert_eq!((pair.failure(id).status, pair.posts().len(), needed(&pair)), (Some(401), 3, 2));
}

/// Differs: a 401 without refreshable credentials is not retried (docs/differences.md row 15).
#[test]
fn j14_401_api_key() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(401, "{}")]);
    let mut pair = Pair::new(with_retries(http_provider(), 3), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.posts().len()), (FailureKind::Unauthorized, 1));
}

/// Differs: a 401 in a message requests credentials, too (docs/differences.md row 53).
#[test]
fn j15_401_inside_a_frame() {
    let script = Script::new().ws([vec![error(401, "unauthorized", "no")], vec![done("ok")]]);
    let mut pair = Pair::new(provider(), recovering(3), script);
    let id = pair.ask(ask("one"));
    assert_eq!((needed(&pair), pair.texts().len()), (1, 1));
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    pair.run();
    // The socket with the first credentials carries no further request.
    assert_eq!((pair.completed(id).as_str(), pair.texts().len(), pair.upgrades().len()), ("ok", 2, 2));
}

#[test]
fn j16_expired_signature_text() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(401, "Signature expired: 20260101T000000Z")]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    // Advice for a deployment is up to the application, which has the body and the URL.
    let failure = pair.failure(id);
    assert_eq!(failure.raw.as_deref(), Some("Signature expired: 20260101T000000Z"));
    assert_eq!(failure.details.url.as_deref(), Some("http://127.0.0.1:8080/v1/responses"));
}

#[test]
fn unanswered_credential_request_times_out() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(401, "{}")]);
    let mut pair = Pair::new(http_provider(), recovering(1), script);
    let (start, id) = (pair.now, pair.ask(ask("one")));
    pair.run_out();
    assert_eq!(pair.failure(id).kind, FailureKind::Unauthorized);
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(60));
    let script = Script::new().on(Kind::Post, vec![Act::respond(401, "{}")]);
    let mut pair = Pair::new(http_provider(), recovering(1), script);
    let id = pair.ask(ask("one"));
    pair.client.refuse_credentials(pair.now);
    pair.run();
    assert_eq!(pair.failure(id).kind, FailureKind::Unauthorized);
}

#[test]
fn invalid_credentials_fail_waiting_requests() {
    let script = || Script::new().on(Kind::Upgrade, vec![Act::respond(401, "{}")]);
    let mut pair = Pair::with(provider(), Credentials::bearer("a"), recovering(1), script());
    let id = pair.ask(ask("one"));
    pair.client.set_credentials(pair.now, Credentials::bearer("b\r\nx: y"));
    pair.run_out();
    assert_eq!(pair.failure(id).kind, FailureKind::Build);
    assert!(pair.seen.iter().all(|seen| seen.header("x").is_none()));
}

#[test]
fn delay_of_server_is_honoured() {
    // A header is a lower bound; a delay in a message is used as given (docs/differences.md row 14).
    let by_header = vec![Act::respond_with(503, &[("retry-after", "7")], "{}")];
    let script = Script::new().on(Kind::Post, by_header).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
    pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.delays(), [Duration::from_secs(7)]);
    let limited = fail("rate_limit_exceeded", "Please try again in 28ms.");
    let script = Script::new().ws([vec![limited], vec![done("a")]]);
    let mut pair = Pair::new(with_retries(provider(), 1), Settings::default(), script);
    pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.delays(), [Duration::from_millis(28)]);
}

#[test]
fn no_retry_begins_after_max_elapsed() {
    let mut provider = with_retries(http_provider(), 9);
    provider.retry.max_elapsed = Some(Duration::from_secs(1));
    let script = (0..9).fold(Script::new(), |script, _| script.on(Kind::Post, vec![Act::respond(500, "x")]));
    let mut pair = Pair::new(provider, Settings::default(), script);
    let (start, id) = (pair.now, pair.ask(ask("one")));
    pair.run_out();
    assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(500), 3));
    assert!(pair.now.saturating_duration_since(start) <= Duration::from_secs(1));
}

#[test]
fn retry_budget_counts_all_failures() {
    // A rejected handshake, a lost connection and a failed response: three retries of three.
    let script = Script::new()
        .on(Kind::Upgrade, vec![Act::respond(503, "")])
        .on(Kind::Text, vec![Act::Drop])
        .on(Kind::Text, vec![Act::Send(fail("odd", "try again"))])
        .on(Kind::Text, vec![Act::Send(done("a"))]);
    let mut pair = Pair::new(with_retries(provider(), 3), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.delays().len(), pair.posts().len()), ("a", 3, 0));
    assert_eq!(pair.report(id).expect("a report").attempts, 3);
}

#[test]
fn redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let away = vec![Act::respond_with(status, &[("location", "http://127.0.0.1:9/x")], "")];
        let script = Script::new().on(Kind::Post, away);
        let mut pair =
            Pair::with(with_retries(http_provider(), 3), Credentials::bearer("k"), Settings::default(), script);
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!((pair.failure(id).status, pair.dials.len(), pair.posts().len()), (Some(status), 1, 1));
    }
}

/// A delay beyond the provider's maximum fails the request, and the failure reports the delay.
#[test]
fn delay_beyond_maximum_fails_request() {
    for (asked, waits) in [("600", true), ("601", false)] {
        let script = Script::new()
            .on(Kind::Post, [Act::respond_with(503, &[("retry-after", asked)], "{}")])
            .on(Kind::Post, ok_stream());
        let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
        let id = pair.send(ask("hi"));
        pair.run_out();
        if waits {
            assert_eq!(pair.completed(id), "ok");
        } else {
            assert_eq!(pair.failure(id).delay, Some(Duration::from_secs(601)));
        }
    }
}
