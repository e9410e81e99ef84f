//! Reference implementation of the parsers of SOCKS replies, on the whole input at once (RFC 1928, RFC 1929).

use turnwire::proxy::{Error, Socks4Reply, Socks5Reply};

/// Returns the bytes after the reply with which a SOCKS5 proxy accepts the connection.
pub fn socks5(input: &[u8], credentials: bool) -> Result<Vec<u8>, Error> {
    let byte = |at: usize| input.get(at).copied().ok_or(Error::Closed);
    let versioned = |at: usize| match byte(at)? {
        5 => byte(at + 1),
        first => Err(Error::NotSocks { version: 5, first }),
    };
    let mut at = 2;
    match versioned(0)? {
        0 => {}
        2 if credentials => {
            at = 4;
            if byte(3)? != 0 {
                return Err(Error::CredentialsRejected { status: byte(3)? });
            }
        }
        255 => return Err(Error::NoAcceptableMethod { credentials_offered: credentials }),
        method => return Err(Error::UnexpectedMethod { method }),
    }
    let reply = match versioned(at)? {
        0 => None,
        1 => Some(Socks5Reply::GeneralFailure),
        2 => Some(Socks5Reply::NotAllowed),
        3 => Some(Socks5Reply::NetworkUnreachable),
        4 => Some(Socks5Reply::HostUnreachable),
        5 => Some(Socks5Reply::ConnectionRefused),
        6 => Some(Socks5Reply::TtlExpired),
        7 => Some(Socks5Reply::CommandNotSupported),
        8 => Some(Socks5Reply::AddressTypeNotSupported),
        code => Some(Socks5Reply::Other(code)),
    };
    if let Some(reply) = reply {
        return Err(Error::Socks5(reply));
    }
    let address = match byte(at + 3)? {
        1 => 4,
        3 => 1 + usize::from(byte(at + 4)?),
        4 => 16,
        kind => return Err(Error::AddressType { kind }),
    };
    input.get(at + 4 + address + 2..).map(<[u8]>::to_vec).ok_or(Error::Closed)
}

/// Returns the bytes after the reply with which a SOCKS4a proxy accepts the connection.
pub fn socks4a(input: &[u8]) -> Result<Vec<u8>, Error> {
    match (input.first(), input.get(1)) {
        (None, _) => Err(Error::Closed),
        (Some(&first), _) if first != 0 && first != 4 => Err(Error::NotSocks { version: 4, first }),
        (Some(_), None) => Err(Error::Closed),
        (Some(_), Some(90)) => input.get(8..).map(<[u8]>::to_vec).ok_or(Error::Closed),
        (Some(_), Some(91)) => Err(Error::Socks4(Socks4Reply::Rejected)),
        (Some(_), Some(92)) => Err(Error::Socks4(Socks4Reply::NoIdentd)),
        (Some(_), Some(93)) => Err(Error::Socks4(Socks4Reply::OtherUser)),
        (Some(_), Some(code)) => Err(Error::Socks4(Socks4Reply::Other(*code))),
    }
}
