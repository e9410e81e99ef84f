//! WebSocket frames: from bytes to messages, and from messages to bytes.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::{StreamExt as _, future::block_on};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turnwire::ws::{Decoder, Encoder, Limits, Message, Role, WebSocket};

use crate::contest::Row;
use crate::workload::{Frames, READ, Rng, payload};

/// Number of messages, and bytes of their payloads.
pub type Seen = (u64, u64);

/// A socket with all its input in memory, which discards its output.
#[derive(Clone, Copy, Debug)]
struct Memory<'w> {
    wire: &'w [u8],
}

impl Memory<'_> {
    fn take(&mut self, room: usize) -> &[u8] {
        let (read, rest) = self.wire.split_at(self.wire.len().min(room).min(READ));
        self.wire = rest;
        read
    }
}

impl io::Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.take(buffer.len());
        buffer[..read.len()].copy_from_slice(read);
        Ok(read.len())
    }
}

impl io::Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        black_box(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Memory<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.take(buffer.remaining());
        buffer.put_slice(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        black_box(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Returns frames for this role like [`frames`](crate::workload::frames), but with distinct texts, so that the branch
/// predictor cannot learn them.
///
/// # Panics
///
/// Never: every text can be encoded.
#[must_use]
pub fn unrepeated(seed: u64, size: usize, length: usize, role: Role) -> Frames {
    let sender = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let (mut rng, mut encoder) = (Rng(seed ^ length as u64), Encoder::new(sender, None));
    let mut frames = Frames { wire: Vec::with_capacity(size + length + 64), frames: 0, payload: 0 };
    while frames.wire.len() < size {
        let (text, key) = (payload(&mut rng, length), (rng.step() as u32).to_ne_bytes());
        encoder.encode(Message::Text(&text), key, &mut frames.wire).expect("it is text");
        frames.frames += 1;
        frames.payload += text.len() as u64;
    }
    frames
}

/// Returns the decoders for this role.
#[must_use]
pub fn decoders(frames: &Frames, role: Role) -> Vec<Row<'_, Seen>> {
    let Frames { wire, frames: count, payload } = frames;
    let (count, payload) = (*count, *payload);
    let mut rows = vec![
        Row::new("limit: memcpy", move || {
            copies(wire);
            (count, payload)
        }),
        Row::new("turnwire, in place", move || in_place(wire, role)),
        Row::new("turnwire, keeping what a read cuts", move || keeping(wire, role)),
        Row::new("turnwire, untouched input", move || untouched(wire, role)),
    ];
    rows.extend([
        Row::new("tungstenite", move || tungstenite(wire, role, count)),
        Row::new("fastwebsockets", move || fastwebsockets(wire, role, count)),
        Row::new("tokio-websockets", move || tokio_websockets(wire, role, count)),
        Row::new("sockudo-ws, its Protocol", move || sockudo(wire, role)),
    ]);
    rows
}

fn copies(wire: &[u8]) {
    let mut buffer = vec![0; READ];
    for read in wire.chunks(READ) {
        buffer[..read.len()].copy_from_slice(read);
        black_box(&mut buffer);
    }
}

fn count((messages, bytes): &mut Seen, message: Message<'_>) {
    let Message::Text(text) = black_box(message) else { panic!("there is only text") };
    *messages += 1;
    *bytes += text.len() as u64;
}

/// Decodes the available bytes. `keep`: an incomplete message stays in the buffer.
fn drain(decoder: &mut Decoder, input: &mut &mut [u8], keep: bool, seen: &mut Seen) {
    while !(keep && decoder.bytes_to_borrow(input).is_some())
        && let Some(message) = decoder.decode_in_place(input).expect("well formed")
    {
        count(seen, message);
    }
}

/// This crate, in a buffer that keeps incomplete messages for the next read, so that every message is borrowed.
#[must_use]
pub fn keeping(wire: &[u8], role: Role) -> Seen {
    let (mut seen, mut memory, mut buffer) = ((0, 0), Memory { wire }, vec![0; READ + READ / 4]);
    let mut decoder = Decoder::new(role, Limits::default(), None);
    let mut kept = 0..0;
    loop {
        if buffer.len() - kept.end < READ {
            buffer.copy_within(kept.clone(), 0);
            kept = 0..kept.len();
            buffer.resize(buffer.len().max(kept.end + READ), 0);
        }
        let length = io::Read::read(&mut memory, &mut buffer[kept.end..]).unwrap_or(0);
        if length == 0 {
            return seen;
        }
        kept.end += length;
        let mut rest = &mut buffer[kept.clone()];
        drain(&mut decoder, &mut rest, true, &mut seen);
        kept.start = kept.end - rest.len();
    }
}

/// This crate, unmasking in the read buffer.
#[must_use]
pub fn in_place(wire: &[u8], role: Role) -> Seen {
    let (mut seen, mut memory, mut buffer) = ((0, 0), Memory { wire }, vec![0; READ]);
    let mut decoder = Decoder::new(role, Limits::default(), None);
    while let Ok(length @ 1..) = io::Read::read(&mut memory, &mut buffer) {
        drain(&mut decoder, &mut &mut buffer[..length], false, &mut seen);
    }
    seen
}

/// This crate, with an immutable input.
#[must_use]
pub fn untouched(wire: &[u8], role: Role) -> Seen {
    let (mut seen, mut memory, mut buffer) = ((0, 0), Memory { wire }, vec![0; READ]);
    let mut decoder = Decoder::new(role, Limits::default(), None);
    while let Ok(length @ 1..) = io::Read::read(&mut memory, &mut buffer) {
        let mut input = &buffer[..length];
        while let Some(message) = decoder.decode(&mut input).expect("well formed") {
            count(&mut seen, message);
        }
    }
    seen
}

fn tungstenite(wire: &[u8], role: Role, frames: u64) -> Seen {
    use tungstenite::protocol::Role as Theirs;
    let role = match role {
        Role::Client => Theirs::Client,
        Role::Server => Theirs::Server,
    };
    let mut socket = tungstenite::WebSocket::from_raw_socket(Memory { wire }, role, None);
    let mut seen = (0, 0);
    while seen.0 < frames {
        let tungstenite::Message::Text(text) = black_box(socket.read().expect("a message")) else {
            panic!("only text")
        };
        seen.0 += 1;
        seen.1 += text.as_str().len() as u64;
    }
    seen
}

fn fastwebsockets(wire: &[u8], role: Role, frames: u64) -> Seen {
    use fastwebsockets::Role as Theirs;
    let role = match role {
        Role::Client => Theirs::Client,
        Role::Server => Theirs::Server,
    };
    let mut socket = fastwebsockets::WebSocket::after_handshake(Memory { wire }, role);
    socket.set_auto_close(false);
    let mut socket = fastwebsockets::FragmentCollector::new(socket);
    let mut seen = (0, 0);
    block_on(async {
        while seen.0 < frames {
            let frame = black_box(socket.read_frame().await.expect("a message"));
            seen.0 += 1;
            seen.1 += frame.payload.len() as u64;
        }
    });
    seen
}

fn tokio_websockets(wire: &[u8], role: Role, frames: u64) -> Seen {
    let memory = Memory { wire };
    let mut socket = match role {
        Role::Client => tokio_websockets::ClientBuilder::new().take_over(memory),
        Role::Server => tokio_websockets::ServerBuilder::new().serve(memory),
    };
    let mut seen = (0, 0);
    block_on(async {
        while seen.0 < frames {
            let message = black_box(socket.next().await.expect("more").expect("a message"));
            seen.0 += 1;
            seen.1 += message.as_text().expect("only text").len() as u64;
        }
    });
    seen
}

fn sockudo(wire: &[u8], role: Role) -> Seen {
    use sockudo_ws::Role as Theirs;
    let role = match role {
        Role::Client => Theirs::Client,
        Role::Server => Theirs::Server,
    };
    let mut protocol = sockudo_ws::protocol::Protocol::new(role, 16 << 20, 64 << 20);
    let (mut memory, mut buffer, mut messages) = (Memory { wire }, bytes::BytesMut::new(), Vec::new());
    let mut seen = (0, 0);
    loop {
        buffer.reserve(READ);
        let read = memory.take(READ);
        if read.is_empty() {
            return seen;
        }
        buffer.extend_from_slice(read);
        protocol.process_into(&mut buffer, &mut messages).expect("well formed");
        for message in messages.drain(..) {
            seen.0 += 1;
            seen.1 += black_box(message).as_text().expect("only text").len() as u64;
        }
    }
}

/// Number of pending bytes before they are written.
const BATCH: usize = 64 * 1024;

/// Returns the encoders of these texts, masked, in turn up to `messages`. Each generates its keys as it does for its
/// users.
#[must_use]
pub fn encoders(texts: &[String], messages: u64) -> Vec<Row<'_, Seen>> {
    let pool = texts;
    let texts = move || pool.iter().map(String::as_str).cycle().take(messages as usize);
    vec![
        Row::new("limit: memcpy", move || written(texts(), |text, out| out.extend_from_slice(text.as_bytes()))),
        Row::new("turnwire, keys from ChaCha", move || {
            let mut socket = WebSocket::new(Role::Client, Limits::default(), None, [7; 32]);
            written(texts(), |text, out| socket.send(Message::Text(text), out).expect("it is open"))
        }),
        Row::new("turnwire, keys from the caller", move || {
            let (mut encoder, mut rng) = (Encoder::new(Role::Client, None), Rng(7));
            let mut key = move || (rng.step() as u32).to_ne_bytes();
            written(texts(), |text, out| encoder.encode(Message::Text(text), key(), out).expect("it is text"))
        }),
        Row::new("tungstenite", move || tungstenite_sent(pool, messages)),
        Row::new("fastwebsockets", move || fastwebsockets_sent(texts())),
        Row::new("sockudo-ws, its Protocol", move || sockudo_sent(pool, messages)),
    ]
}

fn written<'t>(texts: impl Iterator<Item = &'t str>, mut encode: impl FnMut(&str, &mut Vec<u8>)) -> Seen {
    let (mut seen, mut out) = ((0, 0), Vec::with_capacity(2 * BATCH));
    for text in texts {
        encode(text, &mut out);
        seen.0 += 1;
        seen.1 += text.len() as u64;
        if out.len() >= BATCH {
            black_box(&mut out).clear();
        }
    }
    seen
}

