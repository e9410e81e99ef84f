//! Layer 1: HTTP/1.1 messages (RFC 9110, RFC 9112) over byte buffers.
//!
//! A [`HeadDecoder`] decodes the head of a request or response, however it is split into reads, and searches and parses each
//! byte once. A [`BodyDecoder`], which is created from the head, finds the end of the body and borrows its data from the
//! caller's slice. Bytes behind the message are not consumed: the next message, or the first bytes after an upgrade.
//!
//! ```
//! use turnwire::http::{BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Response};
//!
//! let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nnext";
//! let mut heads = HeadDecoder::<Response>::new(HeadLimits::default());
//! let head = heads.decode(&mut input)?.expect("the head is whole");
//! let mut body = BodyDecoder::response("POST", &head, BodyLimits::default())?;
//! let mut text = Vec::new();
//! while let Some(part) = body.decode(&mut input)? {
//!     match part {
//!         BodyPart::Data(data) => text.extend_from_slice(data),
//!         BodyPart::End(_trailers) => break,
//!     }
//! }
//! assert_eq!((text.as_slice(), input), (&b"hello"[..], &b"next"[..]));
//! # Ok::<(), turnwire::http::Error>(())
//! ```
//!
//! The decoders are strict where two parsers could disagree: obs-fold, a bare CR or LF in a request, white space before a
//! colon, a signed length, two different lengths, and a length beside `Transfer-Encoding` in a request are errors. A header name
//! or value, a method or a target that would break a head cannot be built.

mod body;
mod body_part;
mod chunked;
mod decode;
mod encode;
mod error;
mod first_bytes;
#[cfg(feature = "gzip")]
pub mod gzip;
mod head;
mod header_value;
mod headers;
mod limits;
mod syntax;

pub use body::{BodyDecoder, Framing, is_persistent};
pub use body_part::BodyPart;
pub use decode::{Head, HeadDecoder};
#[cfg(feature = "connection")]
pub(crate) use encode::{begin_chunk, end_chunk};
pub use encode::{encode_chunk, encode_last_chunk, encode_request, encode_response};
pub use error::{Error, Protocol};
pub use head::{InvalidHead, Request, Response, Version};
pub use header_value::{HeaderValue, InvalidHeader};
pub use headers::Headers;
pub use limits::{BodyLimits, HeadLimits};
#[cfg(feature = "web")]
pub(crate) use syntax::is_token;
