//! The resident memory of an idle connection, for a client and a server in processes of their own:
//! `turnwire-memory RUNTIME LAYERS COUNT`, for example `turnwire-memory tokio tls+deflate 1000`.
//!
//! RUNTIME is `tokio` or `smol`. LAYERS is `socket` for sockets of the runtime without a protocol (with tokio also `socket+tls`, for rustls
//! alone), or `ws` or `sse`, and then
//! `+tls`, `+deflate` or `+deflate-without-takeover`, and `+pool` for compressors whose memory all connections share. Each connection carries one
//! response of 100 events, and is idle then. The question has 1 000 bytes, and the answer 3 390; with `+short` 4 and 200.

mod client;
mod pool;
mod server;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use turnwire::ws::deflate::SharedPool;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Setup {
    tokio: bool,
    /// The transport is WebSocket.
    websocket: bool,
    /// There is no protocol, only sockets.
    socket: bool,
    tls: bool,
    deflate: bool,
    pool: Option<SharedPool>,
    takeover: bool,
    question: String,
    /// The texts of the deltas that answer it.
    answer: Vec<String>,
}

impl Setup {
    fn new(runtime: &str, layers: &str) -> Self {
        let has = |layer: &str| layers.split('+').any(|known| known == layer);
        assert!(matches!(runtime, "tokio" | "smol"), "the runtime is tokio or smol");
        let delta =
            |number| if has("short") { "ab".to_owned() } else { format!("some words of the answer, part {number} ") };
        Self {
            tokio: runtime == "tokio",
            websocket: has("ws"),
            socket: has("socket"),
            tls: has("tls"),
            deflate: has("deflate") || has("deflate-without-takeover"),
            pool: has("pool").then(|| SharedPool::new(pool::Pool::default())),
            takeover: has("deflate"),
            question: if has("short") { "ping".to_owned() } else { "a question of some words ".repeat(40) },
            answer: (0..100).map(delta).collect(),
        }
    }
}

/// The connections that are made before the measurement, so that it does not include what a process needs once.
const WARM_UP: usize = 64;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (is_server, args) = match &args[1..] {
        [first, rest @ ..] if first == "serve" => (true, rest),
        rest => (false, rest),
    };
    let [runtime, layers, count] = args else { panic!("the arguments are RUNTIME LAYERS COUNT") };
    let setup = Setup::new(runtime, layers);
    if is_server {
        return server::run(&setup);
    }
    let mut peer = Peer::new(args);
    let count: usize = count.parse().expect("a number of connections");
    let mut before = (0, 0);
    client::run(&setup, &peer.address.clone(), &peer.certificate.clone(), WARM_UP + count, |connections| {
        let now = (resident(), peer.resident());
        if connections == WARM_UP {
            before = now;
            return;
        }
        let each = |now: usize, before: usize| now.saturating_sub(before) as f64 / count as f64 / 1024.0;
        println!("| {runtime}, {layers} | {:.1} | {:.1} |", each(now.0, before.0), each(now.1, before.1));
    });
    peer.stop();
}

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    4096 * pages.split(' ').nth(1).expect("the second number").parse::<usize>().expect("a number")
}

/// The server, in a process of its own.
struct Peer {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
    certificate: String,
}

impl Peer {
    fn new(args: &[String]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.arg("serve").args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut peer = Self { child, output, address: String::new(), certificate: String::new() };
        peer.address = peer.line();
        let lines: usize = peer.line().parse().expect("a number of lines");
        for _ in 0..lines {
            let line = peer.line();
            peer.certificate.push_str(&line);
            peer.certificate.push('\n');
        }
        peer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the server runs");
        line.trim_end().to_owned()
    }

    /// Asks the server for its resident memory.
    fn resident(&mut self) -> usize {
        writeln!(self.child.stdin.as_mut().expect("it is piped")).expect("the server runs");
        self.line().parse().expect("a number")
    }

    /// Ends the server, so that a profiler sees its end.
    fn stop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("the server runs");
    }
}
