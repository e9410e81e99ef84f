//! `Session`: the headers and metadata that identify the requests of one conversation (`docs/protocol.md` §2, §3.8).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::header_names::{INSTALLATION, LITE, PARENT, SUBAGENT, TURN_METADATA, WEBSOCKET_LITE, WINDOW};
use super::turn_metadata::TurnMetadata;
use super::user_agent::UserAgent;
use crate::hidden::Hidden;
use crate::responses::metadata::ClientMetadata;

/// One conversation, as its requests identify it.
///
/// Values are not validated here: an invalid one is rejected when the head is built, with the header's name.
///
/// ```
/// use turnwire::responses::session::{HeaderSet, RequestContext, Session};
///
/// let session = Session::new("sess_1", "thr_1", "inst_1");
/// let headers = session.headers(HeaderSet::Sse, &RequestContext::default());
/// assert!(headers.contains(&("x-codex-window-id".into(), "thr_1:0".into())));
/// assert_eq!(session.metadata(None).get("thread_id"), Some("thr_1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The id of the conversation. Sub-agents share it with their parent, and it is the usual `prompt_cache_key`.
    pub session_id: String,
    /// The id of the conversation's thread.
    pub thread_id: String,
    /// The number of the context window: 0, plus one for each compaction.
    pub window: u64,
    /// The id of the application's installation.
    pub installation_id: String,
    /// The originator of the thread, if it differs from that of the process ([`UserAgent`]).
    pub originator: Option<String>,
    /// Keys of experimental features.
    pub beta_features: Vec<String>,
    /// The kind of the session.
    pub source: SessionSource,
    /// The parent thread.
    pub parent_thread_id: Option<String>,
    /// Whether to request timing metrics; WebSocket only (`docs/protocol.md` §5.7).
    pub timing_metrics: bool,
}

/// The kind of a session (`docs/protocol.md` §2.4).
///
/// ```
/// use turnwire::responses::session::SessionSource;
///
/// assert_eq!(SessionSource::Review.header(), Some("review"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionSource {
    /// A session of the user.
    #[default]
    User,
    /// A sub-agent that reviews.
    Review,
    /// A sub-agent that compacts.
    Compact,
    /// A sub-agent that consolidates memories.
    MemoryConsolidation,
    /// A sub-agent with a thread of its own.
    ThreadSpawn,
    /// Another sub-agent, by its label.
    Other(String),
    /// The application's own consolidation of memories.
    Memories,
}

impl SessionSource {
    /// Returns the value of `x-openai-subagent`.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::ThreadSpawn => Some("collab_spawn"),
            Self::Memories => Some("memory_consolidation"),
            Self::User | Self::Review | Self::Compact | Self::MemoryConsolidation | Self::Other(_) => self.kind(),
        }
    }

    /// Returns the `subagent_kind` of turn metadata, which differs from the header for a sub-agent with its own thread.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::User | Self::Memories => None,
            Self::Review => Some("review"),
            Self::Compact => Some("compact"),
            Self::MemoryConsolidation => Some("memory_consolidation"),
            Self::ThreadSpawn => Some("thread_spawn"),
            Self::Other(label) => Some(label),
        }
    }
}

/// The kind of request to which headers belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderSet {
    /// `POST responses` (docs/protocol.md §2.2).
    Sse,
    /// The handshake of a WebSocket (docs/protocol.md §2.3).
    Handshake,
    /// `POST responses/compact` (docs/protocol.md §11.1).
    Compact,
    /// `POST memories/trace_summarize` (docs/protocol.md §11.2).
    Memories,
    /// `GET models` (docs/protocol.md §11.3), and operations on stored responses.
    Models,
    /// `POST alpha/search` (docs/protocol.md §11.4).
    Search,
    /// `POST images/…` (docs/protocol.md §11.5).
    Images,
}

/// Parameters of one request. `Debug` does not show the attestation.
///
/// ```
/// use turnwire::responses::session::{HeaderSet, RequestContext, Session};
///
/// let context = RequestContext { lite: true, ..RequestContext::default() };
/// let headers = Session::new("sess_1", "thr_1", "inst_1").headers(HeaderSet::Sse, &context);
/// assert!(headers.iter().any(|(name, _)| name == "x-openai-internal-codex-responses-lite"));
/// ```
#[derive(Clone, Copy, Default)]
pub struct RequestContext<'a> {
    /// Metadata of its turn; `None` for a mere connection.
    pub turn: Option<&'a TurnMetadata>,
    /// The attestation of the host, created for each request and each handshake (`docs/protocol.md` §2.8).
    pub attestation: Option<&'a str>,
    /// Whether the model uses *responses-lite* (docs/protocol.md §3.7).
    pub lite: bool,
    /// The id of the call, if it is traced locally.
    pub inference_call_id: Option<&'a str>,
}

impl fmt::Debug for RequestContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("turn", &self.turn)
            .field("attestation", &self.attestation.map(|attestation| Hidden(attestation.len())))
            .field("lite", &self.lite)
            .field("inference_call_id", &self.inference_call_id)
            .finish()
    }
}

impl Session {
    /// Creates a session in its first window.
    #[must_use]
    pub fn new(session_id: &str, thread_id: &str, installation_id: &str) -> Self {
        Self {
            session_id: session_id.into(),
            thread_id: thread_id.into(),
            window: 0,
            installation_id: installation_id.into(),
            originator: None,
            beta_features: Vec::new(),
            source: SessionSource::User,
            parent_thread_id: None,
            timing_metrics: false,
        }
    }

