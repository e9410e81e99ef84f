//! Recordings of `turnwire record`: one file, or all files of a folder.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use turnwire_testkit::recording::Line;

use super::event::{self, Events};
use super::output::Output;
use super::{Decode, DecodeError, Ending, FramingError, Layer};

/// A recording.
#[derive(Debug)]
pub(super) struct Recording {
    line: Vec<u8>,
    offset: u64,
    layer: Layer,
    events: Events,
    truncated: bool,
}

/// A line that has no payload of its own.
#[derive(Serialize)]
struct Other<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

/// The longest line, in bytes.
const MAX_LINE: usize = 80 << 20;

impl Recording {
    pub(super) fn new(layer: Layer) -> Self {
        Self { line: Vec::new(), offset: 0, layer, events: Events::default(), truncated: false }
    }

    fn invalid(&self, error: String, limit: Option<usize>) -> DecodeError {
        FramingError { error, offset: self.offset, limit }.into()
    }

    fn line(&mut self, out: &mut Output<'_>) -> Result<(), DecodeError> {
        let taken = core::mem::take(&mut self.line);
        let length = taken.len() as u64 + 1;
        if taken.trim_ascii().is_empty() {
            self.offset += length;
            return Ok(());
        }
        let line: Line = serde_json::from_slice(&taken).map_err(|error| self.invalid(error.to_string(), None))?;
        if self.layer == Layer::Frames {
            out.line(&line)?;
            self.offset += length;
            return Ok(());
        }
        match line.r#type.as_str() {
            "request" => {
                // Each file begins with a request.
                self.truncated |= core::mem::take(&mut self.events).is_open();
                match (&line.body, line.transport.as_deref()) {
                    (Some(body), Some("websocket")) => event::client(body.get(), out)?,
                    (Some(body), _) if line.target.as_deref().is_some_and(creates) => event::body(body.get(), out)?,
                    (body, _) => other(&line, body.as_deref(), out)?,
                }
            }
            "event" => self.events.payload(&text(line.data.as_deref()), out)?,
            "message" => event::client(&text(line.data.as_deref()), out)?,
            "response" | "end" | "closed" => other(&line, line.body.as_deref(), out)?,
            kind => return Err(self.invalid(format!("a line has the type `{kind}`, which is unknown"), None)),
        }
        self.offset += length;
        Ok(())
    }

    fn check_length(&self) -> Result<(), DecodeError> {
        match self.line.len() <= MAX_LINE {
            true => Ok(()),
            false => Err(self.invalid(format!("a line is longer than {MAX_LINE} bytes"), Some(MAX_LINE))),
        }
    }
}

fn creates(target: &str) -> bool {
    target.split('?').next().unwrap_or_default().ends_with("/responses")
}

/// Returns a payload as it came: a string is a payload that is not JSON.
fn text(raw: Option<&RawValue>) -> String {
    let raw = raw.map_or("", RawValue::get);
    match serde_json::from_str(raw) {
        Ok(Value::String(text)) => text,
        _ => raw.to_owned(),
    }
}

fn other(line: &Line, body: Option<&RawValue>, out: &mut Output<'_>) -> std::io::Result<()> {
    out.line(&Other { kind: &line.r#type, status: line.status, code: line.code, body })
}

impl Decode for Recording {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let mut pieces = input.split(|byte| *byte == b'\n');
        // The first piece continues the incomplete line.
        self.line.extend_from_slice(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.line(out)?;
            self.line.extend_from_slice(piece);
        }
        self.check_length()
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError> {
        if !self.line.is_empty() {
            self.line(out)?;
        }
        let truncated = self.truncated || self.events.is_open();
        if truncated {
            out.truncated()?;
        }
        Ok(Ending::of(truncated))
    }
}
