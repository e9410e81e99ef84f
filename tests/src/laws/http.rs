//! Laws of the `http` layer.

use turnwire::http::{
    self, BodyDecoder, BodyLimits, BodyPart, Error, Framing, HeadDecoder, HeadLimits, Headers, Request, Response,
    Version, is_persistent,
};

use crate::chunks::Chunks;
use crate::reference;

/// The kind of messages to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    /// Requests, as a server decodes them.
    Requests,
    /// Responses to requests with this method.
    Responses(&'a str),
}

/// Limits of the decoders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Limits of heads.
    pub heads: HeadLimits,
    /// Limits of body framing.
    pub bodies: BodyLimits,
}

/// A start line, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method and target of a request.
    Request(String, String),
    /// Status and reason phrase of a response.
    Response(u16, String),
}

/// Header fields, owned.
pub type Lines = Vec<(String, Vec<u8>)>;

/// A message, complete or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The start line.
    pub start: Start,
    /// The HTTP version.
    pub version: Version,
    /// The header fields.
    pub headers: Lines,
    /// The body framing, or `None` if it is not valid.
    pub framing: Option<Framing>,
    /// The body received so far.
    pub body: Vec<u8>,
    /// The trailer fields.
    pub trailers: Lines,
    /// Whether the connection can be reused.
    pub reuse: bool,
    /// Whether the message is complete.
    pub whole: bool,
}

impl Message {
    /// Returns whether it is an interim response.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        matches!(self.start, Start::Response(100 | 102..=199, _))
    }

    /// Returns whether another protocol follows it.
    #[must_use]
    pub fn is_last(&self, side: Side<'_>) -> bool {
        match self.start {
            Start::Response(101, _) => true,
            Start::Response(200..=299, _) => side == Side::Responses("CONNECT"),
            Start::Request(..) | Start::Response(..) => false,
        }
    }
}

/// The result of decoding a connection's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The messages; the last one may be incomplete.
    pub messages: Vec<Message>,
    /// The error that ended decoding, which may be that of an incomplete message.
    pub error: Option<Error>,
    /// Number of bytes after the last message that were not decoded: enough messages, or another protocol.
    pub leftover: usize,
}

/// Returns the fields of these headers.
#[must_use]
pub fn lines(headers: &Headers) -> Lines {
    headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

enum Heads {
    Requests(HeadDecoder<Request>),
    Responses(HeadDecoder<Response>),
}

struct Reader<'a> {
    side: Side<'a>,
    limits: Limits,
    /// Maximum number of messages, not counting interim responses.
    most: usize,
    heads: Heads,
    body: Option<BodyDecoder>,
    outcome: Outcome,
    done: bool,
}

/// Decodes at most `most` messages, and the interim responses before them, from `input` in these reads, then the end.
///
/// Also checks laws 3 and 4: input is left only after a part or an error, errors are sticky and consume nothing, and
/// the decoders buffer at most the limits and the input.
pub fn read(side: Side<'_>, limits: Limits, input: &[u8], most: usize, chunks: &Chunks) -> Result<Outcome, String> {
    let heads = match side {
        Side::Requests => Heads::Requests(HeadDecoder::new(limits.heads)),
        Side::Responses(_) => Heads::Responses(HeadDecoder::new(limits.heads)),
    };
    let outcome = Outcome { messages: Vec::new(), error: None, leftover: 0 };
    let mut reader = Reader { side, limits, most, heads, body: None, outcome, done: most == 0 };
    let mut given = 0;
    for mut read in chunks.cut(input) {
        given += read.len();
        while !reader.done && reader.outcome.error.is_none() {
            match reader.step(&mut read) {
                Ok(true) => {}
                Ok(false) if read.is_empty() => break,
                Ok(false) => return Err(format!("{} bytes were not consumed, without a result", read.len())),
                Err(error) => {
                    reader.outcome.error = Some(error);
                    reader.sticky(error)?;
                }
            }
        }
        if reader.done {
            reader.outcome.leftover += read.len();
        }
        let (kept, allowed) = (reader.buffered(), limits.heads.bytes.max(1).min(given));
        if kept > allowed {
            return Err(format!("{kept} of {given} bytes are buffered, at most {allowed} are allowed"));
        }
    }
    if !reader.done && reader.outcome.error.is_none() {
        reader.outcome.error = reader.eof().err();
    }
    Ok(reader.outcome)
}

