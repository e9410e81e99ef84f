//! SOCKS4a: SOCKS4 with names that the proxy resolves.

use alloc::vec::Vec;

use super::config::ProxyCredentials;
use super::error::{Error, Socks4Reply};
use super::reply::Reply;
use super::target::{Host, InvalidHandshake};

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const GRANTED: u8 = 90;
/// The address that announces a name: 0.0.0.x, where x is not 0.
const NAME_FOLLOWS: [u8; 4] = [0, 0, 0, 1];
/// The length of a reply.
const REPLY: usize = 8;

/// Requests the connection.
#[derive(Debug, Default)]
pub(super) struct Socks4a {
    reply: Reply,
}

impl Socks4a {
    /// Appends the request to `out`. Of the credentials it contains only the username.
    pub(super) fn new(
        host: Host<'_>,
        port: u16,
        credentials: Option<&ProxyCredentials>,
        out: &mut Vec<u8>,
    ) -> Result<Self, InvalidHandshake> {
        let (address, name) = match host {
            Host::V4(address) => (address.octets(), None),
            Host::V6(_) => return Err(InvalidHandshake::Ipv6),
            Host::Name(name) => (NAME_FOLLOWS, Some(name)),
        };
        out.extend_from_slice(&[VERSION, CONNECT]);
        out.extend_from_slice(&port.to_be_bytes());
        out.extend_from_slice(&address);
        // A username has no control characters, and so no NUL.
        out.extend_from_slice(credentials.map_or(&[], ProxyCredentials::username));
        out.push(0);
        if let Some(name) = name {
            out.extend_from_slice(name.as_bytes());
            out.push(0);
        }
        Ok(Self::default())
    }

    /// Decodes from the front of `input`. `true`: the proxy has connected, and the rest of `input` belongs to the host.
    pub(super) fn step(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let Some([first, ..]) = self.reply.take(input, 1) else { return Ok(false) };
        // The version of a reply is 0. Some proxies send 4.
        if first != 0 && first != VERSION {
            return Err(Error::NotSocks { version: VERSION, first });
        }
        let Some([_, code, ..]) = self.reply.take(input, 2) else { return Ok(false) };
        if code != GRANTED {
            return Err(Error::Socks4(Socks4Reply::new(code)));
        }
        Ok(self.reply.take(input, REPLY).is_some())
    }
}
