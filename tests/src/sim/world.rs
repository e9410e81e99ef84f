//! The simulated world: one client, its servers, the network between them, one clock, and the event loop.

use turnwire::client::{Client, ConnectError, Event, SocketCommand};

use super::app::{App, credentials};
use super::context::{Context, Occurrence};
use super::fault::Fault;
use super::net::{Pipe, PipeFault};
use super::oracle::Violation;
use super::plan::{Plan, micros};
use super::random::Random;
use super::server::Peer;
use super::stats::Stats;

/// Maximum number of steps of a run.
const STEPS: u32 = 200_000;
/// Tolerated delay of clocks and polls in microseconds, besides the plan's faults.
pub(super) const SLACK: u64 = 3_500_000;

/// A connection: both directions, and the server at its end.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) phase: Phase,
    pub(super) down: Pipe,
    pub(super) up: Pipe,
    pub(super) peer: Peer,
    pub(super) random: Random,
    /// Until when the socket accepts no bytes.
    blocked: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Open,
    /// The client has dropped the socket.
    Dropped,
}

/// A simulation run.
#[derive(Debug)]
pub struct World<'p> {
    pub(super) context: Context<'p>,
    pub(super) client: Client,
    pub(super) app: App,
    pub(super) links: Vec<Link>,
    pub(super) random: Random,
    /// Payload bytes that were polled since the queue was last empty.
    pub(super) backlog: usize,
    /// Sum of the clock's backward steps, in microseconds.
    pub(super) back: u64,
    asked: bool,
}

/// Result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Counts of faults, transitions and outcomes.
    pub stats: Stats,
    /// The violated invariant, if any.
    pub violation: Option<Violation>,
    /// The transcript, if one was requested.
    pub log: Vec<String>,
}

impl<'p> World<'p> {
    /// Creates the initial state of a run.
    ///
    /// # Panics
    ///
    /// If the plan's provider is not valid.
    #[must_use]
    pub fn new(plan: &'p Plan, log: bool) -> Self {
        let mut random = Random::of(plan.seed, 6, 0);
        let client = Client::new(plan.provider.clone(), credentials(1), plan.settings.clone(), random.seed());
        let client = client.expect("the simulated provider is a valid one");
        let mut context = Context::new(plan, log);
        context.after(0, Occurrence::App);
        for fault in [Fault::JumpForward, Fault::JumpBack] {
            if plan.faults.has(fault) {
                let at = random.below(30_000_000);
                context.after(at, Occurrence::Jump);
            }
        }
        let app = App::new(plan.seed);
        Self { context, client, app, links: Vec::new(), random, backlog: 0, back: 0, asked: false }
    }

