//! Bodies: where they end (RFC 9112 §6.3), and their data, borrowed from the caller's slice.

use super::body_part::BodyPart;
use super::chunked::ChunkedDecoder;
use super::error::Error;
use super::head::{Request, Response, Version};
use super::headers::Headers;
use super::limits::BodyLimits;
use super::syntax::trim;

/// How the end of a body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// There is no body.
    None,
    /// The body has this length in bytes.
    ContentLength(u64),
    /// The body consists of chunks, the last of which is empty.
    Chunked,
    /// The body ends with the connection.
    CloseDelimited,
}

/// Decodes the body of one message.
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
    Chunked(ChunkedDecoder),
    UntilClose,
    Done,
    Failed(Error),
}

impl BodyDecoder {
    /// Creates the decoder for the body of a response to a request with this method. If the head contains both a length and
    /// a transfer coding, the transfer coding counts (RFC 9112 §6.3).
    ///
    /// # Errors
    ///
    /// [`Error`] if the length or the transfer coding is invalid, or there are two different lengths. The connection cannot be
    /// used any longer.
    pub fn response(request_method: &str, head: &Response, limits: BodyLimits) -> Result<Self, Error> {
        let bodiless = matches!(head.status, 100..=199 | 204 | 304) || request_method == "HEAD";
        let tunnel = request_method == "CONNECT" && head.is_success();
        if bodiless || tunnel {
            return Ok(Self::new(Framing::None, limits));
        }
        let framing = match framing(&head.headers, head.version) {
            Err(Error::LengthAndEncoding) => chunked(&head.headers, head.version).map(Some)?,
            framing => framing?,
        };
        Ok(Self::new(framing.unwrap_or(Framing::CloseDelimited), limits))
    }

    /// Creates the decoder for the body of this request. Without a length or a transfer coding, there is no body.
    ///
    /// # Errors
    ///
    /// [`Error`] if the length or the transfer coding is invalid, or there is more than one of them. Respond with 400, and close
    /// the connection.
    pub fn request(head: &Request, limits: BodyLimits) -> Result<Self, Error> {
        let framing = framing(&head.headers, head.version)?;
        Ok(Self::new(framing.unwrap_or(Framing::None), limits))
    }

    fn new(framing: Framing, limits: BodyLimits) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::ContentLength(length) => State::Length(length),
            Framing::Chunked => State::Chunked(ChunkedDecoder::new(limits)),
            Framing::CloseDelimited => State::UntilClose,
        };
        Self { framing, state }
    }

    /// Returns how the end of the body is determined.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Returns whether [`BodyPart::End`] has been returned.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Decodes the next part from the front of `input`. Bytes behind the body are not consumed. Returns `None` when all of the
    /// input is consumed and the body continues, or when the body has ended.
    ///
    /// # Errors
    ///
    /// [`Error`] if a chunk is malformed or a limit is passed. Every later call returns the same error.
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

    /// Takes the data of a chunk at the front of the input, without the cost of a [part](Self::decode) of any kind. Returns `None` if there
    /// is none, or the framing is another one: decode then.
    #[inline]
    pub(crate) fn next_data<'i>(&mut self, input: &mut &'i [u8]) -> Option<&'i [u8]> {
        match &mut self.state {
            State::Chunked(chunked) => chunked.next_data(input),
            State::Length(_) | State::UntilClose | State::Done | State::Failed(_) => None,
        }
    }

    /// Returns whether the body is at its end already, without any more bytes.
    pub(crate) const fn is_at_end(&self) -> bool {
        matches!(self.state, State::Length(0))
    }

    /// Takes back the last `length` bytes of the last data: the caller passes them in again.
    pub(crate) fn give_back(&mut self, length: usize) {
        match &mut self.state {
            State::Length(left) => *left += length as u64,
            State::Chunked(chunked) => chunked.give_back(length),
            State::UntilClose | State::Done | State::Failed(_) => {}
        }
    }

    /// Handles an orderly end of the connection. A body that ends with the connection is complete then.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the body is incomplete; an earlier error again.
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

/// Returns whether the connection persists after this message (RFC 9112 §9.3). It persists only if that holds for both the
/// request and the response, each with its version, headers and framing.
#[must_use]
pub fn is_persistent(version: Version, headers: &Headers, framing: Framing) -> bool {
    let persists = match version {
        Version::Http11 => true,
        Version::Http10 => headers.has_token("connection", "keep-alive"),
    };
    // The end of a message with both is uncertain (RFC 9112 §6.3).
    let is_certain = !(headers.contains("content-length") && headers.contains("transfer-encoding"));
    persists && is_certain && framing != Framing::CloseDelimited && !headers.has_token("connection", "close")
}

/// Takes data from the front of the input.
fn take<'i>(input: &mut &'i [u8], length: usize) -> Option<BodyPart<'i>> {
    let (data, rest) = input.split_at(length);
    *input = rest;
    (!data.is_empty()).then_some(BodyPart::Data(data))
}

/// Returns the framing by the headers, if they name one (RFC 9112 §6.3, rules 3 to 6).
fn framing(headers: &Headers, version: Version) -> Result<Option<Framing>, Error> {
    let has_length = headers.contains("content-length");
    if !headers.contains("transfer-encoding") {
        return if has_length { length(headers).map(|length| Some(Framing::ContentLength(length))) } else { Ok(None) };
    }
    if has_length {
        return Err(Error::LengthAndEncoding);
    }
    chunked(headers, version).map(Some)
}

/// Returns the framing of the transfer coding, which must be `chunked` and nothing else.
fn chunked(headers: &Headers, version: Version) -> Result<Framing, Error> {
    // Another coding, `chunked` twice or not last, an empty list: none of them has a reliable framing.
    let mut codings = headers.tokens("transfer-encoding");
    match (version, codings.next(), codings.next()) {
        (Version::Http11, Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(Error::TransferCoding),
    }
}

/// Returns the length that all `Content-Length` values have in common. A list of equal numbers counts as that number (RFC
/// 9112 §6.3, rule 5).
fn length(headers: &Headers) -> Result<u64, Error> {
    let mut agreed = None;
    for value in headers.get_all("content-length") {
        for number in value.as_bytes().split(|byte| *byte == b',') {
            let number = decimal(trim(number)).ok_or(Error::ContentLength)?;
            if agreed.replace(number).is_some_and(|before| before != number) {
                return Err(Error::ContentLength);
            }
        }
    }
    agreed.ok_or(Error::ContentLength)
}

/// Parses a decimal number below 2^63 without a sign.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit).filter(|number| i64::try_from(*number).is_ok())
    })
}