impl Reader<'_> {
    /// Decodes one part. Returns `false` if more input is needed.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        if let Some(body) = &mut self.body {
            let message = self.outcome.messages.last_mut().expect("a body belongs to a message");
            match body.decode(input)? {
                Some(BodyPart::Data(data)) => message.body.extend_from_slice(data),
                Some(BodyPart::End(trailers)) => {
                    message.trailers = lines(&trailers);
                    self.ended();
                }
                None => return Ok(false),
            }
            return Ok(true);
        }
        match (&mut self.heads, self.side) {
            (Heads::Responses(heads), Side::Responses(method)) => {
                let Some(head) = heads.decode(input)? else { return Ok(false) };
                let start = Start::Response(head.status(), head.reason().to_owned());
                self.begin(start, head.version, &head.headers, |limits| BodyDecoder::response(method, &head, limits))?;
            }
            (Heads::Requests(heads), _) => {
                let Some(head) = heads.decode(input)? else { return Ok(false) };
                let start = Start::Request(head.method().to_owned(), head.target().to_owned());
                self.begin(start, head.version, &head.headers, |limits| BodyDecoder::request(&head, limits))?;
            }
            (Heads::Responses(_), Side::Requests) => unreachable!("responses are read for a method"),
        }
        Ok(true)
    }

    fn begin(
        &mut self,
        start: Start,
        version: Version,
        headers: &Headers,
        body: impl FnOnce(BodyLimits) -> Result<BodyDecoder, Error>,
    ) -> Result<(), Error> {
        let body = body(self.limits.bodies);
        let framing = body.as_ref().ok().map(BodyDecoder::framing);
        self.outcome.messages.push(Message {
            start,
            version,
            headers: lines(headers),
            framing,
            body: Vec::new(),
            trailers: Vec::new(),
            reuse: framing.is_some_and(|framing| is_persistent(version, headers, framing)),
            whole: false,
        });
        self.body = Some(body?);
        Ok(())
    }

    fn ended(&mut self) {
        self.body = None;
        let message = self.outcome.messages.last_mut().expect("a body belongs to a message");
        message.whole = true;
        let last = message.is_last(self.side);
        let finals = self.outcome.messages.iter().filter(|message| !message.is_interim()).count();
        self.done = last || finals == self.most;
    }

    fn eof(&mut self) -> Result<(), Error> {
        if let Some(body) = &mut self.body {
            body.eof()?;
            self.ended();
            return Ok(());
        }
        let partial = match &self.heads {
            Heads::Requests(heads) => heads.is_partial(),
            Heads::Responses(heads) => heads.is_partial(),
        };
        if partial { Err(Error::Truncated) } else { Ok(()) }
    }

    fn buffered(&self) -> usize {
        match &self.heads {
            Heads::Requests(heads) => heads.buffered(),
            Heads::Responses(heads) => heads.buffered(),
        }
    }

    /// Law 3: after an error, the decoder returns it again for any input.
    fn sticky(&mut self, error: Error) -> Result<(), String> {
        let mut more: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        let again = match (&mut self.body, &mut self.heads) {
            (Some(body), _) => match body.eof() {
                Err(eof) if eof == error => body.decode(&mut more).map(|_| ()),
                eof => return Err(format!("after {error:?}, the end of input gives {eof:?}")),
            },
            // The head is complete, but its framing is not valid.
            (None, _) if self.outcome.messages.last().is_some_and(|message| message.framing.is_none()) => return Ok(()),
            (None, Heads::Requests(heads)) => heads.decode(&mut more).map(|_| ()),
            (None, Heads::Responses(heads)) => heads.decode(&mut more).map(|_| ()),
        };
        match again {
            Err(again) if again == error && more.len() == 19 => Ok(()),
            other => Err(format!("after {error:?} came {other:?}")),
        }
    }
}

/// Laws 1, 3 and 4: every split into reads gives the same result.
pub fn chunking(side: Side<'_>, limits: Limits, input: &[u8], most: usize, chunks: &Chunks) -> Result<Outcome, String> {
    let whole = read(side, limits, input, most, &Chunks::Whole)?;
    let cut = read(side, limits, input, most, chunks)?;
    match cut == whole {
        true => Ok(whole),
        false => Err(format!("{chunks:?}: {cut:?}, but unsplit: {whole:?}")),
    }
}

