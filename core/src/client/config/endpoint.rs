//! The base URL of a provider and the URLs below it
//! ([docs/protocol.md §1.3](crate::docs::protocol#13-http-url-building)).

use alloc::string::{String, ToString as _};

use super::invalid_provider::InvalidProvider;
use super::url::{Invalid, Url};

/// The parsed base URL of a provider, with the provider's query parameters.
#[derive(Clone, Debug)]
pub(in crate::client) struct Endpoint {
    pub(in crate::client) tls: bool,
    /// The host, without the brackets of an IPv6 address.
    pub(in crate::client) host: String,
    pub(in crate::client) port: u16,
    /// The value of the `Host` header.
    pub(in crate::client) authority: String,
    /// The path, without a slash at its end.
    path: String,
    /// The query, the provider's parameters included.
    query: String,
}

impl Endpoint {
    /// Parses a base URL and adds the query parameters.
    pub(in crate::client) fn new(
        base_url: &str,
        parameters: &[(String, String)],
        allow_plain: bool,
    ) -> Result<Self, InvalidProvider> {
        let Url { tls, host, port, path, mut query } = Url::parse(base_url)?;
        if !tls && !allow_plain && !host.is_loopback() {
            return Err(InvalidProvider::Plain);
        }
        let name = host.to_string();
        let authority = port.map_or_else(|| name.clone(), |port| alloc::format!("{name}:{port}"));
        for (key, value) in parameters {
            push_parameter(&mut query, key, value);
        }
        Ok(Self {
            tls,
            host: name.trim_matches(['[', ']']).to_string(),
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            authority,
            path: path.trim_end_matches('/').to_string(),
            query,
        })
    }

    /// Returns the request target for a path below the base URL, with further query parameters (RFC 9112 §3.2).
    pub(in crate::client) fn target(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut target = self.path.clone();
        let path = path.trim_start_matches('/');
        if !path.is_empty() || target.is_empty() {
            target.push('/');
        }
        target.push_str(path);
        let mut query = self.query.clone();
        for (key, value) in parameters {
            push_parameter(&mut query, key, value);
        }
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        target
    }

    /// Returns the URL of a request target, for messages.
    pub(in crate::client) fn url(&self, websocket: bool, target: &str) -> String {
        let scheme = match (websocket, self.tls) {
            (true, true) => "wss",
            (true, false) => "ws",
            (false, true) => "https",
            (false, false) => "http",
        };
        alloc::format!("{scheme}://{}{target}", self.authority)
    }
}

impl From<Invalid> for InvalidProvider {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Scheme => Self::Scheme,
            Invalid::Userinfo => Self::Userinfo,
            Invalid::Text(why) => Self::Url(why.into()),
        }
    }
}

/// Appends a query parameter. Characters that would change the meaning of the query, or that a query cannot contain, are
/// percent-encoded (RFC 3986 §3.4).
fn push_parameter(query: &mut String, key: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    encode(key, b"-._~!$'()*,;:@/?", query);
    query.push('=');
    encode(value, b"-._~!$'()*,;:@/?=", query);
}

fn encode(text: &str, plain: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&alloc::format!("%{byte:02X}"));
        }
    }
}
