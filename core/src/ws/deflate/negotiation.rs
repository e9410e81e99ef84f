//! The negotiation of permessage-deflate (RFC 7692 §5, §7.1) in `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use alloc::string::String;
use core::fmt::Write as _;

use super::params::{LARGEST, Params, SMALLEST};
use crate::http::Headers;

const NAME: &str = "permessage-deflate";

/// What a client offers. The default is what the protocol's clients send: `permessage-deflate; client_max_window_bits`.
///
/// ```
/// use turnwire::ws::deflate::Offer;
///
/// let offer = Offer { server_no_context_takeover: true, ..Offer::default() };
/// assert_eq!(offer.to_value(), "permessage-deflate; server_no_context_takeover; client_max_window_bits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Asks the server to begin each message with an empty window.
    pub server_no_context_takeover: bool,
    /// Says that this client will.
    pub client_no_context_takeover: bool,
    /// Asks the server to keep to a window of this size, 8 to 15; what is below or above counts as 8 or 15.
    pub server_max_window_bits: Option<u8>,
    /// Says that the server may limit this client's window.
    pub client_max_window_bits: bool,
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

/// What a server agrees to.
///
/// ```
/// use turnwire::ws::deflate::ServerPolicy;
/// use turnwire::ws::handshake::ServerOptions;
///
/// let policy = ServerPolicy { server_no_context_takeover: true, ..ServerPolicy::default() };
/// let options = ServerOptions { deflate: Some(policy), ..ServerOptions::default() };
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerPolicy {
    /// Begin each message of this server with an empty window, asked for or not: saves memory, costs bytes.
    pub server_no_context_takeover: bool,
    /// Ask the client to do so.
    pub client_no_context_takeover: bool,
    /// The largest window that this server uses, 9 to 15.
    pub server_max_window_bits: u8,
    /// The largest window that a client may use, where it lets itself be limited, 8 to 15; what is below or above counts as 8
    /// or 15.
    pub client_max_window_bits: u8,
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

/// A parameter list, each parameter at most once.
#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: without a value, which only an offer may have.
    client_max_window_bits: Option<Option<u8>>,
}

impl Offer {
    /// What a client offers unless it is told otherwise.
    #[cfg(feature = "connection")]
    pub(crate) fn usual() -> Option<Self> {
        Some(Self::default())
    }

    /// The offer as a header value.
    #[must_use]
    pub fn to_value(&self) -> String {
        let mut text = String::from(NAME);
        flag(&mut text, "server_no_context_takeover", self.server_no_context_takeover);
        flag(&mut text, "client_no_context_takeover", self.client_no_context_takeover);
        bits(&mut text, "server_max_window_bits", self.server_window());
        flag(&mut text, "client_max_window_bits", self.client_max_window_bits);
        text
    }

    /// What the server's answer agrees on: `Ok(None)` when it agreed on nothing, `Err` when it names an extension that was not
    /// offered, names one twice, or says something that the offer did not allow. Then the connection must fail.
    pub(in crate::ws) fn judge(offer: Option<&Self>, headers: &Headers) -> Result<Option<Params>, ()> {
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

    fn accepts(&self, answer: &Stated) -> Option<Params> {
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
    /// The first offer that can be agreed to, and the answer to it. Offers that are malformed or ask for what cannot be done are
    /// declined one by one (RFC 7692 §5.1).
    pub(in crate::ws) fn answer(&self, headers: &Headers) -> Option<(Params, String)> {
        elements(headers).flatten().filter_map(|element| element.parse()).find_map(|offer| self.agree(&offer))
    }

    fn agree(&self, offer: &Stated) -> Option<(Params, String)> {
        // A window of 2^8 is smaller than this library can keep to when it compresses.
        let server = self.server_max_window_bits.min(offer.server_max_window_bits.unwrap_or(LARGEST));
        if server < 9 {
            return None;
        }
        let client = match offer.client_max_window_bits {
            None => LARGEST,
            // There is no smaller window than 2^8 to ask for.
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
        let said = server < LARGEST || offer.server_max_window_bits.is_some();
        bits(&mut text, "server_max_window_bits", said.then_some(server));
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

/// The elements of all `Sec-WebSocket-Extensions` lines; `None` for a line that is no text. Empty elements are passed over
/// (RFC 9110 §5.6.1). A comma inside a quoted string does not separate: what stands there was not offered.
fn elements(headers: &Headers) -> impl Iterator<Item = Option<Element<'_>>> {
    headers.get_all("sec-websocket-extensions").flat_map(|line| {
        let elements = line.to_str().map(|text| text.split(separator()).map(str::trim_ascii));
        let bad = elements.is_none().then_some(None);
        elements.into_iter().flatten().filter(|text| !text.is_empty()).map(|text| Some(Element(text))).chain(bad)
    })
}

/// Tells the commas that separate from those inside quoted strings (RFC 9110 §5.6.4), when it is shown each character in turn.
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
    /// The parameters, when this is permessage-deflate and every parameter is known, well formed and stated once.
    fn parse(self) -> Option<Stated> {
        let mut parts = self.0.split(';').map(|part| part.trim_matches([' ', '\t']));
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut stated = Stated::default();
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

/// A token or a quoted string that holds one (RFC 6455 §9.1).
fn unquote(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t']);
    match value.strip_prefix('"') {
        None => Some(value),
        Some(rest) => rest.strip_suffix('"'),
    }
}

/// 8 to 15, without a leading zero (RFC 7692 §7.1.2).
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
