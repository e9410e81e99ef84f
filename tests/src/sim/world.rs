//! The simulated world: one client, its servers, the network between them, one clock, and the loop that everybody writes.

use turnwire::client::{Client, ConnectError, Event, SocketCommand};

use super::app::{App, credentials};
use super::context::{Due, Ground};
use super::fault::Fault;
use super::net::{Fate, Pipe};
use super::oracle::Broken;
use super::plan::{Plan, micros};
use super::random::Random;
use super::server::Peer;
use super::stats::Stats;

/// More steps than any run needs.
const STEPS: u32 = 200_000;
/// How late a clock or a poll may be, in microseconds, beside what the plan's faults do.
pub(super) const SLACK: u64 = 3_500_000;

/// A connection: two directions, and the server at its other end.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) phase: Phase,
    pub(super) down: Pipe,
    pub(super) up: Pipe,
    pub(super) peer: Peer,
    pub(super) random: Random,
    /// Until when the socket takes no bytes.
    blocked: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Dialing,
    Open,
    /// The client has let go of it.
    Dropped,
}

/// The world.
#[derive(Debug)]
pub struct World<'p> {
    pub(super) ground: Ground<'p>,
    pub(super) client: Client,
    pub(super) app: App,
    pub(super) links: Vec<Link>,
    pub(super) random: Random,
    /// Bytes of payloads that were polled since nothing was waiting.
    pub(super) backlog: usize,
    /// What steps back of the clock have cost.
    pub(super) back: u64,
    asked: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What was hit.
    pub stats: Stats,
    /// What was broken.
    pub broken: Option<Broken>,
    /// What happened, when it was asked for.
    pub log: Vec<String>,
}

impl<'p> World<'p> {
    /// A world in which nothing has happened.
    ///
    /// # Panics
    ///
    /// When the plan's provider is of no use.
    #[must_use]
    pub fn new(plan: &'p Plan, log: bool) -> Self {
        let mut random = Random::of(plan.seed, 6, 0);
        let client = Client::new(plan.provider.clone(), credentials(1), plan.settings.clone(), random.seed());
        let client = client.expect("the simulated provider is a valid one");
        let mut ground = Ground::new(plan, log);
        ground.after(0, Due::App);
        for fault in [Fault::JumpForward, Fault::JumpBack] {
            if plan.faults.has(fault) {
                let at = random.below(30_000_000);
                ground.after(at, Due::Jump);
            }
        }
        let app = App::new(plan.seed);
        Self { ground, client, app, links: Vec::new(), random, backlog: 0, back: 0, asked: false }
    }

