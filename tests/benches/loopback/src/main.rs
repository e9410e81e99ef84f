//! Streams of clients over loopback with tokio, on one thread, the server in a process of its own:
//! `turnwire-loopback CLIENT COUNT SECONDS`, for example `turnwire-loopback turnwire-ws 100 10`.
//!
//! CLIENT is `turnwire-ws`, `turnwire-sse`, `tungstenite` (tokio-tungstenite and serde_json) or `reqwest` (reqwest, eventsource-stream
//! and serde_json). All streams together get 20 000 events each second, a text delta of about 230 bytes with the time at which it was
//! sent: every millisecond 20 for one stream, and otherwise single ones. It prints the processor time of the client's process for a
//! million events, the delay of the events, and the resident memory of the client's process while the streams run.

mod clients;
mod server;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use cpu_time::ProcessTime;

/// The number of events of all streams in a second.
const RATE: u64 = 20_000;

/// The first part of all events, which is not measured: connecting, and the first growth of buffers.
const WARM_UP: f64 = 0.2;

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// The number of events.
    events: u64,
    /// The number of events that are not measured.
    warm_up: u64,
    /// The delays in nanoseconds.
    delays: Vec<u64>,
    /// Processor time, and the number of events at that time.
    start: Option<(ProcessTime, u64)>,
    resident: usize,
}

impl Seen {
    /// Counts an event, and the delay since the time in it.
    pub fn count(&mut self, delta: &str) {
        self.events += 1;
        if self.events < self.warm_up {
            return;
        }
        if self.start.is_none() {
            self.start = Some((ProcessTime::now(), self.events));
        }
        let sent =
            delta.split(' ').next().and_then(|sent| sent.parse::<u64>().ok()).expect("each delta begins with the time");
        self.delays.push(nanos().saturating_sub(sent));
        if self.delays.len() == self.delays.capacity() / 2 {
            self.resident = resident();
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match args[..] {
        ["serve", count, seconds] => server::run(number(count), number(seconds)),
        [client, count, seconds] => measure(client, number(count), number(seconds)),
        _ => panic!("the arguments are CLIENT COUNT SECONDS"),
    }
}

fn measure(client: &str, count: u64, seconds: u64) {
    let program = std::env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command.args(["serve", &count.to_string(), &seconds.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut address = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut address).expect("the server runs");
    let events = per_stream(count, seconds) * count;
    let warm_up = (events as f64 * WARM_UP) as u64;
    let mut seen = Seen { warm_up, delays: Vec::with_capacity((events - warm_up) as usize + 1), ..Seen::default() };
    // The memory of the measurement is not that of the client.
    seen.delays.resize(seen.delays.capacity(), 1);
    seen.delays.clear();
    let before = resident();
    clients::run(client, address.trim(), count, &mut seen);
    child.kill().expect("the server runs");
    child.wait().expect("it was killed");
    assert_eq!(seen.events, events, "all events arrive");
    let (start, at) = seen.start.expect("events were measured");
    let cpu = start.elapsed().as_secs_f64() / (seen.events - at) as f64 * 1e6;
    seen.delays.sort_unstable();
    let delay = |share: f64| seen.delays[(seen.delays.len() as f64 * share) as usize] as f64 / 1e3;
    let memory = seen.resident.saturating_sub(before) as f64 / 1024.0 / count as f64;
    let (median, late) = (delay(0.5), delay(0.99));
    println!("| {client}, {count} | {cpu:.2} | {median:.0} | {late:.0} | {memory:.1} |");
}

/// Returns the number of events of each stream.
fn per_stream(count: u64, seconds: u64) -> u64 {
    RATE * seconds / count
}

/// Returns the time between two writes of a stream, and the number of events of each.
fn pace(count: u64) -> (Duration, u64) {
    let interval = Duration::from_nanos(1_000_000_000 * count / RATE);
    let least = Duration::from_millis(1);
    if interval >= least { (interval, 1) } else { (least, RATE / 1000 / count) }
}

/// Returns the wall clock's time in nanoseconds, which both processes share.
fn nanos() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_nanos()).expect("before 2554")
}

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    4096 * pages.split(' ').nth(1).expect("the second number").parse::<usize>().expect("a number")
}
