//! Providers as data: where a server is, how it is addressed, and what it can do
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
/// `Debug` shows the names of headers and not their values: some deployments want keys in them.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Provider {
    /// Its name, for people. Nothing depends on it: what the server supports is in `capabilities`
    /// ([docs/differences.md row 64](crate::docs::differences)).
    pub name: String,
    /// The base of every URL: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Query parameters of every URL, in this order, percent-encoded where they need it.
    pub query: Vec<(String, String)>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// What is tried again, how often and when.
    pub retry: RetryPolicy,
    /// From the decision to dial until the connection can carry a request, TLS and handshake included: 15 s.
    pub connect_timeout: Duration,
    /// From one event to the next, and from a request to its response's head: 300 s.
    pub idle_timeout: Duration,
    /// Whether `http` and `ws` may be spoken to hosts other than loopback ones.
    pub allow_plain: bool,
    /// What the server can do.
    pub capabilities: Capabilities,
}

/// What a server can do, beside answering requests.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether it speaks WebSocket.
    pub websocket: bool,
    /// The `OpenAI-Beta` header of WebSocket handshakes.
    pub beta_header: Option<String>,
    /// Whether requests may build on the response before them
    /// ([docs/protocol.md §9.5](crate::docs::protocol#95-incremental-requests)).
    pub incremental: bool,
    /// Whether permessage-deflate is offered.
    pub deflate: bool,
    /// Whether it takes request bodies in zstd, with the credentials that it is used with
    /// ([docs/protocol.md §4.1](crate::docs::protocol#41-request-compression-zstd)): not with an API key.
    pub zstd: bool,
    /// Requests that may be in flight on one WebSocket, each on a lane of its own: 1.
    pub max_concurrent_requests: usize,
    /// Names that lanes may have in one WebSocket's life: 32. For one more, it is replaced when it is idle.
    pub max_lane_names: usize,
    /// How old a WebSocket may become before it is replaced, when it is idle: 55 min, of the 60 that servers allow.
    pub max_connection_age: Option<Duration>,
    /// Bytes of one request that the server takes; a longer one is not sent.
    pub max_request_bytes: Option<usize>,
    /// How often an open WebSocket is pinged: 25 s, give or take a tenth.
    pub ping_interval: Option<Duration>,
    /// Whether requests replay the turn's token ([docs/protocol.md §8](crate::docs::protocol#8-turn-state)).
    pub turn_token: bool,
    /// Whether responses are stored, so that item ids travel
    /// ([docs/protocol.md §3.6](crate::docs::protocol#36-item-ids-on-the-wire)).
    pub store_responses: bool,
    /// Whether the metadata of an item that the server added to it (`internal_chat_message_metadata_passthrough`) is
    /// sent back with the item
    /// ([docs/protocol.md §1.6](crate::docs::protocol#16-effects-of-the-provider-name-being-exactly-openai)). Only
    /// OpenAI's servers expect it. Default: `false`.
    pub item_metadata: bool,
    /// Whether a WebSocket is used again after a request failed on it.
    pub reuse_after_failure: bool,
}

/// What is tried again ([docs/protocol.md §10](crate::docs::protocol#10-retry-and-backoff)). One budget holds for a
/// request, whatever fails of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a request is made again on one transport: 5.
    pub max_retries: u32,
    /// The delay before the first time: 200 ms. It doubles, and varies by a tenth.
    pub base_delay: Duration,
    /// Whether status 429 is retried.
    pub on_429: bool,
    /// Whether statuses from 500 on are retried.
    pub on_5xx: bool,
    /// Whether failures to connect, timeouts and lost connections are retried.
    pub on_transport: bool,
    /// No retry begins later than this after the request was made.
    pub max_elapsed: Option<Duration>,
    /// The longest delay that a server may ask for: 10 min. Who is asked to wait longer fails, and is told how long.
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
            ping_interval: Some(Duration::from_secs(25)),
            turn_token: true,
            store_responses: false,
            item_metadata: false,
            reuse_after_failure: false,
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

    /// The public API: several lanes a WebSocket, which stays usable after a request failed on it.
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

    /// The backend of the Codex client.
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

    /// A deployment on Azure: no WebSocket, responses are stored
    /// ([docs/protocol.md §1.5](crate::docs::protocol#15-azure-detection)).
    #[must_use]
    pub fn azure(base_url: &str) -> Self {
        let mut provider = Self::new("azure", base_url);
        provider.capabilities = Capabilities { websocket: false, store_responses: true, ..Capabilities::default() };
        provider
    }

    /// A server on this machine
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
    /// [`InvalidProvider`] when no request could ever be made.
    pub fn check(&self) -> Result<(), InvalidProvider> {
        Endpoint::new(&self.base_url, &self.query, self.allow_plain)?;
        for (name, value) in &self.headers {
            Headers::new().set(name, value.as_str()).map_err(|_| InvalidProvider::Header(name.clone()))?;
        }
        Ok(())
    }

    /// Whether the base URL is one of Azure ([docs/protocol.md §1.5](crate::docs::protocol#15-azure-detection)).
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
