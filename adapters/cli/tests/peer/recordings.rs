//! `turnwire record` and `turnwire replay`: a client's conversation over both transports, with turn tokens, and without secrets.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rcgen::generate_simple_self_signed;
use turnwire_blocking::turnwire::client::{Credentials, Event, Outcome, Provider, Settings, TransportPreference};
use turnwire_blocking::turnwire::responses::{CreateResponse, EventData, Item};
use turnwire_blocking::{Client, block_on};
use turnwire_cli::decode::{self, Ending};
use turnwire_cli::record;
use turnwire_cli::serve::{self, Script, ScriptedServer, demo, spawn};
use turnwire_testkit::{MockServer, Recording};

const KEY: &str = "sk-live-0123456789abcdefghijkl";

const SCRIPT: &str = "created_at = 0\nmodels = [\"gpt-x\"]\n\
    [[reply]]\nturn_state = \"ts-first\"\ncall = { name = \"look\", arguments = '{\"api_key\":\"0123456789abcdef0123\"}' }\n\
    [[reply]]\nturn_state = \"ts-second\"\ntext = \"It rains in Bergen.\"\nusage = { input = 5, cached = 1, output = 2 }\n";

/// A turn of two requests: a call of a tool, and the answer. Returns the items and the usage.
fn converse(url: &str, transport: TransportPreference) -> (Vec<String>, Vec<i64>) {
    let mut settings = Settings::default();
    settings.transport = transport;
    settings.default_headers = vec![("x-note".into(), format!("my key is {KEY}"))];
    let mut client = Client::new(Provider::new("test", url), Credentials::bearer(KEY), settings).expect("a client");
    let (mut input, mut items, mut usage) =
        (vec![Item::user(&format!("Weather? My key is {KEY}"))], Vec::new(), Vec::new());
    let mut turn = client.turn().expect("a turn");
    for _ in 0..2 {
        turn.send(CreateResponse::new("gpt-x", input.clone())).expect("a request");
        while let Some(event) = block_on(turn.next()) {
            match event {
                Event::Server { event, .. } => {
                    let EventData::OutputItemDone { item, .. } = event.data else { continue };
                    let item = Item::parse(item.as_str()).expect("an item");
                    items.push(item.to_json());
                    let output = match &item {
                        Item::FunctionCall(call) => Some(Item::function_call_output(&call.call_id, "wet")),
                        _ => None,
                    };
                    input.push(item);
                    input.extend(output);
                }
                Event::Finished { outcome: Outcome::Completed(completed), .. } => {
                    usage.push(completed.usage.as_ref().map_or(0, |usage| usage.total_tokens));
                }
                Event::Finished { outcome, .. } => panic!("{outcome:?}"),
                _ => {}
            }
        }
    }
    (items, usage)
}

/// The transports and the turn tokens of the requests that a server received.
fn tokens(server: &ScriptedServer) -> Vec<(bool, Option<String>)> {
    use turnwire_blocking::turnwire::connection::Transport;
    server.requests().into_iter().map(|seen| (seen.transport == Transport::WebSocket, seen.turn_state)).collect()
}

fn all_text(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a text")).collect()
}

