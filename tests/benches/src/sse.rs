//! Event streams: from bytes to events, without parsing their data.

use std::convert::Infallible;
use std::hint::black_box;

use eventsource_stream::Eventsource as _;
use futures_lite::{StreamExt as _, future::block_on, stream};
use turnwire::sse::{Decoder, Input, Limits};

use crate::contest::Row;

/// The reads of some bodies.
pub type Reads<'w> = Vec<Vec<&'w [u8]>>;

/// Number of events, and bytes of their data.
pub type Seen = (u64, u64);

/// Returns all rows for these reads.
#[must_use]
pub fn rows<'r>(reads: &'r Reads<'_>, expected: Seen) -> Vec<Row<'r, Seen>> {
    vec![
        Row::new("limit: newlines by memchr", move || newlines(reads, expected)),
        Row::new("limit: memcpy", move || copies(reads, expected)),
        Row::new("turnwire", || turnwire(reads)),
        Row::new("sse-stream", || sse_stream(reads)),
        Row::new("eventsource-stream", || eventsource_stream(reads)),
    ]
}

/// The minimum work of any decoder: finding the lines. Each event of the workload has three.
fn newlines(reads: &Reads<'_>, (_, data): Seen) -> Seen {
    let lines = |read: &&[u8]| {
        memchr::memchr_iter(b'\n', black_box(read))
            .fold(0, |lines, at| lines + 1 + u64::from(black_box(at) == usize::MAX))
    };
    (reads.iter().flatten().map(lines).sum::<u64>() / 3, data)
}

fn copies(reads: &Reads<'_>, expected: Seen) -> Seen {
    let mut buffer = vec![0; 64 * 1024];
    for read in reads.iter().flatten() {
        for piece in read.chunks(64 * 1024) {
            buffer[..piece.len()].copy_from_slice(piece);
            black_box(&mut buffer);
        }
    }
    expected
}

/// This crate.
#[must_use]
pub fn turnwire(reads: &Reads<'_>) -> Seen {
    let (mut events, mut data) = (0, 0);
    for body in reads {
        let mut decoder = Decoder::new(Limits::default());
        for read in body {
            let mut input = Input::new(read);
            while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
                events += 1;
                data += black_box(event.data).len() as u64;
                black_box(event.event_type);
            }
        }
    }
    (events, data)
}

fn sse_stream(reads: &Reads<'_>) -> Seen {
    let (mut events, mut data) = (0, 0);
    for body in reads {
        let bytes = stream::iter(body.iter().map(|read| Ok::<_, Infallible>(*read)));
        let mut stream = sse_stream::SseByteStream::new(bytes);
        block_on(async {
            while let Some(event) = stream.next().await {
                let event = black_box(event.expect("an event"));
                events += 1;
                data += event.data.map_or(0, |data| data.len() as u64);
            }
        });
    }
    (events, data)
}

fn eventsource_stream(reads: &Reads<'_>) -> Seen {
    let (mut events, mut data) = (0, 0);
    for body in reads {
        let bytes = stream::iter(body.iter().map(|read| Ok::<_, Infallible>(*read)));
        let mut stream = bytes.eventsource();
        block_on(async {
            while let Some(event) = stream.next().await {
                let event = black_box(event.expect("an event"));
                events += 1;
                data += event.data.len() as u64;
            }
        });
    }
    (events, data)
}

/// Returns one `data:` line of this length, and the blank line after it.
#[must_use]
pub fn long_line(length: usize) -> Vec<u8> {
    let mut bytes = b"data: ".to_vec();
    bytes.resize(6 + length, b'x');
    bytes.extend_from_slice(b"\n\n");
    bytes
}

/// Returns data of the same length in two lines, which is not a slice of the read.
#[must_use]
pub fn two_lines(length: usize) -> Vec<u8> {
    let mut bytes = long_line(length + 6);
    bytes.splice(length / 2..length / 2 + 7, *b"\ndata: ");
    bytes
}

/// Returns the rows of one long line, whole and split: borrowed against copied data.
#[must_use]
pub fn long_rows<'r>(whole: &'r Reads<'_>, cut: &'r Reads<'_>, two: &'r Reads<'_>) -> Vec<Row<'r, Seen>> {
    vec![
        Row::new("in one read", || turnwire(whole)),
        Row::new("1 460 bytes a read", || turnwire(cut)),
        Row::new("in one read, the data kept", || kept(whole)),
        Row::new("in one read, two data lines", || turnwire(two)),
        Row::new("limit: memcpy, 1 460 bytes a piece", || gathered(cut)),
    ]
}

/// This crate, with a caller that keeps the data after the read.
fn kept(reads: &Reads<'_>) -> Seen {
    let (mut events, mut data) = (0, 0);
    for body in reads {
        let mut decoder = Decoder::new(Limits::default());
        for read in body {
            let mut input = Input::new(read);
            while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
                events += 1;
                data += black_box(event.data.to_owned()).len() as u64;
            }
        }
    }
    (events, data)
}

/// Copies the bytes of each body into an existing buffer, and nothing else.
fn gathered(reads: &Reads<'_>) -> Seen {
    let (mut buffer, mut data) = (Vec::new(), 0);
    for body in reads {
        buffer.clear();
        body.iter().for_each(|read| buffer.extend_from_slice(read));
        data += black_box(&buffer).len() as u64 - 8;
    }
    (reads.len() as u64, data)
}
