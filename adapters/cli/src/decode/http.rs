//! Either direction of an HTTP connection: one message after the other.

use serde::Serialize;
use turnwire::http::{BodyDecoder, BodyLimits, BodyPart, Error, Framing, Head, HeadDecoder, HeadLimits, is_persistent};
use turnwire::http::{Request, Response};

use super::output::{Output, pairs};
use super::sse::Stream;
use super::{Broken, Decode, Failed, Layer, event};

/// HTTP responses.
pub(super) type Responses = Messages<Response>;

/// HTTP requests.
pub(super) type Requests = Messages<Request>;

/// A head that this tool prints.
pub(super) trait Message: Head {
    fn body(&self) -> Result<BodyDecoder, Error>;
    fn keeps_alive(&self, framing: Framing) -> bool;
    fn interim(&self) -> Option<u16>;
    fn frame(&self, interim: Vec<u16>, body: String) -> Frame;
    fn event(&self, body: &str, out: &mut Output<'_>) -> std::io::Result<()>;
    fn streams(&self) -> bool;
}

/// One message as the frames layer shows it.
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
    /// Bytes that are no UTF-8 are replaced.
    body: String,
}

#[derive(Serialize)]
struct End {
    end: &'static str,
    /// Bytes that follow the message.
    leftover: u64,
    /// Whether the connection could carry another message.
    reuse: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    kind: &'static str,
    status: u16,
    raw: &'a str,
}

/// One message after the other.
///
/// How much follows a message is known at the input's end only, so the lines that say it, and those behind them, wait for it.
pub(super) struct Messages<H: Message> {
    layer: Layer,
    state: State<H>,
    interim: Vec<u16>,
    /// Bytes of the input so far, and how many of them were decoded.
    fed: u64,
    seen: u64,
    /// Where the current head or body began.
    begun: u64,
    /// What is printed at the end.
    held: Vec<Held>,
    broken: Option<Broken>,
}

enum State<H: Message> {
    Head(HeadDecoder<H>),
    Body(Box<(H, BodyDecoder, Body)>),
    /// The connection cannot carry another message: what follows is left over.
    Over,
}

enum Body {
    Whole(Vec<u8>),
    Events(Box<Stream>),
}

enum Held {
    Frame(Box<Frame>),
    End { end: &'static str, at: u64, reuse: bool },
}

impl<H: Message> Messages<H> {
    pub(super) const fn new(layer: Layer) -> Self {
        let state = State::Head(HeadDecoder::new(LIMITS));
        Self { layer, state, interim: Vec::new(), fed: 0, seen: 0, begun: 0, held: Vec::new(), broken: None }
    }

    /// Takes one step. `false`: all of the input was taken.
    fn step(&mut self, input: &mut &[u8], out: &mut Output<'_>) -> Result<bool, Failed> {
        let before = input.len();
        let begun = self.begun;
        match &mut self.state {
            State::Over => {
                *input = &[];
                Ok(false)
            }
            State::Head(decoder) => {
                let head = decoder.decode(input).map_err(|error| broken(&error, begun))?;
                self.seen += (before - input.len()) as u64;
                let Some(head) = head else { return Ok(false) };
                self.head(head)
            }
            State::Body(message) => {
                let (_, decoder, body) = message.as_mut();
                let part = decoder.decode(input).map_err(|error| broken(&error, begun))?;
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

    fn head(&mut self, head: H) -> Result<bool, Failed> {
        if let Some(status) = head.interim() {
            self.interim.push(status);
            self.state = State::Head(HeadDecoder::new(LIMITS));
        } else {
            let body = head.body().map_err(|error| broken(&error, self.begun))?;
            let events = self.layer == Layer::Events && head.streams();
            let kept = if events { Body::Events(Box::new(Stream::new(self.layer))) } else { Body::Whole(Vec::new()) };
            self.state = State::Body(Box::new((head, body, kept)));
        }
        self.begun = self.seen;
        Ok(true)
    }

    fn steps(&mut self, mut input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
        // A body that is empty ends without a byte, so a step is taken even when none is left.
        while self.step(&mut input, out)? {}
        Ok(())
    }

    /// The current message is over.
    fn message(&mut self, end: &'static str, out: &mut Output<'_>) -> Result<(), Failed> {
        let next = State::Head(HeadDecoder::new(LIMITS));
        let State::Body(message) = core::mem::replace(&mut self.state, next) else { return Ok(()) };
        let (head, decoder, body) = *message;
        let reuse = end == "complete" && head.keeps_alive(decoder.framing());
        if !reuse {
            self.state = State::Over;
        }
        let interim = core::mem::take(&mut self.interim);
        match body {
            Body::Events(mut stream) => stream.end(out)?,
            Body::Whole(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                match self.layer {
                    Layer::Events => head.event(&text, out)?,
                    Layer::Frames => self.held.push(Held::Frame(Box::new(head.frame(interim, text)))),
                }
            }
        }
        if self.layer == Layer::Frames {
            self.held.push(Held::End { end, at: self.seen, reuse });
        }
        self.begun = self.seen;
        Ok(())
    }
}

/// What a recording may hold.
const LIMITS: HeadLimits = HeadLimits { bytes: 1 << 20, headers: 1024 };

impl<H: Message> Decode for Messages<H> {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), Failed> {
        self.fed += input.len() as u64;
        if self.broken.is_some() {
            return Ok(());
        }
        match self.steps(input, out) {
            // The rest is still counted.
            Err(Failed::Broken(broken)) => {
                self.broken = Some(broken);
                Ok(())
            }
            result => result,
        }
    }

    fn end(&mut self, out: &mut Output<'_>) -> Result<(), Failed> {
        match &mut self.state {
            _ if self.broken.is_some() => {}
            State::Body(message) => {
                let end = if message.1.framing() == Framing::CloseDelimited { "until-close" } else { "truncated" };
                self.message(end, out)?;
            }
            State::Head(decoder) if self.held.is_empty() && decoder.is_partial() && self.layer == Layer::Frames => {
                out.line(&End { end: "truncated", leftover: 0, reuse: false })?;
            }
            State::Head(_) | State::Over => {}
        }
        for held in self.held.drain(..) {
            match held {
                Held::Frame(frame) => out.line(&frame)?,
                Held::End { end, at, reuse } => out.line(&End { end, leftover: self.fed - at, reuse })?,
            }
        }
        self.broken.take().map_or(Ok(()), |broken| Err(broken.into()))
    }
}

/// What is wrong with a message that began at `offset`.
pub(super) fn broken(error: &Error, offset: u64) -> Broken {
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
    Broken { error: error.to_string(), offset, limit }
}

impl Message for Response {
    fn body(&self) -> Result<BodyDecoder, Error> {
        // A recording of responses does not say what they answer; most of this protocol's are of this method.
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
        out.line(&Answer { kind: "response", status: self.status(), raw: body })
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
        // A request without a body asks for nothing that this vocabulary has.
        if body.is_empty() { Ok(()) } else { event::body(body, out) }
    }
}
