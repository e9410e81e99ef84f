//! Runs a test binary until its first failure.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The outcome of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The tests that passed.
    pub passed: BTreeSet<String>,
    /// The tests that failed, in order.
    pub failed: Vec<String>,
    /// How the run ended otherwise than by failed tests, if it did: `timeout`, or the exit status.
    pub broken: Option<String>,
    /// The time that the run took.
    pub took: Duration,
}

/// Reads one line of a test binary's output: the name of the test, and whether it passed.
#[must_use]
pub fn verdict(line: &str) -> Option<(&str, bool)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    match verdict.split(' ').next() {
        Some("ok") => Some((name, true)),
        Some("FAILED") => Some((name, false)),
        _ => None,
    }
}

/// Runs a command that is a test binary. With `until_failure`, stops it when the first test has failed.
///
/// # Errors
///
/// When the command cannot be started.
pub fn run(command: &mut Command, timeout: Duration, until_failure: bool) -> Result<Run, String> {
    let start = Instant::now();
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let (send, lines) = mpsc::channel();
    let stdout = child.stdout.take();
    // Ends with the process, or, when one of its children keeps the pipe, with that.
    thread::spawn(move || {
        let lines = stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        lines.take_while(|line| send.send(line.clone()).is_ok()).for_each(drop);
    });
    let mut run = Run::default();
    loop {
        match lines.recv_timeout(timeout.saturating_sub(start.elapsed())) {
            Ok(line) => match verdict(&line) {
                Some((name, true)) => {
                    run.passed.insert(name.into());
                }
                Some((name, false)) => {
                    run.failed.push(name.into());
                    if until_failure {
                        break;
                    }
                }
                None => {}
            },
            Err(RecvTimeoutError::Timeout) => {
                run.broken = Some("timeout".into());
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if run.broken.is_some() || (until_failure && !run.failed.is_empty()) {
        kill(&mut child);
    }
    let status = child.wait().map_err(|error| format!("wait: {error}"))?;
    if !status.success() && run.failed.is_empty() && run.broken.is_none() {
        run.broken = Some(status.to_string());
    }
    run.took = start.elapsed();
    Ok(run)
}

/// Kills a process and the processes that it has started.
fn kill(child: &mut Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        // Fails when the process has ended by itself.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
}

/// Returns a command that runs an executable with an address space of so many MiB at most.
#[must_use]
pub fn limited(executable: &Path, memory_mib: u64) -> Command {
    if !cfg!(unix) {
        return Command::new(executable);
    }
    let mut command = Command::new("sh");
    let script = format!("ulimit -v {} 2>/dev/null; exec \"$0\" \"$@\"", memory_mib.saturating_mul(1024));
    command.arg("-c").arg(script).arg(executable);
    command
}
