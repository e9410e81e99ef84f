//! Interactive chat, with a scripted user.

use core::future::pending;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use turnwire_cli::chat::{self, Consent, Console, Input, Printer};
use turnwire_cli::serve::{self, Script, ScriptedServer};

/// A user who enters these lines, answers confirmations, and may interrupt responses.
struct User {
    lines: VecDeque<Input>,
    agrees: bool,
    interrupts: bool,
    questions: Vec<String>,
}

impl Console for &mut User {
    async fn line(&mut self) -> io::Result<Input> {
        Ok(self.lines.pop_front().unwrap_or(Input::End))
    }

    async fn interrupted(&mut self) {
        if !self.interrupts {
            return pending().await;
        }
        // Waits until the response has begun.
        tokio::time::sleep(core::time::Duration::from_millis(300)).await;
        self.interrupts = false;
    }

    async fn confirm(&mut self, question: &str) -> io::Result<Consent> {
        self.questions.push(question.to_owned());
        Ok(match (self.agrees, self.interrupts) {
            (_, true) => Consent::Interrupted,
            (true, false) => Consent::Yes,
            (false, false) => Consent::No,
        })
    }
}

fn user(lines: &[&str]) -> User {
    let lines = lines.iter().map(|line| Input::Line((*line).to_owned())).collect();
    User { lines, agrees: true, interrupts: false, questions: Vec::new() }
}

/// Runs a chat. Returns the printed answers, the notices and the server.
fn converse(script: &str, arguments: &[&str], user: &mut User) -> (String, String, Arc<ScriptedServer>) {
    let (url, scripted) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let key = ["--api-key-env", "TURNWIRE_TEST_NO_SUCH_KEY", "--retries", "0", "--base-url", &url];
    let arguments: Vec<&str> = key.into_iter().chain(arguments.iter().copied()).collect();
    let options = chat::Options::parse_arguments(&arguments).expect("options");
    let (mut out, mut notices) = (Vec::new(), Vec::new());
    let mut printer = Printer::new(&mut out, &mut notices, false);
    chat::converse_with(&options, &mut printer, || Ok(user)).expect("a conversation");
    (String::from_utf8(out).expect("text"), String::from_utf8(notices).expect("text"), scripted)
}

fn inputs(scripted: &ScriptedServer) -> Vec<usize> {
    scripted.requests().iter().map(|request| request.body["input"].as_array().expect("input").len()).collect()
}

const TWO: &str = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n{\"text\":\"three\"}\n";

#[test]
fn many_turns_share_one_websocket_and_one_conversation() {
    let mut user = user(&["a", "", "b", "c"]);
    let (answers, notices, scripted) = converse(TWO, &["--transport", "ws"], &mut user);
    assert_eq!(answers, "one\ntwo\nthree\n");
    assert_eq!(notices.matches("new connection").count(), 1, "{notices}");
    assert_eq!(notices.matches("reused connection, incremental request").count(), 2, "{notices}");
    assert_eq!(inputs(&scripted), [1, 1, 1]);
}

#[test]
fn commands_change_model_and_start_new_conversation() {
    let mut user = user(&["a", "/model other", "b", "/new", "//c", "/model", "/nonsense", "/help", "/quit", "d"]);
    let (answers, notices, scripted) = converse(TWO, &["--transport", "sse", "--system", "Be brief."], &mut user);
    assert_eq!(answers, "one\ntwo\nthree\n");
    assert_eq!(inputs(&scripted), [1, 3, 1]);
    let requests = scripted.requests();
    assert_eq!(requests[1].body["model"], "other");
    assert_eq!(requests[2].body["input"][0]["content"][0]["text"], "/c");
    assert!(requests.iter().all(|request| request.body["instructions"] == "Be brief."));
    assert!(notices.contains("there is no command /nonsense") && notices.contains("/compact"), "{notices}");
}

#[test]
fn failed_turn_leaves_conversation_unchanged() {
    let script = "{\"text\":\"one\"}\n{\"fail\":{\"code\":\"context_length_exceeded\",\"message\":\"too\\u001b long\"}}\n{\"text\":\"two\"}\n";
    let mut user = user(&["a", "b", "c"]);
    let (answers, notices, scripted) = converse(script, &["--transport", "sse"], &mut user);
    assert_eq!(answers, "one\ntwo\n");
    assert!(notices.contains("turnwire: ") && notices.contains("too\\x1b long"), "{notices}");
    assert_eq!(inputs(&scripted), [1, 3, 3]);
}

#[test]
fn interrupted_response_keeps_conversation() {
    let delta = json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "half"});
    // The first response would end long after the interrupt.
    let script = format!("{}\n{}\n", json!({"events": [delta, {"pause_ms": 60_000}]}), json!({"text": "whole"}));
    let mut user = user(&["a", "b"]);
    user.interrupts = true;
    let (answers, notices, scripted) = converse(&script, &["--transport", "ws", "--timeout", "10"], &mut user);
    assert_eq!(answers, "half\nwhole\n");
    assert!(notices.contains("interrupted"), "{notices}");
    let last = &scripted.requests()[1].body["input"];
    let texts: Vec<&Value> = last.as_array().expect("input").iter().map(|item| &item["content"][0]["text"]).collect();
    assert_eq!(texts, ["a", "half", "b"]);
}

