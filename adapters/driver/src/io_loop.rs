//! The I/O loop: connect or disconnect, events, deadlines, write, read, wait.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::time::SystemTime;

use turnwire::client::{ConnectTarget, SocketCommand};
use turnwire::connection::LossReason;
use turnwire::time::Instant;

use crate::io::Io;
use crate::state_machine::{IoEvent, StateMachine};

/// Maximum number of rounds of one poll. Then other tasks get to run, however much is ready.
const ROUNDS: usize = 32;

/// Size of the read buffer in bytes.
const READ: usize = 16 * 1024;

/// How long input is read before an expired deadline is reported: long enough for the bytes that are in the socket already, and a bound
/// for a peer that never stops sending.
const GRACE: Duration = Duration::from_secs(5);

thread_local! {
    /// One read buffer for all connections of a thread: nothing is left in it between two reads.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A socket and a clock.
#[derive(Debug)]
pub(crate) struct IoLoop<I> {
    pub(crate) io: I,
    socket: SocketState,
    late: Option<Late>,
    /// The wall clock and the loop's clock at the last poll.
    clocks: Option<(SystemTime, Instant)>,
}

/// How much further than the loop's clock the wall clock moves on while a machine sleeps, at least. Corrections of the wall clock are
/// smaller.
const SLEEP: Duration = Duration::from_secs(30);

/// An expired deadline that is not yet reported, because the input in the socket is read first.
#[derive(Clone, Copy, Debug)]
struct Late {
    /// When the expiry was noticed.
    since: Instant,
    /// If anything was read since then, the peer has until this time: as long as this task was late, because the peer could not send
    /// meanwhile.
    until: Instant,
    has_read: bool,
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
        Self { io, socket, late: None, clocks: None }
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
            let connected = self.connect(machine, cx);
            let wrote = self.write(machine, cx);
            let read = self.read(machine, cx);
            if connected || wrote || read {
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
            let connected = self.connect(machine, cx);
            let wrote = self.write(machine, cx);
            let read = self.read(machine, cx);
            if !(progress || connected || wrote || read) {
                return;
            }
        }
        cx.waker().wake_by_ref();
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
        let last = self.clocks.replace((wall, now));
        if last.is_some_and(|last| was_asleep(last, (wall, now))) {
            machine.handle(now, IoEvent::ClockJump(wall));
        }
    }

    /// Handles an expired deadline before writing, so that a busy peer cannot delay it. If this task ran late, what the deadline
    /// waits for may be in the socket already, or in that of a peer that could not write: it is read first.
    fn handle_deadline<M: StateMachine>(&mut self, machine: &mut M, cx: &mut Context<'_>) -> DeadlineState {
        let now = self.io.now();
        let Some(deadline) = machine.poll_timeout().filter(|deadline| *deadline <= now) else {
            self.late = None;
            return DeadlineState::NotPassed;
        };
        let lateness = now.saturating_duration_since(deadline).min(GRACE);
        let late = *self.late.get_or_insert(Late { since: now, until: now + lateness, has_read: false });
        let connected = self.connect(machine, cx);
        let read = now.saturating_duration_since(late.since) < GRACE && self.read(machine, cx);
        if connected || read {
            self.late = Some(Late { has_read: true, ..late });
            self.write(machine, cx);
            return DeadlineState::Progress;
        }
        if late.has_read && now < late.until {
            return DeadlineState::Waiting(late.until);
        }
        self.late = None;
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

/// Returns whether the wall clock has moved on much further than the loop's clock, from one pair of times to the next.
fn was_asleep((last_wall, last): (SystemTime, Instant), (wall, now): (SystemTime, Instant)) -> bool {
    let passed = wall.duration_since(last_wall).unwrap_or_default();
    passed.saturating_sub(now.saturating_duration_since(last)) >= SLEEP
}

/// Returns the reason that the `Io` passed in its error, or the error's text.
fn loss_reason(error: &io::Error) -> LossReason {
    let given = error.get_ref().and_then(|error| error.downcast_ref::<LossReason>());
    given.cloned().unwrap_or_else(|| LossReason::Network(error.to_string()))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::time::SystemTime;

    use super::was_asleep;
    use turnwire::time::Instant;

    #[test]
    fn wall_clock_runs_ahead_by_half_a_minute_machine_was_asleep() {
        let (wall, start) = (SystemTime::now(), Instant::ZERO);
        let asleep = |wall_seconds, seconds| {
            let later = (wall + Duration::from_secs(wall_seconds), start + Duration::from_secs(seconds));
            was_asleep((wall, start), later)
        };
        assert!(asleep(3600, 2) && asleep(31, 1) && asleep(30, 0));
        assert!(!asleep(29, 0) && !asleep(3600, 3590) && !asleep(3600, 3600) && !asleep(0, 3600));
        let set_back = (wall - Duration::from_secs(3600), start);
        assert!(!was_asleep((wall, start), set_back));
    }
}
