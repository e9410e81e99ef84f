//! Runs the tests on all bugs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::batch::{Batch, VARIABLE};
use crate::cargo::{self, Binary};
use crate::entry::Bug;
use crate::layers::Layers;
use crate::libtest::{self, Run};
use crate::rewrite::Rewritten;
use crate::tree::Tree;

/// How often a build may fail because of bugs before the runner gives up.
const ROUNDS: usize = 24;

/// Whether a bug was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A test noticed it.
    Noticed {
        /// The test, as `package/binary: name`.
        by: String,
    },
    /// No test noticed it.
    Unnoticed,
    /// It could not be tried.
    Rejected {
        /// The reason.
        reason: String,
    },
}

/// What a campaign found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict on each bug, and the time that it took.
    pub verdicts: Vec<(Verdict, Duration)>,
    /// The test binaries that do not compile, and noticed nothing for that.
    pub broken: Vec<String>,
}

/// Runs the tests on bugs.
#[derive(Debug)]
pub struct Campaign<'a> {
    tree: &'a Tree,
    layers: &'a Layers,
    jobs: usize,
    /// How many of the three stages run: the binaries of the layer, all others, those that come last.
    pub stages: usize,
    binaries: Vec<Binary>,
    executables: BTreeMap<String, PathBuf>,
    baselines: BTreeMap<String, OnceLock<Run>>,
    /// Binaries whose own sources do not compile.
    broken: BTreeSet<String>,
    tell: fn(&str),
    verdicts: BTreeMap<u32, (Verdict, Duration)>,
}

/// A verdict, and the time that it took.
type Tried = Result<(Verdict, Duration), String>;

/// A bug with the number that selects it.
type Numbered<'a> = (u32, &'a Bug);

