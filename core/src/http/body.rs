//! Where a body ends (RFC 9112 §6.3), and its data, lent from the caller's slice.

use core::fmt;

use super::chunked::Chunked;
use super::decode::HeadLimits;
use super::error::Error;
use super::field::Headers;
use super::head::{Request, Response, Version};
use crate::hidden::Hidden;

/// How a body's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// There is no body.
    None,
    /// The body is this many bytes long.
    ContentLength(u64),
    /// The body comes in chunks, the last of which is empty.
    Chunked,
    /// The body ends when the connection does.
    CloseDelimited,
}

/// What bounds the parts of a body that are not data. Data is not bounded here: it is lent, not kept.
///
/// ```
/// use turnwire::http::{BodyLimits, HeadLimits};
///
/// let limits = BodyLimits { trailers: HeadLimits { headers: 4, ..HeadLimits::default() }, ..BodyLimits::default() };
/// assert_eq!(limits.chunk_line, 4 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of one chunk's size line: 4 KiB.
    pub chunk_line: usize,
    /// Bytes of all chunk extensions of one body: 16 KiB.
    pub extensions: usize,
    /// The trailers, as a head is bounded.
    pub trailers: HeadLimits,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { chunk_line: 4 * 1024, extensions: 16 * 1024, trailers: HeadLimits::default() }
    }
}

/// A piece of a body. `Debug` shows the length of data.
#[derive(Clone, PartialEq, Eq)]
pub enum BodyPart<'i> {
    /// Data, never empty.
    Data(&'i [u8]),
    /// The body has ended, with these trailers. Comes exactly once.
    End(Headers),
}

impl fmt::Debug for BodyPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => f.debug_tuple("Data").field(&Hidden(data.len())).finish(),
            Self::End(trailers) => f.debug_tuple("End").field(trailers).finish(),
        }
    }
}

/// Finds the end of one message's body.
///
/// ```
/// use turnwire::http::{BodyDecoder, BodyLimits, BodyPart, Request};
///
/// let mut head = Request::new("POST", "/v1/responses")?;
/// head.headers.append("Content-Length", "2")?;
/// let mut body = BodyDecoder::request(&head, BodyLimits::default())?;
/// let mut input: &[u8] = b"{}GET";
/// assert_eq!(body.decode(&mut input)?, Some(BodyPart::Data(b"{}")));
/// assert!(matches!(body.decode(&mut input)?, Some(BodyPart::End(_))));
/// assert_eq!(input, b"GET"); // the next request
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BodyDecoder {
    framing: Framing,
    state: State,
}

#[derive(Debug)]
enum State {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
    Failed(Error),
}

impl BodyDecoder {
    /// The decoder for the body of a response to a request with this method.
    ///
    /// # Errors
    ///
    /// [`Error`] when the head states two lengths, or one that cannot be read: the connection cannot be used any more. When it
    /// states a length and a transfer coding, the transfer coding counts (RFC 9112 §6.3).
    pub fn response(request_method: &str, head: &Response, limits: BodyLimits) -> Result<Self, Error> {
        let bodiless = matches!(head.status, 100..=199 | 204 | 304) || request_method == "HEAD";
        let tunnel = request_method == "CONNECT" && head.is_success();
        if bodiless || tunnel {
            return Ok(Self::new(Framing::None, limits));
        }
        let stated = match stated(&head.headers, head.version) {
            Err(Error::LengthAndEncoding) => chunked(&head.headers, head.version).map(Some)?,
            stated => stated?,
        };
        Ok(Self::new(stated.unwrap_or(Framing::CloseDelimited), limits))
    }

    /// The decoder for the body of this request. Without a stated length there is none.
    ///
    /// # Errors
    ///
    /// [`Error`] when two lengths are stated, or one that cannot be read: answer 400 and close.
    pub fn request(head: &Request, limits: BodyLimits) -> Result<Self, Error> {
        let stated = stated(&head.headers, head.version)?;
        Ok(Self::new(stated.unwrap_or(Framing::None), limits))
    }

