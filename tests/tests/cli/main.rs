//! `turnwire chat`: what both ends see of a conversation, and the exit codes.

use serde_json::Value;
use turnwire::connection::Transport as On;
use turnwire_cli::chat::{self, Exit, Printer, Transport};
use turnwire_cli::doctor;
use turnwire_cli::serve::{self, RecordedRequest, Script};

mod answer;
mod interactive;
mod shown;
mod split_surrogates;

/// Command line options: JSON output, no retries.
fn options(transport: Transport, more: &[&str]) -> chat::Options {
    let name = match transport {
        Transport::Auto => "auto",
        Transport::Ws => "ws",
        Transport::Sse => "sse",
    };
    let common = ["--json", "--transport", name, "--retries", "0", "--timeout", "5", "--model", "gpt-x"];
    let key = ["--api-key-env", "TURNWIRE_TEST_NO_SUCH_KEY"];
    let arguments: Vec<&str> = common.into_iter().chain(key).chain(more.iter().copied()).collect();
    chat::Options::parse_arguments(&arguments).expect("options")
}

/// Runs the demo conversation in this process. Returns the printed lines and the requests that the server received.
fn demo(transport: Transport, refuse: bool) -> (Vec<Value>, Vec<RecordedRequest>) {
    let mut script = Script::demo();
    script.refuse_websocket = refuse;
    let (url, scripted) = serve::demo(script).expect("a port");
    let (mut out, mut sink) = (Vec::new(), std::io::sink());
    let mut printer = Printer::new(&mut out, &mut sink, true);
    chat::demo_with(&options(transport, &["--demo"]), &url, &scripted, &mut printer).expect("a conversation");
    (lines(&out), scripted.requests())
}

/// Starts a server for one connection that reads a request head and sends these bytes. Returns its base URL.
fn raw_server(response: String) -> (String, std::thread::JoinHandle<()>) {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut buffer = [0; 65536];
        let read = stream.read(&mut buffer).expect("a request");
        assert!(read > 0, "a request");
        stream.write_all(response.as_bytes()).expect("a client that reads");
    });
    (url, server)
}

fn lines(out: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(out).lines().map(|line| serde_json::from_str(line).expect("a line of json")).collect()
}

fn requests(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["type"] == "request").collect()
}

#[test]
fn demo_prints_turn_tokens_that_server_received() {
    for (transport, refuse, on) in [
        (Transport::Auto, false, On::WebSocket),
        (Transport::Ws, false, On::WebSocket),
        (Transport::Sse, false, On::Http),
        (Transport::Auto, true, On::Http),
    ] {
        let (lines, seen) = demo(transport, refuse);
        let tokens: Vec<_> = seen.iter().map(|seen| seen.turn_state.as_deref()).collect();
        assert_eq!(tokens, [None, Some("ts-first"), Some("ts-first"), None]);
        assert!(seen.iter().all(|seen| seen.transport == on));

        let requests = requests(&lines);
        let said: Vec<_> = requests.iter().map(|request| request["turn_state_sent"].as_str()).collect();
        assert_eq!(said, tokens, "the printed turn tokens are those that were sent");
        let turns: Vec<_> = requests.iter().map(|request| request["turn"].as_u64()).collect();
        assert_eq!(turns, [Some(1), Some(1), Some(1), Some(2)]);
        let (name, input) = if on == On::Http { ("sse", "full") } else { ("websocket", "incremental") };
        for (at, request) in requests.iter().enumerate() {
            assert_eq!(request["transport"], name);
            assert_eq!(request["outcome"], "completed");
            assert_eq!(request["connection"], if at == 0 { "new" } else { "reused" });
            assert_eq!(request["input"], if at == 0 { "full" } else { input });
            assert!(request["first_event_ms"].is_number() && request["total_ms"].is_number());
        }
        assert_eq!(requests[2]["usage"]["cached_tokens"], 128);
        assert_eq!(lines.iter().any(|line| line["type"] == "fell_back"), refuse);
        let deltas = lines.iter().filter(|line| line["kind"] == "response.output_text.delta");
        let text: String = deltas.map(|line| line["event"]["delta"].as_str().unwrap().to_owned()).collect();
        assert!(text.starts_with("It rains in Bergen") && text.ends_with("umbrella all the same."));
    }
}

#[test]
fn second_turn_is_incremental() {
    let (_, seen) = demo(Transport::Ws, false);
    let previous: Vec<_> = seen.iter().map(|seen| seen.body["previous_response_id"].as_str()).collect();
    assert_eq!(previous, [None, Some("resp_1"), Some("resp_2"), Some("resp_3")]);
    assert_eq!(seen[1].body["input"][0]["type"], "function_call_output");
}

