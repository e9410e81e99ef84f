//! Recovery from failed attempts that depends on the provider's policy or on the server's response.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use turnwire::client::{
    Client, Credentials, InvalidProvider, OwnedEvent, Provider, RawOperation, Request, Settings, Sign, SignError,
    SignableRequest, TransportPreference,
};
use turnwire::responses::FailureKind;
use turnwire_tests::fixtures::{ask, assistant, created, done, fail, msg, on_lane, request, token, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, ok_stream, provider, with_retries};

fn answered_once_more(acts: Vec<Act>) -> Script {
    Script::new().on(Kind::Post, acts).on(Kind::Post, ok_stream())
}

#[test]
fn redirect_is_not_retried_whatever_its_body_says() {
    let body = r#"{"error":{"code":"websocket_connection_limit_reached","message":"try again"}}"#;
    for (status, attempts) in [(302, 1), (307, 1), (399, 1), (503, 2)] {
        let script = answered_once_more(vec![Act::respond(status, body)]);
        let mut pair = Pair::new(with_retries(http_provider(), 3), Settings::default(), script);
        pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.posts().len(), attempts, "{status}");
    }
}

#[test]
fn statuses_from_500_are_retried_only_if_policy_allows() {
    for (on_5xx, attempts) in [(true, 2), (false, 1)] {
        for status in [500, 502, 503, 529] {
            let mut provider = with_retries(http_provider(), 3);
            provider.retry.on_5xx = on_5xx;
            let mut pair =
                Pair::new(provider, Settings::default(), answered_once_more(vec![Act::respond(status, "busy")]));
            pair.ask(ask("one"));
            pair.run_out();
            assert_eq!(pair.posts().len(), attempts, "{status}, on_5xx: {on_5xx}");
        }
    }
}

#[test]
fn lost_connections_are_retried_only_if_policy_allows() {
    for (on_transport, attempts) in [(true, 2), (false, 1)] {
        let lost = [
            (http_provider(), Kind::Post, vec![Act::Drop]),
            (http_provider(), Kind::Post, vec![Act::stream_with(&[]), Act::Send(created("r")), Act::Drop]),
            (provider(), Kind::Text, vec![Act::Send(created("r")), Act::Drop]),
        ];
        for (at, (provider, kind, acts)) in lost.into_iter().enumerate() {
            let mut provider = with_retries(provider, 3);
            provider.retry.on_transport = on_transport;
            let mut settings = Settings::default();
            settings.transport =
                if kind == Kind::Text { TransportPreference::WebSocket } else { TransportPreference::Http };
            let script = Script::new().on(kind, acts).on(Kind::Post, ok_stream()).ws([vec![done("ok")]]);
            let mut pair = Pair::new(provider, settings, script);
            let id = pair.ask(ask("one"));
            pair.run_out();
            assert_eq!(pair.seen(kind).len(), attempts, "{at}, on_transport: {on_transport}");
            assert_eq!(pair.report(id).expect("a report").attempts as usize, attempts, "{at}");
        }
    }
}

#[test]
fn delay_of_a_header_is_never_less_than_the_own_delay() {
    for value in ["0", "0.001"] {
        let script = answered_once_more(vec![Act::respond_with(503, &[("retry-after", value)], "busy")]);
        let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.completed(id), "ok");
        let [delay] = pair.delays()[..] else { panic!("{:?}", pair.delays()) };
        assert!((180..=220).contains(&delay.as_millis()), "Retry-After: {value}: {delay:?}");
    }
}

/// Returns the number of `HttpFallback` events.
fn fallbacks(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::HttpFallback(_))).count()
}

#[test]
fn connection_that_no_request_waits_for_shows_that_there_is_no_websocket() {
    for status in [404, 405, 426, 501] {
        let script = Script::new().on(Kind::Upgrade, vec![Act::respond(status, "")]).on(Kind::Post, ok_stream());
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.client.preconnect(pair.now);
        pair.run();
        assert_eq!((pair.upgrades().len(), fallbacks(&pair)), (1, 1), "{status}");
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!((pair.completed(id).as_str(), pair.upgrades().len()), ("ok", 1), "{status}");
    }
}

