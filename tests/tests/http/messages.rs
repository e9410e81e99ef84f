//! HTTP messages: vectors, hostile peers at each limit, and messages that cannot be built.

use std::collections::BTreeSet;

use serde::Deserialize;
use turnwire::http::{
    self, BodyDecoder, BodyLimits, BodyPart, Error, HeadDecoder, HeadLimits, HeaderValue, Headers, InvalidHead,
    InvalidHeader, Request, Response,
};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::http::{self as laws, Limits, Message, Side, Start};
use turnwire_tests::vectors::bytes;

#[derive(Deserialize)]
struct Vectors {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    /// Whether the specifications leave the behaviour open.
    #[serde(default)]
    choice: bool,
    #[serde(default)]
    server: bool,
    method: Option<String>,
    input: Vec<String>,
    #[serde(default)]
    interim: Vec<u16>,
    status: Option<u16>,
    request: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    trailers: Vec<String>,
    #[serde(default)]
    leftover: String,
    #[serde(default)]
    reuse: bool,
    error: Option<String>,
}

/// Returns the first word of an error's `Debug` output.
fn name(error: impl core::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split(' ').next().unwrap_or_default().to_owned()
}

impl Case {
    fn check(&self) -> Result<(), String> {
        let input: Vec<u8> = self.input.iter().flat_map(|piece| bytes(piece)).collect();
        let side = match self.server {
            true => Side::Requests,
            false => Side::Responses(self.method.as_deref().unwrap_or("POST")),
        };
        let cuts: Vec<Chunks> = match input.len() {
            0..=2000 => Chunks::all(input.len()).collect(),
            len => vec![Chunks::Bytes, Chunks::Size(1400), Chunks::Split(len / 2), Chunks::Split(len - 1)],
        };
        let outcome = laws::read(side, Limits::default(), &input, 1, &Chunks::Whole)?;
        for chunks in &cuts {
            laws::chunking(side, Limits::default(), &input, 1, chunks)?;
        }
        laws::matches_reference(side, Limits::default(), &input, 1)?;
        laws::again(side, &outcome)?;
        let (interim, finals): (Vec<&Message>, Vec<&Message>) =
            outcome.messages.iter().partition(|message| message.is_interim());
        let statuses: Vec<u16> = interim.iter().filter_map(|message| status(message)).collect();
        let first = finals.first();
        let request = first.and_then(|message| match &message.start {
            Start::Request(method, target) => Some(format!("{method} {target}")),
            Start::Response(..) => None,
        });
        let trailers: Vec<String> = first
            .iter()
            .flat_map(|message| &message.trailers)
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        let body = first.map(|message| message.body.as_slice()).unwrap_or_default();
        let leftover = &input[input.len() - outcome.leftover..];
        let reuse = outcome.error.is_none() && first.is_some_and(|message| message.reuse);
        let seen = [
            (statuses == self.interim, "interim"),
            (first.and_then(|message| status(message)) == self.status, "status"),
            (request == self.request, "request"),
            (body == bytes(&self.body), "body"),
            (trailers == self.trailers, "trailers"),
            (leftover == bytes(&self.leftover), "leftover"),
            (reuse == self.reuse, "reuse"),
            (outcome.error.map(name) == self.error, "error"),
        ];
        match seen.iter().find(|(right, _)| !right) {
            Some((_, what)) => Err(format!("{what}: {outcome:?}")),
            None => Ok(()),
        }
    }
}

const fn status(message: &Message) -> Option<u16> {
    match message.start {
        Start::Response(status, _) => Some(status),
        Start::Request(..) => None,
    }
}

#[test]
fn vectors() {
    let vectors: Vectors = toml::from_str(include_str!("../../vectors/http.toml")).expect("the vectors");
    let names: BTreeSet<&str> = vectors.case.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), vectors.case.len(), "a name is used twice");
    assert!(vectors.case.iter().filter(|case| !case.choice).count() >= 66);
    let failed: Vec<String> = vectors
        .case
        .iter()
        .filter_map(|case| case.check().err().map(|why| format!("{} ({}): {why:.400}", case.name, case.rule)))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

fn judged(side: Side<'_>, limits: Limits, input: &[u8]) -> laws::Outcome {
    for chunks in [Chunks::Bytes, Chunks::Size(1000), Chunks::Split(input.len() - 1)] {
        laws::chunking(side, limits, input, 1, &chunks).expect("the laws");
    }
    laws::read(side, limits, input, 1, &Chunks::Whole).expect("the laws")
}

