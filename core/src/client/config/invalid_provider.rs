//! Why no request can be made with a provider.

use alloc::string::String;

/// Why no request can be made with a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProvider {
    /// The base URL cannot be read.
    #[error("the base URL is invalid: {0}")]
    Url(String),
    /// The base URL's scheme is not `http`, `https`, `ws` or `wss`.
    #[error("the url scheme is not supported")]
    Scheme,
    /// The base URL contains a user name or a password.
    #[error("the base url contains credentials")]
    Userinfo,
    /// The base URL has no TLS and its host is not a loopback one, which [`Provider::allow_plain`](super::Provider::allow_plain)
    /// does not allow.
    #[error("plain transport is allowed to loopback hosts only")]
    Plain,
    /// The name or the value of a header is not valid (RFC 9110 §5).
    #[error("the header `{0}` cannot be sent")]
    Header(String),
}
