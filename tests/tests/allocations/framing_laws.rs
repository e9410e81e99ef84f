//! Laws 4 and 5 for the framing layers: memory is bounded by the limits and by the size of a message, and work is linear, for
//! every shape of input, in both roles, however reads split it.
//!
//! Work is counted, not timed: allocations, allocated bytes (which copies need), and calls of a decoder.

use std::any::Any;

use allocation_counter::measure;
use turnwire::http::{self, BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Request, Response};
use turnwire::sse;

const MIB: usize = 1024 * 1024;

/// What a decoder may hold besides its messages: the buffers that it keeps for the next one, an inflater and its window.
const RETAINED: usize = 3 * 64 * 1024 + 96 * 1024;

/// A decoder that has read an input, and the number of calls that it took.
pub(super) type Run = (Box<dyn Any>, u64);

/// A kind of input.
pub(super) struct Shape {
    name: &'static str,
    /// Input of about this many bytes; of a compressed message, of this many bytes when inflated.
    input: Box<dyn Fn(usize) -> Vec<u8>>,
    /// The size in bytes of the largest message in such an input, as delivered.
    message: fn(usize) -> usize,
    /// Reads the input in reads of this size.
    read: fn(&[u8], usize) -> Run,
}

/// What reading an input takes.
#[derive(Debug)]
struct Cost {
    /// Most bytes that were held at once.
    peak: usize,
    /// Bytes that were held at the end.
    held: usize,
    allocations: u64,
    allocated: u64,
    calls: u64,
}

impl Shape {
    pub(super) fn new(
        name: &'static str,
        read: fn(&[u8], usize) -> Run,
        message: fn(usize) -> usize,
        input: impl Fn(usize) -> Vec<u8> + 'static,
    ) -> Self {
        Self { name, input: Box::new(input), message, read }
    }

    fn cost(&self, input: &[u8], cut: usize) -> Cost {
        let mut run = None;
        let info = measure(|| run = Some((self.read)(input, cut)));
        let (decoder, calls) = run.expect("it was run");
        drop(decoder);
        let held = usize::try_from(info.bytes_current).unwrap_or(0);
        let peak = usize::try_from(info.bytes_max).expect("it fits");
        Cost { peak, held, allocations: info.count_total, allocated: info.bytes_total, calls }
    }

    pub(super) fn check(&self) {
        // In small reads, an unoptimized build takes seconds for each MiB.
        let unoptimized = cfg!(debug_assertions);
        self.check_cut(MIB, usize::MAX);
        self.check_cut(if unoptimized { MIB / 4 } else { MIB }, 1460);
        self.check_cut(if unoptimized { MIB / 32 } else { MIB }, 1);
    }

    fn check_cut(&self, size: usize, cut: usize) {
        let [one, four] = [size, 4 * size].map(|size| {
            let (cost, message, name) = (self.cost(&(self.input)(size), cut), (self.message)(size), self.name);
            assert!(cost.peak <= 3 * message + RETAINED, "{name}, {size} bytes in reads of {cut}: {cost:?}");
            // A buffer that doubles may be half empty.
            assert!(cost.held <= 2 * message + RETAINED, "{name}, {size} bytes in reads of {cut}: {cost:?}");
            cost
        });
        let linear = |one: u64, four: u64, constant: u64| four as f64 <= 4.5 * (one + constant) as f64;
        // Buffers double, so each size rounds up to a power of two. Quadratic work would be sixteen times.
        let is_linear = linear(one.calls, four.calls, 16)
            && linear(one.allocations, four.allocations, 64)
            && linear(2 * one.allocated, four.allocated, 512 * 1024);
        assert!(is_linear, "{}, in reads of {cut}: {one:?}, then {four:?}", self.name);
    }
}

pub(super) fn reads(input: &[u8], cut: usize) -> impl Iterator<Item = &[u8]> {
    input.chunks(cut.min(input.len().max(1)))
}

fn read_events(input: &[u8], cut: usize) -> Run {
    let mut decoder = sse::Decoder::new(sse::Limits::default().with_lines(usize::MAX));
    let mut calls = 0;
    for read in reads(input, cut) {
        let mut input = sse::Input::new(read);
        calls += 1;
        while let Ok(Some(_)) = decoder.decode(&mut input) {
            calls += 1;
        }
    }
    (Box::new(decoder), calls)
}

pub(super) fn nothing(_: usize) -> usize {
    0
}

pub(super) fn whole(size: usize) -> usize {
    size
}

pub(super) fn repeat(text: &'static [u8]) -> impl Fn(usize) -> Vec<u8> {
    move |size| text.repeat(size / text.len())
}

/// `start`, then `fill` up to the size, then `end`.
pub(super) fn filled(start: &'static [u8], fill: &'static [u8], end: &'static [u8]) -> impl Fn(usize) -> Vec<u8> {
    move |size| {
        let mut input = start.to_vec();
        input.extend(repeat(fill)(size));
        input.extend_from_slice(end);
        input
    }
}

