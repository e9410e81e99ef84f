//! Typed events: from bytes, from payloads, and the scan of a payload alone.

use turnwire_benches::contest::{Options, contest};
use turnwire_benches::events;
use turnwire_benches::workload::{KeyOrder, READ, SEED, streams};

const LIMIT: &str = "limit: newlines by memchr";

fn main() {
    let options = Options::from_args();
    for (order, name) in [(KeyOrder::TypeFirst, "`type` first"), (KeyOrder::TypeLast, "`type` last")] {
        let streams = streams(SEED, options.size, order);
        let expected = events::Seen::from(streams.expected);
        let units = ("event", streams.expected.events, streams.bytes as u64);
        let reads = streams.reads(READ);
        let title = format!("events: bytes to typed events, 16 KiB a read, {name}");
        contest(&title, &options, units, &expected, events::streams(&reads, expected), &[LIMIT, "turnwire"]);
        if order == KeyOrder::TypeLast {
            continue;
        }
        let reads = streams.reads(0);
        let title = "events: bytes to typed events, one event a read";
        contest(title, &options, units, &expected, events::streams(&reads, expected), &[LIMIT, "turnwire"]);
        let payloads: Vec<_> = streams.payloads().collect();
        let units = ("event", streams.expected.events, streams.expected.data);
        let title = "events: payloads to typed events";
        contest(title, &options, units, &expected, events::payloads(&payloads), &["turnwire"]);
        let rows = events::walks(&payloads);
        let title = "events: walking over payloads";
        contest(title, &options, units, &streams.expected.events, rows, &["turnwire's envelope, members found"]);
    }
}
