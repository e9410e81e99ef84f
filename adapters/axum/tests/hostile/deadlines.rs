//! Clients that are slow, or do nothing.

use core::time::Duration;

use crate::peers::{Peer, assert_serves, frame, message, post, sent_at_last};
use crate::servers::{ALL, DELTA, Kind};

/// A deadline that a test waits for.
const SHORT: Duration = Duration::from_millis(150);

#[test]
fn head_that_drips_is_ended_at_its_deadline() {
    for kind in ALL {
        let server = kind.start_with(|config, limits| {
            config.timeouts.head = Some(SHORT);
            limits.head = SHORT;
        });
        let mut peer = Peer::connect(&server);
        peer.send(b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nX: ");
        let said = peer.drip(b'x');
        // hyper says nothing.
        assert_eq!(said.get(..12), (kind == Kind::Tokio).then_some("HTTP/1.1 408"), "{kind:?}: {said}");
        server.assert_end("Timeout(Head)", "HeaderTimeout");
        assert_eq!(server.requests(), [""; 0], "{kind:?}");
    }
}

#[test]
fn head_in_single_bytes_is_read_within_its_deadline() {
    for kind in ALL {
        let server = kind.start();
        let mut peer = Peer::connect(&server);
        post("hello").iter().for_each(|byte| peer.send(&[*byte]));
        assert_eq!(peer.head(), 200, "{kind:?}");
        peer.until(b"response.completed");
    }
}

#[test]
fn body_that_drips_is_answered_408() {
    for kind in ALL {
        for framing in ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nfffff\r\n"] {
            let server = kind.start_with(|config, _| config.timeouts.body = Some(SHORT));
            let mut peer = Peer::connect(&server);
            peer.send(format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
            let said = peer.drip(b' ');
            assert!(said.starts_with("HTTP/1.1 408"), "{kind:?}: {said}");
            server.assert_end("Timeout(Body)", "");
            assert_eq!(server.requests(), [""; 0], "{kind:?}");
        }
    }
}

#[test]
fn body_that_keeps_the_least_rate_is_read() {
    for kind in ALL {
        let server = kind.start_with(|config, _| config.timeouts.min_rate = 0);
        let mut peer = Peer::connect(&server);
        for byte in post("hello") {
            peer.send(&[byte]);
        }
        assert_eq!(peer.head(), 200, "{kind:?}");
    }
}

#[test]
fn message_that_drips_is_closed_with_1001() {
    for kind in ALL {
        let server = kind.start_with(|config, _| config.timeouts.body = Some(SHORT));
        let mut peer = Peer::websocket(&server);
        let message = frame(0x81, &[b' '; 60_000]);
        peer.send(&message[..1000]);
        assert_eq!(peer.close_code(), 1001, "{kind:?}");
        server.assert_end("Timeout(Body)", "");
    }
}

#[test]
fn connection_without_a_request_is_ended() {
    for kind in ALL {
        let server = kind.start_with(|config, limits| {
            config.timeouts.idle = Some(SHORT);
            limits.head = SHORT;
        });
        let mut peer = Peer::connect(&server);
        assert_eq!(peer.rest(), b"", "{kind:?}: before a request");
        server.assert_end("Timeout(Idle)", "HeaderTimeout");
        let mut peer = Peer::connect(&server);
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.head(), 200, "{kind:?}");
        peer.rest();
        server.assert_end("Timeout(Idle)", "");
    }
}

#[test]
fn websocket_without_a_request_is_closed_with_1001() {
    for kind in ALL {
        let server = kind.start_with(|config, _| config.timeouts.websocket_idle = Some(SHORT));
        assert_eq!(Peer::websocket(&server).close_code(), 1001, "{kind:?}");
        server.assert_end("Timeout(", "");
    }
}

/// A client whose host is gone sends no more, and the connection stays open: only pings tell.
#[test]
fn websocket_whose_client_does_not_answer_pings_is_closed() {
    for kind in ALL {
        let server = kind.start_with(|config, _| {
            config.ping_interval = Some(Duration::from_millis(20));
            config.timeouts.control = Some(Duration::from_secs(1));
        });
        let mut silent = Peer::websocket(&server);
        silent.send(&message("wait"));
        server.wait_for_running(1);
        let mut alive = Peer::websocket(&server);
        for _ in 0..3 {
            alive.until(&[0x89, 0]);
            alive.send(&frame(0x8a, b""));
        }
        silent.rest();
        server.wait_for_running(0);
    }
}

#[test]
fn client_that_reads_nothing_is_bounded_ended_and_not_noticed_by_others() {
    for kind in ALL {
        for is_websocket in [false, true] {
            let server = kind.start_with(|config, limits| {
                config.timeouts.write = Some(Duration::from_secs(2));
                limits.write = Duration::from_secs(2);
            });
            let mut peer = if is_websocket { Peer::websocket(&server) } else { Peer::connect(&server) };
            peer.send(&if is_websocket { message("long") } else { post("long") });
            server.wait_for_running(1);
            let sent = sent_at_last(&server) * DELTA;
            // The buffers of the sockets hold a few MiB.
            assert!(sent < 24 << 20, "{kind:?}, WebSocket: {is_websocket}: {sent} bytes");
            assert_serves(&server);
            server.wait_for_running(0);
        }
    }
}
