//! Memory of the `ws` layer: of an idle connection, per frame, and with a hostile peer.

use allocation_counter::{AllocationInfo, measure};
use turnwire::connection::{ClientConnection, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::deflate::{Deflater, Params};
use turnwire::ws::{Error, Limits, Message, Role, WebSocket};
use turnwire_tests::laws::ws::peer;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn socket(role: Role, deflate: bool) -> WebSocket {
    WebSocket::new(role, Limits::default(), deflate.then(Params::default).as_ref(), [7; 32])
}

/// Returns frames that `role` receives, each repeated.
fn frames(role: Role, deflate: bool, messages: &[Message<'_>], times: usize) -> Vec<u8> {
    let (mut sender, mut bytes) = (socket(peer(role), deflate), Vec::new());
    for _ in 0..times {
        for message in messages {
            sender.send(*message, &mut bytes).expect("a message that can be sent");
        }
    }
    bytes
}

/// Receives `input` in reads of `size` bytes, in an existing buffer, and writes the replies. Returns the number of
/// messages.
fn receive(
    socket: &mut WebSocket,
    input: &[u8],
    size: usize,
    in_place: bool,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> usize {
    let mut count = 0;
    for read in input.chunks(size) {
        let mut shared = read;
        scratch.clear();
        scratch.extend_from_slice(read);
        let mut own = scratch.as_mut_slice();
        while let Some(message) =
            if in_place { socket.decode_in_place(&mut own) } else { socket.decode(&mut shared) }.expect("good frames")
        {
            count += usize::from(!matches!(message, Message::Close(_)));
        }
        out.clear();
        socket.write_pending_replies(out);
    }
    count
}

fn none(what: &str, info: AllocationInfo) {
    assert_eq!(info.count_total, 0, "{what}: {info:?}");
}

/// An idle connection without an extension takes at most 2 KiB, including itself.
#[test]
fn idle_socket_is_small() {
    for role in ROLES {
        let mut idle = Vec::with_capacity(1);
        let info = measure(|| idle.push(Box::new(socket(role, false))));
        assert!(info.bytes_current <= 2048, "{role:?}: {info:?}");
        // Also after messages that arrived whole.
        let input = frames(role, false, &[Message::Text("hello"), Message::Ping(b"!"), Message::Pong(b"")], 10);
        let mut input = input.clone();
        let info = measure(|| {
            let mut rest = input.as_mut_slice();
            while idle[0].decode_in_place(&mut rest).unwrap().is_some() {}
        });
        assert!(size_of::<WebSocket>() as i64 + info.bytes_current <= 2048, "{role:?}: {info:?}");
    }
}

#[test]
fn frame_in_warm_buffers_allocates_nothing() {
    let long = "x".repeat(3000);
    let messages = [
        Message::Text("hello"),
        Message::Text(""),
        Message::Binary(&[0xA5; 700]),
        Message::Text(&long),
        Message::Ping(b"ping"),
        Message::Pong(b"pong"),
    ];
    for role in ROLES {
        let input = frames(role, false, &messages, 20);
        let (mut scratch, mut out) = (Vec::with_capacity(input.len()), Vec::with_capacity(1000));
        for (size, in_place) in [(input.len(), true), (input.len(), false), (100, true), (100, false), (1, false)] {
            let mut socket = socket(role, false);
            let mut count = receive(&mut socket, &input, size, in_place, &mut scratch, &mut out);
            let info = measure(|| count += receive(&mut socket, &input, size, in_place, &mut scratch, &mut out));
            assert_eq!(count, 2 * 6 * 20);
            none(&format!("{role:?}, reads of {size}, in place {in_place}"), info);
        }
    }
}

#[test]
fn compressed_message_in_warm_buffers_allocates_nothing() {
    let long = "the same again ".repeat(200);
    for role in ROLES {
        let (mut sender, mut receiver) = (socket(peer(role), true), socket(role, true));
        let (mut bytes, mut scratch, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let mut round = |times: usize| {
            for _ in 0..times {
                bytes.clear();
                for message in [Message::Text("hello"), Message::Text(&long), Message::Binary(&[7; 900])] {
                    sender.send(message, &mut bytes).unwrap();
                }
                assert_eq!(receive(&mut receiver, &bytes, 64, true, &mut scratch, &mut out), 3);
            }
        };
        round(50);
        none(&format!("{role:?}"), measure(|| round(50)));
    }
}

#[test]
fn sending_with_warm_buffers_allocates_nothing() {
    for role in ROLES {
        let (mut socket, mut out) = (socket(role, false), Vec::with_capacity(8192));
        let info = measure(|| {
            for _ in 0..100 {
                out.clear();
                for message in [Message::Text("hello"), Message::Binary(&[1; 4000]), Message::Ping(b"?")] {
                    socket.send(message, &mut out).unwrap();
                }
            }
        });
        none(&format!("{role:?}"), info);
    }
}

/// A declared length reserves no memory: memory grows with the received bytes.
#[test]
fn declared_length_reserves_no_memory() {
    let limits = Limits::default().with_frame(usize::MAX).with_message(usize::MAX).with_ratio(None);
    for (role, header) in [
        (Role::Client, &[0x82, 0x7F, 0, 0, 0, 0, 1, 0, 0, 0][..]),
        (Role::Client, &[0x02, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        (Role::Server, &[0x82, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]),
    ] {
        let mut socket = WebSocket::new(role, limits, None, [7; 32]);
        let info = measure(|| assert_eq!(socket.decode(&mut &*header), Ok(None)));
        none("a header", info);
        let info = measure(|| assert_eq!(socket.decode(&mut &[0; 100][..]), Ok(None)));
        assert!(info.bytes_max <= 512, "{info:?}");
    }
}

/// A peer that pings without reading: only the pong to the newest ping is pending.
#[test]
fn ping_flood_uses_no_memory() {
    for role in ROLES {
        let mut socket = socket(role, false);
        let input = frames(role, false, &[Message::Ping(&[b'?'; 125])], 10_000);
        let mut out = Vec::with_capacity(200);
        let info = measure(|| {
            let mut rest = input.as_slice();
            while socket.decode(&mut rest).unwrap().is_some() {}
        });
        none("pings", info);
        assert!(
            socket.write_pending_replies(&mut out) && !socket.write_pending_replies(&mut out) && out.len() <= 131,
            "{} bytes",
            out.len()
        );
    }
}

/// A message that inflates to a hundred times its size is rejected at the limit, with at most twice the limit (a buffer
/// and its larger copy) and one step in memory.
#[test]
fn decompression_bomb_is_rejected_at_limit() {
    let mut payload = Vec::new();
    Deflater::new(&Params::default(), Role::Server).unwrap().message(&vec![0; 64 << 20], &mut payload);
    assert!(payload.len() < 1 << 20, "{} bytes", payload.len());
    let mut bomb = vec![0xC2, 0x7F];
    bomb.extend((payload.len() as u64).to_be_bytes());
    bomb.extend(&payload);
    for (limits, bound) in [
        (Limits::default().with_frame(1 << 20).with_message(1 << 20).with_ratio(None), 1 << 20),
        (Limits::default().with_ratio(Some(10)), payload.len() * 10 + 65536),
    ] {
        let mut socket = WebSocket::new(Role::Client, limits, Some(&Params::default()), [7; 32]);
        let mut result = Ok(());
        let info = measure(|| result = socket.decode(&mut bomb.as_slice()).map(|_| ()));
        assert_eq!(result, Err(Error::MessageTooLong { limit: bound }));
        assert!(info.bytes_max <= 2 * bound as u64 + 96 * 1024, "{info:?}, {bound} allowed");
        assert!(info.bytes_current <= bound as i64 + 96 * 1024, "{info:?}, {bound} allowed");
        let info = measure(|| assert!(socket.decode(&mut bomb.as_slice()).is_err()));
        none("after the end", info);
    }
    // Within the limit, it is an ordinary large message.
    let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&Params::default()), [7; 32]);
    assert!(matches!(socket.decode(&mut bomb.as_slice()), Ok(Some(Message::Binary(bytes))) if bytes.len() == 64 << 20));
    // After the next decode, its memory is released.
    let mut rest: &[u8] = &[0x81];
    let info = measure(|| assert_eq!(socket.decode(&mut rest), Ok(None)));
    assert!(info.bytes_current <= -(63 << 20), "{info:?}");
}

/// Endless fragments are rejected at the limit, with at most twice the limit in memory.
#[test]
fn endless_fragments_are_rejected_at_limit() {
    let limits = Limits::default().with_frame(64 * 1024).with_message(1 << 20).with_ratio(None);
    let mut fragment = vec![0x00, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
    fragment.resize(10 + 65_536, b'x');
    let mut socket = WebSocket::new(Role::Client, limits, None, [7; 32]);
    let mut taken = 0;
    let info = measure(|| {
        assert_eq!(socket.decode(&mut &[0x01, 0x00][..]), Ok(None));
        while socket.decode(&mut fragment.as_slice()).is_ok() {
            taken += 1;
        }
    });
    assert_eq!(taken, 16);
    // The remaining memory is the limit, and the close frame.
    assert!(info.bytes_max <= 2 << 20 && info.bytes_current <= (1 << 20) + 256, "{info:?}");
    // Also with a limit that is not a power of two.
    let limits = limits.with_message(700_000);
    let mut socket = WebSocket::new(Role::Client, limits, None, [7; 32]);
    let info = measure(|| {
        assert_eq!(socket.decode(&mut &[0x01, 0x00][..]), Ok(None));
        while socket.decode(&mut fragment.as_slice()).is_ok() {}
    });
    assert!(info.bytes_current <= 700_000 + 256, "{info:?}");
}

/// A client's connection after its handshake, with nothing to read or write: besides the socket it holds only its
/// configuration and the head of the response.
#[test]
fn idle_connection_is_small() {
    let now = Instant::ZERO;
    let mut config = client::Config::new("example.com");
    config.deflate_offer = None;
    let (mut client, mut kept) = (Vec::with_capacity(1), 0);
    kept += measure(|| {
        client.push(Box::new(ClientConnection::new(config.clone(), Transport::WebSocket, [7; 32])));
        client[0].upgrade(now, "/v1/responses", &Headers::new()).unwrap();
    })
    .bytes_current;
    let client = &mut client[0];
    let mut server = ServerConnection::new(server::Config::new(), [8; 32]);
    server.handle_input(now, client.poll_transmit());
    kept += measure(|| client.handle_written(now, client.poll_transmit().len())).bytes_current;
    while server.poll_event().is_some() {}
    server.accept(now, &Headers::new()).unwrap();
    kept += measure(|| {
        client.handle_input(now, server.poll_transmit());
        while client.poll_event().is_some() {}
    })
    .bytes_current;
    assert!(kept <= 1664, "{kept} bytes");
}

/// An end that frees its memory between any two messages sends the same bytes.
#[test]
fn released_end_goes_on() {
    let pings = [1, 2, 3].map(|number| frames(Role::Client, false, &[Message::Ping(&[number; 7])], 1));
    let sent = |releases: bool| {
        let (mut socket, mut out) = (socket(Role::Client, false), Vec::new());
        for ping in &pings {
            for mut part in ping.chunks(1) {
                let is_ping = socket.decode(&mut part).unwrap().is_some();
                if releases {
                    socket.release_input_memory();
                    socket.release_output_memory();
                }
                assert_eq!(socket.has_pending_replies(), is_ping);
            }
            socket.send(Message::Text("hello"), &mut out).unwrap();
            assert!(socket.write_pending_replies(&mut out));
            if releases {
                socket.release_output_memory();
            }
        }
        out
    };
    assert_eq!(sent(true), sent(false));
}

/// Whoever keeps what a read cut, as long as [`Socket::needs`] says that it helps, has every plain message lent.
#[test]
fn message_in_kept_buffer_is_borrowed() {
    for role in ROLES {
        let long = "x".repeat(70_000);
        let input = frames(role, false, &[Message::Text("hello"), Message::Binary(&[7; 300]), Message::Text(&long)], 3);
        for size in [1, 100, 16_384] {
            let (mut socket, mut held, mut count) = (socket(role, false), Vec::with_capacity(input.len()), 0);
            let info = measure(|| {
                for read in input.chunks(size) {
                    held.extend_from_slice(read);
                    let mut rest = held.as_mut_slice();
                    while socket.bytes_to_borrow(rest).is_none() && socket.decode_in_place(&mut rest).unwrap().is_some()
                    {
                        count += 1;
                    }
                    let left = rest.len();
                    held.drain(..held.len() - left);
                }
            });
            assert_eq!((count, held.len()), (9, 0));
            none(&format!("{role:?}, reads of {size}"), info);
        }
    }
}
