//! Hostile and broken WebSocket peers, at each limit and one beyond; and the closing handshake.
//!
//! Cases with a single short input are in `vectors/ws.toml` and `vectors/handshake.toml`. The cases here need a socket
//! that also sends, long inputs, or generated streams.

use turnwire::ws::deflate::{self as permessage_deflate, Deflater, Inflater, Params};
use turnwire::ws::{Close, Encoder, Eof, Error, Limits, Message, Role, SendError, State, WebSocket};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::deflate;
use turnwire_tests::laws::ws::{Owned, peer, read_all};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn socket(role: Role) -> WebSocket {
    WebSocket::new(role, Limits::default(), None, [7; 32])
}

/// Returns the bytes that `role` receives when its peer sends this message.
fn sent(to: Role, message: Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(peer(to), None).encode(message, [1, 2, 3, 4], &mut out).expect("a message that can be sent");
    out
}

fn receive(socket: &mut WebSocket, mut input: &[u8]) -> Result<Vec<Owned>, Error> {
    let mut messages = Vec::new();
    while let Some(message) = socket.decode(&mut input)? {
        messages.push(message.into());
    }
    Ok(messages)
}

/// Returns the pending replies of a socket.
fn said(role: Role, socket: &mut WebSocket) -> Vec<Owned> {
    let mut out = Vec::new();
    socket.write_pending_replies(&mut out);
    read_all(role, &out).expect("our own bytes")
}

fn close(code: u16, reason: &str) -> Owned {
    Owned::Close(Some((code, reason.to_owned())))
}

// Fragments

/// Empty fragments have a cost, so that their number is limited: 8 388 608 with the default limits.
#[test]
fn empty_continuations_are_limited() {
    let limit = 8 * 1024 * 1024;
    let mut socket = socket(Role::Client);
    assert_eq!(receive(&mut socket, &[0x02, 0x00]), Ok(vec![]));
    let thousand = [0x00, 0x00].repeat(1024);
    for _ in 0..limit / 1024 - 1 {
        assert_eq!(receive(&mut socket, &thousand), Ok(vec![]));
    }
    assert_eq!(receive(&mut socket, &thousand[2..]), Ok(vec![]));
    assert_eq!(receive(&mut socket, &[0x00, 0x00]), Err(Error::TooManyFragments { limit }));
    assert_eq!(said(Role::Client, &mut socket), [close(1008, "")]);
}

#[test]
fn fragments_pass_at_limit() {
    let mut socket = socket(Role::Client);
    assert_eq!(receive(&mut socket, &[0x02, 0x00]), Ok(vec![]));
    let thousand = [0x00, 0x00].repeat(1024);
    for _ in 0..8 * 1024 - 1 {
        assert_eq!(receive(&mut socket, &thousand), Ok(vec![]));
    }
    assert_eq!(receive(&mut socket, &thousand[4..]), Ok(vec![]));
    assert_eq!(receive(&mut socket, &[0x80, 0x00]), Ok(vec![Owned::Binary(Vec::new())]));
}

/// 1 MiB of text, one byte per read: quadratic work would take hours.
#[test]
fn long_text_byte_by_byte_is_linear() {
    for role in ROLES {
        let text = "h\u{e9}\u{20ac}\u{1f414}".repeat(1 << 17);
        let input = sent(role, Message::Text(&text));
        let mut socket = socket(role);
        let mut messages = Vec::new();
        for byte in input.chunks(1) {
            messages.extend(receive(&mut socket, byte).expect("good text"));
        }
        assert!(messages == [Owned::Text(text)]);
    }
}

// Compressed messages

fn compressed(payload: &[u8], params: &Params) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(params, Role::Server).expect("a window from 9 up").message(payload, &mut out);
    out
}

fn binary_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x7F];
    match payload.len() {
        ..=125 => frame = vec![first, payload.len().to_le_bytes()[0]],
        126..=0xFFFF => frame = [&[first, 0x7E], &(payload.len() as u64).to_be_bytes()[6..]].concat(),
        _ => frame.extend((payload.len() as u64).to_be_bytes()),
    }
    frame.extend(payload);
    frame
}

