//! A client's connection and a whole client, over both transports.

use turnwire::connection::Transport;
use turnwire_benches::contest::{Options, contest};
use turnwire_benches::machine::{INFLATE, NEWLINES, Wire};
use turnwire_benches::workload::{KeyOrder, SEED, streams};

fn main() {
    let options = Options::from_args();
    let streams = streams(SEED, options.size, KeyOrder::TypeFirst);
    let expected = streams.expected;
    let seen = (expected.events, expected.text_deltas, expected.text, expected.completed);
    for (transport, name) in [(Transport::Http, "sse, chunked"), (Transport::WebSocket, "ws")] {
        let wire = Wire::new(&streams, transport);
        let title = format!("machine: a client over {name}");
        contest(&title, &options, ("event", expected.events, wire.bytes), &seen, wire.rows(seen), &[NEWLINES]);
    }
    let wire = Wire::deflated(&streams);
    let units = ("event", expected.events, wire.bytes);
    contest("machine: a client over ws with deflate", &options, units, &seen, wire.deflated_rows(seen), &[INFLATE]);
}
