//! Each step of `turnwire doctor` ends at its deadline, and each way to refuse a handshake is named.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use turnwire_cli::chat::Exit;
use turnwire_cli::doctor::{Options, examine};
use turnwire_cli::serve::{Script, demo};

const NO_KEY: [&str; 2] = ["--api-key-env", "TURNWIRE_TEST_NO_SUCH_KEY"];

/// Runs the doctor: what it printed, and how it ended.
fn run(arguments: &[&str]) -> (String, Result<(), Exit>) {
    let arguments: Vec<&str> = NO_KEY.iter().chain(arguments).copied().collect();
    let options = Options::parse_arguments(&arguments).expect("options");
    let mut out = Vec::new();
    let result = examine(&options, &mut out);
    (String::from_utf8(out).expect("text"), result)
}

/// Starts a server that does this with each connection. Returns its address.
fn server(respond: impl Fn(TcpStream) + Send + Sync + Copy + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || respond(stream));
        }
    });
    address.to_string()
}

/// Reads a request's head.
fn read_head(stream: &mut TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length > 0) {
        head.push(byte[0]);
    }
}

/// Sends a byte every 50 ms.
fn trickle(mut stream: TcpStream, bytes: &[u8]) {
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn hold(stream: TcpStream) {
    thread::sleep(Duration::from_secs(60));
    drop(stream);
}

#[test]
fn servers_that_hold_the_doctor_end_at_the_deadline() {
    let silent = server(hold);
    let cases = [
        ("silence", format!("http://{silent}/v1")),
        ("half a head", {
            let address = server(|mut stream| {
                let _ = stream.write_all(b"HTTP/1.1 101 Switching Pro");
                hold(stream);
            });
            format!("http://{address}/v1")
        }),
        ("a head that trickles", {
            let address = server(|mut stream| {
                let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ");
                trickle(stream, b"x");
            });
            format!("http://{address}/v1")
        }),
        ("interim responses for ever", {
            let address = server(|stream| trickle(stream, b"HTTP/1.1 103 Early Hints\r\n\r\n"));
            format!("http://{address}/v1")
        }),
        ("TLS silence", format!("https://{silent}/v1")),
        ("a TLS record that trickles", {
            let address = server(|mut stream| {
                let _ = stream.write_all(b"\x16\x03\x03\x3f\x00");
                trickle(stream, b"\x00");
            });
            format!("https://{address}/v1")
        }),
    ];
    for (name, url) in cases {
        let start = Instant::now();
        let (out, result) = run(&["--base-url", &url, "--timeout", "1"]);
        let step = if url.starts_with("https") { "tls and websocket" } else { "websocket" };
        let expected = format!("timed out: {step}: nothing complete within 1 s");
        assert_eq!(result.expect_err(name).to_string(), expected, "{name}: {out}");
        let took = start.elapsed();
        assert!((900..8000).contains(&took.as_millis()), "{name}: {took:?}");
    }
}

#[test]
fn the_longest_timeout_is_no_fault() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    let (out, _) = run(&["--base-url", &format!("http://{address}/v1"), "--timeout", &u64::MAX.to_string()]);
    assert!(out.contains("status 404"), "{out}");
}

