//! Requests whose end is ambiguous: a proxy in front of the server may read another end than the server does.

use crate::peers::{HANDSHAKE, Peer};
use crate::servers::{ALL, Kind, Server};

/// A request that must be invisible: a server that sees it behind one of the others disagrees with some proxy.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Heads and bodies whose end, or whose host, a proxy may read otherwise. `POST` stands for the method and target of a response.
const AMBIGUOUS: &[&str] = &[
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\nxx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nContent-Length\r\n : 1\r\n\r\nx",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;x\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "POST HTTP/1.1\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
    "POST HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n x: y\r\n\r\n",
];

/// Lines that end with a bare LF. hyper reads them, and this library does not (RFC 9112 §2.2 leaves it open).
const BARE_LF: [&str; 2] = [
    "POST HTTP/1.1\nHost: a\nContent-Length: 1\n\nx",
    "POST HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
];

/// Sends these bytes, and the smuggled request behind them.
fn send_with_smuggled(server: &Server, bytes: &str) -> Peer {
    let mut peer = Peer::connect(server);
    peer.send(format!("{}{SMUGGLED}", bytes.replacen("POST ", "POST /v1/responses ", 1)).as_bytes());
    peer
}

/// Returns the statuses of the server, and whether it saw the smuggled request behind these bytes.
fn served(kind: Kind, bytes: &str) -> (Vec<String>, bool) {
    let server = kind.start();
    let mut peer = send_with_smuggled(&server, bytes);
    // hyper drops a request behind which it sees the end of the input at once: it must not be that which hides the request.
    peer.wait();
    peer.end_sending();
    let said = String::from_utf8_lossy(&peer.rest()).into_owned();
    let statuses = said.split("HTTP/1.1 ").skip(1).map(|part| part[..3].to_owned()).collect();
    (statuses, server.requests().iter().any(|request| request.contains("/smuggled")))
}

#[test]
fn ambiguous_request_is_rejected_and_nothing_behind_it_is_read() {
    for kind in ALL {
        for bytes in AMBIGUOUS {
            let (statuses, is_smuggled) = served(kind, bytes);
            assert!(!is_smuggled, "{kind:?}: {bytes:?}");
            assert_eq!(statuses, ["400"], "{kind:?}: {bytes:?}");
        }
    }
}

#[test]
fn line_that_ends_with_a_bare_lf_is_rejected_except_by_hyper() {
    for bytes in BARE_LF {
        assert_eq!(served(Kind::Tokio, bytes), (vec!["400".to_owned()], false), "{bytes:?}");
        // To be noticed if hyper changes: docs/server.md says so.
        let server = Kind::Axum.start();
        let mut peer = send_with_smuggled(&server, bytes);
        peer.until(b"HTTP/1.1 400 ");
        peer.until(b"HTTP/1.1 200 ");
        assert!(server.requests().iter().any(|request| request.contains("/smuggled")), "{bytes:?}");
    }
}

#[test]
fn body_of_a_handshake_is_neither_a_request_nor_frames() {
    let length = format!("Content-Length: {}\r\n\r\n", SMUGGLED.len());
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    for kind in ALL {
        for body in [&length, &chunked] {
            let (statuses, is_smuggled) = served(kind, &HANDSHAKE.replace("\r\n\r\n", &format!("\r\n{body}")));
            assert!(!is_smuggled, "{kind:?}: {body:?}");
            assert!(statuses.len() <= 1, "{kind:?}: {body:?}: {statuses:?}");
        }
    }
}