#[test]
fn event_streams_are_bounded_and_linear() {
    let shapes = [
        Shape::new("one data line", read_events, whole, filled(b"data: ", b"x", b"\n\n")),
        Shape::new(
            "one data line of long characters",
            read_events,
            whole,
            filled(b"data: ", "é€😀".as_bytes(), b"\n\n"),
        ),
        Shape::new("one incomplete data line", read_events, whole, filled(b"data: ", b"x", b"")),
        Shape::new("many data lines", read_events, whole, filled(b"", b"data: 0123456789012345678901\n", b"\n")),
        Shape::new("empty data lines", read_events, whole, filled(b"", b"data\n", b"\n")),
        Shape::new("empty data lines with CR", read_events, whole, filled(b"", b"data:\r", b"\r")),
        // Each invalid byte becomes three.
        Shape::new("invalid UTF-8", read_events, |size| 3 * size, filled(b"data: ", b"\xFF", b"\n\n")),
        Shape::new("incomplete characters", read_events, |size| 3 * size, filled(b"data: ", b"\xF0\x9F", b"\n\n")),
        Shape::new("small events", read_events, nothing, repeat(b"event: add\ndata: {\"delta\":\"x\"}\n\n")),
        Shape::new(
            "events of other types",
            read_events,
            nothing,
            repeat(b"event: a\ndata: 1\n\nevent: b\rdata: 2\r\r"),
        ),
        Shape::new("events with IDs", read_events, nothing, repeat(b"id: 17\nretry: 5\ndata\n\n")),
        Shape::new("one comment", read_events, nothing, filled(b":", b"c", b"\n")),
        Shape::new("many comments", read_events, nothing, repeat(b": c\n")),
        Shape::new("one unknown field", read_events, nothing, filled(b"x: ", b"y", b"\n")),
        Shape::new("a name that never ends", read_events, nothing, filled(b"", b"d", b"")),
        Shape::new("event types without data", read_events, nothing, repeat(b"event: some.type\n")),
        Shape::new("IDs without data", read_events, nothing, repeat(b"id: 0123456789\n\n")),
        Shape::new("one retry line", read_events, nothing, filled(b"retry: ", b"9", b"\n")),
        Shape::new("blank lines", read_events, nothing, repeat(b"\n")),
        Shape::new("blank lines with CR LF", read_events, nothing, repeat(b"\r\n")),
        Shape::new("too long an event type", read_events, nothing, filled(b"event: ", b"x", b"\n")),
        Shape::new("too long an ID", read_events, nothing, filled(b"id: ", b"x", b"\n")),
    ];
    shapes.iter().for_each(Shape::check);
}

/// Heads, and the bodies behind them.
fn read_http<H: http::Head + 'static>(
    input: &[u8],
    cut: usize,
    body_of: fn(&H) -> Result<BodyDecoder, http::Error>,
) -> Run {
    let limits = HeadLimits::default().with_bytes(8 * MIB);
    let (mut heads, mut body, mut calls) = (HeadDecoder::<H>::new(limits), None::<BodyDecoder>, 0);
    let mut last = None;
    'reads: for mut read in reads(input, cut) {
        loop {
            calls += 1;
            match &mut body {
                None => match heads.decode(&mut read) {
                    Ok(Some(head)) => match body_of(&head) {
                        Ok(decoder) => (body, last) = (Some(decoder), Some(head)),
                        Err(_) => break 'reads,
                    },
                    Ok(None) => break,
                    Err(_) => break 'reads,
                },
                Some(decoder) => match decoder.decode(&mut read) {
                    Ok(Some(BodyPart::Data(_))) => {}
                    Ok(Some(BodyPart::End(_))) => body = None,
                    Ok(None) => break,
                    Err(_) => break 'reads,
                },
            }
        }
    }
    (Box::new((heads, body, last)), calls)
}

fn read_requests(input: &[u8], cut: usize) -> Run {
    read_http::<Request>(input, cut, |head| BodyDecoder::request(head, BodyLimits::default()))
}

fn read_responses(input: &[u8], cut: usize) -> Run {
    read_http::<Response>(input, cut, |head| BodyDecoder::response("POST", head, BodyLimits::default()))
}

