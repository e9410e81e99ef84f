//! Errors of HTTP messages.

use core::fmt;

/// The reason why a message cannot be decoded. The connection cannot be used any longer, and the decoder returns the same error
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// The head, with its empty line, is longer than the limit.
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The head has more header lines than the limit.
    TooManyHeaders {
        /// The limit in lines.
        limit: usize,
    },
    /// The final response was preceded by more interim (1xx) responses than the limit.
    TooManyInterim {
        /// The limit in responses.
        limit: usize,
    },
    /// The first bytes are those of another protocol.
    NotHttp {
        /// The protocol.
        seems: Protocol,
    },
    /// The start line does not have the grammar of RFC 9112 §3 or §4, or its version is not HTTP/1.0 or HTTP/1.1.
    StartLine,
    /// A header line does not have the grammar of RFC 9112 §5: obs-fold, white space before the colon, a control character.
    HeaderLine,
    /// A line contains a bare CR, or ends with a bare LF (RFC 9112 §2.2). The lines of a response's head may end with a bare LF.
    LineEnd,
    /// `Content-Length` is not a decimal number below 2^63, or there are two different ones (RFC 9112 §6.3).
    ContentLength,
    /// A request has both `Content-Length` and `Transfer-Encoding`, as in request smuggling (RFC 9112 §6.3). In a response,
    /// `Transfer-Encoding` counts, and the connection does not persist.
    LengthAndEncoding,
    /// The transfer coding is not exactly `chunked`, or is used with HTTP/1.0 (RFC 9112 §6.1).
    TransferCoding,
    /// The content coding is not `identity`, and no decoder for it is configured.
    ContentCoding,
    /// A coded body is not a gzip stream, or its checksum is wrong (RFC 1952 §2.3). Only with the feature `gzip`.
    ContentCorrupt,
    /// A coded body decodes to more than the limit.
    ContentTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// A coded body decodes to more than the limit for each of its bytes.
    ContentRatio {
        /// The limit in decoded bytes for each coded byte.
        limit: u32,
    },
    /// A chunk does not have the grammar of RFC 9112 §7.1, or its size is 2^63 or more.
    Chunk,
    /// A chunk's size line is longer than the limit.
    ChunkLineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The chunk extensions of one body are longer than the limit.
    ExtensionsTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes end inside a head, or before the end of a body by its framing (RFC 9112 §8).
    Truncated,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadTooLong { limit } => write!(f, "the head is longer than {limit} bytes"),
            Self::TooManyHeaders { limit } => write!(f, "the head has more than {limit} header lines"),
            Self::TooManyInterim { limit } => write!(f, "more than {limit} interim responses before the final one"),
            Self::NotHttp { seems } => {
                write!(f, "the peer does not speak HTTP/1: its first bytes are those of {seems}")
            }
            Self::StartLine => f.write_str("the start line is malformed"),
            Self::HeaderLine => f.write_str("a header line is malformed"),
            Self::LineEnd => f.write_str("a line end is not CR LF"),
            Self::ContentLength => f.write_str("the content length is malformed"),
            Self::LengthAndEncoding => f.write_str("the head has both a content length and a transfer encoding"),
            Self::TransferCoding => f.write_str("the transfer coding is not supported"),
            Self::ContentCoding => f.write_str("the content coding is not supported"),
            Self::ContentCorrupt => f.write_str("the coded content is corrupt"),
            Self::ContentTooLong { limit } => write!(f, "the coded content decodes to more than {limit} bytes"),
            Self::ContentRatio { limit } => {
                write!(f, "the coded content decodes to more than {limit} times its length")
            }
            Self::Chunk => f.write_str("a chunk is malformed"),
            Self::ChunkLineTooLong { limit } => write!(f, "a chunk size line is longer than {limit} bytes"),
            Self::ExtensionsTooLong { limit } => write!(f, "the chunk extensions are longer than {limit} bytes"),
            Self::Truncated => f.write_str("the message is truncated"),
        }
    }
}

impl core::error::Error for Error {}

/// A protocol that a peer may speak instead of HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TLS: the URL should be `https` or `wss`, or is for a plain port.
    Tls,
    /// SSH.
    Ssh,
    /// HTTP/2 without an upgrade.
    Http2,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS",
            Self::Ssh => "SSH",
            Self::Http2 => "HTTP/2",
        })
    }
}
