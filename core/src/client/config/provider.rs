//! Providers as data: the address of a server, its headers, and its capabilities
//! ([docs/protocol.md §1](crate::docs::protocol#1-provider-configuration-and-urls)).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::endpoint::Endpoint;
use super::invalid_provider::InvalidProvider;
use crate::http::Headers;

/// One deployment of the Responses API.
///
/// `Debug` shows the names of headers and not their values, because some deployments put keys into them.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Provider {
    /// Its name, for people. Nothing depends on it: what the server supports is in `capabilities`
    /// ([docs/differences.md row 64](crate::docs::differences)).
    pub name: String,
    /// The base of every URL: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Query parameters of every URL, in this order; they are percent-encoded where necessary.
    pub query: Vec<(String, String)>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// Time from the decision to connect until the connection can carry a request, including TLS and the handshake.
    /// Default: 15 s.
    pub connect_timeout: Duration,
    /// Time from one event to the next, and from a request to the head of its response. Default: 300 s.
    pub idle_timeout: Duration,
    /// Whether `http` and `ws` are allowed for hosts other than loopback ones.
    pub allow_plain: bool,
    /// The capabilities of the server.
    pub capabilities: Capabilities,
}

/// The capabilities of a server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether it supports WebSocket.
    pub websocket: bool,
    /// The `OpenAI-Beta` header of WebSocket handshakes.
    pub beta_header: Option<String>,
    /// Whether requests may be incremental
    /// ([docs/protocol.md §9.5](crate::docs::protocol#95-incremental-requests)).
    pub incremental: bool,
    /// Whether permessage-deflate is offered.
    pub deflate: bool,
    /// Whether it accepts request bodies compressed with zstd, with the credentials in use
    /// ([docs/protocol.md §4.1](crate::docs::protocol#41-request-compression-zstd)): not with an API key.
    pub zstd: bool,
    /// Maximum number of requests in flight on one WebSocket, each on its own lane. Default: 1.
    pub max_concurrent_requests: usize,
    /// Maximum number of different lane names on one WebSocket. Default: 32. For a further name, an idle WebSocket is
    /// replaced.
    pub max_lane_names: usize,
    /// Maximum age of a WebSocket; an older one is replaced when it is idle. Default: 55 min, because servers allow 60
    /// min.
    pub max_connection_age: Option<Duration>,
    /// Maximum size in bytes of a request that the server accepts; a longer one is not sent.
    pub max_request_bytes: Option<usize>,
    /// Whether HTTP requests for a response, and handshakes, name the model and the service tier of their request in
    /// `x-codex-routing-hint` ([docs/protocol.md §15.4](crate::docs::protocol#154-heads)). Default: no.
    pub routing_hint: bool,
    /// Interval of pings on an open WebSocket, with a jitter of a tenth. Default: 25 s.
    pub ping_interval: Option<Duration>,
    /// Silence of the server after which a connection is not trusted with the next request: a network on the way may have forgotten
    /// it without telling either end. A WebSocket is then asked with a ping first, and replaced if nothing arrives within
    /// [`check_timeout`](Self::check_timeout); an HTTP connection is replaced. Neither counts as a retry. Default: 60 s. `None`: the
    /// connection is trusted.
    pub check_after: Option<Duration>,
    /// How long a ping that checks a WebSocket may remain unanswered. Default: 5 s.
    pub check_timeout: Duration,
    /// Whether requests replay the turn token ([docs/protocol.md §8](crate::docs::protocol#8-turn-state)).
    pub turn_token: bool,
    /// Whether responses are stored, so that item ids are sent
    /// ([docs/protocol.md §3.6](crate::docs::protocol#36-item-ids-on-the-wire)).
    pub store_responses: bool,
    /// Whether the metadata of an item that the server added to it (`internal_chat_message_metadata_passthrough`) is
    /// sent back with the item
    /// ([docs/protocol.md §1.6](crate::docs::protocol#16-effects-of-the-provider-name-being-exactly-openai)). Only
    /// OpenAI's servers expect it. Default: `false`.
    pub item_metadata: bool,
    /// Whether a WebSocket is reused after a request failed on it.
    pub reuse_after_failure: bool,
    /// Whether the server can interrupt a response ([docs/protocol.md §15.2](crate::docs::protocol#152-interruption)).
    /// Default: `false`.
    pub interrupt: bool,
}