impl<'a> Campaign<'a> {
    /// Lists the test binaries. `tell` reports the progress.
    ///
    /// # Errors
    ///
    /// When cargo cannot read the manifests.
    pub fn new(tree: &'a Tree, layers: &'a Layers, jobs: usize, tell: fn(&str)) -> Result<Self, String> {
        let origin = Tree { root: tree.origin.clone(), ..tree.clone() };
        let mut binaries = cargo::binaries(&origin, &layers.packages)?;
        for binary in &mut binaries {
            *binary = binary.moved(&tree.origin, &tree.root);
        }
        let baselines = binaries.iter().map(|binary| (binary.id.clone(), OnceLock::new())).collect();
        let (executables, verdicts) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            tree,
            layers,
            jobs,
            stages: 3,
            binaries,
            executables,
            baselines,
            broken: BTreeSet::new(),
            tell,
            verdicts,
        })
    }

    /// Returns the patterns of `layers.toml` that fit no test binary.
    #[must_use]
    pub fn stale_patterns(&self) -> Vec<&'a str> {
        self.layers.stale(&self.ids())
    }

    /// Tries all bugs. The verdicts are in the same order, with the time that each took.
    ///
    /// # Errors
    ///
    /// When the core of the copy does not compile through no fault of a bug.
    pub fn run(mut self, bugs: &[&Bug]) -> Result<Outcome, String> {
        let numbered: Vec<Numbered<'_>> = (1..).zip(bugs).map(|(number, bug)| (number, *bug)).collect();
        self.run_batch(&numbered)?;
        let mut verdict = |number: &u32| self.verdicts.remove(number).unwrap_or((Verdict::Unnoticed, Duration::ZERO));
        let verdicts = numbered.iter().map(|(number, ..)| verdict(number)).collect();
        Ok(Outcome { verdicts, broken: self.broken.into_iter().collect() })
    }

    fn ids(&self) -> Vec<String> {
        // Unit tests of a library count only where a pattern names them: building them builds the library twice.
        let named =
            |id: &str| self.layers.tests.values().flatten().chain(&self.layers.last).any(|pattern| pattern == id);
        let usable = |id: &String| !self.broken.contains(id) && (!id.ends_with("/lib") || named(id));
        self.binaries.iter().map(|binary| binary.id.clone()).filter(usable).collect()
    }

    /// Builds with all bugs that compile, and tries them.
    fn run_batch(&mut self, bugs: &[Numbered<'_>]) -> Result<(), String> {
        let (mut batch, tree) = (Batch::default(), self.tree);
        let read = |file: &str| tree.read(file);
        for (number, bug) in bugs {
            batch.add(*number, &bug.entry, &read);
        }
        let alive = |batch: &Batch| -> Vec<Numbered<'_>> {
            bugs.iter().filter(|(number, ..)| !batch.rejected().contains_key(number)).copied().collect()
        };
        if !alive(&batch).is_empty() {
            let first = self.stage(&alive(&batch), 0);
            for round in 1.. {
                let rendered = batch.render(&read)?;
                let texts =
                    rendered.iter().map(|(file, Rewritten { text, .. })| (file.clone(), text.clone())).collect();
                let Some(errors) = self.build(&texts, &first)? else { break };
                if round == ROUNDS {
                    return Err(format!("the copy does not compile in {ROUNDS} rounds"));
                }
                batch.absorb(&errors, &rendered, &read)?;
            }
        }
        for (number, reason) in batch.rejected() {
            if let Some((_, bug)) = bugs.iter().find(|(other, ..)| other == number) {
                (self.tell)(&format!("REJECTED {}: {reason}", bug.id()));
            }
            self.verdicts.insert(*number, (Verdict::Rejected { reason: reason.clone() }, Duration::ZERO));
        }
        self.run_stages(&alive(&batch))
    }

    /// Returns the binaries of a stage for any of the bugs.
    fn stage(&self, bugs: &[Numbered<'_>], stage: usize) -> Vec<String> {
        let ids = self.ids();
        let mut wanted: Vec<String> = Vec::new();
        for (_, bug) in bugs {
            let [first, others, last] = self.layers.stages(&bug.layer, &ids);
            wanted.extend([first, others, last].into_iter().nth(stage).unwrap_or_default());
        }
        wanted.sort();
        wanted.dedup();
        if stage == 0 && wanted.is_empty() {
            // Without a binary, nothing would be compiled: take all.
            return ids;
        }
        wanted
    }

    /// Builds binaries from the repository with these texts; returns the errors, if it fails.
    fn build(
        &mut self,
        texts: &BTreeMap<String, String>,
        wanted: &[String],
    ) -> Result<Option<Vec<cargo::CompilerError>>, String> {
        let start = Instant::now();
        self.tree.update(texts)?;
        self.executables.clear();
        let errors = self.build_more(wanted)?;
        let outcome = errors.as_ref().map_or_else(
            || "built".into(),
            |errors| {
                let first = errors.first().map_or("", |error| error.message.as_str());
                format!("{} errors of the compiler, such as: {first}", errors.len())
            },
        );
        (self.tell)(&format!("{outcome} ({} test binaries, {:.1} s)", wanted.len(), start.elapsed().as_secs_f64()));
        Ok(errors)
    }

    fn build_more(&mut self, wanted: &[String]) -> Result<Option<Vec<cargo::CompilerError>>, String> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let build = cargo::build(self.tree, &self.layers.packages, &self.binaries, wanted)?;
        self.executables.extend(build.executables);
        for (id, message) in build.broken {
            (self.tell)(&format!("NOT USED {id} (does not compile: {message})"));
            self.broken.insert(id);
        }
        match build.failure {
            None => Ok(None),
            Some(_) if build.errors.is_empty() && !self.broken.is_empty() => Ok(None),
            Some(failure) if build.errors.is_empty() => Err(failure),
            Some(_) => Ok(Some(build.errors)),
        }
    }

    /// Runs the tests stage by stage, each only for the bugs that no earlier one has noticed.
    fn run_stages(&mut self, bugs: &[Numbered<'_>]) -> Result<(), String> {
        let mut left = bugs.to_vec();
        for stage in 0..self.stages {
            let wanted = self.stage(&left, stage);
            let missing: Vec<String> = wanted.into_iter().filter(|id| !self.executables.contains_key(id)).collect();
            if !missing.is_empty() {
                let start = Instant::now();
                if let Some(errors) = self.build_more(&missing)? {
                    return Err(errors.first().map_or_else(String::new, |error| error.rendered.clone()));
                }
                (self.tell)(&format!(
                    "built {} more test binaries ({:.1} s)",
                    missing.len(),
                    start.elapsed().as_secs_f64()
                ));
            }
            self.run_stage(&left, stage)?;
            left.retain(|(number, ..)| matches!(self.verdicts.get(number), None | Some((Verdict::Unnoticed, _))));
        }
        Ok(())
    }

    /// Runs the tests of one stage, some bugs at a time.
    fn run_stage(&mut self, bugs: &[Numbered<'_>], stage: usize) -> Result<(), String> {
        let queue: Mutex<VecDeque<Numbered<'_>>> = Mutex::new(bugs.iter().copied().collect());
        let found: Mutex<Vec<(u32, Tried)>> = Mutex::default();
        let this = &*self;
        thread::scope(|scope| {
            for _ in 0..this.jobs.max(1) {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some((number, bug)) = next else { break };
                        let tried = this.try_bug(number, bug, stage);
                        found.lock().unwrap_or_else(PoisonError::into_inner).push((number, tried));
                    }
                });
            }
        });
        for (number, tried) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let (verdict, took) = tried?;
            let before = self.verdicts.get(&number).map_or(Duration::ZERO, |(_, took)| *took);
            self.verdicts.insert(number, (verdict, before + took));
        }
        Ok(())
    }

    /// Runs the tests of one stage on one bug, until one fails.
    fn try_bug(&self, number: u32, bug: &Bug, stage: usize) -> Tried {
        let mut took = Duration::ZERO;
        let stages = self.layers.stages(&bug.layer, &self.ids());
        let before = self.verdicts.get(&number).map_or(Duration::ZERO, |(_, took)| *took);
        for id in &stages[stage] {
            let baseline = self.baseline(id)?;
            let timeout = Duration::from_secs(self.layers.timeout_seconds).max(baseline.took * 5);
            let skipped: Vec<&str> = baseline.failed.iter().map(String::as_str).collect();
            let run = self.run_binary(id, number, &skipped, timeout)?;
            took += run.took;
            if let Some(by) = noticed(&run, &baseline) {
                let by = format!("{id}: {by}");
                let seconds = (before + took).as_secs_f64();
                (self.tell)(&format!("noticed {} by {by} ({seconds:.1} s)", bug.id()));
                return Ok((Verdict::Noticed { by }, took));
            }
        }
        if stage + 1 == self.stages {
            let seconds = (before + took).as_secs_f64();
            (self.tell)(&format!("UNNOTICED {} ({seconds:.1} s): {}", bug.id(), bug.entry.breaks));
        }
        Ok((Verdict::Unnoticed, took))
    }

    /// Runs a binary without any bug, once: what fails then notices nothing.
    fn baseline(&self, id: &str) -> Result<Run, String> {
        let cell = self.baselines.get(id).ok_or_else(|| format!("{id} is not a test binary"))?;
        if let Some(run) = cell.get() {
            return Ok(run.clone());
        }
        let mut failure = None;
        let run = cell.get_or_init(|| {
            let run = self.run_to_end(id).unwrap_or_else(|error| {
                failure = Some(error);
                Run::default()
            });
            if let [first, ..] = run.failed.as_slice() {
                (self.tell)(&format!(
                    "NOT USED {id}: {} tests fail without any bug, such as {first}",
                    run.failed.len()
                ));
            }
            if let Some(broken) = &run.broken {
                (self.tell)(&format!("NOT USED {id} ({broken} without any bug)"));
            }
            run
        });
        failure.map_or_else(|| Ok(run.clone()), Err)
    }

    fn run_to_end(&self, id: &str) -> Result<Run, String> {
        libtest::run(&mut self.command(id, u32::MAX - 1)?, Duration::from_secs(600), false)
    }

    fn run_binary(&self, id: &str, selected: u32, skipped: &[&str], timeout: Duration) -> Result<Run, String> {
        let mut command = self.command(id, selected)?;
        if !skipped.is_empty() {
            command.arg("--exact");
            command.args(skipped.iter().flat_map(|name| ["--skip", name]));
        }
        libtest::run(&mut command, timeout, true)
    }

    fn command(&self, id: &str, selected: u32) -> Result<std::process::Command, String> {
        let executable = self.executables.get(id).ok_or_else(|| format!("{id} was not built"))?;
        let binary =
            self.binaries.iter().find(|binary| binary.id == *id).ok_or_else(|| format!("{id} is not known"))?;
        let mut command = libtest::limited(executable, self.layers.memory_mib);
        command.envs(&self.layers.environment).env(VARIABLE, selected.to_string());
        command.env("CARGO_MANIFEST_DIR", &binary.folder).current_dir(&binary.folder);
        Ok(command)
    }
}

/// Returns what of a run noticed a bug.
fn noticed(run: &Run, baseline: &Run) -> Option<String> {
    if let Some(name) = run.failed.first() {
        return Some(name.clone());
    }
    let broken = run.broken.as_ref().filter(|_| baseline.broken.is_none())?;
    let unfinished: Vec<&str> = baseline.passed.difference(&run.passed).map(String::as_str).collect();
    let shown = unfinished[..unfinished.len().min(3)].join(", ");
    let more = if unfinished.len() > 3 { ", …" } else { "" };
    Some(format!("{broken} in one of {} tests ({shown}{more})", unfinished.len()))
}
