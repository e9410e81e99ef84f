//! Names of the headers of a session; most of them are also names in `client_metadata`.

/// The header, and the member of `client_metadata`, that contains the metadata of the turn.
pub(super) const TURN_METADATA: &str = "x-codex-turn-metadata";
pub(super) const WINDOW: &str = "x-codex-window-id";
pub(super) const INSTALLATION: &str = "x-codex-installation-id";
pub(super) const PARENT: &str = "x-codex-parent-thread-id";
pub(super) const SUBAGENT: &str = "x-openai-subagent";
pub(super) const LITE: &str = "x-openai-internal-codex-responses-lite";
pub(super) const WEBSOCKET_LITE: &str = "ws_request_header_x_openai_internal_codex_responses_lite";