#[test]
fn a_conversation_is_recorded_and_replayed_over_each_transport() {
    let brought_back = |websocket| vec![(websocket, None), (websocket, Some("ts-first".to_owned()))];
    for (recorded_over, websocket) in [(TransportPreference::WebSocket, true), (TransportPreference::Http, false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (upstream, server) = demo(Script::parse(SCRIPT).expect("a script")).expect("a port");
        let recorder = record::spawn(&upstream, folder.path()).expect("a port");
        let said = converse(&recorder, recorded_over);
        assert_eq!(said, converse(&demo(Script::parse(SCRIPT).expect("a script")).expect("a port").0, recorded_over));
        assert_eq!(tokens(&server), brought_back(websocket), "the proxy passes tokens on");

        let text = all_text(folder.path());
        assert!(!text.contains(KEY) && !text.contains("0123456789abcdef"), "{text}");
        assert!(text.contains("Bearer sk-***") && text.contains("My key is sk-***"), "{text}");

        let recording = Recording::load(folder.path()).expect("a recording");
        assert_eq!(recording.exchanges.len(), 2);
        for (replayed_over, websocket) in [(TransportPreference::WebSocket, true), (TransportPreference::Http, false)] {
            let (url, replayed) = spawn(ScriptedServer::replaying(recording.clone(), 0.0)).expect("a port");
            // The second run needs the exchanges again.
            for run in 1..=2 {
                let (items, usage) = converse(&url, replayed_over);
                let redacted = said.0.iter().map(|item| item.replace(KEY, "sk-***")).collect::<Vec<_>>();
                assert_eq!(usage, said.1);
                assert_eq!(items.len(), redacted.len());
                assert_eq!(items.last(), redacted.last());
                assert_eq!(tokens(&replayed).len(), 2 * run);
            }
            assert_eq!(tokens(&replayed)[..2], brought_back(websocket), "recorded over WebSocket: {websocket}");
        }
        // In memory, too.
        let mock = MockServer::replaying(recording, 1.0);
        let mut client = mock.client();
        let mut turn = client.turn().expect("a turn");
        turn.send(CreateResponse::new("gpt-x", vec![Item::user("Weather? My key is sk-***")])).expect("a request");
        while turnwire_testkit::block_on(turn.next()).is_some() {}
        assert_eq!(mock.seen().len(), 1);
    }
}

#[test]
fn a_recording_is_decoded_whole_and_a_cut_one_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (upstream, _) = demo(Script::parse(SCRIPT).expect("a script")).expect("a port");
    let recorder = record::spawn(&upstream, folder.path()).expect("a port");
    converse(&recorder, TransportPreference::WebSocket);
    let text = all_text(folder.path());
    let options = decode::Options {
        format: decode::Format::Recording,
        layer: decode::Layer::Events,
        chunk: 7,
        deflate: false,
        file: String::new(),
    };
    let decode = |mut text: &[u8]| {
        let mut out = Vec::new();
        let ending = decode::run(&options, &mut text, &mut out).expect("no error");
        (ending, String::from_utf8(out).expect("text"))
    };
    let (ending, lines) = decode(text.as_bytes());
    assert_eq!(ending, Ending::Whole, "{lines}");
    assert_eq!(lines.matches("\"kind\":\"response.create\"").count(), 2);
    assert_eq!(lines.matches("\"kind\":\"response.completed\"").count(), 2);
    assert!(!lines.contains("malformed"), "{lines}");
    let cut = text.trim_end().rfind('\n').expect("lines");
    assert_eq!(decode(&text.as_bytes()[..cut]).0, Ending::Truncated);
    assert_eq!(decode(b"{\"type\":\"other\"}\n").0, Ending::Invalid);
}

#[test]
fn rejections_cuts_and_operations_are_recorded_and_replayed() {
    let script = "refuse_websocket = true\nmodels = [\"gpt-x\"]\n\
        [[reply]]\nwhen = \"limit\"\nstatus = 429\nheaders = [[\"retry-after\", \"7\"]]\nbody = '{\"error\":{\"code\":\"rate_limit_exceeded\"}}'\n\
        [[reply]]\nwhen = \"cut\"\ntext = \"a b\"\ncut = true\n";
    let folder = tempfile::tempdir().expect("a folder");
    let (upstream, _) = demo(Script::parse(script).expect("a script")).expect("a port");
    let recorder = record::spawn(&upstream, folder.path()).expect("a port");
    let results = |url: &str| -> Vec<String> {
        let address = url.trim_start_matches("http://").trim_end_matches("/v1");
        let get = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let upgrade = b"GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let post = |text: &str| {
            super::serve::post("/v1/responses", &format!(r#"{{"model":"m","stream":true,"input":"{text}"}}"#))
        };
        let requests = [get.to_vec(), upgrade.to_vec(), post("limit"), post("cut")];
        requests
            .iter()
            .map(|request| {
                let (received, _) = super::serve::exchange(address, request);
                String::from_utf8(received).expect("text")
            })
            .collect()
    };
    let recorded = results(&recorder);
    assert!(recorded[0].contains("gpt-x") && recorded[1].starts_with("HTTP/1.1 426 "), "{recorded:?}");
    assert!(recorded[2].starts_with("HTTP/1.1 429 ") && recorded[2].contains("retry-after: 7"), "{recorded:?}");
    assert!(recorded[3].contains("output_text.delta") && !recorded[3].contains("response.completed"), "{recorded:?}");
    let recording = Recording::load(folder.path()).expect("a recording");
    assert_eq!(recording.exchanges.len(), 4);
    let (url, _) = spawn(ScriptedServer::replaying(recording, 0.0)).expect("a port");
    let replayed = results(&url);
    for (recorded, replayed) in recorded.iter().zip(&replayed) {
        let parts = |text: &str| {
            let (head, body) =
                text.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).expect("a head");
            (head.lines().next().map(str::to_owned), body)
        };
        assert_eq!(parts(replayed), parts(recorded));
    }
    // Another request is refused, with a reason.
    let address = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let (received, _) = super::serve::exchange(&address, &super::serve::post("/v1/other", "{}"));
    let received = String::from_utf8(received).expect("text");
    assert!(received.starts_with("HTTP/1.1 404 ") && received.contains("no_exchange"), "{received}");
}

/// A command that serves, until it is dropped.
struct Running(Child, String);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnwire"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    let child = command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let url = line.trim().strip_prefix("listening on ").expect("a base url").to_owned();
    Running(child, url)
}