/// When to retry ([docs/protocol.md §10](crate::docs::protocol#10-retry-and-backoff)). The number of retries is one
/// budget for all failures of a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Maximum number of retries of a request on one transport. Default: 5.
    pub max_retries: u32,
    /// Delay before the first retry. Default: 200 ms. It doubles with each retry, with a jitter of a tenth.
    pub base_delay: Duration,
    /// Whether status 429 is retried.
    pub on_429: bool,
    /// Whether statuses of 500 and above are retried.
    pub on_5xx: bool,
    /// Whether failures to connect, timeouts and lost connections are retried.
    pub on_transport: bool,
    /// Maximum time from the submission of a request to the start of its last retry.
    pub max_elapsed: Option<Duration>,
    /// Longest server-requested delay that is honoured. Default: 10 min. A longer one fails the request and is reported
    /// in the failure.
    pub max_server_delay: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 5,
            base_delay: Duration::from_millis(200),
            on_429: false,
            on_5xx: true,
            on_transport: true,
            max_elapsed: None,
            max_server_delay: Some(Duration::from_secs(600)),
        }
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            websocket: true,
            beta_header: None,
            incremental: true,
            deflate: true,
            zstd: false,
            max_concurrent_requests: 1,
            max_lane_names: 32,
            max_connection_age: Some(Duration::from_secs(55 * 60)),
            max_request_bytes: None,
            routing_hint: false,
            ping_interval: Some(Duration::from_secs(25)),
            check_after: Some(Duration::from_secs(60)),
            check_timeout: Duration::from_secs(5),
            turn_token: true,
            store_responses: false,
            item_metadata: false,
            reuse_after_failure: false,
            interrupt: false,
        }
    }
}

impl Provider {
    /// Creates a provider with default settings. For a URL of Azure, responses are stored.
    #[must_use]
    pub fn new(name: &str, base_url: &str) -> Self {
        let mut provider = Self {
            name: name.into(),
            base_url: base_url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(300),
            allow_plain: false,
            capabilities: Capabilities::default(),
        };
        provider.capabilities.store_responses = provider.is_azure();
        provider
    }

    /// Creates the provider of the public API: several lanes per WebSocket, which is reused after a failed request.
    #[must_use]
    pub fn openai() -> Self {
        let mut provider = Self::new("OpenAI", "https://api.openai.com/v1");
        provider.capabilities = Capabilities {
            max_concurrent_requests: 16,
            item_metadata: true,
            max_request_bytes: Some(16 * 1024 * 1024 - 1),
            reuse_after_failure: true,
            ..Capabilities::default()
        };
        provider
    }

    /// Creates the provider of the Codex client's backend.
    #[must_use]
    pub fn codex() -> Self {
        let mut provider = Self::new("OpenAI", "https://chatgpt.com/backend-api/codex");
        provider.capabilities = Capabilities {
            beta_header: Some("responses_websockets=2026-02-06".into()),
            zstd: true,
            item_metadata: true,
            max_request_bytes: Some(16 * 1024 * 1024 - 1),
            ..Capabilities::default()
        };
        provider
    }

    /// Creates a provider on Azure: without WebSocket, with stored responses
    /// ([docs/protocol.md §1.5](crate::docs::protocol#15-azure-detection)).
    #[must_use]
    pub fn azure(base_url: &str) -> Self {
        let mut provider = Self::new("azure", base_url);
        provider.capabilities = Capabilities { websocket: false, store_responses: true, ..Capabilities::default() };
        provider
    }

    /// Creates the provider of a server on this machine
    /// ([docs/protocol.md §1.2](crate::docs::protocol#12-user-level-provider-settings--l1-provider)).
    #[must_use]
    pub fn local(port: u16) -> Self {
        let mut provider = Self::new("gpt-oss", &alloc::format!("http://localhost:{port}/v1"));
        provider.capabilities = Capabilities { websocket: false, ..Capabilities::default() };
        provider
    }

    /// Checks the provider, as [`Client::new`](crate::client::Client::new) does.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`] if no request can be made with the provider.
    pub fn check(&self) -> Result<(), InvalidProvider> {
        Endpoint::new(&self.base_url, &self.query, self.allow_plain)?;
        for (name, value) in &self.headers {
            Headers::new().set(name, value.as_str()).map_err(|_| InvalidProvider::Header(name.clone()))?;
        }
        Ok(())
    }

    /// Returns whether the base URL is one of Azure ([docs/protocol.md
    /// §1.5](crate::docs::protocol#15-azure-detection)).
    /// [`new`](Self::new) sets [`store_responses`](Capabilities::store_responses) for such a URL.
    #[must_use]
    pub fn is_azure(&self) -> bool {
        const MARKS: [&str; 6] = [
            "openai.azure.",
            "cognitiveservices.azure.",
            "aoai.azure.",
            "azure-api.",
            "azurefd.",
            "windows.net/openai",
        ];
        let base = self.base_url.to_ascii_lowercase();
        MARKS.iter().any(|mark| base.contains(mark))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("headers", &names)
            .field("retry", &self.retry)
            .field("profile", &self.capabilities)
            .finish_non_exhaustive()
    }
}
