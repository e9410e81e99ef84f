//! Settings of a client that do not concern the provider.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::connection;
use crate::responses::request::CompressFn;
use crate::responses::session::Session;

/// The transport of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransportPreference {
    /// WebSocket if the provider supports it; after a failed upgrade, HTTP for the rest of the client's life.
    #[default]
    Auto,
    /// WebSocket only.
    WebSocket,
    /// HTTP and event streams only.
    Http,
}

/// What cancelling a request does to its WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CancelMode {
    /// The response is interrupted where [`Capabilities::interrupt`](super::Capabilities) says that the server can do it, for at
    /// most [`Settings::interrupt_timeout`]. Otherwise as [`Close`](Self::Close).
    #[default]
    Auto,
    /// The server is asked to interrupt the response (`docs/protocol.md` §15.2), so that the connection, and what the server
    /// remembers of it, is kept. The request ends when the server has interrupted the response, with its usage. What is done until
    /// then is delivered. If the response completes first, so does the request.
    Interrupt {
        /// How long the server may take. Then as [`Close`](Self::Close).
        limit: Duration,
        /// What follows when the server cannot interrupt the response.
        otherwise: AbandonMode,
    },
    /// It is closed with code 1000, unless it carries other requests; the next request dials.
    Close,
    /// Keeps it and discards the rest of the response. If that takes longer than `limit`, closes it.
    Drain {
        /// Maximum time for the rest of the response.
        limit: Duration,
    },
}

/// What happens to a WebSocket whose response is abandoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AbandonMode {
    /// As [`CancelMode::Close`].
    #[default]
    Close,
    /// As [`CancelMode::Drain`].
    Drain {
        /// How long the rest of the response may take.
        limit: Duration,
    },
}

impl CancelMode {
    /// What happens to a response that is not interrupted.
    pub(in crate::client) const fn abandon_mode(self) -> AbandonMode {
        match self {
            Self::Auto | Self::Close => AbandonMode::Close,
            Self::Drain { limit } => AbandonMode::Drain { limit },
            Self::Interrupt { otherwise, .. } => otherwise,
        }
    }
}

/// The settings of a client.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The transport of requests.
    pub transport: TransportPreference,
    /// Limits and deadlines of each connection. Values that are not set follow the provider: an empty `authority` is
    /// that of its URL, `timeouts.idle` its idle timeout, `ping_interval` its own. `timeouts.head` is ignored, because
    /// each kind of request has its own. `deflate_offer` is sent if the provider's capabilities include it.
    pub connection: connection::client::Config,
    /// Headers that are sent unless another source sets them: `originator`, `user-agent` (`docs/protocol.md` §2.1).
    pub default_headers: Vec<(String, String)>,
    /// Headers of every request and every handshake; they replace the provider's.
    pub headers: Vec<(String, String)>,
    /// What cancelling a request does to its WebSocket.
    pub cancel: CancelMode,
    /// How long [`Client::interrupt`](crate::client::Client::interrupt), and [`CancelMode::Auto`], wait for the end of an interrupted
    /// response: 5 s. Then the request is cancelled as with [`CancelMode::Close`].
    pub interrupt_timeout: Duration,
    /// How long a request whose response has ended waits for what becomes of its steering submissions: 30 s. Then their state is
    /// [`Unknown`](crate::turn::SubmissionState::Unknown), and the WebSocket takes no more requests.
    pub steering_timeout: Duration,
    /// The number of steering submissions of one request that may wait for their end: 16.
    pub max_submissions: usize,
    /// Whether a request on a lane that is busy waits; if not, it is misuse.
    pub queue_on_busy_lane: bool,
    /// Whether a request may be retried after some of its output was delivered. The application must then discard that
    /// output.
    pub resend_after_output: bool,
    /// Whether the events of each response are collected, so that [`CompletedResponse::response`] is the whole response. Default:
    /// no; a request can ask for it with [`Request::collect`](crate::client::Request::collect).
    ///
    /// [`CompletedResponse::response`]: crate::responses::CompletedResponse::response
    pub collect: bool,
    /// How often one request may ask for new credentials after a 401. Default: 0.
    pub max_credential_requests: u32,
    /// Maximum time to wait for new credentials. Default: 60 s.
    pub credential_timeout: Duration,
    /// Maximum time from the submission to the end of a request, including all attempts and delays. Default: `None`. A
    /// request can have its own. After this time the request fails with
    /// [`FailureKind::DeadlineExceeded`](crate::responses::FailureKind).
    pub deadline: Option<Duration>,
    /// Whether item ids are sent although responses are not stored (`docs/protocol.md` §3.6).
    pub send_item_ids: bool,
    /// Compresses the bodies of HTTP requests for responses into one zstd frame of level 3 (`docs/protocol.md` §4.1),
    /// if the provider accepts that.
    pub compress: Option<CompressFn>,
    /// The session: its headers and metadata are sent with every request (`docs/protocol.md` §2, §3.8).
    pub session: Option<Session>,
    /// Returns an attestation of the host, for each HTTP request and each handshake (`docs/protocol.md` §2.8).
    pub attestation: Option<AttestationFn>,
}

/// Returns an attestation, if there is one.
pub type AttestationFn = Arc<dyn Fn() -> Option<String> + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: TransportPreference::Auto,
            connection: unset(),
            default_headers: Vec::new(),
            headers: Vec::new(),
            cancel: CancelMode::Auto,
            interrupt_timeout: Duration::from_secs(5),
            steering_timeout: Duration::from_secs(30),
            max_submissions: 16,
            queue_on_busy_lane: true,
            resend_after_output: false,
            collect: false,
            max_credential_requests: 0,
            credential_timeout: Duration::from_secs(60),
            deadline: None,
            send_item_ids: false,
            compress: None,
            session: None,
            attestation: None,
        }
    }
}

/// Returns a configuration in which all values follow the provider.
fn unset() -> connection::client::Config {
    let mut config = connection::client::Config::new("");
    (config.timeouts.head, config.timeouts.idle) = (None, None);
    config
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("choice", &self.transport)
            .field("cancel", &self.cancel)
            .field("queue", &self.queue_on_busy_lane)
            .field("resend_after_output", &self.resend_after_output)
            .finish_non_exhaustive()
    }
}
