//! The target host of a proxy handshake.

use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a handshake cannot start. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidHandshake {
    /// The host is neither an IP address nor a host name.
    Host,
    /// The port is 0.
    Port,
    /// SOCKS4a has no IPv6 addresses.
    Ipv6,
    /// Basic authentication cannot carry a username with a colon (RFC 7617 §2).
    UsernameColon,
    /// SOCKS5 cannot carry a username or password of more than 255 bytes (RFC 1929 §2).
    CredentialsTooLong,
}

impl fmt::Display for InvalidHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "the host is neither an IP address nor a name of 1 to 255 ASCII letters, digits and \"-._\"",
            Self::Port => "the port is 0",
            Self::Ipv6 => "SOCKS4a cannot connect to an IPv6 address",
            Self::UsernameColon => "the proxy's username contains a colon, which Basic authentication cannot carry",
            Self::CredentialsTooLong => {
                "the proxy's username or password is longer than 255 bytes, which SOCKS5 cannot carry"
            }
        })
    }
}

impl core::error::Error for InvalidHandshake {}

/// A validated host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(&'a str),
}

impl<'a> Host<'a> {
    /// Parses an IP address, with or without brackets, or a name.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        match address(text) {
            Some(IpAddr::V4(address)) => Some(Self::V4(address)),
            Some(IpAddr::V6(address)) => Some(Self::V6(address)),
            None => is_name(text).then_some(Self::Name(text)),
        }
    }
}

/// Formats the host as in a URL: an IPv6 address in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Parses an IP address; one of version 6 may have brackets.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Parses a port of decimal digits, without a sign.
pub(super) fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Returns host and port as in a request target (RFC 9112 §3.2.3).
pub(super) fn authority(host: Host<'_>, port: u16) -> String {
    alloc::format!("{host}:{port}")
}
