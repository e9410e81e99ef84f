//! Prints a conversation in progress: the answer to one writer, and prompts, statistics and notices to another; or everything as one
//! JSON object per line.

use core::time::Duration;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use turnwire::client::{Disconnected, Event, FallbackReason, Outcome, RequestReport, Sent};
use turnwire::connection::Transport;
use turnwire::responses::{Failure, ServerEvent, Usage};

use super::answer::{Piece, TextKind};
use super::payload;
use crate::terminal::{escape, escape_line};

/// How much is printed beside the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Prompts, statistics and notices.
    #[default]
    Normal,
    /// The reasoning, connections and items without text as well.
    Verbose,
}

/// Prints a conversation.
pub struct Printer<'o> {
    out: &'o mut dyn Write,
    notices: &'o mut dyn Write,
    json: bool,
    verbosity: Verbosity,
    /// Whether notices have colours.
    colours: bool,
    /// Whether both writers are the same terminal, so that a notice must not begin inside a line of the answer.
    shared: bool,
    turn: u32,
    /// How the current request was last sent, and its turn token.
    sent: Option<(Sent, Option<String>)>,
    /// Number of the text that the last piece belongs to.
    part: Option<usize>,
    /// Whether the current line of the answer contains text and is not terminated.
    midline: bool,
    /// Whether the last text ended with a carriage return, which a line feed may follow.
    carriage: bool,
    /// Whether the current line of the notices contains reasoning and is not terminated.
    reasoning: bool,
}

impl core::fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Printer").field("json", &self.json).field("turn", &self.turn).finish_non_exhaustive()
    }
}

const NOTICE: Style = Style::new().dimmed();
const WARNING: Style = AnsiColor::Yellow.on_default();
const PROMPT: Style = Style::new().bold();

impl<'o> Printer<'o> {
    /// Creates a printer that writes the answer to `out`, and everything else to `notices`; with `json`, all to `out`.
    pub fn new(out: &'o mut dyn Write, notices: &'o mut dyn Write, json: bool) -> Self {
        Self {
            out,
            notices,
            json,
            verbosity: Verbosity::Normal,
            colours: false,
            shared: false,
            turn: 0,
            sent: None,
            part: None,
            midline: false,
            carriage: false,
            reasoning: false,
        }
    }

    /// Sets how much is printed beside the answer.
    #[must_use]
    pub const fn with_verbosity(mut self, verbosity: Verbosity) -> Self {
        self.verbosity = verbosity;
        self
    }

    /// Sets whether notices have colours, and whether both writers are the same terminal.
    #[must_use]
    pub const fn on_terminal(mut self, colours: bool, shared: bool) -> Self {
        (self.colours, self.shared) = (colours, shared);
        self
    }

