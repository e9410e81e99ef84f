//! A connection that is reset while a body is read that ends with the connection: RFC 9112 §9.8.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use turnwire::client::TransportPreference;
use turnwire::proxy::ProxySelector;
use turnwire::responses::{Failure, FailureKind};
use turnwire_tokio::ClientBuilder;

use crate::setup::{TransportSetup, turn};

/// How a server ends its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Reset,
}

/// Answers each request with a response as JSON, all of whose bytes have come when the connection ends.
fn serve(end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || respond(stream, end));
        }
    });
    address
}

fn respond(mut stream: TcpStream, end: End) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a request");
        head.push(byte[0]);
    }
    // The system resets a connection that is closed while bytes of its peer are unread: those of the request's body.
    stream.peek(&mut byte).expect("a body");
    let response = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\
        {\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"output\":[]}";
    stream.write_all(response.as_bytes()).expect("a client");
    // The client reads all of it before the connection ends.
    thread::sleep(Duration::from_millis(100));
    if end == End::Orderly {
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        stream.read_exact(&mut body).expect("a body");
    }
}

async fn ask(address: SocketAddr) -> Result<(), Box<Failure>> {
    let setup = TransportSetup { choice: TransportPreference::Http, tls: false };
    let builder = ClientBuilder::default().proxies(ProxySelector::new());
    let client = builder.build(setup.provider(address), TransportSetup::credentials(), setup.settings());
    let mut client = client.expect("a client");
    turn(&mut client).await
}

#[tokio::test]
async fn reset_in_a_body_that_ends_with_its_connection_is_no_end() {
    ask(serve(End::Orderly)).await.expect("a whole body");
    let failure = ask(serve(End::Reset)).await.expect_err("the connection was lost");
    assert_eq!(failure.kind, FailureKind::Stream, "{failure:?}");
}