const POST: Side<'static> = Side::Responses("POST");

/// With one byte per read, for the whole head, too.
#[test]
fn head_at_byte_limit_passes_and_beyond_fails() {
    let limit = Limits::default().heads.bytes;
    let head = |length: usize| {
        let start = "HTTP/1.1 204 No\r\nX: ";
        format!("{start}{}\r\n\r\n", "v".repeat(length - start.len() - 4)).into_bytes()
    };
    let at = judged(POST, Limits::default(), &head(limit));
    assert_eq!((at.messages.len(), at.error), (1, None));
    let over = judged(POST, Limits::default(), &head(limit + 1));
    assert_eq!((over.messages.len(), over.error), (0, Some(Error::HeadTooLong { limit })));
    let endless = [&head(limit)[..limit - 4], &b"v".repeat(5_000_000)].concat();
    assert_eq!(
        laws::read(POST, Limits::default(), &endless, 1, &Chunks::Size(1400)).expect("the laws").error,
        over.error
    );
}

#[test]
fn head_at_line_limit_passes_and_beyond_fails() {
    let limit = Limits::default().heads.headers;
    let head = |lines: usize| format!("HTTP/1.1 204 No\r\n{}\r\n", "X: y\r\n".repeat(lines)).into_bytes();
    let at = judged(POST, Limits::default(), &head(limit));
    assert_eq!((at.messages[0].headers.len(), at.error), (limit, None));
    assert_eq!(judged(POST, Limits::default(), &head(limit + 1)).error, Some(Error::TooManyHeaders { limit }));
}

#[test]
fn chunk_size_line_at_limit_passes_and_beyond_fails() {
    let limit = Limits::default().bodies.chunk_line;
    let message = |length: usize| {
        let size = format!("5;{}", "x".repeat(length - 2));
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nhello\r\n0\r\n\r\n").into_bytes()
    };
    assert_eq!(judged(POST, Limits::default(), &message(limit)).error, None);
    let over = judged(POST, Limits::default(), &message(limit + 1));
    assert_eq!(over.error, Some(Error::ChunkLineTooLong { limit }));
    let zeros = |length: usize| {
        let size = "0".repeat(length);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n\r\n").into_bytes()
    };
    assert_eq!(judged(POST, Limits::default(), &zeros(limit)).error, None);
    assert_eq!(judged(POST, Limits::default(), &zeros(limit + 1)).error, over.error);
}

#[test]
fn chunk_extensions_at_limit_pass_and_beyond_fail() {
    let limit = Limits::default().bodies.extensions;
    let message = |length: usize| {
        let chunk = |extension: usize| format!("1;{}\r\nx\r\n", "e".repeat(extension - 1));
        let chunks = chunk(length / 8).repeat(7) + &chunk(length - length / 8 * 7);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes()
    };
    assert_eq!(judged(POST, Limits::default(), &message(limit)).messages[0].body, b"xxxxxxxx");
    assert_eq!(judged(POST, Limits::default(), &message(limit + 1)).error, Some(Error::ExtensionsTooLong { limit }));
}

#[test]
fn trailers_at_limits_pass_and_beyond_fail() {
    let trailers = Limits::default().bodies.trailers;
    let message =
        |lines: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{lines}\r\n").into_bytes();
    let bytes = |length: usize| format!("X: {}\r\n", "v".repeat(length - 7));
    assert_eq!(judged(POST, Limits::default(), &message(&bytes(trailers.bytes))).error, None);
    let over = judged(POST, Limits::default(), &message(&bytes(trailers.bytes + 1)));
    assert_eq!(over.error, Some(Error::HeadTooLong { limit: trailers.bytes }));
    assert_eq!(judged(POST, Limits::default(), &message(&"X: y\r\n".repeat(trailers.headers))).error, None);
    let over = judged(POST, Limits::default(), &message(&"X: y\r\n".repeat(trailers.headers + 1)));
    assert_eq!(over.error, Some(Error::TooManyHeaders { limit: trailers.headers }));
}

