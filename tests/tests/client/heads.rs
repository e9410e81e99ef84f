//! What the heads of servers say, and the headers that they can be asked for.

use turnwire::client::{CommandError, OwnedEvent, RawOperation, RequestId, Settings, TransportPreference};
use turnwire::client::{FallbackReason, Provider};
use turnwire::responses::FailureKind;
use turnwire_tests::fixtures::{ask, created, done, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, ok_stream, provider};

const MAX_MESSAGE: &str = "x-codex-websocket-max-message-bytes";

/// Returns the heads that were delivered: the request, the status and one header.
fn heads(pair: &Pair) -> Vec<(RequestId, u16, Option<String>)> {
    let head = |event: &OwnedEvent| match event {
        OwnedEvent::Head { id, head } => Some((*id, head.status(), head.headers.get_str("x-seen").map(Into::into))),
        _ => None,
    };
    pair.events.iter().filter_map(head).collect()
}

#[test]
fn head_of_each_http_response_to_a_request_is_delivered() {
    let whole = r#"{"id":"r","object":"response","status":"completed","output":[]}"#;
    let answers = [
        (vec![Act::stream_with(&[("x-seen", "stream")]), Act::Send(done("r")), Act::End], 200, "stream"),
        (
            vec![Act::respond_with(200, &[("x-seen", "whole"), ("content-type", "application/json")], whole)],
            200,
            "whole",
        ),
        (vec![Act::respond_with(429, &[("x-seen", "error")], "{}")], 429, "error"),
    ];
    for (acts, status, seen) in answers {
        let mut pair = Pair::new(http_provider(), Settings::default(), Script::new().on(Kind::Post, acts));
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(heads(&pair), [(id, status, Some(seen.to_owned()))]);
    }
}

#[test]
fn operations_and_websockets_have_no_head_of_their_own() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(200, "{}")]).ws([vec![created("r"), done("r")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.run_out();
    pair.client.submit_raw(pair.now, RawOperation::get("models")).expect("an open client");
    pair.run_out();
    assert_eq!(pair.posts().len(), 1);
    assert!(heads(&pair).is_empty());
}

/// A server that takes messages of at most this length.
fn limited(limit: &str) -> Script {
    Script::new().on(Kind::Upgrade, vec![Act::accept_with(&[(MAX_MESSAGE, limit)])])
}

#[test]
fn request_longer_than_the_server_accepts_on_a_websocket_goes_over_http() {
    let script = limited("400").ws([vec![created("a"), done("a")]]).on(Kind::Post, ok_stream());
    let script = script.ws([vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let short = pair.ask(ask("short"));
    pair.run_out();
    let long = pair.ask(ask(&"long".repeat(100)));
    pair.run_out();
    let next = pair.ask(ask("short again"));
    pair.run_out();
    assert_eq!([short, long, next].map(|id| pair.completed(id)), ["a", "ok", "b"]);
    assert_eq!((pair.texts().len(), pair.posts().len()), (2, 1));
    assert!(pair.texts().iter().all(|seen| seen.bytes.len() <= 400));
    let told =
        |event: &OwnedEvent| matches!(event, OwnedEvent::HttpFallback(FallbackReason::TooLarge(id)) if *id == long);
    assert_eq!(pair.events.iter().filter(|event| told(event)).count(), 1);
    assert!(!pair.client.is_http_fallback(), "other requests are not affected");
}

#[test]
fn request_of_exactly_the_limit_takes_the_websocket() {
    let length = {
        let mut pair = Pair::new(provider(), Settings::default(), Script::new());
        pair.ask(ask("one"));
        pair.texts()[0].bytes.len()
    };
    for (limit, over_http) in [(length, false), (length - 1, true)] {
        let script = limited(&limit.to_string()).ws([vec![created("a"), done("a")]]).on(Kind::Post, ok_stream());
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.posts().len(), usize::from(over_http), "limit {limit}");
    }
}

#[test]
fn request_that_must_take_the_websocket_fails_at_its_limit() {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(provider(), settings, limited("10"));
    let id = pair.ask(ask("one"));
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!((failure.kind, pair.texts().len()), (FailureKind::TooLarge, 0));
}

#[test]
fn limit_that_is_no_number_is_ignored() {
    for limit in ["", "0", "many", "-1", "1e9"] {
        let mut pair = Pair::new(provider(), Settings::default(), limited(limit).ws([vec![created("a"), done("a")]]));
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.completed(id), "a", "{limit:?}");
    }
}

#[test]
fn messages_about_a_response_keep_to_the_limit() {
    let mut pair = Pair::new(provider(), Settings::default(), limited("400").ws([vec![created("a")]]));
    let id = pair.ask(ask("one"));
    let long = [user(&"x".repeat(500))];
    assert_eq!(pair.client.steer(pair.now, id, &long), Err(CommandError::MessageTooLong(400)));
    assert_eq!(pair.client.inject(pair.now, id, &long), Err(CommandError::MessageTooLong(400)));
    let text = format!(r#"{{"type":"x","y":"{}"}}"#, "x".repeat(500));
    assert_eq!(pair.client.send_message(pair.now, None, &text), Err(CommandError::MessageTooLong(400)));
    pair.run();
    assert_eq!(pair.texts().len(), 1);
    pair.client.steer(pair.now, id, &[user("short")]).expect("it is short enough");
}

/// Returns the routing hints of the requests and handshakes that a provider leads to.
fn hints(provider: Provider, tier: Option<&str>) -> Vec<Option<String>> {
    let mut pair = Pair::new(provider, Settings::default(), Script::new().on(Kind::Post, ok_stream()));
    let mut create = ask("one");
    create.service_tier = tier.map(Into::into);
    pair.ask(create);
    let seen = pair.posts().into_iter().chain(pair.upgrades());
    seen.map(|seen| seen.header("x-codex-routing-hint").map(Into::into)).collect()
}

#[test]
fn routing_hint_names_the_model_and_the_tier_on_both_transports() {
    for mut provider in [provider(), http_provider()] {
        assert_eq!(hints(provider.clone(), None), [None]);
        provider.capabilities.routing_hint = true;
        assert_eq!(hints(provider.clone(), None), [Some("model=m".to_owned())]);
        assert_eq!(hints(provider, Some("flex")), [Some("model=m;tier=flex".to_owned())]);
    }
}
