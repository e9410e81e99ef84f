//! Decoding of heads. Each byte is searched and parsed once, however the head is split into reads.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::mem;

use memchr::{memchr, memchr_iter};

use super::error::Error;
use super::first_bytes::EXAMINED;
use super::head::{Request, Response, Version};
use super::header_value::HeaderValue;
use super::headers::Headers;
use super::limits::HeadLimits;

/// A type of head: a [`Request`] or a [`Response`]. The trait is sealed.
pub trait Head: sealed::Sealed + Sized {}
impl Head for Request {}
impl Head for Response {}
impl Head for Trailers {}

/// The header lines behind the last chunk of a body (RFC 9112 §7.1.2): a head without a start line.
#[derive(Debug)]
pub(super) struct Trailers {
    pub(super) headers: Headers,
}

mod sealed {
    use alloc::borrow::ToOwned as _;

    use super::super::first_bytes;
    use super::{Error, Headers, Request, Response, Scan, String, Trailers, Version, vec};

    pub trait Sealed: Sized {
        /// The state in which a decoder begins.
        const START: Scan;

        /// Whether a line may end with a bare LF, as RFC 9112 §2.2 allows.
        const BARE_LF: bool;

        /// Checks the first bytes, as far as they have arrived.
        fn check_start(start: &[u8]) -> Result<(), Error>;

        /// Parses a whole head of at most `limit` header lines.
        fn parse(head: &[u8], limit: usize) -> Result<Self, Error>;
    }

    impl Sealed for Request {
        const START: Scan = Scan::Before { empty: 0 };
        const BARE_LF: bool = false;

        fn check_start(start: &[u8]) -> Result<(), Error> {
            first_bytes::check_request(start)
        }

        fn parse(head: &[u8], limit: usize) -> Result<Self, Error> {
            let mut lines = vec![httparse::EMPTY_HEADER; limit];
            let mut parsed = httparse::Request::new(&mut lines);
            let result = parsed.parse(head);
            // An error in the start line takes precedence over one behind it.
            let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
                return Err(Error::StartLine);
            };
            let mut request = Self::new(method, target).map_err(|_| Error::StartLine)?;
            super::complete(result, limit)?;
            request.version = super::version(minor);
            request.headers = super::headers(parsed.headers)?;
            Ok(request)
        }
    }

    impl Sealed for Response {
        const START: Scan = Scan::Before { empty: 0 };
        const BARE_LF: bool = true;

        fn check_start(start: &[u8]) -> Result<(), Error> {
            first_bytes::check_response(start)
        }

        fn parse(head: &[u8], limit: usize) -> Result<Self, Error> {
            let mut lines = vec![httparse::EMPTY_HEADER; limit];
            let mut parsed = httparse::Response::new(&mut lines);
            let result = parsed.parse(head);
            let (Some(status @ 100..), Some(minor)) = (parsed.code, parsed.version) else {
                return Err(Error::StartLine);
            };
            super::complete(result, limit)?;
            let reason = parsed.reason.map_or_else(String::new, |text| text.trim().to_owned());
            let headers: Headers = super::headers(parsed.headers)?;
            let version: Version = super::version(minor);
            Ok(Self { status, reason, version, headers })
        }
    }

    impl Sealed for Trailers {
        const START: Scan = Scan::LineEnd;
        const BARE_LF: bool = false;

        fn check_start(_: &[u8]) -> Result<(), Error> {
            Ok(())
        }

        fn parse(head: &[u8], limit: usize) -> Result<Self, Error> {
            let mut lines = vec![httparse::EMPTY_HEADER; limit];
            match httparse::parse_headers(head, &mut lines) {
                Ok(httparse::Status::Complete((_, lines))) => Ok(Self { headers: super::headers(lines)? }),
                Err(httparse::Error::TooManyHeaders) => Err(Error::TooManyHeaders { limit }),
                Ok(httparse::Status::Partial) | Err(_) => Err(Error::HeaderLine),
            }
        }
    }
}

/// Translates httparse's result for a whole head. All of its line ends are valid, so any other error is in the start line.
fn complete(result: httparse::Result<usize>, limit: usize) -> Result<(), Error> {
    match result {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(Error::TooManyHeaders { limit }),
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => Err(Error::HeaderLine),
        Ok(httparse::Status::Partial) | Err(_) => Err(Error::StartLine),
    }
}

const fn version(minor: u8) -> Version {
    if minor == 0 { Version::Http10 } else { Version::Http11 }
}

/// The headers that contain credentials or tokens. `Debug` never shows them.
const SENSITIVE: [&str; 7] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "api-key", "x-api-key", "x-codex-turn-state"];

fn headers(lines: &[httparse::Header<'_>]) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    for line in lines {
        let value = HeaderValue::new(line.value).map_err(|_| Error::HeaderLine)?;
        let sensitive = SENSITIVE.iter().any(|name| name.eq_ignore_ascii_case(line.name));
        headers.push(line.name, if sensitive { value.into_sensitive() } else { value });
    }
    Ok(headers)
}

