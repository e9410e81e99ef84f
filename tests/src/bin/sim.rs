//! Runs the simulation: `cargo run --release -p turnwire-tests --bin sim -- --seeds 1000000 --from 0`.
//!
//! `--threads N` (default 2), `--show SEED` prints one run's transcript, `--counts` prints the counts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool prints its results")]

use std::process::ExitCode;
use std::time::Instant;

use turnwire_tests::sim::{self, Plan};

struct Options {
    seeds: u64,
    from: u64,
    threads: u64,
    show: Option<u64>,
    counts: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seeds: 10_000, from: 0, threads: 2, show: None, counts: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            value.replace('_', "").parse::<u64>().map_err(|error| format!("{word}: {error}"))
        };
        match word.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--threads" => options.threads = number()?,
            "--show" => options.show = Some(number()?),
            "--counts" => options.counts = true,
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = options.show {
        let outcome = sim::transcript(&Plan::new(seed));
        println!("{}", outcome.log.join("\n"));
        if let Some(violation) = outcome.violation {
            println!("VIOLATION of `{}`: {}", violation.law, violation.how);
        }
        return ExitCode::SUCCESS;
    }
    let start = Instant::now();
    let (stats, failed) = sim::many(options.from, options.seeds, options.threads);
    let seconds = start.elapsed().as_secs_f64();
    if options.counts {
        println!("{}", stats.report());
    }
    let (seeds, turns) = (stats.seeds, stats.turns);
    println!("{seeds} seeds, {turns} turns, {} requests in {seconds:.1} s", stats.requests);
    match failed {
        None => ExitCode::SUCCESS,
        Some(seed) => {
            println!("{}", sim::explain(seed).unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}
