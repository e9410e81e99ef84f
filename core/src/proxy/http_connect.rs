//! HTTP CONNECT (RFC 9110 §9.3.6).

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::challenge;
use super::config::ProxyCredentials;
use super::error::Error;
use super::limits::Limits;
use super::target::{self, Host, InvalidHandshake};
use crate::http::{self, HeadDecoder, HeaderValue, Request, Response};

/// Maximum length of the reason phrase that an error contains.
const MAX_REASON: usize = 128;

/// Waits for the response to CONNECT.
#[derive(Debug)]
pub(super) struct HttpConnect {
    heads: HeadDecoder<Response>,
    interim: usize,
    max_interim: usize,
    credentials_sent: bool,
}

impl HttpConnect {
    /// Appends the request to `out`.
    pub(super) fn new(
        host: Host<'_>,
        port: u16,
        credentials: Option<&ProxyCredentials>,
        limits: Limits,
        out: &mut Vec<u8>,
    ) -> Result<Self, InvalidHandshake> {
        let authority = target::authority(host, port);
        let mut request = Request::new("CONNECT", &authority).map_err(|_| InvalidHandshake::Host)?;
        request.headers.append("Host", authority.as_str()).map_err(|_| InvalidHandshake::Host)?;
        if let Some(credentials) = credentials {
            let appended = request.headers.append("Proxy-Authorization", authorization(credentials)?);
            appended.map_err(|_| InvalidHandshake::UsernameColon)?;
        }
        http::encode_request(&request, out);
        Ok(Self {
            heads: HeadDecoder::new(limits.head),
            interim: 0,
            max_interim: limits.max_interim,
            credentials_sent: credentials.is_some(),
        })
    }

    /// Decodes from the front of `input`; bytes after the response's head stay. `true`: the proxy has connected.
    pub(super) fn step(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        while let Some(response) = self.heads.decode(input)? {
            if !response.is_interim() {
                return self.judge(&response).map(|()| true);
            }
            self.interim += 1;
            if self.interim > self.max_interim {
                return Err(http::Error::TooManyInterim { limit: self.max_interim }.into());
            }
        }
        Ok(false)
    }

    /// Any 2xx connects, and its length fields are ignored: the bytes after its head belong to the host (RFC 9110
    /// §9.3.6).
    fn judge(&self, response: &Response) -> Result<(), Error> {
        match response.status() {
            200..=299 => Ok(()),
            407 => Err(Error::AuthenticationRequired {
                schemes: challenge::schemes(&response.headers),
                credentials_sent: self.credentials_sent,
            }),
            status => {
                let printable = response.reason().chars().filter(|character| !character.is_control());
                let mut reason = String::new();
                for character in printable {
                    if reason.len() + character.len_utf8() > MAX_REASON {
                        break;
                    }
                    reason.push(character);
                }
                Err(Error::Refused { status, reason })
            }
        }
    }

    pub(super) const fn buffered(&self) -> usize {
        self.heads.buffered()
    }
}

/// Returns the value of `Proxy-Authorization`.
pub(super) fn authorization(credentials: &ProxyCredentials) -> Result<HeaderValue, InvalidHandshake> {
    // Base64 text has no control characters.
    let value = HeaderValue::new(basic(credentials)?.as_bytes()).map_err(|_| InvalidHandshake::UsernameColon)?;
    Ok(value.into_sensitive())
}

/// Returns the credentials of the scheme Basic (RFC 7617 §2).
fn basic(credentials: &ProxyCredentials) -> Result<Zeroizing<String>, InvalidHandshake> {
    if credentials.username().contains(&b':') {
        return Err(InvalidHandshake::UsernameColon);
    }
    let pair = Zeroizing::new([credentials.username(), b":", credentials.password()].concat());
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_slice()));
    Ok(Zeroizing::new(["Basic ", encoded.as_str()].concat()))
}
