//! Events that a server sends for a response ([docs/protocol.md §5.4](crate::docs::protocol#54-event-table) and the
//! public documentation).

mod build;
mod class;
mod delivered;
mod delta_joiner;
pub(super) mod envelope;
mod fields;
mod found;
mod members;
mod parser;
mod position;
mod queries;
mod read;
mod request_members;
mod response_end;
mod response_members;
mod server_event;
mod shapes;
mod table;
mod value;
mod walk;
mod whole_response;
mod writer;

pub use class::EventClass;
pub(crate) use delivered::DeliveredOutput;
pub use delta_joiner::DeltaJoiner;
pub use envelope::Envelope;
pub(crate) use found::{Found, ShortFound};
pub use parser::EventParser;
pub(crate) use response_end::EndMembers;
pub use response_end::{CompletedResponse, IncompleteResponse};
pub(super) use response_members::ResponseMember;
pub use server_event::ServerEvent;
pub(crate) use shapes::{SHAPES, Shape, Shapes};
pub(super) use table::EventType;
pub use table::{EVENT_TYPES, EventData};
pub(crate) use whole_response::{OutputEvents, WholeResponse, is_unended_response};
pub use writer::ResponseWriter;
