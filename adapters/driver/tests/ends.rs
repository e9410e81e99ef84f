//! How the I/O loop distinguishes the ends of a socket, and how it reads input before it reports a deadline.

use core::cell::RefCell;
use core::future::Future as _;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;

use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::connection::{CloseReason, Deadline, LossReason, ServerConnection, server};
use turnwire::time::Instant;
use turnwire_driver::{Io, ServerDriver, Wake as Waited};

/// The result of reading from a scripted socket.
enum Read {
    Bytes(Vec<u8>),
    End,
    Fails(io::Error),
    /// The same bytes, whenever it is read from; each read takes this long.
    Endless(Vec<u8>, Duration),
}

#[derive(Default)]
struct Script {
    reads: VecDeque<Read>,
    write_fails: Option<io::ErrorKind>,
    /// The peer reads nothing.
    write_blocks: bool,
    written: Vec<u8>,
    now: Duration,
}

#[derive(Clone, Default)]
struct Socket(Rc<RefCell<Script>>);

impl Io for Socket {
    fn now(&self) -> Instant {
        Instant::from_duration(self.0.borrow().now)
    }

    fn poll_connect(&mut self, _: &mut Context<'_>, _: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut script = self.0.borrow_mut();
        let bytes = match script.reads.pop_front() {
            None => return Poll::Pending,
            Some(Read::End) => return Poll::Ready(Ok(0)),
            Some(Read::Fails(error)) => return Poll::Ready(Err(error)),
            Some(Read::Bytes(bytes)) => bytes,
            Some(Read::Endless(bytes, time)) => {
                script.now += time;
                script.reads.push_front(Read::Endless(bytes.clone(), time));
                bytes
            }
        };
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        if length < bytes.len() {
            script.reads.push_front(Read::Bytes(bytes[length..].to_vec()));
        }
        Poll::Ready(Ok(length))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut script = self.0.borrow_mut();
        if let Some(kind) = script.write_fails {
            return Poll::Ready(Err(kind.into()));
        }
        if script.write_blocks {
            return Poll::Pending;
        }
        script.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_wait(&mut self, _: &mut Context<'_>, _: Option<Instant>) -> Poll<()> {
        Poll::Pending
    }

    fn disconnect(&mut self) {}
}

fn driver(config: server::Config, socket: &Socket) -> ServerDriver<Socket> {
    ServerDriver::new(ServerConnection::new(config, [2; 32]), socket.clone())
}

/// Polls as often as the task wakes itself, up to a maximum. Returns the event as text.
fn next(driver: &mut ServerDriver<Socket>) -> Option<String> {
    for _ in 0..10_000 {
        let next = pin!(driver.next());
        if let Poll::Ready(event) = next.poll(&mut Context::from_waker(Waker::noop())) {
            return event.map(|event| match event {
                server::Event::Closed(reason) => format!("closed: {reason}"),
                server::Event::Request { body, .. } => format!("request of {} bytes", body.len()),
                other => format!("{other:?}"),
            });
        }
    }
    None
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn orderly_end_and_loss_are_distinguished() {
    let given = || io::Error::other(LossReason::Tls("bad record mac".into()));
    for (read, told) in [
        (Read::End, "closed: the peer closed the socket"),
        (Read::Fails(io::ErrorKind::ConnectionReset.into()), "closed: network error: connection reset"),
        (Read::Fails(given()), "closed: tls error: bad record mac"),
    ] {
        let socket = Socket::default();
        socket.0.borrow_mut().reads.extend([Read::Bytes(REQUEST.to_vec()), read]);
        let mut driver = driver(server::Config::new(), &socket);
        assert_eq!(next(&mut driver).as_deref(), Some("request of 0 bytes"));
        assert_eq!(next(&mut driver).as_deref(), Some(told));
        assert_eq!(next(&mut driver), None);
    }
}

/// After a write has failed, what the peer sent before is read, and then the connection is lost, whatever ends the input.
#[test]
fn failed_write_is_a_loss_once_everything_was_read() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    let mut driver = driver(server::Config::new(), &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), b"").expect("a request waits");
    socket.0.borrow_mut().write_fails = Some(io::ErrorKind::BrokenPipe);
    socket.0.borrow_mut().reads.extend([Read::Bytes(REQUEST.to_vec()), Read::End]);
    assert_eq!(next(&mut driver).as_deref(), Some("request of 0 bytes"));
    assert_eq!(next(&mut driver).as_deref(), Some("closed: network error: broken pipe"));
}