/// Law 9: the decoders equal the reference implementation.
pub fn matches_reference(side: Side<'_>, limits: Limits, input: &[u8], most: usize) -> Result<(), String> {
    let real = read(side, limits, input, most, &Chunks::Whole)?;
    let expected = reference::http::read(side, limits, input, most);
    if real == expected { Ok(()) } else { Err(format!("{real:?}, but the reference: {expected:?}")) }
}

/// Law 2: a decoded message can be encoded and decodes to the same. The body is encoded in chunks of another size.
pub fn again(side: Side<'_>, outcome: &Outcome) -> Result<(), String> {
    for message in outcome.messages.iter().filter(|message| message.whole) {
        let mut bytes = Vec::new();
        match &message.start {
            Start::Request(method, target) => {
                let mut head = Request::new(method, target).map_err(|error| format!("{message:?}: {error}"))?;
                (head.version, head.headers) = (message.version, headers(&message.headers)?);
                http::encode_request(&head, &mut bytes);
            }
            // A reason phrase is decoded but cannot be set, and a status outside the five classes cannot be built.
            Start::Response(status, _) => {
                let Ok(mut head) = Response::new(*status) else { continue };
                (head.version, head.headers) = (message.version, headers(&message.headers)?);
                http::encode_response(&head, &mut bytes);
            }
        }
        match message.framing {
            Some(Framing::Chunked) => {
                message.body.chunks(7).for_each(|data| http::encode_chunk(data, &mut bytes));
                http::encode_chunk(&[], &mut bytes);
                http::encode_last_chunk(&mut bytes);
            }
            _ => bytes.extend_from_slice(&message.body),
        }
        let back = read(side, Limits::default(), &bytes, 1, &Chunks::Whole)?;
        let alike = |back: &Message| {
            let start = match (&back.start, &message.start) {
                (Start::Response(back, _), Start::Response(status, _)) => back == status,
                (back, start) => back == start,
            };
            start && (&back.headers, &back.body, back.framing) == (&message.headers, &message.body, message.framing)
        };
        if back.messages.len() != 1 || !alike(&back.messages[0]) || back.error.is_some() || back.leftover != 0 {
            return Err(format!("{message:?} was decoded again as {back:?}"));
        }
    }
    Ok(())
}

fn headers(lines: &Lines) -> Result<Headers, String> {
    let mut headers = Headers::new();
    for (name, value) in lines {
        headers.append(name, value.as_slice()).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(headers)
}

/// Returns limits that small inputs exceed, or the default limits.
#[must_use]
pub fn limits(choice: u8) -> Limits {
    let heads = |bytes, headers| HeadLimits::new().with_bytes(bytes).with_headers(headers);
    let bodies = |chunk_line, extensions, trailers| {
        BodyLimits::new().with_chunk_line(chunk_line).with_extensions(extensions).with_trailers(trailers)
    };
    match choice & 7 {
        0 => Limits { heads: heads(40, 2), bodies: bodies(4, 8, heads(20, 1)) },
        1 => Limits { heads: heads(19, 0), bodies: bodies(2, 0, heads(2, 0)) },
        2 => Limits { heads: heads(100, 3), bodies: bodies(8, 5, heads(30, 2)) },
        3 => Limits { heads: heads(0, 128), bodies: bodies(0, 0, heads(0, 0)) },
        _ => Limits::default(),
    }
}

fn side(choice: u8) -> Side<'static> {
    match choice >> 3 & 7 {
        0 | 1 => Side::Requests,
        2 => Side::Responses("HEAD"),
        3 => Side::Responses("CONNECT"),
        _ => Side::Responses("POST"),
    }
}

/// Laws 1, 2, 3, 4 and 9 over arbitrary input that begins with a head, for the fuzz target `http-head`. The first bytes
/// choose the side, the limits and the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let (side, limits) = (side(*choice), limits(*choice));
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let whole = chunking(side, limits, input, 3, &chunks)?;
    chunking(side, limits, input, 3, &Chunks::Bytes)?;
    again(side, &whole)?;
    matches_reference(side, limits, input, 3)
}

/// The same after a head that announces a chunked body, for the fuzz target `http-body`.
pub fn anything_chunked(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, body @ ..] = input else { return Ok(()) };
    let heads = HeadLimits::default();
    let limits = Limits { heads, ..limits(*choice) };
    let input = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat();
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let side = Side::Responses("POST");
    let whole = chunking(side, limits, &input, 1, &chunks)?;
    chunking(side, limits, &input, 1, &Chunks::Bytes)?;
    again(side, &whole)?;
    matches_reference(side, limits, &input, 1)
}
