//! Why no request can be made with a provider.

use alloc::string::String;
use core::fmt;

/// Why no request can be made with a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProvider {
    /// The base URL cannot be read.
    Url(String),
    /// The base URL's scheme is not `http`, `https`, `ws` or `wss`.
    Scheme,
    /// The base URL contains a user name or a password.
    Userinfo,
    /// The base URL has no TLS and its host is not a loopback one, which [`Provider::allow_plain`](super::Provider::allow_plain)
    /// does not allow.
    Plain,
    /// The name or the value of a header is not valid (RFC 9110 §5).
    Header(String),
}

impl fmt::Display for InvalidProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(reason) => write!(f, "the base URL is invalid: {reason}"),
            Self::Scheme => f.write_str("the url scheme is not supported"),
            Self::Userinfo => f.write_str("the base url contains credentials"),
            Self::Plain => f.write_str("plain transport is allowed to loopback hosts only"),
            Self::Header(name) => write!(f, "the header `{name}` cannot be sent"),
        }
    }
}

impl core::error::Error for InvalidProvider {}
