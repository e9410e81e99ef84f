//! A core [`Client`] and the server's machines of the sockets it dials, joined by a wire in memory, on one virtual clock.
//!
//! ```
//! use turnwire::client::{OwnedOutcome, Settings};
//! use turnwire_tests::fixtures::{ask, created, done};
//! use turnwire_tests::pair::{Pair, Script, provider};
//!
//! let script = Script::new().ws([vec![created("resp-1"), done("resp-1")]]);
//! let mut pair = Pair::new(provider(), Settings::default(), script);
//! let id = pair.send(ask("ping"));
//! pair.run();
//! assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Completed(completed)) if completed.id.as_deref() == Some("resp-1")));
//! assert_eq!(pair.texts()[0].input().len(), 1);
//! ```

mod queries;
mod script;
mod seen;
mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use turnwire::client::{Client, ConnectTarget, Credentials, OwnedEvent, Provider, Request, RequestId, Settings};
use turnwire::connection::{CloseReason, server};
use turnwire::time::Instant;

pub use self::script::{Act, Kind, Script, owned};
pub use self::seen::Seen;
pub use self::wire::Cut;
use self::wire::Socket;
use crate::chunks::Chunks;
use crate::fixtures::{created, done};

/// More rounds, or more jumps of the clock, than any test needs: whoever goes on is going in circles.
const ROUNDS: usize = 100_000;

/// The provider of most scenarios: WebSocket and HTTP on a loopback port, nothing retried, one second of idle time.
#[must_use]
pub fn provider() -> Provider {
    let mut provider = Provider::new("test", "http://127.0.0.1:8080/v1");
    provider.retry.max_retries = 0;
    provider.idle_timeout = Duration::from_secs(1);
    provider.capabilities.ping_interval = None;
    provider
}

/// The same without WebSocket.
#[must_use]
pub fn http_provider() -> Provider {
    let mut provider = provider();
    provider.capabilities.websocket = false;
    provider
}

/// The provider, with so many retries.
#[must_use]
pub const fn with_retries(mut provider: Provider, retries: u32) -> Provider {
    provider.retry.max_retries = retries;
    provider
}

/// An event stream with a response `ok` that completes.
#[must_use]
pub fn ok_stream() -> Vec<Act> {
    vec![Act::stream_with(&[]), Act::Send(created("ok")), Act::Send(done("ok")), Act::End]
}

/// The two ends, and everything between them.
#[derive(Debug)]
pub struct Pair {
    /// The client.
    pub client: Client,
    /// What time it is.
    pub now: Instant,
    /// How bytes are cut on their way to the server.
    pub up: Chunks,
    /// How bytes are cut on their way to the client.
    pub down: Chunks,
    /// What the world will do.
    pub script: Script,
    /// Where the sockets break that are dialed next.
    pub cuts: VecDeque<Cut>,
    /// What the servers saw.
    pub seen: Vec<Seen>,
    /// What the client said.
    pub events: Vec<OwnedEvent>,
    /// What was dialed.
    pub dials: Vec<ConnectTarget>,
    /// How each socket ended for its server.
    pub closed: Vec<(usize, CloseReason)>,
    /// All bytes that each socket carried to its server, and to the client.
    pub carried: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the client's end asks `poll_*` a few times more than it needs to.
    pub extra_polls: bool,
    /// The bytes that go past the client's wish for input are held back here unless this is off.
    pub respects_backpressure: bool,
    /// Whether the socket takes nothing that the client writes.
    pub blocks_writes: bool,
    /// Settings of the servers.
    pub server: server::Config,
    dialing: bool,
    socket: Option<Socket>,
}

impl Pair {
    /// A client of this provider without credentials, and a world that follows the script.
    ///
    /// # Panics
    ///
    /// When the provider is of no use.
    #[must_use]
    pub fn new(provider: Provider, settings: Settings, script: Script) -> Self {
        Self::with(provider, Credentials::None, settings, script)
    }

    /// The same with credentials.
    ///
    /// # Panics
    ///
    /// When the provider is of no use.
    #[must_use]
    pub fn with(provider: Provider, credentials: Credentials, settings: Settings, script: Script) -> Self {
        Self::seeded(provider, credentials, settings, script, [7; 32])
    }

