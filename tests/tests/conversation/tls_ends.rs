//! How a TLS session ends: with close_notify, without it, or with a record that cannot be decrypted.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use turnwire::client::{ConnectError, ConnectTarget, TransportPreference};
use turnwire::connection::LossReason;
use turnwire::time::Instant;
use turnwire_driver::Io;
use turnwire_rustls::{TlsIo, TlsSession};

use crate::setup::Place;

/// The peer of a socket: a TLS session in memory.
struct Peer {
    session: TlsSession,
    /// Ciphertext for the client, in the order of the reads.
    down: VecDeque<Vec<u8>>,
}

impl Peer {
    /// Takes what the session has to write.
    fn take(&mut self) -> Vec<u8> {
        let bytes = self.session.poll_transmit().to_vec();
        self.session.handle_written(bytes.len());
        bytes
    }
}

/// A socket. A read of nothing is the end of its input.
#[derive(Clone)]
struct Socket(Rc<RefCell<Peer>>);

impl Io for Socket {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_connect(&mut self, _: &mut Context<'_>, _: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.0.borrow_mut();
        let Some(bytes) = peer.down.pop_front() else { return Poll::Pending };
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        if length < bytes.len() {
            peer.down.push_front(bytes[length..].to_vec());
        }
        Poll::Ready(Ok(length))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.0.borrow_mut();
        // An alert of the client is an error of the session.
        let _ = peer.session.handle_input(bytes);
        let reply = peer.take();
        if !reply.is_empty() {
            peer.down.push_back(reply);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_wait(&mut self, _: &mut Context<'_>, _: Option<Instant>) -> Poll<()> {
        Poll::Pending
    }

    fn disconnect(&mut self) {}
}

/// What a client reads before the end that `end` makes, and the end.
fn read(end: impl FnOnce(&mut Peer)) -> (Vec<u8>, io::Result<()>) {
    let (trust, shown) = Place { choice: TransportPreference::Http, tls: true }.tls();
    let session = TlsSession::server(shown.expect("a configuration")).expect("a session");
    let socket = Socket(Rc::new(RefCell::new(Peer { session, down: VecDeque::new() })));
    let mut cx = Context::from_waker(Waker::noop());
    let mut client = TlsIo::with_config(socket.clone(), trust);
    let target = ConnectTarget::new("localhost", 443, true);
    assert!(matches!(client.poll_connect(&mut cx, &target), Poll::Ready(Ok(()))), "a handshake");
    end(&mut socket.0.borrow_mut());
    let (mut read, mut buffer) = (Vec::new(), [0; 100]);
    loop {
        match client.poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(0)) => return (read, Ok(())),
            Poll::Ready(Ok(length)) => read.extend_from_slice(&buffer[..length]),
            Poll::Ready(Err(error)) => return (read, Err(error)),
            Poll::Pending => panic!("the end is missing"),
        }
    }
}

#[test]
fn close_notify_is_an_orderly_end() {
    let (bytes, end) = read(|peer| {
        peer.session.encrypt(b"hello");
        peer.session.close();
        let records = peer.take();
        peer.down.push_back(records);
    });
    assert_eq!(bytes, b"hello");
    assert!(end.is_ok(), "{end:?}");
}

#[test]
fn end_without_close_notify_is_a_loss() {
    let (bytes, end) = read(|peer| {
        peer.session.encrypt(b"hello");
        let records = peer.take();
        peer.down.extend([records, Vec::new()]);
    });
    assert_eq!(bytes, b"hello");
    let error = end.expect_err("a loss");
    assert_eq!(error.to_string(), "the peer closed the socket without close_notify");
}

/// What came before a record that cannot be decrypted is read, also when it came in the same read.
#[test]
fn broken_record_is_a_loss_of_tls_after_what_came_before() {
    for in_one_read in [false, true] {
        let (bytes, end) = read(|peer| {
            peer.session.encrypt(&[b'x'; 1000]);
            let good = peer.take();
            peer.session.encrypt(b"never");
            let mut bad = peer.take();
            *bad.last_mut().expect("a record") ^= 1;
            match in_one_read {
                true => peer.down.push_back([good, bad].concat()),
                false => peer.down.extend([good, bad]),
            }
        });
        assert_eq!(bytes, [b'x'; 1000], "in one read: {in_one_read}");
        let error = end.expect_err("a loss");
        let reason = error.get_ref().and_then(|error| error.downcast_ref::<LossReason>());
        assert!(matches!(reason, Some(LossReason::Tls(words)) if words.contains("decrypt")), "{error:?}");
    }
}
