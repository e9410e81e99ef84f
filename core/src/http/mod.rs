//! Floor 1: HTTP/1.1 messages as buffers (RFC 9110, RFC 9112).
//!
//! A [`HeadDecoder`] reads a request or response head however its bytes drip in, and searches and parses each byte once. A
//! [`BodyDecoder`] made from the head finds where the body ends, and lends its data straight from the caller's slice.
//! What follows the message stays in the slice: the next message, or an upgraded protocol's first bytes.
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
//! Strict where leniency would let two parsers disagree: obs-fold, a bare CR or LF, white space before a colon, a length that is
//! signed or stated twice in two ways, and a length beside `Transfer-Encoding` are errors, not guesses. A header
//! name or value, method or target that would break a head cannot be built in the first place.

mod body;
mod chunked;
mod decode;
mod encode;
mod error;
mod field;
mod first_bytes;
#[cfg(feature = "gzip")]
pub mod gzip;
mod head;

pub use body::{BodyDecoder, BodyLimits, BodyPart, Framing, is_persistent};
pub use decode::{Head, HeadDecoder, HeadLimits};
pub use encode::{encode_chunk, encode_last_chunk, encode_request, encode_response};
pub use error::{Error, Protocol};
pub use field::{HeaderValue, Headers, InvalidHeader};
pub use head::{InvalidHead, Request, Response, Version};
