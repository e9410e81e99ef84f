//! Decoder of one direction of an HTTP connection.

use serde::Serialize;
use turnwire::http::{BodyDecoder, BodyLimits, BodyPart, Error, Framing, Head, HeadDecoder, HeadLimits, is_persistent};
use turnwire::http::{Request, Response};

use super::output::{Output, pairs};
use super::sse::Stream;
use super::{Decode, DecodeError, Ending, FramingError, Layer, event};

/// HTTP responses.
pub(super) type Responses = Messages<Response>;

/// HTTP requests.
pub(super) type Requests = Messages<Request>;

/// A message head that can be printed.
pub(super) trait Message: Head {
    fn body(&self) -> Result<BodyDecoder, Error>;
    fn keeps_alive(&self, framing: Framing) -> bool;
    fn interim(&self) -> Option<u16>;
    fn frame(&self, interim: Vec<u16>, body: String) -> Frame;
    fn event(&self, body: &str, out: &mut Output<'_>) -> std::io::Result<()>;
    fn streams(&self) -> bool;
}

/// One message in the output of the frames layer.
#[derive(Serialize)]
pub(super) struct Frame {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interim: Vec<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    headers: Vec<(String, String)>,
    /// Invalid UTF-8 is replaced.
    body: String,
}

#[derive(Serialize)]
struct End {
    end: &'static str,
    /// Number of bytes after the message.
    leftover: u64,
    /// Whether the connection could carry another message.
    reuse: bool,
}

#[derive(Serialize)]
struct ResponseLine<'a> {
    kind: &'static str,
    status: u16,
    raw: &'a str,
}

/// Decoder of consecutive messages.
///
/// The number of bytes after a message is known only at the end of the input, so its line and all later ones are deferred.
pub(super) struct Messages<H: Message> {
    layer: Layer,
    state: State<H>,
    interim: Vec<u16>,
    /// Number of bytes of the input so far, and how many of them were decoded.
    fed: u64,
    seen: u64,
    /// Offset of the current head or body.
    message_start: u64,
    /// Lines to print at the end of the input.
    deferred: Vec<DeferredLine>,
    /// Whether a stream of events ended inside an event or before its response did.
    cut: bool,
    broken: Option<FramingError>,
}

enum State<H: Message> {
    Head(HeadDecoder<H>),
    Body(Box<(H, BodyDecoder, Body)>),
    /// The connection cannot carry another message: further bytes are leftover.
    Over,
}

enum Body {
    Whole(Vec<u8>),
    Events(Box<Stream>),
}

enum DeferredLine {
    Frame(Box<Frame>),
    End { end: &'static str, at: u64, reuse: bool },
}

impl<H: Message> Messages<H> {
    pub(super) const fn new(layer: Layer) -> Self {
        let state = State::Head(HeadDecoder::new(LIMITS));
        Self {
            layer,
            state,
            interim: Vec::new(),
            fed: 0,
            seen: 0,
            message_start: 0,
            deferred: Vec::new(),
            cut: false,
            broken: None,
        }
    }

    /// Decodes one step. Returns `false` when all of the input was consumed.
    fn step(&mut self, input: &mut &[u8], out: &mut Output<'_>) -> Result<bool, DecodeError> {
        let before = input.len();
        let message_start = self.message_start;
        match &mut self.state {
            State::Over => {
                *input = &[];
                Ok(false)
            }
            State::Head(decoder) => {
                let head = decoder.decode(input).map_err(|error| framing_error(&error, message_start))?;
                self.seen += (before - input.len()) as u64;
                let Some(head) = head else { return Ok(false) };
                self.head(head)
            }
            State::Body(message) => {
                let (_, decoder, body) = message.as_mut();
                let part = decoder.decode(input).map_err(|error| framing_error(&error, message_start))?;
                self.seen += (before - input.len()) as u64;
                match (part, body) {
                    (None, _) => return Ok(false),
                    (Some(BodyPart::Data(data)), Body::Whole(bytes)) => bytes.extend_from_slice(data),
                    (Some(BodyPart::Data(data)), Body::Events(stream)) => stream.feed(data, out)?,
                    (Some(BodyPart::End(_)), _) => self.message("complete", out)?,
                }
                Ok(true)
            }
        }
    }

    fn head(&mut self, head: H) -> Result<bool, DecodeError> {
        if let Some(status) = head.interim() {
            self.interim.push(status);
            self.state = State::Head(HeadDecoder::new(LIMITS));
        } else {
            let body = head.body().map_err(|error| framing_error(&error, self.message_start))?;
            let events = self.layer == Layer::Events && head.streams();
            let kept = if events { Body::Events(Box::new(Stream::new(self.layer))) } else { Body::Whole(Vec::new()) };
            self.state = State::Body(Box::new((head, body, kept)));
        }
        self.message_start = self.seen;
        Ok(true)
    }

    fn steps(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        // An empty body ends without a byte, so that a step is needed even without input.
        while self.step(&mut input, out)? {}
        Ok(())
    }

