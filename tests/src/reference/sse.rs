//! Reference implementations of the `sse` layer after WHATWG HTML §9.2.6: one on text, as in the standard, without
//! limits, and one on bytes, with limits.

use core::time::Duration;

use turnwire::sse::{Discarded, Error, Limits};

use crate::laws::sse::{Outcome, Owned};

/// Decodes the events of a whole stream as the standard describes: decode as UTF-8, then split into lines. Each event
/// is its event type, its data and the last event ID.
#[must_use]
pub fn decode_text(input: &[u8]) -> Vec<(String, String, String)> {
    let stream = String::from_utf8_lossy(input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input)).into_owned();
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut last) = (Vec::new(), String::new());
    let (mut data, mut name, mut id) = (String::new(), String::new(), String::new());
    let mut lines: Vec<&str> = stream.split('\n').collect();
    lines.pop();
    for line in lines {
        if line.is_empty() {
            last.clone_from(&id);
            if !data.is_empty() {
                let event = if name.is_empty() { "message" } else { &name };
                events.push((event.to_owned(), data[..data.len() - 1].to_owned(), last.clone()));
            }
            data.clear();
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.to_owned(),
            _ => {}
        }
    }
    events
}

/// Decodes a whole stream, with limits.
#[must_use]
pub fn decode(limits: Limits, input: &[u8]) -> Outcome {
    let mut decoder = Decoder { limits, ..Decoder::default() };
    let mut at = if input.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut error = None;
    while error.is_none() {
        let length = input[at..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = &input[at..at + length.unwrap_or(input.len() - at)];
        error = decoder.line(line, at as u64, length.is_some()).err();
        let Some(length) = length else { break };
        at += length + if input[at + length..].starts_with(b"\r\n") { 2 } else { 1 };
    }
    // An incomplete byte order mark is a line.
    let unfinished = match &decoder.data {
        Some(data) => Discarded::Event { data: data.len() },
        None if at < input.len() || decoder.name.is_some() || decoder.id.is_some() => Discarded::Line,
        None => Discarded::Nothing,
    };
    Outcome {
        events: decoder.events,
        unfinished: error.is_none().then_some(unfinished),
        error,
        last_event_id: decoder.last,
        retry: decoder.retry,
    }
}

#[derive(Default)]
struct Decoder {
    limits: Limits,
    events: Vec<Owned>,
    last: String,
    retry: Option<Duration>,
    data: Option<Vec<u8>>,
    lines: usize,
    name: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
}

impl Decoder {
    /// Processes one line, complete or not, that begins at offset `at`.
    fn line(&mut self, line: &[u8], at: u64, ended: bool) -> Result<(), Error> {
        if line.is_empty() {
            if ended {
                self.blank();
            }
            return Ok(());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        if colon.is_none() && !ended {
            return Ok(());
        }
        let name = &line[..colon.unwrap_or(line.len())];
        if ![&b"data"[..], b"event", b"id", b"retry"].contains(&name) {
            return Ok(());
        }
        let head = name.len() + usize::from(colon.is_some());
        let space = usize::from(line[head..].starts_with(b" "));
        let value = &line[head + space..];
        self.check_limits(name, head, space, value, at)?;
        match name {
            b"data" => {
                let data = match self.data.take() {
                    Some(before) => [&before, &b"\n"[..], value].concat(),
                    None => value.to_vec(),
                };
                self.data = Some(data);
            }
            // An incomplete line may set the event type; the event is then never dispatched.
            b"event" => self.name = Some(value.to_vec()).filter(|name| !name.is_empty()),
            b"id" if ended && !value.contains(&0) => self.id = Some(value.to_vec()),
            b"retry" if ended && !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let digits = std::str::from_utf8(value).expect("digits");
                let milliseconds = digits.trim_start_matches('0');
                let milliseconds = if milliseconds.is_empty() { "0" } else { milliseconds };
                self.retry = Some(Duration::from_millis(milliseconds.parse().unwrap_or(u64::MAX).min(u64::MAX - 1)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the first limit that the line exceeds, byte by byte.
    fn check_limits(&mut self, name: &[u8], head: usize, space: usize, value: &[u8], at: u64) -> Result<(), Error> {
        let line_too_long = Error::LineTooLong { limit: self.limits.line, offset: at + self.limits.line as u64 };
        if head > self.limits.line {
            return Err(line_too_long);
        }
        let mut kept = 0;
        if name == b"data" {
            self.lines += 1;
            if self.lines > self.limits.lines {
                return Err(Error::TooManyLines { limit: self.limits.lines, offset: at });
            }
            if let Some(data) = &self.data {
                kept = data.len() + 1;
            }
            if kept > self.limits.data {
                return Err(Error::DataTooLong { limit: self.limits.data, offset: at });
            }
        }
        if head + space > self.limits.line {
            return Err(line_too_long);
        }
        for index in 0..value.len() {
            if head + space + index + 1 > self.limits.line {
                return Err(line_too_long);
            }
            let offset = at + (head + space + index) as u64;
            match name {
                b"data" if kept + index + 1 > self.limits.data => {
                    return Err(Error::DataTooLong { limit: self.limits.data, offset });
                }
                b"event" if index + 1 > self.limits.name => {
                    return Err(Error::NameTooLong { limit: self.limits.name, offset });
                }
                b"id" if index + 1 > self.limits.id => return Err(Error::IdTooLong { limit: self.limits.id, offset }),
                _ => {}
            }
        }
        Ok(())
    }

    fn blank(&mut self) {
        if let Some(id) = self.id.take() {
            self.last = String::from_utf8_lossy(&id).into_owned();
        }
        let name = self.name.take().unwrap_or_default();
        self.lines = 0;
        let Some(data) = self.data.take() else { return };
        self.events.push(Owned {
            event: if name.is_empty() { "message".into() } else { String::from_utf8_lossy(&name).into_owned() },
            data: String::from_utf8_lossy(&data).into_owned(),
            id: self.last.clone(),
            replaced: std::str::from_utf8(&data).is_err(),
        });
    }
}
