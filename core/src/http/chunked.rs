//! The chunked transfer coding (RFC 9112 §7.1), whose size lines and trailers are bounded and whose data is lent.

use super::body::{BodyLimits, BodyPart};
use super::decode::{HeadDecoder, Trailers};
use super::error::Error;

/// The state of one chunked body.
#[derive(Debug)]
pub(super) struct Chunked {
    limits: BodyLimits,
    state: State,
    /// Bytes of the current size line.
    line: usize,
    /// Bytes of extensions so far, over the whole body.
    extensions: usize,
}

#[derive(Debug)]
enum State {
    /// In the size's digits. `seen`: at least one has come.
    Size {
        size: u64,
        seen: bool,
    },
    /// Behind the size: white space, which some servers pad it with.
    Space {
        size: u64,
    },
    /// In an extension, which is passed over.
    Extension {
        size: u64,
    },
    /// The size line's LF must come.
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataLf,
    Trailers(HeadDecoder<Trailers>),
}

impl Chunked {
    pub(super) const fn new(limits: BodyLimits) -> Self {
        Self { limits, state: State::Size { size: 0, seen: false }, line: 0, extensions: 0 }
    }

    /// The next part; `None`: all of `input` was taken.
    pub(super) fn decode<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<BodyPart<'i>>, Error> {
        loop {
            if let State::Trailers(trailers) = &mut self.state {
                let trailers = trailers.decode(input)?;
                return Ok(trailers.map(|trailers| BodyPart::End(trailers.headers)));
            }
            if let State::Data { left: left @ 1.. } = &mut self.state {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(length);
                *input = rest;
                *left -= length as u64;
                return Ok((!data.is_empty()).then_some(BodyPart::Data(data)));
            }
            let [byte, rest @ ..] = *input else { return Ok(None) };
            self.state = self.after(*byte)?;
            *input = rest;
        }
    }

    pub(super) fn give_back(&mut self, length: usize) {
        if let State::Data { left } = &mut self.state {
            *left += length as u64;
        }
    }

    /// One byte of what frames the data.
    fn after(&mut self, byte: u8) -> Result<State, Error> {
        Ok(match (&self.state, byte) {
            (State::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let size = more(*size, byte)?;
                self.count_line()?;
                State::Size { size, seen: true }
            }
            (State::Size { size, seen: true } | State::Space { size } | State::Extension { size }, b'\r') => {
                State::SizeLf { size: *size }
            }
            (State::Size { size, seen: true } | State::Space { size }, b' ' | b'\t') => {
                let size = *size;
                self.count_extension()?;
                State::Space { size }
            }
            (State::Size { size, seen: true } | State::Space { size }, b';')
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
                State::Size { size: 0, seen: false }
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

fn more(size: u64, digit: u8) -> Result<u64, Error> {
    let digit = u64::from(char::from(digit).to_digit(16).ok_or(Error::Chunk)?);
    size.checked_mul(16)
        .and_then(|size| size.checked_add(digit))
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or(Error::Chunk)
}
