//! The requests that the Codex CLI 0.171.0 sent in one session (`tests/vectors/codex-0.171.0.json`, recorded by
//! `tests/interop/codex/run`), made by this client from a `Session`, a `TurnMetadata` and a `CreateResponse`, and compared member by
//! member and header by header (`docs/protocol.md` §15.5).
//!
//! Ids and times that differ between runs are constants in the recording; the texts of the Codex CLI are not in it.

use serde_json::{Map, Value, json};
use turnwire::client::{Credentials, Provider, Request, Settings};
use turnwire::responses::request::{ReasoningOptions, TextOptions};
use turnwire::responses::session::{RequestKind, Session, TurnMetadata, UserAgent};
use turnwire::responses::{CreateResponse, Item, RawJson};
use turnwire_tests::fixtures::{created, delta, done, msg, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, Seen, http_provider, provider};

const NOW_MS: u64 = 1_700_000_000_000;

/// The members of turn metadata that this library has no names for.
const FURTHER: [&str; 6] = [
    "auto_review_enabled",
    "node_repl_auto_review_required",
    "node_repl_disabled",
    "analytics_enabled",
    "model",
    "reasoning_effort",
];

/// The recorded requests of one configuration of the Codex CLI.
fn recorded(configuration: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../vectors/codex-0.171.0.json")).expect("JSON");
    all[configuration].as_array().expect("a configuration").clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(Into::into)
}

/// The metadata of the turn, from the values that the application of that session had.
fn turn_metadata(recorded: &Value) -> TurnMetadata {
    let kind = if recorded["request_kind"] == "prewarm" { RequestKind::Prewarm } else { RequestKind::Turn };
    let mut turn = TurnMetadata::new(kind, &text(&recorded["turn_id"]));
    turn.root_turn_id = optional(&recorded["root_turn_id"]);
    turn.agent_name = Some("/root".into());
    turn.window_number = Some(0);
    turn.context_window_id = optional(&recorded["context_window_id"]);
    turn.history_initialization = optional(&recorded["history_initialization"]);
    turn.sandbox = Some("none".into());
    turn.sandbox_mode = Some("danger-full-access".into());
    turn.turn_started_at_unix_ms = recorded["turn_started_at_unix_ms"].as_i64();
    let further = FURTHER.iter().filter_map(|name| Some((*name, recorded.get(name)?)));
    further.fold(turn, |turn, (name, value)| turn.with(name, value).expect("a member of the application"))
}

/// The request with this history. `body`: the recorded one, for what the application chooses.
fn create(body: &Value, history: &[Item], lite: bool) -> CreateResponse {
    let mut create = CreateResponse::new(&text(&body["model"]), history.to_vec());
    let tools = body["tools"].as_array();
    create.tools = tools.map(|tools| tools.iter().map(|tool| RawJson::of(tool).expect("JSON")).collect());
    create.include = vec!["reasoning.encrypted_content".into()];
    if lite {
        create.reasoning = Some(ReasoningOptions::effort("medium"));
        create.text = Some(TextOptions::default().with_verbosity("low"));
    } else {
        create.parallel_tool_calls = true;
        create.reasoning = Some(ReasoningOptions::default().with_summary("auto"));
    }
    create
}

fn items(input: &Value) -> Vec<Item> {
    let item = |value: &Value| {
        let item = Item::parse(&value.to_string()).expect("an item");
        assert!(!matches!(item, Item::Other { .. }), "an item without a type of this library: {value}");
        item
    };
    input.as_array().expect("an array").iter().map(item).collect()
}

