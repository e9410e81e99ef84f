//! Why a proxy did not connect.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::http;

/// Why the connection through a proxy failed. The socket must be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The response to CONNECT is not HTTP, or passes a limit.
    Http(http::Error),
    /// The proxy responded with 407 (RFC 9110 §15.5.8): it requires credentials, or rejects those that it received.
    AuthenticationRequired {
        /// The authentication schemes that the proxy accepts, as `Proxy-Authenticate` names them, at most eight.
        schemes: Vec<String>,
        /// Whether the request contained credentials, which the proxy then rejected.
        credentials_sent: bool,
    },
    /// The proxy responded to CONNECT with a status other than 2xx and 407.
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase, truncated to 128 bytes.
        reason: String,
    },
    /// The first byte of a reply is not that of this version of SOCKS.
    NotSocks {
        /// The version that was expected.
        version: u8,
        /// The first byte of the reply.
        first: u8,
    },
    /// A SOCKS5 proxy accepts none of the offered authentication methods (RFC 1928 §3).
    NoAcceptableMethod {
        /// Whether username and password were offered.
        credentials_offered: bool,
    },
    /// A SOCKS5 proxy selected an authentication method that was not offered (RFC 1928 §3).
    UnexpectedMethod {
        /// The number of the method.
        method: u8,
    },
    /// A SOCKS5 proxy rejected username and password (RFC 1929 §2).
    CredentialsRejected {
        /// The status, which is not 0.
        status: u8,
    },
    /// A SOCKS5 proxy did not connect (RFC 1928 §6).
    Socks5(Socks5Reply),
    /// The reply of a SOCKS5 proxy contains an address of an unknown type (RFC 1928 §6).
    AddressType {
        /// The number of the type.
        kind: u8,
    },
    /// A SOCKS4a proxy did not connect.
    Socks4(Socks4Reply),
    /// The proxy closed the connection before its reply was complete.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => write!(f, "the proxy's response cannot be read: {error}"),
            Self::AuthenticationRequired { schemes, credentials_sent } => {
                write!(f, "{}", Required(*credentials_sent, schemes))
            }
            Self::Refused { status, reason } => {
                write!(f, "the proxy refused the connection with status {status} {reason}")
            }
            Self::NotSocks { version, first } => {
                write!(f, "the proxy does not speak SOCKS{version}: its reply begins with byte {first:#04x}")
            }
            Self::NoAcceptableMethod { credentials_offered } => {
                write!(f, "the proxy accepts none of the offered authentication methods{}", hint(*credentials_offered))
            }
            Self::UnexpectedMethod { method } => {
                write!(f, "the proxy selected authentication method {method}, which was not offered")
            }
            Self::CredentialsRejected { status } => {
                write!(f, "the proxy rejected the username or password with status {status}")
            }
            Self::Socks5(reply) => write!(f, "the proxy did not connect: {reply}"),
            Self::AddressType { kind } => write!(f, "the proxy's reply contains an address of the unknown type {kind}"),
            Self::Socks4(reply) => write!(f, "the proxy did not connect: {reply}"),
            Self::Closed => f.write_str("the proxy closed the connection before its reply was complete"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        if let Self::Http(error) = self { Some(error) } else { None }
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::Http(error)
    }
}

impl Error {
    /// Returns whether another attempt through the same proxy can succeed without a change of the configuration: the
    /// failure, of the proxy or of the network after it, may be temporary.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Socks5(reply) => match reply {
                Socks5Reply::GeneralFailure
                | Socks5Reply::NetworkUnreachable
                | Socks5Reply::HostUnreachable
                | Socks5Reply::ConnectionRefused
                | Socks5Reply::TtlExpired => true,
                Socks5Reply::NotAllowed
                | Socks5Reply::CommandNotSupported
                | Socks5Reply::AddressTypeNotSupported
                | Socks5Reply::Other(_) => false,
            },
            // The only code for every failure of the network.
            Self::Socks4(reply) => matches!(reply, Socks4Reply::Rejected),
            Self::Http(_)
            | Self::AuthenticationRequired { .. }
            | Self::NotSocks { .. }
            | Self::NoAcceptableMethod { .. }
            | Self::UnexpectedMethod { .. }
            | Self::CredentialsRejected { .. }
            | Self::AddressType { .. } => false,
        }
    }
}

/// Writes the two meanings of a 407.
struct Required<'a>(bool, &'a [String]);

impl fmt::Display for Required<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(credentials_sent, schemes) = self;
        f.write_str(match credentials_sent {
            true => "the proxy rejected the credentials (status 407)",
            false => "the proxy requires authentication (status 407)",
        })?;
        for (at, scheme) in schemes.iter().enumerate() {
            let before = if at == 0 { "; it accepts " } else { ", " };
            write!(f, "{before}{scheme}")?;
        }
        Ok(())
    }
}

const fn hint(credentials_offered: bool) -> &'static str {
    if credentials_offered { "" } else { "; no username was configured" }
}

/// The reply code of a SOCKS5 proxy that did not connect (RFC 1928 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Socks5Reply {
    /// 1: general failure.
    GeneralFailure,
    /// 2: the proxy's rules do not allow the connection.
    NotAllowed,
    /// 3: the network is unreachable.
    NetworkUnreachable,
    /// 4: the host is unreachable; many proxies also report a name that cannot be resolved this way.
    HostUnreachable,
    /// 5: the host refused the connection.
    ConnectionRefused,
    /// 6: the time to live expired.
    TtlExpired,
    /// 7: the proxy does not support CONNECT.
    CommandNotSupported,
    /// 8: the proxy does not support this type of address.
    AddressTypeNotSupported,
    /// Any other code.
    Other(u8),
}

impl fmt::Display for Socks5Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GeneralFailure => f.write_str("general failure"),
            Self::NotAllowed => f.write_str("not allowed by the proxy's rules"),
            Self::NetworkUnreachable => f.write_str("network unreachable"),
            Self::HostUnreachable => f.write_str("host unreachable"),
            Self::ConnectionRefused => f.write_str("connection refused"),
            Self::TtlExpired => f.write_str("time to live expired"),
            Self::CommandNotSupported => f.write_str("command not supported"),
            Self::AddressTypeNotSupported => f.write_str("address type not supported"),
            Self::Other(value) => write!(f, "unassigned reply code {value}"),
        }
    }
}

impl core::error::Error for Socks5Reply {}

impl Socks5Reply {
    pub(super) const fn new(code: u8) -> Self {
        match code {
            1 => Self::GeneralFailure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressTypeNotSupported,
            other => Self::Other(other),
        }
    }
}

/// The reply code of a SOCKS4a proxy that did not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Socks4Reply {
    /// 91: rejected or failed.
    Rejected,
    /// 92: the proxy cannot reach the identd of the client.
    NoIdentd,
    /// 93: identd on the client reports another user.
    OtherUser,
    /// Any other code.
    Other(u8),
}

impl fmt::Display for Socks4Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => f.write_str("request rejected or failed"),
            Self::NoIdentd => f.write_str("the proxy cannot reach identd on the client"),
            Self::OtherUser => f.write_str("identd on the client reports another user"),
            Self::Other(value) => write!(f, "unassigned reply code {value}"),
        }
    }
}

impl core::error::Error for Socks4Reply {}

impl Socks4Reply {
    pub(super) const fn new(code: u8) -> Self {
        match code {
            91 => Self::Rejected,
            92 => Self::NoIdentd,
            93 => Self::OtherUser,
            other => Self::Other(other),
        }
    }
}
