//! Attacks of hostile clients. Each takes at most a few seconds, and is repeated.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::wire;

type Attack = fn(SocketAddr) -> io::Result<()>;

/// All attacks, by name.
pub(crate) const ALL: [(&str, Attack); 11] = [
    ("requests without reading, HTTP", never_reads_http),
    ("requests without reading, WebSocket", never_reads_websocket),
    ("reading in a trickle", trickle),
    ("slow heads", slow_heads),
    ("bodies that do not end", endless_bodies),
    ("messages that do not end", endless_messages),
    ("pings", pings),
    ("deflate bombs", bombs),
    ("resets", resets),
    ("half-open", half_open),
    ("junk", junk),
];

/// Repeats an attack until it is told to stop. Returns how often.
pub(crate) fn repeat(attack: Attack, address: SocketAddr, stop: &AtomicBool) -> u64 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        // The server may end the connection at any point.
        let _ = attack(address);
        rounds += 1;
        thread::sleep(Duration::from_millis(10));
    }
    rounds
}

/// Holds sockets open for a while.
fn hold(sockets: &[TcpStream]) {
    thread::sleep(Duration::from_secs(if sockets.is_empty() { 0 } else { 2 }));
}

fn never_reads_http(address: SocketAddr) -> io::Result<()> {
    let request = wire::post(r#"{"stream":true,"input":"long"}"#);
    let mut sockets = Vec::new();
    for _ in 0..16 {
        let mut stream = wire::connect(address)?;
        stream.set_write_timeout(Some(Duration::from_millis(100)))?;
        while stream.write_all(&request.repeat(64)).is_ok() {}
        sockets.push(stream);
    }
    hold(&sockets);
    Ok(())
}

fn never_reads_websocket(address: SocketAddr) -> io::Result<()> {
    let message = wire::frame(0x81, br#"{"type":"response.create","input":"long"}"#);
    let mut sockets = Vec::new();
    for _ in 0..16 {
        let mut stream = wire::websocket(address, false)?;
        stream.set_write_timeout(Some(Duration::from_millis(100)))?;
        while stream.write_all(&message.repeat(64)).is_ok() {}
        sockets.push(stream);
    }
    hold(&sockets);
    Ok(())
}

fn trickle(address: SocketAddr) -> io::Result<()> {
    let mut stream = wire::websocket(address, false)?;
    stream.set_write_timeout(Some(Duration::from_millis(10)))?;
    let message = wire::frame(0x81, br#"{"type":"response.create","input":"long"}"#);
    let mut buffer = [0; 1024];
    for _ in 0..20 {
        // A write that is not complete breaks the framing; the server then closes.
        let _ = stream.write_all(&message);
        stream.read_exact(&mut buffer)?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn slow_heads(address: SocketAddr) -> io::Result<()> {
    let mut sockets = Vec::new();
    for _ in 0..64 {
        sockets.push(wire::connect(address)?);
    }
    for byte in b"POST /v1/responses HTTP/1.1\r\nX: " {
        for socket in &mut sockets {
            socket.write_all(&[*byte])?;
        }
        thread::sleep(Duration::from_millis(50));
    }
    hold(&sockets);
    Ok(())
}

fn endless_bodies(address: SocketAddr) -> io::Result<()> {
    let part = vec![b'x'; 8 * 1024 * 1024];
    let mut sockets = Vec::new();
    for _ in 0..16 {
        let mut stream = wire::connect(address)?;
        let length = 16 * 1024 * 1024;
        let head = format!("POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&part));
        sockets.push(stream);
    }
    hold(&sockets);
    Ok(())
}

fn endless_messages(address: SocketAddr) -> io::Result<()> {
    let part = wire::frame(0x01, &vec![b'x'; 4 * 1024 * 1024]);
    let mut sockets = Vec::new();
    for _ in 0..16 {
        let mut stream = wire::websocket(address, false)?;
        let _ = stream.write_all(&part);
        sockets.push(stream);
    }
    hold(&sockets);
    Ok(())
}

fn pings(address: SocketAddr) -> io::Result<()> {
    let mut stream = wire::websocket(address, false)?;
    let ping = wire::frame(0x89, &[b'p'; 125]).repeat(256);
    for _ in 0..32 {
        stream.write_all(&ping)?;
    }
    Ok(())
}

fn bombs(address: SocketAddr) -> io::Result<()> {
    for size in [1, 8, 64] {
        let bomb = wire::bomb(size * 1024 * 1024);
        for part in [bomb.len(), bomb.len() - 1] {
            let mut stream = wire::websocket(address, true)?;
            stream.write_all(&bomb[..part])?;
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
            let _ = stream.read(&mut [0; 1024]);
        }
    }
    Ok(())
}

fn resets(address: SocketAddr) -> io::Result<()> {
    let request = wire::request();
    for length in (0..request.len()).step_by(7) {
        let mut stream = wire::connect(address)?;
        stream.write_all(&request[..length])?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

fn half_open(address: SocketAddr) -> io::Result<()> {
    let mut sockets = Vec::new();
    for at in 0..32 {
        let mut stream = if at % 2 == 0 { wire::connect(address)? } else { wire::websocket(address, false)? };
        if at % 4 == 0 {
            stream.write_all(&wire::request())?;
        }
        stream.shutdown(Shutdown::Write)?;
        sockets.push(stream);
    }
    hold(&sockets);
    Ok(())
}

fn junk(address: SocketAddr) -> io::Result<()> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::new();
    while bytes.len() < 4096 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    for at in 0..32 {
        let mut stream = if at % 2 == 0 { wire::connect(address)? } else { wire::websocket(address, true)? };
        stream.write_all(&bytes[at * 64..])?;
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        let _ = stream.read(&mut [0; 1024]);
    }
    Ok(())
}
