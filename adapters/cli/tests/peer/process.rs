//! `turnwire serve` in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server in a child process, which ends with this value.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// Its standard output behind the address.
    pub(crate) stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a server that may open this number of file descriptors.
    pub(crate) fn start(descriptors: u32, options: &[&str]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", &descriptors.to_string()])
            .args([env!("CARGO_BIN_EXE_turnwire"), "serve", "--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("its address");
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches("/v1").to_owned();
        Self { child, address, stdout }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the kernel accepts");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream
    }

    pub(crate) fn websocket(&self) -> TcpStream {
        self.websocket_with("")
    }

    /// Opens a WebSocket with further headers.
    pub(crate) fn websocket_with(&self, headers: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = "GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let head = format!("{head}{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("an open connection");
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a response");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        stream
    }

    pub(crate) fn stderr(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.child.stderr.take().expect("a pipe"))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the server accepts no more connections, for at most 30 seconds.
    pub(crate) fn wait_until_it_refuses(&self) {
        wait_for(|| TcpStream::connect(&self.address).is_err().then_some(()));
    }

    /// Waits until the process has ended, for at most 30 seconds. Returns its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait_for(|| self.child.try_wait().expect("a child")).code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "not within 30 s");
        sleep(Duration::from_millis(20));
    }
}

/// Returns the status of a response.
pub(crate) fn status(stream: &mut TcpStream) -> Option<String> {
    let mut line = [0; 12];
    stream.read_exact(&mut line).ok()?;
    Some(String::from_utf8_lossy(&line[9..]).into_owned())
}

/// Returns a message of a client, masked with zeros.
pub(crate) fn message(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).expect("a short message");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}
