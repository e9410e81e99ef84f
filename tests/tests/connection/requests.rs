//! Requests on a connection: the client's heads, and requests that arrive together at a server.

use turnwire::connection::{
    ClientConnection, ExpectedBody, OutgoingRequest, ServerConnection, Transport, client, server,
};
use turnwire::http::Headers;
use turnwire::time::Instant;

const NOW: Instant = Instant::ZERO;

#[test]
fn request_without_gzip_asks_for_identity_coding() {
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32]);
    let request = OutgoingRequest::new("/", Headers::new(), b"{}".to_vec(), ExpectedBody::Whole);
    client.send_request(NOW, request).expect("a fresh connection");
    let head = String::from_utf8_lossy(client.poll_transmit()).to_ascii_lowercase();
    assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
}

#[test]
fn pipelined_requests_are_delivered_one_after_the_other() {
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    let bytes = ["first", "second"]
        .map(|name| format!("POST /{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"))
        .concat();
    server.handle_input(NOW, bytes.as_bytes());
    for name in ["/first", "/second"] {
        match server.poll_event() {
            Some(server::Event::Request { head, body: b"{}" }) => assert_eq!(head.target(), name),
            other => panic!("{other:?}"),
        }
        assert!(server.poll_event().is_none(), "the next request waits for the response");
        server.respond(NOW, 200, &Headers::new(), b"{}").expect("a request waits");
    }
}