#[test]
fn commands_record_a_tls_server_and_replay_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let roots = folder.path().join("roots.pem");
    fs::write(&roots, key.cert.pem()).expect("a file");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let server = Arc::new(ScriptedServer::new(Script::parse(SCRIPT).expect("a script")));
    let shared = Arc::clone(&server);
    thread::spawn(move || {
        let chain = vec![key.cert.der().clone()];
        let private = turnwire_rustls::rustls::pki_types::PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
        let tls = turnwire_rustls::server_config(chain, private).expect("a certificate");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let accepted = turnwire_tokio::accept(stream, serve::config(false), Some(Arc::clone(&tls)));
                let mut connection = accepted.expect("a session");
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { serve::serve(&mut connection, &shared).await });
            }
        });
    });
    let out = folder.path().join("recording");
    let out = out.to_str().expect("a path");
    let upstream = format!("https://localhost:{port}/v1");
    let variables = [("SSL_CERT_FILE", roots.to_str().expect("a path"))];
    let said = {
        let recorder = run(&["record", "--upstream", &upstream, "--out", out, "--listen", "127.0.0.1:0"], &variables);
        converse(&recorder.1, TransportPreference::WebSocket)
    };
    assert_eq!(tokens(&server)[1].1.as_deref(), Some("ts-first"));
    let replay = run(&["replay", out, "--listen", "127.0.0.1:0", "--speed", "10"], &[]);
    assert_eq!(converse(&replay.1, TransportPreference::Http).1, said.1);
    let decoded = Command::new(env!("CARGO_BIN_EXE_turnwire")).args(["decode", "--format", "recording", out]).output();
    let decoded = decoded.expect("it runs");
    assert!(decoded.status.success(), "{decoded:?}");
    assert!(!String::from_utf8_lossy(&decoded.stdout).contains(KEY));
    // A folder with files is not written to.
    let again =
        Command::new(env!("CARGO_BIN_EXE_turnwire")).args(["record", "--upstream", &upstream, "--out", out]).output();
    assert!(String::from_utf8_lossy(&again.expect("it runs").stderr).contains("the folder is not empty"));
}

#[test]
fn secret_that_is_streamed_in_pieces_is_not_in_the_recording() {
    // One delta for each word, and here for parts of the secret.
    let pieces = ["My key is sk-li", "ve-0123456", "789abcdefghijkl", " and not sk-short."];
    let event = |piece| {
        format!(
            r#"{{ type = "response.output_text.delta", item_id = "msg", output_index = 0, content_index = 0, delta = "{piece}" }}"#
        )
    };
    let events = pieces.map(event).join(", ");
    let script = format!("created_at = 0\n[[reply]]\nevents = [{events}]\n[[reply]]\ntext = \"a\"\n");
    for websocket in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let (upstream, _) = demo(Script::parse(&script).expect("a script")).expect("a port");
        let recorder = record::spawn(&upstream, folder.path()).expect("a port");
        let transport = if websocket { TransportPreference::WebSocket } else { TransportPreference::Http };
        converse(&recorder, transport);
        let text = all_text(folder.path());
        let recording = Recording::load(folder.path()).expect("a recording");
        assert_eq!(recording.exchanges.len(), 2);
        assert!(!text.contains("sk-li") && !text.contains("0123456") && !text.contains("789abc"), "{text}");
        assert!(text.contains("My key is sk-***"), "{text}");
        assert!(text.contains("and not sk-short."), "{text}");
        assert_eq!(text.matches("response.output_text.delta").count(), 5, "{text}");
        assert_eq!(text.matches("response.completed").count(), 2, "{text}");
    }
}

#[test]
fn connection_of_record_over_the_limit_is_refused_with_503_until_another_ends() {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    let folder = tempfile::tempdir().expect("a folder");
    let (upstream, _) = demo(Script::parse(SCRIPT).expect("a script")).expect("a port");
    let recorder = record::spawn_with(&upstream, folder.path(), 2).expect("a port");
    let address = recorder.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let connect = || TcpStream::connect(&address).expect("a connection");
    let first_line = |stream: &mut TcpStream| {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("a line");
        line
    };
    let models = |stream: &mut TcpStream| {
        // A refusal may come before the request is written.
        let _ = stream.write_all(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n");
        first_line(stream)
    };
    let (mut first, mut second, mut third) = (connect(), connect(), connect());
    assert_eq!(models(&mut first), "HTTP/1.1 200 OK\r\n");
    assert_eq!(models(&mut second), "HTTP/1.1 200 OK\r\n");
    assert_eq!(first_line(&mut third), "HTTP/1.1 503 Service Unavailable\r\n");
    // The end of one makes room.
    first.shutdown(std::net::Shutdown::Write).expect("open");
    let _ = first.read_to_end(&mut Vec::new());
    let answered = (0..200).any(|_| models(&mut connect()).contains(" 200 "));
    assert!(answered);
}
