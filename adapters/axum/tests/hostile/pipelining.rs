//! Requests that are sent before the responses to those before them.

use crate::peers::{HANDSHAKE, Peer, frame, message, post, sent_at_last};
use crate::servers::ALL;

fn echo(body: &str) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn requests_in_one_write_are_answered_in_order() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::connect(&server);
        let requests: Vec<u8> = (100..300).flat_map(|number| echo(&format!("<{number}>"))).collect();
        peer.send(&requests);
        for number in 100..300 {
            assert_eq!(peer.head(), 200, "{kind:?}");
            assert_eq!(peer.until(b">"), format!("<{number}>").as_bytes(), "{kind:?}");
        }
    }
}

#[test]
fn request_behind_a_stream_waits_for_its_end() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::connect(&server);
        peer.send(&[post("hello"), post("long"), echo("late")].concat());
        peer.until(b"response.completed");
        server.wait_for_running(1);
        sent_at_last(&server);
        assert_eq!(server.requests(), ["create hello ", "create long "], "{kind:?}");
        drop(peer);
        server.wait_for_running(0);
        assert_eq!(server.requests().len(), 2, "{kind:?}: a request whose client has left is not served");
    }
}

#[test]
fn frames_right_behind_the_handshake_are_read() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::connect(&server);
        peer.send(&[HANDSHAKE.as_bytes(), &message("hello"), &frame(0x89, b"p")].concat());
        assert_eq!(peer.head(), 101, "{kind:?}");
        peer.until(b"response.completed");
    }
}

#[test]
fn handshake_behind_a_request_is_accepted_after_its_response() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::connect(&server);
        peer.send(&[&echo("first"), HANDSHAKE.as_bytes(), &message("hello")].concat());
        assert_eq!(peer.head(), 200, "{kind:?}");
        peer.until(b"first");
        assert_eq!(peer.head(), 101, "{kind:?}");
        peer.until(b"response.completed");
    }
}
