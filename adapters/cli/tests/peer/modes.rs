//! Modes of `turnwire serve`: pages of other origins, faults by seed, the status page, commands about a response, the script's schema.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use turnwire_blocking::turnwire::client::{self, Credentials, Event, Outcome, Provider, Settings, TransportPreference};
use turnwire_blocking::turnwire::responses::{CreateResponse, EventData, Item};
use turnwire_blocking::turnwire::time::Instant;
use turnwire_blocking::{Client, block_on};
use turnwire_cli::serve::{Script, ScriptedServer, spawn};

use super::serve::exchange;

fn start(server: ScriptedServer) -> String {
    spawn(server).expect("a port").0.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

fn scripted(script: &str) -> ScriptedServer {
    ScriptedServer::new(Script::parse(script).expect("a script"))
}

const TEXT: &str = "created_at = 0\n[[reply]]\ntext = \"a b c\"\n";

fn request(address: &str, method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}");
    let close = if headers.contains("Upgrade") { "" } else { "Connection: close\r\n" };
    String::from_utf8_lossy(&exchange(address, format!("{head}{close}\r\n{body}").as_bytes()).0).into_owned()
}

const POST: &str = r#"{"model":"gpt-x","stream":true,"input":"hi"}"#;

#[test]
fn pages_of_other_origins_are_refused_unless_they_are_allowed() {
    // The server closes after the handshake, so that the test reads to the end.
    let cut = format!("[handshake]\ncut_at = 60\n{}", TEXT.trim_start_matches("created_at = 0\n"));
    let upgrade = |address: &str, origin: &str| {
        let headers = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        request(address, "GET", "/v1/responses", &format!("{headers}Origin: {origin}\r\n"), "")
    };
    let page = "http://page.example";
    let closed = start(scripted(&cut));
    let refused = upgrade(&closed, page);
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("forbidden_origin"), "{refused}");
    assert!(upgrade(&closed, &format!("http://{closed}")).starts_with("HTTP/1.1 101 "), "the server's own page");
    let preflight =
        "Origin: http://page.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a\r\n";
    assert!(request(&closed, "OPTIONS", "/v1/responses", preflight, "").starts_with("HTTP/1.1 403 "));
    let response = request(&closed, "POST", "/v1/responses", "Origin: http://page.example\r\n", POST);
    assert!(
        response.contains("response.completed") && !response.to_lowercase().contains("access-control"),
        "{response}"
    );

    let open = start(scripted(&cut).with_cors(&[page.to_owned()]));
    assert!(upgrade(&open, page).starts_with("HTTP/1.1 101 "));
    assert!(upgrade(&open, "http://other.example").starts_with("HTTP/1.1 403 "));
    let allowed = request(&open, "OPTIONS", "/v1/responses", preflight, "");
    assert!(allowed.starts_with("HTTP/1.1 204 ") && allowed.contains("Access-Control-Allow-Headers: x-a"), "{allowed}");
    let response = request(&open, "POST", "/v1/responses", "Origin: http://page.example\r\n", POST);
    assert!(response.contains("Access-Control-Allow-Origin: http://page.example\r\n"), "{response}");
}

#[test]
fn chaos_of_a_seed_repeats_exactly_and_uses_no_reply() {
    let script = "created_at = 0\n[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n";
    let outcomes = |seed| {
        let address = start(scripted(script).with_chaos(0.6, seed));
        (0..10).map(|_| request(&address, "POST", "/v1/responses", "", POST)).collect::<Vec<_>>()
    };
    let first = outcomes(7);
    // The ids count failed attempts, too.
    let completed: Vec<_> = first.iter().filter(|response| response.contains("response.completed")).collect();
    assert!((2..9).contains(&completed.len()), "{} of 10 are complete", completed.len());
    for (at, response) in completed.iter().enumerate() {
        let expected = ["\"text\":\"one\"", "\"text\":\"two\""][at % 2];
        assert!(response.contains(expected), "the replies come in their order: {response}");
    }
    assert_eq!(first.len(), 10);
    let again = outcomes(7);
    // A reset may overtake bytes that were sent before it.
    for (first, again) in first.iter().zip(&again) {
        assert!(first.starts_with(again.as_str()) || again.starts_with(first.as_str()), "{first}\n{again}");
    }
    assert_ne!(outcomes(8), first);
}

