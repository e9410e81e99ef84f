//! `turnwire serve` in a process of its own that runs out of what it needs for a connection.

use std::fs;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use turnwire::ws::Role;
use turnwire::ws::deflate::{Deflater, Params};

use crate::process::{Process, message, status};

const REQUEST: &str = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";

impl Process {
    /// Connects from another address of this machine.
    fn connect_from(&self, address: [u8; 4]) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("a loopback address");
        let server: SocketAddr = self.address.parse().expect("an address");
        socket.connect(&server.into()).expect("the kernel accepts");
        let stream = TcpStream::from(socket);
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
fn peer_that_has_all_connections_does_not_keep_another_one_out() {
    let server = Process::start(256, &["--max-connections", "4"]);
    let mut all: Vec<TcpStream> = (0..4).map(|_| server.connect()).collect();
    // It is idle later than the others.
    all[0].write_all(REQUEST.as_bytes()).expect("an open connection");
    assert_eq!(status(&mut all[0]).as_deref(), Some("200"));
    assert_eq!(server.ask().1.as_deref(), Some("503"), "a further one of the same peer");
    let mut other = server.connect_from([127, 0, 0, 2]);
    other.write_all(REQUEST.as_bytes()).expect("an open connection");
    assert_eq!(status(&mut other).as_deref(), Some("200"));
    assert_eq!(all[1].read(&mut [0]).ok().filter(|length| *length > 0), None, "it gave way");
    for at in [0, 2, 3] {
        all[at].set_nonblocking(true).expect("a socket");
        let _ = all[at].read_to_end(&mut Vec::new());
        all[at].set_nonblocking(false).expect("a socket");
        all[at].write_all(REQUEST.as_bytes()).expect("an open connection");
        assert_eq!(status(&mut all[at]).as_deref(), Some("200"), "{at}");
    }
}

#[test]
fn server_without_file_descriptors_waits_says_so_and_serves_again() {
    let mut server = Process::start(32, &[]);
    let open: Vec<(TcpStream, Option<String>)> = (0..8).map(|_| server.ask()).collect();
    assert!(open.iter().all(|(_, status)| status.as_deref() == Some("200")), "{open:?}");
    // More than the process can have; the kernel accepts them, and the server does not.
    let waiting: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    let mut line = String::new();
    server.stderr().read_line(&mut line).expect("a notice");
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

/// A script with a response of more than a mebibyte.
const LONG: &str =
    "[[reply]]\nevents = [{ type = \"response.output_text.delta\", item_id = \"m\", delta = \"LONG\" }]\n";

impl Process {
    /// Starts a server whose responses have more than a mebibyte.
    fn start_with_long_responses(folder: &tempfile::TempDir) -> Self {
        let script = folder.path().join("long.toml");
        fs::write(&script, LONG.replace("LONG", &"x".repeat(1024 * 1024))).expect("a script");
        Self::start(256, &["--script", script.to_str().expect("a path")])
    }

    /// Resident memory in KiB.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("the server runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        resident.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }
}

/// Sends requests on lanes of their own, and reads nothing.
fn send_requests(stream: &mut TcpStream, count: usize) {
    for at in 0..count {
        let lane = format!("\"stream_id\":\"lane{at}\"");
        let request = format!(r#"{{"type":"response.create",{lane},"model":"m","store":false,"input":"hi"}}"#);
        // The server may have dropped the connection.
        let _ = stream.write_all(&message(&request));
    }
}

/// Counts an end of events until this number of them has come.
fn count(stream: &mut TcpStream, ends: [&[u8]; 2], until: usize) -> [usize; 2] {
    let (mut counts, mut kept, mut buffer) = ([0; 2], Vec::new(), vec![0; 256 * 1024]);
    while counts[0] + counts[1] < until {
        let length = stream.read(&mut buffer).expect("more events");
        assert!(length > 0, "the connection ended after {counts:?}");
        kept.extend_from_slice(&buffer[..length]);
        let rest = kept.len().saturating_sub(ends[0].len().max(ends[1].len()) - 1);
        for (count, end) in counts.iter_mut().zip(ends) {
            *count += kept.windows(end.len()).take(rest).filter(|window| window == &end).count();
        }
        kept.drain(..rest);
    }
    counts
}

#[test]
fn websocket_whose_client_reads_nothing_gets_429_beyond_four_mebibytes_of_responses() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start_with_long_responses(&folder);
    let mut stream = server.websocket();
    send_requests(&mut stream, 32);
    sleep(Duration::from_millis(500));
    let ends: [&[u8]; 2] = [b"\"type\":\"response.completed\"", b"\"code\":\"rate_limit_exceeded\""];
    let [completed, refused] = count(&mut stream, ends, 32);
    assert!(completed >= 2 && refused > 0, "{completed} responses, {refused} refusals");
}

#[test]
fn clients_that_read_nothing_are_dropped_when_the_memory_for_responses_is_used_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start_with_long_responses(&folder);
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..64 {
        let mut stream = server.websocket();
        send_requests(&mut stream, 8);
        idle.push(stream);
    }
    let mut stream = server.websocket();
    send_requests(&mut stream, 1);
    let ends: [&[u8]; 2] = [b"\"type\":\"response.completed\"", b"\"type\":\"error\""];
    assert_eq!(count(&mut stream, ends, 1), [1, 0], "a client that reads is served");
    let resident = server.resident();
    // 64 connections with 4 MiB each, and what the allocator adds.
    assert!(resident < 288 * 1024, "{resident} KiB");
    drop(idle);
}

#[test]
fn server_whose_json_lines_nobody_reads_serves_its_clients() {
    let server = Process::start(256, &["--json"]);
    let body = format!(r#"{{"model":"m","stream":true,"store":false,"input":"{}"}}"#, "x".repeat(32 * 1024));
    let length = body.len();
    let head = "POST /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    // A pipe holds two lines.
    for at in 0..200 {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("an open connection");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        assert!(response.contains("response.completed"), "{at}: {response}");
    }
    let resident = server.resident();
    assert!(resident < 64 * 1024, "{resident} KiB");
}

#[test]
fn deflate_bombs_of_63_kb_are_refused_and_take_little_memory() {
    let server = Process::start(256, &["--deflate"]);
    let mut bomb = Vec::new();
    let mut deflater = Deflater::new(&Params::default(), Role::Client).expect("a window from 9 up");
    deflater.message(&vec![b' '; 6 * 1024 * 1024], &mut bomb);
    let length = u16::try_from(bomb.len()).expect("a length of 16 bits");
    assert!(length > 60_000, "{length} bytes");
    let frame = [&[0xC1, 0xFE][..], &length.to_be_bytes(), &[0; 4], &bomb].concat();
    let mut all = Vec::new();
    for _ in 0..32 {
        let mut stream = server.websocket_with("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        // The server may have closed the connection before it has read everything.
        let _ = stream.write_all(&frame);
        let mut close = [0; 4];
        if stream.read_exact(&mut close).is_ok() {
            assert_eq!(close, [0x88, 2, 0x03, 0xF1], "code 1009");
        }
        all.push(stream);
    }
    let resident = server.resident();
    assert!(resident < 64 * 1024, "{resident} KiB");
}
