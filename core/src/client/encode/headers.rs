//! Which headers a request has: later sources replace the fields of earlier ones
//! ([docs/protocol.md §2.1](crate::docs::protocol#21-precedence)).

use alloc::string::{String, ToString as _};

use crate::client::config::{Credentials, Provider, Settings};
use crate::http::{Headers, InvalidHeader};

/// A header that cannot be sent, by name.
#[derive(Debug)]
pub(in crate::client) struct RejectedHeader {
    pub(in crate::client) name: String,
}

/// Merges the headers of the provider, the settings, the request and the session. Default headers are added where no source has
/// the field. The fields of the credentials replace all others.
pub(super) fn merge(
    provider: &Provider,
    settings: &Settings,
    request: &[(String, String)],
    session: &[(String, String)],
    credentials: &Credentials,
) -> Result<Headers, RejectedHeader> {
    let mut headers = Headers::new();
    for source in [provider.headers.as_slice(), settings.headers.as_slice(), request, session] {
        for (name, value) in source {
            headers.set(name, value.as_str()).map_err(rejected(name))?;
        }
    }
    for (name, value) in &settings.default_headers {
        headers.set_if_absent(name, value.as_str()).map_err(rejected(name))?;
    }
    credentials.apply(&mut headers).map_err(|_| RejectedHeader { name: "credentials".to_string() })?;
    Ok(headers)
}

fn rejected(name: &str) -> impl FnOnce(InvalidHeader) -> RejectedHeader {
    let name = name.to_string();
    move |_| RejectedHeader { name }
}
