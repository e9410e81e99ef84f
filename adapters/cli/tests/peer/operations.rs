//! The operations of `turnwire serve` beside the creation of responses, on the wire.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use turnwire_cli::serve::{Script, demo};

struct Server(String);

impl Server {
    fn start(script: &str) -> Self {
        let (url, _) = demo(Script::parse(script).expect("a script")).expect("a port");
        Self(url.trim_start_matches("http://").trim_end_matches("/v1").to_owned())
    }

    /// Sends a request, and returns the status and the body, whose chunks are joined.
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.0).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let head =
            format!("{method} /v1{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).expect("it is read");
        let mut received = String::new();
        stream.read_to_string(&mut received).expect("text");
        let (head, body) = received.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(method, path, body);
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
    }
}

/// The numbers of the events in a stream.
fn numbers(body: &str) -> Vec<i64> {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let event = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
    events.map(|line| event(line)["sequence_number"].as_i64().expect("a number")).collect()
}

const TEXT: &str = "created_at = 7\n[[reply]]\ntext = \"Hi\"\n";

#[test]
fn a_response_object_repeats_its_request() {
    let server = Server::start(TEXT);
    let request = json!({"model": "m", "input": "a", "instructions": "Be brief.", "temperature": 0.5, "metadata": {"a": "b"},
        "tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"}, "max_output_tokens": 9, "service_tier": "auto", "user": null, "unknown": 1});
    let (status, response) = server.json("POST", "/responses", &request);
    assert_eq!(status, 200);
    for name in ["model", "instructions", "temperature", "metadata", "tool_choice", "max_output_tokens"] {
        assert_eq!(response[name], request[name], "{name}");
    }
    assert_eq!(
        response["tools"],
        json!([{"type": "function", "name": "f", "description": null, "parameters": null, "strict": null}])
    );
    assert_eq!(response["reasoning"], json!({"effort": "low", "summary": null}));
    assert_eq!(response["text"], json!({"verbosity": "low", "format": {"type": "text"}}));
    assert_eq!((&response["service_tier"], &response["user"]), (&json!("default"), &Value::Null));
    assert_eq!((&response["created_at"], &response["completed_at"]), (&json!(7), &json!(7)));
    assert_eq!(
        (&response["store"], &response["error"], &response["incomplete_details"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert!(response.get("unknown").is_none());
}

#[test]
fn errors_have_a_type_a_code_and_a_param() {
    let server = Server::start(TEXT);
    let cases = [
        (
            "POST",
            "/responses",
            json!({"previous_response_id": "x"}),
            400,
            "previous_response_not_found",
            json!("previous_response_id"),
        ),
        ("POST", "/responses", json!({"background": true, "store": false}), 400, "invalid_value", json!("background")),
        ("POST", "/responses/compact", json!({}), 400, "missing_required_parameter", json!("model")),
        ("GET", "/responses/x", Value::Null, 404, "response_not_found", json!("response_id")),
        ("DELETE", "/responses/x", Value::Null, 404, "response_not_found", json!("response_id")),
        ("POST", "/responses/x/cancel", Value::Null, 404, "response_not_found", json!("response_id")),
        ("GET", "/other", Value::Null, 404, "not_found", Value::Null),
    ];
    for (method, path, body, expected, code, param) in cases {
        let (status, body) = server.json(method, path, &body);
        let error = &body["error"];
        assert_eq!((status, &error["code"], &error["param"]), (expected, &json!(code), &param), "{method} {path}");
        assert!(error["type"] == "invalid_request_error" && error["message"].is_string(), "{error}");
    }
}

#[test]
fn a_stored_response_is_retrieved_listed_and_deleted() {
    let server = Server::start(TEXT);
    let (_, response) = server.json("POST", "/responses", &json!({"model": "m", "input": "a question"}));
    let path = format!("/responses/{}", response["id"].as_str().expect("an id"));
    assert_eq!(server.json("GET", &path, &Value::Null), (200, response.clone()));
    let (_, items) = server.json("GET", &format!("{path}/input_items"), &Value::Null);
    assert_eq!(items["data"][0]["content"], json!([{"type": "input_text", "text": "a question"}]));
    assert_eq!((&items["object"], &items["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!(server.json("GET", &format!("{path}?stream=true"), &Value::Null).1["error"]["param"], "stream");
    assert_eq!(server.json("POST", &format!("{path}/cancel"), &Value::Null).0, 400, "it is no background response");
    let deleted = json!({"id": response["id"], "object": "response", "deleted": true});
    assert_eq!(server.json("DELETE", &path, &Value::Null), (200, deleted));
    assert_eq!(server.json("GET", &path, &Value::Null).0, 404);
    let (_, unstored) = server.json("POST", "/responses", &json!({"model": "m", "store": false}));
    let path = format!("/responses/{}", unstored["id"].as_str().expect("an id"));
    assert_eq!(server.json("GET", &path, &Value::Null).0, 404);
    let (status, count) = server.json("POST", "/responses/input_tokens", &json!({"model": "m", "input": "12345678"}));
    assert_eq!((status, count), (200, json!({"object": "response.input_tokens", "input_tokens": 3})));
}

#[test]
fn a_background_response_goes_on_without_its_client_and_is_resumed_from_any_event() {
    let server = Server::start("[[reply]]\ntext = \"a b c\"\ntyping_ms = 100\n");
    let begin = Instant::now();
    let (status, queued) = server.json("POST", "/responses", &json!({"model": "m", "background": true}));
    assert_eq!((status, &queued["status"], &queued["background"]), (200, &json!("queued"), &json!(true)));
    let path = format!("/responses/{}", queued["id"].as_str().expect("an id"));
    let (_, running) = server.json("GET", &path, &Value::Null);
    if begin.elapsed() < Duration::from_millis(250) {
        assert_eq!(running["status"], "in_progress");
    }
    let (_, whole) = server.ask("GET", &format!("{path}?stream=true"), &Value::Null);
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
    let last = i64::try_from(numbers(&whole).len()).expect("a length") - 1;
    assert_eq!(numbers(&whole), (0..=last).collect::<Vec<_>>());
    assert!(whole.contains("event: response.queued") && whole.contains("event: response.completed"));
    for after in [0, 4, last - 1, last] {
        let (_, rest) = server.ask("GET", &format!("{path}?stream=true&starting_after={after}"), &Value::Null);
        assert_eq!(numbers(&rest), (after + 1..=last).collect::<Vec<_>>());
    }
    assert_eq!(server.json("GET", &path, &Value::Null).1["output"][0]["content"][0]["text"], "a b c");
}

#[test]
fn a_cancelled_background_response_ends_its_streams() {
    let server = Server::start("[[reply]]\ntext = \"a b c d e f g h\"\ntyping_ms = 1000\n");
    let (_, queued) = server.json("POST", "/responses", &json!({"model": "m", "background": true}));
    let path = format!("/responses/{}", queued["id"].as_str().expect("an id"));
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| server.ask("GET", &format!("{path}?stream=true"), &Value::Null).1);
        std::thread::sleep(Duration::from_millis(200));
        let (status, cancelled) = server.json("POST", &format!("{path}/cancel"), &Value::Null);
        assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")));
        let begin = Instant::now();
        let body = stream.join().expect("a stream");
        assert!(begin.elapsed() < Duration::from_secs(4), "it does not go on for eight seconds");
        assert!(body.contains("event: response.cancelled") && !body.contains("event: response.completed"), "{body}");
        assert_eq!(server.json("POST", &format!("{path}/cancel"), &Value::Null), (200, cancelled));
    });
}