/// A mebibyte of zeros, with exactly this limit and with one byte less.
#[test]
fn decompression_bomb_passes_at_limit_and_fails_beyond() {
    let bomb = binary_frame(0xC2, &compressed(&vec![0; 1 << 20], &Params::default()));
    for (message, fits) in [(1 << 20, true), ((1 << 20) - 1, false)] {
        let limits = Limits::default().with_message(message);
        let mut socket = WebSocket::new(Role::Client, limits, Some(&Params::default()), [7; 32]);
        let result = receive(&mut socket, &bomb);
        match fits {
            true => assert!(matches!(result.as_deref(), Ok([Owned::Binary(bytes)]) if bytes.len() == 1 << 20)),
            false => assert_eq!(result, Err(Error::MessageTooLong { limit: message })),
        }
    }
}

/// Many small decompression bombs, each within the message limit: the ratio limit stops each of them.
#[test]
fn many_small_bombs_fail_at_ratio_limit() {
    let (params, payload) = (Params::default(), vec![0; 100_000]);
    let mut deflater = Deflater::new(&params, Role::Server).expect("a deflater");
    for (ratio, fits) in [(None, true), (Some(1000), true), (Some(1), false)] {
        let limits = Limits::default().with_ratio(ratio);
        let mut socket = WebSocket::new(Role::Client, limits, Some(&params), [7; 32]);
        for number in 0..10 {
            let mut bytes = Vec::new();
            deflater.message(&payload, &mut bytes);
            let result = receive(&mut socket, &binary_frame(0xC2, &bytes));
            assert_eq!(result.is_ok(), fits, "ratio {ratio:?}, message {number}");
            if !fits {
                return;
            }
        }
        deflater = Deflater::new(&params, Role::Server).expect("a deflater");
    }
}

/// Inflated text is validated across the output steps.
#[test]
fn invalid_text_inside_compressed_message_is_rejected() {
    for at in [0, 511, 512, 65_534, 65_535, 65_536, 65_537, 131_071, 199_999] {
        let mut text = vec![b'a'; 200_000];
        text[at] = 0xFF;
        let frame = binary_frame(0xC1, &compressed(&text, &Params::default()));
        let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&Params::default()), [7; 32]);
        assert_eq!(receive(&mut socket, &frame), Err(Error::Utf8), "at {at}");
        assert_eq!(said(Role::Client, &mut socket), [close(1007, "")]);
    }
}

/// A mebibyte of empty stored blocks inflates to nothing, in one pass.
#[test]
fn mebibyte_of_empty_stored_blocks_is_linear() {
    let mut payload = [0, 0, 0, 0xFF, 0xFF].repeat(1 << 18);
    payload.push(0);
    let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&Params::default()), [7; 32]);
    assert_eq!(receive(&mut socket, &binary_frame(0xC2, &payload)), Ok(vec![Owned::Binary(Vec::new())]));
}

/// A truncated compressed message is rejected, or is complete by chance; then it has no output of the tail.
#[test]
fn compressed_message_cut_anywhere_is_rejected() {
    let text: String = (0..600).map(|number| format!("{} ", number * 7919 % 1000)).collect();
    for bits in [9, 15] {
        let params = Params::default().with_server_max_window_bits(bits);
        let whole = compressed(text.as_bytes(), &params);
        for at in 1..whole.len() {
            let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&params), [7; 32]);
            match receive(&mut socket, &binary_frame(0xC1, &whole[..at])) {
                Err(Error::Inflate) => {}
                Ok(messages) => {
                    let [Owned::Text(part)] = messages.as_slice() else { panic!("cut at {at}: {messages:?}") };
                    assert!(text.starts_with(part.as_str()), "cut at {at}");
                }
                Err(error) => panic!("cut at {at}: {error:?}"),
            }
        }
    }
}

/// References beyond the negotiated window, but within 32 KiB, are decoded (RFC 7692 §7.1.2 does not restrict the
/// receiver).
#[test]
fn reference_beyond_negotiated_window_is_decoded() {
    let payload = [vec![b'a'; 10], (0..2000).map(|byte: u32| byte.to_le_bytes()[0]).collect(), vec![b'a'; 10]].concat();
    let agreed = Params::default().with_server_max_window_bits(9);
    let frame = binary_frame(0xC2, &compressed(&payload, &Params::default()));
    let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&agreed), [7; 32]);
    assert_eq!(receive(&mut socket, &frame), Ok(vec![Owned::Binary(payload)]));
}