    /// Runs to the end, or to the first law that is broken.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let mut steps = 0;
        loop {
            self.settle();
            self.judge();
            steps += 1;
            if self.ground.oracle.broken.is_some() || self.client.is_finished() {
                break;
            }
            if steps > STEPS {
                self.ground.oracle.breaks("no spin", || format!("{STEPS} steps, and no end"));
                break;
            }
            if !self.step() {
                self.ground.oracle.breaks("no hang", || "nothing is due, and the client is not finished".into());
                break;
            }
        }
        if self.ground.oracle.broken.is_none() {
            self.ground.oracle.judge_end();
        }
        let Ground { oracle, luck, log, .. } = self.ground;
        let mut stats = oracle.stats;
        stats.seeds = 1;
        stats.faults = luck.counts;
        Outcome { stats, broken: oracle.broken, log: log.unwrap_or_default() }
    }

    /// The next thing that is due: a deadline of the client's, or something of the world's.
    fn step(&mut self) -> bool {
        let deadline = self.client.poll_timeout().map(|at| self.ground.world_time(at));
        let next = self.ground.agenda.next_at();
        match (deadline, next) {
            (None, None) => false,
            (Some(at), next) if next.is_none_or(|next| at <= next) => {
                self.deadline(at);
                true
            }
            (_, _) => {
                if let Some((at, due)) = self.ground.agenda.take() {
                    self.ground.now = self.ground.now.max(at);
                    self.happens(due);
                }
                true
            }
        }
    }

    /// A deadline of the client's passes.
    fn deadline(&mut self, at: u64) {
        self.ground.now = self.ground.now.max(at);
        if self.ground.luck.strikes(&mut self.random, Fault::LateTimer) {
            self.ground.now += self.random.below(1_500_000);
        }
        let now = self.ground.client_now();
        self.ground.say(|| "client: its deadline passes".into());
        self.client.handle_timeout(now);
        let next = self.client.poll_timeout();
        if next.is_some_and(|next| next <= now) {
            self.ground.oracle.breaks("law 7", || "the deadline has passed, was told, and is not later now".into());
        }
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::App => self.app.go_on(&mut self.ground, &mut self.client),
            Due::Credentials => {
                self.asked = false;
                self.app.answer(&mut self.ground, &mut self.client);
            }
            Due::Cancel(ask) => {
                let (id, over) = (self.ground.oracle.asks[ask].id, self.ground.oracle.asks[ask].ended.is_some());
                self.ground.say(|| format!("app: cancels {id}"));
                self.ground.oracle.asks[ask].cancelled = !over;
                self.client.cancel(self.ground.client_now(), id);
            }
            Due::Dialed(link) => self.dialed(link),
            Due::Down(link) => self.down(link),
            Due::Up(link) => self.up(link),
            Due::Act(link, script) => {
                let at = &mut self.links[link];
                at.peer.act(&mut self.ground, &mut at.down, script);
            }
            Due::Peer(link) => {
                let at = &mut self.links[link];
                at.peer.timeout(&mut self.ground, &mut at.down);
            }
            Due::Writable(link) => self.links[link].blocked = None,
            Due::Jump => self.jump(),
        }
        if let Due::Act(link, _) | Due::Peer(link) | Due::Up(link) = due {
            self.schedule(link);
        }
    }

    fn jump(&mut self) {
        let (ahead, back) = (self.random.between(1, 600) * 1_000_000, self.random.below(3_000_000));
        if self.ground.luck.strikes(&mut self.random, Fault::JumpForward) {
            self.ground.skew += i64::try_from(ahead).unwrap_or_default();
        } else if self.ground.luck.strikes(&mut self.random, Fault::JumpBack) {
            self.ground.skew -= i64::try_from(back).unwrap_or_default();
            self.back += back;
        }
        let skew = self.ground.skew;
        self.ground.say(|| format!("the client's clock is {} ms ahead now", skew / 1000));
    }

    /// The newest link, if the client has not let go of it.
    pub(super) fn current(&self) -> Option<usize> {
        let link = self.links.len().checked_sub(1)?;
        (self.links[link].phase != Phase::Dropped).then_some(link)
    }

    /// Everything that the client wants done now: events, dial, write.
    fn settle(&mut self) {
        loop {
            self.events();
            match self.client.poll_socket() {
                Some(SocketCommand::Connect(_)) => self.dial(),
                Some(SocketCommand::Disconnect) => self.hang_up(),
                None => {
                    if !self.write() {
                        return;
                    }
                }
            }
        }
    }

    fn events(&mut self) {
        let (now, link) = (self.ground.client_now(), self.links.len().saturating_sub(1));
        let mut ended = Vec::new();
        while let Some(event) = self.client.poll_event() {
            self.ground.oracle.progressed(self.ground.now);
            self.ground.say(|| format!("client: {}", shown(&event)));
            match &event {
                Event::Finished { id, .. } => ended.push(*id),
                Event::CredentialsNeeded { .. } if !self.asked => {
                    self.asked = true;
                    // Now and then the application has no answer at all.
                    if !self.random.one_in(6) {
                        let after = self.random.below(3_000_000);
                        self.ground.after(after, Due::Credentials);
                    } else {
                        self.asked = false;
                    }
                }
                Event::Server { event, .. } => self.backlog += event.raw().map_or(0, str::len),
                _ => {}
            }
            self.ground.oracle.heard(now, link, self.app.key, &event);
        }
        self.backlog = 0;
        for id in ended {
            self.app.keep(&self.ground, id);
        }
        if self.app.waiting && !self.client.has_pending_requests() {
            self.app.waiting = false;
            self.ground.after(0, Due::App);
        }
    }

    fn dial(&mut self) {
        self.hang_up();
        let link = self.links.len();
        self.ground.oracle.stats.dials += 1;
        self.ground.oracle.progressed(self.ground.now);
        let mut random = Random::of(self.ground.plan.seed, 7, link as u64);
        let down = self.pipe(&mut random, true);
        let up = self.pipe(&mut random, false);
        let connect = micros(self.ground.plan.provider.connect_timeout);
        let luck = &mut self.ground.luck;
        let delay = if luck.strikes(&mut random, Fault::DialHang) {
            None
        } else if luck.strikes(&mut random, Fault::DialSlow) {
            Some(random.between(connect * 8 / 10, connect * 11 / 10))
        } else {
            Some(random.below(40_000))
        };
        if let Some(delay) = delay {
            self.ground.after(delay, Due::Dialed(link));
        }
        self.ground.say(|| format!("link {link}: dialing, from the server {:?}, to it {:?}", down.fate, up.fate));
        let peer = Peer::new(link, &self.ground);
        self.links.push(Link { phase: Phase::Dialing, down, up, peer, random, blocked: None });
    }

    /// A direction, and what becomes of it.
    fn pipe(&mut self, random: &mut Random, down: bool) -> Pipe {
        let luck = &mut self.ground.luck;
        let [cut, mute, stall] = match down {
            true => [Fault::CutDown, Fault::MuteDown, Fault::StallDown],
            false => [Fault::CutUp, Fault::MuteUp, Fault::StallUp],
        };
        let place = if random.one_in(3) { random.below(400) } else { random.below(4000) };
        let fate = if luck.may(random, cut) {
            Fate::Cut(place)
        } else if luck.may(random, mute) {
            Fate::Mute(place)
        } else if luck.may(random, stall) {
            let long = random.pick(&[50_000, 2_000_000, 8_000_000, 60_000_000]);
            Fate::Stall(place, long)
        } else {
            Fate::Kind
        };
        let latency = if luck.strikes(random, Fault::Latency) { random.below(2_000_000) } else { random.below(30_000) };
        let grain = if luck.strikes(random, Fault::Trickle) { 7 } else { usize::MAX };
        Pipe::new(fate, latency, grain)
    }

    fn dialed(&mut self, link: usize) {
        if self.links[link].phase != Phase::Dialing || self.current() != Some(link) {
            return;
        }
        let now = self.ground.client_now();
        let random = &mut self.links[link].random;
        if self.ground.luck.strikes(random, Fault::DialRefused) {
            self.links[link].phase = Phase::Dropped;
            self.ground.say(|| format!("link {link}: refused"));
            self.client.handle_connect_failed(now, ConnectError::Network("refused".into()));
        } else if self.ground.luck.strikes(random, Fault::DialTls) {
            self.links[link].phase = Phase::Dropped;
            self.ground.say(|| format!("link {link}: tls fails"));
            self.client.handle_connect_failed(now, ConnectError::Tls("a bad certificate".into()));
        } else {
            self.links[link].phase = Phase::Open;
            self.ground.say(|| format!("link {link}: open"));
            self.client.handle_connected(now);
        }
    }

    fn hang_up(&mut self) {
        let Some(link) = self.current() else { return };
        self.ground.say(|| format!("link {link}: dropped by the client"));
        let at = &mut self.links[link];
        at.phase = Phase::Dropped;
        at.up.end();
        self.schedule(link);
    }

    /// Writes what the socket takes; whether it took any.
    fn write(&mut self) -> bool {
        let Some(link) = self.current().filter(|link| self.links[*link].phase == Phase::Open) else { return false };
        let at = &mut self.links[link];
        let bytes = self.client.poll_transmit();
        if bytes.is_empty() || at.blocked.is_some_and(|until| until > self.ground.now) {
            return false;
        }
        if let Fate::Stall(from, long) = at.up.fate
            && at.up.passed() >= from
        {
            at.up.fate = Fate::Kind;
            let until = self.ground.now + long;
            at.blocked = Some(until);
            self.ground.luck.count(Fault::StallUp);
            self.ground.agenda.put(until, Due::Writable(link));
            return false;
        }
        let mut length = bytes.len();
        if self.ground.luck.strikes(&mut at.random, Fault::PartialWrites) {
            length = usize::try_from(at.random.between(1, length as u64)).unwrap_or(length);
        }
        at.up.write(&bytes[..length]);
        self.client.handle_written(self.ground.client_now(), length);
        self.schedule(link);
        true
    }

    /// Puts the next deliveries of a link on the agenda.
    fn schedule(&mut self, link: usize) {
        let at = &mut self.links[link];
        for (pipe, due) in [(&mut at.down, Due::Down(link)), (&mut at.up, Due::Up(link))] {
            if !pipe.is_empty() && !pipe.scheduled {
                pipe.scheduled = true;
                let delay = pipe.latency + self.random.below(2000);
                self.ground.after(delay, due);
            }
        }
    }
}

/// An event in one line.
fn shown(event: &Event<'_>) -> String {
    let text = match event {
        Event::Server { id, event } => format!("{id}: {}", event.raw().unwrap_or_default()),
        Event::Finished { id, outcome, report } => {
            format!("{id}: finished, {outcome:?}, after {} attempts", report.attempts)
        }
        other => format!("{other:?}"),
    };
    text.chars().take(200).collect()
}
