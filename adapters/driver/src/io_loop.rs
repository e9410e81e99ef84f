//! The I/O loop: connect or disconnect, events, deadlines, write, read, wait.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::io;

use turnwire::client::{ConnectTarget, SocketCommand};
use turnwire::connection::LossReason;
use turnwire::time::Instant;

mod clocks;
mod lateness;
mod state_machine;

use clocks::Clocks;
use lateness::Lateness;
pub(crate) use state_machine::{IoEvent, StateMachine};

use crate::io::Io;

/// Maximum number of rounds of one poll. Then other tasks get to run, however much is ready.
const ROUNDS: usize = 32;

/// Size of the read buffer in bytes.
const READ: usize = 16 * 1024;

thread_local! {
    /// One read buffer for all connections of a thread: nothing is left in it between two reads.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A socket and a clock.
#[derive(Debug)]
pub(crate) struct IoLoop<I> {
    pub(crate) io: I,
    socket: SocketState,
    lateness: Lateness,
    clocks: Clocks,
}

/// State of a deadline.
enum DeadlineState {
    NotPassed,
    /// It was reported, or there was something to read first.
    Progress,
    /// It is reported at this time unless more arrives.
    Waiting(Instant),
}

/// State of the socket.
#[derive(Debug)]
pub(crate) enum SocketState {
    Closed,
    Connecting(ConnectTarget),
    Open,
    /// A write failed for this reason. Bytes that the peer sent before may still be readable.
    WriteClosed(LossReason),
    /// The peer sends no more bytes. Writes may still succeed.
    ReadClosed,
}

impl<I: Io> IoLoop<I> {
    pub(crate) fn new(io: I, socket: SocketState) -> Self {
        Self { io, socket, lateness: Lateness::default(), clocks: Clocks::default() }
    }

    /// Returns whether the socket is open, in at least one direction.
    pub(crate) const fn is_open(&self) -> bool {
        match self.socket {
            SocketState::Open | SocketState::WriteClosed(_) | SocketState::ReadClosed => true,
            SocketState::Closed | SocketState::Connecting(_) => false,
        }
    }

    /// Runs the loop until `machine` has an event or is finished.
    pub(crate) fn poll<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> Poll<()> {
        // What waits to be delivered needs no clock: reading two of them would cost as much as the event itself.
        self.follow_command(machine);
        if machine.is_ready() {
            return Poll::Ready(());
        }
        self.compare_clocks(machine);
        for _ in 0..ROUNDS {
            // A finished client still disconnects, so that the peer sees the end of the connection.
            self.follow_command(machine);
            if machine.is_ready() {
                return Poll::Ready(());
            }
            let waiting = match self.handle_deadline(machine, cx) {
                DeadlineState::NotPassed => None,
                DeadlineState::Progress => continue,
                DeadlineState::Waiting(until) => Some(until),
            };
            if self.round(machine, cx) {
                continue;
            }
            if self.io.poll_wait(cx, waiting.or_else(|| machine.poll_timeout())).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes, reads and handles deadlines as long as something is ready, even if `machine` has events, and does not wait. The socket
    /// wakes the task; a deadline does not.
    pub(crate) fn poll_ready<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) {
        for _ in 0..ROUNDS {
            self.follow_command(machine);
            let progress = matches!(self.handle_deadline(machine, cx), DeadlineState::Progress);
            if !self.round(machine, cx) && !progress {
                return;
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Connects, writes and reads what is ready. Returns whether anything was.
    fn round<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let connected = self.connect(machine, cx);
        let wrote = self.write(machine, cx);
        let read = self.read(machine, cx);
        connected || wrote || read
    }

    /// Writes what the socket takes now.
    pub(crate) fn poll_write<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) {
        for _ in 0..ROUNDS {
            if !self.write(machine, cx) {
                return;
            }
        }
    }

    /// Connects or disconnects if `machine` requests it.
    fn follow_command<M: StateMachine>(&mut self, machine: &mut M) {
        if let Some(command) = machine.poll_socket() {
            self.io.disconnect();
            self.socket = match command {
                SocketCommand::Connect(target) => SocketState::Connecting(target),
                SocketCommand::Disconnect => SocketState::Closed,
            };
        }
    }

    /// Reads input that is ready and handles expired deadlines, without waiting. The next request is then not sent on a socket
    /// that the peer closed since the last poll.
    pub(crate) fn process_ready_input<M: StateMachine>(&mut self, machine: &mut M) {
        self.compare_clocks(machine);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..ROUNDS {
            let progress = matches!(self.handle_deadline(machine, &mut cx), DeadlineState::Progress);
            if !progress && !self.read(machine, &mut cx) {
                return;
            }
        }
    }

    /// Reports that the machine was asleep. The loop's clock may stand still meanwhile, so that no deadline notices it.
    fn compare_clocks<M: StateMachine>(&mut self, machine: &mut M) {
        let (wall, now) = (self.io.wall_clock(), self.io.now());
        if self.clocks.were_apart(wall, now) {
            machine.handle(now, IoEvent::ClockJump(wall));
        }
    }

    /// Handles an expired deadline before writing, so that a busy peer cannot delay it. If this task ran late, what the deadline
    /// waits for may be in the socket already, or in that of a peer that could not write: it is read first.
    fn handle_deadline<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> DeadlineState {
        let now = self.io.now();
        let Some(deadline) = machine.poll_timeout().filter(|deadline| *deadline <= now) else {
            self.lateness = Lateness::default();
            return DeadlineState::NotPassed;
        };
        let may_read = self.lateness.expire(now, deadline);
        let connected = self.connect(machine, cx);
        let read = may_read && self.read(machine, cx);
        if connected || read {
            self.lateness.record_input();
            self.write(machine, cx);
            return DeadlineState::Progress;
        }
        if let Some(until) = self.lateness.waits_until(now) {
            return DeadlineState::Waiting(until);
        }
        self.lateness = Lateness::default();
        machine.handle(now, IoEvent::Timeout);
        DeadlineState::Progress
    }

    fn connect<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let SocketState::Connecting(target) = &self.socket else { return false };
        let Poll::Ready(result) = self.io.poll_connect(cx, target) else { return false };
        self.socket = if result.is_ok() { SocketState::Open } else { SocketState::Closed };
        let result = result.map(|()| self.io.forward_proxy().cloned());
        machine.handle(self.io.now(), IoEvent::Connected(result));
        true
    }

    fn write<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        let bytes = machine.poll_transmit();
        if bytes.is_empty() || !matches!(self.socket, SocketState::Open | SocketState::ReadClosed) {
            return false;
        }
        let Poll::Ready(result) = self.io.poll_write(cx, bytes) else { return false };
        match result.and_then(|length| if length == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(length) }) {
            Ok(length) => machine.handle(self.io.now(), IoEvent::Written(length)),
            // The peer reads no more bytes, but may have sent a response that gives the reason.
            Err(error) if matches!(self.socket, SocketState::Open) => {
                self.socket = SocketState::WriteClosed(loss_reason(&error));
            }
            Err(error) => self.lose(machine, loss_reason(&error)),
        }
        true
    }

    fn read<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> bool {
        match &self.socket {
            SocketState::Closed | SocketState::Connecting(_) | SocketState::ReadClosed => return false,
            SocketState::Open if !machine.wants_input() => return false,
            // The pending output can never be written, so input would never be wanted again.
            SocketState::WriteClosed(reason) if !machine.wants_input() => {
                let reason = reason.clone();
                self.lose(machine, reason);
                return true;
            }
            SocketState::Open | SocketState::WriteClosed(_) => {}
        }
        BUFFER.with(|buffer| match buffer.try_borrow_mut() {
            Ok(mut buffer) => self.read_into(machine, cx, &mut buffer),
            // The buffer is borrowed if `poll_read` of the `Io` polls another driver.
            Err(_) => self.read_into(machine, cx, &mut vec![0; READ]),
        })
    }

    fn read_into<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>, buffer: &mut [u8]) -> bool {
        let Poll::Ready(result) = self.io.poll_read(cx, buffer) else { return false };
        match result {
            Ok(0) => match &self.socket {
                SocketState::WriteClosed(reason) => {
                    let reason = reason.clone();
                    self.lose(machine, reason);
                }
                SocketState::Open | SocketState::ReadClosed | SocketState::Closed | SocketState::Connecting(_) => {
                    self.socket = SocketState::ReadClosed;
                    machine.handle(self.io.now(), IoEvent::Eof);
                }
            },
            Ok(length) => machine.handle(self.io.now(), IoEvent::Input(&buffer[..length])),
            Err(error) => self.lose(machine, loss_reason(&error)),
        }
        true
    }

    /// Reads and discards input until the peer has sent all of it, or until `until`.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        for _ in 0..ROUNDS {
            if !matches!(self.socket, SocketState::Open) || self.io.now() >= until {
                return Poll::Ready(());
            }
            let read = BUFFER.with(|buffer| match buffer.try_borrow_mut() {
                Ok(mut buffer) => self.io.poll_read(cx, &mut buffer),
                Err(_) => self.io.poll_read(cx, &mut [0; 1024]),
            });
            match read {
                Poll::Ready(Ok(0) | Err(_)) => self.socket = SocketState::Closed,
                Poll::Ready(Ok(_)) => {}
                Poll::Pending if self.io.poll_wait(cx, Some(until)).is_pending() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Records that the connection is lost.
    fn lose<M: StateMachine>(&mut self, machine: &mut M, reason: LossReason) {
        self.socket = SocketState::Closed;
        machine.handle(self.io.now(), IoEvent::Lost(reason));
    }
}

/// Returns the reason that the `Io` passed in its error, or the error's text.
fn loss_reason(error: &io::Error) -> LossReason {
    let given = error.get_ref().and_then(|error| error.downcast_ref::<LossReason>());
    given.cloned().unwrap_or_else(|| LossReason::Network(error.to_string()))
}
