//! What a seed determines: the settings, the application's commands and the faults. Plain data, so that it can be
//! shrunk.

use core::time::Duration;

use turnwire::client::{AbandonMode, CancelMode, Provider, Settings, TransportPreference};
use turnwire::connection::IdleActivity;

use super::fault::{Fault, Faults};
use super::random::Random;

/// The lanes that applications use. The first is the default lane.
pub const LANES: [Option<&str>; 4] = [None, Some("a"), Some("b"), Some("c")];

/// The plan of one run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its seed. Random decisions during the run derive from it too.
    pub seed: u64,
    /// The faults that may occur.
    pub faults: Faults,
    /// Each fault occurs once in this many opportunities, on average.
    pub rate: u64,
    /// The client's provider.
    pub provider: Provider,
    /// The client's settings.
    pub settings: Settings,
    /// The application's commands, in order.
    pub ops: Vec<Op>,
}

/// A command of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Waits until no request is in flight, and begins the next turn.
    Begin,
    /// Sends a request on a lane.
    TrackedRequest {
        /// Index in [`LANES`].
        lane: usize,
        /// Starts a new conversation, so that the request cannot be incremental.
        rewritten: bool,
        /// Uses other instructions.
        other: bool,
    },
    /// Prewarms a lane.
    Prewarm {
        /// Index in [`LANES`].
        lane: usize,
    },
    /// Sends a unary call.
    Call {
        /// Whether it carries the turn token.
        token: bool,
    },
    /// Opens a connection without a request.
    Preconnect,
    /// Cancels the newest request after this many milliseconds.
    Cancel(u64),
    /// Steers the newest request after this many milliseconds.
    Steer(u64),
    /// Interrupts the newest request after this many milliseconds.
    Interrupt(u64),
    /// Waits until no request is in flight.
    Wait,
    /// Does nothing for this many milliseconds.
    Pause(u64),
    /// Shuts the client down gracefully.
    Drain,
    /// Closes the client.
    Close,
}

impl Plan {
    /// Creates the plan of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::of(seed, 1, 0);
        let (faults, rate) = faults(&mut random);
        let provider = provider(&mut random);
        let settings = settings(&mut random, &provider);
        let ops = ops(&mut random, &provider, &settings);
        Self { seed, faults, rate, provider, settings, ops }
    }

    /// Returns the longest time, in microseconds, that a client with a request in flight may do nothing.
    #[must_use]
    pub fn patience(&self) -> u64 {
        let drain = match self.settings.cancel {
            CancelMode::Drain { limit } => limit,
            CancelMode::Auto | CancelMode::Close => Duration::ZERO,
            CancelMode::Interrupt { limit, .. } => limit,
        };
        let longest = [
            // The idle timeout starts again when events that filled the backlog have been polled.
            self.provider.idle_timeout * 2,
            self.provider.connect_timeout,
            self.settings.credential_timeout,
            self.settings.connection.timeouts.write.unwrap_or_default(),
            self.provider.retry.base_delay * 5,
            drain,
            self.settings.interrupt_timeout,
            self.settings.steering_timeout,
        ];
        // Where any byte counts as activity, a server that sends keep-alives is tolerated as long as it sends them.
        let factor = if self.settings.connection.timeouts.activity == IdleActivity::Bytes { 5 } else { 1 };
        micros(longest.into_iter().max().unwrap_or_default()) * factor
    }

    /// Returns how often a request may be sent: each transport's retries, and the recoveries that are not retries.
    #[must_use]
    pub fn budget(&self) -> u32 {
        let transports = if self.settings.transport == TransportPreference::Auto { 2 } else { 1 };
        (self.provider.retry.max_retries + 1) * transports + 2 + self.settings.max_credential_requests
    }
}

/// Converts a duration to microseconds.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Draws the faults: none, a few frequent ones, many, or all with a low rate.
fn faults(random: &mut Random) -> (Faults, u64) {
    match random.below(20) {
        0 => (Faults::NONE, 1),
        1..=9 => {
            let mut faults = Faults::NONE;
            for _ in 0..random.between(1, 5) {
                faults = faults.with(random.pick(Fault::ALL));
            }
            (faults, random.between(1, 4))
        }
        10..=14 => {
            let some = Fault::ALL.iter().filter(|_| random.one_in(3));
            let faults = some.fold(Faults::NONE, |faults, fault| faults.with(*fault));
            (faults, random.between(6, 16))
        }
        _ => (Faults::ALL, random.between(20, 60)),
    }
}