    /// Sets another originator, which is sent only if it differs from that of the process (`docs/protocol.md` §2.6).
    #[must_use]
    pub fn with_originator(mut self, originator: &str, agent: &UserAgent) -> Self {
        self.originator = Some(originator).filter(|originator| *originator != agent.originator).map(String::from);
        self
    }

    /// Returns the window id: the thread and the number of the window.
    #[must_use]
    pub fn window_id(&self) -> String {
        alloc::format!("{}:{}", self.thread_id, self.window)
    }

    /// Starts the next window, after a compaction.
    pub const fn next_window(&mut self) {
        self.window += 1;
    }

    /// Returns the headers of one request. They replace the provider's, and the credentials' replace them. The turn
    /// token is not among them: the client adds it.
    #[must_use]
    pub fn headers(&self, surface: HeaderSet, context: &RequestContext<'_>) -> Vec<(String, String)> {
        let mut fields = List(Vec::new());
        match surface {
            HeaderSet::Sse => {
                self.ids(&mut fields);
                fields.push("x-client-request-id", Some(&self.thread_id));
                self.compatibility(&mut fields, context);
                self.beta(&mut fields);
                fields.push(LITE, context.lite.then_some("true"));
                fields.push("x-oai-attestation", context.attestation);
                fields.push("x-codex-inference-call-id", context.inference_call_id);
                self.origin(&mut fields);
            }
            HeaderSet::Handshake => {
                fields.push("x-client-request-id", Some(&self.thread_id));
                self.ids(&mut fields);
                self.compatibility(&mut fields, context);
                self.beta(&mut fields);
                fields.push("x-oai-attestation", context.attestation);
                self.origin(&mut fields);
                fields.push("x-responsesapi-include-timing-metrics", self.timing_metrics.then_some("true"));
            }
            HeaderSet::Compact => {
                fields.push(INSTALLATION, Some(&self.installation_id));
                self.beta(&mut fields);
                self.origin(&mut fields);
                self.compatibility(&mut fields, context);
                self.ids(&mut fields);
                fields.push("x-oai-attestation", context.attestation);
                fields.push(LITE, context.lite.then_some("true"));
            }
            HeaderSet::Memories => {
                self.origin(&mut fields);
                self.agent(&mut fields);
            }
            HeaderSet::Search => {
                fields.push(TURN_METADATA, context.turn.and_then(|turn| self.turn_metadata(turn)).as_deref());
                self.origin(&mut fields);
            }
            HeaderSet::Images => self.origin(&mut fields),
            HeaderSet::Models => {}
        }
        fields.0
    }

    /// Returns the base of `client_metadata` (`docs/protocol.md` §3.8), for HTTP and WebSocket.
    #[must_use]
    pub fn metadata(&self, turn: Option<&TurnMetadata>) -> ClientMetadata {
        let mut metadata = ClientMetadata::new();
        metadata.set(INSTALLATION, &self.installation_id);
        metadata.set("session_id", &self.session_id);
        metadata.set("thread_id", &self.thread_id);
        metadata.set(WINDOW, &self.window_id());
        let blob = turn.and_then(|turn| self.turn_metadata(turn));
        let optional = [
            ("turn_id", turn.and_then(|turn| turn.turn_id.as_deref())),
            ("root_turn_id", turn.and_then(|turn| turn.root_turn_id.as_deref())),
            (SUBAGENT, self.source.header()),
            (PARENT, self.parent_thread_id.as_deref()),
            (TURN_METADATA, blob.as_deref()),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                metadata.set(key, value);
            }
        }
        metadata
    }

    /// Returns the metadata that a WebSocket message contains in place of a header, so that one connection can carry
    /// requests with and without responses-lite (`docs/protocol.md` §3.7).
    #[must_use]
    pub const fn frame_metadata(context: &RequestContext<'_>) -> &'static [(&'static str, &'static str)] {
        if context.lite { &[(WEBSOCKET_LITE, "true")] } else { &[] }
    }

    fn ids(&self, fields: &mut List) {
        fields.push("session-id", Some(&self.session_id));
        fields.push("thread-id", Some(&self.thread_id));
    }

    fn compatibility(&self, fields: &mut List, context: &RequestContext<'_>) {
        fields.push(WINDOW, Some(&self.window_id()));
        fields.push(TURN_METADATA, context.turn.and_then(|turn| self.turn_metadata(turn)).as_deref());
        fields.push(PARENT, self.parent_thread_id.as_deref());
        self.agent(fields);
    }

    fn agent(&self, fields: &mut List) {
        fields.push(SUBAGENT, self.source.header());
        fields.push("x-openai-memgen-request", (self.source == SessionSource::Memories).then_some("true"));
    }

    fn beta(&self, fields: &mut List) {
        let features = self.beta_features.join(",");
        fields.push("x-codex-beta-features", Some(&*features).filter(|features| !features.is_empty()));
    }

    fn origin(&self, fields: &mut List) {
        fields.push("originator", self.originator.as_deref());
    }
}

/// A list of headers in progress.
struct List(Vec<(String, String)>);

impl List {
    fn push(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| (name.into(), value.into())));
    }
}
