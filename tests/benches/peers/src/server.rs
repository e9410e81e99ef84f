//! A server over loopback, in a process of its own. Its responses are bytes that exist before it is asked, so that it is faster than
//! its clients.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_tungstenite::tungstenite;
use turnwire::connection::Transport;
use turnwire_benches::wire::{ReadSize, Wire};
use turnwire_benches::workload::Streams;

/// A running server; it is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl Process {
    /// Starts a server of a workload of this size.
    pub fn start(size: usize) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command.args(["serve", &size.to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut address).expect("the server runs");
        Self { child, address: address.trim().into() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The responses of a transport, each for one request, from the first again after the last.
#[derive(Debug)]
struct Responses {
    bytes: Vec<Vec<u8>>,
    next: AtomicUsize,
}

impl Responses {
    fn new(wire: &Wire) -> Self {
        Self { bytes: wire.reads(ReadSize::Large).map(|reads| reads.concat()).collect(), next: AtomicUsize::new(0) }
    }

    fn next(&self) -> &[u8] {
        &self.bytes[self.next.fetch_add(1, Ordering::Relaxed) % self.bytes.len()]
    }
}

/// Serves until the process is ended.
pub fn run(streams: &Streams) {
    let new = |transport| Responses::new(&Wire::new(streams, transport));
    let responses = Arc::new((new(Transport::Http), new(Transport::WebSocket)));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let (stream, responses) = (stream.expect("a connection"), Arc::clone(&responses));
        std::thread::spawn(move || {
            let mut method = [0; 3];
            let _ = stream.peek(&mut method);
            // A client that ends its connection early is not worth a message.
            let _ = match &method {
                b"GET" => messages(stream, &responses.1),
                _ => posts(stream, &responses.0).map_err(tungstenite::Error::Io),
            };
        });
    }
}

/// Answers each POST of a connection.
fn posts(mut stream: TcpStream, responses: &Responses) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a number");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        stream.write_all(responses.next())?;
    }
}

/// Answers each message of a WebSocket.
fn messages(stream: TcpStream, responses: &Responses) -> tungstenite::Result<()> {
    let mut socket = tungstenite::accept(stream).map_err(|_| tungstenite::Error::ConnectionClosed)?;
    loop {
        if socket.read()?.is_text() {
            socket.get_mut().write_all(responses.next())?;
        }
    }
}
