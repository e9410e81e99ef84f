//! What is measured.

use core::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::load::{Clients, End, Tally};
use crate::process::Process;

/// A response of ten seconds, at five deltas a second.
const PACED: &str = "paced-50-200";

/// The paced responses of the scenario `slow`.
const FAST: usize = 500;

/// The time over which clients begin.
const RAMP: Duration = Duration::from_secs(2);

pub(crate) fn run(scenario: &str, server: &str, is_websocket: bool, count: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let setup = Setup { server, is_websocket, count };
    LocalSet::new().block_on(&runtime, async {
        match scenario {
            "idle" => setup.idle().await,
            "streams" => setup.streams().await,
            "slow" => setup.slow().await,
            "restart" => setup.restart().await,
            other => panic!("no scenario is called {other}"),
        }
    });
}

struct Setup<'a> {
    server: &'a str,
    is_websocket: bool,
    count: usize,
}

impl Setup<'_> {
    fn start(&self, grace: u64) -> (Process, Clients) {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = probe.local_addr().expect("an address").port();
        drop(probe);
        let process = Process::start(self.server, port, grace);
        let clients = Clients::new(&process.address, self.is_websocket);
        (process, clients)
    }

    fn name(&self) -> String {
        let server = self.server.split(' ').next().unwrap_or_default();
        let server = server.rsplit('/').next().unwrap_or_default();
        format!("{server}, {}", if self.is_websocket { "ws" } else { "sse" })
    }

    async fn idle(&self) {
        let (process, clients) = self.start(1);
        let (mut held, mut tasks, mut before) = (Vec::new(), JoinSet::new(), 0);
        for number in 0..self.count + 64 {
            if number == 64 {
                while let Some(held_one) = tasks.join_next().await {
                    held.push(held_one.expect("no panic"));
                }
                before = process.memory("VmRSS");
            }
            let clients = clients.clone();
            tasks.spawn_local(async move { clients.ask("short").await.1.expect("a response") });
            while tasks.len() >= 64 {
                held.push(tasks.join_next().await.expect("a task").expect("no panic"));
            }
        }
        while let Some(held_one) = tasks.join_next().await {
            held.push(held_one.expect("no panic"));
        }
        sleep(Duration::from_secs(2)).await;
        let (memory, cpu) = (process.memory("VmRSS"), process.cpu());
        sleep(Duration::from_secs(10)).await;
        let used = process.cpu() - cpu;
        let each = memory.saturating_sub(before) as f64 / self.count as f64;
        println!("| {} | {} | {} | {each:.1} | {:.2} |", self.name(), held.len(), memory / 1024, used * 10.0);
    }

    async fn streams(&self) {
        let (process, clients) = self.start(1);
        let begun = Instant::now();
        let (cpu, completed) = paced(&process, &clients, self.count).await;
        let seconds = begun.elapsed().as_secs_f64();
        let mut tally = clients.tally.borrow_mut();
        let events = tally.events;
        println!(
            "| {} | {completed} of {} | {events} | {:.0} | {:.2} | {:.1} | {:.1} | {} | {} |",
            self.name(),
            self.count,
            events as f64 / seconds,
            cpu * 1e6 / events as f64,
            tally.delay(0.5),
            tally.delay(0.99),
            tally.bytes / events.max(1),
            process.memory("VmHWM") / 1024,
        );
    }

    async fn slow(&self) {
        for slow in [0, self.count] {
            let (process, clients) = self.start(1);
            let mut idle = Vec::new();
            let sockets = process.sockets();
            for _ in 0..slow {
                idle.push(clients.send("flood").await.expect("a connection"));
            }
            // Until the buffers of the sockets are full.
            let mut used = -1.0;
            while process.cpu() - used > 0.02 {
                used = process.cpu();
                sleep(Duration::from_millis(500)).await;
            }
            let (cpu, completed) = paced(&process, &clients, FAST).await;
            let kept = process.sockets().saturating_sub(sockets).min(slow);
            let mut tally = clients.tally.borrow_mut();
            println!(
                "| {} | {slow} | {} | {completed} of {FAST} | {:.2} | {:.1} | {:.1} | {} |",
                self.name(),
                slow - kept,
                cpu * 1e6 / tally.events as f64,
                tally.delay(0.5),
                tally.delay(0.99),
                process.memory("VmHWM") / 1024,
            );
            drop(idle);
        }
    }

    async fn restart(&self) {
        for grace in [10, 1] {
            let (mut old, clients) = self.start(grace);
            let port = old.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
            let until = Instant::now() + Duration::from_secs(12);
            let mut tasks = JoinSet::new();
            for number in 0..self.count {
                let clients = clients.clone();
                tasks.spawn_local(async move {
                    sleep(Duration::from_millis(u64::try_from(number % 500).expect("small") * 8)).await;
                    while Instant::now() < until {
                        // Four seconds.
                        let (end, _) = clients.ask("paced-20-200").await;
                        clients.count(end);
                        sleep(Duration::from_millis(10)).await;
                    }
                });
            }
            sleep(Duration::from_secs(5)).await;
            let stopped = Instant::now();
            let new = if old.shares_port {
                let new = Process::start(self.server, port, grace);
                old.interrupt();
                new
            } else {
                old.interrupt();
                while tokio::net::TcpStream::connect(&old.address).await.is_ok() {
                    sleep(Duration::from_millis(1)).await;
                }
                Process::start(self.server, port, grace)
            };
            let gap = if old.shares_port { 0.0 } else { stopped.elapsed().as_secs_f64() };
            let ended = tokio::task::spawn_blocking(move || {
                old.wait();
                stopped.elapsed().as_secs_f64()
            });
            while tasks.join_next().await.is_some() {}
            let Tally { completed, cut, repeated, .. } = *clients.tally.borrow();
            let ended = ended.await.expect("no panic");
            let refused = clients.tally.borrow().refused;
            println!(
                "| {} | {grace} | {} | {completed} | {cut} | {repeated} | {refused} | {:.0} | {ended:.1} |",
                self.name(),
                self.count,
                gap * 1000.0
            );
            drop(new);
        }
    }
}

/// Runs paced responses that begin one after the other. Returns the processor time of the server, and how many were completed.
async fn paced(process: &Process, clients: &Clients, count: usize) -> (f64, usize) {
    let (cpu, begin) = (process.cpu(), Instant::now());
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let clients = clients.clone();
        tasks.spawn_local(async move {
            sleep_until(begin + RAMP * u32::try_from(number).expect("few") / u32::try_from(count).expect("few")).await;
            clients.ask(PACED).await.0
        });
    }
    let mut completed = 0;
    while let Some(end) = tasks.join_next().await {
        completed += usize::from(end.expect("no panic") == End::Completed);
    }
    (process.cpu() - cpu, completed)
}
