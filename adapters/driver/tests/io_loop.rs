//! The I/O loop over a scripted socket.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use turnwire::client::{Client, ConnectError, ConnectTarget, Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, Item};
use turnwire::time::Instant;
use turnwire_driver::{ClientDriver, Io};

/// A socket with scripted reads; `None` ends the input. Without a scripted read, nothing is readable yet.
#[derive(Debug, Default)]
struct Scripted {
    reads: VecDeque<Option<Vec<u8>>>,
    connects: usize,
    written: Vec<u8>,
    write_fails: bool,
    now: Instant,
}

impl Io for &mut Scripted {
    fn now(&self) -> Instant {
        self.now
    }

    fn poll_connect(&mut self, _: &mut Context<'_>, _: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        self.connects += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.reads.pop_front() {
            None => Poll::Pending,
            Some(None) => Poll::Ready(Ok(0)),
            Some(Some(bytes)) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.write_fails {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_wait(&mut self, _: &mut Context<'_>, _: Option<Instant>) -> Poll<()> {
        Poll::Pending
    }

    fn disconnect(&mut self) {}
}

fn client() -> Client {
    let mut provider = Provider::new("test", "http://localhost:1/v1");
    provider.capabilities.websocket = false;
    Client::new(provider, Credentials::None, Settings::default(), [5; 32]).expect("a client")
}

fn request() -> CreateResponse {
    CreateResponse::new("m", vec![Item::user("hi")])
}

fn response() -> Option<Vec<u8>> {
    let body = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"}}\n\n";
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// Polls a turn until it is pending or ends. Returns the number of retries and the outcome.
fn run<I: Io>(driver: &mut ClientDriver<I>) -> (usize, Option<Result<String, u16>>) {
    let mut turn = driver.turn().expect("no request is pending");
    turn.send(request()).expect("a request");
    let (mut retries, mut end) = (0, None);
    loop {
        let next = core::pin::pin!(turn.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending | Poll::Ready(None) => return (retries, end),
            Poll::Ready(Some(Event::Retry { .. })) => retries += 1,
            Poll::Ready(Some(Event::Finished { outcome, .. })) => {
                end = Some(match outcome {
                    Outcome::Completed(completed) => Ok(completed.id.clone().unwrap_or_default()),
                    Outcome::Failed(failure) => Err(failure.status.unwrap_or_default()),
                    _ => Err(0),
                });
            }
            Poll::Ready(Some(_)) => {}
        }
    }
}

/// The peer stopped reading in the middle of the request, after it had sent a response.
#[test]
fn response_is_read_after_failed_request_write() {
    let mut socket = Scripted { write_fails: true, ..Scripted::default() };
    socket.reads.push_back(Some(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n".to_vec()));
    socket.reads.push_back(None);
    assert_eq!(run(&mut ClientDriver::new(client(), &mut socket)), (0, Some(Err(413))));
}

/// The server closed the connection between two turns, while the driver was not polled: the next request uses a new connection.
#[test]
fn socket_closed_between_turns_costs_no_retry() {
    let mut socket = Scripted::default();
    socket.reads.push_back(response());
    let mut driver = ClientDriver::new(client(), &mut socket);
    assert_eq!(run(&mut driver), (0, Some(Ok("resp_1".into()))));
    drop(driver);

    // The same with the end of the input already readable after the response.
    let mut socket = Scripted::default();
    socket.reads.extend([response(), None, response()]);
    let mut driver = ClientDriver::new(client(), &mut socket);
    assert_eq!(run(&mut driver), (0, Some(Ok("resp_1".into()))));
    assert_eq!(run(&mut driver), (0, Some(Ok("resp_1".into()))));
    drop(driver);
    assert_eq!(socket.connects, 2);
}

/// A scripted socket that the test can change while a driver owns it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Scripted>>);

impl Io for Shared {
    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        (&mut *self.0.borrow_mut()).poll_connect(cx, target)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        (&mut *self.0.borrow_mut()).poll_read(cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        (&mut *self.0.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, _: &mut Context<'_>, _: Option<Instant>) -> Poll<()> {
        Poll::Pending
    }

    fn disconnect(&mut self) {}
}

/// The task did not poll for longer than the idle timeout, but the peer responded in time.
#[test]
fn late_task_reads_response_before_reporting_timeout() {
    let socket = Shared::default();
    let mut driver = ClientDriver::new(client(), socket.clone());
    driver.client().send(Instant::ZERO, request()).expect("a request");
    let sent = core::iter::from_fn(|| poll(&mut driver)).count();
    assert_eq!(sent, 2, "connected and sent");

    socket.0.borrow_mut().now = Instant::from_duration(core::time::Duration::from_secs(4000));
    socket.0.borrow_mut().reads.push_back(response());
    let found: Vec<String> = core::iter::from_fn(|| poll(&mut driver)).collect();
    assert!(found.iter().any(|event| event.contains("Completed")), "{found:?}");
    assert!(!found.iter().any(|event| event.contains("Retry")), "{found:?}");
}

/// The peer ends the connection while the driver is not polled: the next request does not go on the stale socket.
#[test]
fn request_after_the_peer_has_ended_the_connection_costs_no_retry() {
    let socket = Shared::default();
    socket.0.borrow_mut().reads.push_back(response());
    let mut driver = ClientDriver::new(client(), socket.clone());
    let mut turn = driver.turn().expect("no request is pending");
    let ask = |turn: &mut turnwire_driver::Turn<'_, Shared>| {
        turn.send(request()).expect("a request");
        let (mut retries, mut completed) = (0, false);
        loop {
            match core::pin::pin!(turn.next()).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending | Poll::Ready(None) => return (retries, completed),
                Poll::Ready(Some(Event::Retry { .. })) => retries += 1,
                Poll::Ready(Some(Event::Finished { outcome, .. })) => {
                    completed = matches!(outcome, Outcome::Completed(_))
                }
                Poll::Ready(Some(_)) => {}
            }
        }
    };
    assert_eq!(ask(&mut turn), (0, true));
    socket.0.borrow_mut().reads.extend([None, response()]);
    assert_eq!(ask(&mut turn), (0, true), "in the same turn");
    assert_eq!(socket.0.borrow().connects, 2);
}

#[test]
fn turn_that_is_dropped_cancels_its_requests() {
    let socket = Shared::default();
    let mut driver = ClientDriver::new(client(), socket.clone());
    let mut turn = driver.turn().expect("no request is pending");
    turn.send(request()).expect("a request");
    assert!(matches!(
        core::pin::pin!(turn.next()).poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Some(Event::Connected { .. } | Event::Sent { .. }))
    ));
    drop(turn);
    assert!(!driver.client().has_pending_requests() && !driver.client().has_event());
    socket.0.borrow_mut().reads.push_back(response());
    assert_eq!(run(&mut driver), (0, Some(Ok("resp_1".into()))), "the next turn begins at once");
}

/// Returns the `Debug` text of the next event if it is ready.
fn poll<I: Io>(driver: &mut ClientDriver<I>) -> Option<String> {
    let next = core::pin::pin!(driver.next());
    match next.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(event)) => Some(format!("{event:?}")),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

/// Checks at compile time that clients can be shared behind locks and that credentials can be cloned.
#[test]
fn clients_and_credentials_are_send_and_sync() {
    const fn shared<T: Send + Sync>() {}
    const fn cloned<T: Clone>() {}
    const {
        shared::<Client>();
        shared::<Credentials>();
        shared::<ClientDriver<Scripted>>();
        cloned::<Credentials>();
    }
}
