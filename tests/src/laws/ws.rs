//! Laws of the `ws` layer.

use turnwire::ws::deflate::Params;
use turnwire::ws::{Close, Decoder, Encoder, Eof, Error, Limits, Message, Role, SendError, State, WebSocket};

use crate::chunks::Chunks;
use crate::reference;

/// A message, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    /// Text.
    Text(String),
    /// Binary.
    Binary(Vec<u8>),
    /// Ping.
    Ping(Vec<u8>),
    /// Pong.
    Pong(Vec<u8>),
    /// A close frame with its code and reason.
    Close(Option<(u16, String)>),
}

impl From<Message<'_>> for Owned {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Message::Close(close) => Self::Close(close.map(|close| (close.code, close.reason.to_owned()))),
            other => unreachable!("a message type that these laws do not know: {other:?}"),
        }
    }
}

impl Owned {
    /// Borrows the message.
    #[must_use]
    pub fn lend(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
            Self::Ping(bytes) => Message::Ping(bytes),
            Self::Pong(bytes) => Message::Pong(bytes),
            Self::Close(close) => Message::Close(close.as_ref().map(|(code, reason)| Close { code: *code, reason })),
        }
    }
}

/// The configuration of one end.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The role of the end that receives.
    pub role: Role,
    /// Its limits.
    pub limits: Limits,
    /// The negotiated extension.
    pub deflate: Option<Params>,
}

/// The result of receiving an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The messages.
    pub messages: Vec<Owned>,
    /// The error that ended it.
    pub error: Option<Error>,
    /// The pending replies at the end, flushed once.
    pub replies: Vec<u8>,
    /// The result of `handle_eof`.
    pub eof: Eof,
}

impl End {
    /// Creates an end with the default limits and no extension.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, limits: Limits::default(), deflate: None }
    }

    fn socket(&self) -> WebSocket {
        WebSocket::new(self.role, self.limits, self.deflate.as_ref(), [7; 32])
    }

    /// Receives `input` in these reads, in place or by copying.
    pub fn receive(&self, input: &[u8], chunks: &Chunks, in_place: bool) -> Result<Outcome, String> {
        let mut socket = self.socket();
        let (mut messages, mut error, mut given) = (Vec::new(), None, 0);
        'reads: for read in chunks.cut(input) {
            let mut scratch = read.to_vec();
            let (mut shared, mut own) = (read, scratch.as_mut_slice());
            loop {
                let result = match in_place {
                    true => socket.decode_in_place(&mut own),
                    false => socket.decode(&mut shared),
                };
                match result {
                    Ok(Some(message)) => messages.push(message.into()),
                    Ok(None) if in_place && !own.is_empty() => {
                        return Err("input was not consumed, without a result".into());
                    }
                    Ok(None) if !in_place && !shared.is_empty() => {
                        return Err("input was not consumed, without a result".into());
                    }
                    Ok(None) => break,
                    Err(why) => {
                        error = Some(why);
                        break 'reads;
                    }
                }
            }
            given += read.len();
            let bound = (socket_limit(&self.limits)).min(if self.deflate.is_some() { usize::MAX } else { given });
            if socket.buffered() > bound {
                return Err(format!(
                    "{} of {given} bytes are buffered, at most {bound} are allowed",
                    socket.buffered()
                ));
            }
        }
        outcome(socket, messages, error)
    }

    /// Receives `input` in these reads, in a buffer of the caller that keeps incomplete messages for decoding in place.
    pub fn hold(&self, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
        let mut socket = self.socket();
        let (mut messages, mut error, mut held) = (Vec::new(), None, Vec::new());
        let mut reads = chunks.cut(input).into_iter();
        let mut more = true;
        while more && error.is_none() {
            let read = reads.next();
            more = read.is_some();
            held.extend_from_slice(read.unwrap_or_default());
            let mut rest = held.as_mut_slice();
            loop {
                match socket.bytes_to_borrow(rest) {
                    Some(needed) if needed <= rest.len() => {
                        return Err(format!("{needed} bytes are needed, and they are available"));
                    }
                    Some(_) if more => break,
                    Some(_) | None => {}
                }
                match socket.decode_in_place(&mut rest) {
                    Ok(Some(message)) => messages.push(message.into()),
                    Ok(None) => break,
                    Err(why) => {
                        error = Some(why);
                        break;
                    }
                }
            }
            let left = rest.len();
            held.drain(..held.len() - left);
        }
        outcome(socket, messages, error)
    }
}

/// Returns the result after the last read.
fn outcome(mut socket: WebSocket, messages: Vec<Owned>, error: Option<Error>) -> Result<Outcome, String> {
    ended(&mut socket, error)?;
    let eof = socket.eof();
    let mut replies = Vec::new();
    socket.write_pending_replies(&mut replies);
    silent(&mut socket, error)?;
    Ok(Outcome { messages, error, replies, eof })
}

fn socket_limit(limits: &Limits) -> usize {
    limits.message.saturating_add(limits.frame)
}

/// Law 3: a violation is sticky, consumes nothing more, and closes the connection.
fn ended(socket: &mut WebSocket, error: Option<Error>) -> Result<(), String> {
    let Some(error) = error else { return Ok(()) };
    let mut more: &[u8] = &[0x81, 0x01, b'x'];
    match socket.decode(&mut more) {
        Err(again) if again == error && more.len() == 3 => {}
        other => return Err(format!("after {error:?}: {other:?}, and {} of 3 bytes were not consumed", more.len())),
    }
    match socket.state() {
        State::Closed => Ok(()),
        state @ (State::Open | State::Closing) => Err(format!("after {error:?} the state is {state:?}")),
    }
}

