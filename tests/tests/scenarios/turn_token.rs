//! Group H: the turn token.

use serde_json::json;
use turnwire::client::{FallbackReason, OwnedEvent, OwnedOutcome, RawOperation, Settings};
use turnwire_tests::fixtures::{ask, call, created, delta, done, meta, msg, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn states(pair: &Pair) -> Vec<Option<String>> {
    pair.seen.iter().filter(|seen| matches!(seen.kind, Kind::Post | Kind::Text)).map(|seen| seen.turn_state()).collect()
}

fn state(value: &str) -> Option<String> {
    Some(value.into())
}

#[test]
fn h03_first_value_wins() {
    let script = Script::new().ws([
        vec![created("r1"), token("ts-1"), call("c1", "f", "{}"), done("r1")],
        vec![created("r2"), token("ts-2"), call("c2", "f", "{}"), done("r2")],
        vec![created("r3"), msg("msg_1", "done"), done("r3")],
    ]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.client.begin_turn().expect("nothing is in flight");
    for text in ["one", "two", "three"] {
        pair.ask(ask(text));
    }
    assert_eq!(states(&pair), [None, state("ts-1"), state("ts-1")]);
    // The next turn begins without it, on the same socket.
    pair.client.begin_turn().expect("nothing is in flight");
    pair.ask(ask("four"));
    assert_eq!(states(&pair)[3], None);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn h04_not_from_sse_metadata() {
    let script = Script::new().sse([vec![created("r1"), token("zz"), done("r1")], vec![created("r2"), done("r2")]]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, None]);
    assert_eq!(pair.client.turn_token(), None);
}

fn stream(token: &str, id: &str) -> Vec<Act> {
    let head =
        if token.is_empty() { Act::stream_with(&[]) } else { Act::stream_with(&[("x-codex-turn-state", token)]) };
    vec![head, Act::Send(created(id)), Act::Send(done(id)), Act::End]
}

fn compact(token: &str) -> Vec<Act> {
    vec![Act::respond_with(200, &[("x-codex-turn-state", token)], r#"{"output":[]}"#)]
}

fn compaction() -> RawOperation {
    let mut call = RawOperation::post("responses/compact", b"{}".to_vec());
    call.send_turn_token = true;
    call
}

#[test]
fn h05_compaction_seeds() {
    let script = Script::new().on(Kind::Post, compact("compact-state")).on(Kind::Post, stream("later", "r1"));
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.client.begin_turn().expect("nothing is in flight");
    let id = pair.client.submit_raw(pair.now, compaction()).expect("a call");
    pair.run();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::OperationCompleted { .. })));
    pair.ask(ask("one"));
    assert_eq!(states(&pair), [None, state("compact-state")]);
}

#[test]
fn h06_mid_turn_compaction_v1() {
    let script = Script::new()
        .on(Kind::Post, stream("sampling-state", "r1"))
        .on(Kind::Post, compact("compact-state"))
        .on(Kind::Post, stream("continuation-state", "r2"))
        .on(Kind::Post, stream("", "r3"));
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.client.submit_raw(pair.now, compaction()).expect("a call");
    pair.run();
    pair.ask(ask("two"));
    pair.ask(ask("three"));
    let sampling = state("sampling-state");
    assert_eq!(states(&pair), [None, sampling.clone(), sampling.clone(), sampling]);
}

#[test]
fn h07_mid_turn_compaction_v2_over_http() {
    let script = (1..=4).fold(Script::new(), |script, at| {
        let token = if at == 1 { "sampling-state".into() } else { format!("other-{at}") };
        script.on(Kind::Post, stream(&token, &format!("r{at}")))
    });
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let trigger = turnwire::responses::Item::parse(r#"{"type":"compaction_trigger"}"#).expect("an item");
    pair.ask(turnwire_tests::fixtures::request(vec![turnwire_tests::fixtures::user("one"), trigger]));
    pair.ask(ask("three"));
    pair.ask(ask("four"));
    let sampling = state("sampling-state");
    assert_eq!(states(&pair), [None, sampling.clone(), sampling.clone(), sampling]);
    assert_eq!(pair.posts()[1].input()[1], json!({"type": "compaction_trigger"}));
    assert!(pair.posts().iter().all(|post| post.target == "/v1/responses"));
}

#[test]
fn h08_mid_turn_compaction_v2_over_websocket() {
    let answers = ["", "sampling-state", "compact", "continue", "final"].iter().enumerate().map(|(at, value)| {
        let id = format!("r{at}");
        let told = if value.is_empty() { vec![] } else { vec![token(value)] };
        [created(&id)].into_iter().chain(told).chain([done(&id)]).collect::<Vec<_>>()
    });
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws(answers));
    pair.client.prewarm(pair.now, ask("one")).expect("a prewarm").expect("a websocket to prewarm");
    pair.run();
    for text in ["one", "two", "three", "four"] {
        pair.ask(ask(text));
    }
    let sampling = state("sampling-state");
    assert_eq!(states(&pair), [None, None, sampling.clone(), sampling.clone(), sampling]);
    assert_eq!(pair.dials.len(), 1);
    assert_eq!(pair.texts()[0].json()["generate"], json!(false));
}

#[test]
fn h09_crosses_transports() {
    let mut script = Script::new().ws([vec![token("ts-1")]]);
    script.plan(Kind::Post, stream("", "r1"));
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!(pair.completed(id), "r1");
    assert_eq!(states(&pair), [None, state("ts-1")]);
    assert!(
        pair.events.iter().any(|event| matches!(event, OwnedEvent::HttpFallback(FallbackReason::Exhausted { .. })))
    );
}

#[test]
fn h11_handshake_header_ignored() {
    let mut script = Script::new().ws([vec![created("a"), done("a")], vec![created("b"), done("b")]]);
    script.plan(Kind::Upgrade, vec![Act::accept_with(&[("x-codex-turn-state", "hs")])]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, None]);
    assert_eq!(pair.upgrades()[0].header("x-codex-turn-state"), None);
}

