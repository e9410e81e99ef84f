//! The proxies that the environment names.

use core::fmt;
use std::env;

use turnwire::proxy::{InvalidProxy, ProxySelector};

/// Reads the proxies from the environment, as curl does: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, of which the lower-case spelling
/// counts first, and `http_proxy` in lower case only.
///
/// # Errors
///
/// Returns [`InvalidProxySetting`] when the value of a variable does not describe a proxy. A client must then not connect: the
/// variable asks for a proxy, so that a direct connection would be wrong.
pub fn proxies_from_environment() -> Result<ProxySelector, InvalidProxySetting> {
    let mut proxies = ProxySelector::new();
    let value = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, env::var_os(name)?.to_string_lossy().into_owned())))
    };
    if let Some((variable, value)) = value(&["https_proxy", "HTTPS_PROXY"]) {
        proxies.set_https_proxy(&value).map_err(|reason| InvalidProxySetting { variable, reason })?;
    }
    if let Some((variable, value)) = value(&["http_proxy"]) {
        proxies.set_http_proxy(&value).map_err(|reason| InvalidProxySetting { variable, reason })?;
    }
    if let Some((variable, value)) = value(&["all_proxy", "ALL_PROXY"]) {
        proxies.set_all_proxy(&value).map_err(|reason| InvalidProxySetting { variable, reason })?;
    }
    if let Some((_, value)) = value(&["no_proxy", "NO_PROXY"]) {
        proxies.set_no_proxy(&value);
    }
    Ok(proxies)
}

/// A variable of the environment whose value does not describe a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProxySetting {
    /// The name of the variable.
    pub variable: &'static str,
    /// Why its value is invalid.
    pub reason: InvalidProxy,
}

impl fmt::Display for InvalidProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

impl core::error::Error for InvalidProxySetting {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.reason)
    }
}
