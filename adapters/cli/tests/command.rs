//! The command itself, as a shell sees it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use turnwire_blocking::{accept, block_on};
use turnwire_cli::serve::{self, Script, ScriptedServer};
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;

fn turnwire(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnwire"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("its input is a pipe").write_all(input).expect("it reads its input");
    child.wait_with_output().expect("it ends")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

#[test]
fn chat_holds_the_demos_conversation_on_each_transport() {
    for arguments in [
        &["chat", "--demo"][..],
        &["chat", "--demo", "--transport", "sse"],
        &["chat", "--demo", "--transport", "ws"],
        &["chat", "--demo", "--demo-refuse-websocket"],
    ] {
        let output = turnwire(arguments, b"");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let answers = "It rains in Bergen, as it should, and Oslo is dry: go to Oslo.\n\
                       You are welcome. Take an umbrella all the same.\n";
        assert_eq!(text(&output), answers, "{arguments:?}");
        let notices = String::from_utf8(output.stderr).expect("text");
        let count = |start: &str| notices.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(["> ", "weather(", "-- turn 1: ", "-- turn 2: "].map(count), [2, 2, 3, 1], "{arguments:?}");
        assert!(notices.contains("turn states that the server saw: none, ts-first, ts-first, none"));
        assert!(!notices.contains('\x1b'), "a pipe has no colours");
    }
}

#[test]
fn serve_prints_what_it_was_asked() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_turnwire"))
        .args(["serve", "--listen", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("its output is a pipe")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    let address = line();
    let url = address.strip_prefix("listening on ").expect("an address");
    for (transport, name) in [("ws", "websocket"), ("sse", "sse")] {
        let output = turnwire(&["chat", "--base-url", url, "--transport", transport, "--model", "m", "Say hi"], b"");
        assert!(output.status.success(), "{output:?}");
        let seen: serde_json::Value = serde_json::from_str(&line()).expect("JSON");
        assert_eq!((&seen["type"], &seen["transport"]), (&"request".into(), &name.into()));
        assert_eq!((&seen["turn_state"], &seen["body"]["model"]), (&serde_json::Value::Null, &"m".into()));
    }
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

#[test]
fn bad_arguments_exit_with_2() {
    for arguments in [
        &["chat"][..],
        &["chat", "--tool", "a", "hi"],
        &["chat", "-q", "-v", "hi"],
        &["chat", "--transport", "pigeon", "hi"],
        &["chat", "--base-url", "gopher://localhost", "hi"],
        &["chat", "--demo", "hi"],
        &["decode"],
        &["decode", "/there/is/no/such/file"],
    ] {
        assert_eq!(turnwire(arguments, b"").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn decode_prints_one_object_per_item_however_it_is_fed() {
    let cases: [(&str, &str, &[u8], &[&str]); 6] = [
        (
            "sse",
            "frames",
            b"data: a\nid: 1\nretry: 5\n\ndata: cut",
            &[r#"{"event":"message","data":"a","id":"1","retry":5}"#, r#"{"end":"truncated"}"#],
        ),
        (
            "sse",
            "events",
            b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\ndata: [DONE]\n\n",
            &[
                r#"{"kind":"response.output_text.delta","fields":{"type":"response.output_text.delta","delta":"x"},"raw":"{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}"}"#,
            ],
        ),
        (
            "http-response",
            "frames",
            b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP",
            &[
                r#"{"interim":[103],"status":200,"headers":[["Content-Length","2"]],"body":"ok"}"#,
                r#"{"end":"complete","leftover":4,"reuse":true}"#,
            ],
        ),
        (
            "http-request",
            "frames",
            b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\no",
            &[
                r#"{"method":"POST","target":"/v1","headers":[["Content-Length","2"]],"body":"o"}"#,
                r#"{"end":"truncated","leftover":0,"reuse":false}"#,
            ],
        ),
        (
            "ws-client",
            "frames",
            b"HTTP/1.1 101 Go\r\n\r\n\x81\x02hi\x82\x01\xff\x88\x02\x03\xe8",
            &[
                r#"{"opcode":1,"fin":true,"text":"hi"}"#,
                r#"{"opcode":2,"fin":true,"hex":"ff"}"#,
                r#"{"opcode":8,"fin":true,"text":"","close_code":1000}"#,
            ],
        ),
        (
            "jsonl",
            "events",
            b"{\"type\":\"response.new\"}\nno json\n",
            &[
                r#"{"kind":"response.new","fields":{},"raw":"{\"type\":\"response.new\"}"}"#,
                r#"{"malformed":"the payload is not a JSON object, at byte 0","raw":"no json"}"#,
            ],
        ),
    ];
    for (format, layer, bytes, expected) in cases {
        for chunk in ["1", "2", "3", "7", "16384"] {
            let output = turnwire(&["decode", "--format", format, "--layer", layer, "--chunk", chunk, "-"], bytes);
            assert_eq!(text(&output).lines().collect::<Vec<_>>(), expected, "{format}, {layer}, {chunk}");
            // The HTTP response is followed by the beginning of another one.
            let cut = expected.iter().any(|line| line.contains("truncated") || line.contains(r#""leftover":4"#));
            assert_eq!(output.status.code(), Some(if cut { 3 } else { 0 }), "{format}, {layer}, {chunk}");
        }
    }
}

#[test]
fn decode_says_where_the_framing_broke() {
    let cases: [(&str, &[u8], &str); 3] = [
        ("ws-client", b"\x81\x02hi\x83\x01a", r#"{"error":"the opcode is reserved","offset":4}"#),
        (
            "http-response",
            b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nrest",
            r#"{"error":"the content length is malformed","offset":19}"#,
        ),
        ("jsonl", b"{}\n\xff\n", r#"{"error":"a line is not utf-8","offset":3}"#),
    ];
    for (format, bytes, last) in cases {
        for chunk in ["1", "3", "16384"] {
            let output = turnwire(&["decode", "--format", format, "--layer", "frames", "--chunk", chunk, "-"], bytes);
            assert_eq!(text(&output).lines().last(), Some(last), "{format}, {chunk}");
            assert_eq!(output.status.code(), Some(1));
        }
    }
}

#[test]
fn decode_says_that_a_recording_was_cut_on_each_layer() {
    let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
    let completed = r#"{"type":"response.completed","response":{"id":"r"}}"#;
    let sse = format!("data: {created}\n\ndata: {completed}\n\n");
    let chunked =
        |head: &str| format!("{head}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{sse}\r\n0\r\n\r\n", sse.len());
    let http = chunked("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream");
    let frame = |text: &str| [&[0x81, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    let ws = [b"HTTP/1.1 101 Go\r\n\r\n".to_vec(), frame(created), frame(completed)].concat();
    let request = b"POST /v1/responses HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"model\":\"m\"}\n".to_vec();
    let jsonl = format!("{created}\n{completed}\n");
    // Where a cut lies between two items, only the events show it.
    let formats: [(&str, Vec<u8>, &[usize]); 5] = [
        ("sse", sse.clone().into_bytes(), &[0, created.len() + 8]),
        ("http-response", http.into_bytes(), &[0]),
        ("ws-client", ws, &[0, 19, 19 + 2 + created.len()]),
        ("http-request", request, &[0]),
        ("jsonl", jsonl.into_bytes(), &[0, created.len(), created.len() + 1, created.len() + completed.len() + 1]),
    ];
    for (format, bytes, between) in formats {
        for at in 0..=bytes.len() {
            for layer in ["frames", "events"] {
                let whole = at == bytes.len() || (between.contains(&at) && (layer == "frames" || at == 0));
                let whole =
                    whole || (format == "jsonl" && at + 1 == bytes.len()) || (format == "ws-client" && at == 19);
                let options = ["decode", "--format", format, "--layer", layer, "-"];
                // Each start of the command takes a moment.
                if at % 7 != 0 && !between.contains(&at) && at + 2 < bytes.len() {
                    continue;
                }
                let output = turnwire(&options, &bytes[..at]);
                assert_eq!(
                    output.status.code(),
                    Some(if whole { 0 } else { 3 }),
                    "{format}, {layer}, {at}: {output:?}"
                );
                let says = text(&output).lines().last().is_some_and(|line| line.contains(r#""end":"truncated""#));
                assert_eq!(says, !whole, "{format}, {layer}, {at}: {output:?}");
            }
        }
    }
}

#[test]
fn decode_prints_offsets_and_lines_that_do_not_depend_on_the_reads() {
    let bad_frame = b"HTTP/1.1 101 Go\r\nA: b\r\n\r\n\x81\x02hi\x83\x01a";
    for format in ["ws-client", "ws-server"] {
        let bytes: Vec<u8> = if format == "ws-client" {
            bad_frame.to_vec()
        } else {
            [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x81\x82\0\0\0\0hi\x83\x81\0\0\0\0a"].concat()
        };
        let offset = bytes.iter().position(|byte| *byte == 0x83).expect("the frame");
        for chunk in ["1", "2", "3", "5", "11", "16384"] {
            let output = turnwire(&["decode", "--format", format, "--layer", "frames", "--chunk", chunk, "-"], &bytes);
            let expected = format!(r#"{{"error":"the opcode is reserved","offset":{offset}}}"#);
            assert_eq!(text(&output).lines().last(), Some(expected.as_str()), "{format}, {chunk}");
        }
    }
}

#[test]
fn decode_prints_only_members_that_were_on_the_wire() {
    let body = r#"{"model":"m","input":[{"type":"reasoning","summary":[]}]}"#;
    let request = format!("POST /v1/responses HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let output = turnwire(&["decode", "--format", "http-request", "-"], request.as_bytes());
    let line: serde_json::Value = serde_json::from_str(text(&output).trim()).expect("JSON");
    assert_eq!(line["fields"], serde_json::from_str::<serde_json::Value>(body).expect("JSON"));
    let message = r#"{"type":"response.create","model":"m","input":"hi","previous_response_id":"r"}"#;
    let frame = [&[0x81, 0x80 | u8::try_from(message.len()).expect("short"), 0, 0, 0, 0], message.as_bytes()].concat();
    let output = turnwire(&["decode", "--format", "ws-server", "-"], &frame);
    let line: serde_json::Value = serde_json::from_str(text(&output).trim()).expect("JSON");
    assert_eq!(line["fields"], serde_json::from_str::<serde_json::Value>(message).expect("JSON"));
}

#[test]
fn chat_reads_the_prompt_from_a_pipe_and_prints_the_answer_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script.jsonl");
    std::fs::write(&script, "{\"when\":\"from a pipe\",\"text\":\"The answer.\"}\n").expect("a file");
    let mut server = Command::new(env!("CARGO_BIN_EXE_turnwire"))
        .args(["serve", "--listen", "127.0.0.1:0", "--script", script.to_str().expect("a path")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("its output is a pipe")).lines();
    let address = lines.next().expect("a line").expect("text");
    let url = address.strip_prefix("listening on ").expect("an address");
    for (arguments, notices) in [(&["-"][..], true), (&[], true), (&["-q"], false), (&["-q", "-"], false)] {
        let all: Vec<&str> = ["chat", "--base-url", url].iter().chain(arguments).copied().collect();
        let output = turnwire(&all, b"from a pipe\n");
        assert_eq!((text(&output).as_str(), output.status.code()), ("The answer.\n", Some(0)), "{output:?}");
        assert_eq!(!output.stderr.is_empty(), notices, "{output:?}");
    }
    for bytes in [&b"\n"[..], b"\xff\n"] {
        assert_eq!(turnwire(&["chat", "--base-url", url], bytes).status.code(), Some(2));
    }
    let asked = turnwire(&["chat", "--base-url", url, "--tool", "a=cat", "hi"], b"");
    assert_eq!(asked.status.code(), Some(2), "nobody can be asked: {asked:?}");
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = turnwire(&["completions", shell], b"");
        assert!(output.status.success() && text(&output).contains("turnwire"), "{shell}");
    }
    for page in [&["man"][..], &["man", "chat"], &["man", "decode"]] {
        let output = turnwire(page, b"");
        assert!(output.status.success() && text(&output).contains(".TH turnwire"), "{page:?}: {output:?}");
    }
    assert!(
        text(&turnwire(&["man", "chat"], b"")).contains("exit")
            || text(&turnwire(&["man", "chat"], b"")).contains("Exit")
    );
    assert_eq!(turnwire(&["man", "nonsense"], b"").status.code(), Some(2));
}

#[test]
fn certificates_are_verified_against_ssl_cert_file_on_both_transports() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let tls = turnwire_rustls::server_config(vec![made.cert.der().clone()], key).expect("a configuration");
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, made.cert.pem()).expect("a file");
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let untrusted = folder.path().join("untrusted.pem");
    std::fs::write(&untrusted, other.cert.pem()).expect("a file");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/v1", listener.local_addr().expect("an address"));
    let script = Script::parse("[[reply]]\ntext = \"Hi, safely.\"\n").expect("a script");
    thread::spawn(move || {
        let scripted = ScriptedServer::new(script);
        for stream in listener.incoming().flatten() {
            if let Ok(mut server) = accept(stream, serve::config(true), Some(tls.clone())) {
                block_on(serve::serve(&mut server, &scripted));
            }
        }
    });
    let chat = |roots: &std::path::Path, transport: &str| {
        Command::new(env!("CARGO_BIN_EXE_turnwire"))
            .args(["chat", "--base-url", &url, "--transport", transport, "--retries", "0", "hi"])
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .env_remove("OPENAI_API_KEY")
            .output()
            .expect("it ends")
    };
    for transport in ["ws", "sse"] {
        let output = chat(&trusted, transport);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&output), "Hi, safely.\n");
        for roots in [untrusted.as_path(), &folder.path().join("nothing.pem")] {
            let output = chat(roots, transport);
            assert_eq!(output.status.code(), Some(4), "{output:?}");
            assert!(!text(&output).contains("Hi"));
        }
    }
}

#[test]
fn chat_names_the_server_and_the_option_of_its_failures() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let closed = format!("http://{address}/v1");
    for (url, code, expected) in [
        (closed.as_str(), 3, format!("cannot connect: {address}: ")),
        ("localhost:8080/v1", 2, "--base-url: the url scheme is not supported".to_owned()),
    ] {
        let output = turnwire(&["chat", "--base-url", url, "--retries", "0", "-q", "say", "hi"], b"");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(
            error.starts_with(&format!("turnwire: {}{expected}", if code == 2 { "bad arguments: " } else { "" })),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn chat_whose_reader_has_gone_ends_without_an_error() {
    let script = "[[reply]]\nalways = true\ntext = \"one two three four\"\ntyping_ms = 50\n";
    let (url, _) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnwire"));
    command.args(["chat", "--base-url", &url, "-q", "hi"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
}