/// Truncated inside a size, its line end, data, its line end, the last chunk, or the trailers: never complete.
#[test]
fn chunked_body_cut_anywhere_is_truncated() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let message = format!("{head}5;e\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n");
    for length in head.len()..message.len() {
        let cut = judged(POST, Limits::default(), &message.as_bytes()[..length]);
        assert_eq!((cut.error, cut.messages[0].whole), (Some(Error::Truncated), false), "{length}");
    }
    assert_eq!(judged(POST, Limits::default(), message.as_bytes()).error, None);
}

#[test]
fn head_cut_anywhere_is_truncated() {
    let message = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for length in 1..message.len() {
        let cut = judged(POST, Limits::default(), &message.as_bytes()[..length]);
        assert_eq!((cut.error, cut.messages.len()), (Some(Error::Truncated), 0), "{length}");
    }
}

/// Law 5: this would take hours if each byte were processed more than a few times.
#[test]
fn a_mebibyte_byte_by_byte_is_linear() {
    let length = 1024 * 1024;
    let heads = HeadLimits::default().with_bytes(usize::MAX).with_headers(length);
    let limits = Limits { heads, ..Limits::default() };
    let messages = [
        format!("HTTP/1.1 204 No\r\nX: {}\r\n\r\n", "v".repeat(length)),
        format!("HTTP/1.1 204 No\r\n{}\r\n", "X: y\r\n".repeat(length / 6)),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", "1\r\nx\r\n".repeat(length / 6)),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n",
            "x".repeat(length)
        ),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length)),
    ];
    for message in messages {
        let outcome = laws::read(POST, limits, message.as_bytes(), 1, &Chunks::Bytes).expect("the laws");
        assert!(outcome.error.is_none() && outcome.messages[0].whole, "{message:.60}");
    }
}

#[test]
fn invalid_header_cannot_be_built() {
    for byte in (0..=0x1F).chain([0x7F]).filter(|byte| *byte != b'\t') {
        for value in [vec![byte, b'a'], vec![b'a', byte], vec![b'a', byte, b'b'], vec![byte]] {
            assert_eq!(HeaderValue::new(&value), Err(InvalidHeader::Value), "{byte:#x}");
            let mut headers = Headers::new();
            assert_eq!(headers.append("X", value.as_slice()), Err(InvalidHeader::Value));
            assert_eq!(headers.set("X", value.as_slice()), Err(InvalidHeader::Value));
            assert_eq!(headers.set_if_absent("X", value.as_slice()), Err(InvalidHeader::Value));
            assert!(headers.is_empty());
        }
    }
    for name in ["", "a b", "a:", "a\r\nb", "é", "a\0", "(", "a\t"] {
        assert_eq!(Headers::new().append(name, "x"), Err(InvalidHeader::Name), "{name:?}");
    }
    assert_eq!(HeaderValue::new(b" \t a\tb \xC3\xA9 ").expect("a value").as_bytes(), b"a\tb \xC3\xA9");
}

#[test]
fn invalid_start_line_cannot_be_built() {
    for method in ["", "GE T", "GET\r\nX: y", "G\0", "é", "GET:"] {
        assert_eq!(Request::new(method, "/"), Err(InvalidHead::Method), "{method:?}");
    }
    for target in ["", "/ HTTP/1.1\r\nX: y", "/a b", "/\0", "/é", "/\t", "/\u{7f}", "/a?b=\nc"] {
        assert_eq!(Request::new("GET", target), Err(InvalidHead::Target), "{target:?}");
    }
    for status in [0, 99, 600, 1000, u16::MAX] {
        assert_eq!(Response::new(status), Err(InvalidHead::Status));
    }
    for status in 100..=599 {
        let mut bytes = Vec::new();
        let response = Response::new(status).expect("a status");
        http::encode_response(&response, &mut bytes);
        let back = HeadDecoder::<Response>::new(HeadLimits::default()).decode(&mut bytes.as_slice());
        assert_eq!(back, Ok(Some(response)));
    }
    assert_eq!(InvalidHead::from(InvalidHeader::Name).to_string(), InvalidHeader::Name.to_string());
}

