//! Event streams: vectors, hostile streams at each limit, and the absence of copies and allocations.

use core::time::Duration;
use std::collections::BTreeSet;

use serde::Deserialize;
use turnwire::sse::{
    Decoder, Discarded, EncodeError, Error, Input, Limits, OutgoingEvent, encode_comment, encode_event,
};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::sse::{self as laws, Owned};
use turnwire_tests::vectors::bytes;

#[derive(Deserialize)]
struct Vectors<C> {
    case: Vec<C>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    /// Whether the standard leaves the behaviour open.
    #[serde(default)]
    choice: bool,
    reads: Vec<String>,
    events: Vec<Vec<String>>,
    #[serde(default)]
    last: String,
    #[serde(default)]
    seed: String,
    retry: Option<u64>,
    retries: Option<Vec<u64>>,
    unfinished: Option<String>,
    data_limit: Option<usize>,
    line_limit: Option<usize>,
    name_limit: Option<usize>,
    id_limit: Option<usize>,
    lines_limit: Option<usize>,
    error: Option<String>,
    offset: Option<u64>,
}

fn milliseconds(time: Option<Duration>) -> Option<u64> {
    time.map(|time| u64::try_from(time.as_millis()).expect("milliseconds"))
}

impl Case {
    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        Limits::default()
            .with_data(self.data_limit.unwrap_or(defaults.data))
            .with_line(self.line_limit.unwrap_or(defaults.line))
            .with_name(self.name_limit.unwrap_or(defaults.name))
            .with_id(self.id_limit.unwrap_or(defaults.id))
            .with_lines(self.lines_limit.unwrap_or(defaults.lines))
    }

    fn events(&self) -> Vec<Owned> {
        let text = |text: &String| String::from_utf8(bytes(text)).expect("text");
        let event = |fields: &Vec<String>| Owned {
            event: fields[0].clone(),
            data: text(&fields[1]),
            id: fields[2].clone(),
            replaced: fields.get(3).is_some_and(|mark| mark == "replaced"),
        };
        self.events.iter().map(event).collect()
    }

    fn check(&self) -> Result<(), String> {
        let reads: Vec<Vec<u8>> = self.reads.iter().map(|read| bytes(read)).collect();
        let input = reads.concat();
        let given = Chunks::Cycle(reads.iter().map(Vec::len).collect());
        let cuts: Vec<Chunks> = match input.len() {
            0..=2000 => Chunks::all(input.len()).collect(),
            len => vec![Chunks::Bytes, Chunks::Size(1400), Chunks::Split(len / 2), Chunks::Split(len - 1)],
        };
        let outcome = laws::chunking(self.limits(), &self.seed, &input, &given)?;
        for chunks in &cuts {
            laws::chunking(self.limits(), &self.seed, &input, chunks)?;
        }
        if self.seed.is_empty() {
            laws::matches_reference(self.limits(), &input)?;
        }
        if outcome.events != self.events() || outcome.last_event_id != self.last {
            return Err(format!("{outcome:?}"));
        }
        let (error, offset) = outcome.error.map_or((None, None), |error| {
            let named = format!("{error:?}");
            (named.split(' ').next().map(str::to_owned), Some(offset(error)))
        });
        if error != self.error || offset != self.offset {
            return Err(format!("error {:?}", outcome.error));
        }
        if milliseconds(outcome.retry) != self.retry {
            return Err(format!("retry {:?}", outcome.retry));
        }
        let unfinished = outcome.unfinished.map(|unfinished| match unfinished {
            Discarded::Event { data } => format!("event {data}"),
            other => format!("{other:?}").to_lowercase(),
        });
        match &self.unfinished {
            Some(expected) if unfinished.as_ref() != Some(expected) => Err(format!("unfinished {unfinished:?}")),
            _ => self.retries(&input),
        }
    }

    /// Checks the reconnection time at each event.
    fn retries(&self, input: &[u8]) -> Result<(), String> {
        let Some(expected) = &self.retries else { return Ok(()) };
        let (mut decoder, mut cursor, mut retries) = (Decoder::new(self.limits()), Input::new(input), Vec::new());
        while decoder.decode(&mut cursor).expect("no limit").is_some() {
            retries.push(milliseconds(decoder.retry()).unwrap_or(0));
        }
        if retries == *expected { Ok(()) } else { Err(format!("retries {retries:?}")) }
    }
}