    /// Prints the prompt of a new turn, unless `echo` is false because the user typed it here.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn turn(&mut self, prompt: &str, echo: bool) -> io::Result<()> {
        self.turn += 1;
        if self.json || !echo || self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.notice_line(PROMPT, &format!("> {}", escape(prompt)))
    }

    /// Prints a call of a tool that was run here, with its output.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn tool(&mut self, name: &str, arguments: &str, output: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "tool", "turn": self.turn, "name": name, "output": output}));
        }
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let line = format!("{}({}) = {}", escape_line(name), escape_line(arguments), escape(output.trim_end()));
        self.notice_line(NOTICE, &line)
    }

    /// Prints a piece of the answer; `runs` returns whether a tool of that name is run here, so that its calls are notices.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn piece(&mut self, piece: &Piece, runs: impl Fn(&str) -> bool) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        match piece {
            Piece::Text { part, kind: TextKind::Answer | TextKind::Refusal, text } => self.text(*part, text),
            Piece::Text { part, text, .. } if self.verbosity == Verbosity::Verbose => self.reasoning(*part, text),
            Piece::Text { .. } => Ok(()),
            // It is printed again with its output.
            Piece::Call { name, complete: true, .. } if runs(name) => Ok(()),
            Piece::Call { name, arguments, complete } => {
                self.end_line()?;
                let end = if *complete { ")" } else { " (the call is incomplete)" };
                writeln!(self.out, "{}({}{end}", escape_line(name), escape_line(arguments))?;
                self.out.flush()
            }
            Piece::Other { kind, .. } if kind == "reasoning" => Ok(()),
            Piece::Other { kind, raw } if self.verbosity == Verbosity::Verbose => {
                self.notice_line(NOTICE, &format!("-- {}: {}", escape_line(kind), escape_line(raw)))
            }
            Piece::Other { kind, raw } => {
                self.notice_of(NOTICE, &format!("-- {}, {} bytes (-v shows it)", escape_line(kind), raw.len()))
            }
        }
    }

    /// Prints an event of the client.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Sent { sent, turn_token, .. } => {
                self.sent = Some((*sent, turn_token.map(str::to_owned)));
                self.part = None;
                Ok(())
            }
            Event::Server { event, .. } if self.json => self.raw_event(event),
            Event::Malformed { malformed, text, .. } => self.malformed(&malformed.to_string(), text),
            Event::Violation { violation, .. } => self.notice("violation", &violation.to_string()),
            Event::Retry { failure, delay, .. } => {
                self.notice("retry", &format!("{failure}; again in {} ms", delay.as_millis()))
            }
            Event::HttpFallback(cause) => self.notice("fell_back", &fallback(cause)),
            Event::Connected { transport, .. } => self.detail("connected", name_of(*transport)),
            Event::Disconnected(Disconnected::Closed(reason)) => self.detail("disconnected", &reason.to_string()),
            Event::Disconnected(Disconnected::Failed(failure)) => self.detail("disconnected", &failure.to_string()),
            Event::Finished { outcome, report, .. } => self.finished(outcome, report),
            _ => Ok(()),
        }
    }

    /// Prints a notice that has no event.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn notice(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": kind, "turn": self.turn, "message": text}));
        }
        self.notice_of(WARNING, &format!("-- {}: {}", kind.replace('_', " "), escape_line(text)))
    }

    /// Prints text for the user of a conversation, whatever the verbosity.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn reply(&mut self, text: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "notice", "turn": self.turn, "message": text}));
        }
        self.notice_line(NOTICE, &escape(text))
    }

    /// Prints the turn tokens that the demo's server received.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn server_tokens(&mut self, tokens: &[Option<String>]) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "server", "turn_states": tokens}));
        }
        let tokens: Vec<&str> = tokens.iter().map(|token| token.as_deref().unwrap_or("none")).collect();
        self.notice_of(NOTICE, &format!("-- turn states that the server saw: {}", tokens.join(", ")))
    }

    /// Ends the line of the answer, if it is not ended.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn end_line(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.carriage) {
            self.out.write_all(b"\\r")?;
        }
        if core::mem::take(&mut self.midline) { writeln!(self.out) } else { Ok(()) }
    }

    /// Prints an event with its payload as it came: the payload need not be valid for another JSON parser.
    fn raw_event(&mut self, event: &ServerEvent<'_>) -> io::Result<()> {
        write!(self.out, r#"{{"type":"event","turn":{},"kind":{},"event":"#, self.turn, Value::from(event.kind()))?;
        payload::write(&event.to_json(), self.out)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }

    fn malformed(&mut self, reason: &str, text: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "malformed", "turn": self.turn, "message": reason, "text": text}));
        }
        self.notice("malformed", reason)?;
        self.detail("payload", text)
    }

    fn text(&mut self, part: usize, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.part.replace(part).is_some_and(|last| last != part) {
            self.end_line()?;
        }
        self.end_reasoning()?;
        // A line feed may follow a carriage return in the next piece.
        let joined = if core::mem::take(&mut self.carriage) { format!("\r{text}") } else { text.to_owned() };
        let shown = joined.strip_suffix('\r').unwrap_or(&joined);
        self.carriage = shown.len() < joined.len();
        self.midline = !shown.ends_with('\n');
        self.out.write_all(escape(shown).as_bytes())?;
        self.out.flush()
    }

    fn reasoning(&mut self, part: usize, text: &str) -> io::Result<()> {
        if self.part.replace(part).is_some_and(|last| last != part) {
            self.end_reasoning()?;
        }
        if !core::mem::replace(&mut self.reasoning, true) {
            self.break_shared_line()?;
            self.notices.write_all(b"-- reasoning: ")?;
        }
        self.styled(NOTICE, &escape(text))?;
        self.notices.flush()
    }

    fn end_reasoning(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.reasoning) { writeln!(self.notices) } else { Ok(()) }
    }

    /// Ends a line of the answer on a terminal that shows notices too.
    fn break_shared_line(&mut self) -> io::Result<()> {
        if self.shared && self.midline { self.end_line() } else { Ok(()) }
    }

    fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        if self.colours {
            write!(self.notices, "{style}{text}{style:#}")
        } else {
            self.notices.write_all(text.as_bytes())
        }
    }

    fn notice_line(&mut self, style: Style, text: &str) -> io::Result<()> {
        self.end_reasoning()?;
        self.break_shared_line()?;
        self.styled(style, text)?;
        writeln!(self.notices)
    }

    /// Prints a notice, unless only the answer is wanted.
    fn notice_of(&mut self, style: Style, text: &str) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet { Ok(()) } else { self.notice_line(style, text) }
    }

    /// Prints a detail if asked to.
    fn detail(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if self.json || self.verbosity < Verbosity::Verbose {
            return Ok(());
        }
        self.notice_line(NOTICE, &format!("-- {kind}: {}", escape_line(text)))
    }

    fn finished(&mut self, outcome: &Outcome<'_>, report: &RequestReport) -> io::Result<()> {
        let (sent, token) = self.sent.take().unzip();
        let token = token.flatten();
        let Ending { name, error } = Ending::of(outcome);
        let usage = report.usage;
        let reused = sent.is_some_and(|sent| sent.reused);
        let incremental = sent.is_some_and(|sent| sent.incremental);
        let (connection, input) =
            (if reused { "reused" } else { "new" }, if incremental { "incremental" } else { "full" });
        if self.json {
            return self.line(&json!({
                "type": "request", "turn": self.turn, "transport": report.transport.map(name_of),
                "connection": connection, "input": input,
                "turn_state_sent": token, "usage": usage.map(counts), "attempts": report.attempts,
                "first_event_ms": report.first_event.map(millis), "total_ms": millis(report.total),
                // An incomplete response has a failure's class.
                "outcome": if name == "incomplete" { "failed" } else { name },
                "error": error,
            }));
        }
        self.end_line()?;
        self.out.flush()?;
        let tokens = usage.map_or_else(
            || "tokens unknown".to_owned(),
            |usage| {
                format!("tokens {} in, {} cached, {} out", usage.input_tokens, usage.cached_tokens, usage.output_tokens)
            },
        );
        let first = report
            .first_event
            .map_or_else(|| "no event".to_owned(), |time| format!("first event {:.1} ms", millis(time)));
        let state = if token.is_some() { "sent" } else { "absent" };
        let line = format!(
            "-- turn {}: {}, {connection} connection, {input} request, turn state {state}, {tokens}, {first}, total {:.1} ms, {name}",
            self.turn,
            report.transport.map_or("not sent", name_of),
            millis(report.total),
        );
        self.notice_of(NOTICE, &line)
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value}")?;
        self.out.flush()
    }
}

