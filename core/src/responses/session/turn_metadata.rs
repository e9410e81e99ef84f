//! Turn metadata: one JSON object in ASCII, in a header and in `client_metadata`
//! ([docs/protocol.md §2.5](crate::docs::protocol#25-x-codex-turn-metadata)).

use alloc::string::String;
use alloc::vec::Vec;

use super::header_names::{INSTALLATION, PARENT, SUBAGENT, TURN_METADATA, WINDOW};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;

/// Metadata of a turn. Each member is omitted when unset.
///
/// ```
/// use turnwire::responses::session::{RequestKind, Session, TurnMetadata};
///
/// let turn = TurnMetadata::new(RequestKind::Turn, "turn_1").with("analytics_enabled", false)?;
/// let text = Session::new("sess_1", "thr_1", "inst_1").turn_metadata(&turn).expect("metadata of a turn");
/// assert!(text.contains(r#""turn_id":"turn_1""#) && text.contains(r#""analytics_enabled":false"#));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnMetadata {
    /// The kind of the request. Without it, no metadata is sent.
    pub kind: Option<RequestKind>,
    /// The id of the turn.
    pub turn_id: Option<String>,
    /// The id of the turn that began the work: its own, or that of the turn of a parent. It is a member of
    /// `client_metadata` too.
    pub root_turn_id: Option<String>,
    /// What began the turn.
    pub turn_trigger: Option<String>,
    /// The path of the agent among the agents of its session: `/root` for the first one.
    pub agent_name: Option<String>,
    /// The number of the context window.
    pub window_number: Option<u64>,
    /// The id of the context window.
    pub context_window_id: Option<String>,
    /// The origin of the thread's history: `new`, `cold_resume`, or another one.
    pub history_initialization: Option<String>,
    /// The thread that this one continues as a fork.
    pub forked_from_thread_id: Option<String>,
    /// The origin of the thread: `user`, `subagent`, `memory_consolidation`, or a feature.
    pub thread_source: Option<String>,
    /// The sandbox of commands.
    pub sandbox: Option<String>,
    /// The mode of the sandbox, such as `workspace-write`.
    pub sandbox_mode: Option<String>,
    /// The working trees, by path.
    pub workspaces: Vec<(String, Workspace)>,
    /// When the turn began, in Unix milliseconds.
    pub turn_started_at_unix_ms: Option<i64>,
    /// The compaction.
    pub compaction: Option<CompactionMetadata>,
    /// Further members. Reserved names are ignored.
    pub extra: ExtraMembers,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// A turn.
    Turn,
    /// A prewarm.
    Prewarm,
    /// A compaction.
    Compaction,
    /// A memory request, which does not name the originator.
    Memory,
}

/// A working tree.
///
/// ```
/// use turnwire::responses::session::Workspace;
///
/// let mut workspace = Workspace::default();
/// workspace.has_changes = Some(true);
/// assert_eq!(workspace.has_changes, Some(true));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workspace {
    /// URLs of its remotes, by name.
    pub associated_remote_urls: Vec<(String, String)>,
    /// Its commit.
    pub latest_git_commit_hash: Option<String>,
    /// Whether it has uncommitted changes.
    pub has_changes: Option<bool>,
}

/// A compaction, in the terms of [docs/protocol.md §2.5](crate::docs::protocol#25-x-codex-turn-metadata).
///
/// ```
/// use turnwire::responses::session::CompactionMetadata;
///
/// let compaction = CompactionMetadata::manual();
/// assert_eq!(compaction.trigger, "manual");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionMetadata {
    /// `manual` or `auto`.
    pub trigger: String,
    /// `user_requested`, `context_limit`, `model_downshift` or `comp_hash_changed`.
    pub reason: String,
    /// `responses`, `responses_compaction_v2` or `responses_compact`.
    pub implementation: String,
    /// `standalone_turn`, `pre_turn` or `mid_turn`.
    pub phase: String,
    /// `memento`.
    pub strategy: String,
}

/// Reserved names, which further pairs cannot have.
pub(super) const RESERVED: [&str; 26] = [
    "installation_id",
    "session_id",
    "thread_id",
    "agent_name",
    "turn_id",
    "window_id",
    "window_number",
    "context_window_id",
    "request_kind",
    "history_initialization",
    "root_turn_id",
    "turn_trigger",
    "forked_from_thread_id",
    "parent_thread_id",
    "subagent_kind",
    "thread_source",
    "sandbox",
    "sandbox_mode",
    "workspaces",
    "turn_started_at_unix_ms",
    "compaction",
    INSTALLATION,
    WINDOW,
    TURN_METADATA,
    PARENT,
    SUBAGENT,
];

impl RequestKind {
    /// Returns its name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Prewarm => "prewarm",
            Self::Compaction => "compaction",
            Self::Memory => "memory",
        }
    }
}

impl TurnMetadata {
    /// Creates metadata for a request of this kind.
    #[must_use]
    pub fn new(kind: RequestKind, turn_id: &str) -> Self {
        Self { kind: Some(kind), turn_id: Some(turn_id.into()), ..Self::default() }
    }

    /// Adds a further member, in place of one of the same name.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed::Duplicate`] for a reserved name, whose member this library writes itself, and
    /// [`Malformed::InvalidJson`] if the value cannot be serialized. The metadata is consumed; clone it before if it is still
    /// needed.
    pub fn with(mut self, name: &str, value: impl serde_core::Serialize) -> Result<Self, Malformed> {
        if RESERVED.contains(&name) {
            return Err(Malformed::duplicate(name));
        }
        let value = RawJson::of(&value)?;
        self.extra.retain(|(known, _)| known != name);
        self.extra.push((name.into(), value));
        Ok(self)
    }
}

impl Workspace {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        if !self.associated_remote_urls.is_empty() {
            let mut urls = Object::new(object.key("associated_remote_urls"));
            for (name, url) in &self.associated_remote_urls {
                urls.string(name, url);
            }
            urls.end();
        }
        object.optional("latest_git_commit_hash", self.latest_git_commit_hash.as_deref());
        if let Some(has_changes) = self.has_changes {
            object.boolean("has_changes", has_changes);
        }
        object.end();
    }
}

impl CompactionMetadata {
    /// Creates a compaction through the endpoint that the user requested.
    #[must_use]
    pub fn manual() -> Self {
        Self::new("manual", "user_requested", "responses_compact", "standalone_turn")
    }

    /// Creates a compaction, in the words of [docs/protocol.md §2.5](crate::docs::protocol#25-x-codex-turn-metadata).
    #[must_use]
    pub fn new(trigger: &str, reason: &str, implementation: &str, phase: &str) -> Self {
        Self {
            trigger: trigger.into(),
            reason: reason.into(),
            implementation: implementation.into(),
            phase: phase.into(),
            strategy: "memento".into(),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("trigger", &self.trigger);
        object.string("reason", &self.reason);
        object.string("implementation", &self.implementation);
        object.string("phase", &self.phase);
        object.string("strategy", &self.strategy);
        object.end();
    }
}
