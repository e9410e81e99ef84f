//! Floor 2: the vocabulary of the Responses protocol (`docs/protocol.md` §2, §3, §5–§7): requests and items, events, failures,
//! rate limits. Text to meaning and back; how the text travels is not known here.
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
//! assert_eq!(event.to_json(), payload); // what was read is written as it came
//! # Ok::<(), turnwire::responses::Malformed>(())
//! ```
//!
//! Reading is lenient and loses nothing: unknown members, parts, items and kinds are kept as they came. Writing is exact: what
//! is always there, what is left out and what is `null` follows the protocol to the byte.

mod client_event;
mod derive;
mod envelope;
mod error;
mod event;
mod failure;
mod item;
mod malformed;
mod members;
mod metadata;
mod names;
mod prelude;
mod rate_limit;
mod raw;
pub mod request;
mod scan;
pub mod session;

mod timing;
pub mod tool;
pub mod unary;
mod usage;
mod write;
mod writer;

pub use client_event::{ClientEvent, CreateMessage, SteerMessage};
pub use derive::{HeaderSource, ResponseInfo, ResponseInfoTracker, SafetyBuffering};
pub use envelope::{Envelope, EventClass};
pub use error::ErrorObject;
pub use event::{CompletedResponse, EVENT_TYPES, EventData, ServerEvent};
pub use failure::{Failure, FailureDetails, FailureKind, RequestProgress, retry_after, try_again_in};
pub use item::*;
pub use malformed::Malformed;
pub use metadata::ClientMetadata;
pub use prelude::ResponseHeaders;
pub use rate_limit::{Credits, RateLimitWindow, RateLimits};
pub use raw::RawJson;
pub use request::CreateResponse;
pub use timing::TimingMetrics;
pub use usage::Usage;
pub use write::ExtraMembers;
pub use writer::ResponseWriter;

/// Header lines as names and values: what this floor sees of framing.
pub type HeaderPairs<'a> = &'a [(&'a str, &'a str)];
