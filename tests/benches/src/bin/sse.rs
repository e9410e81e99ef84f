//! Event streams: framing, with typical read sizes, and one very long line.

use turnwire_benches::contest::{Options, contest};
use turnwire_benches::sse;
use turnwire_benches::workload::{KeyOrder, READ, SEED, streams};

fn main() {
    let options = Options::from_args();
    let streams = streams(SEED, options.size, KeyOrder::TypeFirst);
    let expected = (streams.expected.events, streams.expected.data);
    let units = ("event", streams.expected.events, streams.bytes as u64);
    for (size, title) in [
        (READ, "sse: framing, 16 KiB a read"),
        (0, "sse: framing, one event a read"),
        (1460, "sse: framing, 1 460 bytes a read"),
    ] {
        let reads = streams.reads(size);
        let rows = sse::rows(&reads, expected);
        contest(title, &options, units, &expected, rows, &["limit: newlines by memchr", "eventsource-stream"]);
    }
    linearity(&options);
}

/// The same decoder on the same bytes, split and whole. Whole lines are borrowed; the other rows show how much of the
/// rest is the copy, which every user of contiguous data needs.
fn linearity(options: &Options) {
    let length = 8 << 20;
    let (line, lines) = (sse::long_line(length), sse::two_lines(length));
    let whole: sse::Reads<'_> = vec![vec![&line]; 8];
    let cut: sse::Reads<'_> = vec![line.chunks(1460).collect(); 8];
    let two: sse::Reads<'_> = vec![vec![&lines]; 8];
    let rows = sse::long_rows(&whole, &cut, &two);
    let units = ("line", 8, 8 * line.len() as u64);
    let against = ["in one read", "in one read, the data kept", "limit: memcpy, 1 460 bytes a piece"];
    contest("sse: one line of 8 MiB", options, units, &(8, 8 * length as u64), rows, &against);
}