#[test]
fn fallback_is_reported_once_for_all_requests_that_waited() {
    let script = Script::new()
        .on(Kind::Upgrade, vec![Act::respond(426, "")])
        .on(Kind::Post, ok_stream())
        .on(Kind::Post, ok_stream());
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 2;
    let mut pair = Pair::new(provider, Settings::default(), script);
    let ids = ["a", "b"].map(|lane| {
        let mut request = Request::from(ask(lane));
        request.lane = Some(lane.into());
        pair.send(request)
    });
    pair.run_out();
    assert_eq!(ids.map(|id| pair.completed(id)), ["ok", "ok"]);
    assert_eq!(fallbacks(&pair), 1);
}

#[test]
fn event_on_one_lane_does_not_feed_another() {
    let mut provider = provider();
    provider.capabilities.max_concurrent_requests = 2;
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(provider, settings, Script::new());
    let start = pair.now;
    let ids = ["a", "b"].map(|lane| {
        let mut request = Request::from(ask(lane));
        request.lane = Some(lane.into());
        pair.ask(request)
    });
    for _ in 0..3 {
        pair.pass(Duration::from_millis(300));
        pair.act(Act::Send(on_lane("b", &turnwire_tests::fixtures::delta("x"))));
    }
    pair.pass(Duration::from_millis(150));
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_millis(1050));
    assert!(pair.outcome(ids[0]).is_some(), "a was silent for its idle time");
    assert!(pair.outcome(ids[1]).is_none(), "b was not");
}

/// Adds a signature header to each request.
struct Marking;

impl Sign for Marking {
    fn sign(&self, request: SignableRequest<'_>) -> Result<(), SignError> {
        request.headers.set("x-signature", "signed").expect("a header");
        Ok(())
    }
}

fn signer() -> Credentials {
    Credentials::Signer(Arc::new(Marking))
}

/// A handshake could not be signed: the next request takes HTTP, although a WebSocket was possible before.
#[test]
fn credentials_that_sign_requests_take_the_place_of_others_over_http() {
    let script = Script::new().ws([vec![done("a")]]).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    assert_eq!((pair.completed(id).as_str(), pair.upgrades().len()), ("a", 1));
    pair.client.set_credentials(pair.now, signer());
    let id = pair.ask(ask("two"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.upgrades().len()), ("ok", 1));
    assert_eq!(pair.posts()[0].header("x-signature"), Some("signed"));
}

#[test]
fn credentials_that_sign_requests_take_http() {
    let script = Script::new().on(Kind::Post, ok_stream());
    let mut pair = Pair::with(provider(), signer(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), pair.upgrades().len()), ("ok", 1, 0));
    assert_eq!(pair.posts()[0].header("x-signature"), Some("signed"));
}

#[test]
fn handshake_that_cannot_be_signed_is_not_sent() {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::with(provider(), signer(), settings, Script::new());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.upgrades().len()), (FailureKind::Build, 0));
}

#[test]
fn credentials_that_change_while_the_socket_opens_are_those_of_the_request() {
    let script = Script::new()
        .on(Kind::Dial, vec![Act::Wait(Duration::from_millis(100)), Act::Connect])
        .on(Kind::Post, ok_stream());
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.client.set_credentials(pair.now, signer());
    pair.run_out();
    assert_eq!(pair.upgrades().len(), 0, "no handshake without a signature");
    if let Some(post) = pair.posts().first() {
        assert_eq!(post.header("x-signature"), Some("signed"));
    }
    assert!(pair.outcome(id).is_some());
}

#[test]
fn failed_request_is_not_continued() {
    let mut provider = provider();
    provider.capabilities.reuse_after_failure = true;
    let first = vec![created("r1"), msg("m1", "answer"), done("r1")];
    let script = Script::new().ws([first, vec![created("r2"), fail("server_error", "no")], vec![done("r3")]]);
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(provider, settings, script);
    pair.ask(ask("one"));
    let history = |last: &str| request(vec![user("one"), assistant("m1", "answer"), user(last)]);
    pair.ask(history("two"));
    pair.run_out();
    pair.ask(history("three"));
    let previous: Vec<_> = pair.texts().iter().map(|seen| (seen.previous(), seen.input().len())).collect();
    assert_eq!(previous, [(None, 1), (Some("r1".into()), 1), (None, 3)]);
    assert_eq!(pair.dials.len(), 1, "all of it on one socket");
}

