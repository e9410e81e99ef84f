//! Changes of credentials (docs/differences.md row 53).

use turnwire::client::{Credentials, OwnedEvent, Provider, Request, Settings};
use turnwire::responses::FailureKind;
use turnwire_tests::fixtures::{ask, created, delta, done, done0, error, on_lane};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn asking() -> Settings {
    let mut settings = Settings::default();
    settings.max_credential_requests = 2;
    settings
}

fn wide() -> Provider {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 4;
    provider.capabilities.reuse_after_failure = true;
    provider
}

fn on(lane: &str) -> Request {
    Request::from(ask("one")).on_lane(lane)
}

fn needed(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::CredentialsNeeded { .. })).count()
}

fn keys(pair: &Pair, kind: Kind) -> Vec<String> {
    pair.seen(kind).iter().filter_map(|seen| seen.header("authorization").map(String::from)).collect()
}

#[test]
fn websocket_of_other_credentials_takes_no_new_request() {
    let script = Script::new().ws([vec![created("a"), done0("a")], vec![done("b")]]);
    let mut pair = Pair::with(provider(), Credentials::bearer("first"), Settings::default(), script);
    pair.ask(ask("one"));
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.completed(id), "b");
    assert_eq!(keys(&pair, Kind::Upgrade), ["Bearer first", "Bearer second"]);
    assert_eq!(pair.texts()[1].previous(), None, "the new connection has no previous response");
}

#[test]
fn websocket_of_other_credentials_is_kept_for_the_response_in_flight() {
    let mut pair = Pair::with(wide(), Credentials::bearer("first"), Settings::default(), Script::new());
    let running = pair.ask(on("a"));
    pair.act(Act::Send(on_lane("a", &created("a"))));
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    let waiting = pair.ask(on("b"));
    assert_eq!((pair.dials.len(), pair.texts().len()), (1, 1));
    pair.act(Act::Send(on_lane("a", &done("a"))));
    assert_eq!((pair.completed(running).as_str(), pair.dials.len(), pair.texts().len()), ("a", 2, 2));
    pair.act(Act::Send(on_lane("b", &done("b"))));
    assert_eq!(pair.completed(waiting), "b");
}

#[test]
fn handshake_with_other_credentials_is_dropped() {
    // The server never responds to the first handshake.
    let script = Script::new().on(Kind::Upgrade, vec![]).ws([vec![done("a")]]);
    let mut pair = Pair::with(provider(), Credentials::bearer("first"), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    pair.run();
    assert_eq!(pair.completed(id), "a");
    assert_eq!(keys(&pair, Kind::Upgrade), ["Bearer first", "Bearer second"]);
}

#[test]
fn rejected_credentials_are_not_sent_by_other_lanes() {
    let script = Script::new().on(Kind::Upgrade, vec![Act::respond(401, "{}")]);
    let mut pair = Pair::with(wide(), Credentials::bearer("first"), asking(), script);
    let ids = ["a", "b", "c"].map(|lane| pair.send(on(lane)));
    pair.run();
    assert_eq!((needed(&pair), pair.upgrades().len()), (1, 1), "one CredentialsNeeded for all lanes");
    let late = pair.ask(on("d"));
    assert_eq!(pair.upgrades().len(), 1);
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    pair.run();
    for lane in ["a", "b", "c", "d"] {
        pair.act(Act::Send(on_lane(lane, &done(lane))));
    }
    assert_eq!(ids.map(|id| pair.completed(id)), ["a", "b", "c"]);
    assert_eq!(pair.completed(late), "d");
    assert_eq!(keys(&pair, Kind::Upgrade), ["Bearer first", "Bearer second"]);
}

#[test]
fn unauthorized_message_requests_credentials_before_output_only() {
    let script = Script::new().ws([vec![created("a"), error(401, "token_expired", "expired")], vec![done("b")]]);
    let mut pair = Pair::with(wide(), Credentials::bearer("first"), asking(), script);
    let id = pair.ask(ask("one"));
    assert_eq!(needed(&pair), 1);
    pair.client.set_credentials(pair.now, Credentials::bearer("second"));
    pair.run();
    assert_eq!((pair.completed(id).as_str(), pair.upgrades().len()), ("b", 2));

    let script = Script::new().ws([vec![created("a"), delta("x"), error(401, "token_expired", "expired")]]);
    let mut pair = Pair::with(wide(), Credentials::bearer("first"), asking(), script);
    let id = pair.ask(ask("one"));
    assert_eq!((needed(&pair), pair.failure(id).kind), (0, FailureKind::Unauthorized));
}

#[test]
fn refuse_credentials_ends_request_with_server_failure() {
    let refusal = || {
        let body = r#"{"error":{"code":"token_expired","message":"The token has expired."}}"#;
        vec![Act::respond_with(401, &[("x-request-id", "req-9")], body)]
    };
    let http = Script::new().on(Kind::Post, refusal());
    let websocket = Script::new().on(Kind::Upgrade, refusal());
    for (provider, script) in [(http_provider(), http), (provider(), websocket)] {
        let mut pair = Pair::with(provider, Credentials::bearer("first"), asking(), script);
        let id = pair.ask(ask("one"));
        pair.client.refuse_credentials(pair.now);
        pair.run();
        let failure = pair.failure(id);
        assert_eq!((failure.kind, failure.status), (FailureKind::Unauthorized, Some(401)));
        assert_eq!(failure.code.as_deref(), Some("token_expired"));
        assert!(failure.raw.as_deref().is_some_and(|body| body.contains("The token has expired.")));
        assert_eq!(failure.details.request_id.as_deref(), Some("req-9"));
    }
}