fn offset(error: Error) -> u64 {
    match error {
        Error::LineTooLong { offset, .. }
        | Error::DataTooLong { offset, .. }
        | Error::TooManyLines { offset, .. }
        | Error::NameTooLong { offset, .. }
        | Error::IdTooLong { offset, .. } => offset,
        other => panic!("what is {other:?}?"),
    }
}

#[test]
fn vectors() {
    let vectors: Vectors<Case> = toml::from_str(include_str!("../../vectors/sse.toml")).expect("the vectors");
    let names: BTreeSet<&str> = vectors.case.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), vectors.case.len(), "a name is used twice");
    assert!(vectors.case.iter().filter(|case| !case.choice).count() >= 125);
    let failed: Vec<String> = vectors
        .case
        .iter()
        .filter_map(|case| case.check().err().map(|why| format!("{} ({}): {why:.600}", case.name, case.rule)))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeCase {
    name: String,
    event: Option<String>,
    data: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    output: Option<String>,
    error: Option<String>,
}

#[test]
fn encode_vectors() {
    let vectors: Vectors<EncodeCase> =
        toml::from_str(include_str!("../../vectors/sse-encode.toml")).expect("the vectors");
    assert!(vectors.case.len() >= 17);
    for case in &vectors.case {
        let outgoing = OutgoingEvent {
            event_type: case.event.as_deref(),
            data: case.data.as_deref(),
            id: case.id.as_deref(),
            retry: case.retry.map(Duration::from_millis),
        };
        let mut out = b"before".to_vec();
        let result = encode_event(&outgoing, &mut out).map_err(|error| format!("{error:?}"));
        assert_eq!(result.err(), case.error, "{}", case.name);
        let output = case.output.as_deref().unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&out), format!("before{output}"), "{}", case.name);
        laws::round_trip(&[outgoing], None).unwrap_or_else(|why| panic!("{}: {why}", case.name));
        if case.error.is_some() {
            continue;
        }
        let back = laws::receive(Limits::default(), "", &out[6..], &Chunks::Whole).expect("the laws");
        assert_eq!(back.events.len(), usize::from(case.data.is_some()), "{}", case.name);
        assert_eq!(back.last_event_id, case.id.clone().unwrap_or_default(), "{}", case.name);
    }
}

#[test]
fn retry_beyond_decoder_range_is_rejected() {
    let outgoing = |retry| OutgoingEvent { retry: Some(retry), ..OutgoingEvent::default() };
    let mut out = Vec::new();
    assert_eq!(encode_event(&outgoing(Duration::from_millis(u64::MAX)), &mut out), Err(EncodeError::Retry));
    assert_eq!(encode_event(&outgoing(Duration::MAX), &mut out), Err(EncodeError::Retry));
    assert!(out.is_empty());
    laws::round_trip(&[outgoing(Duration::from_millis(u64::MAX - 1))], None).expect("the largest");
    laws::round_trip(&[outgoing(Duration::from_micros(1500))], None).expect("parts of a millisecond are left out");
}

#[test]
fn returned_event_is_not_buffered() {
    let mut out = Vec::new();
    encode_event(&OutgoingEvent::data("one\ntwo").named("add"), &mut out).expect("an event");
    assert_eq!(out, b"event: add\ndata: one\ndata: two\n\n");
    let mut decoder = Decoder::new(Limits::default());
    let (first, last) = out.split_at(out.len() - 1);
    assert_eq!(decoder.decode(&mut Input::new(first)), Ok(None));
    assert_eq!(decoder.buffered(), 10, "the name and the data");
    assert!(decoder.decode(&mut Input::new(last)).expect("no limit").is_some());
    assert_eq!((decoder.buffered(), decoder.finish()), (0, Discarded::Nothing));
}

