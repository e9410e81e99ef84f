//! The laws of the `http` floor.

use turnwire::http::{
    self, BodyDecoder, BodyLimits, BodyPart, Error, Framing, HeadDecoder, HeadLimits, Headers, Request, Response,
    Version, is_persistent,
};

use crate::chunks::Chunks;
use crate::reference;

/// Which messages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    /// A server reads requests.
    Requests,
    /// A client reads responses to requests of this method.
    Responses(&'a str),
}

/// What bounds the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Their heads.
    pub heads: HeadLimits,
    /// What frames their bodies.
    pub bodies: BodyLimits,
}

/// A head that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request's method and target.
    Request(String, String),
    /// A response's status and reason.
    Response(u16, String),
}

/// Header lines that are kept.
pub type Lines = Vec<(String, Vec<u8>)>;

/// A message as far as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its start line.
    pub start: Start,
    /// Its version.
    pub version: Version,
    /// Its header lines.
    pub headers: Lines,
    /// How its end is known; `None` when nothing tells.
    pub framing: Option<Framing>,
    /// Its body so far.
    pub body: Vec<u8>,
    /// The lines behind its body.
    pub trailers: Lines,
    /// Whether the connection could carry another message.
    pub reuse: bool,
    /// Whether it came to its end.
    pub whole: bool,
}

impl Message {
    /// Whether another response follows on this one.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        matches!(self.start, Start::Response(100 | 102..=199, _))
    }

    /// Whether what follows is another protocol's.
    #[must_use]
    pub fn is_last(&self, side: Side<'_>) -> bool {
        match self.start {
            Start::Response(101, _) => true,
            Start::Response(200..=299, _) => side == Side::Responses("CONNECT"),
            Start::Request(..) | Start::Response(..) => false,
        }
    }
}

/// What a connection's bytes were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The messages, of which the last may have been cut.
    pub messages: Vec<Message>,
    /// What ended them; the end of the bytes may be it.
    pub error: Option<Error>,
    /// Bytes that belong to none of them, because enough had come, or another protocol had begun.
    pub leftover: usize,
}

/// The lines of these headers.
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
    /// How many messages that are not interim are read.
    most: usize,
    heads: Heads,
    body: Option<BodyDecoder>,
    outcome: Outcome,
    done: bool,
}

/// Reads at most `most` messages, and the interim ones before them, from `input` in these reads, and then its end.
///
/// Judges laws 3 and 4 on the way: input is left only behind a part or an error, errors are sticky and take nothing, and no more
/// is kept than the limits allow and than has come.
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
                Ok(false) => return Err(format!("{} bytes are left, and nothing came", read.len())),
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
            return Err(format!("{kept} bytes are kept of {given}, with {allowed} allowed"));
        }
    }
    if !reader.done && reader.outcome.error.is_none() {
        reader.outcome.error = reader.eof().err();
    }
    Ok(reader.outcome)
}

impl Reader<'_> {
    /// `false`: more input is needed.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        if let Some(body) = &mut self.body {
            let message = self.outcome.messages.last_mut().expect("the body's message");
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
        let message = self.outcome.messages.last_mut().expect("the body's message");
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

    /// Law 3, behind an error: the decoder that had it has it again, whatever comes.
    fn sticky(&mut self, error: Error) -> Result<(), String> {
        let mut more: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        let again = match (&mut self.body, &mut self.heads) {
            (Some(body), _) => match body.eof() {
                Err(eof) if eof == error => body.decode(&mut more).map(|_| ()),
                eof => return Err(format!("after {error:?} the end is {eof:?}")),
            },
            // The head was whole, and says nothing that can be framed.
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

/// Laws 1, 3 and 4: reads cut in this way give what one read gives.
pub fn chunking(side: Side<'_>, limits: Limits, input: &[u8], most: usize, chunks: &Chunks) -> Result<Outcome, String> {
    let whole = read(side, limits, input, most, &Chunks::Whole)?;
    let cut = read(side, limits, input, most, chunks)?;
    match cut == whole {
        true => Ok(whole),
        false => Err(format!("{chunks:?}: {cut:?}, but whole: {whole:?}")),
    }
}

/// Law 9: the decoders do what their slow twin does.
pub fn twin(side: Side<'_>, limits: Limits, input: &[u8], most: usize) -> Result<(), String> {
    let real = read(side, limits, input, most, &Chunks::Whole)?;
    let twin = reference::http::read(side, limits, input, most);
    if real == twin { Ok(()) } else { Err(format!("{real:?}, but the twin: {twin:?}")) }
}

/// Law 2: what was decoded encodes to something that decodes to the same; the body is cut into chunks of another size.
pub fn again(side: Side<'_>, outcome: &Outcome) -> Result<(), String> {
    for message in outcome.messages.iter().filter(|message| message.whole) {
        let mut bytes = Vec::new();
        match &message.start {
            Start::Request(method, target) => {
                let mut head = Request::new(method, target).map_err(|error| format!("{message:?}: {error}"))?;
                (head.version, head.headers) = (message.version, headers(&message.headers)?);
                http::encode_request(&head, &mut bytes);
            }
            // A reason is decoded and never set, and a class that does not exist cannot be built.
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
            return Err(format!("{message:?} came back as {back:?}"));
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

/// Limits small enough to be passed by small inputs, or the default ones.
#[must_use]
pub fn limits(choice: u8) -> Limits {
    let heads = |bytes, headers| HeadLimits { bytes, headers };
    let bodies = |chunk_line, extensions, trailers| BodyLimits { chunk_line, extensions, trailers };
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

/// Laws 1, 2, 3, 4 and 9 over anything that begins with a head: what the fuzz target `http-head` calls. The first bytes choose
/// the side, the limits and the cut.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let (side, limits) = (side(*choice), limits(*choice));
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let whole = chunking(side, limits, input, 3, &chunks)?;
    chunking(side, limits, input, 3, &Chunks::Bytes)?;
    again(side, &whole)?;
    twin(side, limits, input, 3)
}

/// The same behind a head that promises a chunked body: what the fuzz target `http-body` calls.
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
    twin(side, limits, &input, 1)
}