#[test]
fn a_head_comes_byte_by_byte_and_the_rest_at_once() {
    let script = format!("{TEXT}head_byte_ms = 2\n");
    let (slow, fast) = (start(scripted(&script)), start(scripted(TEXT)));
    let begun = std::time::Instant::now();
    let response = request(&slow, "POST", "/v1/responses", "", POST);
    let head = response.split("\r\n\r\n").next().expect("a head").len() as u64;
    let least = Duration::from_millis(2 * head);
    assert!(head > 50 && begun.elapsed() >= least, "{head} bytes in {:?}", begun.elapsed());
    assert_eq!(response, request(&fast, "POST", "/v1/responses", "", POST));
}

#[test]
fn the_status_page_lists_exchanges() {
    let address = start(scripted(TEXT));
    assert!(request(&address, "GET", "/", "", "").contains("<title>turnwire serve</title>"));
    request(&address, "POST", "/v1/responses", "", POST);
    let listed = request(&address, "GET", "/exchanges.json", "", "");
    let listed: Value = serde_json::from_str(listed.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let exchange = &listed[0];
    assert_eq!((&exchange["model"], &exchange["state"]), (&"gpt-x".into(), &"complete".into()), "{listed}");
    assert!(exchange["events"].as_u64() > Some(7) && listed[1].is_null(), "{listed}");
}

/// Sends a request over WebSocket, and calls `command` once, with the first text. Returns the text, the types of events and the end.
fn commanded(
    script: &str,
    mut command: impl FnMut(&mut client::Client, client::RequestId, Instant),
) -> (String, Vec<String>, String) {
    let address = start(scripted(script));
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let provider = Provider::new("test", &format!("http://{address}/v1"));
    let mut client = Client::new(provider, Credentials::None, settings).expect("a client");
    let mut turn = client.turn().expect("a turn");
    let id = turn.send(CreateResponse::new("gpt-x", vec![Item::user("hi")])).expect("a request");
    let (mut text, mut kinds, mut end, mut done) = (String::new(), Vec::new(), String::new(), false);
    while let Some(event) = block_on(turn.next()) {
        match event {
            Event::Server { event, .. } => {
                kinds.push(event.kind().to_owned());
                if let EventData::OutputTextDelta { delta, .. } = &event.data {
                    text.push_str(delta);
                    if !core::mem::replace(&mut done, true) {
                        let now = turn.now();
                        command(turn.client(), id, now);
                    }
                }
            }
            Event::Finished { outcome, .. } => {
                end = match outcome {
                    Outcome::Completed(_) => "completed".to_owned(),
                    Outcome::Failed(failure) => format!("{:?}", failure.kind),
                    other => format!("{other:?}"),
                }
            }
            _ => {}
        }
    }
    (text, kinds, end)
}

#[test]
fn a_response_is_steered_to_the_next_reply_or_interrupted() {
    let script = "[[reply]]\ntext = \"a b c d e f g h\"\ntyping_ms = 100\n[[reply]]\ntext = \"other\"\n";
    let (text, kinds, end) = commanded(script, |client, id, now| {
        client.steer(now, id, &[Item::user("another way")]).expect("a response in progress");
    });
    assert!(text.starts_with("a ") && text.ends_with("other") && !text.contains('g'), "{text}");
    assert!(kinds.iter().any(|kind| kind == "response.steer.accepted"), "{kinds:?}");
    assert_eq!(end, "completed");
    let (text, kinds, _) = commanded(script, |client, id, now| {
        client.interrupt(now, id).expect("a response in progress");
    });
    assert!(text.starts_with("a ") && !text.contains('g'), "{text}");
    assert!(kinds.iter().any(|kind| kind == "response.interrupt.accepted"), "{kinds:?}");
}

#[test]
fn a_script_says_how_steering_and_interruption_end() {
    fn steer(client: &mut client::Client, id: client::RequestId, now: Instant) {
        client.steer(now, id, &[Item::user("another")]).expect("a response in progress");
    }
    let script = |members: &str| {
        format!(
            "[[reply]]\nwhen = \"hi\"\ntext = \"a b c d e f\"\ntyping_ms = 30\n{members}\n[[reply]]\nwhen = \"another\"\ntext = \"other\"\n"
        )
    };
    let has = |kinds: &[String], kind: &str| kinds.iter().filter(|known| *known == kind).count();
    let (text, kinds, _) = commanded(&script("steer = \"complete\""), steer);
    assert_eq!(text, "a b c d e fother");
    assert_eq!((has(&kinds, "response.completed"), has(&kinds, "response.created")), (2, 2), "{kinds:?}");
    let call = "steer = \"complete\"\ncall = { name = \"f\", arguments = \"{}\" }";
    let (text, kinds, _) = commanded(&script(call), steer);
    assert_eq!(
        (&*text, has(&kinds, "response.steer.accepted"), has(&kinds, "response.created")),
        ("a b c d e f", 1, 1)
    );
    assert_eq!(has(&kinds, "response.steer.pending"), 1, "{kinds:?}");
    let (text, kinds, end) = commanded(&script("steer = \"fail\""), steer);
    assert_eq!((&*text, has(&kinds, "response.steer.failed"), &*end), ("a b c d e f", 1, "completed"));
    let (text, kinds, end) = commanded(&script("interrupt = \"fail\""), |client, id, now| {
        client.interrupt(now, id).expect("a response in progress");
    });
    assert_eq!((&*text, has(&kinds, "response.interrupt.failed"), &*end), ("a b c d e f", 1, "completed"));
}

#[test]
fn steering_that_waits_for_a_tool_comes_in_front_of_the_output_of_the_tool() {
    let script = "[[reply]]\nwhen = \"hi\"\ntext = \"a b c\"\ntyping_ms = 30\nsteer = \"complete\"\ncall = { name = \"f\", arguments = \"{}\" }\n\
                  [[reply]]\nwhen = \"another\"\ntext = \"other\"\n";
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let provider = Provider::new("test", &format!("http://{}/v1", start(scripted(script))));
    let mut client = Client::new(provider, Credentials::None, settings).expect("a client");
    let mut turn = client.turn().expect("a turn");
    let mut history = vec![Item::user("hi")];
    let mut texts = Vec::new();
    for _ in 0..2 {
        let id = turn.send(CreateResponse::new("gpt-x", history.clone())).expect("a request");
        let mut text = String::new();
        while let Some(event) = block_on(turn.next()) {
            let Event::Server { event, .. } = event else { continue };
            if let EventData::OutputTextDelta { delta, .. } = &event.data {
                text.push_str(delta);
                if text == "a " {
                    let now = turn.now();
                    turn.client().steer(now, id, &[Item::user("another")]).expect("a response in progress");
                }
            } else if let EventData::OutputItemDone { .. } = &event.data {
                history.extend(event.item());
            }
        }
        let call_id = history.iter().rev().find_map(|item| match item {
            Item::FunctionCall(call) => Some(call.call_id.clone()),
            _ => None,
        });
        history.push(Item::function_call_output(&call_id.expect("a call"), "done"));
        texts.push(text);
    }
    // The second request contains no word of the script.
    assert_eq!(texts, ["a b c", "other"]);
}

#[test]
fn the_schema_of_scripts_has_the_members_that_a_script_may_have() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/serve.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON");
    let members = |part: &Value| -> BTreeSet<String> {
        part["properties"].as_object().expect("members").keys().cloned().collect()
    };
    for (prefix, part) in [
        ("", &schema),
        ("[handshake]\n", &schema["$defs"]["handshake"]),
        ("[[operation]]\n", &schema["$defs"]["operation"]),
        ("[[reply]]\n", &schema["$defs"]["reply"]),
        ("[[reply]]\n[reply.usage]\n", &schema["$defs"]["usage"]),
        ("[[reply]]\n[reply.call]\n", &schema["$defs"]["call"]),
        ("[[reply]]\n[reply.fail]\n", &schema["$defs"]["failure"]),
    ] {
        let error = Script::parse(&format!("{prefix}no_such_member = 1\n")).expect_err("an unknown member").to_string();
        let known: BTreeSet<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        assert_eq!(members(part), known, "{prefix}{error}");
    }
}