#[test]
fn comment_with_line_end_is_rejected() {
    let mut out = Vec::new();
    for text in ["a\nb", "a\rb", "\n"] {
        assert_eq!(encode_comment(text, &mut out), Err(EncodeError::Comment));
    }
    assert!(out.is_empty());
    encode_comment("ping", &mut out).expect("a comment");
    assert_eq!(out, b": ping\n");
}

/// Small limits, which tests can reach.
fn small() -> Limits {
    Limits::default().with_data(1000).with_line(1006).with_name(100).with_id(50).with_lines(200)
}

/// Decodes this stream in reads of 1000 bytes, whole, and byte by byte, with equal results.
fn judged(limits: Limits, input: &[u8]) -> laws::Outcome {
    laws::chunking(limits, "", input, &Chunks::Bytes).expect("the laws");
    laws::chunking(limits, "", input, &Chunks::Size(1000)).expect("the laws")
}

#[test]
fn endless_line_passes_at_limit_and_fails_beyond() {
    let limits = small().with_data(2000).with_line(1006);
    let line = |length: usize| [&b"data: "[..], &b"x".repeat(length - 6)].concat();
    assert_eq!(judged(limits, &line(1006)).error, None, "at the limit, unfinished");
    assert_eq!(judged(limits, &[&line(1006)[..], b"\n\n"].concat()).events.len(), 1, "at the limit");
    let error = Some(Error::LineTooLong { limit: 1006, offset: 1006 });
    assert_eq!(judged(limits, &line(1007)).error, error, "the error comes before the line's end");
    assert_eq!(judged(limits, &line(100_000)).error, error);
}

#[test]
fn data_at_its_limit_and_beyond() {
    let limits = small().with_line(usize::MAX);
    let one = |length: usize| [&b"data:"[..], &b"x".repeat(length), b"\n\n"].concat();
    assert_eq!(judged(limits, &one(1000)).events[0].data.len(), 1000);
    assert_eq!(judged(limits, &one(1001)).error, Some(Error::DataTooLong { limit: 1000, offset: 1005 }));
    let two = |length: usize| [&b"data:"[..], &b"x".repeat(499), b"\ndata:", &b"y".repeat(length), b"\n\n"].concat();
    assert_eq!(judged(limits, &two(500)).events[0].data.len(), 1000);
    assert_eq!(judged(limits, &two(501)).error, Some(Error::DataTooLong { limit: 1000, offset: 505 + 5 + 500 }));
}

#[test]
fn data_lines_at_their_limit_and_beyond() {
    for line in ["data\n", "data:\r\n", "data: \r"] {
        let lines = |count| [line.repeat(count).into_bytes(), b"\r\n\r\n".to_vec()].concat();
        let whole = judged(small(), &lines(200));
        assert_eq!((whole.events[0].data.len(), whole.error), (199, None), "{line:?}");
        let offset = 200 * line.len() as u64;
        assert_eq!(judged(small(), &lines(201)).error, Some(Error::TooManyLines { limit: 200, offset }), "{line:?}");
    }
}

#[test]
fn empty_data_lines_fail_at_default_limit() {
    let limit = Limits::default().lines;
    let whole = judged(Limits::default(), &[&b"data\n".repeat(limit)[..], b"\n"].concat());
    assert_eq!((whole.events[0].data.len(), whole.error), (limit - 1, None));
    let offset = 5 * limit as u64;
    let over = judged(Limits::default(), &[&b"data\n".repeat(100_000)[..], b"\n"].concat());
    assert_eq!((over.events.len(), over.error), (0, Some(Error::TooManyLines { limit, offset })));
}

