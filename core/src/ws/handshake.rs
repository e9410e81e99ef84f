//! The opening handshake (RFC 6455 §4) as HTTP heads: what a client asks, what a server answers, and how each judges the other.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::deflate::{Offer, Params, ServerPolicy};
use crate::http::{Headers, InvalidHead, Request, Response, Version};

/// The string that makes an answer one to a WebSocket handshake and to nothing else (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What both ends agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// permessage-deflate, when it was agreed on.
    pub deflate: Option<Params>,
    /// The subprotocol, when one was chosen.
    pub protocol: Option<String>,
}

/// Why a client must fail the connection (RFC 6455 §4.1). A response other than 101 is none of these: it is HTTP's, for the caller to
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The status is not 101.
    #[error("status {0} does not switch protocols")]
    Status(u16),
    /// `Upgrade` is missing or is not exactly `websocket`.
    #[error("the upgrade header does not name websocket")]
    Upgrade,
    /// `Connection` has no `upgrade` token.
    #[error("the connection header does not name upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, doubled, or not the answer to this handshake's key.
    #[error("the accept header does not answer the key")]
    Accept,
    /// An extension that was not offered, or parameters that the offer did not allow.
    #[error("an extension was not offered in this way")]
    Extension,
    /// A subprotocol that was not asked for, or more than one.
    #[error("a subprotocol was not asked for")]
    Protocol,
}

/// The request that opens a WebSocket connection. `headers` come behind the handshake's own and cannot replace them.
///
/// # Errors
///
/// [`InvalidHead`] when the target or the host would break the head.
pub fn build_request(
    target: &str,
    host: &str,
    nonce: [u8; 16],
    headers: &Headers,
    offer: Option<&Offer>,
) -> Result<Request, InvalidHead> {
    let mut request = Request::new("GET", target)?;
    request.headers.append("Host", host)?;
    request.headers.append("Connection", "Upgrade")?;
    request.headers.append("Upgrade", "websocket")?;
    request.headers.append("Sec-WebSocket-Version", "13")?;
    request.headers.append("Sec-WebSocket-Key", STANDARD.encode(nonce))?;
    if let Some(offer) = offer {
        request.headers.append("Sec-WebSocket-Extensions", offer.to_value())?;
    }
    let own = request.headers.clone();
    for (name, value) in headers.iter().filter(|(name, _)| !own.contains(name)) {
        request.headers.append(name, value.clone())?;
    }
    Ok(request)
}

/// Judges the answer to a [`build_request`] with this nonce, offer and list of subprotocols (RFC 6455 §4.1).
///
/// # Errors
///
/// [`Error`]: the connection must fail.
pub fn verify_response(
    nonce: [u8; 16],
    response: &Response,
    offer: Option<&Offer>,
    protocols: &[&str],
) -> Result<Negotiated, Error> {
    let headers = &response.headers;
    if response.status() != 101 {
        return Err(Error::Status(response.status()));
    }
    let mut upgrade = headers.tokens("upgrade");
    match (upgrade.next(), upgrade.next()) {
        (Some(token), None) if token.eq_ignore_ascii_case(b"websocket") => {}
        _ => return Err(Error::Upgrade),
    }
    if !headers.has_token("connection", "upgrade") {
        return Err(Error::Connection);
    }
    let mut accepts = headers.get_all("sec-websocket-accept");
    let expected = accept_value(STANDARD.encode(nonce).as_bytes());
    match (accepts.next(), accepts.next()) {
        (Some(value), None) if value.as_bytes() == expected.as_bytes() => {}
        _ => return Err(Error::Accept),
    }
    // Fields that state a body are ignored: a 101 has none (RFC 9112 §6.3).
    let deflate = Offer::judge(offer, headers).map_err(|()| Error::Extension)?;
    let protocol = chosen(headers, protocols)?;
    Ok(Negotiated { deflate, protocol })
}

/// Whether a body is stated, by any line: one that parsers read in two ways must not become one that nobody reads.
fn states_body(headers: &Headers) -> bool {
    headers.contains("transfer-encoding") || headers.get_all("content-length").any(|length| length.as_bytes() != b"0")
}

fn chosen(headers: &Headers, protocols: &[&str]) -> Result<Option<String>, Error> {
    let mut lines = headers.get_all("sec-websocket-protocol");
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let known = protocols.iter().find(|protocol| protocol.as_bytes() == value.as_bytes());
            known.map(|protocol| Some((*protocol).to_owned())).ok_or(Error::Protocol)
        }
        (Some(_), Some(_)) => Err(Error::Protocol),
    }
}

/// What a server agrees to.
///
/// ```
/// use turnwire::http::Headers;
/// use turnwire::ws::handshake::{self, ServerOptions};
///
/// let request = handshake::build_request("/v1/responses", "localhost", [7; 16], &Headers::new(), None)?;
/// let (response, negotiated) = handshake::accept(&request, &ServerOptions::default())?;
/// assert_eq!((response.status(), negotiated.deflate), (101, None));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ServerOptions<'a> {
    /// permessage-deflate, when it may be agreed on.
    pub deflate: Option<ServerPolicy>,
    /// The subprotocols that the server speaks, in its order of preference.
    pub protocols: &'a [&'a str],
}

/// A rejected handshake (RFC 6455 §4.2): the reason, and the response that tells the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handshake is rejected with status {}: {why}", response.status())]
#[non_exhaustive]
pub struct Refusal {
    /// The response to send: 400, 405, 426 or 505, with `Connection: close`.
    pub response: Response,
    /// What was wrong.
    pub why: RefusalReason,
}

