//! The negotiation of permessage-deflate (RFC 7692 §5, §7.1) in `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use alloc::string::String;
use core::fmt::Write as _;

use super::params::{LARGEST, Params, SMALLEST};
use crate::http::Headers;

const NAME: &str = "permessage-deflate";

/// The offer of a client. The default is that of the reference client: `permessage-deflate; client_max_window_bits`.
///
/// ```
/// use turnwire::ws::deflate::Offer;
///
/// let offer = Offer::default().with_server_no_context_takeover(true);
/// assert_eq!(offer.to_value(), "permessage-deflate; server_no_context_takeover; client_max_window_bits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// Whether the server must begin each message with an empty window.
    pub server_no_context_takeover: bool,
    /// Whether this client begins each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the largest window that the server may use, limited to 8 to 15. `None` means no request.
    pub server_max_window_bits: Option<u8>,
    /// Whether the server may limit this client's window.
    pub client_max_window_bits: bool,
}

impl Offer {
    /// Sets [`server_no_context_takeover`](Self::server_no_context_takeover).
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self, enabled: bool) -> Self {
        self.server_no_context_takeover = enabled;
        self
    }

    /// Sets [`client_no_context_takeover`](Self::client_no_context_takeover).
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self, enabled: bool) -> Self {
        self.client_no_context_takeover = enabled;
        self
    }

    /// Sets [`server_max_window_bits`](Self::server_max_window_bits).
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: Option<u8>) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// Sets [`client_max_window_bits`](Self::client_max_window_bits).
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, enabled: bool) -> Self {
        self.client_max_window_bits = enabled;
        self
    }
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: true,
        }
    }
}

/// The offers that a server accepts, and its own parameters.
///
/// ```
/// use turnwire::ws::deflate::ServerPolicy;
/// use turnwire::ws::handshake::ServerOptions;
///
/// let policy = ServerPolicy::default().with_server_no_context_takeover(true);
/// let options = ServerOptions::default().with_deflate(Some(policy));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerPolicy {
    /// Whether this server begins each message with an empty window even if the client does not request it. That saves memory and
    /// costs bytes.
    pub server_no_context_takeover: bool,
    /// Whether the client must begin each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the largest window that this server uses, 9 to 15.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the largest window that a client may use, if it allows a limit, limited to 8 to 15.
    pub client_max_window_bits: u8,
}

impl ServerPolicy {
    /// Sets [`server_no_context_takeover`](Self::server_no_context_takeover).
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self, enabled: bool) -> Self {
        self.server_no_context_takeover = enabled;
        self
    }

    /// Sets [`client_no_context_takeover`](Self::client_no_context_takeover).
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self, enabled: bool) -> Self {
        self.client_no_context_takeover = enabled;
        self
    }

    /// Sets [`server_max_window_bits`](Self::server_max_window_bits).
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: u8) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// Sets [`client_max_window_bits`](Self::client_max_window_bits).
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, bits: u8) -> Self {
        self.client_max_window_bits = bits;
        self
    }
}

impl Default for ServerPolicy {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: LARGEST,
            client_max_window_bits: LARGEST,
        }
    }
}

/// The parsed parameters of an offer or a response, each at most once.
#[derive(Clone, Copy, Debug, Default)]
struct ParsedParams {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: without a value, which is valid only in an offer.
    client_max_window_bits: Option<Option<u8>>,
}

impl Offer {
    /// The default offer of a client.
    #[cfg(feature = "connection")]
    pub(crate) fn usual() -> Option<Self> {
        Some(Self::default())
    }

    /// Returns the offer as a header value.
    #[must_use]
    pub fn to_value(&self) -> String {
        let mut text = String::from(NAME);
        flag(&mut text, "server_no_context_takeover", self.server_no_context_takeover);
        flag(&mut text, "client_no_context_takeover", self.client_no_context_takeover);
        bits(&mut text, "server_max_window_bits", self.server_window());
        flag(&mut text, "client_max_window_bits", self.client_max_window_bits);
        text
    }

    /// Returns the parameters in the server's response; `Ok(None)` if it accepts no extension. `Err` if it names an extension
    /// that was not offered, names one twice, or has parameters that the offer did not allow: the connection must fail.
    pub(in crate::ws) fn verify(offer: Option<&Self>, headers: &Headers) -> Result<Option<Params>, ()> {
        let mut agreed = None;
        for element in elements(headers) {
            let stated = element.and_then(|element| element.parse()).ok_or(())?;
            let offer = offer.ok_or(())?;
            if agreed.replace(offer.accepts(&stated).ok_or(())?).is_some() {
                return Err(());
            }
        }
        Ok(agreed)
    }

    fn server_window(&self) -> Option<u8> {
        self.server_max_window_bits.map(|bits| bits.clamp(SMALLEST, LARGEST))
    }

