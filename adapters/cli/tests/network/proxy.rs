//! The command behind a proxy that the environment names.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Runs the command with these variables, and without those of proxies that are set here.
fn turnwire(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnwire"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied()).env("OPENAI_API_KEY", "key").output().expect("it runs")
}

fn standard_error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Starts a proxy that refuses every connection with 403. Returns its address and the first lines of its requests.
fn refusing_proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (lines, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a client"));
            let mut first = String::new();
            if stream.read_line(&mut first).expect("a request") == 0 {
                continue; // `doctor` tries the socket first
            }
            let mut line = String::new();
            while stream.read_line(&mut line).expect("a head") > 2 {
                line.clear();
            }
            let _ = stream.get_mut().write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            let _ = lines.send(first.trim_end().to_owned());
        }
    });
    (address, received)
}

#[test]
fn variable_names_proxy_connection_goes_through_it() {
    let (address, lines) = refusing_proxy();
    let proxy = format!("http://user:secret@{address}");
    for (variable, url, target) in [
        ("https_proxy", "https://127.0.0.1:1/v1", "127.0.0.1:1"),
        ("HTTPS_PROXY", "https://model.invalid/v1", "model.invalid:443"),
        ("http_proxy", "http://127.0.0.1:1/v1", "127.0.0.1:1"),
        ("ALL_PROXY", "https://127.0.0.1:1/v1", "127.0.0.1:1"),
        ("all_proxy", "http://localhost:1/v1", "localhost:1"),
    ] {
        // Requests for plain http are forwarded; all other connections are tunnels.
        let forwarded = format!("POST {url}/responses HTTP/1.1");
        let tunnel = format!("CONNECT {target} HTTP/1.1");
        for transport in ["ws", "sse"] {
            let arguments =
                ["chat", "--base-url", url, "--transport", transport, "--model", "m", "--retries", "0", "hi"];
            let output = turnwire(&arguments, &[(variable, &proxy)]);
            let forwards = transport == "sse" && url.starts_with("http:");
            let expected = if forwards { &forwarded } else { &tunnel };
            assert_eq!(lines.try_recv().as_ref(), Ok(expected), "{variable}");
            let error = standard_error(&output);
            assert!(!output.status.success() && error.contains("403"), "{variable}: {error}");
            assert!(forwards || error.contains(&address), "{variable}: {error}");
            assert!(!error.contains("secret"), "{variable}: {error}");
        }
    }
}

#[test]
fn lower_case_variable_is_set_upper_case_one_is_ignored() {
    let (address, lines) = refusing_proxy();
    let arguments = ["chat", "--base-url", "https://127.0.0.1:1/v1", "--model", "m", "--retries", "0", "hi"];
    let proxy = format!("http://{address}");
    turnwire(&arguments, &[("https_proxy", &proxy), ("HTTPS_PROXY", "http://127.0.0.1:1")]);
    assert!(lines.try_recv().is_ok());
}

#[test]
fn upper_case_http_proxy_or_no_proxy_connection_is_direct() {
    let (address, lines) = refusing_proxy();
    let arguments = ["chat", "--base-url", "http://127.0.0.1:1/v1", "--model", "m", "--retries", "0", "hi"];
    let proxy = format!("http://{address}");
    for variables in [
        &[("HTTP_PROXY", proxy.as_str())][..],
        &[("http_proxy", &proxy), ("NO_PROXY", "127.0.0.1")],
        &[("ALL_PROXY", &proxy), ("no_proxy", "*")],
    ] {
        let output = turnwire(&arguments, variables);
        assert!(!output.status.success() && lines.try_recv().is_err(), "{variables:?}");
    }
}

#[test]
fn variable_is_invalid_nothing_is_reached_directly() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let arguments = ["chat", "--base-url", &url, "--model", "m", "--retries", "3", "hi"];
    let output = turnwire(&arguments, &[("http_proxy", "gopher://user:secret@proxy.example:70")]);
    let error = standard_error(&output);
    assert!(!output.status.success() && error.contains("http_proxy: the proxy's scheme is not"), "{error}");
    assert!(!error.contains("secret"), "{error}");
    assert!(listener.accept().is_err(), "the server is not reached");
}

#[test]
fn doctor_behind_a_proxy_names_the_proxy_and_its_refusal() {
    let (address, lines) = refusing_proxy();
    let output = turnwire(
        &["doctor", "--base-url", "https://model.invalid/v1"],
        &[("https_proxy", &format!("http://user:secret@{address}"))],
    );
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), standard_error(&output));
    assert!(text.contains(&format!("proxy: http://{address}")), "{text}");
    assert!(text.contains("403") && !text.contains("secret") && !output.status.success(), "{text}");
    assert_eq!(lines.try_recv().as_deref(), Ok("CONNECT model.invalid:443 HTTP/1.1"));
}
