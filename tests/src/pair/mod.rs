//! A [`Client`] and a `ServerConnection` for each of its sockets, joined by an in-memory transport on one virtual
//! clock.
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

/// Maximum number of rounds, or of deadlines, of a test. More means an endless loop.
const ROUNDS: usize = 100_000;

/// Returns the provider of most tests: WebSocket and HTTP on a loopback port, no retries, an idle timeout of one
/// second.
#[must_use]
pub fn provider() -> Provider {
    let mut provider = Provider::new("test", "http://127.0.0.1:8080/v1");
    provider.retry.max_retries = 0;
    provider.idle_timeout = Duration::from_secs(1);
    provider.capabilities.ping_interval = None;
    provider
}

/// Returns the same provider without WebSocket.
#[must_use]
pub fn http_provider() -> Provider {
    let mut provider = provider();
    provider.capabilities.websocket = false;
    provider
}

/// Sets the number of retries.
#[must_use]
pub const fn with_retries(mut provider: Provider, retries: u32) -> Provider {
    provider.retry.max_retries = retries;
    provider
}

/// Returns an event stream with a completed response `ok`.
#[must_use]
pub fn ok_stream() -> Vec<Act> {
    vec![Act::stream_with(&[]), Act::Send(created("ok")), Act::Send(done("ok")), Act::End]
}

/// A client, its servers, and the transport between them.
#[derive(Debug)]
pub struct Pair {
    /// The client.
    pub client: Client,
    /// The virtual time.
    pub now: Instant,
    /// How bytes to the server are split into reads.
    pub up: Chunks,
    /// How bytes to the client are split into reads.
    pub down: Chunks,
    /// The planned reactions of network and servers.
    pub script: Script,
    /// Where the next sockets break.
    pub cuts: VecDeque<Cut>,
    /// What the servers received.
    pub seen: Vec<Seen>,
    /// The client's events.
    pub events: Vec<OwnedEvent>,
    /// The connection attempts.
    pub dials: Vec<ConnectTarget>,
    /// The close reason of each socket at its server.
    pub closed: Vec<(usize, CloseReason)>,
    /// All bytes that each socket carried to its server, and to the client.
    pub carried: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the event loop calls `poll_*` more often than needed.
    pub extra_polls: bool,
    /// Whether events are delivered while input is read, in place of being polled after it.
    pub delivers_at_once: bool,
    /// Whether input waits while the client does not want it.
    pub respects_backpressure: bool,
    /// Whether a connection that ends is lost, and not ended by its server.
    pub loses_connections: bool,
    /// Whether the socket accepts nothing that the client writes.
    pub blocks_writes: bool,
    /// Configuration of the servers.
    pub server: server::Config,
    dialing: bool,
    socket: Option<Socket>,
}

impl Pair {
    /// Creates a client of this provider without credentials, and servers that follow the script.
    ///
    /// # Panics
    ///
    /// If the provider is not valid.
    #[must_use]
    pub fn new(provider: Provider, settings: Settings, script: Script) -> Self {
        Self::with(provider, Credentials::None, settings, script)
    }

    /// The same with credentials.
    ///
    /// # Panics
    ///
    /// If the provider is not valid.
    #[must_use]
    pub fn with(provider: Provider, credentials: Credentials, settings: Settings, script: Script) -> Self {
        Self::seeded(provider, credentials, settings, script, [7; 32])
    }

    /// The same with a seed.
    ///
    /// # Panics
    ///
    /// If the provider is not valid.
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
            delivers_at_once: false,
            respects_backpressure: true,
            loses_connections: false,
            blocks_writes: false,
            server,
            dialing: false,
            socket: None,
        }
    }

    /// Submits a request.
    ///
    /// # Panics
    ///
    /// If the client rejects it.
    pub fn send(&mut self, request: impl Into<Request>) -> RequestId {
        self.client.send(self.now, request).expect("a request that can be sent")
    }

    /// Submits a request and runs everything that needs no waiting.
    ///
    /// # Panics
    ///
    /// If the client rejects it.
    pub fn ask(&mut self, request: impl Into<Request>) -> RequestId {
        let id = self.send(request);
        self.run();
        id
    }

    /// Runs everything that needs no waiting.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn run(&mut self) {
        for _ in 0..ROUNDS {
            if !self.step() {
                return;
            }
        }
        panic!("client and server exchange data endlessly");
    }

    /// Moves the clock to the next deadline or act and runs it. Returns `false` if there is none.
    ///
    /// # Panics
    ///
    /// If the client's deadline is not later after `handle_timeout`.
    pub fn jump(&mut self) -> bool {
        let Some(at) = self.next_due() else { return false };
        self.pass_to(at);
        true
    }

    /// Moves the clock until no request is in flight or nothing is scheduled.
    ///
    /// # Panics
    ///
    /// If that never happens.
    pub fn run_out(&mut self) {
        self.run();
        for _ in 0..ROUNDS {
            if !self.client.has_pending_requests() || !self.jump() {
                return;
            }
        }
        panic!("deadlines never end");
    }

    /// Moves the clock until the client is finished or nothing is scheduled.
    ///
    /// # Panics
    ///
    /// If that never happens.
    pub fn run_down(&mut self) {
        self.run();
        for _ in 0..ROUNDS {
            if self.client.is_finished() || !self.jump() {
                return;
            }
        }
        panic!("deadlines never end");
    }

    /// Moves the clock by this time; runs each deadline and act at its time.
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
        // A broken socket does nothing, whatever was planned.
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
            assert!(next.is_none_or(|next| next > now), "the client's deadline at {now:?} is {next:?}, not later");
        }
        if let Some(socket) = &mut self.socket
            && socket.server.poll_timeout().is_some_and(|at| at <= now)
        {
            socket.server.handle_timeout(now);
        }
        self.run();
    }

    /// Performs this act on the current socket now.
    pub fn act(&mut self, act: Act) {
        let now = self.now;
        if let Some(socket) = &mut self.socket {
            socket.later.push_back((now, act));
        }
        self.run();
    }

    /// From now on the current socket accepts everything and delivers nothing.
    pub fn mute(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.mute = true;
        }
    }

    /// Returns whether there is a socket.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.socket.is_some()
    }
}
