//! Deterministic simulation of one client, its servers, a faulty network and one virtual clock. A seed determines a
//! whole run.
//!
//! [`Plan::new`] creates the plan of a seed, [`run`] runs it, and [`explain`] shrinks a failing plan and returns its
//! transcript.
//!
//! | module | content |
//! |---|---|
//! | `plan` | what a seed determines: settings, the application's commands, the faults |
//! | `fault` | the faults, by name |
//! | `context` | shared state: time, schedule, fault injector, oracle, transcript |
//! | `world`, `network_step` | the event loop, the sockets, the checks after each step |
//! | `app` | the application |
//! | `server` | the servers: scripts, payloads, malformed bytes |
//! | `oracle` | the invariants, and the record of requests and payloads that they need |
//! | `shrink` | reduces a failing plan |
//! | `stats` | counts of faults, state transitions and outcomes |
#![expect(clippy::wildcard_enum_match_arm, reason = "a check handles only the events that concern its invariant")]

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
pub use oracle::Violation;
pub use plan::{Op, Plan};
pub use shrink::explain;
pub use stats::Stats;
pub use world::Outcome;

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    world::World::new(plan, false).run()
}

/// Runs a plan and records a transcript.
#[must_use]
pub fn transcript(plan: &Plan) -> Outcome {
    world::World::new(plan, true).run()
}

/// Runs many seeds on several threads and stops at the first that fails. Returns the counts, and the lowest seed that
/// failed.
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
            if outcome.violation.is_some() {
                worst.fetch_min(seed, Ordering::Relaxed);
            }
        }
    };
    let stats = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = Stats::default();
        for worker in workers {
            // A panic in a worker violates an invariant too ("total"): pass it on to the caller.
            all.add(&worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    let worst = worst.into_inner();
    (stats, (worst != u64::MAX).then_some(worst))
}