/// Law 3: nothing is sent after a close frame.
fn silent(socket: &mut WebSocket, error: Option<Error>) -> Result<(), String> {
    if socket.state() == State::Open && error.is_none() {
        return Ok(());
    }
    let mut out = Vec::new();
    if socket.write_pending_replies(&mut out) || socket.has_pending_replies() || !out.is_empty() {
        return Err("a reply is pending after the close frame".into());
    }
    match socket.send(Message::Text("late"), &mut out) {
        Err(SendError::Closing) if out.is_empty() => Ok(()),
        other => Err(format!("a message after the close frame: {other:?}")),
    }
}

/// Laws 1, 3 and 4: every split into reads gives the same result, in place and by copying; a violation is sticky.
pub fn chunking(end: &End, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let whole = end.receive(input, &Chunks::Whole, false)?;
    for (in_place, chunks) in [(true, &Chunks::Whole), (false, chunks), (true, chunks)] {
        let cut = end.receive(input, chunks, in_place)?;
        if cut != whole {
            return Err(format!("{chunks:?}, in place {in_place}: {cut:?}, but unsplit: {whole:?}"));
        }
    }
    let held = end.hold(input, chunks)?;
    if held != whole {
        return Err(format!("{chunks:?}, kept: {held:?}, but unsplit: {whole:?}"));
    }
    replies(end, &whole)?;
    Ok(whole)
}

/// The pending replies are exactly those of RFC 6455.
fn replies(end: &End, outcome: &Outcome) -> Result<(), String> {
    let sent = read_all(end.role, &outcome.replies)?;
    let close = match (&outcome.error, outcome.messages.last()) {
        (Some(error), _) => Some(Some((error.close_code(), String::new()))),
        (None, Some(Owned::Close(close))) => Some(close.as_ref().map(|(code, _)| (*code, String::new()))),
        (None, _) => None,
    };
    let pong = outcome.messages.iter().rev().find_map(|message| match message {
        Owned::Ping(bytes) => Some(Owned::Pong(bytes.clone())),
        Owned::Text(_) | Owned::Binary(_) | Owned::Pong(_) | Owned::Close(_) => None,
    });
    let expected: Vec<Owned> = match close {
        Some(close) => vec![Owned::Close(close)],
        None => pong.into_iter().collect(),
    };
    if sent == expected { Ok(()) } else { Err(format!("sent {sent:?}, expected {expected:?}")) }
}

/// Decodes what `role` wrote, without extensions.
pub fn read_all(role: Role, mut bytes: &[u8]) -> Result<Vec<Owned>, String> {
    let mut decoder = Decoder::new(peer(role), Limits::default(), None);
    let mut messages = Vec::new();
    while let Some(message) =
        decoder.decode(&mut bytes).map_err(|error| format!("our own output is invalid: {error:?}"))?
    {
        messages.push(message.into());
    }
    if decoder.is_partial() { Err("our own output is incomplete".into()) } else { Ok(messages) }
}

/// Returns the opposite role.
#[must_use]
pub const fn peer(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Law 2: a message that `from` encodes decodes to the same, and a decoded message encodes to the same again.
pub fn round_trip(from: Role, deflate: Option<&Params>, messages: &[Owned], key: [u8; 4]) -> Result<(), String> {
    let mut encoder = Encoder::new(from, deflate);
    let mut decoder = Decoder::new(peer(from), Limits::default(), deflate);
    for message in messages {
        let mut bytes = Vec::new();
        encoder.encode(message.lend(), key, &mut bytes).map_err(|error| format!("{message:?}: {error}"))?;
        let mut input = bytes.as_slice();
        match decoder.decode(&mut input) {
            Ok(Some(back)) if Owned::from(back) == *message && input.is_empty() => {}
            other => return Err(format!("{message:?} was decoded as {other:?}, with {} bytes left", input.len())),
        }
        if matches!(message, Owned::Close(_)) {
            break;
        }
    }
    Ok(())
}

/// Law 9: the decoder equals the reference implementation.
pub fn matches_reference(role: Role, limits: Limits, input: &[u8]) -> Result<(), String> {
    let end = End { role, limits, deflate: None };
    let real = end.receive(input, &Chunks::Whole, false)?;
    let (messages, error) = reference::ws::decode(role, limits, input);
    match real.messages == messages && real.error == error {
        true => Ok(()),
        false => Err(format!("{:?} {:?}, but the reference: {messages:?} {error:?}", real.messages, real.error)),
    }
}

/// Laws 1, 2, 3, 4 and 9 over arbitrary input, for the fuzz targets of one role. The first bytes choose the limits, the
/// extension and the split.
pub fn anything(role: Role, input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let limits = match choice & 3 {
        0 => Limits::default(),
        1 => Limits::default().with_frame(300).with_message(500).with_ratio(Some(2)),
        2 => Limits::default().with_frame(16).with_message(40).with_ratio(None),
        _ => Limits::default().with_frame(70_000).with_message(66_000).with_ratio(Some(100)),
    };
    let deflate = (choice & 4 != 0).then(|| {
        let params = Params::default().with_server_no_context_takeover(choice & 8 != 0);
        params.with_client_no_context_takeover(choice & 16 != 0)
    });
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let outcome = chunking(&End { role, limits, deflate }, input, &chunks)?;
    round_trip(peer(role), deflate.as_ref(), &outcome.messages, [*choice, *sizes, 0x5A, 0xFF])?;
    if deflate.is_none() && input.len() <= 512 {
        matches_reference(role, limits, input)?;
    }
    Ok(())
}
