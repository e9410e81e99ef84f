//! The server role: sending text deltas over both transports.

use turnwire::connection::Transport;
use turnwire_benches::contest::{Options, contest};
use turnwire_benches::server::Deltas;
use turnwire_benches::workload::{KeyOrder, SEED, streams};

fn main() {
    let options = Options::from_args();
    let streams = streams(SEED, options.size, KeyOrder::TypeFirst);
    let deltas = Deltas::of(&streams);
    for (transport, name) in [(Transport::Http, "sse, chunked"), (Transport::WebSocket, "ws")] {
        let title = format!("server: text deltas over {name}");
        let units = ("delta", deltas.count() as u64, deltas.bytes);
        contest(
            &title,
            &options,
            units,
            &true,
            deltas.rows(transport),
            &["limit: memcpy of the payloads", "turnwire, send"],
        );
    }
}
