//! Responses with a content coding: rejected by default, decoded if enabled. And the limits of interim responses and
//! error bodies.

use turnwire::connection::client::{Config, Event};
use turnwire::connection::{ClientConnection, ExpectedBody, OutgoingRequest, Transport};
use turnwire::http::Headers;
use turnwire::http::gzip::Limits;
use turnwire::time::Instant;
use turnwire_tests::chunks::Chunks;
use zlib_rs::{Deflate, DeflateFlush};

const NOW: Instant = Instant::ZERO;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0; content.len() + 200];
    let mut stream = Deflate::new(6, true, 15 + 16);
    stream.compress(content, &mut out, DeflateFlush::Finish).expect("room");
    out.truncate(usize::try_from(stream.total_out()).expect("a length"));
    out
}

fn config(gzip: Option<Limits>) -> Config {
    let mut config = Config::new("localhost");
    config.gzip = gzip;
    config
}

fn on() -> Config {
    config(Some(Limits::default()))
}

/// Returns the client's events for these bytes and their end, which are equal for each split.
fn said(config: &Config, expect: ExpectedBody, bytes: &[u8]) -> Vec<String> {
    let says = |cut: &Chunks| {
        let mut client = ClientConnection::new(config.clone(), Transport::Http, [1; 32]);
        client.send_request(NOW, OutgoingRequest::new("/", Headers::new(), b"{}".to_vec(), expect)).expect("a request");
        let mut said = Vec::new();
        let reads = cut.cut(bytes);
        for read in reads.iter().map(Some).chain([None]) {
            match read {
                Some(read) => client.handle_input(NOW, read),
                None => client.handle_eof(NOW),
            }
            while let Some(event) = client.poll_event() {
                match event {
                    Event::Body { head, body } => {
                        said.push(format!("body {} {}", head.status(), String::from_utf8_lossy(body)));
                    }
                    Event::Server(event) => said.push(event.kind().to_owned()),
                    Event::End { reusable } => said.push(format!("end {reusable}")),
                    Event::Closed(closed) => said.push(format!("closed: {closed}")),
                    _ => {}
                }
            }
        }
        said
    };
    let whole = says(&Chunks::Whole);
    let cuts = (1..bytes.len()).map(Chunks::Split).step_by(1 + bytes.len() / 200);
    for cut in [Chunks::Bytes, Chunks::Size(7)].into_iter().chain(cuts) {
        assert_eq!(says(&cut), whole, "{cut:?}");
    }
    whole
}

/// Returns a response with this status and coded body in each framing: with a length, chunked, until close.
fn responses(status: u16, body: &[u8]) -> [Vec<u8>; 3] {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\n");
    let mut chunks = Vec::new();
    body.chunks(11).for_each(|piece| turnwire::http::encode_chunk(piece, &mut chunks));
    turnwire::http::encode_last_chunk(&mut chunks);
    [
        [head.as_bytes(), format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
        [head.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n", &chunks].concat(),
        [head.as_bytes(), b"\r\n", body].concat(),
    ]
}

const EVENTS: &[u8] = b"data: {\"type\":\"response.queued\"}\n\ndata: {\"type\":\"response.in_progress\"}\n\n";

#[test]
fn events_of_coded_stream_are_decoded() {
    for (index, response) in responses(200, &gzip(EVENTS)).iter().enumerate() {
        let said = said(&on(), ExpectedBody::EventStream, response);
        assert_eq!(said[..2], ["response.queued", "response.in_progress"], "{index}");
        assert_eq!(said[2], format!("end {}", index < 2), "{index}");
    }
}

#[test]
fn many_events_of_one_small_read_are_decoded() {
    let events = EVENTS.repeat(500);
    let [response, ..] = responses(200, &gzip(&events));
    let said = said(&on(), ExpectedBody::EventStream, &response);
    assert_eq!((said.len(), said[1000].as_str()), (1002, "end true"), "and then the connection ends");
}

#[test]
fn coded_stream_is_rejected_unless_enabled() {
    for expect in [ExpectedBody::EventStream, ExpectedBody::Whole] {
        let [response, ..] = responses(200, &gzip(EVENTS));
        assert_eq!(said(&config(None), expect, &response), ["closed: the content coding is not supported"]);
    }
    let other = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(said(&on(), ExpectedBody::EventStream, other), ["closed: the content coding is not supported"]);
}

#[test]
fn coded_body_is_collected_decoded() {
    for (index, response) in responses(200, &gzip(b"{\"a\":1}")).iter().enumerate() {
        assert_eq!(
            said(&on(), ExpectedBody::Whole, response)[..2],
            ["body 200 {\"a\":1}".to_owned(), format!("end {}", index < 2)]
        );
    }
    for response in responses(500, &gzip(b"{\"error\":{}}")) {
        assert_eq!(said(&on(), ExpectedBody::EventStream, &response)[0], "body 500 {\"error\":{}}");
    }
}

#[test]
fn truncated_or_corrupt_coded_stream_is_error() {
    let coded = gzip(EVENTS);
    for response in responses(200, &coded[..coded.len() - 1]) {
        let said = said(&on(), ExpectedBody::EventStream, &response);
        let end = said.last().expect("an end");
        assert!(end.contains("truncated") || end.contains("inside a message"), "{said:?}");
    }
    let mut bent = coded;
    let last = bent.len() - 1;
    bent[last] ^= 1;
    for response in responses(200, &bent) {
        let said = said(&on(), ExpectedBody::EventStream, &response);
        assert_eq!(said, ["response.queued", "response.in_progress", "closed: the coded content is corrupt"]);
    }
    for response in responses(500, &bent) {
        let said = said(&on(), ExpectedBody::EventStream, &response);
        assert!(said[0].starts_with("body 500 data"), "the decoded part of an error body is delivered: {said:?}");
    }
}

#[test]
fn coded_stream_fails_at_its_limit() {
    let [response, ..] = responses(200, &gzip(EVENTS));
    let limits = Limits::default().with_output(EVENTS.len() as u64 - 1);
    let said = said(&config(Some(limits)), ExpectedBody::EventStream, &response);
    let end = format!("closed: the coded content decodes to more than {} bytes", limits.output);
    assert_eq!(said, ["response.queued".to_owned(), end]);
}

#[test]
fn interim_responses_at_their_limit_and_beyond() {
    let limit = usize::try_from(Config::new("localhost").max_interim_responses).expect("a count");
    let response = |interim: usize| {
        let before = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(interim);
        format!("{before}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes()
    };
    assert_eq!(said(&config(None), ExpectedBody::Whole, &response(limit))[..2], ["body 200 {}", "end true"]);
    let over = said(&config(None), ExpectedBody::Whole, &response(limit + 1));
    assert_eq!(over, [format!("closed: more than {limit} interim responses before the final one")]);
}

#[test]
fn error_body_is_truncated_at_its_limit() {
    let mut config = config(None);
    config.max_error_body = 10;
    let response = |length: usize| {
        format!("HTTP/1.1 500 Oops\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length)).into_bytes()
    };
    let at = said(&config, ExpectedBody::EventStream, &response(10));
    assert_eq!(at[..2], ["body 500 xxxxxxxxxx", "end true"]);
    let over = said(&config, ExpectedBody::EventStream, &response(11));
    assert_eq!(over[..2], ["body 500 xxxxxxxxxx", "end false"], "and the connection is not reused");
}
