//! Lines for the standard output, written by a thread of their own, so that a reader that stops reading blocks no client.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The number of lines, and of their bytes, that wait to be written. Further lines are dropped and counted.
const MAX_LINES: usize = 4096;
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How long the end of the journal waits for its lines to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// A queue of lines, with a limit. Dropping it waits until the lines are written, unless their reader has stopped reading.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None` once the journal ends.
    lines: Option<SyncSender<String>>,
    /// Ends when the thread has.
    written: Mutex<Receiver<()>>,
    /// How long its end waits for that.
    flush: Duration,
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
        let (thread, written) = channel();
        thread::Builder::new().name("journal".to_owned()).spawn(move || write_all(&queue, &shared, out, thread))?;
        Ok(Self { lines: Some(lines), written: Mutex::new(written), flush: FLUSH, counts })
    }

    /// Queues a line, or drops it if the queue is full. Never blocks.
    pub(super) fn write(&self, line: String) {
        let length = line.len();
        let bytes = self.counts.bytes.fetch_add(length, Ordering::Relaxed).saturating_add(length);
        // A single long line is written if nothing else waits.
        let fits = bytes <= MAX_BYTES || bytes == length;
        let is_queued = fits && self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !is_queued {
            self.counts.bytes.fetch_sub(length, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.lines = None;
        if let Ok(written) = self.written.get_mut() {
            let _ = written.recv_timeout(self.flush);
        }
    }
}

/// Writes lines until the journal ends. `_thread` is dropped then.
fn write_all(queue: &Receiver<String>, counts: &Counts, mut out: impl Write, _thread: Sender<()>) {
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

    use std::sync::{Arc, Mutex};
    use std::thread::yield_now;
    use std::time::Duration;

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

    /// A reader that lets other threads go first.
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            yield_now();
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_before_the_journal_has_ended() {
        let written = Arc::default();
        let mut journal = Journal::start(Slow(Arc::clone(&written))).expect("a thread");
        journal.flush = Duration::from_secs(60);
        (0..1000).for_each(|at| journal.write(at.to_string()));
        drop(journal);
        let text = String::from_utf8(written.lock().expect("no panic").clone()).expect("digits");
        assert_eq!(text.lines().count(), 1000);
    }
}
