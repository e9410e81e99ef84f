//! Whole clients that an application would use instead of turnwire's, on the workload of the benches: `turnwire-peers`, with the
//! options of the other benches. `turnwire-peers dump FOLDER SIZE` writes the bodies of the workload and its counts into a folder, for
//! peers in other languages.
//!
//! In memory, a client's bytes come from a buffer; over loopback, from a server in a process of its own. Each row's counts are compared
//! with those of the generator.

mod count;
mod event_stream;
mod loopback;
mod memory;
mod server;
mod websocket;

use std::path::Path;

use turnwire::connection::Transport;
use turnwire_benches::contest::{Options, contest};
use turnwire_benches::wire::{ReadSize, Seen, Wire};
use turnwire_benches::workload::{Expected, KeyOrder, SEED, Streams, streams};

/// The row that the others are compared with.
const TURNWIRE: &str = "turnwire";

/// The same over loopback.
const TURNWIRE_TOKIO: &str = "turnwire-tokio";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["serve", size] => server::run(&generate(number(size))),
        ["dump", folder, size] => dump(Path::new(folder), &generate(number(size))).expect("a folder to write to"),
        _ => compare(&Options::from_args()),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("bytes")
}

fn generate(size: usize) -> Streams {
    streams(SEED, size, KeyOrder::TypeFirst)
}

/// The counts that a client must reach.
fn expected(streams: &Streams) -> Seen {
    let Expected { events, text_deltas, text, completed, .. } = streams.expected;
    (events, text_deltas, text, completed)
}

fn compare(options: &Options) {
    let streams = generate(options.size);
    let expected = expected(&streams);
    let (http, websocket) = (Wire::new(&streams, Transport::Http), Wire::new(&streams, Transport::WebSocket));
    let units = |wire: &Wire| ("event", streams.expected.events, wire.bytes);

    for (size, name) in [(ReadSize::Large, "16 KiB a read"), (ReadSize::OneEvent, "one event a read")] {
        let title = format!("peers: clients over sse, in memory, {name}");
        contest(&title, options, units(&http), &expected, event_stream::rows(&streams, &http, size), &[TURNWIRE]);
        let title = format!("peers: clients over ws, in memory, {name}");
        contest(&title, options, units(&websocket), &expected, websocket::rows(&websocket, size), &[TURNWIRE]);
    }

    let server = server::Process::start(options.size);
    let rows = loopback::event_stream_rows(&server.address, &http, expected);
    contest("peers: clients over sse, loopback", options, units(&http), &expected, rows, &[TURNWIRE_TOKIO]);
    let rows = loopback::websocket_rows(&server.address, &websocket);
    contest("peers: clients over ws, loopback", options, units(&websocket), &expected, rows, &[TURNWIRE_TOKIO]);
}

/// Writes each body as `NUMBER.sse`, and the counts as `expected.json`.
fn dump(folder: &Path, streams: &Streams) -> std::io::Result<()> {
    for (number, body) in streams.bodies.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.sse")), body)?;
    }
    let (events, text_deltas, text, completed) = expected(streams);
    let bodies = streams.bodies.len();
    let counts = serde_json::json!({
        "bodies": bodies, "events": events, "text_deltas": text_deltas, "text": text, "completed": completed,
    });
    std::fs::write(folder.join("expected.json"), counts.to_string())
}
