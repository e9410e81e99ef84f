//! WebSocket: decoding in both roles at three lengths, with repeated and with distinct texts, and encoding.

use turnwire::ws::Role;
use turnwire_benches::contest::{Options, contest};
use turnwire_benches::workload::{Frames, Rng, SEED, frames, payload};
use turnwire_benches::ws::{decoders, encoders, unrepeated};

const PEERS: [&str; 4] = ["tungstenite", "fastwebsockets", "tokio-websockets", "sockudo-ws, its Protocol"];

fn decode(title: &str, options: &Options, frames: &Frames, role: Role) {
    let units = ("frame", frames.frames, frames.wire.len() as u64);
    contest(title, options, units, &(frames.frames, frames.payload), decoders(frames, role), &PEERS);
}

fn main() {
    let options = Options::from_args();
    for (role, name) in [(Role::Client, "client"), (Role::Server, "server, masked")] {
        for length in [200, 4096, 65536] {
            let frames = frames(SEED, options.size, length, role == Role::Server);
            decode(&format!("ws: decode {length} B, {name}"), &options, &frames, role);
            let frames = unrepeated(SEED, options.size, length, role);
            decode(&format!("ws: decode {length} B, {name}, no text twice"), &options, &frames, role);
        }
    }
    let mut rng = Rng(SEED);
    let texts: Vec<_> = (0..64).map(|_| payload(&mut rng, 200)).collect();
    let messages = options.size as u64 / 200;
    let expected = (messages, messages * 200);
    let rows = encoders(&texts, messages);
    contest("ws: encode 200 B, masked", &options, ("frame", messages, expected.1), &expected, rows, &PEERS);
}
