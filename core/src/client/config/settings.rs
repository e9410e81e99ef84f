//! What an application chooses, beside the provider.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::connection;
use crate::responses::request::CompressFn;
use crate::responses::session::Session;

/// Which transport requests take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransportPreference {
    /// WebSocket where the provider speaks it, and HTTP for the rest of the client's life once it turns out not to.
    #[default]
    Auto,
    /// WebSocket only.
    WebSocket,
    /// HTTP and event streams only.
    Http,
}

/// What giving up a request does to the WebSocket that carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CancelMode {
    /// It is closed with code 1000, unless it carries other requests; the next request dials.
    #[default]
    Close,
    /// It is kept, and the rest of the response is passed over. When that takes longer than `limit`, it is closed after all.
    Drain {
        /// How long the rest may take.
        limit: Duration,
    },
}

/// The settings of a client.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Which transport requests take.
    pub transport: TransportPreference,
    /// Limits and deadlines of each connection. What is not set here follows the provider: an empty `authority` is that of its
    /// URL, `timeouts.idle` its idle timeout, `ping_interval` its own. `timeouts.head` is not set, because each kind of request
    /// has its own. `deflate_offer` is sent where the provider's capabilities include it.
    pub connection: connection::client::Config,
    /// Headers that are sent where nobody has said otherwise: `originator`, `user-agent` (`docs/protocol.md` §2.1).
    pub default_headers: Vec<(String, String)>,
    /// Headers of every request and every handshake, over the provider's.
    pub headers: Vec<(String, String)>,
    /// What giving up a request does to its WebSocket.
    pub cancel: CancelMode,
    /// Whether a request on a lane that is busy waits; if not, it is misuse.
    pub queue_on_busy_lane: bool,
    /// Whether a request is made again after some of its output was delivered: the application must be able to forget it.
    pub resend_after_output: bool,
    /// How often one request asks for new credentials after a 401: never, unless the application is there to answer.
    pub max_credential_requests: u32,
    /// How long such a question waits for its answer: 60 s.
    pub credential_timeout: Duration,
    /// The time from the command to the end of a request, all attempts and delays included: none. A request can have one of its
    /// own. When it has passed, the request fails with
    /// [`FailureKind::DeadlineExceeded`](crate::responses::FailureKind).
    pub deadline: Option<Duration>,
    /// Whether item ids travel although nothing is stored (§3.6).
    pub send_item_ids: bool,
    /// Compresses the bodies of HTTP requests for responses with zstd (§4.1), where the provider's profile says that it takes
    /// them: level 3, one frame.
    pub compress: Option<CompressFn>,
    /// Who asks: its headers and metadata go with every request (§2, §3.8).
    pub session: Option<Session>,
    /// What the host attests, asked anew for each request over HTTP and each handshake (§2.8).
    pub attestation: Option<AttestationFn>,
}

/// Makes an attestation, if there is one to be made.
pub type AttestationFn = Arc<dyn Fn() -> Option<String> + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: TransportPreference::Auto,
            connection: unset(),
            default_headers: Vec::new(),
            headers: Vec::new(),
            cancel: CancelMode::Close,
            queue_on_busy_lane: true,
            resend_after_output: false,
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

/// A configuration in which everything is unset that follows the provider.
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