#[test]
fn tools_run_with_and_without_confirmation_and_output_is_sent() {
    let script = "{\"call\":{\"name\":\"count\",\"arguments\":\"{\\\"a\\\":1}\"}}\n{\"text\":\"done\"}\n";
    for (agrees, more, output, questions) in
        [(true, &[][..], "7\n", 1), (false, &[], "the user does not allow this call", 1), (false, &["--yes"], "7\n", 0)]
    {
        let mut user = user(&["a"]);
        user.agrees = agrees;
        let arguments: Vec<&str> =
            ["--transport", "sse", "--tool", "count=wc -c | tr -d ' '"].iter().chain(more).copied().collect();
        let (answers, notices, scripted) = converse(script, &arguments, &mut user);
        assert_eq!(answers, "done\n");
        assert_eq!(user.questions.len(), questions);
        assert!(notices.contains(&format!("count({{\"a\":1}}) = {}", output.trim_end())), "{notices}");
        let requests = scripted.requests();
        assert_eq!(requests[0].body["tools"][0]["name"], "count");
        assert_eq!(requests[1].body["input"][2]["output"], output);
    }
}

#[test]
fn saved_conversation_is_continued() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("talk.json");
    let file = file.to_str().expect("a path");
    let (_, _, scripted) = converse(TWO, &["--transport", "sse", "--save", file], &mut user(&["a", "b"]));
    assert_eq!(inputs(&scripted), [1, 3]);
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("the file")).expect("JSON");
    assert_eq!(saved.as_array().map(Vec::len), Some(4));
    let (_, _, scripted) = converse(TWO, &["--transport", "sse", "--continue", file], &mut user(&["c"]));
    assert_eq!(inputs(&scripted), [5]);
    assert_eq!(scripted.requests()[0].body["input"][2]["content"][0]["text"], "b");
}

#[test]
fn first_message_has_attachments_and_each_message_has_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let image = write("a.png", b"\x89PNG\r\n\x1a\n");
    let file = write("b.txt", b"notes");
    let schema = write("c.json", b"{\"type\":\"object\"}");
    let arguments = ["--transport", "sse", "--image", &image, "--file", &file, "--schema", &schema];
    let (_, _, scripted) = converse(TWO, &arguments, &mut user(&["a", "b"]));
    let requests = scripted.requests();
    let content = &requests[0].body["input"][0]["content"];
    assert_eq!(content[1]["image_url"], "data:image/png;base64,iVBORw0KGgo=");
    assert_eq!((&content[2]["filename"], &content[2]["type"]), (&"b.txt".into(), &"input_file".into()));
    assert_eq!(content[2]["file_data"], "data:text/plain;base64,bm90ZXM=");
    assert_eq!(requests[1].body["input"][2]["content"].as_array().map(Vec::len), Some(1));
    assert!(requests.iter().all(|request| request.body["text"]["format"]["schema"]["type"] == "object"));
    let options = |arguments: &[&str]| chat::Options::parse_arguments(arguments).expect("options");
    for arguments in [["--image", &file], ["--schema", &image], ["--continue", &file], ["--file", "/no/such/file"]] {
        let all = ["--base-url", "http://127.0.0.1:9"].iter().chain(&arguments).copied().collect::<Vec<_>>();
        let (mut out, mut sink) = (Vec::new(), io::sink());
        let result = chat::prompt(&options(&all), "hi", &mut Printer::new(&mut out, &mut sink, false));
        assert!(matches!(result, Err(chat::Exit::Arguments(_))), "{arguments:?}: {result:?}");
    }
}

#[test]
fn interrupted_call_ends_turn_and_leaves_each_call_an_output() {
    let call = |id| json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": "wait", "arguments": "{}"});
    let events: Vec<Value> = [
        json!({"type": "response.created", "response": {"id": "resp_1"}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": call("one")}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": call("two")}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "output": []}}),
    ]
    .into();
    let script = format!("{}\n{}\n", json!({"events": events}), json!({"text": "whole"}));
    // While the user is asked, and while the command runs.
    for more in [&[][..], &["--yes"]] {
        let mut user = user(&["a", "b"]);
        user.interrupts = true;
        let arguments: Vec<&str> =
            ["--transport", "sse", "--tool", "wait=sleep 0.6"].iter().chain(more).copied().collect();
        let (answers, notices, scripted) = converse(&script, &arguments, &mut user);
        assert_eq!(answers, "whole\n", "{notices}");
        assert!(notices.contains("interrupted\n"), "{notices}");
        assert!(user.questions.len() <= 1, "{:?}", user.questions);
        let requests = scripted.requests();
        assert_eq!(requests.len(), 2);
        let input = requests[1].body["input"].as_array().expect("input").clone();
        let kinds: Vec<&str> = input.iter().map(|item| item["type"].as_str().expect("a type")).collect();
        let call = ["function_call"; 2].into_iter().chain(["function_call_output"; 2]);
        assert_eq!(kinds, ["message"].into_iter().chain(call).chain(["message"]).collect::<Vec<_>>());
        assert_eq!(input[3]["output"], "the user interrupted this call");
    }
}
