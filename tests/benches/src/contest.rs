//! Runs rows in turn: each round runs every row once, so that a slow machine affects all rows equally.

use std::time::Duration;

use cpu_time::ProcessTime;

/// One row of a table.
pub struct Row<'w, S> {
    /// Its name.
    pub name: &'static str,
    /// One pass over the whole workload; returns what it counted.
    pub pass: Box<dyn FnMut() -> S + 'w>,
}

impl<'w, S> Row<'w, S> {
    /// Creates a row.
    pub fn new(name: &'static str, pass: impl FnMut() -> S + 'w) -> Self {
        Self { name, pass: Box::new(pass) }
    }
}

impl<S> std::fmt::Debug for Row<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Options of the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of each workload in bytes.
    pub size: usize,
    /// Number of rounds; the median of an odd number is one of them.
    pub rounds: usize,
    /// Runs only rows whose name contains this text, for profiling.
    pub only: Option<String>,
}

impl Options {
    /// Reads `--size`, `--rounds` and `--only`.
    ///
    /// # Panics
    ///
    /// If there is another argument.
    #[must_use]
    pub fn from_args() -> Self {
        let mut options = Self { size: crate::workload::SIZE, rounds: 9, only: None };
        let mut args = std::env::args().skip(1);
        while let (Some(name), value) = (args.next(), args.next()) {
            let value = value.unwrap_or_else(|| panic!("{name} wants a value"));
            match name.as_str() {
                "--size" => options.size = value.parse().expect("bytes"),
                "--rounds" => options.rounds = value.parse().expect("a number"),
                "--only" => options.only = Some(value),
                other => panic!("{other} is not known: --size BYTES, --rounds NUMBER, --only PART-OF-A-NAME"),
            }
        }
        options
    }
}

/// Runs the rows in turn and prints a table. `units`: how many `unit`s one pass handles; `bytes`: how many bytes.
/// Ratios are relative to the rows named in `against`, per round.
///
/// # Panics
///
/// If a row counted something else than `expected`.
pub fn contest<S: PartialEq + std::fmt::Debug>(
    title: &str,
    options: &Options,
    (unit, units, bytes): (&str, u64, u64),
    expected: &S,
    mut rows: Vec<Row<'_, S>>,
    against: &[&'static str],
) {
    if let Some(part) = &options.only {
        rows.retain(|row| row.name.contains(part.as_str()));
    }
    if rows.is_empty() {
        return;
    }
    let mut times = vec![Vec::new(); rows.len()];
    for round in 0..=options.rounds {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let start = ProcessTime::now();
            let seen = (row.pass)();
            let time = start.elapsed();
            assert_eq!(seen, *expected, "{title}: {} saw something else than there is", row.name);
            // The first round is a warm-up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let against: Vec<_> = against.iter().filter_map(|name| rows.iter().position(|row| row.name == *name)).collect();
    print!("\n### {title}\n\n| | ns per {unit} | MB/s |");
    against.iter().for_each(|row| print!(" time / {} |", rows[*row].name));
    print!("\n|---|--:|--:|{}\n", "--:|".repeat(against.len()));
    for (row, own) in rows.iter().zip(&times) {
        let nanos = median(own.iter().map(Duration::as_secs_f64)) * 1e9;
        print!("| {} | {:.1} | {:.0} |", row.name, nanos / units as f64, bytes as f64 * 1e3 / nanos);
        for other in &against {
            let pairs = own.iter().zip(&times[*other]);
            print!(" {:.2} |", median(pairs.map(|(own, other)| own.as_secs_f64() / other.as_secs_f64())));
        }
        println!();
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
