//! Says which test notices each deliberate bug: `cargo run -p turnwire-bugs -- --help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people talks to them")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use turnwire_bugs::batch::Batch;
use turnwire_bugs::campaign::{Campaign, Verdict};
use turnwire_bugs::entry::{self, Bug};
use turnwire_bugs::layers::Layers;
use turnwire_bugs::tree::Tree;

const USAGE: &str = "usage: bugs [--list | --check] (--all | --tenth K | FILTER…) [--first] [--jobs N]

  FILTER      a layer (`sse`), or a part of `layer/name`
  --all       every bug
  --tenth K   every tenth bug, from the one with index K modulo 10
  --list      names the bugs, and ends
  --check     says which entries do not fit the sources, and ends
  --first     run only the test binaries that layers.toml names for the layer: quicker, but what they do not notice another may
  --jobs N    bugs that are tried at a time (2)

Ends with 1 when no test notices a bug, or when an entry does not fit the sources or does not compile.";

#[derive(Debug, Default)]
struct Options {
    list: bool,
    check: bool,
    all: bool,
    first: bool,
    tenth: Option<usize>,
    jobs: Option<usize>,
    filters: Vec<String>,
}

impl Options {
    fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words;
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
                value.parse::<usize>().map_err(|error| format!("{word} {value}: {error}"))
            };
            match word.as_str() {
                "--list" => options.list = true,
                "--check" => options.check = true,
                "--all" => options.all = true,
                "--first" => options.first = true,
                "--tenth" => options.tenth = Some(number()?),
                "--jobs" => options.jobs = Some(number()?),
                _ if word.starts_with('-') => return Err(format!("unknown option {word}\n\n{USAGE}")),
                _ => options.filters.push(word),
            }
        }
        match options.list || options.check || options.all || options.tenth.is_some() || !options.filters.is_empty() {
            true => Ok(options),
            false => Err(USAGE.into()),
        }
    }

    fn chooses(&self, index: usize, bug: &Bug) -> bool {
        let fits = |filter: &String| match filter.contains('/') {
            true => bug.id().contains(filter.as_str()),
            false => bug.layer == *filter || bug.entry.name.contains(filter.as_str()),
        };
        let tenth = self.tenth.is_none_or(|tenth| index % 10 == tenth % 10);
        tenth && (self.filters.is_empty() || self.filters.iter().any(fits))
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::read(words.into_iter()).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether all is well.
fn run(options: &Options) -> Result<bool, String> {
    let start = Instant::now();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = folder.parent().and_then(|tests| tests.parent()).ok_or("the package is not at tests/bugs")?;
    let bugs = entry::read_all(&folder)?;
    let chosen: Vec<&Bug> =
        bugs.iter().enumerate().filter(|(index, bug)| options.chooses(*index, bug)).map(|(_, bug)| bug).collect();
    if options.list {
        for bug in &chosen {
            println!("{}: {}: {}", bug.id(), bug.entry.file, bug.entry.breaks);
        }
        println!("{} bugs of {}", chosen.len(), bugs.len());
        return Ok(true);
    }
    let tree = Tree::new(root.to_path_buf())?;
    let misfits = misfits(&tree, &bugs);
    for misfit in &misfits {
        println!("MISFIT {misfit}");
    }
    if options.check {
        println!("{} of {} entries do not fit the sources", misfits.len(), bugs.len());
        return Ok(misfits.is_empty());
    }
    if chosen.is_empty() {
        return Err("no bug is so named".into());
    }
    let layers = Layers::read(&folder.join("layers.toml"))?;
    if let Some(bug) = bugs.iter().find(|bug| !layers.tests.contains_key(&bug.layer)) {
        return Err(format!("layers.toml: no tests are named for the layer `{}`", bug.layer));
    }
    let mut campaign = Campaign::new(&tree, &layers, options.jobs.unwrap_or(2), |line| println!("{line}"))?;
    if options.first {
        campaign.stages = 1;
    }
    let stale: Vec<String> = campaign.stale_patterns().into_iter().map(Into::into).collect();
    for pattern in &stale {
        println!("STALE layers.toml: `{pattern}` fits no test binary");
    }
    let tenth = options.tenth.map_or_else(String::new, |tenth| format!(", those with index {} modulo 10", tenth % 10));
    println!("{} bugs of {}{tenth}", chosen.len(), bugs.len());
    let outcome = campaign.run(&chosen)?;
    let noticed = report(&chosen, &outcome.verdicts, start.elapsed());
    if !outcome.broken.is_empty() {
        println!("do not compile: {}", outcome.broken.join(", "));
    }
    Ok(noticed && outcome.broken.is_empty() && misfits.is_empty() && stale.is_empty())
}

/// Returns every entry that does not fit the sources, and why.
fn misfits(tree: &Tree, bugs: &[Bug]) -> Vec<String> {
    let mut batch = Batch::default();
    let mut misfits = Vec::new();
    for (number, bug) in (1..).zip(bugs) {
        batch.add(number, &bug.entry, &|file| tree.read(file));
        misfits.extend(batch.rejected().get(&number).map(|reason| format!("{}: {reason}", bug.id())));
    }
    misfits
}

/// Says how it went; returns whether every bug was noticed.
fn report(chosen: &[&Bug], verdicts: &[(Verdict, Duration)], took: Duration) -> bool {
    let of = |wanted: fn(&Verdict) -> bool| -> Vec<String> {
        chosen.iter().zip(verdicts).filter(|(_, (verdict, _))| wanted(verdict)).map(|(bug, _)| bug.id()).collect()
    };
    let noticed = of(|verdict| matches!(verdict, Verdict::Noticed { .. })).len();
    let unnoticed = of(|verdict| matches!(verdict, Verdict::Unnoticed));
    let rejected = of(|verdict| matches!(verdict, Verdict::Rejected { .. }));
    println!(
        "\n{noticed} noticed, {} unnoticed, {} rejected, {:.0} s",
        unnoticed.len(),
        rejected.len(),
        took.as_secs_f64()
    );
    for (bugs, what) in [(&unnoticed, "no test notices"), (&rejected, "cannot be tried:")] {
        if !bugs.is_empty() {
            println!("{what} {}", bugs.join(", "));
        }
    }
    unnoticed.is_empty() && rejected.is_empty()
}
