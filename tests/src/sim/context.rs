//! What everything in the simulated world stands on: the time, the agenda, luck, the oracle, and the transcript.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use turnwire::time::{Duration, Instant};

use super::fault::{Fault, Faults};
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::Random;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// The application goes on.
    App,
    /// The application answers the question for credentials.
    Credentials,
    /// The application gives this request up.
    Cancel(usize),
    /// The dial of this link is decided.
    Dialed(usize),
    /// Bytes arrive at the client.
    Down(usize),
    /// Bytes arrive at the server.
    Up(usize),
    /// The server does the next thing of this script.
    Act(usize, usize),
    /// A deadline of the server's.
    Peer(usize),
    /// The socket takes bytes again.
    Writable(usize),
    /// The client's clock jumps.
    Jump,
}

/// What is due when. Things that are due at the same time come in an order that the seed decides.
#[derive(Debug)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
    ties: Random,
}

impl Agenda {
    /// Puts something on the agenda.
    pub fn put(&mut self, at: u64, due: Due) {
        let tie = self.ties.next();
        self.heap.push(Reverse((at, tie, due)));
    }

    /// When the next thing is due.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next thing.
    pub fn take(&mut self) -> Option<(u64, Due)> {
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }
}

/// Which faults may strike, and how often they did.
#[derive(Debug)]
pub struct Luck {
    faults: Faults,
    rate: u64,
    /// How often, by fault.
    pub counts: Vec<u64>,
}

impl Luck {
    /// Whether the fault strikes now; it is counted.
    pub fn strikes(&mut self, random: &mut Random, fault: Fault) -> bool {
        let strikes = self.may(random, fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether the fault is to strike later; it is counted then.
    pub const fn may(&self, random: &mut Random, fault: Fault) -> bool {
        self.faults.has(fault) && random.one_in(self.rate)
    }

    /// Counts it.
    pub fn count(&mut self, fault: Fault) {
        self.counts[fault as usize] += 1;
    }
}

/// The ground.
#[derive(Debug)]
pub struct Ground<'p> {
    /// What is run.
    pub plan: &'p Plan,
    /// The world's time in microseconds.
    pub now: u64,
    /// What the client's clock is ahead of it.
    pub skew: i64,
    /// What is due.
    pub agenda: Agenda,
    /// What goes wrong.
    pub luck: Luck,
    /// Who judges.
    pub oracle: Oracle<'p>,
    /// What happened, when somebody wants to read it.
    pub log: Option<Vec<String>>,
    /// The first key that is still accepted.
    pub valid_key: u32,
}

/// Where the world's time begins: late enough for clocks to step back.
const START: u64 = 3_600_000_000;

impl<'p> Ground<'p> {
    /// The ground of a run.
    #[must_use]
    pub fn new(plan: &'p Plan, log: bool) -> Self {
        let agenda = Agenda { heap: BinaryHeap::new(), ties: Random::of(plan.seed, 2, 0) };
        let luck = Luck { faults: plan.faults, rate: plan.rate, counts: vec![0; Fault::ALL.len()] };
        Self {
            plan,
            now: START,
            skew: 0,
            agenda,
            luck,
            oracle: Oracle::new(plan, START),
            log: log.then(Vec::new),
            valid_key: 1,
        }
    }

    /// The time as the client is told it.
    #[must_use]
    pub fn client_now(&self) -> Instant {
        Instant::from_duration(Duration::from_micros(self.now.saturating_add_signed(self.skew)))
    }

    /// The time as the server is told it.
    #[must_use]
    pub const fn server_now(&self) -> Instant {
        Instant::from_duration(Duration::from_micros(self.now))
    }

    /// When, on the world's clock, the client's clock says this.
    #[must_use]
    pub fn world_time(&self, at: Instant) -> u64 {
        // A deadline between two microseconds is passed at the second.
        let nanos = at.as_duration().as_nanos().div_ceil(1000);
        u64::try_from(nanos).unwrap_or(u64::MAX).saturating_add_signed(-self.skew)
    }

    /// Puts something on the agenda, so many microseconds from now.
    pub fn after(&mut self, delay: u64, due: Due) {
        self.agenda.put(self.now.saturating_add(delay), due);
    }

    /// Writes a line of the transcript, if there is one.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        let since = self.now - START;
        if let Some(log) = &mut self.log {
            log.push(format!("{:>12.3} ms  {}", Duration::from_micros(since).as_secs_f64() * 1000.0, line()));
        }
    }
}

impl Ground<'_> {
    /// When the server's clock says this.
    #[must_use]
    pub fn world_time_of_server(&self, at: Instant) -> u64 {
        u64::try_from(at.as_duration().as_micros()).unwrap_or(u64::MAX)
    }
}