/// A connection that cannot write any more never gets room for input: it does not wait for its write deadline.
#[test]
fn failed_write_with_a_full_backlog_is_a_loss_at_once() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    let mut config = server::Config::new();
    config.max_send_backlog = 10;
    let mut driver = driver(config, &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), &[0; 100]).expect("a request waits");
    socket.0.borrow_mut().write_fails = Some(io::ErrorKind::ConnectionReset);
    assert_eq!(next(&mut driver).as_deref(), Some("closed: network error: connection reset"));
}

/// A task that was away for longer than a deadline loses nothing of what waits in the socket, however much it is.
#[test]
fn late_task_reads_everything_before_a_deadline_is_reported() {
    for length in [10, 100_000, 10_000_000] {
        for away in [61, 4000] {
            let socket = Socket::default();
            let mut driver = driver(server::Config::new(), &socket);
            let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
            socket.0.borrow_mut().reads.push_back(Read::Bytes(head.into_bytes()));
            assert_eq!(next(&mut driver), None);
            socket.0.borrow_mut().now = Duration::from_secs(away);
            socket.0.borrow_mut().reads.push_back(Read::Bytes(vec![b'x'; length]));
            assert_eq!(next(&mut driver), Some(format!("request of {length} bytes")));
        }
    }
}

/// The bytes of half a request that came in time do not keep a connection open.
#[test]
fn deadline_is_reported_once_everything_was_read() {
    let socket = Socket::default();
    let mut driver = driver(server::Config::new(), &socket);
    socket.0.borrow_mut().reads.push_back(Read::Bytes(b"POST / HTTP/1.1\r\n".to_vec()));
    assert_eq!(next(&mut driver), None);
    socket.0.borrow_mut().now = Duration::from_secs(31);
    socket.0.borrow_mut().reads.push_back(Read::Bytes(b"Host: localhost\r\n".to_vec()));
    // The task was a second late, so the peer has that second.
    assert_eq!(next(&mut driver), None);
    socket.0.borrow_mut().now = Duration::from_millis(31_999);
    assert_eq!(next(&mut driver), None);
    socket.0.borrow_mut().now = Duration::from_secs(32);
    let told = format!("closed: {}", CloseReason::Timeout(Deadline::Head));
    assert_eq!(next(&mut driver), Some(told));
}

/// Where nothing waits in the socket, a deadline is reported however late the task is.
#[test]
fn deadline_is_reported_at_once_when_nothing_waits() {
    for seconds in [30, 31, 4000] {
        let socket = Socket::default();
        let mut driver = driver(server::Config::new(), &socket);
        socket.0.borrow_mut().reads.push_back(Read::Bytes(b"POST / HTTP/1.1\r\n".to_vec()));
        assert_eq!(next(&mut driver), None);
        socket.0.borrow_mut().now = Duration::from_secs(seconds);
        let told = format!("closed: {}", CloseReason::Timeout(Deadline::Head));
        assert_eq!(next(&mut driver), Some(told));
    }
}

/// A late task that has read a part waits for the rest as long as it was late.
#[test]
fn rest_that_arrives_while_a_late_task_catches_up_is_read() {
    let socket = Socket::default();
    let mut driver = driver(server::Config::new(), &socket);
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST[..10].to_vec()));
    assert_eq!(next(&mut driver), None);
    socket.0.borrow_mut().now = Duration::from_secs(33);
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST[10..20].to_vec()));
    assert_eq!(next(&mut driver), None);
    socket.0.borrow_mut().now = Duration::from_secs(35);
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST[20..].to_vec()));
    assert_eq!(next(&mut driver).as_deref(), Some("request of 0 bytes"));
}