/// Decodes heads, one after the other, from bytes that may be split anywhere. `Debug` shows nothing of what the peer sent.
///
/// ```
/// use turnwire::http::{HeadDecoder, HeadLimits, Request};
///
/// let mut decoder = HeadDecoder::<Request>::new(HeadLimits::default());
/// let mut first: &[u8] = b"GET /v1/models HTTP/1.1\r\nHo";
/// assert!(decoder.decode(&mut first)?.is_none());
/// let mut second: &[u8] = b"st: localhost\r\n\r\nbody";
/// let head = decoder.decode(&mut second)?.expect("the head is complete");
/// assert_eq!((head.target(), head.headers.get_str("host"), second), ("/v1/models", Some("localhost"), &b"body"[..]));
/// # Ok::<(), turnwire::http::Error>(())
/// ```
pub struct HeadDecoder<H: Head> {
    limits: HeadLimits,
    /// The bytes so far of a head that is split between reads.
    partial: Vec<u8>,
    /// The state of the search for the empty line.
    scan: Scan,
    failed: Option<Error>,
    kind: PhantomData<fn() -> H>,
}

/// Maximum number of empty lines before a start line.
const EMPTY_LINES: u8 = 2;

/// The state of the search for the empty line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Before the start line, behind this many empty lines.
    Before { empty: u8 },
    /// In a line.
    Line,
    /// At the start of a line, or behind its CR.
    LineEnd,
}

impl<H: Head> HeadDecoder<H> {
    /// Creates a decoder at the start of a head.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self { limits, partial: Vec::new(), scan: H::START, failed: None, kind: PhantomData }
    }

    /// Decodes up to the end of the next head. Bytes behind it are not consumed. Returns `None` when all of the input is consumed
    /// and the head is incomplete.
    ///
    /// # Errors
    ///
    /// [`Error`] if the head is malformed or passes a limit. Every later call returns the same error and consumes nothing.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<H>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.advance(input).inspect_err(|error| self.failed = Some(*error))
    }

    /// Returns whether a head is incomplete, so that the end of the connection would truncate it.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        !matches!(self.scan, Scan::Before { .. })
    }

    /// Returns the number of bytes that are kept.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.partial.len()
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<H>, Error> {
        self.skip_empty_lines(input)?;
        if input.is_empty() {
            return Ok(None);
        }
        if self.partial.len() < EXAMINED {
            let mut start = [0; EXAMINED];
            let kept = self.partial.len();
            start[..kept].copy_from_slice(&self.partial);
            // Bytes beyond the limit of the head do not count.
            let new = input.len().min(EXAMINED - kept).min(self.limits.bytes.saturating_sub(kept));
            start[kept..kept + new].copy_from_slice(&input[..new]);
            H::check_start(&start[..kept + new])?;
        }
        // Only scan up to the limit, so that the first problem in the input decides the error.
        let reach = input.len().min(self.limits.bytes.saturating_sub(self.partial.len()));
        let end = self.find_end(&input[..reach])?;
        if end.is_none() && reach < input.len() {
            return Err(Error::HeadTooLong { limit: self.limits.bytes });
        }
        let (head, rest) = input.split_at(end.unwrap_or(reach));
        *input = rest;
        if end.is_none() {
            self.partial.extend_from_slice(head);
            return Ok(None);
        }
        self.scan = H::START;
        if self.partial.is_empty() {
            return H::parse(head, self.limits.headers).map(Some);
        }
        let mut whole = mem::take(&mut self.partial);
        whole.extend_from_slice(head);
        H::parse(&whole, self.limits.headers).map(Some)
    }

    /// Skips empty lines before the start line, which some peers send behind a body (RFC 9112 §2.2). Their number has a limit, so
    /// that a peer that sends nothing else is rejected. A CR whose LF has not arrived is kept in `partial`.
    fn skip_empty_lines(&mut self, input: &mut &[u8]) -> Result<(), Error> {
        while let (Scan::Before { empty }, [first, rest @ ..]) = (self.scan, *input) {
            match (self.partial.as_slice(), first) {
                ([], b'\r') if empty < EMPTY_LINES => self.partial.push(b'\r'),
                ([], b'\n') if H::BARE_LF && empty < EMPTY_LINES => self.scan = Scan::Before { empty: empty + 1 },
                ([], b'\r') => return Err(Error::StartLine),
                ([], b'\n') if H::BARE_LF => return Err(Error::StartLine),
                ([], byte) if *byte != b'\n' => {
                    self.scan = Scan::Line;
                    return Ok(());
                }
                ([_, ..], b'\n') => {
                    self.partial.clear();
                    self.scan = Scan::Before { empty: empty + 1 };
                }
                _ => return Err(Error::LineEnd),
            }
            *input = rest;
        }
        Ok(())
    }

    /// Searches the new bytes for the LF that ends the head. Each LF must follow a CR, unless this type of head allows a bare LF,
    /// and each CR must precede an LF.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, Error> {
        let mut start = 0;
        let mut after_cr = self.partial.last() == Some(&b'\r');
        for at in memchr_iter(b'\n', input) {
            let text = match &input[start..at] {
                [] if after_cr || H::BARE_LF => &[],
                [text @ .., b'\r'] if !after_cr && memchr(b'\r', text).is_none() => text,
                text if H::BARE_LF && !after_cr && memchr(b'\r', text).is_none() => text,
                _ => return Err(Error::LineEnd),
            };
            if self.scan == Scan::LineEnd && text.is_empty() {
                return Ok(Some(at + 1));
            }
            self.scan = Scan::LineEnd;
            (start, after_cr) = (at + 1, false);
        }
        let text = match &input[start..] {
            [] => return Ok(None),
            [text @ .., b'\r'] | text => text,
        };
        if after_cr || memchr(b'\r', text).is_some() {
            return Err(Error::LineEnd);
        }
        if !text.is_empty() {
            self.scan = Scan::Line;
        }
        Ok(None)
    }
}

impl<H: Head> fmt::Debug for HeadDecoder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadDecoder")
            .field("limits", &self.limits)
            .field("buffered", &self.buffered())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