#[test]
fn a_post_that_trickles_ends_at_the_deadline() {
    let address = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        // The next connection is the POST's.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    });
    let events = server(|mut stream| {
        let mut byte = [0];
        let get = stream.peek(&mut byte).is_ok() && byte == *b"G";
        read_head(&mut stream);
        if get {
            let _ = stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        trickle(stream, b"data: {\"type\":\"response.new\"}\n\n");
    });
    let start = Instant::now();
    let (out, result) = run(&["--base-url", &format!("http://{events}/v1"), "--timeout", "1", "--post"]);
    assert!(matches!(result, Err(Exit::Timeout(_))), "{result:?} {out}");
    assert!(start.elapsed() < Duration::from_secs(8));
    let (out, _) = run(&["--base-url", &format!("http://{address}/v1"), "--timeout", "1"]);
    assert!(out.contains("status 426"), "{out}");
}

/// What the doctor says of a server that answers the handshake like this.
fn refused(script: &str) -> (String, Result<(), Exit>) {
    let (url, _) = demo(Script::parse(script).expect("a script")).expect("a port");
    run(&["--base-url", &url, "--timeout", "5"])
}

#[test]
fn each_refusal_is_named_and_web_pages_and_proxies_do_not_pass() {
    let cases = [
        (426, "text/plain", "the server supports HTTP only", true),
        (404, "application/json", "no WebSocket route", true),
        (403, "application/json", "no WebSocket route, or does not accept the credentials", true),
        (405, "text/plain", "does not support WebSocket", true),
        (501, "text/plain", "does not support WebSocket", true),
        (400, "application/json", "does not accept the handshake", true),
        (451, "application/json", "does not accept the handshake", true),
        (401, "application/json", "credentials are missing or invalid", false),
        (429, "application/json", "rate limit", false),
        (407, "text/html", "the proxy asks for credentials", false),
        (301, "text/plain", "redirects", false),
        (307, "text/plain", "redirects", false),
        (200, "application/json", "took the handshake for a plain request", false),
        (200, "text/html; charset=utf-8", "web page", false),
        (404, "text/html", "web page", false),
        (500, "text/html", "internal error", false),
        (502, "text/html", "cannot reach the server", false),
        (504, "text/plain", "cannot reach the server", false),
    ];
    for (status, kind, expected, passes) in cases {
        let headers = format!("[[\"Content-Type\", \"{kind}\"], [\"Location\", \"https://other.example/\\u009b2J\"]]");
        let headers = headers.replace("\\u009b", "");
        let (out, result) =
            refused(&format!("[handshake]\nstatus = {status}\nheaders = {headers}\nbody = \"<p>no</p>\"\n"));
        assert!(out.contains(expected) && out.contains(&format!("status {status}")), "{status} {kind}: {out}");
        assert!(out.contains("\nauto: "), "{out}");
        match result {
            Ok(()) => assert!(passes, "{status} {kind}"),
            Err(Exit::Refused(_)) => assert!(!passes, "{status} {kind}"),
            Err(other) => panic!("{status} {kind}: {other}"),
        }
    }
    let (out, _) = refused("[handshake]\nstatus = 307\nheaders = [[\"Location\", \"https://other.example/\"]]\n");
    assert!(out.contains("location: https://other.example/"), "{out}");
}

#[test]
fn a_post_decides_whether_http_works() {
    let script = "refuse_websocket = true\n[[reply]]\ntext = \"Hi there\"\n";
    let (url, scripted) = demo(Script::parse(script).expect("a script")).expect("a port");
    let (out, result) = run(&["--base-url", &url, "--post", "--model", "m"]);
    assert!(result.is_ok() && out.contains("post: completed"), "{result:?} {out}");
    assert_eq!(scripted.requests().len(), 1);
    assert_eq!(scripted.requests()[0].body["model"], "m");
    let script = "refuse_websocket = true\n[[reply]]\nstatus = 404\nbody = '{\"error\":{\"code\":\"model_not_found\",\"message\":\"a\\u001b[2Jb\"}}'\n";
    let (url, _) = demo(Script::parse(script).expect("a script")).expect("a port");
    let (out, result) = run(&["--base-url", &url, "--post"]);
    assert!(matches!(result, Err(Exit::Refused(_))), "{result:?}");
    assert!(out.contains("model_not_found") && !out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let (out, result) = run(&["--base-url", "http://api.example.com/v1"]);
    assert!(matches!(result, Err(Exit::Arguments(_))), "{result:?}");
    assert_eq!(out, "", "no name was looked up");
    let (_, result) = run(&["--base-url", "http://doctor.invalid/v1", "--allow-plain", "--timeout", "2"]);
    assert!(matches!(result, Err(Exit::Connect(_) | Exit::Timeout(_))), "{result:?}");
}

#[test]
fn conform_passes_a_server_that_follows_the_protocol_and_lists_what_another_does() {
    let (url, _) = demo(Script::parse("[[reply]]\ntext = \"Hi there\"\n").expect("a script")).expect("a port");
    let (out, result) = run(&["--conform", &url]);
    assert!(result.is_ok(), "{result:?} {out}");
    for part in ["websocket: ", "websocket, continued: ", "websocket, lane: ", "http: ", "http, continued: "] {
        assert!(out.contains(part), "{part}: {out}");
    }

    let events = [
        r#"{"type":"response.created","response":{"id":"resp_a"},"sequence_number":3}"#,
        r#"{"type":"response.completed","response":{"id":"resp_a","status":"in_progress","output":[],"usage":null},"sequence_number":4}"#,
    ];
    let reply = format!("{{\"events\":[{}]}}\n", events.join(","));
    let (url, _) = demo(Script::parse(&reply).expect("a script")).expect("a port");
    let (out, result) = run(&["--conform", &url]);
    assert!(matches!(result, Err(Exit::Protocol(_))), "{result:?} {out}");
    for expected in ["numbers: the first sequence_number is 3", "usage: ", "response: the status is \"in_progress\""] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
}

#[test]
fn conform_accepts_a_server_without_websocket_only_if_its_status_says_so() {
    let text = "[[reply]]\ntext = \"Hi\"\n";
    for (status, clean) in
        [(404, true), (405, true), (426, true), (501, true), (403, false), (400, false), (200, false)]
    {
        let script = format!("[handshake]\nstatus = {status}\n{text}");
        let (url, _) = demo(Script::parse(&script).expect("a script")).expect("a port");
        let (out, result) = run(&["--conform", &url]);
        assert_eq!(result.is_ok(), clean, "{status}: {result:?} {out}");
        assert!(out.contains(&format!("status {status}")) && out.contains("http, continued: "), "{out}");
    }
}

#[test]
fn conform_notes_a_server_that_forgets_its_last_response() {
    let forgets = r#"[[reply]]
when = "previous_response_id"
status = 400
body = '{"error":{"type":"invalid_request_error","code":"previous_response_not_found","message":"gone"}}'
[[reply]]
when = "Say"
text = "Hi"
"#;
    let (url, _) = demo(Script::parse(forgets).expect("a script")).expect("a port");
    let (out, result) = run(&["--conform", &url]);
    assert!(matches!(result, Err(Exit::Protocol(_))), "{result:?} {out}");
    assert!(out.contains("websocket, continued: chain: the server does not know its last response"), "{out}");
}

#[test]
fn conform_lists_a_deviation_once_and_a_refused_request_as_none() {
    let events = [
        r#"{"type":"response.created","response":{"id":"resp_a","object":"response","created_at":1,"model":"m","status":"in_progress"}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_a","object":"response","created_at":1,"model":"m","status":"completed","output":[]}}"#,
    ];
    let reply = format!("{{\"events\":[{}]}}\n", events.join(","));
    let (url, _) = demo(Script::parse(&reply).expect("a script")).expect("a port");
    let (out, result) = run(&["--conform", &url]);
    assert!(matches!(&result, Err(Exit::Protocol(why)) if why.starts_with("2 dev")), "{result:?} {out}");
    assert_eq!(out.matches("numbers: no event has a sequence_number").count(), 1, "{out}");
    assert!(out.contains("http, continued: 2 events, 0 deviations, and 2 that are listed above"), "{out}");

    let (url, _) =
        demo(Script::parse("[[reply]]\nwhen = \"nothing\"\ntext = \"Hi\"\n").expect("a script")).expect("a port");
    let (out, result) = run(&["--conform", &url]);
    assert!(matches!(result, Err(Exit::Refused(_))), "{result:?} {out}");
    assert!(out.starts_with("websocket: no response: ") && !out.contains("order:"), "{out}");
}