/// A peer that never stops sending does not keep its deadline from being reported.
#[test]
fn endless_input_does_not_keep_a_deadline_from_being_reported() {
    let socket = Socket::default();
    let mut config = server::Config::new();
    config.head_limits.bytes = usize::MAX;
    let mut driver = driver(config, &socket);
    let head = [&b"GET / HTTP/1.1\r\nx: "[..], &[b'y'; 100]].concat();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(head));
    socket.0.borrow_mut().reads.push_back(Read::Endless(vec![b'y'; 100], Duration::from_millis(100)));
    let told = format!("closed: {}", CloseReason::Timeout(Deadline::Head));
    assert_eq!(next(&mut driver), Some(told));
    let seconds = socket.0.borrow().now.as_secs();
    assert!((30..=36).contains(&seconds), "{seconds} s");
}

/// Polls once. Returns whether the future is ready.
fn poll_once(driver: &mut ServerDriver<Socket>, waker: &Waker) -> bool {
    pin!(driver.next()).poll(&mut Context::from_waker(waker)).is_ready()
}

#[test]
fn peer_that_does_not_read_is_not_read_from() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    let mut config = server::Config::new();
    config.max_send_backlog = 10;
    let mut driver = driver(config, &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), &[0; 100]).expect("a request waits");
    socket.0.borrow_mut().write_blocks = true;
    socket.0.borrow_mut().reads.extend([Read::Bytes(REQUEST.to_vec()), Read::Bytes(REQUEST.to_vec())]);
    assert!(!poll_once(&mut driver, Waker::noop()));
    assert_eq!(socket.0.borrow().reads.len(), 2, "nothing is read before the peer reads");
    socket.0.borrow_mut().write_blocks = false;
    assert_eq!(next(&mut driver).as_deref(), Some("request of 0 bytes"));
}

#[test]
fn bytes_that_wait_are_written_after_the_peer_has_ended_its_side() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    let mut driver = driver(server::Config::new(), &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), &[0; 100]).expect("a request waits");
    socket.0.borrow_mut().write_blocks = true;
    socket.0.borrow_mut().reads.push_back(Read::End);
    assert_eq!(next(&mut driver).as_deref(), Some("closed: the peer closed the socket"));
    assert!(!poll_once(&mut driver, Waker::noop()), "the response waits to be written");
    socket.0.borrow_mut().write_blocks = false;
    assert!(poll_once(&mut driver, Waker::noop()));
    let written = socket.0.borrow().written.clone();
    assert!(written.starts_with(b"HTTP/1.1 200 ") && written.ends_with(&[0; 100]), "{} bytes", written.len());
}

#[test]
fn server_whose_socket_is_lost_ends_although_bytes_wait() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    let mut driver = driver(server::Config::new(), &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), &[0; 100]).expect("a request waits");
    socket.0.borrow_mut().write_blocks = true;
    socket.0.borrow_mut().reads.push_back(Read::Fails(io::ErrorKind::ConnectionReset.into()));
    assert!(next(&mut driver).is_some_and(|event| event.starts_with("closed: ")));
    assert!(poll_once(&mut driver, Waker::noop()), "there is nothing to wait for");
}

/// Counts how often a task is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn task_with_much_to_read_gives_way_to_others_and_is_woken() {
    let socket = Socket::default();
    let bytes = b"GET /a-long-target-of-a-request-in-single-bytes-each-of-them-a-read-of-its-own HTTP/1.1"
        .map(|byte| Read::Bytes(vec![byte]));
    socket.0.borrow_mut().reads = bytes.into_iter().collect();
    let all = socket.0.borrow().reads.len();
    let mut driver = driver(server::Config::new(), &socket);
    let woken = Arc::new(Woken::default());
    assert!(!poll_once(&mut driver, &Waker::from(Arc::clone(&woken))));
    let left = socket.0.borrow().reads.len();
    assert!(left > 0 && left < all, "{left} of {all} reads are left");
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
}

