//! The simulation: 20 000 seeds, and seeds that once failed. `cargo run --release -p turnwire-tests --bin sim` runs
//! more.

use turnwire_tests::sim;

/// The number of seeds of a test run.
const SEEDS: u64 = 20_000;

/// Seeds that once violated an invariant, and the bug behind each.
///
/// A change of the simulation changes the plans, so a seed need not show its bug any more.
const FOUND: [(u64, &str); 9] = [
    (3, "a body with Content-Length ended only at the byte after it"),
    (27, "a prewarm was sent over HTTP"),
    (54, "a duplicate terminal event after another late event ended the next response"),
    (118, "a second request was sent while a cancelled one still drained, with a limit of one request"),
    (244, "a duplicate terminal event stopped the idle timer of the next request"),
    (8449, "a duplicate terminal event of the last response but one ended the next response"),
    (365_472, "a duplicate terminal event of the previous response ended the draining of a cancelled one"),
    (32_194, "events of an unknown lane reset the idle timer"),
    (11_705, "the deadline of an interruption outlived the attempt that was to be interrupted"),
];

#[test]
fn seeds_violate_no_invariant() {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let (stats, failed) = sim::many(0, SEEDS, threads);
    if let Some(seed) = failed {
        panic!("{}", sim::explain(seed).unwrap_or_default());
    }
    assert_eq!(stats.missing(), Vec::<String>::new(), "every fault occurs, and every transition of the table is taken");
}

#[test]
fn seeds_of_fixed_bugs_violate_no_invariant() {
    for (seed, what) in FOUND {
        assert!(sim::explain(seed).is_none(), "seed {seed}: {what}: {}", sim::explain(seed).unwrap_or_default());
    }
}

#[test]
fn seed_determines_run() {
    for seed in [1, 2, 3] {
        let plan = sim::Plan::new(seed);
        assert_eq!(sim::transcript(&plan).log, sim::transcript(&plan).log);
    }
}