    /// Runs to the end, or to the first violation.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let mut steps = 0;
        loop {
            self.settle();
            self.check_step();
            steps += 1;
            if self.context.oracle.violation.is_some() || self.client.is_finished() {
                break;
            }
            if steps > STEPS {
                self.context.oracle.violated("no spin", || format!("the run has not ended after {STEPS} steps"));
                break;
            }
            if !self.step() {
                self.context
                    .oracle
                    .violated("no hang", || "nothing is scheduled, and the client is not finished".into());
                break;
            }
        }
        if self.context.oracle.violation.is_none() {
            self.context.oracle.check_end();
        }
        let Context { oracle, injector, transcript, .. } = self.context;
        let mut stats = oracle.stats;
        stats.seeds = 1;
        stats.faults = injector.counts;
        Outcome { stats, violation: oracle.violation, log: transcript.unwrap_or_default() }
    }

    /// Handles the next occurrence: a deadline of the client, or a scheduled one. Returns false if there is none.
    fn step(&mut self) -> bool {
        let deadline = self.client.poll_timeout().map(|at| self.context.world_time(at));
        let next = self.context.schedule.next_at();
        match (deadline, next) {
            (None, None) => false,
            (Some(at), next) if next.is_none_or(|next| at <= next) => {
                self.deadline(at);
                true
            }
            (_, _) => {
                if let Some((at, due)) = self.context.schedule.take() {
                    self.context.now = self.context.now.max(at);
                    self.handle(due);
                }
                true
            }
        }
    }

    /// Reports a passed deadline to the client.
    fn deadline(&mut self, at: u64) {
        self.context.now = self.context.now.max(at);
        if self.context.injector.inject(&mut self.random, Fault::LateTimer) {
            self.context.now += self.random.below(1_500_000);
        }
        let now = self.context.client_now();
        self.context.log(|| "client: deadline passes".into());
        self.client.handle_timeout(now);
        let next = self.client.poll_timeout();
        if next.is_some_and(|next| next <= now) {
            self.context.oracle.violated("law 7", || "the deadline was handled and is still not in the future".into());
        }
    }

    fn handle(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::App => self.app.advance(&mut self.context, &mut self.client),
            Occurrence::Credentials => {
                self.asked = false;
                self.app.supply_credentials(&mut self.context, &mut self.client);
            }
            Occurrence::Cancel(ask) => {
                let (id, over) =
                    (self.context.oracle.requests[ask].id, self.context.oracle.requests[ask].ended.is_some());
                self.context.log(|| format!("app: cancels {id}"));
                self.context.oracle.requests[ask].cancelled = !over;
                self.client.cancel(self.context.client_now(), id);
            }
            Occurrence::Steer(ask) => self.app.steer(&mut self.context, &mut self.client, ask),
            Occurrence::Interrupt(ask) => {
                let id = self.context.oracle.requests[ask].id;
                self.context.log(|| format!("app: interrupts {id}"));
                if self.client.interrupt(self.context.client_now(), id).is_ok() {
                    self.context.oracle.requests[ask].cancelled = true;
                }
            }
            Occurrence::ConnectCompleted(link) => self.connect_completed(link),
            Occurrence::Down(link) => self.down(link),
            Occurrence::Up(link) => self.up(link),
            Occurrence::Action(link, script) => {
                let at = &mut self.links[link];
                at.peer.act(&mut self.context, &mut at.down, script);
            }
            Occurrence::Peer(link) => {
                let at = &mut self.links[link];
                at.peer.timeout(&mut self.context, &mut at.down);
            }
            Occurrence::Writable(link) => self.links[link].blocked = None,
            Occurrence::Jump => self.jump(),
        }
        if let Occurrence::Action(link, _) | Occurrence::Peer(link) | Occurrence::Up(link) = occurrence {
            self.schedule(link);
        }
    }

    fn jump(&mut self) {
        let (ahead, back) = (self.random.between(1, 600) * 1_000_000, self.random.below(3_000_000));
        if self.context.injector.inject(&mut self.random, Fault::JumpForward) {
            self.context.skew += i64::try_from(ahead).unwrap_or_default();
        } else if self.context.injector.inject(&mut self.random, Fault::JumpBack) {
            self.context.skew -= i64::try_from(back).unwrap_or_default();
            self.back += back;
        }
        let skew = self.context.skew;
        self.context.log(|| format!("the client's clock is now {} ms ahead", skew / 1000));
    }

    /// Returns the newest link, unless the client has dropped it.
    pub(super) fn current(&self) -> Option<usize> {
        let link = self.links.len().checked_sub(1)?;
        (self.links[link].phase != Phase::Dropped).then_some(link)
    }

    /// Does everything that the client requests now: events, socket commands, writes.
    fn settle(&mut self) {
        loop {
            self.events();
            match self.client.poll_socket() {
                Some(SocketCommand::Connect(_)) => self.connect(),
                Some(SocketCommand::Disconnect) => self.disconnect(),
                None => {
                    if !self.write() {
                        return;
                    }
                }
            }
        }
    }

    fn events(&mut self) {
        let (now, link) = (self.context.client_now(), self.links.len().saturating_sub(1));
        let mut ended = Vec::new();
        while let Some(event) = self.client.poll_event() {
            self.context.oracle.progressed(self.context.now);
            self.context.log(|| format!("client: {}", format_event(&event)));
            match &event {
                Event::Finished { id, .. } => ended.push(*id),
                Event::CredentialsNeeded { .. } if !self.asked => {
                    self.asked = true;
                    // Sometimes the application does not respond to `CredentialsNeeded` at all.
                    if !self.random.one_in(6) {
                        let after = self.random.below(3_000_000);
                        self.context.after(after, Occurrence::Credentials);
                    } else {
                        self.asked = false;
                    }
                }
                Event::Server { event, .. } => self.backlog += event.raw().map_or(0, str::len),
                _ => {}
            }
            self.context.oracle.observe(now, link, self.app.key, &event);
        }
        self.backlog = 0;
        for id in ended {
            self.app.store_output(&self.context, id);
        }
        if self.app.waiting && !self.client.has_pending_requests() {
            self.app.waiting = false;
            self.context.after(0, Occurrence::App);
        }
    }

    fn connect(&mut self) {
        self.disconnect();
        let link = self.links.len();
        self.context.oracle.stats.connects += 1;
        self.context.oracle.progressed(self.context.now);
        let mut random = Random::of(self.context.plan.seed, 7, link as u64);
        let down = self.pipe(&mut random, true);
        let up = self.pipe(&mut random, false);
        let connect = micros(self.context.plan.provider.connect_timeout);
        let injector = &mut self.context.injector;
        let delay = if injector.inject(&mut random, Fault::DialHang) {
            None
        } else if injector.inject(&mut random, Fault::DialSlow) {
            Some(random.between(connect * 8 / 10, connect * 11 / 10))
        } else {
            Some(random.below(40_000))
        };
        if let Some(delay) = delay {
            self.context.after(delay, Occurrence::ConnectCompleted(link));
        }
        self.context.log(|| {
            format!("link {link}: connecting; faults: from the server {:?}, to the server {:?}", down.fault, up.fault)
        });
        let peer = Peer::new(link, &self.context);
        self.links.push(Link { phase: Phase::Connecting, down, up, peer, random, blocked: None });
    }

    /// Creates one direction of a connection and draws its fault.
    fn pipe(&mut self, random: &mut Random, down: bool) -> Pipe {
        let injector = &mut self.context.injector;
        let [cut, mute, stall] = match down {
            true => [Fault::CutDown, Fault::MuteDown, Fault::StallDown],
            false => [Fault::CutUp, Fault::MuteUp, Fault::StallUp],
        };
        let place = if random.one_in(3) { random.below(400) } else { random.below(4000) };
        let fault = if injector.draw(random, cut) {
            PipeFault::Cut(place)
        } else if injector.draw(random, mute) {
            PipeFault::Mute(place)
        } else if injector.draw(random, stall) {
            let long = random.pick(&[50_000, 2_000_000, 8_000_000, 60_000_000]);
            PipeFault::Stall(place, long)
        } else {
            PipeFault::None
        };
        let latency =
            if injector.inject(random, Fault::Latency) { random.below(2_000_000) } else { random.below(30_000) };
        let max_read = if injector.inject(random, Fault::Trickle) { 7 } else { usize::MAX };
        Pipe::new(fault, latency, max_read)
    }

    fn connect_completed(&mut self, link: usize) {
        if self.links[link].phase != Phase::Connecting || self.current() != Some(link) {
            return;
        }
        let now = self.context.client_now();
        let random = &mut self.links[link].random;
        if self.context.injector.inject(random, Fault::DialRefused) {
            self.links[link].phase = Phase::Dropped;
            self.context.log(|| format!("link {link}: refused"));
            self.client.handle_connect_failed(now, ConnectError::Network("refused".into()));
        } else if self.context.injector.inject(random, Fault::DialTls) {
            self.links[link].phase = Phase::Dropped;
            self.context.log(|| format!("link {link}: TLS fails"));
            self.client.handle_connect_failed(now, ConnectError::Tls("a bad certificate".into()));
        } else {
            self.links[link].phase = Phase::Open;
            self.context.log(|| format!("link {link}: open"));
            self.client.handle_connected(now);
        }
    }

    fn disconnect(&mut self) {
        let Some(link) = self.current() else { return };
        self.context.log(|| format!("link {link}: dropped by the client"));
        let at = &mut self.links[link];
        at.phase = Phase::Dropped;
        at.up.end();
        self.schedule(link);
    }

    /// Writes the bytes that the socket accepts. Returns whether it accepted any.
    fn write(&mut self) -> bool {
        let Some(link) = self.current().filter(|link| self.links[*link].phase == Phase::Open) else { return false };
        let at = &mut self.links[link];
        let bytes = self.client.poll_transmit();
        if bytes.is_empty() || at.blocked.is_some_and(|until| until > self.context.now) {
            return false;
        }
        if let PipeFault::Stall(from, long) = at.up.fault
            && at.up.passed() >= from
        {
            at.up.fault = PipeFault::None;
            let until = self.context.now + long;
            at.blocked = Some(until);
            self.context.injector.count(Fault::StallUp);
            self.context.schedule.put(until, Occurrence::Writable(link));
            return false;
        }
        let mut length = bytes.len();
        if self.context.injector.inject(&mut at.random, Fault::PartialWrites) {
            length = usize::try_from(at.random.between(1, length as u64)).unwrap_or(length);
        }
        at.up.write(&bytes[..length]);
        self.client.handle_written(self.context.client_now(), length);
        self.schedule(link);
        true
    }

    /// Schedules the next deliveries of a link.
    fn schedule(&mut self, link: usize) {
        let at = &mut self.links[link];
        for (pipe, due) in [(&mut at.down, Occurrence::Down(link)), (&mut at.up, Occurrence::Up(link))] {
            if !pipe.is_empty() && !pipe.scheduled {
                pipe.scheduled = true;
                let delay = pipe.latency + self.random.below(2000);
                self.context.after(delay, due);
            }
        }
    }
}

/// Formats an event as one line.
fn format_event(event: &Event<'_>) -> String {
    let text = match event {
        Event::Server { id, event } => format!("{id}: {}", event.raw().unwrap_or_default()),
        Event::Finished { id, outcome, report } => {
            format!("{id}: finished, {outcome:?}, after {} attempts", report.attempts)
        }
        other => format!("{other:?}"),
    };
    text.chars().take(200).collect()
}
