//! Event streams, and payloads one per line.

use serde::Serialize;
use serde_json::error::Category;
use turnwire::sse::{Decoder, Discarded, Error, Input, Limits};

use super::event::Events;
use super::output::Output;
use super::{Decode, DecodeError, Ending, FramingError, Layer};

/// An event stream.
#[derive(Debug)]
pub(super) struct Stream {
    decoder: Decoder,
    layer: Layer,
    events: Events,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    data: &'a str,
    id: &'a str,
    /// Latest reconnection time of the stream, in milliseconds. `None` if it set none.
    retry: Option<u128>,
}

impl Stream {
    pub(super) fn new(layer: Layer) -> Self {
        Self { decoder: Decoder::new(LIMITS), layer, events: Events::default() }
    }

    /// Handles the end of the stream. Returns whether it was cut.
    pub(super) fn finish(&mut self) -> bool {
        // An incomplete event at the end of the stream is discarded (WHATWG HTML §9.2.6).
        self.decoder.finish() != Discarded::Nothing || self.events.is_open()
    }
}

/// Limits of a recording.
const LIMITS: Limits = Limits::new()
    .with_data(64 << 20)
    .with_line((64 << 20) + 6)
    .with_name(64 << 10)
    .with_id(64 << 10)
    .with_lines(1 << 20);

impl Decode for Stream {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let mut input = Input::new(input);
        while let Some(event) = self.decoder.decode(&mut input).map_err(framing_error)? {
            if self.layer == Layer::Events {
                self.events.payload(event.data, out)?;
                continue;
            }
            let (event, data, id) = (event.event_type.to_owned(), event.data.to_owned(), event.id.to_owned());
            let retry = self.decoder.retry().map(|retry| retry.as_millis());
            out.line(&Line { event: &event, data: &data, id: &id, retry })?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError> {
        let truncated = self.finish();
        if truncated {
            out.truncated()?;
        }
        Ok(Ending::of(truncated))
    }
}

fn framing_error(error: Error) -> FramingError {
    let (limit, offset) = if let Error::LineTooLong { limit, offset }
    | Error::DataTooLong { limit, offset }
    | Error::TooManyLines { limit, offset }
    | Error::NameTooLong { limit, offset }
    | Error::IdTooLong { limit, offset } = error
    {
        (Some(limit), offset)
    } else {
        (None, 0)
    };
    FramingError { error: error.to_string(), offset, limit }
}

/// One payload per line.
#[derive(Debug)]
pub(super) struct Lines {
    line: Vec<u8>,
    offset: u64,
    layer: Layer,
    events: Events,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

impl Lines {
    pub(super) fn new(layer: Layer) -> Self {
        Self { line: Vec::new(), offset: 0, layer, events: Events::default() }
    }

    fn check_length(&self) -> Result<(), FramingError> {
        let limit = LIMITS.line;
        if self.line.len() <= limit {
            return Ok(());
        }
        let error = format!("a line is longer than {limit} bytes");
        Err(FramingError { error, offset: self.offset, limit: Some(limit) })
    }

    fn line(&mut self, out: &mut Output<'_>) -> Result<(), DecodeError> {
        self.check_length()?;
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let Ok(text) = core::str::from_utf8(line) else {
            return Err(FramingError { error: "a line is not utf-8".into(), offset: self.offset, limit: None }.into());
        };
        match self.layer {
            _ if text.trim().is_empty() => {}
            Layer::Frames => out.line(&Text { text })?,
            Layer::Events => self.events.payload(text, out)?,
        }
        self.offset += self.line.len() as u64 + 1;
        self.line.clear();
        Ok(())
    }
}

impl Decode for Lines {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        let mut pieces = input.split(|byte| *byte == b'\n');
        // The first piece continues the incomplete line.
        if let Some(first) = pieces.next() {
            self.line.extend_from_slice(first);
        }
        for piece in pieces {
            self.line(out)?;
            self.line.extend_from_slice(piece);
        }
        Ok(self.check_length()?)
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError> {
        let mut truncated = false;
        if !self.line.is_empty() {
            match core::str::from_utf8(&self.line) {
                // Inside a character.
                Err(error) if error.error_len().is_none() => {
                    truncated = true;
                    self.line.truncate(error.valid_up_to());
                }
                Ok(text) => {
                    let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text);
                    truncated = parsed.is_err_and(|error| error.classify() == Category::Eof);
                }
                Err(_) => {}
            }
            self.line(out)?;
        }
        truncated |= self.events.is_open();
        if truncated {
            out.truncated()?;
        }
        Ok(Ending::of(truncated))
    }
}
