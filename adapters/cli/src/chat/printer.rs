//! Prints a conversation in progress, as text or as one JSON object per line.

use core::time::Duration;
use std::io::{self, Write};

use serde_json::{Value, json};
use turnwire::client::{Event, Outcome, RequestReport, Sent};
use turnwire::connection::Transport;
use turnwire::responses::{EventData, ServerEvent, Usage};

/// Prints a conversation.
pub struct Printer<'o> {
    out: &'o mut dyn Write,
    json: bool,
    turn: u32,
    /// How the current request was last sent, and its turn token.
    sent: Option<(Sent, Option<String>)>,
    /// Whether the current line contains text and is not terminated.
    midline: bool,
}

impl core::fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Printer").field("json", &self.json).field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl<'o> Printer<'o> {
    /// Creates a printer that writes to `out`.
    pub fn new(out: &'o mut dyn Write, json: bool) -> Self {
        Self { out, json, turn: 0, sent: None, midline: false }
    }

    /// Prints the prompt of a new turn.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn turn(&mut self, prompt: &str) -> io::Result<()> {
        self.turn += 1;
        if self.json { Ok(()) } else { writeln!(self.out, "> {prompt}") }
    }

    /// Prints a tool call, with its output if the tool was run.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn tool(&mut self, name: &str, arguments: &str, output: Option<&str>) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "tool", "turn": self.turn, "name": name, "output": output}));
        }
        match output {
            Some(output) => writeln!(self.out, "{name}({arguments}) = {output}"),
            None => writeln!(self.out, "{name}({arguments})"),
        }
    }

    /// Prints an event of the client.
    ///
    /// # Errors
    ///
    /// Returns an error when writing fails.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Sent { sent, turn_token: turn_state, .. } => {
                self.sent = Some((*sent, turn_state.map(str::to_owned)));
                Ok(())
            }
            Event::Server { event, .. } => self.server(event),
            Event::Malformed { malformed, .. } => self.notice("malformed", &malformed.to_string()),
            Event::Violation { violation, .. } => self.notice("violation", &violation.to_string()),
            Event::Retry { failure, delay, .. } => {
                self.notice("retry", &format!("{failure}; again in {} ms", delay.as_millis()))
            }
            Event::HttpFallback(cause) => self.notice("fell_back", &format!("HTTP from now on: {}", reason(cause))),
            Event::Finished { outcome, report, .. } => self.finished(outcome, report),
            _ => Ok(()),
        }
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
        writeln!(self.out, "-- turn states that the server saw: {}", tokens.join(", "))
    }

    fn server(&mut self, event: &ServerEvent<'_>) -> io::Result<()> {
        if self.json {
            let raw: Value = serde_json::from_str(&event.to_json())?;
            return self.line(&json!({"type": "event", "turn": self.turn, "kind": event.kind(), "event": raw}));
        }
        if let EventData::OutputTextDelta { delta, .. } = &event.data {
            self.midline = true;
            self.out.write_all(delta.as_bytes())?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn notice(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": kind, "turn": self.turn, "message": text}));
        }
        self.end_line()?;
        writeln!(self.out, "-- {kind}: {text}")
    }

    fn finished(&mut self, outcome: &Outcome<'_>, report: &RequestReport) -> io::Result<()> {
        let (sent, token) = self.sent.take().unzip();
        let token = token.flatten();
        let (outcome_name, usage, error) = match outcome {
            Outcome::Completed(completed) => ("completed", completed.usage, None),
            Outcome::Failed(failure) => ("failed", None, Some(failure)),
            Outcome::Cancelled => ("cancelled", None, None),
            _ => ("answered", None, None),
        };
        let transport = report.transport.map(|transport| match transport {
            Transport::Http => "sse",
            Transport::WebSocket => "websocket",
        });
        let reused = sent.is_some_and(|sent| sent.reused);
        let incremental = sent.is_some_and(|sent| sent.incremental);
        let (connection, input) =
            (if reused { "reused" } else { "new" }, if incremental { "incremental" } else { "full" });
        if self.json {
            let error = error.map(|failure| {
                json!({"class": format!("{:?}", failure.kind), "status": failure.status, "code": failure.code,
                    "message": failure.message})
            });
            return self.line(&json!({
                "type": "request", "turn": self.turn, "transport": transport, "connection": connection, "input": input,
                "turn_state_sent": token, "usage": usage.map(counts), "attempts": report.attempts,
                "first_event_ms": report.first_event.map(millis), "total_ms": millis(report.total), "outcome": outcome_name,
                "error": error,
            }));
        }
        self.end_line()?;
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
        writeln!(
            self.out,
            "-- turn {}: {}, {connection} connection, {input} request, turn state {state}, {tokens}, {first}, total {:.1} ms, {outcome_name}",
            self.turn,
            transport.unwrap_or("not sent"),
            millis(report.total),
        )
    }

    fn end_line(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.midline) { writeln!(self.out) } else { Ok(()) }
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value}")?;
        self.out.flush()
    }
}

fn reason(reason: &turnwire::client::FallbackReason) -> String {
    use turnwire::client::FallbackReason;
    match reason {
        FallbackReason::Refused(status) => format!("the server rejected the handshake with status {status}"),
        FallbackReason::Exhausted { failure, .. } => failure.to_string(),
        FallbackReason::TooLarge(_) => "this request is too large for WebSocket".to_owned(),
        _ => "unknown reason".to_owned(),
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