/// What was wrong with a handshake's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The method is not GET.
    #[error("the method is not get")]
    Method,
    /// The version is not HTTP/1.1.
    #[error("the version is not http/1.1")]
    HttpVersion,
    /// `Host` is missing or doubled.
    #[error("the host header is missing or doubled")]
    Host,
    /// `Upgrade` has no `websocket` token, or `Connection` no `upgrade` token.
    #[error("the request does not ask for an upgrade to websocket")]
    Upgrade,
    /// `Sec-WebSocket-Version` is missing, doubled, or not 13.
    #[error("the websocket version is not 13")]
    Version,
    /// `Sec-WebSocket-Key` is missing, doubled, or not 16 bytes in base64.
    #[error("the key is not sixteen bytes in base64")]
    Key,
    /// The request states a body: its bytes would be read as frames.
    #[error("the request states a body")]
    Body,
    /// The target is neither a path nor an absolute http or ws URL, or has a fragment.
    #[error("the request target is no path")]
    Target,
}

/// Whether a request asks for an upgrade to WebSocket at all, rightly or wrongly.
#[must_use]
pub fn is_upgrade(request: &Request) -> bool {
    request.headers.has_token("upgrade", "websocket")
}

/// Judges a request and answers it (RFC 6455 §4.2). The response may be given more headers before it is sent.
///
/// # Errors
///
/// [`Refusal`], with the response to send instead.
pub fn accept(request: &Request, options: &ServerOptions<'_>) -> Result<(Response, Negotiated), Refusal> {
    let key = judge(request).map_err(refuse)?;
    let mut agreed = Negotiated::default();
    let mut response = head(101);
    let mut say = |name: &str, value: &str| {
        // Every value is a token or made of tokens.
        let _ = response.headers.append(name, value);
    };
    say("Connection", "Upgrade");
    say("Upgrade", "websocket");
    say("Sec-WebSocket-Accept", &accept_value(key));
    if let Some((params, value)) = options.deflate.and_then(|policy| policy.answer(&request.headers)) {
        say("Sec-WebSocket-Extensions", &value);
        agreed.deflate = Some(params);
    }
    let asked =
        |protocol: &&&str| request.headers.tokens("sec-websocket-protocol").any(|token| token == protocol.as_bytes());
    if let Some(protocol) = options.protocols.iter().find(asked) {
        say("Sec-WebSocket-Protocol", protocol);
        agreed.protocol = Some((*protocol).to_string());
    }
    Ok((response, agreed))
}

fn judge(request: &Request) -> Result<&[u8], RefusalReason> {
    let headers = &request.headers;
    if request.method() != "GET" {
        return Err(RefusalReason::Method);
    }
    if request.version != Version::Http11 {
        return Err(RefusalReason::HttpVersion);
    }
    if !names_resource(request.target()) {
        return Err(RefusalReason::Target);
    }
    if headers.get_all("host").count() != 1 {
        return Err(RefusalReason::Host);
    }
    if states_body(headers) {
        return Err(RefusalReason::Body);
    }
    if !is_upgrade(request) || !headers.has_token("connection", "upgrade") {
        return Err(RefusalReason::Upgrade);
    }
    let mut versions = headers.get_all("sec-websocket-version");
    match (versions.next(), versions.next()) {
        (Some(version), None) if version.as_bytes() == b"13" => {}
        _ => return Err(RefusalReason::Version),
    }
    let mut keys = headers.get_all("sec-websocket-key");
    match (keys.next(), keys.next()) {
        // The engine refuses wrong padding and trailing bits that are not zero.
        (Some(key), None) if STANDARD.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16) => Ok(key.as_bytes()),
        _ => Err(RefusalReason::Key),
    }
}

/// Whether a target is a path or an absolute URL of a scheme that a WebSocket has (RFC 6455 §4.1, RFC 9112 §3.2.2), without a
/// fragment.
fn names_resource(target: &str) -> bool {
    let absolute = target.split_once("://").is_some_and(|(scheme, rest)| {
        ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !rest.is_empty()
    });
    (target.starts_with('/') || absolute) && !target.contains('#')
}

fn refuse(why: RefusalReason) -> Refusal {
    let status = match why {
        RefusalReason::Method => 405,
        RefusalReason::HttpVersion => 505,
        RefusalReason::Version | RefusalReason::Upgrade => 426,
        RefusalReason::Host | RefusalReason::Key | RefusalReason::Body | RefusalReason::Target => 400,
    };
    let mut response = head(status);
    let lines: &[(&str, &str)] = match why {
        RefusalReason::Method => &[("Allow", "GET")],
        RefusalReason::Version | RefusalReason::Upgrade => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
        RefusalReason::HttpVersion
        | RefusalReason::Host
        | RefusalReason::Key
        | RefusalReason::Body
        | RefusalReason::Target => &[],
    };
    for (name, value) in [("Connection", "close"), ("Content-Length", "0")].iter().chain(lines) {
        let _ = response.headers.append(name, *value);
    }
    Refusal { response, why }
}

fn head(status: u16) -> Response {
    Response::new(status).unwrap_or_else(|_| unreachable!("the statuses here are between 100 and 599"))
}

/// The value that answers a key (RFC 6455 §4.2.2).
fn accept_value(key: &[u8]) -> String {
    let mut sha = Sha1::new();
    sha.update(key);
    sha.update(GUID);
    STANDARD.encode(sha.finalize())
}
