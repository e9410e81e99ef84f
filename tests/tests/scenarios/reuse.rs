//! Group I: connection reuse, prewarms, and incremental requests.

use std::time::Duration;

use serde_json::json;
use turnwire::client::{OwnedEvent, OwnedOutcome, Request, Settings, TraceContext, TransportPreference};
use turnwire::responses::request::{ReasoningOptions, TextOptions};
use turnwire::responses::{ClientMetadata, CreateResponse, FailureKind, Item, RawJson};
use turnwire_tests::fixtures::{ask, assistant, created, done, done0, error, msg, request, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

fn pair(answers: impl IntoIterator<Item = Vec<String>>) -> Pair {
    Pair::new(provider(), Settings::default(), Script::new().ws(answers))
}

fn retrying(retries: u32, script: Script) -> Pair {
    let mut provider = provider();
    provider.retry.max_retries = retries;
    Pair::new(provider, Settings::default(), script)
}

fn first() -> Vec<String> {
    vec![created("resp-1"), msg("msg_1", "assistant output"), done("resp-1")]
}

fn second_input() -> Vec<Item> {
    vec![user("hello"), assistant("msg_1", "assistant output"), user("second")]
}

#[test]
fn i04_prewarm_metadata_is_the_caller_s() {
    let mut pair = pair([vec![done0("warm-1")]]);
    let mut asked = ask("hello");
    asked.client_metadata = said("x-codex-turn-metadata", r#"{"request_kind":"turn"}"#);
    pair.client.prewarm(pair.now, asked).expect("a prewarm");
    pair.run();
    let frame = pair.texts()[0].json();
    assert_eq!(frame["client_metadata"]["x-codex-turn-metadata"], json!(r#"{"request_kind":"turn"}"#));
}

#[test]
fn i05_startup_prewarm() {
    let mut script = Script::new().ws([vec![done0("warm-1")], first()]);
    script.plan(Kind::Upgrade, vec![Act::Wait(Duration::from_millis(150)), Act::Accept(Vec::new())]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let tools = |mut create: CreateResponse| {
        create.tools = Some(vec![tool()]);
        create
    };
    let warm = pair.client.prewarm(pair.now, tools(request(vec![]))).expect("a prewarm").expect("a websocket");
    pair.run_out();
    assert_eq!(pair.completed(warm), "warm-1");
    pair.ask(tools(ask("hello")));
    let (warm, turn) = (pair.texts()[0].json(), pair.texts()[1].json());
    assert_eq!((&warm["generate"], &warm["input"]), (&json!(false), &json!([])));
    assert_eq!(turn["previous_response_id"], json!("warm-1"));
    assert_eq!((turn["input"].as_array().map(Vec::len), turn.get("generate")), (Some(1), None));
    assert_eq!(turn["tools"][0]["name"], json!("shell"));
}

fn tool() -> RawJson<'static> {
    RawJson::new(r#"{"type":"function","name":"shell","parameters":{}}"#).expect("a tool").into_owned()
}

fn said(key: &str, value: &str) -> Option<ClientMetadata> {
    Some(vec![(key.to_owned(), value.to_owned())].into_iter().collect())
}

#[test]
fn request_after_equal_prewarm_is_empty_and_incremental() {
    let mut pair = pair([vec![done0("warm-1")], first()]);
    pair.client.prewarm(pair.now, ask("hello")).expect("a prewarm");
    pair.run();
    let id = pair.ask(ask("hello"));
    assert_eq!(
        (pair.texts()[1].previous(), pair.texts()[1].json()["input"].clone()),
        (Some("warm-1".into()), json!([]))
    );
    assert!(pair.report(id).expect("a report").incremental);
}

#[test]
fn i06_incremental_on_prefix() {
    let mut pair = pair([first(), vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    let id = pair.ask(request(second_input()));
    let seen = pair.texts()[1];
    assert_eq!(seen.previous().as_deref(), Some("resp-1"));
    let expected = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "second"}]}]);
    assert_eq!(seen.json()["input"], expected);
    let report = pair.report(id).expect("a report");
    assert!(report.incremental && report.reused);
}

#[test]
fn empty_incremental_input_is_sent() {
    let mut pair = pair([first(), vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    pair.ask(request(vec![user("hello"), assistant("msg_1", "assistant output")]));
    assert_eq!(
        (pair.texts()[1].previous().as_deref(), pair.texts()[1].json()["input"].clone()),
        (Some("resp-1"), json!([]))
    );
}

#[test]
fn i07_metadata_differences_ignored() {
    let passed = r#"{"type":"message","role":"assistant","id":"msg_1","content":[{"type":"output_text","text":"a1"}],"internal_chat_message_metadata_passthrough":{"turn_id":"t1"}}"#;
    let with = Item::parse(passed).expect("an item");
    let from_server = format!(r#"{{"type":"response.output_item.done","item":{passed}}}"#);
    let mut pair =
        pair([vec![from_server, done0("resp-1")], vec![msg("msg_2", "a2"), done0("resp-2")], vec![done0("resp-3")]]);
    let turn = |mut create: CreateResponse, id: &str| {
        create.client_metadata = said("turn_id", id);
        create
    };
    pair.ask(turn(ask("one"), "t1"));
    pair.client.begin_turn().expect("nothing is in flight");
    pair.ask(turn(request(vec![user("one"), assistant("msg_1", "a1"), user("two")]), "t2"));
    pair.client.begin_turn().expect("nothing is in flight");
    let a2 = r#"{"type":"message","role":"assistant","id":"msg_2","content":[{"type":"output_text","text":"a2"}],"internal_chat_message_metadata_passthrough":{"turn_id":"t2"}}"#;
    let history = vec![user("one"), with, user("two"), Item::parse(a2).expect("an item"), user("three")];
    pair.ask(turn(request(history), "t3"));
    let previous: Vec<_> = pair.texts().iter().map(|seen| seen.previous()).collect();
    assert_eq!(previous, [None, Some("resp-1".into()), Some("resp-2".into())]);
    let turns: Vec<_> = pair.texts().iter().map(|seen| seen.json()["client_metadata"]["turn_id"].clone()).collect();
    assert_eq!(turns, [json!("t1"), json!("t2"), json!("t3")]);
    assert!(pair.texts().iter().all(|seen| seen.input().len() == 1));
}

#[test]
fn i08_non_prefix() {
    let mut pair = pair([first(), vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    pair.ask(ask("different"));
    assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 1));
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn i11_model_switch_is_sent_in_full_on_same_socket() {
    let mut pair = pair([vec![done0("warm-1")], first(), vec![done0("resp-2")]]);
    pair.client.prewarm(pair.now, request(vec![])).expect("a prewarm");
    pair.run();
    pair.ask(ask("hello"));
    let mut create = request(second_input());
    create.model = "lite".into();
    create.instructions = "be brief".into();
    create.tools = Some(vec![tool()]);
    let mut lite = Request::from(create);
    lite.lite = true;
    pair.ask(lite);
    let frame = pair.texts()[2].json();
    assert_eq!((frame.get("previous_response_id"), frame.get("tools"), frame.get("instructions")), (None, None, None));
    assert_eq!(frame["input"][0]["type"], json!("additional_tools"));
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn changed_request_members_prevent_incremental_request() {
    let change: [fn(&mut CreateResponse); 10] = [
        |create| create.model = "other".into(),
        |create| create.instructions = "other".into(),
        |create| create.tools = Some(vec![tool()]),
        |create| create.parallel_tool_calls = !create.parallel_tool_calls,
        |create| create.service_tier = Some("flex".into()),
        |create| create.prompt_cache_key = Some("other".into()),
        |create| create.tool_choice = RawJson::string("none"),
        |create| create.reasoning = Some(ReasoningOptions::effort("low")),
        |create| create.include = vec!["web_search_call.results".into()],
        |create| create.text = Some(TextOptions::default().with_verbosity("low")),
    ];
    for change in change {
        let mut pair = pair([first(), vec![done0("resp-2")]]);
        pair.ask(ask("hello"));
        let mut second = request(second_input());
        change(&mut second);
        pair.ask(second);
        assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 3));
    }
}

#[test]
fn i14_ids_in_the_baseline() {
    let mut pair = pair([first(), vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    pair.ask(request(vec![user("hello"), assistant("msg_9", "assistant output"), user("second")]));
    let seen = pair.texts()[1];
    assert_eq!((seen.previous(), seen.input().len()), (None, 3));
    assert!(seen.input().iter().all(|item| item.get("id").is_none()));
}

#[test]
fn i15_stream_options_and_trace_differences_ignored() {
    let mut pair = pair([first(), vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    let mut create = request(second_input());
    create.client_metadata = said("k", "v");
    create.stream_options = Some(turnwire::responses::request::StreamOptions::new().include_obfuscation(false));
    let mut second = Request::from(create);
    second.trace = Some(TraceContext { parent: "00-1-2-01".into(), state: None });
    pair.ask(second);
    let seen = pair.texts()[1].json();
    assert_eq!(seen["previous_response_id"], json!("resp-1"));
    assert_eq!(seen["client_metadata"]["ws_request_header_traceparent"], json!("00-1-2-01"));
}

#[test]
fn i18_prewarm_skipped() {
    let mut pair = pair([vec![done0("warm-1")]]);
    assert!(pair.client.prewarm(pair.now, ask("hello")).expect("a prewarm").is_some());
    assert_eq!(pair.client.prewarm(pair.now, ask("hello")).expect("a second one"), None);
    pair.run();
    assert_eq!(pair.client.prewarm(pair.now, ask("hello")).expect("a third one"), None);
    assert_eq!(pair.texts().len(), 1);
    let http = turnwire_tests::pair::http_provider();
    let mut pair = Pair::new(http, Settings::default(), Script::new());
    assert_eq!(pair.client.prewarm(pair.now, ask("hello")).expect("no websocket"), None);
    pair.run();
    assert_eq!((pair.dials.len(), pair.client.has_pending_requests()), (0, false));
}

#[test]
fn i19_prewarm_ends_early() {
    let mut pair = retrying(3, Script::new().ws([vec![], vec![done0("resp-1")]]));
    let warm = pair.client.prewarm(pair.now, ask("hello")).expect("a prewarm").expect("a websocket");
    pair.run();
    pair.act(Act::Close(1011, "no".into()));
    let failure = pair.failure(warm);
    assert_eq!(failure.message, "websocket closed by server before response.completed");
    // The prewarm has one attempt, and its failure does not affect the following turn.
    assert_eq!(pair.texts().len(), 1);
    let id = pair.ask(ask("hello"));
    assert_eq!((pair.completed(id).as_str(), pair.texts()[1].previous()), ("resp-1", None));
}

#[test]
fn i20_empty_response_id() {
    let mut pair = pair([vec![msg("msg_1", "assistant output"), done0("")], vec![done0("resp-2")]]);
    pair.ask(ask("hello"));
    pair.ask(request(second_input()));
    assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 3));
}

#[test]
fn unreadable_item_prevents_incremental_request() {
    let bad = r#"{"type":"response.output_item.done","item":{"type":"message","role":"assistant"}}"#;
    let mut pair = pair([vec![bad.into(), done0("resp-1")], vec![done0("resp-2")]]);
    let first = pair.ask(ask("hello"));
    assert_eq!(pair.completed(first), "resp-1");
    pair.ask(request(vec![user("hello"), user("second")]));
    assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 2));
}

#[test]
fn i21_connection_limit() {
    let limit = error(400, "websocket_connection_limit_reached", "Responses websocket connection limit reached");
    let mut pair = retrying(1, Script::new().ws([vec![limit], vec![created("a"), done("a")]]));
    let id = pair.ask(ask("hello"));
    pair.run_out();
    assert_eq!(pair.completed(id), "a");
    assert_eq!((pair.upgrades().len(), pair.texts().len()), (2, 2));
    assert_eq!(pair.delays(), [Duration::ZERO]);
    assert_eq!(pair.upgrades()[0].header("user-agent"), pair.upgrades()[1].header("user-agent"));
}

#[test]
fn i22_connect_timeout() {
    let mut provider = provider();
    provider.connect_timeout = Duration::from_millis(50);
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut script = Script::new().ws([vec![done0("resp-1")]]);
    script.plan(Kind::Upgrade, vec![]);
    let mut pair = Pair::new(provider, settings, script);
    let start = pair.now;
    let first = pair.ask(ask("hello"));
    pair.run_out();
    assert_eq!(pair.failure(first).kind, FailureKind::Timeout);
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_millis(50));
    let second = pair.ask(ask("hello"));
    assert_eq!((pair.completed(second).as_str(), pair.dials.len()), ("resp-1", 2));
}

/// Differs: the close is noticed when it happens, and costs no attempt (docs/differences.md row 10).
#[test]
fn i23_idle_closed_socket_recovery() {
    for act in [Act::Close(1000, String::new()), Act::Drop] {
        let mut pair = retrying(0, Script::new().ws([first(), vec![created("resp-2"), done("resp-2")]]));
        pair.ask(ask("hello"));
        pair.act(act);
        assert!(pair.events.iter().any(|event| matches!(event, OwnedEvent::Disconnected(_))));
        let second = pair.ask(request(second_input()));
        assert_eq!(pair.completed(second), "resp-2");
        assert_eq!((pair.dials.len(), pair.texts()[1].input().len(), pair.texts()[1].previous()), (2, 3, None));
        assert!(pair.delays().is_empty() && !pair.client.is_http_fallback());
    }
}

/// A client is one conversation with one socket; two concurrent conversations are two clients with a socket each.
#[test]
fn i24_concurrent_turn_sessions() {
    let mut one = pair([first()]);
    let mut two = pair([first()]);
    one.ask(ask("hello"));
    two.ask(ask("hello"));
    assert_eq!((one.dials.len(), two.dials.len()), (1, 1));
    // Within a client, a second request waits for the first instead of opening another socket.
    let mut both = pair([vec![created("a")], vec![done0("b")]]);
    both.ask(ask("hello"));
    let second = both.ask(ask("again"));
    assert_eq!(both.texts().len(), 1);
    both.act(Act::Send(done("a")));
    assert_eq!((both.completed(second).as_str(), both.dials.len()), ("b", 1));
}

#[test]
fn unknown_previous_response_causes_one_full_request() {
    let forgotten = || vec![error(400, "previous_response_not_found", "no such response")];
    let mut pair = pair([first(), forgotten(), vec![created("resp-2"), done("resp-2")]]);
    pair.ask(ask("hello"));
    let second = pair.ask(request(second_input()));
    pair.run_out();
    assert_eq!(pair.completed(second), "resp-2");
    let seen: Vec<_> = pair.texts().iter().map(|seen| (seen.previous(), seen.input().len())).collect();
    assert_eq!(seen, [(None, 1), (Some("resp-1".into()), 1), (None, 3)]);
    // If the full request fails the same way, the request fails.
    let mut pair = retrying(5, Script::new().ws([first(), forgotten(), forgotten()]));
    pair.ask(ask("hello"));
    let second = pair.ask(request(second_input()));
    pair.run_out();
    assert_eq!(pair.failure(second).kind, FailureKind::PreviousResponseNotFound);
    assert_eq!(pair.texts().len(), 3);
}

#[test]
fn non_incremental_provider_gets_full_requests() {
    let mut provider = provider();
    provider.capabilities.incremental = false;
    let mut pair = Pair::new(provider, Settings::default(), Script::new().ws([first(), vec![done0("resp-2")]]));
    pair.ask(ask("hello"));
    pair.ask(request(second_input()));
    assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 3));
}

#[test]
fn prewarm_is_skipped_when_upgrade_is_rejected() {
    let mut script = Script::new().sse([vec![done("resp-1")]]);
    script.plan(Kind::Upgrade, vec![Act::respond(426, "")]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let warm = pair.client.prewarm(pair.now, ask("hello")).expect("a prewarm").expect("a websocket");
    pair.run_out();
    assert!(matches!(pair.outcome(warm), Some(OwnedOutcome::PrewarmSkipped)));
    assert_eq!(pair.posts().len(), 0);
}

#[test]
fn previous_response_is_not_used_on_another_connection() {
    let script = Script::new().ws([first(), vec![done0("resp-2")]]).on(Kind::Post, vec![Act::respond(200, "{}")]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("hello"));
    pair.client.submit_raw(pair.now, turnwire::client::RawOperation::get("models")).expect("a call");
    pair.run();
    pair.ask(request(second_input()));
    assert_eq!((pair.dials.len(), pair.texts()[1].previous(), pair.texts()[1].input().len()), (3, None, 3));
}
