//! Measures a `turnwire serve` process while it is idle and under attack.
//!
//! `cargo run --release -p turnwire-soak -- --seconds 60 --idle 10000` prints the figures and exits with 1 if one of them passes its
//! limit. Both processes need a file descriptor for each idle connection. `--only pings` runs the attacks whose name contains the
//! word, without the others.

mod attacks;
mod honest;
mod idle;
mod server;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Sample, Server};

/// Limits of the server's memory, in KiB: for one idle WebSocket, for one that used permessage-deflate once and keeps its window, and
/// under attack.
const IDLE_KIB: u64 = 12;
const DEFLATE_KIB: u64 = 24;
const ATTACK_KIB: u64 = 640 * 1024;

/// Number of file descriptors that may be open after the attack.
const REST_FDS: usize = 32;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        let rest: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
        let options = turnwire_cli::serve::Options::parse_arguments(&rest).expect("options of serve");
        return turnwire_cli::serve::main(&options);
    }
    let number = |name: &str, default: u64| {
        let value = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
        value.map_or(default, |value| value.parse().expect("a number"))
    };
    let mut failures = Vec::new();
    let idle = number("--idle", 1000);
    if idle > 0 {
        measure_idle(usize::try_from(idle).expect("a number of sockets"), &mut failures);
    }
    let seconds = number("--seconds", 60);
    if seconds > 0 {
        let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
        attack(Duration::from_secs(seconds), only.map(String::as_str), &mut failures);
    }
    for failure in &failures {
        print(&format!("FAILED: {failure}"));
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the figures are the output of this program")]
fn print(line: &str) {
    println!("{line}");
}

fn check(failures: &mut Vec<String>, passes: bool, what: String) {
    if !passes {
        failures.push(what);
    }
}

/// The memory of idle WebSockets, without deflate and after one message with it.
fn measure_idle(count: usize, failures: &mut Vec<String>) {
    for (name, deflate, limit) in [("idle", false, IDLE_KIB), ("deflate used once", true, DEFLATE_KIB)] {
        let server = Server::start(&["--deflate"]);
        // Memory that the first connections allocate once is not counted.
        drop(idle::open(server.address(), 8, deflate));
        thread::sleep(Duration::from_millis(500));
        let before = server.sample();
        let sockets = idle::open(server.address(), count, deflate);
        thread::sleep(Duration::from_secs(2));
        let after = server.sample();
        let each = (after.rss_kib - before.rss_kib) as f64 / count as f64;
        let cpu = after.cpu_ticks;
        thread::sleep(Duration::from_secs(5));
        let ticks = server.sample().cpu_ticks - cpu;
        print(&format!(
            "{name}: {count} WebSockets, {each:.1} KiB each, {} KiB in all, {ticks} CPU ticks in 5 s",
            after.rss_kib
        ));
        check(failures, each <= limit as f64, format!("{name}: {each:.1} KiB each, and the limit is {limit}"));
        drop(sockets);
        thread::sleep(Duration::from_secs(2));
        let rest = server.sample();
        print(&format!("{name}: after they have closed, {} KiB, {} file descriptors", rest.rss_kib, rest.fds));
        check(failures, rest.fds <= REST_FDS, format!("{name}: {} file descriptors are still open", rest.fds));
    }
}

/// Runs all attacks at once, or those whose name contains `only`, with well-behaved clients.
fn attack(time: Duration, only: Option<&str>, failures: &mut Vec<String>) {
    let server = Server::start(&["--deflate", "--json"]);
    let stop = Arc::new(AtomicBool::new(false));
    let address = server.address();
    let attackers: Vec<_> = attacks::ALL
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| name.contains(only)))
        .flat_map(|(name, attack)| [(name, attack); 2])
        .map(|(name, attack)| {
            let stop = Arc::clone(&stop);
            (*name, thread::spawn(move || attacks::repeat(*attack, address, &stop)))
        })
        .collect();
    let clients: Vec<_> = (0..4)
        .map(|number| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || honest::run(address, number % 2 == 0, &stop))
        })
        .collect();
    let mut peak = Sample::default();
    let start = Instant::now();
    // The last round of an attack may take longer.
    while start.elapsed() < time || !attackers.iter().all(|(_, attacker)| attacker.is_finished()) {
        stop.store(start.elapsed() >= time, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(200));
        let sample = server.sample();
        peak = Sample { rss_kib: peak.rss_kib.max(sample.rss_kib), fds: peak.fds.max(sample.fds), ..sample };
    }
    let served: Vec<honest::Served> = clients.into_iter().map(|client| client.join().expect("a client")).collect();
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for (name, attacker) in attackers {
        counts.push((name, attacker.join().expect("an attacker")));
    }
    thread::sleep(Duration::from_secs(3));
    let rest = server.sample();
    let mut latencies: Vec<Duration> = served.iter().flat_map(|served| served.latencies.iter().copied()).collect();
    latencies.sort();
    let lost: usize = served.iter().map(|served| served.failures.len()).sum();
    let at = |part: usize| latencies.get(latencies.len() * part / 100).copied().unwrap_or_default();
    print(&format!(
        "attack: {} s, peak {} KiB and {} file descriptors, {} CPU ticks; afterwards {} KiB and {} file descriptors",
        time.as_secs(),
        peak.rss_kib,
        peak.fds,
        peak.cpu_ticks,
        rest.rss_kib,
        rest.fds
    ));
    print(&format!("attack: {} rounds: {counts:?}", counts.iter().map(|(_, count)| count).sum::<u64>()));
    print(&format!(
        "honest clients: {} responses, {lost} failures, p50 {:?}, p99 {:?}, longest {:?}",
        latencies.len(),
        at(50),
        at(99),
        latencies.last().copied().unwrap_or_default()
    ));
    for failure in served.iter().flat_map(|served| &served.failures).take(5) {
        print(&format!("honest client: {failure}"));
    }
    check(
        failures,
        peak.rss_kib <= ATTACK_KIB,
        format!("{} KiB under attack, and the limit is {ATTACK_KIB}", peak.rss_kib),
    );
    check(failures, rest.fds <= REST_FDS, format!("{} file descriptors are open after the attack", rest.fds));
    check(
        failures,
        lost == 0 && latencies.len() > 10,
        format!("{lost} of {} honest requests failed", latencies.len() + lost),
    );
}
