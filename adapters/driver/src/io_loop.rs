//! The I/O loop: connect or disconnect, events, deadlines, write, read, wait.

use core::task::{Context, Poll, Waker};

use turnwire::client::{ConnectTarget, SocketCommand};

use crate::io::Io;
use crate::state_machine::{IoEvent, StateMachine};

/// Maximum number of rounds of one poll. Then other tasks get to run, however much is ready.
const ROUNDS: usize = 32;

/// A socket, a clock, and one read buffer.
#[derive(Debug)]
pub(crate) struct IoLoop<I> {
    pub(crate) io: I,
    socket: SocketState,
    buffer: Box<[u8]>,
}

/// State of the socket.
#[derive(Debug)]
pub(crate) enum SocketState {
    Closed,
    Connecting(ConnectTarget),
    Open,
    /// A write failed. Bytes that the peer sent before may still be readable.
    WriteClosed,
    /// The peer sends no more bytes. Writes may still succeed.
    ReadClosed,
}

impl<I: Io> IoLoop<I> {
    pub(crate) fn new(io: I, socket: SocketState) -> Self {
        Self { io, socket, buffer: vec![0; 16 * 1024].into() }
    }

    /// Returns whether the socket is open, in at least one direction.
    pub(crate) const fn is_open(&self) -> bool {
        match self.socket {
            SocketState::Open | SocketState::WriteClosed | SocketState::ReadClosed => true,
            SocketState::Closed | SocketState::Connecting(_) => false,
        }
    }

    /// Runs the loop until `machine` has an event or is finished.
    pub(crate) fn poll<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            // A finished client still disconnects, so that the peer sees the end of the connection.
            if let Some(command) = machine.poll_socket() {
                self.io.disconnect();
                self.socket = match command {
                    SocketCommand::Connect(target) => SocketState::Connecting(target),
                    SocketCommand::Disconnect => SocketState::Closed,
                };
            }
            if machine.is_ready() {
                return Poll::Ready(());
            }
            if self.handle_deadline(machine, cx) {
                continue;
            }
            let connected = self.connect(machine, cx);
            let wrote = self.write(machine, cx);
            let read = self.read(machine, cx);
            if connected || wrote || read {
                continue;
            }
            if self.io.poll_wait(cx, machine.poll_timeout()).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads input that is ready and handles expired deadlines, without waiting. The next request is then not sent on a socket
    /// that the peer closed since the last poll.
    pub(crate) fn process_ready_input<M: StateMachine>(&mut self, machine: &mut M) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..ROUNDS {
            if !self.handle_deadline(machine, &mut cx) && !self.read(machine, &mut cx) {
                return;
            }
        }
    }

    /// Handles an expired deadline before writing, so that a busy peer cannot delay it. If this task ran late, the awaited data may
    /// already be readable: reads once before reporting the timeout. Returns whether a deadline had expired.
    fn handle_deadline<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        if !self.is_overdue(machine) {
            return false;
        }
        let connected = self.connect(machine, cx);
        let read = self.read(machine, cx);
        let progress = connected || read;
        if !progress || self.is_overdue(machine) {
            machine.handle(self.io.now(), IoEvent::Timeout);
        }
        true
    }

    fn is_overdue<M: StateMachine>(&self, machine: &M) -> bool {
        machine.poll_timeout().is_some_and(|deadline| deadline <= self.io.now())
    }

    fn connect<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let SocketState::Connecting(target) = &self.socket else { return false };
        let Poll::Ready(result) = self.io.poll_connect(cx, target) else { return false };
        self.socket = if result.is_ok() { SocketState::Open } else { SocketState::Closed };
        machine.handle(self.io.now(), IoEvent::Connected(result));
        true
    }

    fn write<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let bytes = machine.poll_transmit();
        if bytes.is_empty() || !matches!(self.socket, SocketState::Open | SocketState::ReadClosed) {
            return false;
        }
        let Poll::Ready(result) = self.io.poll_write(cx, bytes) else { return false };
        match result.unwrap_or(0) {
            // The peer reads no more bytes, but may have sent a response that gives the reason.
            0 if matches!(self.socket, SocketState::Open) => self.socket = SocketState::WriteClosed,
            0 => self.end(machine),
            length => machine.handle(self.io.now(), IoEvent::Written(length)),
        }
        true
    }

    fn read<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        if !matches!(self.socket, SocketState::Open | SocketState::WriteClosed) || !machine.wants_input() {
            return false;
        }
        let Poll::Ready(result) = self.io.poll_read(cx, &mut self.buffer) else { return false };
        match result.unwrap_or(0) {
            0 => self.end(machine),
            length => machine.handle(self.io.now(), IoEvent::Input(&self.buffer[..length])),
        }
        true
    }

    /// Records that one direction has ended; the socket is closed when both have.
    fn end<M: StateMachine>(&mut self, machine: &mut M) {
        self.socket =
            if matches!(self.socket, SocketState::Open) { SocketState::ReadClosed } else { SocketState::Closed };
        machine.handle(self.io.now(), IoEvent::Eof);
    }
}
