//! A proxy, as a URL describes it.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::percent;
use super::target::{self, Host};

/// The port of a proxy whose URL has none, except for `https`, as in curl.
const DEFAULT_PORT: u16 = 1080;
/// The port of an `https` proxy whose URL has none.
const DEFAULT_TLS_PORT: u16 = 443;

/// Why the text does not describe a proxy. It contains nothing of the text, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// The scheme is none of those that [`Scheme`] names.
    Scheme,
    /// The host is missing, or is neither an IP address nor a host name.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The username or password contains a control character.
    Credentials,
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the proxy's scheme is not one of http, https, socks4, socks4a, socks5, socks5h",
            Self::Host => {
                "the proxy's host is neither an IP address nor a name of 1 to 255 ASCII letters, digits and \"-._\""
            }
            Self::Port => "the proxy's port is not a number from 1 to 65535",
            Self::Credentials => "the proxy's username or password contains a control character",
        })
    }
}

impl core::error::Error for InvalidProxy {}

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// HTTP CONNECT over a plain socket: `http`.
    Http,
    /// HTTP CONNECT over TLS: `https`.
    Https,
    /// SOCKS4a: `socks4a`, and `socks4` or `socks`, for which the name is not resolved here either.
    Socks4a,
    /// SOCKS5: `socks5h`, and `socks5`, for which the name is not resolved here either.
    Socks5,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        let schemes = [
            ("http", Self::Http),
            ("https", Self::Https),
            ("socks4", Self::Socks4a),
            ("socks4a", Self::Socks4a),
            ("socks5", Self::Socks5),
            ("socks5h", Self::Socks5),
            ("socks", Self::Socks4a),
        ];
        schemes.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, scheme)| *scheme)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => DEFAULT_TLS_PORT,
            Self::Http | Self::Socks4a | Self::Socks5 => DEFAULT_PORT,
        }
    }
}

/// The username and password for a proxy. `Debug` shows neither, and both are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    username: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
}

impl ProxyCredentials {
    /// Creates credentials. SOCKS4a sends the username alone.
    ///
    /// # Errors
    ///
    /// [`InvalidProxy::Credentials`] when one of the two contains a control character.
    pub fn new(username: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Result<Self, InvalidProxy> {
        let (username, password) = (username.as_ref(), password.as_ref());
        if username.iter().chain(password).any(u8::is_ascii_control) {
            return Err(InvalidProxy::Credentials);
        }
        Ok(Self { username: username.to_vec().into(), password: password.to_vec().into() })
    }

    pub(super) fn username(&self) -> &[u8] {
        &self.username
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.password
    }

    /// Reads `user:password` or `user` of a URL.
    fn parse(userinfo: &str) -> Result<Self, InvalidProxy> {
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (username, password) = (percent::decode(username), percent::decode(password));
        Self::new(Zeroizing::new(username).as_slice(), Zeroizing::new(password).as_slice())
    }
}

impl fmt::Debug for ProxyCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyCredentials(sensitive)")
    }
}

/// A proxy: its address, its protocol, and the credentials for it. `Debug` shows no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    scheme: Scheme,
    host: String,
    port: u16,
    credentials: Option<ProxyCredentials>,
}

impl Proxy {
    /// Creates a proxy without credentials.
    ///
    /// # Errors
    ///
    /// [`InvalidProxy`] when the host is neither an IP address nor a host name, or the port is 0.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Result<Self, InvalidProxy> {
        if port == 0 {
            return Err(InvalidProxy::Port);
        }
        let host = match Host::parse(host).ok_or(InvalidProxy::Host)? {
            Host::V4(address) => address.to_string(),
            Host::V6(address) => address.to_string(),
            Host::Name(name) => name.to_owned(),
        };
        Ok(Self { scheme, host, port, credentials: None })
    }

    /// Parses `[scheme://][user[:password]@]host[:port]`, as curl does: the default scheme is `http`, the default port
    /// is 443 for `https` and 1080 for all others, username and password are percent-decoded, and a path is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidProxy`], which does not contain the text.
    pub fn parse(text: &str) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Scheme::parse(scheme).ok_or(InvalidProxy::Scheme)?, rest),
            None => (Scheme::Http, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        // The colons of an address in brackets are not that of the port.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(InvalidProxy::Host);
        }
        let port = if port.is_empty() { Some(scheme.default_port()) } else { target::port(port) };
        let mut proxy = Self::new(scheme, host, port.ok_or(InvalidProxy::Port)?)?;
        proxy.credentials =
            userinfo.filter(|userinfo| !userinfo.is_empty()).map(ProxyCredentials::parse).transpose()?;
        Ok(proxy)
    }

    /// Sets the credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: ProxyCredentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Returns the protocol that the proxy speaks.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host of the proxy: a name, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port of the proxy.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the socket to the proxy itself uses TLS, with a certificate for [`host`](Self::host).
    #[must_use]
    pub const fn uses_tls(&self) -> bool {
        matches!(self.scheme, Scheme::Https)
    }

    /// Returns whether the proxy can forward HTTP requests in absolute form (RFC 9112 §3.2.2), so that a host without TLS needs no
    /// tunnel through it.
    #[must_use]
    pub const fn forwards_requests(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }

    /// Returns whether there are credentials for the proxy.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    pub(super) const fn credentials(&self) -> Option<&ProxyCredentials> {
        self.credentials.as_ref()
    }
}

/// The proxy as a URL, without credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{}{close}:{}", self.scheme.name(), self.host, self.port)
    }
}