#[test]
fn header_names_are_case_insensitive() {
    let mut headers = Headers::new();
    for (name, value) in [("A", "1"), ("B", "2"), ("a", "3"), ("C", "4")] {
        headers.append(name, value).expect("a header");
    }
    headers.set("B", String::from("5")).expect("a header");
    headers.set("a", "6").expect("a header");
    headers.set("D", "7").expect("a header");
    headers.set_if_absent("d", "8").expect("a header");
    headers.set_if_absent("E", HeaderValue::new(b"\xFF").expect("a value")).expect("a header");
    assert_eq!(headers.ascii_pairs(), [("a", "6"), ("B", "5"), ("C", "4"), ("D", "7")], "in their places");
    assert_eq!((headers.len(), headers.get_str("e"), headers.contains("E")), (5, None, true));
    let mut other = Headers::new();
    let nine = String::from("9");
    other.append("c", &nine).expect("a header");
    other.append("C", "10").expect("a header");
    headers.replace_with(&other);
    headers.remove("E");
    assert_eq!(headers.ascii_pairs(), [("a", "6"), ("B", "5"), ("D", "7"), ("c", "9"), ("C", "10")]);
    assert_eq!(headers.get_all("c").filter_map(HeaderValue::to_str).collect::<Vec<_>>(), [nine.as_str(), "10"]);
}

#[test]
fn lists_of_tokens_span_lines() {
    let mut headers = Headers::new();
    headers.append("Connection", " keep-alive ,, Upgrade\t").expect("a header");
    headers.append("connection", "x").expect("a header");
    assert_eq!(headers.tokens("CONNECTION").collect::<Vec<_>>(), [&b"keep-alive"[..], b"Upgrade", b"x"]);
    assert!(headers.has_token("connection", "upgrade") && !headers.has_token("connection", "keep"));
}

#[test]
fn expectation_of_100_continue_is_recognised() {
    let expects = |version: &str, value: &str| {
        let head = format!("POST / {version}\r\nExpect: {value}\r\n\r\n");
        let request = HeadDecoder::<Request>::new(HeadLimits::default()).decode(&mut head.as_bytes());
        request.expect("a head").expect("whole").expects_continue()
    };
    assert!(expects("HTTP/1.1", "100-Continue"));
    assert!(!expects("HTTP/1.0", "100-continue"), "RFC 9110 §10.1.1: HTTP/1.0 never waits");
    assert!(!expects("HTTP/1.1", "200-ok"));
}

#[test]
fn content_codings_are_recognised() {
    let coding = |value: &str| {
        let mut response = Response::new(200).expect("a status");
        response.headers.append("Content-Encoding", value).expect("a header");
        response.check_identity_coding()
    };
    assert_eq!(coding("Identity"), Ok(()));
    assert_eq!(coding(""), Ok(()));
    for value in ["gzip", "identity, br", "x"] {
        assert_eq!(coding(value), Err(Error::ContentCoding), "{value}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let head =
        "GET / HTTP/1.1\r\nAuthorization: Bearer hush\r\nCookie: hush\r\nProxy-Authorization: hush\r\nX: shown\r\n";
    let mut decoder = HeadDecoder::<Request>::new(HeadLimits::default());
    assert_eq!(decoder.decode(&mut head.as_bytes()), Ok(None));
    assert!(!format!("{decoder:?}").contains("104, 117"), "what it keeps");
    let request = decoder.decode(&mut &b"\r\n"[..]).expect("a head").expect("whole");
    let shown = format!("{request:?}");
    assert!(shown.contains("shown") && !shown.contains("hush"), "{shown}");
    assert!(request.headers.get("cookie").is_some_and(HeaderValue::is_sensitive));
    let secret = HeaderValue::new(b"hush").expect("a value").into_sensitive();
    assert_eq!((secret.is_sensitive(), format!("{secret:?}")), (true, "(sensitive)".to_owned()));
    assert_eq!(secret, HeaderValue::new(b"hush").expect("a value"));
}

#[test]
fn body_end_is_returned_once() {
    let response = Response::new(204).expect("a status");
    let mut body = BodyDecoder::response("POST", &response, BodyLimits::default()).expect("a framing");
    let mut rest: &[u8] = b"next";
    assert_eq!(body.decode(&mut rest), Ok(Some(BodyPart::End(Headers::new()))));
    assert!(body.is_done());
    assert_eq!((body.decode(&mut rest), rest, body.eof()), (Ok(None), &b"next"[..], Ok(())));
}

#[test]
fn errors_name_their_limits() {
    let errors = [
        Error::HeadTooLong { limit: 77 },
        Error::TooManyHeaders { limit: 77 },
        Error::TooManyInterim { limit: 77 },
        Error::ChunkLineTooLong { limit: 77 },
        Error::ExtensionsTooLong { limit: 77 },
    ];
    assert!(errors.iter().all(|error| error.to_string().contains("77")));
}
