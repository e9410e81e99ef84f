//! The folder of a recording, with a file for each request.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use turnwire::connection::Transport;
use turnwire::http::{Headers, Request, Response};
use turnwire::responses::TURN_STATE;
use turnwire_testkit::recording::{Line, raw_or_string};

use super::deltas::Waiting;
use super::redact::Redactor;

/// The folder of a recording.
#[derive(Debug)]
pub(super) struct Recorder {
    folder: PathBuf,
    exchanges: AtomicUsize,
    redactor: Arc<Redactor>,
}

/// The file of one exchange.
#[derive(Debug)]
pub(super) struct ExchangeFile {
    file: File,
    begun: Instant,
    waiting: Waiting,
    redactor: Arc<Redactor>,
}

impl Drop for ExchangeFile {
    fn drop(&mut self) {
        // The exchange is over. An error was reported for an earlier line, or is one of the end of the process.
        let _ = self.flush();
    }
}

impl Recorder {
    /// Creates the folder.
    ///
    /// # Errors
    ///
    /// Returns an error when the folder cannot be created, or contains files.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(io::Error::other(format!("{}: the folder is not empty", folder.display())));
        }
        Ok(Self { folder: folder.to_owned(), exchanges: AtomicUsize::new(0), redactor: Arc::default() })
    }

    /// Begins the file of a request.
    pub(super) fn begin(
        &self,
        transport: Transport,
        connection: u64,
        head: &Request,
        lane: Option<&str>,
        body: &str,
    ) -> io::Result<ExchangeFile> {
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.folder.join(format!("{number:04}.jsonl"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut exchange = ExchangeFile {
            file: options.open(path)?,
            begun: Instant::now(),
            waiting: Waiting::default(),
            redactor: Arc::clone(&self.redactor),
        };
        let mut line = Line::new("request", Duration::ZERO);
        // The headers come first: their secrets are then known.
        line.headers = self.redactor.headers(pairs(&head.headers));
        let websocket = transport == Transport::WebSocket;
        line.transport = Some(if websocket { "websocket" } else { "http" }.to_owned());
        line.connection = Some(connection);
        line.method = Some(head.method().to_owned());
        line.target = Some(self.redactor.target(head.target()));
        line.lane = lane.map(str::to_owned);
        line.turn_state =
            if websocket { turn_state(body) } else { head.headers.get_str(TURN_STATE).map(str::to_owned) };
        line.body = (!body.is_empty()).then(|| raw_or_string(&self.redactor.text(body)));
        exchange.write(&line)?;
        Ok(exchange)
    }

    /// Writes a line that has a payload: `event` or `message`. It waits while a secret may be spread over several deltas.
    pub(super) fn payload(&self, exchange: &mut ExchangeFile, kind: &str, text: &str) -> io::Result<()> {
        let line = exchange.line(kind);
        let lines = exchange.waiting.push(&self.redactor, line, text);
        exchange.write_payloads(lines)
    }

    /// Writes the head of a response, and its body unless it is an event stream.
    pub(super) fn response(&self, exchange: &mut ExchangeFile, head: &Response, body: Option<&[u8]>) -> io::Result<()> {
        exchange.flush()?;
        let mut line = exchange.line("response");
        line.status = Some(head.status());
        line.headers = self.redactor.headers(pairs(&head.headers));
        line.body = body.map(|body| raw_or_string(&self.redactor.text(&String::from_utf8_lossy(body))));
        exchange.write(&line)
    }
}

impl ExchangeFile {
    fn line(&self, kind: &str) -> Line {
        Line::new(kind, self.begun.elapsed())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        // One write for each line: a line is never half written unless the process is killed within it.
        self.file.write_all(format!("{}\n", line.to_json()).as_bytes())
    }

    fn write_payloads(&mut self, lines: Vec<(Line, String)>) -> io::Result<()> {
        for (mut line, text) in lines {
            line.data = Some(raw_or_string(&text));
            self.write(&line)?;
        }
        Ok(())
    }

    /// Writes what waits.
    fn flush(&mut self) -> io::Result<()> {
        let lines = self.waiting.take(&self.redactor);
        self.write_payloads(lines)
    }

    /// Writes that the event stream has ended.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        let line = self.line("end");
        self.write(&line)
    }

    /// Writes that the connection has ended before the response did.
    pub(super) fn closed(&mut self, code: Option<u16>, reason: &str) -> io::Result<()> {
        self.flush()?;
        let mut line = self.line("closed");
        line.code = code;
        line.reason = Some(reason.to_owned());
        self.write(&line)
    }
}

/// Returns the turn token of a message.
fn turn_state(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body["client_metadata"][TURN_STATE].as_str().map(str::to_owned)
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_owned(), text(value.as_bytes()))).collect()
}