fn provider(random: &mut Random) -> Provider {
    let mut provider = Provider::new("sim", "http://localhost:8080/v1");
    provider.idle_timeout = Duration::from_millis(random.between(4000, 12_000));
    provider.connect_timeout = Duration::from_millis(random.between(1000, 4000));
    provider.retry.max_retries = u32::try_from(random.below(4)).unwrap_or_default();
    provider.retry.base_delay = Duration::from_millis(random.pick(&[200, 1000, 1000]));
    provider.retry.on_429 = random.one_in(2);
    provider.retry.on_5xx = !random.one_in(6);
    provider.retry.on_transport = !random.one_in(8);
    provider.retry.max_elapsed = random.one_in(8).then(|| Duration::from_secs(20));
    let profile = &mut provider.capabilities;
    profile.websocket = !random.one_in(8);
    profile.incremental = !random.one_in(8);
    profile.deflate = random.one_in(48);
    profile.max_concurrent_requests = random.pick(&[1, 1, 4]);
    profile.max_connection_age = random.pick(&[None, Some(3), Some(20)]).map(Duration::from_secs);
    profile.max_request_bytes = random.one_in(24).then_some(600);
    profile.ping_interval = random.pick(&[None, Some(1), Some(5)]).map(Duration::from_secs);
    profile.turn_token = !random.one_in(16);
    profile.reuse_after_failure = random.one_in(2);
    provider
}

fn settings(random: &mut Random, provider: &Provider) -> Settings {
    let mut settings = Settings::default();
    settings.transport = random.pick(&[
        TransportPreference::Auto,
        TransportPreference::Auto,
        TransportPreference::Auto,
        TransportPreference::WebSocket,
        TransportPreference::Http,
    ]);
    settings.cancel = match random.below(3) {
        0 => CancelMode::Close,
        1 => CancelMode::Drain { limit: Duration::from_millis(random.between(10, 3000)) },
        _ => CancelMode::Interrupt {
            limit: Duration::from_millis(random.between(10, 3000)),
            otherwise: AbandonMode::Close,
        },
    };
    settings.interrupt_timeout = Duration::from_millis(random.between(10, 3000));
    settings.steering_timeout = Duration::from_millis(random.between(100, 4000));
    settings.max_submissions = random.pick(&[1, 2, 16]);
    settings.queue_on_busy_lane = !random.one_in(4);
    settings.resend_after_output = random.one_in(4);
    settings.max_credential_requests = u32::try_from(random.below(3)).unwrap_or_default();
    settings.credential_timeout = Duration::from_millis(random.between(500, 4000));
    settings.connection.timeouts.write = Some(Duration::from_millis(random.between(1000, 5000)));
    settings.connection.timeouts.close = Duration::from_millis(random.pick(&[100, 1000]));
    settings.connection.max_backlog = random.pick(&[1024, 16 * 1024, 1024 * 1024]);
    if random.one_in(16) && provider.capabilities.ping_interval.is_none() {
        settings.connection.timeouts.activity = IdleActivity::Bytes;
    }
    // Longer than a run without faults takes. The `control` timeout needs pongs, which a peer sends only if it is
    // pinged.
    let timeouts = &mut settings.connection.timeouts;
    for limit in [&mut timeouts.progress, &mut timeouts.bytes] {
        *limit = random.one_in(16).then(|| Duration::from_millis(random.between(4000, 12_000)));
    }
    timeouts.control = provider.capabilities.ping_interval.filter(|_| random.one_in(8)).map(|ping| ping * 3);
    settings
}

fn ops(random: &mut Random, provider: &Provider, settings: &Settings) -> Vec<Op> {
    let lanes =
        if provider.capabilities.max_concurrent_requests > 1 || random.one_in(8) { LANES.len() as u64 } else { 1 };
    let mut ops = Vec::new();
    let mut lane = |random: &mut Random| usize::try_from(random.below(lanes)).unwrap_or_default();
    if random.one_in(4) {
        ops.push(Op::Preconnect);
        ops.push(Op::Pause(random.below(200)));
    }
    for _ in 0..random.between(4, 12) {
        ops.push(Op::Begin);
        for _ in 0..random.pick(&[0, 1, 1, 1, 2, 2, 3]) {
            request(random, &mut lane, &mut ops);
            match random.below(8) {
                0 => {}
                1 => ops.push(Op::Pause(random.below(200))),
                2 => ops.push(Op::Cancel(random.below(200))),
                3 | 4 => {
                    for _ in 0..random.between(1, 4) {
                        let longest = random.pick(&[30, 60, 200]);
                        ops.push(Op::Steer(random.below(longest)));
                    }
                    if random.one_in(4) {
                        ops.push(Op::Interrupt(random.below(120)));
                    }
                    if random.one_in(8) {
                        ops.push(Op::Cancel(random.below(200)));
                    }
                    ops.extend((!random.one_in(4)).then_some(Op::Wait));
                }
                5 if random.one_in(2) => ops.push(Op::Interrupt(random.below(80))),
                _ => ops.push(Op::Wait),
            }
        }
        if random.one_in(6) {
            ops.push(Op::Pause(random.pick(&[1, 50, 2000, 20_000])));
        }
    }
    let wait = settings.queue_on_busy_lane || random.one_in(2);
    ops.extend(wait.then_some(Op::Wait));
    ops.push(if random.one_in(2) { Op::Drain } else { Op::Close });
    ops
}

fn request(random: &mut Random, lane: &mut impl FnMut(&mut Random) -> usize, ops: &mut Vec<Op>) {
    ops.push(match random.below(16) {
        0 => Op::Call { token: random.one_in(2) },
        1 => Op::Prewarm { lane: lane(random) },
        _ => Op::TrackedRequest { lane: lane(random), rewritten: random.one_in(8), other: random.one_in(12) },
    });
}