#[test]
fn names_and_ids_at_their_limits_and_beyond() {
    let field = |name: &str, length: usize| [name.as_bytes(), &b"x".repeat(length), b"\ndata:\n\n"].concat();
    assert_eq!(judged(small(), &field("event:", 100)).events[0].event.len(), 100);
    assert_eq!(judged(small(), &field("event:", 101)).error, Some(Error::NameTooLong { limit: 100, offset: 106 }));
    assert_eq!(judged(small(), &field("id: ", 50)).last_event_id.len(), 50);
    assert_eq!(judged(small(), &field("id: ", 51)).error, Some(Error::IdTooLong { limit: 50, offset: 54 }));
}

/// A field name of 1 MiB, and a comment of 1 MiB: neither is buffered.
#[test]
fn ignored_lines_are_not_buffered() {
    for start in ["", ":", "datax", "data\0"] {
        let line = [start.as_bytes(), &b"n".repeat(1024 * 1024)].concat();
        let mut decoder = Decoder::new(small());
        for read in line.chunks(1000) {
            assert_eq!(decoder.decode(&mut Input::new(read)), Ok(None));
            assert_eq!(decoder.buffered(), 0, "{start:?}");
        }
        let mut rest = Input::new(b": 1\ndata: x\n\n");
        assert_eq!(decoder.decode(&mut rest).expect("no limit").map(|event| event.data), Some("x"));
    }
}

/// Law 5: this would take hours if each byte were processed more than a few times.
#[test]
fn a_mebibyte_byte_by_byte_is_linear() {
    let length = 1024 * 1024;
    let limits = Limits::default().with_lines(usize::MAX);
    let streams: [(&[u8], &[u8], usize); 7] = [
        (b"data: ", b"x", 1),
        (b"data: ", b"\xFF", 1),
        (b"data: ", "é".as_bytes(), 1),
        (b": ", b"c", 0),
        (b"", b"data\n", 1),
        (b"", b"data: x\r\r", length / 9),
        (b"id: ", b"7\nid: ", 0),
    ];
    for (start, unit, events) in streams {
        let stream = [start, &unit.repeat(length / unit.len()), b"\n\n"].concat();
        let outcome = laws::receive(limits, "", &stream, &Chunks::Bytes).expect("the laws");
        assert_eq!((outcome.events.len(), outcome.error), (events, None), "{start:?} {unit:?}");
    }
}

#[test]
fn event_is_returned_without_another_byte() {
    for stream in ["data: x\r\r", "data: x\n\n", "data: x\r\n\r", "data: x\r\n\n", "data: x\n\r"] {
        let mut decoder = Decoder::new(Limits::default());
        for read in stream.as_bytes().chunks(1) {
            let event = decoder.decode(&mut Input::new(read)).expect("no limit");
            assert_eq!(event.is_some(), decoder.offset() == stream.len() as u64, "{stream:?}");
        }
    }
}

#[test]
fn event_whole_in_slice_is_borrowed() {
    let stream = "event: add\ndata: {\"é\":1}\nid: 4\n\ndata: cut".as_bytes();
    let mut decoder = Decoder::new(Limits::default());
    let mut input = Input::new(stream);
    let event = decoder.decode(&mut input).expect("no limit").expect("an event");
    assert!(stream.as_ptr_range().contains(&event.data.as_ptr()), "the data is a copy");
    assert!(stream.as_ptr_range().contains(&event.event_type.as_ptr()), "the name is a copy");
    assert_eq!((event.event_type, event.data, event.id), ("add", "{\"é\":1}", "4"));
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.buffered(), 3);
}