#[test]
fn turn_token_is_read_in_any_case_and_from_arrays() {
    let odd = meta(&json!({"other": "no", "x-codex-turn-state": 5, "X-Codex-Turn-State": [["deep"]]}));
    let script = Script::new().ws([vec![created("a"), odd, done("a")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, state("deep")]);
}

#[test]
fn empty_turn_token_is_replayed() {
    let script = Script::new().ws([vec![token(""), token("ts-2"), done("a")], vec![done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, state("")]);
}

#[test]
fn too_long_turn_token_is_ignored() {
    let long = "x".repeat(turnwire::turn::Turn::MAX_TOKEN + 1);
    let script = Script::new().ws([vec![token(&long), done("a")], vec![done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, None]);
}

#[test]
fn turn_token_invalid_in_header_is_sent_only_over_websocket() {
    let mut script = Script::new().ws([vec![token("ts\n1"), done("a")], vec![done("b")]]);
    script.plan(Kind::Post, stream("", "c"));
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.ask(ask("two"));
    assert_eq!(states(&pair), [None, state("ts\n1")]);
    let third = pair.ask(ask("three"));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!(pair.completed(third), "c");
    assert_eq!((pair.posts()[0].turn_state(), pair.client.omitted_turn_tokens()), (None, 1));
    let report = pair.report(third).expect("a report");
    assert!(!report.turn_token);
}

#[test]
fn provider_without_turn_token_ignores_it() {
    let mut ws = provider();
    ws.capabilities.turn_token = false;
    let script = Script::new().ws([vec![token("ts-1"), done("a")], vec![done("b")]]);
    let mut http = http_provider();
    http.capabilities.turn_token = false;
    let streams = Script::new().on(Kind::Post, stream("ts-1", "a")).on(Kind::Post, stream("", "b"));
    for (provider, script) in [(ws, script), (http, streams)] {
        let mut pair = Pair::new(provider, Settings::default(), script);
        pair.ask(ask("one"));
        pair.ask(ask("two"));
        assert_eq!(states(&pair), [None, None]);
        assert_eq!(pair.client.turn_token(), None);
    }
}

#[test]
fn retry_replays_turn_token_of_first_attempt() {
    let mut provider = provider();
    provider.retry.max_retries = 1;
    let script = Script::new().ws([vec![token("ts-1"), created("a")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider, Settings::default(), script);
    let id = pair.ask(ask("one"));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!(pair.completed(id), "b");
    assert_eq!(states(&pair), [None, state("ts-1")]);
}

#[test]
fn turn_cannot_begin_while_request_is_in_flight() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![token("ts-1"), delta("x")]]));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.client.begin_turn(), Err(turnwire::client::CommandError::InFlight));
    pair.client.cancel(pair.now, id);
    assert_eq!(pair.client.begin_turn(), Ok(()));
    assert_eq!(pair.client.turn_token(), None);
}