/// Sends one prompt to a server with this script. Returns the result.
fn prompt(script: &str, transport: Transport) -> Result<(), Exit> {
    let (url, _) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let options = options(transport, &["--base-url", &url]);
    let (mut out, mut sink) = (Vec::new(), std::io::sink());
    chat::prompt(&options, "Say hi", &mut Printer::new(&mut out, &mut sink, true))
}

#[test]
fn each_failure_has_its_exit_code() {
    let refuses =
        "[[reply]]\nstatus = 429\nbody = '{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"no\"}}'\n";
    let fails = "[[reply]]\nfail = { code = \"context_length_exceeded\", message = \"too long\" }\n";
    let cuts = "[[reply]]\ntext = \"Hello \"\ncut = true\n";
    for transport in [Transport::Ws, Transport::Sse] {
        assert!(matches!(prompt(refuses, transport), Err(Exit::Refused(_))), "{transport:?}");
        assert!(matches!(prompt(fails, transport), Err(Exit::Model(_))), "{transport:?}");
        assert!(matches!(prompt(cuts, transport), Err(Exit::Protocol(_))), "{transport:?}");
    }
    let ask = |url: String| {
        let options = options(Transport::Auto, &["--base-url", &url]);
        let (mut out, mut sink) = (Vec::new(), std::io::sink());
        chat::prompt(&options, "Say hi", &mut Printer::new(&mut out, &mut sink, true))
    };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(ask(format!("http://{nobody}/v1")), Err(Exit::Connect(_))));
    assert!(matches!(ask("https://api.example.com/v1".into()), Err(Exit::Arguments(_))), "without a key");
    assert!(matches!(ask("localhost".into()), Err(Exit::Arguments(_))));
    // A server without TLS behind an `https` URL.
    let (url, _) = serve::demo(Script::demo()).unwrap();
    assert!(matches!(ask(url.replace("http://", "https://")), Err(Exit::Tls(_) | Exit::Connect(_))));
}

/// Returns the output of `turnwire doctor` for a server with this script.
fn examined(refuse: bool) -> String {
    let mut script = Script::demo();
    script.refuse_websocket = refuse;
    let (url, _) = serve::demo(script).expect("a port");
    let arguments = ["--base-url", &url, "--api-key-env", "TURNWIRE_TEST_NO_SUCH_KEY", "--timeout", "5"];
    let options = doctor::Options::parse_arguments(&arguments).expect("options");
    let mut out = Vec::new();
    doctor::examine(&options, &mut out).expect("a server that can be reached");
    String::from_utf8(out).expect("text")
}

#[test]
fn doctor_reports_transports_of_server() {
    let accepted = examined(false);
    assert!(accepted.contains("tcp: connected"));
    assert!(accepted.contains("websocket: accepted") && accepted.contains("nothing follows"));
    assert!(examined(true).contains("refused, the server supports HTTP only, status 426"));
}

#[test]
fn script_is_toml_or_one_reply_per_line() {
    let toml = Script::parse("[[reply]]\nturn_state = \"ts\"\ntext = \"Hi\"\n").expect("a script");
    let lines = Script::parse("{\"turn_state\":\"ts\",\"text\":\"Hi\"}\n\n{\"status\":500}\n").expect("a script");
    assert_eq!(toml.reply[0].text, lines.reply[0].text);
    assert_eq!(toml.reply[0].turn_state, lines.reply[0].turn_state);
    assert_eq!(lines.reply[1].status, Some(500));
    for bad in ["", "{\"txt\":1}", "[[reply]]\nstatus = \"many\"\n", "refuse_websocket = true\n"] {
        assert!(Script::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn replies_are_chosen_by_request_and_repeat_after_the_last() {
    let script = Script::parse("{\"when\":\"Bergen\",\"text\":\"rain\"}\n{\"text\":\"dry\"}\n").expect("a script");
    let (url, scripted) = serve::demo(script).expect("a port");
    let options = options(Transport::Sse, &["--base-url", &url]);
    let mut said = Vec::new();
    for city in ["Oslo", "Oslo", "Bergen"] {
        let (mut out, mut sink) = (Vec::new(), std::io::sink());
        chat::prompt(&options, city, &mut Printer::new(&mut out, &mut sink, true)).expect("an answer");
        let lines = lines(&out);
        let deltas = lines.iter().filter(|line| line["kind"] == "response.output_text.delta");
        said.push(deltas.map(|line| line["event"]["delta"].as_str().unwrap_or_default()).collect::<String>());
    }
    assert_eq!(said, ["dry", "dry", "rain"]);
    assert_eq!(scripted.requests().len(), 3);
}
