//! One pass over a workload, for callgrind: `instructions ROW`. `tests/benches/instructions/run` counts the instructions of `region`
//! and compares them with `baselines`.

#[path = "../../src/workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the workload of the benchmarks has more parts")]
mod workload;

#[path = "../../src/wire.rs"]
#[expect(dead_code, reason = "the benchmarks have more rows")]
mod wire;

use std::hint::black_box;

use turnwire::connection::{EventDecoder, StreamEvent, Transport};
use turnwire::responses::{Envelope, EventData, EventParser, Failure, ServerEvent};
use turnwire::sse::{Decoder, Input, Limits};
use wire::{ReadSize, Seen, Wire};

/// How each payload is read.
#[derive(Clone, Copy)]
enum Row {
    /// Only framing.
    Framing,
    /// The members are found and not read.
    Scan,
    /// Typed events, each by itself.
    Single,
    /// Typed events of one stream, framed and then parsed.
    Stream,
    /// Typed events of one stream, in one pass over repeated deltas.
    Decoder,
    /// The failure of an error event of 1 MiB, of which each byte is an element of a header's value or between two.
    Error,
}

impl Row {
    fn named(name: &str) -> Option<Self> {
        match name {
            "framing" => Some(Self::Framing),
            "scan" => Some(Self::Scan),
            "single" => Some(Self::Single),
            "stream" => Some(Self::Stream),
            "decoder" => Some(Self::Decoder),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// The number of events, and the length of the text of those that were read.
#[inline(never)]
fn region(reads: &[Vec<&[u8]>], row: Row) -> (u64, u64) {
    let (mut events, mut text) = (0, 0);
    for body in reads {
        let (mut decoder, mut parser) = (Decoder::new(Limits::default()), EventParser::new());
        for bytes in body {
            let mut input = Input::new(bytes);
            while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
                events += 1;
                let event = match row {
                    Row::Framing => {
                        black_box(event.data);
                        continue;
                    }
                    Row::Scan => {
                        black_box(Envelope::scan(event.data).expect("an event"));
                        continue;
                    }
                    Row::Single => ServerEvent::parse(event.data),
                    Row::Stream => parser.parse(event.data),
                    Row::Decoder | Row::Error => continue,
                };
                let event = black_box(event.expect("an event"));
                if let EventData::OutputTextDelta { delta, .. } = &event.data {
                    text += delta.len() as u64;
                }
            }
        }
    }
    (events, text)
}

/// The same, where one decoder does both.
#[inline(never)]
fn region_of_decoder(reads: &[Vec<&[u8]>]) -> (u64, u64) {
    let (mut events, mut text) = (0, 0);
    for body in reads {
        let mut decoder = EventDecoder::new(Limits::default());
        for bytes in body {
            let mut input = Input::new(bytes);
            while let Some(event) = &decoder.decode(&mut input).expect("within the limits") {
                events += 1;
                let StreamEvent::Server(event) = black_box(event) else { panic!("an event") };
                if let EventData::OutputTextDelta { delta, .. } = &event.data {
                    text += delta.len() as u64;
                }
            }
        }
    }
    (events, text)
}

/// Reads one error event of 1 MiB. Returns the number of events.
#[inline(never)]
fn region_of_error(event: &str) -> u64 {
    let envelope = Envelope::scan(event).expect("an event");
    black_box(Failure::from_event(&envelope));
    1
}

/// A pass over the bytes of a server.
type Pass = fn(&Wire) -> Seen;

/// The rows that take the bytes of a server.
const PASSES: [(&str, Transport, Pass); 8] = [
    ("connection-http", Transport::Http, Wire::run),
    ("connection-ws", Transport::WebSocket, Wire::run),
    ("client-http", Transport::Http, |wire| wire.run_client(ReadSize::Large)),
    ("client-ws", Transport::WebSocket, |wire| wire.run_client(ReadSize::Large)),
    ("one-a-read-http", Transport::Http, |wire| wire.run_client(ReadSize::OneEvent)),
    ("one-a-read-ws", Transport::WebSocket, |wire| wire.run_client(ReadSize::OneEvent)),
    ("delivered-http", Transport::Http, Wire::run_delivered),
    ("delivered-ws", Transport::WebSocket, Wire::run_delivered),
];

#[inline(never)]
fn region_of_pass(wire: &Wire, pass: Pass) -> Seen {
    pass(wire)
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let streams = || workload::streams(workload::SEED, 1_000_000, workload::KeyOrder::TypeFirst);
    if let Some((_, transport, pass)) = PASSES.into_iter().find(|(known, ..)| *known == name) {
        let streams = streams();
        let (events, text) = (streams.expected.events, streams.expected.text);
        let seen = region_of_pass(&Wire::new(&streams, transport), pass);
        assert_eq!((seen.0, seen.2), (events, text), "the events, and the length of their text");
        println!("{events}");
        return;
    }
    let Some(row) = Row::named(&name) else { panic!("no such row: {name}") };
    if matches!(row, Row::Error) {
        let value = "\"\",".repeat(1024 * 1024 / 3);
        let event = format!(r#"{{"type":"error","status":400,"headers":{{"x-a":[{value}""]}},"error":{{}}}}"#);
        println!("{}", region_of_error(&event));
        return;
    }
    let streams = streams();
    let reads = streams.reads(workload::READ);
    let (events, text) = if matches!(row, Row::Decoder) { region_of_decoder(&reads) } else { region(&reads, row) };
    assert_eq!(events, streams.expected.events, "the number of events");
    if matches!(row, Row::Single | Row::Stream | Row::Decoder) {
        assert_eq!(text, streams.expected.text, "the length of the text");
    }
    println!("{events}");
}
