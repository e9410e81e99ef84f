//! Output: lines of JSON.

use core::fmt;
use std::io::{self, Write};

use serde::Serialize;
use turnwire::http::Headers;

use super::FramingError;

/// Writes one JSON object per line.
pub struct Output<'o> {
    out: io::BufWriter<&'o mut dyn Write>,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct FramingErrorLine<'a> {
    error: &'a str,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

#[derive(Serialize)]
struct End {
    end: &'static str,
}

/// Bytes as text if they are valid UTF-8, otherwise as hexadecimal digits.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bytes<'a> {
    Text(&'a str),
    Hex(String),
}

impl<'a> Bytes<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        core::str::from_utf8(bytes).map_or_else(|_| Self::hex(bytes), Self::Text)
    }

    pub(super) fn hex(bytes: &[u8]) -> Self {
        Self::Hex(hex(bytes))
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns header lines as pairs, in order; invalid UTF-8 is replaced.
pub(super) fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_owned(), text(value.as_bytes()))).collect()
}

impl<'o> Output<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out: io::BufWriter::new(out) }
    }

    pub(super) fn line(&mut self, item: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, item)?;
        self.out.write_all(b"\n")
    }

    /// Prints that the recording was cut.
    pub(super) fn truncated(&mut self) -> io::Result<()> {
        self.line(&End { end: "truncated" })
    }

    pub(super) fn framing_error(&mut self, error: &FramingError) -> io::Result<()> {
        let FramingError { error, offset, limit } = error;
        self.line(&FramingErrorLine { error, offset: *offset, limit: *limit })
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