/// Its messages own or share their text, so they are created before the measurement.
fn tungstenite_sent(texts: &[String], messages: u64) -> Seen {
    use tungstenite::protocol::{Role, WebSocketConfig};
    let config = WebSocketConfig::default().write_buffer_size(BATCH);
    let mut socket = tungstenite::WebSocket::from_raw_socket(Memory { wire: &[] }, Role::Client, Some(config));
    let pool: Vec<_> = texts.iter().map(|text| tungstenite::Message::text(text.as_str())).collect();
    let mut seen = (0, 0);
    for message in pool.iter().cycle().take(messages as usize) {
        socket.write(message.clone()).expect("memory takes it");
        seen.0 += 1;
        seen.1 += message.len() as u64;
    }
    seen
}

fn fastwebsockets_sent<'t>(texts: impl Iterator<Item = &'t str>) -> Seen {
    use fastwebsockets::{Frame, Payload, Role, WebSocket};
    let mut socket = WebSocket::after_handshake(Memory { wire: &[] }, Role::Client);
    let mut seen = (0, 0);
    block_on(async {
        for text in texts {
            socket.write_frame(Frame::text(Payload::Borrowed(text.as_bytes()))).await.expect("memory takes it");
            seen.0 += 1;
            seen.1 += text.len() as u64;
        }
    });
    seen
}

fn sockudo_sent(texts: &[String], messages: u64) -> Seen {
    let mut protocol = sockudo_ws::protocol::Protocol::new(sockudo_ws::Role::Client, 16 << 20, 64 << 20);
    let shared = |text: &String| sockudo_ws::Message::Text(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let pool: Vec<_> = texts.iter().map(shared).collect();
    let (mut seen, mut out) = ((0, 0), bytes::BytesMut::with_capacity(2 * BATCH));
    for message in pool.iter().cycle().take(messages as usize) {
        protocol.encode_message(message, &mut out).expect("it is text");
        seen.0 += 1;
        seen.1 += message.as_bytes().len() as u64;
        if out.len() >= BATCH {
            black_box(&mut out).clear();
        }
    }
    seen
}
