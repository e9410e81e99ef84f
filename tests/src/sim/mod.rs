//! Deterministic simulation: clients, servers, a network that does its worst, and one clock. A seed stands for a whole run.
//!
//! [`Plan::new`] makes a seed's plan, [`run`] runs it, and [`explain`] shrinks one that fails and tells what happened.
//!
//! | module | is |
//! |---|---|
//! | `plan` | what a seed stands for: settings, the application's commands, the faults |
//! | `fault` | everything that can go wrong, by name |
//! | `world`, `deliver` | the loop, the sockets, what is judged after each step |
//! | `app` | the application |
//! | `server` | the servers: scripts, payloads, raw mischief |
//! | `oracle` | the judge: what was asked, seen and told, and the laws between them |
//! | `shrink` | the smallest plan that still fails, and its transcript |
//! | `stats` | what was hit |
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a judge of events looks at those that concern its law; the rest is what `_` means"
)]

pub mod app;
pub mod context;
pub mod fault;
pub mod net;
pub mod network_step;
pub mod oracle;
pub mod plan;
pub mod random;
pub mod server;
pub mod shrink;
pub mod stats;
pub mod world;

pub use fault::{Fault, Faults};
pub use oracle::Broken;
pub use plan::{Op, Plan};
pub use shrink::explain;
pub use stats::Stats;
pub use world::Outcome;

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    world::World::new(plan, false).run()
}

/// Runs a plan and writes down what happened.
#[must_use]
pub fn transcript(plan: &Plan) -> Outcome {
    world::World::new(plan, true).run()
}

/// Runs many seeds on several threads, up to the first that fails. Returns what was hit, and the lowest seed that failed.
#[must_use]
pub fn many(from: u64, count: u64, threads: u64) -> (Stats, Option<u64>) {
    use std::sync::atomic::{AtomicU64, Ordering};

    let (next, worst) = (AtomicU64::new(from), AtomicU64::new(u64::MAX));
    let work = || {
        let mut stats = Stats::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count || seed >= worst.load(Ordering::Relaxed) {
                return stats;
            }
            let outcome = run(&Plan::new(seed));
            stats.add(&outcome.stats);
            if outcome.broken.is_some() {
                worst.fetch_min(seed, Ordering::Relaxed);
            }
        }
    };
    let stats = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = Stats::default();
        for worker in workers {
            // A panic in a worker is a law broken ("total"): it goes on to whoever runs this.
            all.add(&worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    let worst = worst.into_inner();
    (stats, (worst != u64::MAX).then_some(worst))
}
