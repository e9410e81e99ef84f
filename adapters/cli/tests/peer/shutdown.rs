//! `turnwire serve` in a process of its own that is told to end.

use std::fs;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::TcpStream;

use turnwire::ws::{Limits, Message, Role, WebSocket};

use crate::process::{Process, message, status};
use crate::serve::post;

/// Long responses have more bytes than the buffers of the sockets, so that they are in progress until the client has read them.
const LONG: usize = 16 * 1024 * 1024;

/// Asks for a response that waits for an hour first.
const WAITING: &str = r#"{"type":"response.create","model":"m","stream":true,"input":"wait"}"#;
/// Asks for a response with a long event in it.
const REQUEST: &str = r#"{"type":"response.create","model":"m","stream":true,"input":"long"}"#;

struct Server {
    process: Process,
    _folder: tempfile::TempDir,
}

/// Starts a server whose responses are long, or wait.
fn start(options: &[&str]) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("script.toml");
    let delta = "x".repeat(LONG);
    let script = format!(
        "[[reply]]\nwhen = \"wait\"\nalways = true\ndelay_ms = 3600000\ntext = \"late\"\n\
         [[reply]]\nwhen = \"long\"\nevents = [{{ type = \"response.output_text.delta\", item_id = \"m\", delta = \"{delta}\" }}]\n\
         [[reply]]\nwhen = \"end\"\nevents = [{{ type = \"response.completed\", response = {{ id = \"r\", model = \"{delta}\" }} }}]\n"
    );
    fs::write(&path, script).expect("a script");
    let options = [&["--script", path.to_str().expect("a path")], options].concat();
    Server { process: Process::start(256, &options), _folder: folder }
}

/// Reads a WebSocket to its end. Returns the types of the events, and the code of the close frame.
fn read_websocket(mut stream: TcpStream) -> (Vec<String>, Option<u16>) {
    let mut limits = Limits::default();
    (limits.frame, limits.message) = (2 * LONG, 2 * LONG);
    let mut websocket = WebSocket::new(Role::Client, limits, None, [1; 32]);
    let (mut kinds, mut code, mut buffer) = (Vec::new(), None, vec![0; 65536]);
    while code.is_none() {
        let length = stream.read(&mut buffer).expect("bytes, or an end");
        if length == 0 {
            break;
        }
        let mut input = &buffer[..length];
        while let Some(message) = websocket.decode(&mut input).expect("frames") {
            match message {
                Message::Text(text) => {
                    let kind = text.split_once(r#""type":""#).map(|(_, rest)| rest.split('"').next());
                    kinds.extend(kind.flatten().map(str::to_owned));
                }
                Message::Close(close) => code = close.map(|close| close.code),
                _ => {}
            }
        }
    }
    // The reply to the close frame.
    let _ = stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9]);
    (kinds, code)
}

/// Waits until the response has begun.
fn wait_for_begin(stream: &TcpStream) {
    assert_ne!(stream.peek(&mut [0]).expect("bytes"), 0);
}

fn read_to_end(mut stream: impl io::Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text, and an orderly end");
    text
}

#[test]
fn idle_connections_end_at_once_and_websockets_with_1001() {
    for signal in ["TERM", "INT"] {
        let mut process = Process::start(256, &["--grace", "3600"]);
        let websocket = process.websocket();
        let fresh = process.connect();
        let mut used = process.connect();
        used.write_all(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n").expect("an open connection");
        assert_eq!(status(&mut used).as_deref(), Some("200"));
        process.signal(signal);
        assert_eq!(read_websocket(websocket), (vec![], Some(1001)), "{signal}");
        assert_eq!(read_to_end(fresh), "", "{signal}");
        assert!(read_to_end(used).contains("\"object\":\"list\""), "{signal}");
        assert_eq!(process.wait(), Some(0), "{signal}");
        assert_eq!(read_to_end(process.stderr()), "", "{signal}");
    }
}

#[test]
fn responses_in_progress_are_sent_to_their_end_and_no_further_request_is_taken() {
    let mut server = start(&["--grace", "3600"]);
    // The rest of its body is still to come.
    let mut begun = server.process.connect();
    let request = post("/v1/responses/compact", r#"{"model":"m","input":"hi"}"#);
    begun.write_all(&request[..request.len() - 1]).expect("an open connection");
    let mut http = server.process.connect();
    http.write_all(&post("/v1/responses", REQUEST)).expect("an open connection");
    let mut websocket = server.process.websocket();
    websocket.write_all(&message(REQUEST)).expect("an open connection");
    wait_for_begin(&http);
    wait_for_begin(&websocket);
    server.process.signal("TERM");
    let mut stderr = server.process.stderr();
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a notice");
    assert_eq!(line, "turnwire: ending: 2 responses in progress, for at most 3600 s; a second signal cuts them\n");
    server.process.wait_until_it_refuses();
    begun.write_all(&request[request.len() - 1..]).expect("an open connection");
    assert_eq!(status(&mut begun).as_deref(), Some("200"), "a request that had begun");
    drop(begun);
    websocket.write_all(&message(&REQUEST.replace("long", "another long"))).expect("an open connection");
    let (kinds, code) = read_websocket(websocket);
    let completed = kinds.iter().filter(|kind| *kind == "response.completed").count();
    assert_eq!((completed, code), (1, Some(1001)), "{kinds:?}");
    let response = read_to_end(http);
    assert!(response.len() > LONG && response.contains("\"type\":\"response.completed\""), "{} bytes", response.len());
    assert_eq!(server.process.wait(), Some(0));
    assert_eq!(read_to_end(stderr), "");
}

#[test]
fn responses_that_outlast_the_period_of_grace_are_cut_and_counted() {
    let mut server = start(&["--grace", "0"]);
    let mut http = server.process.connect();
    http.write_all(&post("/v1/responses", WAITING)).expect("an open connection");
    let mut websocket = server.process.websocket();
    websocket.write_all(&message(WAITING)).expect("an open connection");
    let mut unread = server.process.connect();
    // All of its events are made; the last one is long.
    unread.write_all(&post("/v1/responses", &REQUEST.replace("long", "end"))).expect("an open connection");
    wait_for_begin(&unread);
    // Its response says that those before it have arrived.
    let mut last = server.process.connect();
    last.write_all(&post("/v1/responses/compact", r#"{"model":"m","input":"hi"}"#)).expect("an open connection");
    assert_eq!(status(&mut last).as_deref(), Some("200"));
    server.process.signal("TERM");
    assert_eq!(read_websocket(websocket), (vec![], Some(1001)));
    assert_eq!(read_to_end(http), "", "no response has begun");
    assert_eq!(server.process.wait(), Some(1));
    let notices = read_to_end(server.process.stderr());
    assert!(notices.ends_with("turnwire: cut 3 responses\n"), "{notices}");
}

#[test]
fn second_signal_ends_the_server_at_once() {
    let mut server = start(&["--grace", "3600", "--json"]);
    let mut websocket = server.process.websocket();
    websocket.write_all(&message(WAITING)).expect("an open connection");
    let mut line = String::new();
    server.process.stdout.read_line(&mut line).expect("the request");
    assert!(line.contains("wait"), "{line}");
    server.process.signal("INT");
    let mut stderr = server.process.stderr();
    let mut notice = String::new();
    stderr.read_line(&mut notice).expect("a notice");
    assert_eq!(notice, "turnwire: ending: 1 response in progress, for at most 3600 s; a second signal cuts it\n");
    server.process.signal("INT");
    assert_eq!(server.process.wait(), Some(1));
    assert_eq!(read_to_end(stderr), "turnwire: cut 1 response\n");
}
