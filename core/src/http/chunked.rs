//! The chunked transfer coding (RFC 9112 §7.1), with limits for size lines, extensions and trailers.

use super::body_part::BodyPart;
use super::decode::{HeadDecoder, Trailers};
use super::error::Error;
use super::limits::BodyLimits;

/// Decodes one chunked body.
#[derive(Debug)]
pub(super) struct ChunkedDecoder {
    limits: BodyLimits,
    state: State,
    /// The number of bytes of the current size line.
    line: usize,
    /// The number of bytes of all extensions so far.
    extensions: usize,
}

#[derive(Debug)]
enum State {
    /// In the digits of the size. `has_digit`: at least one has arrived.
    Size {
        size: u64,
        has_digit: bool,
    },
    /// In white space behind the size, with which some servers pad it.
    Space {
        size: u64,
    },
    /// In an extension, which is skipped.
    Extension {
        size: u64,
    },
    /// Before the LF of the size line.
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataLf,
    Trailers(HeadDecoder<Trailers>),
}

impl State {
    /// Before a size line.
    const SIZE_LINE: Self = Self::Size { size: 0, has_digit: false };
}

impl ChunkedDecoder {
    pub(super) const fn new(limits: BodyLimits) -> Self {
        Self { limits, state: State::SIZE_LINE, line: 0, extensions: 0 }
    }

    /// Decodes the next part. Returns `None` when all of the input is consumed.
    pub(super) fn decode<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<BodyPart<'i>>, Error> {
        loop {
            if let State::Trailers(trailers) = &mut self.state {
                let trailers = trailers.decode(input)?;
                return Ok(trailers.map(|trailers| BodyPart::End(trailers.headers)));
            }
            if let Some(data) = self.next_data(input) {
                return Ok(Some(BodyPart::Data(data)));
            }
            let [byte, rest @ ..] = *input else { return Ok(None) };
            self.state = self.next_state(*byte)?;
            *input = rest;
        }
    }

    /// Takes the data at the front of the input, or behind the end of a chunk and a size line that is [usual](Self::decode_size_line).
    /// Returns `None` if there is none; what is before it may be consumed then.
    #[inline]
    pub(super) fn next_data<'i>(&mut self, input: &mut &'i [u8]) -> Option<&'i [u8]> {
        if let (State::Data { left: 0 }, Some(rest)) = (&self.state, input.strip_prefix(b"\r\n")) {
            (self.line, self.state) = (0, State::SIZE_LINE);
            *input = rest;
        }
        if let State::Size { has_digit: false, .. } = self.state
            && let Some(left) = self.decode_size_line(input)
        {
            self.state = State::Data { left };
        }
        let State::Data { left: left @ 1.. } = &mut self.state else { return None };
        let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        let (data, rest) = input.split_at(length);
        *input = rest;
        *left -= length as u64;
        (!data.is_empty()).then_some(data)
    }

    /// Consumes a size line, if it is whole in the input and nothing but a size of a few digits, as nearly all are. Returns the size.
    /// Consumes nothing otherwise, nor for the last chunk.
    #[inline]
    fn decode_size_line(&mut self, input: &mut &[u8]) -> Option<u64> {
        const DIGITS: usize = 6;

        let (mut size, mut length) = (0, 0);
        while let Some(digit) = input.get(length).and_then(|byte| char::from(*byte).to_digit(16)) {
            size = size << 4 | u64::from(digit);
            length += 1;
            if length > DIGITS {
                return None;
            }
        }
        let rest = input[length..].strip_prefix(b"\r\n")?;
        if size == 0 || length > self.limits.chunk_line {
            return None;
        }
        self.line = length;
        *input = rest;
        Some(size)
    }

    /// Takes back the last `length` bytes of the last data.
    pub(super) fn give_back(&mut self, length: usize) {
        if let State::Data { left } = &mut self.state {
            *left += length as u64;
        }
    }

    /// Returns the state after one byte outside the data.
    fn next_state(&mut self, byte: u8) -> Result<State, Error> {
        Ok(match (&self.state, byte) {
            (State::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let size = push_hex_digit(*size, byte)?;
                self.count_line()?;
                State::Size { size, has_digit: true }
            }
            (State::Size { size, has_digit: true } | State::Space { size } | State::Extension { size }, b'\r') => {
                State::SizeLf { size: *size }
            }
            (State::Size { size, has_digit: true } | State::Space { size }, b' ' | b'\t') => {
                let size = *size;
                self.count_extension()?;
                State::Space { size }
            }
            (State::Size { size, has_digit: true } | State::Space { size }, b';')
            | (State::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => {
                let size = *size;
                self.count_extension()?;
                State::Extension { size }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::Trailers(HeadDecoder::new(self.limits.trailers)),
            (State::SizeLf { size }, b'\n') => State::Data { left: *size },
            (State::Data { .. }, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.line = 0;
                State::SIZE_LINE
            }
            _ => return Err(Error::Chunk),
        })
    }

    const fn count_line(&mut self) -> Result<(), Error> {
        self.line += 1;
        if self.line > self.limits.chunk_line {
            return Err(Error::ChunkLineTooLong { limit: self.limits.chunk_line });
        }
        Ok(())
    }

    fn count_extension(&mut self) -> Result<(), Error> {
        self.count_line()?;
        self.extensions += 1;
        if self.extensions > self.limits.extensions {
            return Err(Error::ExtensionsTooLong { limit: self.limits.extensions });
        }
        Ok(())
    }
}

/// Appends a hexadecimal digit to a size below 2^63.
fn push_hex_digit(size: u64, digit: u8) -> Result<u64, Error> {
    let digit = u64::from(char::from(digit).to_digit(16).ok_or(Error::Chunk)?);
    size.checked_mul(16)
        .and_then(|size| size.checked_add(digit))
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or(Error::Chunk)
}