#[test]
fn response_with_more_items_than_the_body_limit_is_not_continued() {
    for (limit, previous) in [(64 * 1024 * 1024, Some("r1")), (1000, None)] {
        let text = "x".repeat(2000);
        let script = Script::new().ws([vec![created("r1"), msg("m1", &text), done("r1")], vec![done("r2")]]);
        let mut settings = Settings::default();
        settings.connection.max_body = limit;
        let mut pair = Pair::new(provider(), settings, script);
        pair.ask(ask("one"));
        pair.ask(request(vec![user("one"), assistant("m1", &text), user("two")]));
        assert_eq!(pair.texts()[1].previous().as_deref(), previous, "{limit}");
    }
}

#[test]
fn operation_that_carries_no_turn_token_brings_none() {
    for (carries, expected) in [(false, None), (true, Some("of-the-operation"))] {
        let head = [("x-codex-turn-state", "of-the-operation")];
        let script =
            Script::new().on(Kind::Post, vec![Act::respond_with(200, &head, "{}")]).on(Kind::Post, ok_stream());
        let mut pair = Pair::new(http_provider(), Settings::default(), script);
        let mut operation = RawOperation::post("images/generations", b"{}".to_vec());
        operation.send_turn_token = carries;
        pair.client.submit_raw(pair.now, operation).expect("an operation");
        pair.run();
        assert_eq!(pair.client.turn_token(), expected, "{carries}");
        pair.ask(ask("one"));
        assert_eq!(pair.posts()[1].header("x-codex-turn-state"), expected, "{carries}");
    }
}

/// A header value loses surrounding white space in transit, so that the server would receive another token.
#[test]
fn turn_token_that_no_header_can_hold_is_left_out_and_counted() {
    for (value, fits) in
        [("plain", true), (" before", false), ("behind ", false), ("\tboth\t", false), ("line\nend", false)]
    {
        let script = Script::new()
            .ws([vec![created("r1"), token(value), done("r1")]])
            .on(Kind::Post, vec![Act::respond(200, "{}")]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.ask(ask("one"));
        assert_eq!(pair.client.turn_token(), Some(value));
        let mut operation = RawOperation::post("responses/compact", b"{}".to_vec());
        operation.send_turn_token = true;
        pair.client.submit_raw(pair.now, operation).expect("an operation");
        pair.run();
        let sent = pair.posts()[0].header("x-codex-turn-state");
        assert_eq!(sent, Some(value).filter(|_| fits), "{value:?}");
        assert_eq!(pair.client.omitted_turn_tokens(), u64::from(!fits), "{value:?}");
    }
}

#[test]
fn base_url_with_a_control_character_is_refused() {
    let controls = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32);
    for control in controls {
        for base in [
            format!("http://127.0.0.1/v1{control}"),
            format!("http://127.0.0.1/{control}v1"),
            format!("http://127.0.0.1/v1?a={control}b"),
            format!("http://127.0.0.1{control}/v1"),
            format!("{control}http://127.0.0.1/v1"),
        ] {
            let provider = Provider::new("test", &base);
            let refused = Client::new(provider, Credentials::None, Settings::default(), [1; 32]).expect_err("a URL");
            assert!(matches!(refused, InvalidProvider::Url(_)), "{base:?}: {refused:?}");
        }
    }
}

/// Keeps the text that `Debug` makes of what it signs.
#[derive(Default)]
struct Shown(Mutex<Vec<(bool, String)>>);

impl Sign for Shown {
    fn sign(&self, request: SignableRequest<'_>) -> Result<(), SignError> {
        let text = format!("{request:?} {:?}", request.headers);
        self.0.lock().expect("a lock").push((request.headers.contains("x-codex-turn-state"), text));
        Ok(())
    }
}

#[test]
fn debug_of_a_request_to_sign_does_not_show_the_turn_token() {
    let with_token = vec![Act::stream_with(&[("x-codex-turn-state", "secret-token")]), Act::Send(done("r")), Act::End];
    let script = Script::new().on(Kind::Post, with_token).on(Kind::Post, ok_stream());
    let shown = Arc::new(Shown::default());
    let signer = Credentials::Signer(Arc::clone(&shown) as Arc<dyn Sign>);
    let mut pair = Pair::with(http_provider(), signer, Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    let shown = shown.0.lock().expect("a lock");
    assert_eq!(shown.iter().map(|(has_token, _)| *has_token).collect::<Vec<_>>(), [false, true]);
    assert!(shown.iter().all(|(_, text)| !text.contains("secret-token")), "{shown:?}");
}