/// What the scripted server of the session (`tests/interop/codex/session.toml`) sent in response to each request and message:
/// each response with the number of its reply, up to the point at which the client stopped it.
fn responses(requests: &[Value], steered: bool) -> Vec<Vec<String>> {
    let (mut replies, mut prewarms) = (0, 0);
    let mut response = |request: &Value| {
        if let Some(id) = request["message"]["response_id"].as_str() {
            let interrupted =
                json!({"id": id, "status": "incomplete", "incomplete_details": {"reason": "interrupted"}});
            return vec![
                json!({"type": "response.interrupt.accepted", "response_id": id}).to_string(),
                json!({"type": "response.output_item.interrupted", "response_id": id, "item_id": "msg_1", "output_index": 0})
                    .to_string(),
                json!({"type": "response.incomplete", "response": interrupted}).to_string(),
            ];
        }
        if request["body"]["generate"] == false {
            prewarms += 1;
            let id = format!("resp_prewarm_{prewarms}");
            return vec![created(&id), done(&id)];
        }
        replies += 1;
        let id = format!("resp_{replies}");
        let mut events = vec![created(&id)];
        events.extend(match replies {
            1 => {
                let call = json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_1",
                    "name": "exec_command", "arguments": r#"{"cmd":"echo hi"}"#});
                let item = json!({"type": "response.output_item.done", "item": call});
                vec![token("ts-first"), item.to_string(), done(&id)]
            }
            3 if steered => vec![delta("One ")],
            5 => vec![delta("One ")],
            _ => vec![msg(&format!("msg_{replies}"), "text"), done(&id)],
        });
        events
    };
    requests.iter().map(&mut response).collect()
}

/// The items of the output of a response.
fn output(events: &[String]) -> Vec<Item> {
    let values = events.iter().map(|event| serde_json::from_str::<Value>(event).expect("an event"));
    values
        .filter(|event| event["type"] == "response.output_item.done")
        .flat_map(|event| items(&json!([event["item"]])))
        .collect()
}

/// A client in one process of the session.
fn client(first: &Value, transport: &str, script: Script) -> Pair {
    let mut provider: Provider = if transport == "http" { http_provider() } else { provider() };
    provider.capabilities.websocket = transport == "websocket";
    provider.capabilities.beta_header = Some("responses_websockets=2026-02-06".into());
    let metadata = &first["body"]["client_metadata"];
    let mut session = Session::new(
        &text(&metadata["session_id"]),
        &text(&metadata["thread_id"]),
        &text(&metadata["x-codex-installation-id"]),
    );
    session.beta_features = vec!["remote_compaction_v2".into()];
    let mut agent = UserAgent::new("turnwire", "0.171.0");
    agent.suffix = Some("turnwire; 1.0".into());
    let mut settings = Settings::default();
    settings.session = Some(session);
    settings.default_headers = agent.defaults();
    settings.send_item_ids = true;
    let mut pair = Pair::with(provider, Credentials::bearer("sk-***"), settings, script);
    pair.client.set_wall_clock(pair.now, NOW_MS);
    pair
}

/// Turn metadata as a value, and the times and the user agent as they are in the recording.
fn normal_headers(headers: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut normal = Map::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let value = match &*name {
            "x-codex-turn-metadata" => serde_json::from_str(&value).expect("JSON"),
            "user-agent" => value.replace("(unknown; unknown) unknown", "(os) terminal").into(),
            "host" => "host".into(),
            "sec-websocket-key" => "key".into(),
            "content-length" => "length".into(),
            _ => value.into(),
        };
        assert_eq!(normal.insert(name, value), None, "a header is sent twice");
    }
    normal.into()
}

fn normal_body(mut body: Value) -> Value {
    let metadata = &mut body["client_metadata"];
    if let Some(blob) = metadata["x-codex-turn-metadata"].as_str() {
        metadata["x-codex-turn-metadata"] = serde_json::from_str(blob).expect("JSON");
    }
    let stamp = "x-codex-ws-stream-request-start-ms";
    if let Some(time) = metadata[stamp].as_str() {
        assert_eq!(time.len(), 13, "a time in milliseconds: {time}");
        metadata[stamp] = NOW_MS.to_string().into();
    }
    // Later items repeat texts of the model, which the recording does not have.
    for item in body["input"].as_array_mut().into_iter().flatten() {
        if item["type"] == "function_call_output" {
            item["output"] = "text".into();
        }
    }
    body
}

/// Lists the members that differ.
fn differences(path: &str, expected: &Value, sent: &Value) -> Vec<String> {
    match (expected, sent) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let member = |name: &&String| differences(&format!("{path}.{name}"), &expected[*name], &sent[*name]);
            names.iter().flat_map(member).collect()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let pairs = left.iter().zip(right).enumerate();
            pairs.flat_map(|(at, (left, right))| differences(&format!("{path}[{at}]"), left, right)).collect()
        }
        _ if expected == sent => Vec::new(),
        _ => vec![format!("{path}: {sent} instead of {expected}")],
    }
}

