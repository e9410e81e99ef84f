//! Connections that end at any step, by a reset or by the end of what the client sends.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::peers::{HANDSHAKE, Peer, assert_serves, frame, message, post};
use crate::servers::{ALL, Kind, SOON, Server};

/// A step of a connection, and how to come there.
type Step = (&'static str, fn(&Server) -> Peer);

fn sent(server: &Server, bytes: &[u8]) -> Peer {
    let mut peer = Peer::connect(server);
    peer.send(bytes);
    peer
}

fn sent_on_websocket(server: &Server, bytes: &[u8]) -> Peer {
    let mut peer = Peer::websocket(server);
    peer.send(bytes);
    peer
}

const STEPS: [Step; 16] = [
    ("connected", |server| sent(server, b"")),
    ("in a head", |server| sent(server, &post("hello")[..20])),
    ("before a body", |server| sent(server, b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")),
    ("in a body", |server| sent(server, post("hello").split_last().expect("bytes").1)),
    ("in a chunk", |server| sent(server, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx")),
    ("after a request", |server| sent(server, &post("hello"))),
    ("during a response", |server| {
        let mut peer = sent(server, &post("wait"));
        peer.until(b"response.created");
        peer
    }),
    ("during a response that is not read", |server| {
        let peer = sent(server, &post("long"));
        server.wait_for_running(1);
        peer
    }),
    ("after a response", |server| {
        let mut peer = sent(server, &post("hello"));
        peer.until(b"response.completed");
        peer
    }),
    ("in a handshake", |server| sent(server, &HANDSHAKE.as_bytes()[..60])),
    ("after a handshake", |server| sent_on_websocket(server, b"")),
    ("in a frame", |server| sent_on_websocket(server, &message("hello")[..9])),
    ("between fragments", |server| sent_on_websocket(server, &frame(0x01, b"{"))),
    ("during a response on a WebSocket", |server| {
        let mut peer = sent_on_websocket(server, &message("wait"));
        peer.until(b"response.created");
        peer
    }),
    ("during a response on a WebSocket that is not read", |server| {
        let peer = sent_on_websocket(server, &message("long"));
        server.wait_for_running(1);
        peer
    }),
    ("after a close frame", |server| sent_on_websocket(server, &frame(0x88, &1000_u16.to_be_bytes()))),
];

#[test]
fn reset_at_each_step_ends_the_response_and_nothing_else() {
    for kind in ALL {
        let server = kind.start();
        for (step, reach) in STEPS {
            println!("{kind:?}: {step}");
            reach(&server).reset();
            server.end();
            server.wait_for_running(0);
        }
        assert_serves(&server);
    }
}

#[test]
fn end_of_input_at_each_step_ends_the_connection() {
    for kind in ALL {
        let server = kind.start();
        for (step, reach) in STEPS {
            println!("{kind:?}: {step}");
            let mut peer = reach(&server);
            peer.end_sending();
            peer.rest();
            server.end();
            server.wait_for_running(0);
        }
        assert_serves(&server);
    }
}

/// A client may end what it sends once its request is complete (RFC 9112 §9.6). A response that takes longer than this one is cancelled:
/// see the test before.
#[test]
fn request_whose_client_sends_no_more_is_answered() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = sent(&server, &post("hello"));
        peer.end_sending();
        let said = String::from_utf8(peer.rest()).expect("text");
        assert!(said.contains("response.completed"), "{kind:?}: {said}");
    }
}

#[test]
fn ends_of_input_are_told_apart() {
    for kind in ALL {
        for (bytes, of_core, of_hyper) in [
            (&b""[..], "Eof", ""),
            (b"GET / HT", "Truncated", "IncompleteMessage"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", "Truncated", ""),
        ] {
            let server = kind.start();
            let mut peer = sent(&server, bytes);
            peer.end_sending();
            peer.rest();
            server.assert_end(of_core, of_hyper);
        }
        if kind == Kind::Tokio {
            let server = kind.start();
            sent(&server, b"GET / HT").reset();
            server.assert_end("Lost(Network(", "");
        }
    }
}

/// A process that takes over the port must get all further connections.
#[test]
fn server_that_shuts_down_accepts_no_more_and_lets_its_responses_end() {
    let server = Kind::Axum.start();
    let mut peer = sent(&server, &post("wait"));
    peer.until(b"response.created");
    server.stop();
    let until = Instant::now() + SOON;
    while TcpStream::connect(server.address).is_ok() {
        assert!(Instant::now() < until, "it still accepts");
        sleep(Duration::from_millis(10));
    }
    assert!(peer.is_silent());
    server.wait_for_running(1);
}
