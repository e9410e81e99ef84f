//! The opening handshake (RFC 6455 §4): HTTP heads of the request and the response, and their validation.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use super::deflate::{Offer, Params, ServerPolicy};
use crate::http::{Headers, InvalidHead, Request, Response, Version};

/// The string that distinguishes the response to a WebSocket handshake from any other (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The negotiated parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The parameters of permessage-deflate, if it was negotiated.
    pub deflate: Option<Params>,
    /// The subprotocol, if one was negotiated.
    pub protocol: Option<String>,
}

/// The reason why a client must fail the connection (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// The status is not 101. The response is an ordinary HTTP response.
    Status(u16),
    /// `Upgrade` is missing or is not exactly `websocket`.
    Upgrade,
    /// `Connection` has no `upgrade` token.
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated, or does not match the key of the handshake.
    Accept,
    /// The server selected an extension that was not offered, or parameters that the offer did not allow.
    Extension,
    /// The server selected a subprotocol that was not requested, or more than one.
    Protocol,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status} instead of 101"),
            Self::Upgrade => f.write_str("the Upgrade header is not websocket"),
            Self::Connection => f.write_str("the Connection header does not contain upgrade"),
            Self::Accept => f.write_str("the Sec-WebSocket-Accept header does not match the key"),
            Self::Extension => f.write_str("server selected an extension or parameter that was not offered"),
            Self::Protocol => f.write_str("server selected a subprotocol that was not requested"),
        }
    }
}

impl core::error::Error for Error {}

/// Builds the request of a handshake. `headers` follow its own headers and cannot replace them.
///
/// ```
/// use turnwire::http::Headers;
/// use turnwire::ws::handshake::{self, ServerOptions};
///
/// let nonce = [7; 16]; // 16 random bytes
/// let request = handshake::build_request("/v1/responses", "localhost", nonce, &Headers::new(), None)?;
/// let (response, _) = handshake::accept(&request, &ServerOptions::default())?;
/// let negotiated = handshake::verify_response(nonce, &response, None, &[])?;
/// assert_eq!(negotiated.deflate, None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`InvalidHead`] if the target or the host is invalid.
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

/// Validates the response to a request from [`build_request`] with this nonce, offer and list of subprotocols (RFC 6455 §4.1).
///
/// # Errors
///
/// [`Error`] if the response is not valid. The connection must fail then.
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
    // Headers that describe a body are ignored, because a 101 has none (RFC 9112 §6.3).
    let deflate = Offer::verify(offer, headers).map_err(|()| Error::Extension)?;
    let protocol = selected_protocol(headers, protocols)?;
    Ok(Negotiated { deflate, protocol })
}

/// Returns whether any header describes a body. Its bytes would otherwise be read as frames.
fn has_body(headers: &Headers) -> bool {
    headers.contains("transfer-encoding") || headers.get_all("content-length").any(|length| length.as_bytes() != b"0")
}

fn selected_protocol(headers: &Headers, protocols: &[&str]) -> Result<Option<String>, Error> {
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

/// The options of a server.
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
#[non_exhaustive]
pub struct ServerOptions<'a> {
    /// The offers of permessage-deflate to accept. `None` means none.
    pub deflate: Option<ServerPolicy>,
    /// The subprotocols of the server, in order of preference.
    pub protocols: &'a [&'a str],
}

impl<'a> ServerOptions<'a> {
    /// Sets the offers of permessage-deflate to accept; `None` means none.
    #[must_use]
    pub const fn with_deflate(mut self, policy: Option<ServerPolicy>) -> Self {
        self.deflate = policy;
        self
    }

    /// Sets the subprotocols of the server, in order of preference.
    #[must_use]
    pub const fn with_protocols(mut self, protocols: &'a [&'a str]) -> Self {
        self.protocols = protocols;
        self
    }
}

/// A rejected handshake (RFC 6455 §4.2): the reason, and the response to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The response to send: 400, 405, 426 or 505, with `Connection: close`.
    pub response: Response,
    /// The reason.
    pub why: RefusalReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the handshake is rejected with status {}: {}", self.response.status(), self.why)
    }
}

impl core::error::Error for Refusal {}

/// The reason why a handshake is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The method is not GET.
    Method,
    /// The version is not HTTP/1.1.
    HttpVersion,
    /// `Host` is missing or repeated.
    Host,
    /// `Upgrade` does not contain `websocket`, or `Connection` does not contain `upgrade`.
    Upgrade,
    /// `Sec-WebSocket-Version` is missing, repeated, or not 13.
    Version,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64.
    Key,
    /// The request has a body, whose bytes would be read as frames.
    Body,
    /// The target is neither a path nor an absolute http or ws URL, or has a fragment.
    Target,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the method is not GET",
            Self::HttpVersion => "the version is not HTTP/1.1",
            Self::Host => "the Host header is missing or repeated",
            Self::Upgrade => "the request is not an upgrade to websocket",
            Self::Version => "the websocket version is not 13",
            Self::Key => "the key is not 16 bytes in base64",
            Self::Body => "the request has a body",
            Self::Target => "the request target is not a path",
        })
    }
}

impl core::error::Error for RefusalReason {}

/// Returns whether a request is an upgrade to WebSocket, valid or not.
#[must_use]
pub fn is_upgrade(request: &Request) -> bool {
    request.headers.has_token("upgrade", "websocket")
}

/// Validates a request and builds the response (RFC 6455 §4.2). More headers may be added to it before it is sent.
///
/// # Errors
///
/// [`Refusal`] if the request is not valid, with the response to send instead.
pub fn accept(request: &Request, options: &ServerOptions<'_>) -> Result<(Response, Negotiated), Refusal> {
    let key = validate(request).map_err(refuse)?;
    let mut negotiated = Negotiated::default();
    let mut response = head(101);
    let mut append = |name: &str, value: &str| {
        // Cannot fail: every value consists of tokens.
        let _ = response.headers.append(name, value);
    };
    append("Connection", "Upgrade");
    append("Upgrade", "websocket");
    append("Sec-WebSocket-Accept", &accept_value(key));
    if let Some((params, value)) = options.deflate.and_then(|policy| policy.answer(&request.headers)) {
        append("Sec-WebSocket-Extensions", &value);
        negotiated.deflate = Some(params);
    }
    let is_requested =
        |protocol: &&&str| request.headers.tokens("sec-websocket-protocol").any(|token| token == protocol.as_bytes());
    if let Some(protocol) = options.protocols.iter().find(is_requested) {
        append("Sec-WebSocket-Protocol", protocol);
        negotiated.protocol = Some((*protocol).to_string());
    }
    Ok((response, negotiated))
}

fn validate(request: &Request) -> Result<&[u8], RefusalReason> {
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
    if has_body(headers) {
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
        // The engine rejects wrong padding and trailing bits that are not zero.
        (Some(key), None) if STANDARD.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16) => Ok(key.as_bytes()),
        _ => Err(RefusalReason::Key),
    }
}

/// Returns whether a target is a path or an absolute http or ws URL, without a fragment (RFC 6455 §4.1, RFC 9112 §3.2.2).
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

/// Returns the value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2).
fn accept_value(key: &[u8]) -> String {
    let mut sha = Sha1::new();
    sha.update(key);
    sha.update(GUID);
    STANDARD.encode(sha.digest().bytes())
}
