//! Notices on the standard error.

use core::time::Duration;
use std::io::{self, Write as _};

use tokio::time::Instant;

/// Writes a notice to the standard error.
pub(super) fn report(text: &str) {
    let _ = writeln!(io::stderr(), "turnwire: {text}");
}

/// Notices on the standard error, at most one in ten seconds.
#[derive(Default)]
pub(super) struct Notices {
    last: Option<Instant>,
    left_out: u64,
}

impl Notices {
    /// Writes a notice, or counts it.
    pub(super) fn write(&mut self, text: &str) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) < Duration::from_secs(10)) {
            self.left_out += 1;
            return;
        }
        let left_out = core::mem::take(&mut self.left_out);
        let again = if left_out > 0 { format!(" ({left_out} notices left out)") } else { String::new() };
        report(&format!("{text}{again}"));
        self.last = Some(now);
    }
}
