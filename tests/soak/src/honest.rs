//! Well-behaved clients that repeatedly send a request and read the response.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire;

/// The results of a client.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) failures: Vec<String>,
}

/// Sends requests until it is told to stop.
pub(crate) fn run(address: SocketAddr, websocket: bool, stop: &AtomicBool) -> Served {
    let mut served = Served::default();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        match exchange(address, websocket) {
            Ok(()) => served.latencies.push(start.elapsed()),
            Err(error) => served.failures.push(format!("after {:?}: {error}", start.elapsed())),
        }
        thread::sleep(Duration::from_millis(20));
    }
    served
}

fn exchange(address: SocketAddr, websocket: bool) -> io::Result<()> {
    let (mut stream, request) = if websocket {
        (wire::websocket(address, false)?, wire::message())
    } else {
        (wire::connect(address)?, wire::request())
    };
    stream.write_all(&request)?;
    let (mut received, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    while !received.windows(20).any(|window| window == b"\"response.completed\"") {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => received.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(())
}
