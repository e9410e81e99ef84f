//! The client's side of the connection that the law of the `web` layer drives.

use turnwire::http::{self, BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::web::{ExchangeId, ReadResult};
use turnwire::ws::{self, Close, Message, Role, handshake};

use super::web::Action;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The socket is not open.
    #[default]
    None,
    Request,
    Opening,
    Open,
    Fetching,
    Response,
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary,
    /// With this reason, which may be cut.
    Close(String),
}

/// The client's side of a connection: what it wrote, what it should read, and what it has read.
pub(super) struct Wire {
    pub(super) stage: Stage,
    pub(super) exchange: Option<ExchangeId>,
    /// Whether the runtime has ended the exchange, or was told to.
    pub(super) is_over: bool,
    /// Whether all bytes of the client were those of requests and frames, each in its place.
    pub(super) is_clean: bool,
    pub(super) method: String,
    pub(super) body: Option<Vec<u8>>,
    pub(super) sent: Vec<String>,
    pub(super) pings: Vec<Vec<u8>>,
    pub(super) has_closed: bool,
    pub(super) status: Option<u16>,
    pub(super) frames: Vec<Frame>,
    pub(super) received: Vec<u8>,
    pub(super) is_whole: bool,
    pub(super) read: Vec<u8>,
    pub(super) end: Option<ReadResult>,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            stage: Stage::None,
            exchange: None,
            is_over: false,
            is_clean: true,
            method: "GET".into(),
            body: None,
            sent: Vec::new(),
            pings: Vec::new(),
            has_closed: false,
            status: None,
            frames: Vec::new(),
            received: Vec::new(),
            is_whole: false,
            read: Vec::new(),
            end: None,
        }
    }
}

impl Wire {
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Returns the bytes that the client writes.
    pub(super) fn write(&mut self, action: &Action) -> Vec<u8> {
        let mut bytes = Vec::new();
        let can_frame = self.is_open() && !self.has_closed && !self.is_over;
        let can_request = self.stage == Stage::Request && self.body.is_none();
        let frame = |message: Message<'_>| {
            let mut bytes = Vec::new();
            let _ = ws::Encoder::new(Role::Client, None).encode(message, [7, 0, 9, 200], &mut bytes);
            bytes
        };
        match action {
            Action::Write(raw) => {
                self.is_clean &= raw.is_empty();
                bytes.clone_from(raw);
            }
            Action::Upgrade if can_request => {
                self.body = Some(Vec::new());
                let request = handshake::build_request("/v1", "localhost", [5; 16], &Headers::new(), None);
                http::encode_request(&request.expect("a valid request"), &mut bytes);
            }
            Action::Request(method, body) if can_request => {
                self.body = Some(body.clone());
                let mut request = Request::new(method, "/v1").expect("a valid request");
                request.headers.append("Host", "localhost").expect("a header");
                request.headers.append("Content-Length", body.len().to_string()).expect("a header");
                http::encode_request(&request, &mut bytes);
                bytes.extend_from_slice(body);
            }
            Action::Send(text) if can_frame => {
                self.sent.push(text.clone());
                bytes = frame(Message::Text(text));
            }
            Action::Ping(payload) if can_frame => {
                self.pings.push(payload.clone());
                bytes = frame(Message::Ping(payload));
            }
            Action::Close(code) if can_frame => {
                let close = ws::is_close_code(*code).then_some(Close { code: *code, reason: "" });
                self.has_closed = true;
                bytes = frame(Message::Close(close));
            }
            _ => {}
        }
        bytes
    }

    pub(super) fn head(&mut self, status: u16, stage: Stage) -> bool {
        (self.status, self.stage) = (Some(status), stage);
        true
    }

    pub(super) fn frame(&mut self, is_sent: bool, frame: Frame) -> bool {
        self.frames.extend(is_sent.then_some(frame));
        true
    }

    pub(super) fn data(&mut self, bytes: &[u8]) -> bool {
        self.received.extend_from_slice(bytes);
        true
    }

    /// Compares what the client read with what the runtime reported. After a loss because of the limit, the end may be missing.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_cut =
            matches!(&self.end, Some(ReadResult::Lost(reason)) if reason.starts_with("more than") || !self.is_clean);
        let mut input = self.read.as_slice();
        let head = HeadDecoder::<Response>::new(HeadLimits::new()).decode(&mut input);
        let Some(head) = head.map_err(|error| format!("the client cannot read the head: {error}"))? else {
            let is_expected = self.read.is_empty() && self.status.is_none() || is_cut;
            return if is_expected { Ok(()) } else { Err(format!("no whole head: {:?}", self.read)) };
        };
        if Some(head.status()) != self.status {
            if !self.is_clean && self.status == Some(101) {
                return Ok(()); // the socket itself rejects a handshake that is none
            }
            return Err(format!("the client read the status {}, not {:?}", head.status(), self.status));
        }
        if head.status() == 101 && self.is_open() {
            return self.check_frames(input, is_cut);
        }
        let mut body =
            BodyDecoder::response(&self.method, &head, BodyLimits::new()).map_err(|error| error.to_string())?;
        let mut data = Vec::new();
        while let Some(BodyPart::Data(part)) = body.decode(&mut input).map_err(|error| format!("the body: {error}"))? {
            data.extend_from_slice(part);
        }
        let is_bodiless = self.method == "HEAD" || matches!(head.status(), 204 | 304);
        let expected: &[u8] = if is_bodiless { &[] } else { &self.received };
        let is_whole = self.stage == Stage::Done || self.is_whole;
        let is_right =
            if is_cut { expected.starts_with(&data) } else { data == expected && body.is_done() >= is_whole };
        match is_right && input.is_empty() {
            true => Ok(()),
            false => Err(format!("the client read {data:?} and {input:?}, not {expected:?}, {}", body.is_done())),
        }
    }

    fn check_frames(&self, mut input: &[u8], is_cut: bool) -> Result<(), String> {
        let mut decoder = ws::Decoder::new(Role::Client, ws::Limits::new(), None);
        let (mut frames, mut pongs) = (Vec::new(), Vec::new());
        while let Some(message) = decoder.decode(&mut input).map_err(|error| format!("the frames: {error}"))? {
            match message {
                Message::Text(text) => frames.push(Frame::Text(text.into())),
                Message::Binary(_) => frames.push(Frame::Binary),
                Message::Pong(payload) => pongs.push(payload.to_vec()),
                Message::Close(close) => {
                    frames.push(Frame::Close(close.map_or("", |close| close.reason).into()));
                    break;
                }
                other => return Err(format!("the client read {other:?}")),
            }
        }
        let is_same = |(read, reported): (&Frame, &Frame)| match (read, reported) {
            (Frame::Close(read), Frame::Close(reported)) => reported.starts_with(read.as_str()),
            (read, reported) => read == reported,
        };
        let is_whole = frames.len() == self.frames.len() && (!self.is_clean || pongs == self.pings);
        let is_right = frames.len() <= self.frames.len() && frames.iter().zip(&self.frames).all(is_same);
        match is_right && (is_whole || is_cut) && (is_cut || input.is_empty()) {
            true => Ok(()),
            false => {
                Err(format!("the client read {frames:?} and {pongs:?}, not {:?} and {:?}", self.frames, self.pings))
            }
        }
    }
}