/// How a request ended, as it is printed.
struct Ending {
    name: &'static str,
    error: Option<Value>,
}

impl Ending {
    fn of(outcome: &Outcome<'_>) -> Self {
        let (name, error) = match outcome {
            Outcome::Completed(_) => ("completed", None),
            Outcome::Incomplete(response) => {
                let message = incomplete(response.reason.as_deref());
                ("incomplete", Some(json!({"class": "Incomplete", "status": null, "code": null, "message": message})))
            }
            Outcome::Failed(failure) => ("failed", Some(error(failure))),
            Outcome::Cancelled => ("cancelled", None),
            _ => ("answered", None),
        };
        Self { name, error }
    }
}

/// Returns why a response is incomplete, in words.
pub(super) fn incomplete(reason: Option<&str>) -> String {
    format!("the response is incomplete: {}", reason.unwrap_or("the server gives no reason"))
}

fn error(failure: &Failure) -> Value {
    json!({"class": format!("{:?}", failure.kind), "status": failure.status, "code": failure.code,
        "message": failure.message})
}

const fn name_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Http => "sse",
        Transport::WebSocket => "websocket",
    }
}

fn fallback(reason: &FallbackReason) -> String {
    match reason {
        FallbackReason::Refused(status) => {
            format!("HTTP from now on: the server rejected the handshake with status {status}")
        }
        FallbackReason::Unclear { failure, .. } => format!("HTTP for this request: {failure}"),
        FallbackReason::Exhausted { failure, .. } => format!("HTTP from now on: {failure}"),
        FallbackReason::TooLarge(_) => "HTTP for this request: it is too large for WebSocket".to_owned(),
        FallbackReason::Background(_) => "HTTP for this request: it is for a background response".to_owned(),
        _ => "HTTP from now on".to_owned(),
    }
}

fn counts(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens, "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens, "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
    })
}

/// Converts to milliseconds, rounded to microseconds.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
