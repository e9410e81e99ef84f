//! From the head of the client's request to what a runtime is asked for, and from what the runtime reports to the head of a response.

use alloc::string::String;
use alloc::vec::Vec;

use super::settings::Settings;
use crate::http::{Headers, Request, Response, is_token};

/// Headers that concern the connection, or that a runtime sets itself.
const OF_CONNECTION: [&str; 10] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of a response that describe its bytes as they were sent. The runtime has decoded them.
const OF_ENCODING: [&str; 2] = ["content-encoding", "content-length"];

/// Returns the URL of a request.
pub(super) fn url(request: &Request, websocket: bool, tls: bool) -> String {
    let scheme = match (websocket, tls) {
        (true, true) => "wss",
        (true, false) => "ws",
        (false, true) => "https",
        (false, false) => "http",
    };
    let authority = request.headers.get_str("host").unwrap_or_default();
    alloc::format!("{scheme}://{authority}{}", request.target())
}

/// Returns the headers of a request that a runtime can send.
pub(super) fn request_headers(request: &Request) -> Headers {
    filtered(&request.headers, |name| is_one_of(name, &OF_CONNECTION) || is_of_handshake(name))
}

/// Returns the subprotocols to request, or the reason why the key cannot be one.
pub(super) fn subprotocols(request: &Request, settings: &Settings) -> Result<Vec<String>, &'static str> {
    let mut protocols = settings.subprotocols.clone();
    if let Some(prefix) = &settings.key_subprotocol {
        let authorization = request.headers.get_str("authorization").unwrap_or_default();
        let (scheme, key) = authorization.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err("the credentials are not a bearer token, and cannot be sent as a subprotocol");
        }
        protocols.push(alloc::format!("{prefix}{}", key.trim()));
    }
    let is_valid = |protocol: &String| !protocol.is_empty() && protocol.bytes().all(is_token);
    match protocols.iter().all(is_valid) {
        true => Ok(protocols),
        false => Err("a subprotocol or the key has a character that no subprotocol can contain"),
    }
}

/// Returns the head of a response with these headers, for bytes that the runtime has decoded. `None`: the status is not that of a
/// response.
pub(super) fn response(status: u16, headers: &Headers) -> Option<Response> {
    let mut response = Response::new(status).ok().filter(|head| head.status() >= 200)?;
    let is_dropped = |name: &str| is_one_of(name, &OF_CONNECTION) || is_one_of(name, &OF_ENCODING);
    response.headers = filtered(headers, is_dropped);
    Some(response)
}

/// Adds the headers of an accepted handshake that a runtime reports.
pub(super) fn add_to_handshake(response: &mut Response, headers: &Headers) {
    for (name, value) in headers.iter() {
        if !is_one_of(name, &OF_CONNECTION) && !is_of_handshake(name) {
            // The name and the value are valid: they are those of headers.
            let _ = response.headers.append(name, value.clone());
        }
    }
}

/// Returns whether a response of this status has no body, whatever its headers say (RFC 9110 §6.4.1).
pub(super) const fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

fn filtered(headers: &Headers, is_dropped: impl Fn(&str) -> bool) -> Headers {
    let mut kept = Headers::new();
    for (name, value) in headers.iter().filter(|(name, _)| !is_dropped(name)) {
        // The name and the value are valid: they are those of headers.
        let _ = kept.append(name, value.clone());
    }
    kept
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_of_handshake(name: &str) -> bool {
    let prefix = "sec-websocket-";
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
