//! Lines for the standard output, written by a thread of their own, so that a reader that stops reading blocks no client.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// The number of lines, and of their bytes, that wait to be written. Further lines are dropped and counted.
const MAX_LINES: usize = 4096;
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A queue of lines, with a limit.
#[derive(Debug)]
pub(super) struct Journal {
    lines: SyncSender<String>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// The number of bytes in the queue.
    bytes: AtomicUsize,
    /// The number of lines that were dropped since the last notice.
    dropped: AtomicUsize,
}

impl Journal {
    /// Starts a thread that writes lines to `out`.
    ///
    /// # Errors
    ///
    /// Returns an error when the thread cannot be started.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, queue) = sync_channel(MAX_LINES);
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        thread::Builder::new().name("journal".to_owned()).spawn(move || write_all(&queue, &shared, out))?;
        Ok(Self { lines, counts })
    }

    /// Queues a line, or drops it if the queue is full. Never blocks.
    pub(super) fn write(&self, line: String) {
        let length = line.len();
        let bytes = self.counts.bytes.fetch_add(length, Ordering::Relaxed).saturating_add(length);
        // A single long line is written if nothing else waits.
        let fits = bytes <= MAX_BYTES || bytes == length;
        if !fits || self.lines.try_send(line).is_err() {
            self.counts.bytes.fetch_sub(length, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(queue: &Receiver<String>, counts: &Counts, mut out: impl Write) {
    for line in queue {
        let length = line.len();
        let mut result = writeln!(out, "{line}");
        counts.bytes.fetch_sub(length, Ordering::Relaxed);
        let dropped = counts.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            result = result.and_then(|()| writeln!(out, "{{\"type\":\"dropped\",\"requests\":{dropped}}}"));
        }
        // A closed standard output does not affect the clients.
        if result.and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::{Journal, MAX_BYTES, MAX_LINES};

    /// A reader that takes nothing until it is told to.
    struct Blocked {
        go: Receiver<()>,
        wrote: Sender<String>,
    }

    impl io::Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go.recv();
            let _ = self.wrote.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted() {
        let (go, blocked) = channel();
        let (wrote, written) = channel();
        let journal = Journal::start(Blocked { go: blocked, wrote }).expect("a thread");
        let line = "x".repeat(MAX_BYTES / 64);
        for _ in 0..MAX_LINES {
            journal.write(line.clone());
        }
        drop(go);
        drop(journal);
        let text: String = written.iter().collect();
        assert!(text.len() <= MAX_BYTES + line.len() + 4096, "{} bytes", text.len());
        let dropped = text.lines().filter_map(|line| line.strip_prefix("{\"type\":\"dropped\",\"requests\":"));
        let dropped: usize = dropped.map(|rest| rest.trim_end_matches('}').parse::<usize>().expect("a number")).sum();
        let lines = text.lines().filter(|line| line.starts_with('x')).count();
        assert_eq!(dropped + lines, MAX_LINES);
        assert!((63..=66).contains(&lines), "{lines}");
    }
}