#[test]
fn http_messages_are_bounded_and_linear() {
    const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let shapes = [
        Shape::new("one header", read_requests, whole, filled(b"GET / HTTP/1.1\r\nA: ", b"x", b"\r\n\r\n")),
        Shape::new(
            "one header of a response",
            read_responses,
            whole,
            filled(b"HTTP/1.1 200 OK\r\nA: ", b"x", b"\r\n\r\n"),
        ),
        Shape::new("one header name", read_requests, whole, filled(b"GET / HTTP/1.1\r\n", b"x", b": a\r\n\r\n")),
        Shape::new("one target", read_requests, whole, filled(b"GET /", b"x", b" HTTP/1.1\r\nHost: a\r\n\r\n")),
        Shape::new("one method", read_requests, whole, filled(b"", b"X", b" / HTTP/1.1\r\nHost: a\r\n\r\n")),
        Shape::new("one reason phrase", read_responses, whole, filled(b"HTTP/1.1 200 ", b"x", b"\r\n\r\n")),
        Shape::new("an incomplete head", read_requests, whole, filled(b"GET / HTTP/1.1\r\nA: ", b"x", b"")),
        Shape::new(
            "white space in a header",
            read_requests,
            whole,
            filled(b"GET / HTTP/1.1\r\nA: ", b" ", b"\r\n\r\n"),
        ),
        Shape::new(
            "a list of transfer codings",
            read_requests,
            whole,
            filled(b"POST / HTTP/1.1\r\nTransfer-Encoding: ", b",", b"chunked\r\n\r\n0\r\n\r\n"),
        ),
        Shape::new(
            "a list of lengths",
            read_requests,
            whole,
            filled(b"POST / HTTP/1.1\r\nContent-Length: ", b"0,", b"0\r\n\r\n"),
        ),
        // More header lines than the limit, which is found only at the end of the head.
        Shape::new("many headers", read_requests, whole, filled(b"GET / HTTP/1.1\r\n", b"A: b\r\n", b"\r\n")),
        Shape::new("empty lines", read_requests, nothing, repeat(b"\r\n")),
        Shape::new("bare LFs", read_responses, nothing, repeat(b"\n")),
        Shape::new("many requests", read_requests, nothing, repeat(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
        Shape::new(
            "many responses",
            read_responses,
            nothing,
            repeat(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        ),
        Shape::new(
            "interim responses",
            read_responses,
            nothing,
            repeat(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"),
        ),
        Shape::new("a body of a length", read_requests, nothing, |size| {
            let mut input = format!("POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n").into_bytes();
            input.resize(input.len() + size, b'x');
            input
        }),
        Shape::new("a body until the end", read_responses, nothing, filled(b"HTTP/1.1 200 OK\r\n\r\n", b"x", b"")),
        Shape::new("one chunk", read_requests, nothing, |size| {
            let mut input = CHUNKED.to_vec();
            http::encode_chunk(&vec![b'x'; size], &mut input);
            http::encode_last_chunk(&mut input);
            input
        }),
        Shape::new("small chunks", read_requests, nothing, filled(CHUNKED, b"1\r\nx\r\n", b"0\r\n\r\n")),
        Shape::new("a size of zeros", read_requests, nothing, filled(CHUNKED, b"0", b"\r\n\r\n")),
        Shape::new("one extension", read_requests, nothing, filled(CHUNKED, b"1;", b"\r\nx\r\n")),
        Shape::new("small extensions", read_requests, nothing, filled(CHUNKED, b"1;a\r\nx\r\n", b"0\r\n\r\n")),
        Shape::new(
            "one trailer",
            read_requests,
            nothing,
            filled(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"x", b"\r\n\r\n"),
        ),
        Shape::new(
            "many trailers",
            read_requests,
            nothing,
            filled(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", b"\r\n"),
        ),
    ];
    shapes.iter().for_each(Shape::check);
}

fn read_gzip(input: &[u8], cut: usize) -> Run {
    let limits = http::gzip::Limits::default().with_ratio(u32::MAX);
    let (mut decoder, mut calls) = (http::gzip::Decoder::new(limits), 0);
    for mut read in reads(input, cut) {
        calls += 1;
        while let Ok(Some(_)) = decoder.decode(&mut read) {
            calls += 1;
        }
    }
    (Box::new(decoder), calls)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut stream = zlib_rs::Deflate::new(1, true, 15 + 16);
    let mut out = vec![0; bytes.len() + bytes.len() / 8 + 1024];
    stream.compress(bytes, &mut out, zlib_rs::DeflateFlush::Finish).expect("there is room");
    out.truncate(usize::try_from(stream.total_out()).expect("it fits"));
    out
}

/// Bytes that cannot be compressed.
pub(super) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    bytes.take(size).collect()
}

#[test]
fn gzip_bodies_are_bounded_and_linear() {
    let shapes = [
        Shape::new("gzip of noise", read_gzip, nothing, |size| gzip(&noise(size))),
        Shape::new("gzip bomb", read_gzip, nothing, |size| gzip(&vec![0; size])),
        Shape::new("gzip with a comment", read_gzip, nothing, filled(b"\x1F\x8B\x08\x10\0\0\0\0\0\x03", b"x", b"\0")),
        Shape::new("not gzip", read_gzip, nothing, repeat(b"x")),
        Shape::new(
            "gzip of empty stored blocks",
            read_gzip,
            nothing,
            filled(b"\x1F\x8B\x08\0\0\0\0\0\0\x03", b"\0\0\0\xFF\xFF", b""),
        ),
    ];
    shapes.iter().for_each(Shape::check);
}
