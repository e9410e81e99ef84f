//! Parser of `http`, `https`, `ws` and `wss` URLs (RFC 3986).
//!
//! Paths and queries are parsed as in the WHATWG URL Standard. For authorities, the parser is stricter: a host is an
//! ASCII name, an IPv4 address of four decimal numbers, or an IPv6 address in brackets; anything else is an error.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// A URL without its fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Whether the scheme is `https` or `wss`.
    pub(super) tls: bool,
    pub(super) host: Host,
    /// The port, unless it is the default port of the scheme.
    pub(super) port: Option<u16>,
    /// The path, which begins with a slash. Dot segments are removed, and invalid characters are percent-encoded.
    pub(super) path: String,
    /// The query without the question mark; invalid characters are percent-encoded.
    pub(super) query: String,
}

/// The host of a URL. `Display` formats it as in an authority, with an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name in lower case.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

/// Why a text is not a URL with one of these schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// The scheme is not supported.
    Scheme,
    /// The authority contains `@`: user information is not supported.
    Userinfo,
    /// The text is invalid, for this reason.
    Text(&'static str),
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_matches(' ');
        if text.contains(char::is_control) {
            return Err(Invalid::Text("it contains a control character"));
        }
        if text.contains('\\') {
            return Err(Invalid::Text("it contains a backslash"));
        }
        let (scheme, rest) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).ok_or(MISSING_SCHEME)?;
        let (tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" | "wss" => (true, 443),
            "http" | "ws" => (false, 80),
            _ => return Err(Invalid::Scheme),
        };
        let rest = rest.strip_prefix("//").ok_or(Invalid::Text("the scheme is not followed by `//`"))?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Invalid::Userinfo);
        }
        let (host, port) = split_authority(authority)?;
        Ok(Self {
            tls,
            host: Host::parse(host)?,
            port: parse_port(port)?.filter(|port| *port != default_port),
            path: normalized_path(path),
            query: encoded(query, |byte| b" \"#<>'".contains(&byte)),
        })
    }
}

const MISSING_SCHEME: Invalid = Invalid::Text("it does not begin with a scheme");

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Returns the host, with its brackets, and the text of the port, which may be empty.
fn split_authority(authority: &str) -> Result<(&str, &str), Invalid> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or(Invalid::Text("the bracket of an IPv6 address is not closed"))? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    match authority.split_at(host) {
        (host, "") => Ok((host, "")),
        (host, port) => {
            let port = port.strip_prefix(':').ok_or(Invalid::Text("the host is followed by other text than a port"))?;
            Ok((host, port))
        }
    }
}

fn parse_port(text: &str) -> Result<Option<u16>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Some).ok_or(Invalid::Text("the port is not a number up to 65535"))
}

impl Host {
    fn parse(text: &str) -> Result<Self, Invalid> {
        if let Some(address) = text.strip_prefix('[') {
            let address = address.trim_end_matches(']').parse();
            return address.map(Self::V6).map_err(|_| Invalid::Text("the brackets do not contain an IPv6 address"));
        }
        if text.is_empty() {
            return Err(Invalid::Text("the host is empty"));
        }
        if !text.is_ascii() {
            return Err(Invalid::Text("the host is not ASCII: write it in punycode (`xn--…`)"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(Invalid::Text("the host contains another character than letters, digits, `-`, `_` and `.`"));
        }
        let labels = text.strip_suffix('.').unwrap_or(text);
        if labels.split('.').any(str::is_empty) {
            return Err(Invalid::Text("the host contains an empty label"));
        }
        // Some resolvers parse a name that ends with a number as an address: `127.1`, `0x7f.1`, `2130706433`.
        if labels.rsplit('.').next().is_some_and(is_number) {
            let address = text.parse().map(Self::V4);
            return address.map_err(|_| Invalid::Text("an IPv4 address is written as four decimal numbers"));
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }

    /// Returns whether the host is this machine: a loopback address, `localhost`, or a name below it (RFC 6761 §6.3).
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Returns whether the label is a decimal, octal or hexadecimal number.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hexadecimal.map_or_else(
        || label.bytes().all(|byte| byte.is_ascii_digit()),
        |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
    )
}

/// Removes dot segments, which may be percent-encoded, from a path (RFC 3986 §5.2.4).
fn normalized_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut rest = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = rest.next() {
        let dots = segment.replace("%2e", ".").replace("%2E", ".");
        if dots == ".." {
            segments.pop();
        } else if dots != "." {
            segments.push(segment);
            continue;
        }
        // A dot segment at the end denotes a directory.
        if rest.peek().is_none() {
            segments.push("");
        }
    }
    let mut out = String::new();
    for segment in segments {
        out.push('/');
        out.push_str(&encoded(segment, |byte| b" \"#<>?`{}".contains(&byte)));
    }
    out
}

/// Percent-encodes these bytes, and all that are not ASCII.
fn encoded(text: &str, must_be: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii() && !must_be(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&alloc::format!("%{byte:02X}"));
        }
    }
    out
}