    /// The same with a seed.
    ///
    /// # Panics
    ///
    /// When the provider is of no use.
    #[must_use]
    pub fn seeded(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
        script: Script,
        seed: [u8; 32],
    ) -> Self {
        let mut server = server::Config::new();
        server.timeouts.idle = None;
        Self {
            client: Client::new(provider, credentials, settings, seed).expect("a provider"),
            now: Instant::from_duration(Duration::from_secs(1000)),
            up: Chunks::Whole,
            down: Chunks::Whole,
            script,
            cuts: VecDeque::new(),
            seen: Vec::new(),
            events: Vec::new(),
            dials: Vec::new(),
            closed: Vec::new(),
            carried: Vec::new(),
            extra_polls: false,
            respects_backpressure: true,
            blocks_writes: false,
            server,
            dialing: false,
            socket: None,
        }
    }

    /// Sends a request.
    ///
    /// # Panics
    ///
    /// When the client refuses it.
    pub fn send(&mut self, request: impl Into<Request>) -> RequestId {
        self.client.send(self.now, request).expect("a request that can be sent")
    }

    /// Sends a request, and lets everything happen that happens without waiting.
    ///
    /// # Panics
    ///
    /// When the client refuses it.
    pub fn ask(&mut self, request: impl Into<Request>) -> RequestId {
        let id = self.send(request);
        self.run();
        id
    }

    /// Lets everything happen that happens without waiting.
    ///
    /// # Panics
    ///
    /// When it does not come to an end.
    pub fn run(&mut self) {
        for _ in 0..ROUNDS {
            if !self.step() {
                return;
            }
        }
        panic!("the two ends never come to rest");
    }

    /// Moves the clock to the next thing that is due, and lets happen what happens. `false`: nothing is due.
    ///
    /// # Panics
    ///
    /// When the client, once told the time, wants to be told the same time again.
    pub fn jump(&mut self) -> bool {
        let Some(at) = self.next_due() else { return false };
        self.pass_to(at);
        true
    }

    /// Jumps until nothing is in flight, or nothing more is due.
    ///
    /// # Panics
    ///
    /// When that never happens.
    pub fn run_out(&mut self) {
        self.run();
        for _ in 0..ROUNDS {
            if !self.client.has_pending_requests() || !self.jump() {
                return;
            }
        }
        panic!("the clock never stops");
    }

    /// Jumps until the client is finished, or nothing more is due.
    ///
    /// # Panics
    ///
    /// When that never happens.
    pub fn run_down(&mut self) {
        self.run();
        for _ in 0..ROUNDS {
            if self.client.is_finished() || !self.jump() {
                return;
            }
        }
        panic!("the clock never stops");
    }

    /// Lets so much time pass, everything in it happening when it is due.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.run();
        while self.next_due().is_some_and(|at| at <= end) {
            self.jump();
        }
        self.now = self.now.max(end);
    }

    fn next_due(&self) -> Option<Instant> {
        let socket = self.socket.as_ref();
        // A broken socket does nothing any more, whatever was planned.
        let act = socket.filter(|socket| !socket.broken).and_then(|socket| socket.later.front()).map(|(at, _)| *at);
        let server = socket.and_then(|socket| socket.server.poll_timeout());
        [self.client.poll_timeout(), server, act].into_iter().flatten().min()
    }

    fn pass_to(&mut self, at: Instant) {
        self.now = self.now.max(at);
        let now = self.now;
        if self.client.poll_timeout().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now);
            let next = self.client.poll_timeout();
            assert!(next.is_none_or(|next| next > now), "the client spins at {now:?}: it wants {next:?} again");
        }
        if let Some(socket) = &mut self.socket
            && socket.server.poll_timeout().is_some_and(|at| at <= now)
        {
            socket.server.handle_timeout(now);
        }
        self.run();
    }

    /// Does this on the socket there is, now.
    pub fn act(&mut self, act: Act) {
        let now = self.now;
        if let Some(socket) = &mut self.socket {
            socket.later.push_back((now, act));
        }
        self.run();
    }

    /// From here on the socket there is takes everything and brings nothing.
    pub fn mute(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.mute = true;
        }
    }

    /// Whether there is a socket.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.socket.is_some()
    }
}