/// Compressed messages stay within each window: repetitions lie just inside and just beyond it.
#[test]
fn compressed_messages_stay_within_every_window() {
    for bits in 8..=15 {
        for takeover in [true, false] {
            let window = 1 << bits;
            let noise: Vec<u8> =
                (0..window + 300_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
            let near = [&noise[..(window as usize).saturating_sub(300)], &noise[..250]].concat();
            let far = [&noise[..], &noise[..250]].concat();
            let params = Params::default().with_client_max_window_bits(bits).with_client_no_context_takeover(!takeover);
            // The reference inflater is slow, so windows of 16 KiB and 32 KiB are only tested with the real one.
            deflate::deflating(&params, &[&near, &far, b"", b"\0\0\xFF\xFF", &near[..40]], bits <= 11)
                .expect("within it");
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits")).collect()
}

/// Each message ends in a dynamic block whose end is 1 to 7 bits before the end of the bytes that the sender leaves out. It
/// has no output, so that only the position of its end shows that it is not the empty stored block (RFC 7692 §7.2.1).
#[test]
fn block_ending_inside_the_tails_last_byte_is_corrupt() {
    let messages = [
        "04f581a66ddbb66ddb869872a9ad8fb9f6b9efff3ff701",
        "04d681a66ddbb66dcb48b9d4d6c75cfbdcf7ffbffb00",
        "04d481a66ddbb62dc1c8525b1f73ed73dfff7fef03",
        "04d281a66ddbb604c1c86a7dccb5cf7dffffbf0f",
        "04d081a66ddb1204c1c8ea31d73ef7fdff073f",
        "04d681a66d4b1004c1c8ea59fbdcf7ff3ffc00",
        "04d481a62d411004c1c8ead973dfff7ff103",
    ];
    for (left, message) in messages.into_iter().enumerate() {
        let mut inflater = Inflater::new(&Params::default(), Role::Client);
        let mut out = Vec::new();
        inflater.push(&bytes(message), &mut out, 100).expect("a block that is not complete yet");
        assert_eq!(inflater.end(), Err(permessage_deflate::Error::Corrupt), "{} bits", left + 1);
        deflate::inflating(true, &[&bytes(message)], 100, &Chunks::Bytes).expect("the reference agrees");
    }
}

/// A message that is cut within the length of a match: the bytes that the sender leaves out complete it, end it at the last of their
/// bits, and are the end of no block. They have output, which belongs to no message.
#[test]
fn match_completed_by_the_tail_is_corrupt() {
    // A dynamic block of 3107 times the letter `a`, which takes one bit, and the first bits of a length.
    let mut message = bytes(concat!(
        "ecdd010c188661c3b0b66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb26ddbb66d",
        "dbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb6",
        "6ddbb66d0b01000000000000000000080000000000000000b06ddb06",
    ));
    message.resize(message.len() + 387, 0);
    message.push(0xC0);
    let mut inflater = Inflater::new(&Params::default(), Role::Client);
    let mut out = Vec::new();
    inflater.push(&message, &mut out, 4000).expect("a block that is not complete yet");
    assert_eq!(out, [b'a'; 3107]);
    assert_eq!(inflater.end(), Err(permessage_deflate::Error::Corrupt));
    deflate::inflating(true, &[&message], 4000, &Chunks::Bytes).expect("the reference agrees");
}

/// If the negotiated window is too small, messages are sent uncompressed, which is always allowed (RFC 7692 §6).
#[test]
fn window_of_256_bytes_disables_compression() {
    let params = Params::default().with_client_max_window_bits(8);
    let (mut encoder, mut out) = (Encoder::new(Role::Client, Some(&params)), Vec::new());
    encoder.encode(Message::Text("plain"), [0; 4], &mut out).expect("a message");
    assert_eq!(out, [&[0x81, 0x85, 0, 0, 0, 0], &b"plain"[..]].concat());
}

// Control frames

/// Only the newest ping gets a pong, and none once a close frame is pending, sent or received (RFC 6455 §5.5.1,
/// §5.5.3).
#[test]
fn pings_and_the_closing_handshake() {
    for role in ROLES {
        let ping = sent(role, Message::Ping(b"1"));
        let mut socket = socket(role);
        receive(&mut socket, &ping).expect("a ping");
        receive(&mut socket, &sent(role, Message::Ping(b"2"))).expect("a ping");
        assert_eq!(said(role, &mut socket), [Owned::Pong(b"2".to_vec())]);
        assert_eq!(said(role, &mut socket), []);
        // A pong that was pending before the close is still sent, before the close frame.
        receive(&mut socket, &ping).expect("a ping");
        socket.close(1001, "bye").expect("a code that can be sent");
        assert_eq!((socket.state(), socket.has_pending_replies()), (State::Closing, true));
        assert_eq!(said(role, &mut socket), [Owned::Pong(b"1".to_vec()), close(1001, "bye")]);
        // Nothing is sent after the close frame.
        receive(&mut socket, &ping).expect("a ping");
        assert_eq!((said(role, &mut socket), socket.has_pending_replies()), (vec![], false));
        // Messages of a peer that has not closed yet are still delivered.
        assert_eq!(receive(&mut socket, &sent(role, Message::Text("last"))), Ok(vec![Owned::Text("last".into())]));
        assert_eq!(socket.eof(), Eof::Abnormal);
        assert_eq!(receive(&mut socket, &sent(role, Message::Close(None))), Ok(vec![Owned::Close(None)]));
        assert_eq!((said(role, &mut socket), socket.state(), socket.eof()), (vec![], State::Closed, Eof::Clean));
        assert_eq!(socket.peer_close(), Some(Close { code: 1005, reason: "" }));
    }
}

/// Both ends close at once: each takes the other's close frame as the reply, and no second one is sent (RFC 6455
/// §7.1.2).
#[test]
fn simultaneous_close_sends_one_frame_each() {
    let (mut client, mut server) = (socket(Role::Client), socket(Role::Server));
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client.close(1000, "done").expect("a code");
    server.close(1001, "going").expect("a code");
    client.write_pending_replies(&mut there);
    server.write_pending_replies(&mut back);
    assert_eq!(receive(&mut server, &there), Ok(vec![close(1000, "done")]));
    assert_eq!(receive(&mut client, &back), Ok(vec![close(1001, "going")]));
    for (role, socket) in [(Role::Client, &mut client), (Role::Server, &mut server)] {
        assert_eq!((said(role, socket), socket.state(), socket.eof()), (vec![], State::Closed, Eof::Clean));
        assert_eq!(socket.send(Message::Text("late"), &mut Vec::new()), Err(SendError::Closing));
    }
    assert_eq!(client.peer_close(), Some(Close { code: 1001, reason: "going" }));
}

/// A close frame is echoed with its code, once; bytes after it are ignored.
#[test]
fn close_frame_is_echoed_once() {
    for role in ROLES {
        let frame = sent(role, Message::Close(Some(Close { code: 4000, reason: "why" })));
        let mut socket = socket(role);
        let twice = [&frame[..], &frame, b"nonsense"].concat();
        assert_eq!(receive(&mut socket, &twice), Ok(vec![close(4000, "why")]));
        assert_eq!(said(role, &mut socket), [close(4000, "")]);
        assert_eq!(receive(&mut socket, &frame), Ok(vec![]));
        assert_eq!((said(role, &mut socket), socket.state()), (vec![], State::Closed));
    }
}

/// A violation after our close frame causes no second one.
#[test]
fn violation_while_closing_sends_no_second_close_frame() {
    for role in ROLES {
        let mut socket = socket(role);
        socket.close(1000, "").expect("a code");
        assert_eq!(said(role, &mut socket), [close(1000, "")]);
        assert_eq!(receive(&mut socket, &[0xFF]), Err(Error::ReservedBits));
        assert_eq!((said(role, &mut socket), socket.state(), socket.peer_close()), (vec![], State::Closed, None));
    }
}

#[test]
fn reserved_close_codes_cannot_be_sent() {
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        let mut socket = socket(Role::Server);
        assert_eq!(socket.close(code, ""), Err(SendError::CloseCode(code)));
        let message = Message::Close(Some(Close { code, reason: "" }));
        assert_eq!(socket.send(message, &mut Vec::new()), Err(SendError::CloseCode(code)));
        assert_eq!(
            Encoder::new(Role::Server, None).encode(message, [0; 4], &mut Vec::new()),
            Err(SendError::CloseCode(code))
        );
        assert_eq!((socket.state(), socket.has_pending_replies()), (State::Open, false));
    }
}

/// A reason of 123 bytes is sent whole; a longer one is truncated between two characters (RFC 6455 §5.5).
#[test]
fn close_reason_is_truncated_at_limit() {
    for (reason, kept) in [
        ("r".repeat(123), 123),
        ("r".repeat(124), 123),
        ("\u{20ac}".repeat(41), 123),
        ("r".to_owned() + &"\u{20ac}".repeat(41), 121),
        ("\u{1f414}".repeat(100), 120),
    ] {
        let mut socket = socket(Role::Server);
        socket.close(1000, &reason).expect("a code");
        assert_eq!(said(Role::Server, &mut socket), [close(1000, &reason[..kept])]);
        let message = Message::Close(Some(Close { code: 1000, reason: &reason }));
        let fits = Encoder::new(Role::Server, None).encode(message, [0; 4], &mut Vec::new());
        assert_eq!(fits.is_ok(), reason.len() <= 123);
    }
}

#[test]
fn sent_control_frames_are_limited() {
    for role in ROLES {
        let mut socket = socket(role);
        let mut out = Vec::new();
        for (size, result) in [(125, Ok(())), (126, Err(SendError::ControlTooLong))] {
            out.clear();
            assert_eq!(socket.send(Message::Ping(&vec![0; size]), &mut out), result);
            assert_eq!(socket.send(Message::Pong(&vec![0; size]), &mut out), result);
            assert_eq!(out.is_empty(), result.is_err());
        }
    }
}

/// Sending a close frame as a message starts the closing handshake.
#[test]
fn close_frame_sent_as_message_starts_closing() {
    let mut socket = socket(Role::Client);
    socket.send(Message::Close(None), &mut Vec::new()).expect("a close frame");
    assert_eq!(said(Role::Client, &mut socket), [close(1000, "")]);
    assert_eq!(socket.send(Message::Close(None), &mut Vec::new()), Err(SendError::Closing));
    assert_eq!(socket.close(1001, "again"), Ok(()));
    assert_eq!(said(Role::Client, &mut socket), []);
}

/// Each frame of a client has its own key, drawn from the seed; the same seed gives the same keys (RFC 6455 §5.3).
#[test]
fn masking_keys_are_distinct_and_seeded() {
    let keys = |seed| {
        let mut socket = WebSocket::new(Role::Client, Limits::default(), None, seed);
        let keys: Vec<Vec<u8>> = (0..1000)
            .map(|_| {
                let mut out = Vec::new();
                socket.send(Message::Text("x"), &mut out).expect("a message");
                out[2..6].to_vec()
            })
            .collect();
        keys
    };
    let (ours, again, others) = (keys([1; 32]), keys([1; 32]), keys([2; 32]));
    assert_eq!(ours, again);
    assert!(ours.iter().zip(&others).filter(|(a, b)| a == b).count() < 3);
    let distinct: std::collections::BTreeSet<_> = ours.iter().collect();
    assert!(distinct.len() > 998, "{} distinct keys", distinct.len());
}

/// `Debug` of a socket and of errors shows no payload and no seed.
#[test]
fn nothing_secret_is_shown() {
    let mut socket = WebSocket::new(Role::Client, Limits::default(), Some(&Params::default()), [0xAB; 32]);
    receive(&mut socket, &[0x01, 0x05, b's', b'e', b'c', b'r', b'e']).expect("a fragment");
    receive(&mut socket, &[0x89, 0x05, b's', b'e', b'c', b'r', b'e']).expect("a ping");
    socket.send(Message::Text("secrets"), &mut Vec::new()).expect("a message");
    let shown = format!("{socket:?}");
    assert!(!shown.contains("171, 171") && !shown.contains("115, 101, 99"), "{shown}");
    let error = receive(&mut socket, &[0x80, 0x01, 0xFF]).expect_err("bad text");
    assert_eq!(error.to_string(), "text is not UTF-8");
}
