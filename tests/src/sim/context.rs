//! State that all parts of the simulation share: the time, the schedule, the fault injector, the oracle and the
//! transcript.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use turnwire::time::{Duration, Instant};

use super::fault::{Fault, Faults};
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::Random;

/// A scheduled occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occurrence {
    /// The application performs its next command.
    App,
    /// The application responds to `CredentialsNeeded`.
    Credentials,
    /// The application cancels this request.
    Cancel(usize),
    /// The application steers this request.
    Steer(usize),
    /// The application interrupts this request.
    Interrupt(usize),
    /// The connection attempt of this link completes.
    ConnectCompleted(usize),
    /// Bytes arrive at the client.
    Down(usize),
    /// Bytes arrive at the server.
    Up(usize),
    /// The server performs the next action of this script.
    Action(usize, usize),
    /// A deadline of the server passes.
    Peer(usize),
    /// The socket accepts bytes again.
    Writable(usize),
    /// The client's clock jumps.
    Jump,
}

/// The scheduled occurrences, by time. The seed decides the order of those with the same time.
#[derive(Debug)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<(u64, u64, Occurrence)>>,
    ties: Random,
}

impl Schedule {
    /// Schedules an occurrence.
    pub fn put(&mut self, at: u64, occurrence: Occurrence) {
        let tie = self.ties.next();
        self.heap.push(Reverse((at, tie, occurrence)));
    }

    /// Returns the time of the next occurrence.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Removes and returns the next occurrence.
    pub fn take(&mut self) -> Option<(u64, Occurrence)> {
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }
}

/// Decides when the plan's faults occur, and counts them.
#[derive(Debug)]
pub struct FaultInjector {
    faults: Faults,
    rate: u64,
    /// How often each fault occurred, by index in [`Fault::ALL`].
    pub counts: Vec<u64>,
}

impl FaultInjector {
    /// Decides whether the fault occurs now, and counts it if so.
    pub fn inject(&mut self, random: &mut Random, fault: Fault) -> bool {
        let occurs = self.draw(random, fault);
        if occurs {
            self.count(fault);
        }
        occurs
    }

    /// Decides whether the fault is to occur later; the caller counts it then.
    pub const fn draw(&self, random: &mut Random, fault: Fault) -> bool {
        self.faults.has(fault) && random.one_in(self.rate)
    }

    /// Counts an occurrence of the fault.
    pub fn count(&mut self, fault: Fault) {
        self.counts[fault as usize] += 1;
    }
}

/// Shared state of a run.
#[derive(Debug)]
pub struct Context<'p> {
    /// The plan of the run.
    pub plan: &'p Plan,
    /// The simulation's time in microseconds.
    pub now: u64,
    /// Difference of the client's clock from `now`, in microseconds.
    pub skew: i64,
    /// The scheduled occurrences.
    pub schedule: Schedule,
    /// The fault injector.
    pub injector: FaultInjector,
    /// The oracle, which checks the invariants.
    pub oracle: Oracle<'p>,
    /// The transcript, if one was requested.
    pub transcript: Option<Vec<String>>,
    /// Number of the oldest key that servers still accept.
    pub valid_key: u32,
    /// Number of steering submissions that servers received.
    pub steers: u64,
}

/// Initial time of a run, in microseconds. It is not 0, so that clocks can step back.
const START: u64 = 3_600_000_000;

impl<'p> Context<'p> {
    /// Creates the state for a run of the plan.
    #[must_use]
    pub fn new(plan: &'p Plan, log: bool) -> Self {
        let schedule = Schedule { heap: BinaryHeap::new(), ties: Random::of(plan.seed, 2, 0) };
        let injector = FaultInjector { faults: plan.faults, rate: plan.rate, counts: vec![0; Fault::ALL.len()] };
        Self {
            plan,
            now: START,
            skew: 0,
            schedule,
            injector,
            oracle: Oracle::new(plan, START),
            transcript: log.then(Vec::new),
            valid_key: 1,
            steers: 0,
        }
    }

    /// Returns the time on the client's clock.
    #[must_use]
    pub fn client_now(&self) -> Instant {
        Instant::from_duration(Duration::from_micros(self.now.saturating_add_signed(self.skew)))
    }

    /// Returns the time on the server's clock.
    #[must_use]
    pub const fn server_now(&self) -> Instant {
        Instant::from_duration(Duration::from_micros(self.now))
    }

    /// Converts a time on the client's clock to the simulation's time.
    #[must_use]
    pub fn world_time(&self, at: Instant) -> u64 {
        // Rounds up: a deadline between two microseconds has passed only at the second.
        let nanos = at.as_duration().as_nanos().div_ceil(1000);
        u64::try_from(nanos).unwrap_or(u64::MAX).saturating_add_signed(-self.skew)
    }

    /// Schedules an occurrence `delay` microseconds from now.
    pub fn after(&mut self, delay: u64, occurrence: Occurrence) {
        self.schedule.put(self.now.saturating_add(delay), occurrence);
    }

    /// Appends a line to the transcript, if one was requested.
    pub fn log(&mut self, line: impl FnOnce() -> String) {
        let since = self.now - START;
        if let Some(log) = &mut self.transcript {
            log.push(format!("{:>12.3} ms  {}", Duration::from_micros(since).as_secs_f64() * 1000.0, line()));
        }
    }
}

impl Context<'_> {
    /// Converts a time on the server's clock to the simulation's time.
    #[must_use]
    pub fn world_time_of_server(&self, at: Instant) -> u64 {
        u64::try_from(at.as_duration().as_micros()).unwrap_or(u64::MAX)
    }
}
