//! The output of `turnwire chat` for given events.

use serde_json::{Value, json};
use turnwire_cli::chat::{self, Printer, Transport, Verbosity};
use turnwire_cli::serve::{self, Script};

/// Returns the answer and the notices of one prompt to a server that sends these events.
fn printed(events: &[Value], json: bool, verbosity: Verbosity) -> (String, String) {
    let script = json!({"events": events}).to_string();
    let (url, _) = serve::demo(Script::parse(&script).expect("a script")).expect("a port");
    let options = super::options(Transport::Sse, &["--base-url", &url]);
    let (mut out, mut notices) = (Vec::new(), Vec::new());
    let mut printer = Printer::new(&mut out, &mut notices, json).with_verbosity(verbosity);
    chat::prompt(&options, "Say hi", &mut printer).expect("an answer");
    (String::from_utf8(out).expect("text"), String::from_utf8(notices).expect("text"))
}

fn delta(text: &str) -> Value {
    json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text})
}

fn completed() -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1"}})
}

#[test]
fn first_writer_receives_only_the_answer() {
    let summary = json!({"type": "response.reasoning_summary_text.delta", "item_id": "r", "output_index": 0, "summary_index": 0, "delta": "thinking"});
    let item = json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "web_search_call", "id": "ws", "status": "completed"}});
    let events = [summary, item, delta("Hi"), delta(" there"), completed()];
    let (answer, notices) = printed(&events, false, Verbosity::Normal);
    assert_eq!(answer, "Hi there\n");
    assert!(notices.starts_with("> Say hi\n"), "{notices}");
    assert!(notices.contains("-- web_search_call") && notices.contains("-- turn 1: sse"), "{notices}");
    assert!(!notices.contains("thinking"), "{notices}");
    let (answer, notices) = printed(&events, false, Verbosity::Quiet);
    assert_eq!((answer.as_str(), notices.as_str()), ("Hi there\n", ""));
    let (answer, notices) = printed(&events, false, Verbosity::Verbose);
    assert_eq!(answer, "Hi there\n");
    assert!(notices.contains("-- reasoning: thinking\n") && notices.contains("-- connected: sse"), "{notices}");
}

#[test]
fn control_characters_from_server_are_escaped() {
    let events = [delta("a\u{1b}[2Jb\r"), delta("\nc\u{9b}\td\r"), completed()];
    let (answer, _) = printed(&events, false, Verbosity::Normal);
    assert_eq!(answer, "a\\x1b[2Jb\nc\\x9b\td\\r\n");
    let call = json!({"type": "response.output_item.done", "output_index": 0, "item":
        {"type": "function_call", "call_id": "c", "name": "f\u{7}", "arguments": "\u{1b}]0;x\u{7}\n"}});
    let (answer, _) = printed(&[call, completed()], false, Verbosity::Normal);
    assert_eq!(answer, "f\\x07(\\x1b]0;x\\x07\\n)\n");
}

#[test]
fn json_lines_contain_unchanged_payloads() {
    let nested = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let raw = format!(r#"{{ "type":"response.new" , "n":1e999,"n":[],"deep":{nested},"half":"\\ud83d" }}"#);
    let events = format!("data: {raw}\n\ndata: {}\n\n", completed());
    let (url, server) = super::raw_server(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{events}",
        events.len()
    ));
    let options = super::options(Transport::Sse, &["--base-url", &url]);
    let (mut out, mut sink) = (Vec::new(), std::io::sink());
    chat::prompt(&options, "Say hi", &mut Printer::new(&mut out, &mut sink, true)).expect("an answer");
    server.join().expect("the server ends");
    let out = String::from_utf8(out).expect("text");
    let expected = format!(r#"{{"type":"event","turn":1,"kind":"response.new","event":{raw}}}"#);
    assert_eq!(out.lines().next(), Some(expected.as_str()));
    let last: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["type"], &last["outcome"]), (&"request".into(), &"completed".into()));
}

#[test]
fn payload_with_line_breaks_is_printed_on_one_line() {
    let events = "data: {\"type\":\ndata: \"response.new\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n";
    let (url, server) = super::raw_server(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{events}",
        events.len()
    ));
    let options = super::options(Transport::Sse, &["--base-url", &url]);
    let (mut out, mut sink) = (Vec::new(), std::io::sink());
    chat::prompt(&options, "Say hi", &mut Printer::new(&mut out, &mut sink, true)).expect("an answer");
    server.join().expect("the server ends");
    let lines = super::lines(&out);
    assert_eq!(lines[0]["event"], json!({"type": "response.new"}));
}

#[test]
fn incomplete_response_fails_with_text_and_usage() {
    let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5});
    let end = json!({"type": "response.incomplete", "response":
        {"id": "resp_1", "incomplete_details": {"reason": "max_output_tokens"}, "usage": usage}});
    let script = json!({"events": [delta("half"), end]}).to_string();
    let (url, _) = serve::demo(Script::parse(&script).expect("a script")).expect("a port");
    let options = super::options(Transport::Sse, &["--base-url", &url]);
    for json in [true, false] {
        let (mut out, mut sink) = (Vec::new(), std::io::sink());
        let result = chat::prompt(&options, "Say hi", &mut Printer::new(&mut out, &mut sink, json));
        assert!(matches!(&result, Err(chat::Exit::Model(text)) if text.contains("max_output_tokens")), "{result:?}");
        if json {
            let lines = super::lines(&out);
            let request = lines.last().expect("a line");
            assert_eq!((&request["outcome"], &request["error"]["class"]), (&"failed".into(), &"Incomplete".into()));
            assert_eq!(request["usage"]["output_tokens"], 2);
        } else {
            assert_eq!(out, b"half\n");
        }
    }
}
