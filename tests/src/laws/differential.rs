//! Laws against third-party implementations: they accept what we accept, and do not deliver what we reject, except for
//! the differences listed in docs/differences.md.

use std::io::{self, Read, Write};

use bytes::BytesMut;
use sockudo_ws::deflate::{DeflateConfig, DeflateWindowBits};
use sockudo_ws::protocol::CompressedProtocol;
use tungstenite::WebSocket;
use tungstenite::protocol::WebSocketConfig;
use turnwire::ws::deflate::Params;
use turnwire::ws::{Decoder, Encoder, Error, Limits, Role};

use super::ws::{Owned, peer};
use crate::third_party;

/// The result of a third-party implementation.
#[derive(Debug)]
struct TheirResult {
    messages: Vec<Owned>,
    refused: bool,
}

/// Returns these bytes, then `WouldBlock`, and keeps what is written.
#[derive(Debug)]
struct Wire<'w> {
    input: &'w [u8],
    output: Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            size => Ok(size),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ours(role: Role, limits: Limits, deflate: Option<&Params>, mut input: &[u8]) -> (Vec<Owned>, Option<Error>) {
    let mut decoder = Decoder::new(role, limits, deflate);
    let mut messages = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(message)) => messages.push(message.into()),
            Ok(None) => return (messages, None),
            Err(error) => return (messages, Some(error)),
        }
    }
}

const fn tungstenite_role(role: Role) -> tungstenite::protocol::Role {
    match role {
        Role::Client => tungstenite::protocol::Role::Client,
        Role::Server => tungstenite::protocol::Role::Server,
    }
}

fn tungstenite_stream(role: Role, input: &[u8]) -> WebSocket<Wire<'_>> {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    WebSocket::from_raw_socket(Wire { input, output: Vec::new() }, tungstenite_role(role), Some(config))
}

fn tungstenite(role: Role, input: &[u8]) -> TheirResult {
    let mut stream = tungstenite_stream(role, input);
    let mut messages = Vec::new();
    loop {
        match stream.read() {
            Ok(message) => messages.extend(Owned::try_from(message)),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return TheirResult { messages, refused: false };
            }
            Err(_) => return TheirResult { messages, refused: true },
        }
    }
}

fn window(bits: u8) -> DeflateWindowBits {
    match bits {
        ..=9 => DeflateWindowBits::Bits9,
        10 => DeflateWindowBits::Bits10,
        11 => DeflateWindowBits::Bits11,
        12 => DeflateWindowBits::Bits12,
        13 => DeflateWindowBits::Bits13,
        14 => DeflateWindowBits::Bits14,
        15.. => DeflateWindowBits::Bits15,
    }
}

fn sockudo_end(role: Role, limits: Limits, params: &Params) -> CompressedProtocol {
    let config = DeflateConfig {
        server_max_window_bits: window(params.server_max_window_bits),
        client_max_window_bits: window(params.client_max_window_bits),
        server_no_context_takeover: params.server_no_context_takeover,
        client_no_context_takeover: params.client_no_context_takeover,
        compression_level: 6,
        compression_threshold: 0,
    };
    match role {
        Role::Client => CompressedProtocol::client(limits.frame, limits.message, config),
        Role::Server => CompressedProtocol::server(limits.frame, limits.message, config),
    }
}

fn sockudo(role: Role, limits: Limits, params: &Params, input: &[u8]) -> TheirResult {
    let mut end = sockudo_end(role, limits, params);
    let mut messages = Vec::new();
    let refused = end.process_into(&mut BytesMut::from(input), &mut messages).is_err();
    TheirResult { messages: messages.iter().map(Owned::from).collect(), refused }
}

/// Converts one of our messages to tungstenite's result: it replaces a close code that it does not know by a close
/// frame of its own.
fn as_tungstenite(message: &Owned) -> Owned {
    match message {
        Owned::Close(Some((code, _))) if !third_party::tungstenite_close_code(*code) => protocol_violation(),
        Owned::Close(_) | Owned::Text(_) | Owned::Binary(_) | Owned::Ping(_) | Owned::Pong(_) => message.clone(),
    }
}

fn protocol_violation() -> Owned {
    Owned::Close(Some((1002, "Protocol violation".to_owned())))
}

/// Compares their result with ours.
fn compare(
    ours: &[Owned],
    error: Option<Error>,
    mut theirs: TheirResult,
    differs: fn(Error) -> bool,
) -> Result<(), String> {
    // We ignore bytes after a close frame; they may report an error.
    if matches!(ours.last(), Some(Owned::Close(_))) {
        theirs.messages.truncate(ours.len());
        theirs.refused = false;
    }
    if error.is_some_and(differs) && theirs.messages.len() >= ours.len() {
        theirs.messages.truncate(ours.len());
    }
    // An implementation that checks a message only when it is complete still delivers the control frames inside it.
    if matches!(error, Some(Error::Utf8 | Error::MessageTooLong { .. })) && theirs.messages.len() > ours.len() {
        let late = theirs.messages.split_off(ours.len());
        theirs.messages.extend(late.into_iter().filter(|message| matches!(message, Owned::Text(_) | Owned::Binary(_))));
    }
    if matches!(error, Some(Error::CloseCode(_))) && theirs.messages.last() == Some(&protocol_violation()) {
        theirs.messages.pop();
        theirs.refused = true;
    }
    if ours != theirs.messages || (error.is_none() && theirs.refused) {
        return Err(format!("ours: {ours:?} {error:?}, theirs: {theirs:?}"));
    }
    Ok(())
}