    fn new(framing: Framing, limits: BodyLimits) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::ContentLength(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new(limits)),
            Framing::CloseDelimited => State::UntilClose,
        };
        Self { framing, state }
    }

    /// How the body's end is known.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether [`BodyPart::End`] has been given out.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The next part from the front of `input`; what follows the body stays. `None`: all of it was taken and the body goes on, or
    /// the body has ended.
    ///
    /// # Errors
    ///
    /// [`Error`], sticky, when a chunk is malformed or a limit is passed.
    pub fn decode<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<BodyPart<'i>>, Error> {
        let part = match &mut self.state {
            State::Done => None,
            State::Failed(error) => return Err(*error),
            State::Length(0) => Some(BodyPart::End(Headers::new())),
            State::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= length as u64;
                take(input, length)
            }
            State::UntilClose => take(input, input.len()),
            State::Chunked(chunked) => match chunked.decode(input) {
                Ok(part) => part,
                Err(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
            },
        };
        if matches!(part, Some(BodyPart::End(_))) {
            self.state = State::Done;
        }
        Ok(part)
    }

    /// Whether the end needs no more bytes to be found.
    pub(crate) const fn is_at_end(&self) -> bool {
        matches!(self.state, State::Length(0))
    }

    /// Takes back the last `length` bytes of the data that was lent last: they will be read again.
    pub(crate) fn give_back(&mut self, length: usize) {
        match &mut self.state {
            State::Length(left) => *left += length as u64,
            State::Chunked(chunked) => chunked.give_back(length),
            State::UntilClose | State::Done | State::Failed(_) => {}
        }
    }

    /// The connection will bring no more bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the framing promised more. A body that ends with the connection is at its end now, and so is
    /// one that was done already.
    pub fn eof(&mut self) -> Result<(), Error> {
        match self.state {
            State::Done | State::Length(0) | State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Length(_) | State::Chunked(_) => {
                self.state = State::Failed(Error::Truncated);
                Err(Error::Truncated)
            }
            State::Failed(error) => Err(error),
        }
    }
}

/// Whether the connection can carry another message after this one (RFC 9112 §9.3): call it with the request's and with the
/// response's version and headers, and with the framing of the response's body.
#[must_use]
pub fn is_persistent(version: Version, headers: &Headers, framing: Framing) -> bool {
    let persists = match version {
        Version::Http11 => true,
        Version::Http10 => headers.has_token("connection", "keep-alive"),
    };
    // Where a message ended that stated both is uncertain (RFC 9112 §6.3).
    let is_certain = !(headers.contains("content-length") && headers.contains("transfer-encoding"));
    persists && is_certain && framing != Framing::CloseDelimited && !headers.has_token("connection", "close")
}

fn take<'i>(input: &mut &'i [u8], length: usize) -> Option<BodyPart<'i>> {
    let (data, rest) = input.split_at(length);
    *input = rest;
    (!data.is_empty()).then_some(BodyPart::Data(data))
}

/// The framing that the headers state, if any (RFC 9112 §6.3, rules 3 to 6).
fn stated(headers: &Headers, version: Version) -> Result<Option<Framing>, Error> {
    let has_length = headers.contains("content-length");
    if !headers.contains("transfer-encoding") {
        return if has_length { length(headers).map(|length| Some(Framing::ContentLength(length))) } else { Ok(None) };
    }
    if has_length {
        return Err(Error::LengthAndEncoding);
    }
    chunked(headers, version).map(Some)
}

/// The framing of the transfer coding, which must be `chunked` and nothing else.
fn chunked(headers: &Headers, version: Version) -> Result<Framing, Error> {
    // A coding besides `chunked`, `chunked` twice or not last, an empty list: none of them has a framing to be trusted.
    let mut codings = headers.tokens("transfer-encoding");
    match (version, codings.next(), codings.next()) {
        (Version::Http11, Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(Error::TransferCoding),
    }
}

/// The one length that all `Content-Length` values agree on. A list of equal numbers is taken as that number (RFC 9112 §6.3, rule 5).
fn length(headers: &Headers) -> Result<u64, Error> {
    let mut agreed = None;
    for value in headers.get_all("content-length") {
        for number in value.as_bytes().split(|byte| *byte == b',') {
            let number = decimal(super::field::trim(number)).ok_or(Error::ContentLength)?;
            if agreed.replace(number).is_some_and(|before| before != number) {
                return Err(Error::ContentLength);
            }
        }
    }
    agreed.ok_or(Error::ContentLength)
}

/// A plain decimal number below 2^63.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit).filter(|number| i64::try_from(*number).is_ok())
    })
}
