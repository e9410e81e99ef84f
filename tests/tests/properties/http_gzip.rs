//! The gzip content coding: the content is complete for every split into reads, and never exceeds the limits.

use proptest::prelude::*;
use turnwire::http::gzip::{Decoder, Limits};
use turnwire::http::{Error, Response};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::gzip as laws;
use zlib_rs::{Deflate, DeflateFlush, Status};

/// One gzip member.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0; content.len() + content.len() / 100 + 100];
    let mut stream = Deflate::new(6, true, 15 + 16);
    let status = stream.compress(content, &mut out, DeflateFlush::Finish);
    assert_eq!(status, Ok(Status::StreamEnd));
    out.truncate(usize::try_from(stream.total_out()).expect("a length"));
    out
}

fn cuts() -> impl Strategy<Value = Chunks> {
    prop_oneof![Just(Chunks::Bytes), proptest::collection::vec(0_usize..600, 1..5).prop_map(Chunks::Cycle)]
}

/// Content that compresses well, badly, and in between.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0_usize..3000).prop_map(|(byte, times)| vec![byte; times]),
        Just(b"data: {\"type\":\"response.output_text.delta\"}\n\n".repeat(3)),
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn coded_content_round_trips(members in proptest::collection::vec(content(), 1..4), cuts in cuts()) {
        let body: Vec<u8> = members.iter().flat_map(|content| gzip(content)).collect();
        let outcome = laws::chunking(Limits::default(), &body, &cuts).map_err(TestCaseError::fail)?;
        prop_assert_eq!((outcome.content, outcome.error), (members.concat(), None));
    }

    #[test]
    fn truncated_or_changed_body_is_error(content in content(), at in any::<prop::sample::Index>(), flip in 1_u8.., cuts in cuts()) {
        let body = gzip(&content);
        let at = at.index(body.len());
        let cut = laws::chunking(Limits::default(), &body[..at], &cuts).map_err(TestCaseError::fail)?;
        prop_assert_eq!(cut.error, Some(Error::Truncated));
        prop_assert!(content.starts_with(&cut.content));
        let mut bent = body;
        bent[at] ^= flip;
        let bent = laws::chunking(Limits::default(), &bent, &cuts).map_err(TestCaseError::fail)?;
        // The header's time and operating system are ignored; any other change is detected.
        prop_assert!(bent.error.is_some() || bent.content == content);
    }

    #[test]
    fn fuzz_laws_hold(choice in any::<u8>(), sizes in any::<u8>(), content in content(), noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        for input in [gzip(&content), noise] {
            laws::anything(&[&[choice, sizes], &input[..]].concat()).map_err(TestCaseError::fail)?;
        }
    }
}

#[test]
fn output_at_limit_passes_and_beyond_fails() {
    let body = gzip(&b"data: x\n".repeat(5000));
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        let limits = Limits::default().with_output(40_000);
        let at = laws::decode(limits, &body, &chunks).expect("the laws");
        assert_eq!((at.content.len(), at.error), (40_000, None));
        let limits = limits.with_output(39_999);
        let over = laws::decode(limits, &body, &chunks).expect("the laws");
        assert_eq!((over.content.len(), over.error), (39_999, Some(Error::ContentTooLong { limit: 39_999 })));
    }
}

/// A decompression bomb: 50 MB of zeros in 50 KB.
#[test]
fn decompression_bomb_fails_at_ratio_limit() {
    let bomb = gzip(&vec![0; 50_000_000]);
    for chunks in [Chunks::Whole, Chunks::Bytes, Chunks::Size(1400)] {
        let outcome = laws::decode(Limits::default(), &bomb, &chunks).expect("the laws");
        assert_eq!(outcome.error, Some(Error::ContentRatio { limit: 256 }));
        assert!(outcome.content.len() < 64 * 1024 + 2 * 512 * 1032, "{} bytes were decoded", outcome.content.len());
    }
    let limits = Limits::default().with_ratio(1032);
    assert_eq!(laws::decode(limits, &bomb, &Chunks::Whole).expect("the laws").error, None);
}

/// Corrupt data after the place where a limit is exceeded does not decide the error.
#[test]
fn limit_error_precedes_later_corruption() {
    let mut body = gzip(&b"data: x\n".repeat(5000));
    let end = body.len() - 1;
    body[end] ^= 1;
    let limits = Limits::default().with_output(10);
    let over = laws::chunking(limits, &body, &Chunks::Bytes).expect("the laws");
    assert_eq!(over.error, Some(Error::ContentTooLong { limit: 10 }));
    let corrupt = laws::chunking(Limits::default(), &body, &Chunks::Bytes).expect("the laws");
    assert_eq!((corrupt.content.len(), corrupt.error), (40_000, Some(Error::ContentCorrupt)));
}

/// Flushed data is decoded at once: an event does not wait for the next one.
#[test]
fn flushed_event_is_decoded_at_once() {
    let mut stream = Deflate::new(6, true, 15 + 16);
    let mut decoder = Decoder::new(Limits::default());
    for event in ["data: one\n\n", "data: two\n\n"] {
        let (mut out, before) = (vec![0; 100], stream.total_out());
        stream.compress(event.as_bytes(), &mut out, DeflateFlush::SyncFlush).expect("room");
        let mut read = &out[..usize::try_from(stream.total_out() - before).expect("a length")];
        assert_eq!(decoder.decode(&mut read), Ok(Some(event.as_bytes())));
        assert_eq!((decoder.decode(&mut read), read.len()), (Ok(None), 0));
    }
    assert!(!format!("{decoder:?}").contains("100, 97"), "`Debug` does not show the body");
    assert_eq!(decoder.eof(), Err(Error::Truncated));
}

#[test]
fn only_single_gzip_coding_is_decoded() {
    let coding = |value: &str| {
        let mut response = Response::new(200).expect("a status");
        response.headers.append("Content-Encoding", value).expect("a header");
        Decoder::response(&response, Limits::default()).map(|decoder| decoder.is_some())
    };
    assert_eq!((coding("identity"), coding("")), (Ok(false), Ok(false)));
    assert_eq!((coding("GZIP"), coding("x-gzip"), coding("identity, gzip")), (Ok(true), Ok(true), Ok(true)));
    for value in ["br", "gzip, gzip", "gzip, br", "deflate"] {
        assert_eq!(coding(value), Err(Error::ContentCoding), "{value}");
    }
}

#[test]
fn body_without_gzip_header_is_corrupt() {
    for body in [&b"data: x\n\n"[..], &[31, 139, 9, 0], &[31, 140], &[0x78, 0x9C, 1]] {
        let outcome = laws::chunking(Limits::default(), body, &Chunks::Bytes).expect("the laws");
        assert_eq!((outcome.content.len(), outcome.error), (0, Some(Error::ContentCorrupt)), "{body:?}");
    }
    let nothing = laws::decode(Limits::default(), b"", &Chunks::Whole).expect("the laws");
    assert_eq!(nothing.error, Some(Error::Truncated), "an empty body is not a gzip stream");
    let trailing = [gzip(b"x"), b"junk".to_vec()].concat();
    let outcome = laws::chunking(Limits::default(), &trailing, &Chunks::Bytes).expect("the laws");
    assert_eq!((outcome.content.as_slice(), outcome.error), (&b"x"[..], Some(Error::ContentCorrupt)));
}
