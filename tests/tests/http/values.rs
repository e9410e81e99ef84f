//! Small promises of HTTP values: reason phrases, comparison and removal of headers, limits that can be set, and what decoders say of
//! themselves.

use turnwire::http::{
    self, BodyDecoder, BodyLimits, BodyPart, Error, HeadDecoder, HeadLimits, HeaderValue, Headers, Protocol, Request,
    Response, Version,
};

/// RFC 9110 §15: the reason phrases of the statuses that this crate's users send.
#[test]
fn statuses_have_the_phrases_of_rfc_9110() {
    for (status, phrase) in [
        (100, "Continue"),
        (101, "Switching Protocols"),
        (200, "OK"),
        (201, "Created"),
        (202, "Accepted"),
        (204, "No Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (411, "Length Required"),
        (413, "Content Too Large"),
        (415, "Unsupported Media Type"),
        (417, "Expectation Failed"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (599, ""),
        (666, ""),
    ] {
        let Ok(response) = Response::new(status) else {
            assert!(status > 599, "{status}");
            continue;
        };
        let mut out = Vec::new();
        http::encode_response(&response, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("HTTP/1.1 {status} {phrase}\r\n\r\n"));
    }
}

#[test]
fn header_values_are_equal_when_their_bytes_are() {
    let value = |text: &str| HeaderValue::new(text.as_bytes()).expect("a value");
    assert_eq!(value("a"), value("a"));
    assert_ne!(value("a"), value("b"));
    assert_eq!(value("a").into_sensitive(), value("a"), "that it is shown or not is no part of it");
    assert!(!value("a").is_sensitive() && value("a").into_sensitive().is_sensitive());
}

#[test]
fn removed_header_is_gone_in_any_case() {
    let mut headers = Headers::new();
    assert!(headers.is_empty());
    for name in ["A", "b", "a"] {
        headers.append(name, "1").expect("a header");
    }
    assert!(!headers.is_empty());
    headers.remove("a");
    assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
    headers.remove("B");
    assert!(headers.is_empty());
}

#[test]
fn limits_of_a_body_are_those_that_were_set() {
    let trailers = HeadLimits::default().with_headers(3);
    let limits = BodyLimits::new().with_chunk_line(1).with_extensions(2).with_trailers(trailers);
    assert_eq!((limits.chunk_line, limits.extensions, limits.trailers), (1, 2, trailers));
}

fn chunked() -> (Request, BodyDecoder) {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut decoder = HeadDecoder::<Request>::new(HeadLimits::default());
    let head = decoder.decode(&mut text.as_bytes()).expect("a head").expect("the whole head");
    let body = BodyDecoder::request(&head, BodyLimits::default()).expect("a body");
    (head, body)
}

#[test]
fn body_is_done_behind_its_last_byte() {
    let (head, mut body) = chunked();
    assert_eq!(head.version, Version::Http11);
    let mut input = &b"1\r\nx\r\n0\r\n\r\nrest"[..];
    let mut ended = false;
    for _ in 0..10 {
        assert_eq!(body.is_done(), ended);
        if let Ok(Some(BodyPart::End(_))) = body.decode(&mut input) {
            ended = true;
        }
    }
    assert!(ended && body.is_done() && input == b"rest");
}

#[test]
fn bytes_of_a_head_that_is_not_complete_are_counted() {
    let mut decoder = HeadDecoder::<Request>::new(HeadLimits::default());
    assert_eq!(decoder.buffered(), 0);
    assert_eq!(decoder.decode(&mut &b"GET / HT"[..]), Ok(None));
    assert_eq!((decoder.buffered(), decoder.is_partial()), (8, true));
}

/// A response may be separated by single line feeds; the limit of empty lines is the same for them.
#[test]
fn two_bare_line_feeds_before_a_response_are_skipped_and_a_third_is_rejected() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let decode = |text: &str| HeadDecoder::<Response>::new(HeadLimits::default()).decode(&mut text.as_bytes());
    for lines in ["", "\n", "\n\n", "\r\n\n", "\n\r\n"] {
        assert!(matches!(decode(&format!("{lines}{head}")), Ok(Some(_))), "{lines:?}");
    }
    for lines in ["\n\n\n", "\r\n\n\n", "\n\n\r\n", "\r\n\r\n\n"] {
        assert_eq!(decode(&format!("{lines}{head}")), Err(Error::StartLine), "{lines:?}");
    }
}

#[test]
fn other_protocols_are_named() {
    for (protocol, name) in [(Protocol::Tls, "TLS"), (Protocol::Ssh, "SSH"), (Protocol::Http2, "HTTP/2")] {
        assert_eq!(protocol.to_string(), name);
    }
}

/// A client of another protocol is told apart from one that speaks HTTP badly.
#[test]
fn request_of_another_protocol_is_named() {
    for (bytes, seems) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n\r\n"[..], Protocol::Ssh),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::Http2),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00", Protocol::Tls),
    ] {
        let mut decoder = HeadDecoder::<Request>::new(HeadLimits::default());
        assert_eq!(decoder.decode(&mut &bytes[..]), Err(Error::NotHttp { seems }));
    }
}