/// Law 9 against tungstenite. It accepts lengths that are not minimally encoded, also in control frames, and does not
/// count fragments.
pub fn against_tungstenite(role: Role, input: &[u8]) -> Result<(), String> {
    let (messages, error) = ours(role, Limits::default(), None, input);
    let messages: Vec<Owned> = messages.iter().map(as_tungstenite).collect();
    let differs = |error| matches!(error, Error::Length | Error::ControlTooLong | Error::TooManyFragments { .. });
    compare(&messages, error, tungstenite(role, input), differs).map_err(|why| format!("tungstenite: {why}"))
}

/// Law 9 against sockudo-ws, with permessage-deflate. It delivers truncated deflate streams, and fails after a
/// compressed message without payload.
pub fn against_sockudo(role: Role, params: &Params, input: &[u8]) -> Result<(), String> {
    let limits = Limits::default().with_frame(1 << 20).with_message(1 << 20).with_ratio(None);
    if empty_compressed(input) {
        return Ok(());
    }
    let (messages, error) = ours(role, limits, Some(params), input);
    let differs = |error| matches!(error, Error::Inflate | Error::TooManyFragments { .. });
    compare(&messages, error, sockudo(role, limits, params, input), differs).map_err(|why| format!("sockudo-ws: {why}"))
}

/// Returns whether the input has a compressed message without payload, as far as its frames can be parsed.
fn empty_compressed(mut input: &[u8]) -> bool {
    let mut empty = false;
    while let [first, second, rest @ ..] = input {
        let (control, begins) = (first & 0x08 != 0, first & 0x0F != 0);
        let (length, rest) = match (second & 0x7F, rest) {
            (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest),
            (126.., _) => return false,
            (length, rest) => (u64::from(length), rest),
        };
        if !control {
            empty = if begins { first & 0x40 != 0 && length == 0 } else { empty && length == 0 };
            if empty && first & 0x80 != 0 {
                return true;
            }
        }
        let size = length.saturating_add(if second & 0x80 != 0 { 4 } else { 0 });
        input = usize::try_from(size).ok().and_then(|size| rest.get(size..)).unwrap_or(&[]);
    }
    false
}

/// Law 2 against both: each side decodes what the other encodes.
pub fn exchange(from: Role, deflate: Option<&Params>, messages: &[Owned]) -> Result<(), String> {
    let limits = Limits::default();
    let data: Vec<Owned> = messages.iter().filter(|message| !matches!(message, Owned::Close(_))).cloned().collect();
    let mut encoder = Encoder::new(from, deflate);
    let (mut sent, mut received) = (Vec::new(), BytesMut::new());
    for (number, message) in data.iter().enumerate() {
        let key = [number.to_le_bytes()[0], 0xA5, 0x5A, 0xFF];
        encoder.encode(message.lend(), key, &mut sent).map_err(|error| format!("{message:?}: {error}"))?;
    }
    let theirs = match deflate {
        Some(params) => {
            let mut end = sockudo_end(from, limits, params);
            for message in data.iter().filter_map(third_party::sockudo) {
                end.encode_message(&message, &mut received).map_err(|error| error.to_string())?;
            }
            sockudo(peer(from), limits, params, &sent)
        }
        None => {
            let mut stream = tungstenite_stream(from, &[]);
            for message in &data {
                stream.send(message.into()).map_err(|error| error.to_string())?;
            }
            received.extend_from_slice(&stream.get_ref().output);
            tungstenite(peer(from), &sent)
        }
    };
    if theirs.messages != data || theirs.refused {
        return Err(format!("they decoded {data:?} as {theirs:?}"));
    }
    let (back, error) = ours(peer(from), limits, deflate, &received);
    match back == data && error.is_none() {
        true => Ok(()),
        false => Err(format!("we decoded {data:?} as {back:?}, error {error:?}")),
    }
}

/// All of these laws over arbitrary input, for the fuzz target `ws-differential`. The first byte chooses the role and
/// the extension.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, input @ ..] = input else { return Ok(()) };
    let role = if choice & 1 == 0 { Role::Client } else { Role::Server };
    if choice & 2 == 0 {
        return against_tungstenite(role, input);
    }
    let params = Params::default()
        .with_server_no_context_takeover(choice & 4 != 0)
        .with_client_no_context_takeover(choice & 4 != 0);
    against_sockudo(role, &params, input)
}