/// Runs the requests of one process, and compares each with the recorded one.
fn run_process(requests: &[Value], responses: &[Vec<String>], transport: &str, lite: bool) -> Vec<String> {
    let script = responses.iter().fold(Script::new(), |script, events| {
        if transport == "websocket" {
            return script.ws([events.clone()]);
        }
        let is_token = |event: &&String| event.contains("response.metadata");
        let headers: &[_] =
            if events.iter().any(|event| is_token(&event)) { &[("x-codex-turn-state", "ts-first")] } else { &[] };
        let sent = events.iter().filter(|event| !is_token(event)).map(|event| Act::Send(event.clone()));
        let acts = [Act::stream_with(headers)].into_iter().chain(sent);
        let is_whole = events.last().is_some_and(|event| event.contains("response.completed"));
        script.on(Kind::Post, acts.chain(is_whole.then_some(Act::End)).collect::<Vec<_>>())
    });
    let mut pair = client(&requests[0], transport, script);
    let (mut history, mut turn_id, mut running) = (Vec::new(), String::new(), None);
    let mut found = Vec::new();
    for (at, (request, events)) in requests.iter().zip(responses).enumerate() {
        let (path, body) = (format!("{transport}[{at}]"), &request["body"]);
        if request["message"].is_object() {
            pair.client.interrupt(pair.now, running.take().expect("a running request")).expect("a running request");
            pair.run();
            let sent = pair.texts().last().expect("a message").json();
            found.extend(differences(&path, &request["message"], &sent));
            continue;
        }
        if let Some(id) = running.take().filter(|id| pair.outcome(*id).is_none()) {
            // The user stopped the turn.
            pair.client.cancel(pair.now, id);
            pair.run();
        }
        if body["previous_response_id"].is_null() {
            history.clear();
        }
        history.extend(items(&body["input"]));
        let metadata = &body["client_metadata"];
        let mut next = Request::from(create(body, &history, lite));
        next.lite = lite;
        next.turn = Some(turn_metadata(&metadata["x-codex-turn-metadata"]));
        if transport == "http" {
            // The Codex CLI undoes zstd, which this library does not; its header can be sent.
            next.headers.push(("accept-encoding".into(), "zstd,gzip".into()));
        }
        if text(&metadata["turn_id"]) != turn_id && body["generate"].is_null() {
            turn_id = text(&metadata["turn_id"]);
            pair.client.begin_turn().expect("no request is running");
        }
        if body["generate"] == false {
            running = pair.client.prewarm(pair.now, next).expect("a request that can be sent");
            assert!(running.is_some(), "the client does not prewarm");
        } else {
            running = Some(pair.send(next));
        }
        pair.run();
        found.extend(compare(&path, request, &pair));
        history.extend(output(events));
    }
    found
}

/// Compares the last request that the servers received.
fn compare(path: &str, recorded: &Value, pair: &Pair) -> Vec<String> {
    let of = |seen: &Seen| normal_headers(seen.headers.clone());
    let (head, body) = if recorded["transport"] == "websocket" {
        (pair.upgrades().last().map(|seen| of(seen)), pair.texts().last().map(|seen| seen.json()))
    } else {
        (pair.posts().last().map(|seen| of(seen)), pair.posts().last().map(|seen| seen.json()))
    };
    let (head, body) = (head.expect("a head"), normal_body(body.expect("a body")));
    let mut found = differences(&format!("{path}.headers"), &recorded["headers"], &head);
    found.extend(differences(&format!("{path}.body"), &recorded["body"], &body));
    found
}

#[test]
fn every_request_of_the_codex_cli_can_be_made_member_by_member() {
    let configurations = ["websocket, responses-lite", "websocket", "http, responses-lite", "http"];
    for configuration in configurations {
        let requests = recorded(configuration);
        let (transport, lite) = match configuration.split_once(", ") {
            Some((transport, _)) => (transport, true),
            None => (configuration, false),
        };
        let responses = responses(&requests, lite && transport == "websocket");
        let resumed = requests.iter().position(|request| {
            request["body"]["client_metadata"]["x-codex-turn-metadata"]["history_initialization"] == "cold_resume"
        });
        let resumed = resumed.expect("a resumed thread");
        let mut found = run_process(&requests[..resumed], &responses[..resumed], transport, lite);
        found.extend(run_process(&requests[resumed..], &responses[resumed..], transport, lite));
        assert!(found.is_empty(), "{configuration}:\n{}", found.join("\n"));
    }
}
