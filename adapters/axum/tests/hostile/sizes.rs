//! Clients that send too much.

use crate::peers::{HANDSHAKE, Peer, assert_serves, frame, message, post};
use crate::servers::{ALL, Kind};

/// Returns the status of a response to these bytes, and whether the server closes the connection behind it.
fn status(kind: Kind, bytes: &[u8]) -> u16 {
    let server = kind.start_with(|config, _| config.max_body = 64 * 1024);
    let mut peer = Peer::connect(&server);
    peer.send(bytes);
    peer.head()
}

#[test]
fn head_passes_at_its_limit_and_is_answered_431_beyond() {
    let head = |length: usize| {
        let fixed = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length - fixed)).into_bytes()
    };
    for kind in ALL {
        assert_eq!(status(kind, &head(64 * 1024)), 200, "{kind:?}");
        assert_eq!(status(kind, &head(64 * 1024 + 1)), 431, "{kind:?}");
    }
}

#[test]
fn headers_pass_at_their_limit_and_are_answered_431_beyond() {
    let head = |lines: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: x\r\n".repeat(lines - 1));
    for kind in ALL {
        assert_eq!(status(kind, head(128).as_bytes()), 200, "{kind:?}");
        assert_eq!(status(kind, head(129).as_bytes()), 431, "{kind:?}");
    }
}

/// Returns a request whose body has this length.
fn body(length: usize) -> String {
    let body = r#"{"model":"hello","input":"","stream":true}"#;
    body.replace(r#""""#, &format!(r#""{}""#, "x".repeat(length - body.len())))
}

#[test]
fn body_passes_at_its_limit_and_is_answered_413_beyond() {
    let declared = |length: usize| {
        let body = body(length);
        format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    let chunked = |length: usize| {
        let body = body(length);
        let (one, two) = body.split_at(1000);
        format!(
            "POST /v1/responses HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            two.len()
        )
        .into_bytes()
    };
    for kind in ALL {
        for request in [&declared as &dyn Fn(usize) -> Vec<u8>, &chunked] {
            assert_eq!(status(kind, &request(64 * 1024)), 200, "{kind:?}");
            assert_eq!(status(kind, &request(64 * 1024 + 1)), 413, "{kind:?}");
        }
        let announced = b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
        assert_eq!(status(kind, announced), 413, "{kind:?}: before the body comes");
    }
}

/// Sends frames, and returns the close code, or `None` if a response came.
fn outcome(kind: Kind, frames: &[u8]) -> Option<u16> {
    let server = kind.start_with(|config, _| {
        config.message_limits = config.message_limits.with_frame(16 * 1024).with_message(32 * 1024);
    });
    let mut peer = Peer::websocket(&server);
    peer.send(frames);
    // A message that passes is answered before the close frame is.
    peer.send(&frame(0x88, &1000_u16.to_be_bytes()));
    match peer.close_code() {
        1000 => None,
        code => Some(code),
    }
}

/// Returns a message of this length in fragments of at most this one.
fn fragments(length: usize, each: usize) -> Vec<u8> {
    let text = body(length - r#""type":"response.create","#.len());
    let text = text.replacen('{', r#"{"type":"response.create","#, 1);
    let count = text.len().div_ceil(each);
    let fragments = text.as_bytes().chunks(each).enumerate();
    let first = |at: usize| u8::from(at == 0) | if at + 1 == count { 0x80 } else { 0 };
    fragments.flat_map(|(at, part)| frame(first(at), part)).collect()
}

#[test]
fn frame_and_message_pass_at_their_limits_and_are_closed_with_1009_beyond() {
    for kind in ALL {
        assert_eq!(outcome(kind, &fragments(16 * 1024, 16 * 1024)), None, "{kind:?}: a frame");
        assert_eq!(outcome(kind, &fragments(16 * 1024 + 1, 32 * 1024)), Some(1009), "{kind:?}: a frame");
        assert_eq!(outcome(kind, &fragments(32 * 1024, 1000)), None, "{kind:?}: a message");
        assert_eq!(outcome(kind, &fragments(32 * 1024 + 1, 1000)), Some(1009), "{kind:?}: a message");
    }
}

#[test]
fn empty_fragments_pass_at_their_limit_and_are_closed_with_1008_beyond() {
    let fragments = |count: usize| {
        let mut bytes = frame(0x01, br#"{"type":"response.create","model":"hello"}"#);
        bytes.extend(frame(0x00, b"").repeat(count - 2));
        bytes.extend(frame(0x80, b""));
        bytes
    };
    for kind in ALL {
        assert_eq!(outcome(kind, &fragments(65_536)), None, "{kind:?}");
        assert_eq!(outcome(kind, &fragments(65_537)), Some(1008), "{kind:?}");
    }
}

#[test]
fn requests_without_reading_are_not_taken_without_end() {
    for kind in ALL {
        let server = kind.start();
        for (mut peer, request) in
            [(Peer::connect(&server), post("hello")), (Peer::websocket(&server), message("hello"))]
        {
            // The buffers of the sockets hold a few MiB.
            let taken = peer.flood(&request.repeat(64));
            assert!(taken < 48 << 20, "{kind:?}: {taken} bytes");
            assert_serves(&server);
        }
    }
}

#[test]
fn pings_without_reading_leave_the_websocket_usable() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::websocket(&server);
        for _ in 0..100 {
            peer.send(&frame(0x89, &[b'p'; 125]).repeat(256));
        }
        peer.send(&message("hello"));
        peer.until(b"response.completed");
    }
}

#[test]
fn connections_pass_at_their_limit_and_wait_beyond() {
    for kind in ALL {
        let server = kind.start_with(|_, limits| limits.connections = 2);
        let websocket = Peer::websocket(&server);
        let mut second = Peer::connect(&server);
        second.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(second.head(), 200, "{kind:?}");
        let mut third = Peer::connect(&server);
        third.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(third.is_silent(), "{kind:?}");
        drop(websocket);
        assert_eq!(third.head(), 200, "{kind:?}: once another has ended");
    }
}

/// The tokio server leaves it to its application how many requests it runs.
#[test]
fn sixty_four_lanes_of_a_websocket_run_and_one_more_gets_429() {
    let server = Kind::Axum.start();
    let mut peer = Peer::websocket(&server);
    let on_lane = |at: usize| {
        frame(0x81, format!(r#"{{"type":"response.create","model":"wait","stream_id":"l{at}"}}"#).as_bytes())
    };
    (0..64).for_each(|at| peer.send(&on_lane(at)));
    server.wait_for_running(64);
    peer.send(&on_lane(0));
    peer.until(b"response_in_progress");
    peer.send(&on_lane(64));
    peer.until(b"rate_limit_exceeded");
    server.wait_for_running(64);
}

#[test]
fn handshakes_in_a_row_leave_nothing_behind() {
    for kind in ALL {
        let server = kind.start();
        for _ in 0..200 {
            Peer::connect(&server).send(HANDSHAKE.as_bytes());
        }
        assert_serves(&server);
        server.wait_for_running(0);
    }
}
