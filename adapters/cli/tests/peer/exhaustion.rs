//! `turnwire serve` in a process of its own that runs out of what it needs for a connection.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const REQUEST: &str = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server in a child process, which ends with this value.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    /// Starts a server that may open this number of file descriptors.
    fn start(descriptors: u32, options: &[&str]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", &descriptors.to_string()])
            .args([env!("CARGO_BIN_EXE_turnwire"), "serve", "--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its address");
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches("/v1").to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the kernel accepts");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream
    }

    /// Sends a request on a new connection. Returns the connection, and the status of the response if one came.
    fn ask(&self) -> (TcpStream, Option<String>) {
        let mut stream = self.connect();
        let _ = stream.write_all(REQUEST.as_bytes());
        let status = status(&mut stream);
        (stream, status)
    }

    /// Asks until the server responds with this status, for at most 10 seconds.
    fn ask_until(&self, expected: &str) {
        let start = Instant::now();
        while self.ask().1.as_deref() != Some(expected) {
            assert!(start.elapsed() < Duration::from_secs(10), "no {expected} within {:?}", start.elapsed());
            sleep(Duration::from_millis(20));
        }
    }

    fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("a pipe")
    }

    /// A file of `/proc` about the process.
    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// The processor time that the process has used, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).expect("the server runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields behind the name").split(' ').collect();
        fields[11..=12].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(stream: &mut TcpStream) -> Option<String> {
    let mut line = [0; 12];
    stream.read_exact(&mut line).ok()?;
    Some(String::from_utf8_lossy(&line[9..]).into_owned())
}

#[test]
fn connection_over_the_limit_is_refused_with_503() {
    let server = Process::start(256, &["--max-connections", "2"]);
    let (first, status) = server.ask();
    assert_eq!(status.as_deref(), Some("200"));
    let (_second, status) = server.ask();
    assert_eq!(status.as_deref(), Some("200"));
    assert_eq!(server.ask().1.as_deref(), Some("503"));
    drop(first);
    server.ask_until("200");
}

#[test]
fn server_without_file_descriptors_waits_says_so_and_serves_again() {
    let mut server = Process::start(32, &[]);
    let open: Vec<(TcpStream, Option<String>)> = (0..8).map(|_| server.ask()).collect();
    assert!(open.iter().all(|(_, status)| status.as_deref() == Some("200")), "{open:?}");
    // More than the process can have; the kernel accepts them, and the server does not.
    let waiting: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    let mut line = String::new();
    BufReader::new(server.stderr()).read_line(&mut line).expect("a notice");
    assert!(line.starts_with("turnwire: cannot accept a connection beside "), "{line}");
    let before = server.ticks();
    sleep(Duration::from_secs(1));
    let used = server.ticks() - before;
    assert!(used < 20, "{used} ticks of 10 ms in a second without a file descriptor");
    // What the first response left unread: its headers and body.
    let mut served = open[0].0.try_clone().expect("one more descriptor of this process");
    served.set_nonblocking(true).expect("a socket");
    let _ = served.read_to_end(&mut Vec::new());
    served.set_nonblocking(false).expect("a socket");
    served.write_all(REQUEST.as_bytes()).expect("an open connection");
    assert_eq!(status(&mut served).as_deref(), Some("200"), "a connection that is open is served meanwhile");
    drop((open, waiting));
    server.ask_until("200");
}

#[test]
fn connections_need_no_threads_of_their_own() {
    let server = Process::start(256, &[]);
    let threads = || fs::read_dir(server.proc("task")).expect("the server runs").count();
    let (first, _) = server.ask();
    let before = threads();
    let open: Vec<(TcpStream, Option<String>)> = (0..100).map(|_| server.ask()).collect();
    assert!(open.iter().all(|(_, status)| status.as_deref() == Some("200")));
    assert_eq!(threads(), before, "a hundred connections more");
    drop(first);
}
