//! WebSockets that stay open and send nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::wire;

/// Opens WebSockets. With `deflate`, each sends one compressed request and reads the response.
pub(crate) fn open(address: SocketAddr, count: usize, deflate: bool) -> Vec<TcpStream> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let mut socket = wire::websocket(address, deflate).expect("the server accepts");
        if deflate {
            socket.write_all(&wire::compressed_message()).expect("the server reads");
            read_response(&mut socket);
        }
        sockets.push(socket);
    }
    sockets
}

/// Reads compressed frames until the server has sent nothing for a while: the last event cannot be recognized without inflating.
fn read_response(socket: &mut TcpStream) {
    let mut buffer = [0; 16 * 1024];
    let mut total = socket.read(&mut buffer).expect("a response");
    socket.set_read_timeout(Some(std::time::Duration::from_millis(5))).expect("a timeout");
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        total += length;
    }
    assert!(total > 100, "the response has {total} bytes");
}
