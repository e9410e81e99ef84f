//! Layer 2: the vocabulary of the Responses API (`docs/protocol.md` §2, §3, §5–§7): requests, items, events, failures and rate
//! limits, each read from text and written as text. This layer does no framing.
//!
//! ```
//! use turnwire::responses::{CreateResponse, EventData, Item, ServerEvent, request::ItemEncoding};
//!
//! let mut body = Vec::new();
//! CreateResponse::new("gpt-x", vec![Item::user("ping")]).encode_http(ItemEncoding::EVERYTHING, &mut body);
//!
//! let payload = r#"{"type":"response.output_text.delta","item_id":"msg_a","delta":"Hel"}"#;
//! let event = ServerEvent::parse(payload)?;
//! assert!(matches!(&event.data, EventData::OutputTextDelta { delta, .. } if delta == "Hel"));
//! assert_eq!(event.to_json(), payload); // a parsed event is written unchanged
//! # Ok::<(), turnwire::responses::Malformed>(())
//! ```
//!
//! Reading is lenient and loses nothing: unknown members, parts, items and types are kept unchanged. Writing is exact: which
//! members are always present, which are left out and which are `null` follows the protocol to the byte.
//!
//! | module | contents |
//! |---|---|
//! | `event/`, `client_event` | events of the server, and messages of the client |
//! | `item/`, `item_encoding`, `tool` | items, which of their members are sent, tools |
//! | `response`, `collector/` | the whole response, and how it is made of events |
//! | `request/`, `session/` | requests, and the headers and metadata of a session |
//! | `failure/`, `error_object` | why a request failed; errors that a server sends |
//! | `info`, `rate_limit`, `timing`, `usage`, `metadata` | what headers and events report beside the response |
//! | `chains`, `open_calls` | the responses that a server remembers, so that requests can continue them |
//! | `store` | the events of responses that a server keeps, so that their streams can be resumed |
//! | `steering`, `response_command` | steering, interruption and injection on a WebSocket |
//! | `headers`, `response_headers` | headers as pairs; the headers that a server sends |
//! | `limits` | limits of names and headers from a server |
//! | `operations/` | operations whose response is one body |
//! | `record` | how objects are declared member by member |
//! | `json/` | JSON text |

mod chains;
mod client_event;
mod collector;
mod error_object;
mod event;
mod failure;
mod headers;
mod incomplete_details;
mod info;
mod item;
mod item_encoding;
mod json;
mod limits;
mod metadata;
mod open_calls;
pub mod operations;
mod quota;
mod rate_limit;
mod record;
pub mod request;
mod response;
mod response_command;
mod response_headers;
pub mod session;
mod steering;
mod store;
mod timing;
pub mod tool;
mod usage;

pub use chains::Chains;
pub use client_event::{ClientEvent, CreateMessage, SteerMessage};
pub use collector::Collector;
pub use error_object::ErrorObject;
pub use event::{CompletedResponse, DeltaJoiner, EVENT_TYPES, Envelope, EventClass, EventData, IncompleteResponse};
pub(crate) use event::{DeliveredOutput, EndMembers, Found, SHAPES, Shape, Shapes, ShortFound};
pub use event::{EventParser, ResponseWriter, ServerEvent};
pub(crate) use event::{OutputEvents, WholeResponse, is_unended_response};
pub use failure::{Failure, FailureDetails, FailureKind, RequestProgress, retry_after, try_again_in};
pub use headers::HeaderPairs;
pub use incomplete_details::IncompleteDetails;
pub(crate) use info::HANDSHAKE_HEADERS;
pub use info::{HeaderSource, ResponseInfo, ResponseInfoTracker, SafetyBuffering};
pub use item::*;
pub use json::lenient::replace_lone_surrogates;
pub use json::malformed::Malformed;
pub use json::object_writer::ExtraMembers;
pub use json::raw::RawJson;
pub(crate) use limits::message as truncate_message;
pub use metadata::ClientMetadata;
pub use open_calls::{CallStep, OpenCalls};
pub use quota::Quota;
pub use rate_limit::{Credits, RateLimitWindow, RateLimits};
pub use request::CreateResponse;
pub use response::Response;
pub use response_command::ResponseCommand;
pub use response_headers::ResponseHeaders;
pub use steering::SteerError;
pub(crate) use steering::{InterruptReply, SteerOutcome, SteerReply};
pub(crate) use steering::{inject_message, interrupt_message, is_steer_input, steer_input, steer_message};
pub use store::{ResponseStore, StoreLimits};
pub use timing::TimingMetrics;
pub use usage::Usage;

/// The header, and the member of `client_metadata`, that carries the turn token (`docs/protocol.md` §8).
pub const TURN_STATE: &str = "x-codex-turn-state";