    fn accepts(&self, answer: &ParsedParams) -> Option<Params> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return None;
        }
        let server = answer.server_max_window_bits.unwrap_or(LARGEST);
        if server > self.server_window().unwrap_or(LARGEST) {
            return None;
        }
        let client = match answer.client_max_window_bits {
            None => LARGEST,
            Some(Some(bits)) if self.client_max_window_bits => bits,
            Some(_) => return None,
        };
        Some(Params {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: answer.client_no_context_takeover || self.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        })
    }
}

impl ServerPolicy {
    /// Accepts the first acceptable offer. Returns the parameters, and the header value of the response. Offers that are malformed
    /// or not acceptable are skipped one by one (RFC 7692 §5.1).
    pub(in crate::ws) fn answer(&self, headers: &Headers) -> Option<(Params, String)> {
        elements(headers).flatten().filter_map(|element| element.parse()).find_map(|offer| self.agree(&offer))
    }

    fn agree(&self, offer: &ParsedParams) -> Option<(Params, String)> {
        // The compressor cannot limit itself to a window of 2^8.
        let server = self.server_max_window_bits.min(offer.server_max_window_bits.unwrap_or(LARGEST));
        if server < 9 {
            return None;
        }
        let client = match offer.client_max_window_bits {
            None => LARGEST,
            // The smallest window that can be requested is 2^8.
            Some(limit) => self.client_max_window_bits.max(SMALLEST).min(limit.unwrap_or(LARGEST)),
        };
        let params = Params {
            server_no_context_takeover: offer.server_no_context_takeover || self.server_no_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover || self.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        };
        let mut text = String::from(NAME);
        flag(&mut text, "server_no_context_takeover", params.server_no_context_takeover);
        flag(&mut text, "client_no_context_takeover", params.client_no_context_takeover);
        let is_named = server < LARGEST || offer.server_max_window_bits.is_some();
        bits(&mut text, "server_max_window_bits", is_named.then_some(server));
        bits(&mut text, "client_max_window_bits", (client < LARGEST).then_some(client));
        Some((params, text))
    }
}

fn flag(text: &mut String, name: &str, set: bool) {
    if set {
        text.push_str("; ");
        text.push_str(name);
    }
}

fn bits(text: &mut String, name: &str, bits: Option<u8>) {
    if let Some(bits) = bits {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "; {name}={bits}");
    }
}

/// One element of the extension list.
#[derive(Clone, Copy)]
struct Element<'h>(&'h str);

/// Returns the elements of all `Sec-WebSocket-Extensions` lines; `None` for a line that is not text. Empty elements are
/// skipped (RFC 9110 §5.6.1). A comma inside a quoted string does not separate elements.
fn elements(headers: &Headers) -> impl Iterator<Item = Option<Element<'_>>> {
    headers.get_all("sec-websocket-extensions").flat_map(|line| {
        let elements = line.to_str().map(|text| text.split(separator()).map(str::trim_ascii));
        let bad = elements.is_none().then_some(None);
        elements.into_iter().flatten().filter(|text| !text.is_empty()).map(|text| Some(Element(text))).chain(bad)
    })
}

/// Returns a predicate for one character after the other, which is true for commas outside quoted strings (RFC 9110 §5.6.4).
fn separator() -> impl FnMut(char) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |character| {
        let literal = core::mem::take(&mut escaped);
        match character {
            '\\' if quoted => escaped = !literal,
            '"' if !literal => quoted = !quoted,
            _ => {}
        }
        character == ',' && !quoted
    }
}

impl Element<'_> {
    /// Returns the parameters, if this is permessage-deflate and each parameter is known, valid and unique.
    fn parse(self) -> Option<ParsedParams> {
        let mut parts = self.0.split(';').map(|part| part.trim_matches([' ', '\t']));
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut stated = ParsedParams::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                None => (part, None),
                Some((name, value)) => (name.trim_end_matches([' ', '\t']), Some(unquote(value)?)),
            };
            let fresh = match name {
                "server_no_context_takeover" if value.is_none() => {
                    !core::mem::replace(&mut stated.server_no_context_takeover, true)
                }
                "client_no_context_takeover" if value.is_none() => {
                    !core::mem::replace(&mut stated.client_no_context_takeover, true)
                }
                "server_max_window_bits" => stated.server_max_window_bits.replace(window(value?)?).is_none(),
                "client_max_window_bits" => {
                    let value = match value {
                        None => None,
                        Some(value) => Some(window(value)?),
                    };
                    stated.client_max_window_bits.replace(value).is_none()
                }
                _ => false,
            };
            if !fresh {
                return None;
            }
        }
        Some(stated)
    }
}

/// Returns a token, or the content of a quoted string, which must be a token (RFC 6455 §9.1).
fn unquote(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t']);
    match value.strip_prefix('"') {
        None => Some(value),
        Some(rest) => rest.strip_suffix('"'),
    }
}

/// Parses 8 to 15, without a leading zero (RFC 7692 §7.1.2).
fn window(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}