    /// Completes the current message.
    fn message(&mut self, end: &'static str, out: &mut Output<'_>) -> Result<(), DecodeError> {
        let next = State::Head(HeadDecoder::new(LIMITS));
        let State::Body(message) = core::mem::replace(&mut self.state, next) else { return Ok(()) };
        let (head, decoder, body) = *message;
        let reuse = end == "complete" && head.keeps_alive(decoder.framing());
        if !reuse {
            self.state = State::Over;
        }
        let interim = core::mem::take(&mut self.interim);
        match body {
            Body::Events(mut stream) => self.cut |= stream.finish(),
            Body::Whole(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                match self.layer {
                    Layer::Events => head.event(&text, out)?,
                    Layer::Frames => self.deferred.push(DeferredLine::Frame(Box::new(head.frame(interim, text)))),
                }
            }
        }
        if self.layer == Layer::Frames {
            self.deferred.push(DeferredLine::End { end, at: self.seen, reuse });
        }
        self.message_start = self.seen;
        Ok(())
    }
}

/// Limits of a recording.
const LIMITS: HeadLimits = HeadLimits::new().with_bytes(1 << 20).with_headers(1024);

impl<H: Message> Decode for Messages<H> {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError> {
        self.fed += input.len() as u64;
        if self.broken.is_some() {
            return Ok(());
        }
        match self.steps(input, out) {
            // Further bytes are still counted.
            Err(DecodeError::Framing(error)) => {
                self.broken = Some(error);
                Ok(())
            }
            result => result,
        }
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError> {
        // Whether a line for the end of a message says that the recording was cut.
        let mut said = false;
        match &mut self.state {
            _ if self.broken.is_some() => {}
            State::Body(message) => {
                let whole = message.1.framing() == Framing::CloseDelimited;
                self.message(if whole { "until-close" } else { "truncated" }, out)?;
                self.cut |= !whole;
                said = !whole && self.layer == Layer::Frames;
            }
            State::Head(decoder) if decoder.is_partial() || !self.interim.is_empty() => {
                self.cut = true;
                // Otherwise the last message's line counts these bytes.
                said = !self.deferred.is_empty();
                if self.layer == Layer::Frames && !said {
                    said = true;
                    out.line(&End { end: "truncated", leftover: 0, reuse: false })?;
                }
            }
            State::Head(_) | State::Over => {}
        }
        for deferred in self.deferred.drain(..) {
            match deferred {
                DeferredLine::Frame(frame) => out.line(&frame)?,
                DeferredLine::End { end, at, reuse } => out.line(&End { end, leftover: self.fed - at, reuse })?,
            }
        }
        if let Some(broken) = self.broken.take() {
            return Err(broken.into());
        }
        if self.cut && !said {
            out.truncated()?;
        }
        Ok(Ending::of(self.cut))
    }
}

/// Returns the error of a message that begins at `offset`.
pub(super) fn framing_error(error: &Error, offset: u64) -> FramingError {
    let limit = if let Error::HeadTooLong { limit }
    | Error::TooManyHeaders { limit }
    | Error::TooManyInterim { limit }
    | Error::ChunkLineTooLong { limit }
    | Error::ExtensionsTooLong { limit } = error
    {
        Some(*limit)
    } else {
        None
    };
    FramingError { error: error.to_string(), offset, limit }
}

impl Message for Response {
    fn body(&self) -> Result<BodyDecoder, Error> {
        // A recording of responses does not contain the requests' methods; this API mostly uses POST.
        BodyDecoder::response("POST", self, BodyLimits::default())
    }

    fn keeps_alive(&self, framing: Framing) -> bool {
        is_persistent(self.version, &self.headers, framing)
    }

    fn interim(&self) -> Option<u16> {
        self.is_interim().then_some(self.status())
    }

    fn frame(&self, interim: Vec<u16>, body: String) -> Frame {
        let headers = pairs(&self.headers);
        Frame { interim, status: Some(self.status()), method: None, target: None, headers, body }
    }

    fn streams(&self) -> bool {
        let kind = self.headers.get_str("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        self.is_success() && kind.eq_ignore_ascii_case("text/event-stream")
    }

    fn event(&self, body: &str, out: &mut Output<'_>) -> std::io::Result<()> {
        out.line(&ResponseLine { kind: "response", status: self.status(), raw: body })
    }
}

impl Message for Request {
    fn body(&self) -> Result<BodyDecoder, Error> {
        BodyDecoder::request(self, BodyLimits::default())
    }

    fn keeps_alive(&self, framing: Framing) -> bool {
        is_persistent(self.version, &self.headers, framing)
    }

    fn interim(&self) -> Option<u16> {
        None
    }

    fn frame(&self, interim: Vec<u16>, body: String) -> Frame {
        let (method, target) = (Some(self.method().to_owned()), Some(self.target().to_owned()));
        Frame { interim, status: None, method, target, headers: pairs(&self.headers), body }
    }

    fn streams(&self) -> bool {
        false
    }

    fn event(&self, body: &str, out: &mut Output<'_>) -> std::io::Result<()> {
        // A request without a body is not a request for a response.
        if body.is_empty() { Ok(()) } else { event::body(body, out) }
    }
}
