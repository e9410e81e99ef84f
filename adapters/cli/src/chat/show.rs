//! Shows a conversation as it goes: as text, or as one JSON object per line.

use core::time::Duration;
use std::io::{self, Write};

use serde_json::{Value, json};
use turnwire::client::{Event, Outcome, RequestReport, Sent};
use turnwire::connection::Transport;
use turnwire::responses::{EventData, ServerEvent, Usage};

/// Shows a conversation.
pub struct Show<'o> {
    out: &'o mut dyn Write,
    json: bool,
    turn: u32,
    /// How the current request was sent last, and the token that went with it.
    sent: Option<(Sent, Option<String>)>,
    /// Text was written, and its line is not at an end.
    midline: bool,
}

impl core::fmt::Debug for Show<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Show").field("json", &self.json).field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl<'o> Show<'o> {
    /// Shows on `out`.
    pub fn new(out: &'o mut dyn Write, json: bool) -> Self {
        Self { out, json, turn: 0, sent: None, midline: false }
    }

    /// A turn begins.
    ///
    /// # Errors
    ///
    /// When it cannot be written; so with all of these.
    pub fn turn(&mut self, prompt: &str) -> io::Result<()> {
        self.turn += 1;
        if self.json { Ok(()) } else { writeln!(self.out, "> {prompt}") }
    }

    /// A tool was called, and run when it has an output.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn tool(&mut self, name: &str, arguments: &str, output: Option<&str>) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": "tool", "turn": self.turn, "name": name, "output": output}));
        }
        match output {
            Some(output) => writeln!(self.out, "{name}({arguments}) = {output}"),
            None => writeln!(self.out, "{name}({arguments})"),
        }
    }

    /// An event of the client.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Sent { sent, turn_token: turn_state, .. } => {
                self.sent = Some((*sent, turn_state.map(str::to_owned)));
                Ok(())
            }
            Event::Server { event, .. } => self.server(event),
            Event::Malformed { malformed, .. } => self.note("malformed", &malformed.to_string()),
            Event::Violation { violation, .. } => self.note("violation", &violation.to_string()),
            Event::Retry { failure, delay, .. } => {
                self.note("retry", &format!("{failure}; again in {} ms", delay.as_millis()))
            }
            Event::HttpFallback(why) => self.note("fell_back", &format!("HTTP from here on: {}", reason(why))),
            Event::Finished { outcome, report, .. } => self.finished(outcome, report),
            _ => Ok(()),
        }
    }

    /// What the demo's server saw of the turn's token.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn seen(&mut self, tokens: &[Option<String>]) -> io::Result<()> {
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

    fn note(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if self.json {
            return self.line(&json!({"type": kind, "turn": self.turn, "message": text}));
        }
        self.end_line()?;
        writeln!(self.out, "-- {kind}: {text}")
    }

    fn finished(&mut self, outcome: &Outcome<'_>, report: &RequestReport) -> io::Result<()> {
        let (sent, token) = self.sent.take().unzip();
        let token = token.flatten();
        let (word, usage, error) = match outcome {
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
                "first_event_ms": report.first_event.map(millis), "total_ms": millis(report.total), "outcome": word,
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
            "-- turn {}: {}, {connection} connection, {input} request, turn state {state}, {tokens}, {first}, total {:.1} ms, {word}",
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

fn reason(why: &turnwire::client::FallbackReason) -> String {
    use turnwire::client::FallbackReason;
    match why {
        FallbackReason::Refused(status) => format!("the server answered the handshake with {status}"),
        FallbackReason::Exhausted { failure, .. } => failure.to_string(),
        FallbackReason::TooLarge(_) => "this request is too large for WebSocket".to_owned(),
        _ => "for a reason that is not known here".to_owned(),
    }
}

fn counts(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens, "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens, "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
    })
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
