//! Floor 1: server-sent events (WHATWG HTML §9.2) as buffers.
//!
//! A [`Decoder`] turns the bytes of an event stream, however they are cut into reads, into [`Event`]s. An event whose data lies
//! whole in the caller's slice is lent from it; otherwise its bytes are copied once. Each byte is searched once, so one line of
//! many megabytes costs the same in one read as in thousands.
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
//! A CR ends its line at once, and a following LF is swallowed whenever it comes: no event ever waits for a byte. Invalid UTF-8
//! is replaced by U+FFFD, as the standard says, also across reads. An event that the stream's end cuts off is discarded.

mod block;
mod cut;
mod decode;
mod encode;
mod input;
mod limits;
mod line;
mod text;
mod usual;

pub use decode::{Decoder, Discarded, Event};
pub use encode::{EncodeError, OutgoingEvent, encode_comment, encode_event};
pub use input::Input;
pub use limits::{Error, Limits};
