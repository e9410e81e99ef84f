//! Events: what a server sends while it responds (`docs/protocol.md` §5.4 and the public documentation).

mod build;
pub(super) mod envelope;
mod server_event;
mod table;
mod writer;

pub use envelope::{Envelope, EventClass};
pub use server_event::{CompletedResponse, ServerEvent};
pub(super) use table::class;
pub use table::{EVENT_TYPES, EventData};
pub use writer::ResponseWriter;
