//! Allocations of each row. A separate program, because counting slows the allocator down.

use turnwire::connection::Transport;
use turnwire::ws::Role;
use turnwire_benches::contest::{Options, Row};
use turnwire_benches::workload::{KeyOrder, READ, Rng, SEED, frames, payload, streams};
use turnwire_benches::{events, machine, sse, ws};

fn main() {
    let options = Options::from_args();
    println!("| | allocations per unit | bytes per unit |\n|---|--:|--:|");
    let streams = streams(SEED, options.size, KeyOrder::TypeFirst);
    let (count, reads) = (streams.expected.events, streams.reads(READ));
    table("sse, per event", count, sse::rows(&reads, (count, streams.expected.data)));
    table("typed, per event", count, events::streams(&reads, streams.expected.into()));
    for (transport, name) in [(Transport::Http, "sse"), (Transport::WebSocket, "ws")] {
        let expected = streams.expected;
        let seen = (expected.events, expected.text_deltas, expected.text, expected.completed);
        table(&format!("machine over {name}, per event"), count, machine::Wire::new(&streams, transport).rows(seen));
    }
    for (role, name) in [(Role::Client, "client"), (Role::Server, "server")] {
        let frames = frames(SEED, options.size, 200, role == Role::Server);
        table(&format!("ws decode 200 B, {name}, per frame"), frames.frames, ws::decoders(&frames, role));
    }
    let mut rng = Rng(SEED);
    let texts: Vec<_> = (0..64).map(|_| payload(&mut rng, 200)).collect();
    let messages = options.size as u64 / 200;
    table("ws encode 200 B, per frame", messages, ws::encoders(&texts, messages));
}

fn table<S>(title: &str, units: u64, rows: Vec<Row<'_, S>>) {
    for mut row in rows {
        (row.pass)();
        let counted = allocation_counter::measure(|| drop((row.pass)()));
        let per_unit = |count: u64| count as f64 / units as f64;
        let (count, bytes) = (per_unit(counted.count_total), per_unit(counted.bytes_total));
        println!("| {title}: {} | {count:.3} | {bytes:.0} |", row.name);
    }
}
