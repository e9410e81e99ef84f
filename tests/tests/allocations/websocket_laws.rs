//! Laws 4 and 5 for WebSocket frames and handshakes, as `framing_laws` checks them for the other framing layers.

use turnwire::http::Headers;
use turnwire::ws::deflate::{Deflater, Offer, Params, ServerPolicy};
use turnwire::ws::handshake::{self, ServerOptions};
use turnwire::ws::{Encoder, Limits, Message, Role, WebSocket};
use turnwire_tests::laws::ws::peer;

use super::framing_laws::{Run, Shape, filled, noise, nothing, reads, repeat, whole};

/// Frames for `ROLE`: masked for a server.
fn read_frames(role: Role, deflate: bool, input: &[u8], cut: usize) -> Run {
    let params = Params::default();
    let mut socket = WebSocket::new(role, Limits::default(), deflate.then_some(&params), [7; 32]);
    let (mut calls, mut out) = (0, Vec::new());
    for mut read in reads(input, cut) {
        calls += 1;
        while let Ok(Some(_)) = socket.decode(&mut read) {
            calls += 1;
        }
        out.clear();
        socket.write_pending_replies(&mut out);
    }
    (Box::new((socket, out)), calls)
}

/// A frame that `role` receives, whose payload is already compressed if `rsv1`.
fn frame(role: Role, fin: bool, rsv1: bool, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let key = [1, 2, 3, 4];
    let mask = if role == Role::Server { 0x80 } else { 0 };
    out.push(u8::from(fin) << 7 | u8::from(rsv1) << 6 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..0x1_0000 => {
            out.push(mask | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    if role == Role::Server {
        out.extend(key);
        out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        out.extend_from_slice(payload);
    }
}

/// One message in fragments of this size, with a ping behind each if `pings`.
fn fragments(role: Role, rsv1: bool, opcode: u8, payload: &[u8], size: usize, pings: bool) -> Vec<u8> {
    let (mut out, count) = (Vec::new(), payload.len().div_ceil(size));
    for (number, piece) in payload.chunks(size).enumerate() {
        let (first, last) = (number == 0, number + 1 == count);
        frame(role, last, rsv1 && first, if first { opcode } else { 0 }, piece, &mut out);
        if pings && !last {
            frame(role, true, false, 9, b"0123456789", &mut out);
        }
    }
    out
}

/// Messages that the peer of `role` sends.
fn sent(role: Role, deflate: bool, message: Message<'_>, times: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(peer(role), deflate.then(Params::default).as_ref());
    let mut out = Vec::new();
    for _ in 0..times {
        encoder.encode(message, [9, 8, 7, 6], &mut out).expect("a message");
    }
    out
}

fn compressed(role: Role, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(&Params::default(), peer(role)).expect("a deflater").message(payload, &mut out);
    out
}

fn websocket_shapes(role: Role, plain: fn(&[u8], usize) -> Run, deflate: fn(&[u8], usize) -> Run) -> Vec<Shape> {
    let text = |size: usize| String::from_utf8(repeat(b"some text, and more. ")(size)).expect("ASCII");
    vec![
        Shape::new("one binary frame", plain, whole, move |size| sent(role, false, Message::Binary(&noise(size)), 1)),
        Shape::new("one text frame", plain, whole, move |size| sent(role, false, Message::Text(&text(size)), 1)),
        Shape::new("an incomplete frame", plain, whole, move |size| {
            let mut out = sent(role, false, Message::Binary(&noise(size)), 1);
            out.truncate(size);
            out
        }),
        Shape::new("text in fragments", plain, whole, move |size| {
            fragments(role, false, 1, text(size).as_bytes(), 1000, false)
        }),
        Shape::new("bytes in small fragments", plain, whole, move |size| {
            fragments(role, false, 2, &noise(size), 100, false)
        }),
        Shape::new("pings between fragments", plain, whole, move |size| {
            fragments(role, false, 1, text(size).as_bytes(), 500, true)
        }),
        Shape::new("empty fragments", plain, nothing, move |size| {
            let mut out = Vec::new();
            frame(role, false, false, 1, b"", &mut out);
            while out.len() < size {
                frame(role, false, false, 0, b"", &mut out);
            }
            out
        }),
        Shape::new("small messages", plain, nothing, move |size| sent(role, false, Message::Text("hello"), size / 32)),
        Shape::new("empty messages", plain, nothing, move |size| sent(role, false, Message::Binary(b""), size / 32)),
        Shape::new("pings", plain, nothing, move |size| sent(role, false, Message::Ping(&[b'?'; 125]), size / 128)),
        Shape::new("pongs", plain, nothing, move |size| sent(role, false, Message::Pong(b""), size / 32)),
        Shape::new("bytes behind a close frame", plain, nothing, move |size| {
            let mut out = sent(role, false, Message::Close(None), 1);
            out.resize(size, 0);
            out
        }),
        Shape::new("bytes behind a violation", plain, nothing, move |size| vec![0xFF; size]),
        Shape::new("compressed noise", deflate, whole, move |size| sent(role, true, Message::Binary(&noise(size)), 1)),
        Shape::new("compressed text", deflate, whole, move |size| sent(role, true, Message::Text(&text(size)), 1)),
        Shape::new("a bomb", deflate, whole, move |size| sent(role, true, Message::Binary(&vec![0; size]), 1)),
        Shape::new("a bomb of text in fragments", deflate, whole, move |size| {
            fragments(role, true, 1, &compressed(role, &vec![b'a'; size]), 7, true)
        }),
        Shape::new("small compressed messages", deflate, nothing, move |size| {
            sent(role, true, Message::Text("hello"), size / 64)
        }),
        Shape::new("empty compressed messages", deflate, nothing, move |size| {
            sent(role, true, Message::Text(""), size / 64)
        }),
        Shape::new("empty stored blocks", deflate, nothing, move |size| {
            fragments(role, true, 2, &repeat(b"\0\0\0\xFF\xFF")(size), 4096, false)
        }),
        Shape::new("final blocks", deflate, nothing, move |size| {
            // Empty final blocks with fixed codes: each is followed by a new stream.
            fragments(role, true, 2, &repeat(b"\x03\x00")(size / 16), 4096, false)
        }),
    ]
}

#[test]
fn websocket_frames_are_bounded_and_linear_for_a_client() {
    let plain = |input: &[u8], cut| read_frames(Role::Client, false, input, cut);
    let deflate = |input: &[u8], cut| read_frames(Role::Client, true, input, cut);
    websocket_shapes(Role::Client, plain, deflate).iter().for_each(Shape::check);
}

#[test]
fn websocket_frames_are_bounded_and_linear_for_a_server() {
    let plain = |input: &[u8], cut| read_frames(Role::Server, false, input, cut);
    let deflate = |input: &[u8], cut| read_frames(Role::Server, true, input, cut);
    websocket_shapes(Role::Server, plain, deflate).iter().for_each(Shape::check);
}

/// The request of a handshake with this value of a header, which the peer sends.
fn accept(header: &str, value: &[u8]) -> Run {
    let mut request = handshake::build_request("/", "a", [7; 16], &Headers::new(), None).expect("a request");
    request.headers.append(header, value).expect("a header");
    let options = ServerOptions::default().with_deflate(Some(ServerPolicy::default())).with_protocols(&["chat"]);
    (Box::new(handshake::accept(&request, &options)), 1)
}

fn accept_extensions(value: &[u8], _: usize) -> Run {
    accept("Sec-WebSocket-Extensions", value)
}

fn accept_protocols(value: &[u8], _: usize) -> Run {
    accept("Sec-WebSocket-Protocol", value)
}

fn accept_connection(value: &[u8], _: usize) -> Run {
    accept("Connection", value)
}

fn verify_extensions(value: &[u8], _: usize) -> Run {
    let request = handshake::build_request("/", "a", [7; 16], &Headers::new(), None).expect("a request");
    let (mut response, _) = handshake::accept(&request, &ServerOptions::default()).expect("a good request");
    response.headers.append("Sec-WebSocket-Extensions", value).expect("a header");
    (Box::new(handshake::verify_response([7; 16], &response, Some(&Offer::default()), &[])), 1)
}

#[test]
fn handshakes_are_bounded_and_linear() {
    let shapes = [
        Shape::new("offers of others", accept_extensions, whole, repeat(b"x-other, ")),
        Shape::new("malformed offers", accept_extensions, whole, repeat(b"permessage-deflate; a=\"b, ")),
        Shape::new("an offer of many parameters", accept_extensions, whole, filled(b"permessage-deflate", b"; a", b"")),
        Shape::new("empty elements", accept_extensions, whole, repeat(b",")),
        Shape::new("an open string", accept_extensions, whole, filled(b"a; b=\"", b"\\\"", b"")),
        Shape::new("protocols", accept_protocols, whole, repeat(b"other, ")),
        Shape::new("connection options", accept_connection, whole, repeat(b"other, ")),
        Shape::new("extensions of a response", verify_extensions, whole, repeat(b"permessage-deflate, ")),
        Shape::new("parameters of a response", verify_extensions, whole, filled(b"permessage-deflate", b"; a", b"")),
    ];
    shapes.iter().for_each(Shape::check);
}
