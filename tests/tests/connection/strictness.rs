//! The server role is as strict as RFC 9112 and RFC 9110 §5 demand, because each tolerance is a way to smuggle a request past a proxy.
//! Each test is named after its section.

use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire_tests::chunks::Chunks;

const NOW: Instant = Instant::ZERO;

/// What a server delivered, and what it wrote.
#[derive(Debug, PartialEq)]
struct Served {
    /// Method, target and body of each request.
    requests: Vec<String>,
    /// Statuses of responses, interim ones included.
    statuses: Vec<u16>,
    closed: bool,
}

/// Serves these bytes with a server that sends each body back.
fn echo(bytes: &[u8], cut: &Chunks) -> Served {
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    let (mut requests, mut written, mut closed) = (Vec::new(), Vec::new(), false);
    for read in cut.cut(bytes) {
        server.handle_input(NOW, read);
        loop {
            let body = match server.poll_event() {
                Some(server::Event::Request { head, body }) => {
                    requests.push(format!("{} {} {}", head.method(), head.target(), String::from_utf8_lossy(body)));
                    body.to_vec()
                }
                Some(server::Event::Closed(_)) => {
                    closed = true;
                    continue;
                }
                Some(other) => panic!("{other:?}"),
                None => break,
            };
            server.respond(NOW, 200, &Headers::new(), &body).expect("a request waits");
        }
        written.extend_from_slice(server.poll_transmit());
        server.handle_written(NOW, usize::MAX);
    }
    let written = String::from_utf8(written).expect("text");
    let status = |part: &str| part.get(..3).and_then(|status| status.parse().ok()).expect("a status");
    Served { requests, statuses: written.split("HTTP/1.1 ").skip(1).map(status).collect(), closed }
}

/// The same for all splits.
fn served(bytes: &str) -> Served {
    let whole = echo(bytes.as_bytes(), &Chunks::Whole);
    for size in [1, 2, 3, 7] {
        assert_eq!(echo(bytes.as_bytes(), &Chunks::Size(size)), whole, "in reads of {size} bytes: {bytes:?}");
    }
    whole
}

/// A request that must be invisible: if the server reads it as one, it was smuggled.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// The bytes, and anything behind them, are answered with one error, and deliver nothing.
fn rejected(bytes: &str) {
    let served = served(&format!("{bytes}{SMUGGLED}"));
    assert_eq!(served.requests, [""; 0], "{bytes:?}");
    assert!(matches!(served.statuses[..], [400..=599]) && served.closed, "{bytes:?}: {served:?}");
}

/// The bytes are requests with these methods, targets and bodies, and the connection goes on.
fn accepted(bytes: &str, expected: &[&str]) {
    let served = served(bytes);
    assert_eq!(served.requests, expected, "{bytes:?}");
    assert_eq!(served.statuses.iter().filter(|status| **status == 200).count(), expected.len(), "{bytes:?}");
    assert!(!served.closed, "{bytes:?}");
}

fn with_headers(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn with_body(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
}

#[test]
fn rfc_9112_2_1_part_of_a_request_delivers_nothing_and_waits() {
    let request = "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    for length in 0..request.len() {
        let served = served(&request[..length]);
        assert_eq!(served, Served { requests: Vec::new(), statuses: Vec::new(), closed: false }, "{length} bytes");
    }
    accepted(request, &["POST /hello hello"]);
    accepted(&request.repeat(3), &["POST /hello hello"; 3]);
}

#[test]
fn rfc_9112_2_2_line_ends_are_crlf() {
    accepted(&format!("\r\n{}", with_headers("")), &["GET / "]);
    for bytes in [
        "GET / HTTP/1.1\r\nHost: example.com\r\n\rSome-Header: Test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        rejected(bytes);
    }
}

#[test]
fn rfc_9112_2_3_version_is_1_0_or_1_1() {
    for version in
        ["HTTP/9.9", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.", "HTTP/11", "HTTP/1.1.1", "HTTPS/1.1", "HTTP/+1.1"]
    {
        rejected(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
    }
}

#[test]
fn rfc_9112_3_request_line_has_three_parts_with_one_space_between_them() {
    for line in [
        "GET / ",
        "GET /",
        "GET",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET\t/\tHTTP/1.1",
    ] {
        rejected(&format!("{line}\r\nHost: a\r\n\r\n"));
    }
    rejected("Extra lineGET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    rejected("G(T / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn rfc_9112_3_2_request_has_one_host() {
    for lines in ["Content-Length: 5\r\n", "", "Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n"] {
        rejected(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
    }
    accepted("GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n", &["GET / "]);
}

#[test]
fn rfc_9112_5_1_no_space_between_name_and_colon() {
    for line in ["X : a", "X\t: a", " X: a", "Content-Length : 5", "Transfer-Encoding : chunked", ": a", "X"] {
        rejected(&with_headers(&format!("{line}\r\n")));
    }
}

#[test]
fn rfc_9112_5_2_folded_lines_are_rejected() {
    for lines in
        ["X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "Transfer-Encoding:\r\n chunked\r\n", "Content-Length:\r\n 5\r\n"]
    {
        rejected(&with_headers(lines));
    }
}

#[test]
fn rfc_9110_5_names_are_tokens_and_values_have_no_control_characters() {
    for line in
        ["X-Invalid[]: test", "X\u{1}: a", "X(: a", "é: a", "X-Bad: test\u{7}", "X: a\0b", "X: \u{7f}", "X: \u{1b}[0m"]
    {
        rejected(&with_headers(&format!("{line}\r\n")));
    }
    accepted(&with_headers("X-Empty: \r\nY:\r\nZ: \t a\tb \t\r\nÄ".trim_end_matches('Ä')), &["GET / "]);
}

#[test]
fn rfc_9112_6_1_transfer_encoding_is_chunked_alone() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding: chunked;x=1\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        rejected(&with_body(lines, "0\r\n\r\n"));
    }
    rejected("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn rfc_9112_6_2_content_length_is_one_decimal_number() {
    for value in [
        "-123456789123456789123456789",
        "-1234",
        "abc",
        "+5",
        "5 5",
        "5, 6",
        "0x5",
        "5.0",
        "",
        "5;",
        "18446744073709551616",
        "99999999999999999999",
        "5_0",
    ] {
        rejected(&with_body(&format!("Content-Length: {value}\r\n"), "hello"));
    }
    rejected(&with_body("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"));
    accepted(&with_body("Content-Length: 5\r\n", "hello").repeat(2), &["POST / hello"; 2]);
    accepted(&with_body("Content-Length: 005\r\n", "hello"), &["POST / hello"]);
}

#[test]
fn rfc_9112_7_1_chunk_sizes_are_hexadecimal_digits_and_chunks_end_in_crlf() {
    let chunked = |body: &str| with_body("Transfer-Encoding: chunked\r\n", body);
    accepted(&chunked("c\r\nHellO world1\r\n0\r\n\r\n"), &["POST / HellO world1"]);
    accepted(&chunked("5;a=b\r\nhello\r\n00\r\nX: y\r\n\r\n").repeat(2), &["POST / hello"; 2]);
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n",
        "5\r\nhello world\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n folded\r\n\r\n",
    ] {
        rejected(&chunked(body));
    }
}

#[test]
fn rfc_9110_10_1_1_expectation_is_answered_before_the_body() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(served(head), Served { requests: Vec::new(), statuses: vec![100], closed: false });
    accepted(&with_headers("Expect: 100-continue\r\n"), &["GET / "]);
}
