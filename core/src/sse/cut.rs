//! Lines that a read cuts, that began in an earlier one, or that pass a limit: byte by byte where nothing else helps.

use core::ops::Range;
use core::time::Duration;

use memchr::memchr2;

use super::Error;
use super::block::{NOT_DIGITS, Spans};
use super::decode::Decoder;
use super::line::{self, Field, Line};

impl Decoder {
    /// Goes on, to its end or the input's, with a line that began in an earlier read, or that the end of this one cuts, or that
    /// passes a limit.
    pub(super) fn go_on(&mut self, bytes: &[u8], mut at: usize, spans: &mut Spans) -> Result<usize, Error> {
        while self.line != Line::Start && at < bytes.len() {
            at = self.more(bytes, at, spans)?;
        }
        Ok(at)
    }

    /// Takes the name of the field, with its colon, of a line that the end of the input cuts, if they are there.
    pub(super) fn field(&mut self, bytes: &[u8], at: usize, spans: &mut Spans) -> Result<usize, Error> {
        let Some((field, length)) = line::field(&bytes[at..]) else { return Ok(at) };
        (self.line, self.line_length) = (Line::Value { field, fresh: true }, length);
        self.begin_value(field, bytes, at + length, spans)?;
        Ok(at + length)
    }

    fn more(&mut self, bytes: &[u8], at: usize, spans: &mut Spans) -> Result<usize, Error> {
        if let Line::Undecided { bytes: name, length } = self.line {
            let byte = bytes[at];
            if matches!(byte, b'\r' | b'\n') {
                if let Some(field) = line::whole(&name[..length]) {
                    self.begin_value(field, bytes, at, spans)?;
                    self.end_value(field);
                }
                (self.line, self.line_length) = (Line::Start, 0);
                return Ok(self.end_line(bytes, at));
            }
            self.line = line::decide(name, length, byte);
            self.line_length += 1;
            if let Line::Value { field, .. } = self.line {
                self.begin_value(field, bytes, at + 1, spans)?;
            }
            return Ok(at + 1);
        }
        let end = memchr2(b'\r', b'\n', &bytes[at..]).map(|length| at + length);
        if let Line::Value { field, fresh } = self.line {
            let piece = at..end.unwrap_or(bytes.len());
            let space = fresh && bytes[piece.clone()].starts_with(b" ");
            self.line = Line::Value { field, fresh: fresh && piece.is_empty() };
            self.value(field, bytes, piece, space)?;
            if end.is_some() {
                self.end_value(field);
            }
        }
        let Some(end) = end else { return Ok(bytes.len()) };
        (self.line, self.line_length) = (Line::Start, 0);
        Ok(self.end_line(bytes, end))
    }

    /// The line is this field's, as what stands before `at` says.
    fn begin_value(&mut self, field: Field, bytes: &[u8], at: usize, spans: &mut Spans) -> Result<(), Error> {
        let line = self.base.wrapping_add(at as u64) - self.line_length as u64;
        if self.line_length > self.limits.line {
            return Err(self.line_too_long(line));
        }
        match field {
            Field::Data => {
                if self.block.lines >= self.limits.lines {
                    return Err(Error::TooManyLines { limit: self.limits.lines, offset: line });
                }
                self.block.lines += 1;
                if self.block.lines == 1 {
                    return Ok(());
                }
                self.block.spill_data(bytes, spans);
                if self.block.data.come() >= self.limits.data {
                    return Err(Error::DataTooLong { limit: self.limits.data, offset: line });
                }
                self.block.join();
            }
            Field::Event => {
                self.block.name.clear();
                spans.name = None;
            }
            Field::Id => self.block.next_id.clear(),
            Field::Retry => self.block.retry = None,
        }
        Ok(())
    }

    /// More of a value; `space`: its first byte is the one that is passed over. What is checked is what would be kept, before it
    /// is kept, and of two limits that are passed the one counts whose byte comes first.
    fn value(&mut self, field: Field, bytes: &[u8], piece: Range<usize>, space: bool) -> Result<(), Error> {
        let start = self.base.wrapping_add(piece.start as u64);
        let line = start - self.line_length as u64;
        let room = self.limits.line - self.line_length;
        let length = piece.len();
        let value = piece.start + usize::from(space)..piece.end;
        let kept_room = match field {
            Field::Data => self.limits.data - self.block.data.come(),
            Field::Event => self.limits.name - self.block.name.come(),
            Field::Id => self.limits.id - self.block.next_id.len(),
            Field::Retry => usize::MAX,
        };
        let kept = (value.len() > kept_room).then(|| kept_room + usize::from(space));
        if length > room && kept.is_none_or(|kept| room <= kept) {
            return Err(self.line_too_long(line));
        }
        if let Some(kept) = kept {
            return Err(self.value_too_long(field, start + kept as u64));
        }
        self.line_length += length;
        let value = &bytes[value];
        match field {
            Field::Data => self.block.data.push(value),
            Field::Event => self.block.name.push(value),
            Field::Id => self.block.next_id.extend_from_slice(value),
            Field::Retry => self.block.retry_digits(value),
        }
        Ok(())
    }

    const fn line_too_long(&self, line: u64) -> Error {
        Error::LineTooLong { limit: self.limits.line, offset: line + self.limits.line as u64 }
    }

    const fn value_too_long(&self, field: Field, offset: u64) -> Error {
        match field {
            Field::Data | Field::Retry => Error::DataTooLong { limit: self.limits.data, offset },
            Field::Event => Error::NameTooLong { limit: self.limits.name, offset },
            Field::Id => Error::IdTooLong { limit: self.limits.id, offset },
        }
    }

    fn end_value(&mut self, field: Field) {
        match field {
            Field::Data | Field::Event => {}
            Field::Id => self.block.id_line(),
            Field::Retry => self.retry_line(),
        }
    }

    /// `retry` counts when it was one or more ASCII digits and nothing else.
    pub(super) const fn retry_line(&mut self) {
        if let Some(milliseconds) = self.block.retry
            && milliseconds != NOT_DIGITS
        {
            self.retry = Some(Duration::from_millis(milliseconds));
        }
    }
}
