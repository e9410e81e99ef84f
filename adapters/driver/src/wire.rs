//! The loop: events, finished?, dial, write, read, wait.

use core::task::{Context, Poll, Waker};

use turnwire::client::{ConnectTarget, SocketCommand};

use crate::io::Io;
use crate::machine::{Machine, News};

/// Rounds of one poll after which other tasks get their turn, however much there is to do.
const ROUNDS: usize = 32;

/// A socket, a clock, and one buffer to read into.
#[derive(Debug)]
pub(crate) struct Wire<I> {
    pub(crate) io: I,
    link: Link,
    buffer: Box<[u8]>,
}

/// How far the socket is.
#[derive(Debug)]
pub(crate) enum Link {
    Down,
    Dialing(ConnectTarget),
    Open,
    /// No more bytes can go out; what the peer said before may still come.
    Mute,
    /// No more bytes come; some may still be written.
    Ended,
}

impl<I: Io> Wire<I> {
    pub(crate) fn new(io: I, link: Link) -> Self {
        Self { io, link, buffer: vec![0; 16 * 1024].into() }
    }

    /// Whether there is a socket.
    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Open | Link::Mute | Link::Ended)
    }

    /// Moves bytes until the machine has something to say.
    pub(crate) fn poll<M: Machine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            // Also when the machine is finished: the peer wants to hear the end.
            if let Some(dial) = machine.dial() {
                self.io.disconnect();
                self.link = match dial {
                    SocketCommand::Connect(target) => Link::Dialing(target),
                    SocketCommand::Disconnect => Link::Down,
                };
            }
            if machine.is_ready() {
                return Poll::Ready(());
            }
            if self.due(machine, cx) || self.connect(machine, cx) | self.write(machine, cx) | self.read(machine, cx) {
                continue;
            }
            if self.io.poll_wait(cx, machine.deadline()).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes what has come meanwhile, and what is due, without waiting: a socket that was closed while nobody looked is known to
    /// be before the next request is sent on it.
    pub(crate) fn catch_up<M: Machine>(&mut self, machine: &mut M) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..ROUNDS {
            if !self.due(machine, &mut cx) && !self.read(machine, &mut cx) {
                return;
            }
        }
    }

    /// Tells the time when a deadline has come, before anything is sent: a busy peer must not keep it from passing. But what was
    /// waited for may have come, and wait to be taken, when it is the task that is late: that is looked for first, once.
    fn due<M: Machine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        if !self.is_overdue(machine) {
            return false;
        }
        if !(self.connect(machine, cx) | self.read(machine, cx)) || self.is_overdue(machine) {
            machine.tell(self.io.now(), News::Timeout);
        }
        true
    }

    fn is_overdue<M: Machine>(&self, machine: &M) -> bool {
        machine.deadline().is_some_and(|deadline| deadline <= self.io.now())
    }

    fn connect<M: Machine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let Link::Dialing(target) = &self.link else { return false };
        let Poll::Ready(result) = self.io.poll_connect(cx, target) else { return false };
        self.link = if result.is_ok() { Link::Open } else { Link::Down };
        machine.tell(self.io.now(), News::Connected(result));
        true
    }

    fn write<M: Machine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let bytes = machine.transmit();
        if bytes.is_empty() || !matches!(self.link, Link::Open | Link::Ended) {
            return false;
        }
        let Poll::Ready(result) = self.io.poll_write(cx, bytes) else { return false };
        match result.unwrap_or(0) {
            // The peer does not listen any more, but it may have said why.
            0 if matches!(self.link, Link::Open) => self.link = Link::Mute,
            0 => self.end(machine),
            length => machine.tell(self.io.now(), News::Written(length)),
        }
        true
    }

    fn read<M: Machine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        if !matches!(self.link, Link::Open | Link::Mute) || !machine.reads() {
            return false;
        }
        let Poll::Ready(result) = self.io.poll_read(cx, &mut self.buffer) else { return false };
        match result.unwrap_or(0) {
            0 => self.end(machine),
            length => machine.tell(self.io.now(), News::Input(&self.buffer[..length])),
        }
        true
    }

    /// One direction has ended, or the other one as well.
    fn end<M: Machine>(&mut self, machine: &mut M) {
        self.link = if matches!(self.link, Link::Open) { Link::Ended } else { Link::Down };
        machine.tell(self.io.now(), News::Eof);
    }
}