/// Events with equal beginnings, and events that only seem to have them: a beginning inside the data, an event type of
/// the same length, another field, another line end, a second data line, a byte that is not UTF-8.
fn alike() -> Vec<u8> {
    let mut stream = Vec::new();
    for begin in ["data: ", "event: response.output_text.delta\ndata: ", "event: \u{e9}\ndata: "] {
        let add = |stream: &mut Vec<u8>, data: &[u8]| stream.extend_from_slice(&[begin.as_bytes(), data].concat());
        let inside = format!("{{\"delta\":\"h\u{e9}{begin}\n\n");
        for data in ["one\n\n", "", "data: two\n\n", " three\n\n", "\n\n", &inside, "four\ndata: five\n\n", "six\n\n"] {
            add(&mut stream, data.as_bytes());
        }
        stream.extend_from_slice(format!("{}no space\n\n", begin.trim_end()).as_bytes());
        add(&mut stream, b"a\xFFb\xE2\x82\n\n");
        for data in ["seven\r\n\r\n", "eight\n\r\n", "nine\r\r", "ten\nid: 10\n\n", "eleven\n\n"] {
            add(&mut stream, data.as_bytes());
        }
        stream.extend_from_slice(b"event: response.output_text.delts\ndata: twelve\n\nid: 13\ndata: thirteen\n\n");
    }
    stream
}

#[test]
fn events_with_equal_beginnings_decode_equally_for_all_splits() {
    let stream = alike();
    for limits in [Limits::default(), small(), small().with_data(50).with_line(54), small().with_data(12)] {
        laws::matches_reference(limits, &stream).expect("the reference implementations");
        for at in 0..stream.len() {
            laws::chunking(limits, "", &stream, &Chunks::Split(at)).expect("the laws");
        }
        for size in 1..200 {
            laws::chunking(limits, "", &stream, &Chunks::Size(size)).expect("the laws");
        }
    }
}

#[test]
fn text_is_equal_for_all_read_sizes() {
    let event = |number: usize| {
        let data = if number == 40 { b"a\xFFb".to_vec() } else { "\u{20ac}".repeat(number % 97).into_bytes() };
        [&b"event: response.output_text.delta\ndata: "[..], &data, b"\n\n"].concat()
    };
    let stream: Vec<u8> = (0..200).flat_map(event).collect();
    laws::matches_reference(Limits::default(), &stream).expect("the reference implementations");
    for size in (1000..9000).step_by(37) {
        laws::chunking(Limits::default(), "", &stream, &Chunks::Size(size)).expect("the laws");
    }
}

#[test]
fn resumed_decoder_keeps_id_and_reconnection_time() {
    let mut decoder = Decoder::resuming(Limits::default().with_id(4), "séed…");
    assert_eq!(decoder.last_event_id(), "sée", "cut at the limit, between characters");
    let mut input = Input::new(b"\xEF\xBB\xBFretry: 5\nid: 7\n\nid: 8\ndata: x");
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.finish(), Discarded::Event { data: 1 });
    assert_eq!((decoder.last_event_id(), decoder.retry(), decoder.offset()), ("7", Some(Duration::from_millis(5)), 0));
    let mut input = Input::new(b"\xEF\xBB\xBFdata: y\n\n");
    let event = decoder.decode(&mut input).expect("no limit").expect("an event");
    assert_eq!((event.data, event.id), ("y", "7"), "a byte order mark is skipped again, and no old data is left");
}

#[test]
fn debug_shows_no_stream_content() {
    let stream = b"id: secret\nevent: secret\ndata: secret\ndata: secret";
    let mut decoder = Decoder::new(Limits::default());
    let mut input = Input::new(stream);
    assert_eq!(decoder.decode(&mut input), Ok(None));
    let shown = format!("{decoder:?} {input:?} {:?}", Input::new(stream));
    assert!(!shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
    for error in [
        Error::LineTooLong { limit: 7, offset: 9 },
        Error::DataTooLong { limit: 7, offset: 9 },
        Error::TooManyLines { limit: 7, offset: 9 },
        Error::NameTooLong { limit: 7, offset: 9 },
        Error::IdTooLong { limit: 7, offset: 9 },
    ] {
        let text = error.to_string();
        assert!(text.contains('7') && text.contains("byte 9"), "the limit and the offset: {text}");
    }
}