/// RFC 9112 §9.6: a socket that is dropped with unread input is reset, and the response may be lost with it.
#[test]
fn error_response_is_not_lost_with_the_rest_of_its_request() {
    let head = |rest: &str| Read::Bytes(format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}\r\n").into_bytes());
    for (head, told) in [
        (head("Content-Length: x\r\n"), "closed: "),
        (head("Content-Length: 100000000000\r\n"), "closed: "),
        (head("Host: b\r\n"), "closed: "),
    ] {
        let socket = Socket::default();
        socket.0.borrow_mut().reads.extend([head, Read::Bytes(vec![b'x'; 50_000]), Read::Bytes(vec![b'x'; 50_000])]);
        let mut driver = driver(server::Config::new(), &socket);
        assert!(next(&mut driver).is_some_and(|event| event.starts_with(told)));
        // The peer has not closed the socket: all that it has sent so far is read, and more is awaited.
        assert_eq!(next(&mut driver), None);
        assert!(socket.0.borrow().written.starts_with(b"HTTP/1.1 4") && socket.0.borrow().reads.is_empty());
        let ended = |driver: &mut ServerDriver<Socket>| {
            pin!(driver.next()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
        };
        assert!(!ended(&mut driver), "the peer may send more");
        socket.0.borrow_mut().reads.extend([Read::Bytes(vec![b'x'; 10]), Read::End, Read::Bytes(vec![b'y'])]);
        assert!(ended(&mut driver));
        assert_eq!(socket.0.borrow().reads.len(), 1, "nothing is read after the end");
    }
}

#[test]
fn peer_that_sends_without_end_after_an_error_response_is_left_after_a_second() {
    let socket = Socket::default();
    let endless = Read::Endless(vec![b'x'; 16], Duration::from_millis(10));
    socket.0.borrow_mut().reads.extend([Read::Bytes(b"nonsense\r\n\r\n".to_vec()), endless]);
    let mut driver = driver(server::Config::new(), &socket);
    assert!(next(&mut driver).is_some());
    let start = socket.0.borrow().now;
    assert_eq!(next(&mut driver), None);
    assert_eq!(socket.0.borrow().now - start, Duration::from_secs(1));
}

#[test]
fn connection_that_ends_without_an_error_does_not_linger() {
    let socket = Socket::default();
    let mut config = server::Config::new();
    config.timeouts.idle = Some(Duration::from_millis(1));
    socket
        .0
        .borrow_mut()
        .reads
        .push_back(Read::Bytes(Vec::from(*b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    let mut driver = driver(config, &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), b"").expect("a request waits");
    assert!(next(&mut driver).is_some_and(|event| event.starts_with("closed: ")));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(pin!(driver.next()).poll(&mut context), Poll::Ready(None)));
}

/// The last response is written without taking the next request, and before an event that is there already.
#[test]
fn flush_writes_everything_and_takes_no_event() {
    let socket = Socket::default();
    socket.0.borrow_mut().reads.push_back(Read::Bytes([REQUEST, REQUEST].concat()));
    let mut driver = driver(server::Config::new(), &socket);
    assert!(next(&mut driver).is_some());
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), b"first").expect("a request waits");
    assert!(driver.connection().has_event(), "the next request is there");
    let flush = |driver: &mut ServerDriver<Socket>| {
        let flush = pin!(driver.flush());
        flush.poll(&mut Context::from_waker(Waker::noop()))
    };
    socket.0.borrow_mut().write_blocks = true;
    assert_eq!(flush(&mut driver), Poll::Pending);
    socket.0.borrow_mut().write_blocks = false;
    assert_eq!(flush(&mut driver), Poll::Ready(Waited::Writable));
    assert!(socket.0.borrow().written.ends_with(b"first"));
    let now = driver.now();
    assert!(next(&mut driver).is_some());
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), b"second").expect("a request waits");
    socket.0.borrow_mut().reads.push_back(Read::Bytes(REQUEST.to_vec()));
    assert!(next(&mut driver).is_some());
    assert!(socket.0.borrow().written.ends_with(b"second"), "`next` writes before it returns an event");
    let now = driver.now();
    driver.connection().respond(now, 200, &turnwire::http::Headers::new(), b"third").expect("a request waits");
    socket.0.borrow_mut().write_fails = Some(io::ErrorKind::BrokenPipe);
    socket.0.borrow_mut().reads.push_back(Read::End);
    assert_eq!(flush(&mut driver), Poll::Ready(Waited::Closed));
}
