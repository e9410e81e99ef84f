//! The session: the headers and the metadata that identify the requests of one conversation
//! ([docs/protocol.md §2](crate::docs::protocol#2-headers-and-authentication),
//! [§3.8](crate::docs::protocol#38-client_metadata)).

mod header_names;
#[expect(clippy::module_inception, reason = "the file is named after the type")]
mod session;
mod turn_header;
mod turn_metadata;
mod user_agent;

pub use session::*;
pub use turn_metadata::{CompactionMetadata, RequestKind, TurnMetadata, Workspace};
pub use user_agent::UserAgent;
