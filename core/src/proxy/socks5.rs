//! SOCKS5 (RFC 1928) with username and password (RFC 1929).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::config::ProxyCredentials;
use super::error::{Error, Socks5Reply};
use super::reply::Reply;
use super::target::{Host, InvalidHandshake};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USERNAME_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The message to which the next reply belongs.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The offer of authentication methods (RFC 1928 §3).
    Methods,
    /// Username and password (RFC 1929 §2).
    Credentials,
    /// The request to connect (RFC 1928 §4).
    Connect,
}

/// Offers authentication methods, authenticates, and requests the connection.
pub(super) struct Socks5 {
    stage: Stage,
    reply: Reply,
    /// The message with username and password, until it is sent.
    credentials: Option<Zeroizing<Vec<u8>>>,
    /// The request to connect, until it is sent.
    request: Vec<u8>,
}

impl Socks5 {
    /// Appends the offer of methods to `out`.
    pub(super) fn new(
        host: Host<'_>,
        port: u16,
        credentials: Option<&ProxyCredentials>,
        out: &mut Vec<u8>,
    ) -> Result<Self, InvalidHandshake> {
        let credentials = credentials.map(authentication).transpose()?;
        match credentials {
            Some(_) => out.extend_from_slice(&[VERSION, 2, NO_AUTHENTICATION, USERNAME_PASSWORD]),
            None => out.extend_from_slice(&[VERSION, 1, NO_AUTHENTICATION]),
        }
        Ok(Self { stage: Stage::Methods, reply: Reply::default(), credentials, request: request(host, port) })
    }

    /// Decodes from the front of `input` and appends the next output to `out`. `true`: the proxy has connected, and the
    /// rest of `input` belongs to the host.
    pub(super) fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            match self.stage {
                Stage::Methods => {
                    let Some([method]) = self.versioned(input)? else { return Ok(false) };
                    self.select(method, out)?;
                }
                Stage::Credentials => {
                    // The version of this reply is 1. Some proxies send 5; the value does not matter.
                    let Some([_, status, ..]) = self.reply.take(input, 2) else { return Ok(false) };
                    if status != 0 {
                        return Err(Error::CredentialsRejected { status });
                    }
                    self.ask(out);
                }
                Stage::Connect => return self.connected(input),
            }
            self.reply = Reply::default();
        }
    }

    /// Checks the version as soon as it has arrived, and returns the byte after it.
    fn versioned(&mut self, input: &mut &[u8]) -> Result<Option<[u8; 1]>, Error> {
        let Some([first, ..]) = self.reply.take(input, 1) else { return Ok(None) };
        if first != VERSION {
            return Err(Error::NotSocks { version: VERSION, first });
        }
        Ok(self.reply.take(input, 2).map(|[_, second, ..]| [second]))
    }

    fn select(&mut self, method: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        match (method, self.credentials.take()) {
            (NO_AUTHENTICATION, _) => self.ask(out),
            (USERNAME_PASSWORD, Some(credentials)) => {
                out.extend_from_slice(&credentials);
                self.stage = Stage::Credentials;
            }
            (NO_ACCEPTABLE_METHOD, credentials) => {
                return Err(Error::NoAcceptableMethod { credentials_offered: credentials.is_some() });
            }
            (method, _) => return Err(Error::UnexpectedMethod { method }),
        }
        Ok(())
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.request);
        self.stage = Stage::Connect;
    }

    /// A failure counts as soon as its code has arrived: some proxies close the connection after it.
    fn connected(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let Some([code]) = self.versioned(input)? else { return Ok(false) };
        if code != 0 {
            return Err(Error::Socks5(Socks5Reply::new(code)));
        }
        let Some([_, _, _, kind, _]) = self.reply.take(input, 4) else { return Ok(false) };
        let address = match kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => {
                let Some([.., length]) = self.reply.take(input, 5) else { return Ok(false) };
                1 + usize::from(length)
            }
            kind => return Err(Error::AddressType { kind }),
        };
        Ok(self.reply.take(input, 4 + address + 2).is_some())
    }
}

/// Returns the message with username and password (RFC 1929 §2).
fn authentication(credentials: &ProxyCredentials) -> Result<Zeroizing<Vec<u8>>, InvalidHandshake> {
    let length = |field: &[u8]| u8::try_from(field.len()).map_err(|_| InvalidHandshake::CredentialsTooLong);
    let (username, password) = (credentials.username(), credentials.password());
    let message = [&[1, length(username)?], username, &[length(password)?], password].concat();
    Ok(Zeroizing::new(message))
}

/// Returns the request to connect (RFC 1928 §4).
fn request(host: Host<'_>, port: u16) -> Vec<u8> {
    let mut request = Vec::from([VERSION, CONNECT, 0]);
    match host {
        Host::V4(address) => {
            request.push(IPV4);
            request.extend_from_slice(&address.octets());
        }
        Host::V6(address) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        Host::Name(name) => {
            let length = u8::try_from(name.len()).expect("a host name has at most 255 bytes");
            request.extend_from_slice(&[NAME, length]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    request
}
