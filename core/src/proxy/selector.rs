//! The selection of the proxy for a host.

use super::config::{InvalidProxy, Proxy};
use super::no_proxy::NoProxy;

/// Selects the proxy for a host, by the values of the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl does.
///
/// This crate does not read the environment: the application passes in the values, and decides which spelling of a
/// variable counts. curl prefers the lower-case one, and ignores upper-case `HTTP_PROXY`, because a CGI server sets it
/// from a header of the request.
///
/// An empty value means an unset variable. An invalid value is an error, and never means "no proxy".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySelector {
    https: Option<Proxy>,
    http: Option<Proxy>,
    all: Option<Proxy>,
    no_proxy: NoProxy,
}

impl ProxySelector {
    /// Creates a selector without proxies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the proxy for hosts that are reached by TLS (`https`, `wss`). See [`Proxy::parse`] for the form of the value.
    ///
    /// # Errors
    ///
    /// [`InvalidProxy`]: nothing was changed.
    pub fn set_https_proxy(&mut self, value: &str) -> Result<(), InvalidProxy> {
        self.https = optional(value)?;
        Ok(())
    }

    /// Sets the proxy for hosts that are reached without TLS (`http`, `ws`).
    ///
    /// # Errors
    ///
    /// [`InvalidProxy`]: nothing was changed.
    pub fn set_http_proxy(&mut self, value: &str) -> Result<(), InvalidProxy> {
        self.http = optional(value)?;
        Ok(())
    }

    /// Sets the proxy for hosts for which neither of the other two is set.
    ///
    /// # Errors
    ///
    /// [`InvalidProxy`]: nothing was changed.
    pub fn set_all_proxy(&mut self, value: &str) -> Result<(), InvalidProxy> {
        self.all = optional(value)?;
        Ok(())
    }

    /// Sets the hosts that are reached without a proxy, separated by commas or white space.
    ///
    /// `*` means every host. A name, with or without a leading dot, means itself and all names below it. An IP address, also with a
    /// prefix length (`10.0.0.0/8`, `fd00::/8`), means addresses; names are not resolved for it. Each may be followed by a port
    /// (`example.com:8080`, `[::1]:8080`), and then means that port only, which curl does not know.
    pub fn set_no_proxy(&mut self, value: &str) {
        self.no_proxy = NoProxy::parse(value);
    }

    /// Returns the proxy for this host; `None` if the host is reached directly.
    #[must_use]
    pub fn select(&self, host: &str, port: u16, tls: bool) -> Option<&Proxy> {
        let own = if tls { &self.https } else { &self.http };
        own.as_ref().or(self.all.as_ref()).filter(|_| !self.no_proxy.contains(host, port))
    }
}

fn optional(value: &str) -> Result<Option<Proxy>, InvalidProxy> {
    match value.trim() {
        "" => Ok(None),
        value => Proxy::parse(value).map(Some),
    }
}
