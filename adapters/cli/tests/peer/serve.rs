//! `turnwire serve` as a test peer, on the wire: limits, junk, pauses and cuts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use turnwire_cli::serve::{Script, demo};

/// Starts a server with this script. Returns its address.
fn start(script: &str) -> String {
    let (url, _) = demo(Script::parse(script).expect("a script")).expect("a port");
    url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

/// Sends bytes, and reads until the end. Returns what came, and whether the end was orderly.
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(bytes).expect("it is read");
    let mut received = Vec::new();
    let ended = stream.read_to_end(&mut received);
    (received, ended.is_ok())
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

const STREAM: &str = r#"{"model":"m","stream":true,"input":"hi"}"#;

#[test]
fn junk_is_answered_with_400_and_the_connection_closed() {
    let address = start("[[reply]]\ntext = \"Hi\"\n");
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    for (name, bytes) in [
        ("no HTTP", b"\x16\x03\x01 junk\r\n\r\n".to_vec()),
        ("no host", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("no JSON", post("/v1/responses", "hello")),
        ("an array", post("/v1/responses", "[1]")),
        ("a repeated member", post("/v1/responses", r#"{"stream":true,"stream":false}"#)),
        ("deep nesting", post("/v1/responses", &deep)),
        ("no JSON for a compaction", post("/v1/responses/compact", "{")),
    ] {
        let (received, _) = exchange(&address, &bytes);
        assert!(received.starts_with(b"HTTP/1.1 400 "), "{name}: {}", String::from_utf8_lossy(&received));
    }
    let (received, _) = exchange(&address, &post("/v1/responses", STREAM));
    assert!(received.starts_with(b"HTTP/1.1 200 "), "an honest client is served after all of them");
}

#[test]
fn a_body_of_the_limit_is_read_and_one_byte_more_is_413() {
    let address = start("[[reply]]\nstatus = 418\n");
    let limit = 16 * 1024 * 1024;
    for (length, expected) in [(limit, "HTTP/1.1 418 "), (limit + 1, "HTTP/1.1 413 ")] {
        let body = format!("{{\"input\":\"{}\"}}", "x".repeat(length - 12));
        assert_eq!(body.len(), length);
        let mut stream = TcpStream::connect(&address).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        // A server that refuses the body closes before all of it is written.
        let _ = stream.write_all(&post("/v1/responses", &body));
        let mut head = [0; 13];
        let read = stream.read_exact(&mut head);
        assert!(read.is_ok(), "{length}: {read:?}");
        assert_eq!(String::from_utf8_lossy(&head), expected, "{length}");
    }
}

#[test]
fn a_response_is_cut_at_each_byte() {
    let (whole, orderly) =
        exchange(&start("created_at = 0\n[[reply]]\ntext = \"Hi\"\n"), &post("/v1/responses", STREAM));
    assert!(orderly && whole.len() > 500);
    for at in [0, 1, 17, 100, whole.len() - 1, whole.len(), whole.len() + 1000] {
        let (received, _) = exchange(
            &start(&format!("created_at = 0\n[[reply]]\ntext = \"Hi\"\ncut_at = {at}\n")),
            &post("/v1/responses", STREAM),
        );
        assert_eq!(received, whole[..at.min(whole.len())], "cut at {at}");
        let script = format!("created_at = 0\n[[reply]]\ntext = \"Hi\"\ncut_at = {at}\nreset = true\n");
        let (received, orderly) = exchange(&start(&script), &post("/v1/responses", STREAM));
        assert!(!orderly, "reset at {at}");
        assert!(whole.starts_with(&received), "reset at {at}");
    }
}

#[test]
fn pauses_and_typing_delay_the_response_and_not_other_connections() {
    let script = "[[reply]]\nwhen = \"slow\"\ndelay_ms = 300\ntyping_ms = 100\ntext = \"a b c\"\nevents = [{ pause_ms = 200 }]\n[[reply]]\nwhen = \"fast\"\ntext = \"a\"\n";
    let address = start(script);
    let start = Instant::now();
    let slow = {
        let address = address.clone();
        std::thread::spawn(move || exchange(&address, &post("/v1/responses", r#"{"stream":true,"input":"slow"}"#)))
    };
    let (received, _) = exchange(&address, &post("/v1/responses", r#"{"stream":true,"input":"fast"}"#));
    assert!(received.starts_with(b"HTTP/1.1 200 "));
    assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
    let (received, orderly) = slow.join().expect("a response");
    assert!(start.elapsed() >= Duration::from_millis(800), "{:?}", start.elapsed());
    let text = String::from_utf8_lossy(&received);
    assert!(orderly && text.contains("response.completed") && text.contains("\"total_tokens\":0"), "{text}");
}

#[test]
fn an_end_is_made_unless_an_event_of_the_script_is_one() {
    let cases = [
        (r#"{"events":[{"type":"response.new"}]}"#, 1, 1),
        (r#"{"events":[{"type":"response.created","response":{"id":"r"}}]}"#, 1, 1),
        (r#"{"events":[{"type":"response.failed","response":{"id":"r"}}]}"#, 1, 0),
        (r#"{"events":[{"type":"error","message":"no"}]}"#, 1, 0),
    ];
    for (reply, created, completed) in cases {
        let (received, _) = exchange(&start(reply), &post("/v1/responses", STREAM));
        let text = String::from_utf8_lossy(&received);
        assert_eq!(text.matches("event: response.created").count(), created, "{text}");
        assert_eq!(text.matches("event: response.completed").count(), completed, "{text}");
    }
}

#[test]
fn models_compaction_and_retrieval_are_answered_and_a_script_can_replace_them() {
    let script = "models = [\"gpt-x\"]\n[[operation]]\nmethod = \"GET\"\npath = \"/files\"\nstatus = 503\nbody = \"later\"\n[[reply]]\ntext = \"Hi\"\n";
    let address = start(script);
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        String::from_utf8(exchange(&address, request.as_bytes()).0).expect("text")
    };
    let json = |response: &str| -> Value {
        serde_json::from_str(response.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON")
    };
    assert_eq!(json(&get("/v1/models"))["data"][0]["id"], "gpt-x");
    assert!(get("/v1/files").starts_with("HTTP/1.1 503 ") && get("/v1/files").ends_with("later"));
    assert!(get("/v1/responses/resp_1").starts_with("HTTP/1.1 404 "));
    let (received, _) = exchange(&address, &post("/v1/responses", STREAM));
    assert!(String::from_utf8_lossy(&received).contains("resp_1"));
    assert_eq!(json(&get("/v1/responses/resp_1"))["output"][0]["content"][0]["text"], "Hi");
    let (received, _) = exchange(&address, &post("/v1/responses/compact", r#"{"model":"m"}"#));
    assert_eq!(json(&String::from_utf8_lossy(&received))["output"][0]["type"], "compaction");
}

#[test]
fn a_bad_script_is_refused_with_its_line_and_column() {
    let cases = [
        ("[[reply]]\ntext = \"a\"\nstatus = 99\n", "line 3, column 10: the status is 99"),
        ("[[reply]]\ntxt = \"a\"\n", "line 2, column 1: unknown field `txt`"),
        ("[[reply]]\nheaders = [[\"a b\", \"c\"]]\n", "line 2, column 11: the header `a b`"),
        ("[[reply]]\ndelay_ms = 3600001\n", "line 2, column 12: the pause"),
        ("[[reply]]\nevents = [{ typ = \"x\" }]\n", "line 2, column 10: event 1 has neither"),
        ("{\"text\":\"a\"}\n{\"text\":5}\n", "line 2, column 9: invalid type"),
    ];
    for (script, expected) in cases {
        let error = Script::parse(script).expect_err("a bad script").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
