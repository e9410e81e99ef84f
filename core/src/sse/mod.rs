//! Layer 1: server-sent events (WHATWG HTML §9.2) over byte buffers.
//!
//! A [`Decoder`] turns the bytes of an event stream, however they are split into reads, into [`Event`]s. An event whose data
//! is whole in the caller's slice is borrowed from it; otherwise its bytes are copied once. Each byte is searched once, so a
//! line of many megabytes takes the same time in one read as in thousands.
//!
//! ```
//! use turnwire::sse::{Decoder, Input, Limits};
//!
//! let mut decoder = Decoder::new(Limits::default());
//! let mut seen = Vec::new();
//! for read in [&b": keep-alive\n\ndata: one\rdata: two\r"[..], b"\n\r", b"\nevent: done\ndata\n\n"] {
//!     let mut input = Input::new(read);
//!     while let Some(event) = decoder.decode(&mut input)? {
//!         seen.push((event.event_type.to_owned(), event.data.to_owned()));
//!     }
//! }
//! assert_eq!(seen, [("message".into(), "one\ntwo".into()), ("done".into(), String::new())]);
//! # Ok::<(), turnwire::sse::Error>(())
//! ```
//!
//! A CR ends its line immediately, and an LF that follows is skipped when it arrives, so no event waits for another byte.
//! Invalid UTF-8 is replaced by U+FFFD, as the standard demands, also where reads split it. An event that is incomplete at
//! the end of the stream is discarded.

mod decode;
mod encode;
mod event;
mod event_buffer;
mod field;
mod input;
mod limits;
mod line_decoder;
mod predict;
mod utf8_buffer;

pub use decode::Decoder;
#[cfg(feature = "connection")]
pub(crate) use encode::{EMPTY_COMMENT, SizedEvent};
pub use encode::{EncodeError, OutgoingEvent, encode_comment, encode_event};
pub use event::{Discarded, Event};
pub use input::Input;
pub use limits::{Error, Limits};
