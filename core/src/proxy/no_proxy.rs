//! The list of hosts that are reached without a proxy.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::target;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `*`: every host.
    All,
    /// A name and all names below it.
    Name { name: String, port: Option<u16> },
    /// An address, or the addresses that share its first bits.
    Network { address: IpAddr, bits: u8, port: Option<u16> },
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Pattern>);

impl NoProxy {
    /// Reads entries separated by commas or white space. Entries that are neither a name nor an address match nothing, as in curl.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(|character: char| character == ',' || character.is_ascii_whitespace());
        Self(entries.filter(|entry| !entry.is_empty()).filter_map(Pattern::parse).collect())
    }

    /// Returns whether this host is reached without a proxy.
    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        match target::address(host) {
            Some(address) => self.0.iter().any(|pattern| pattern.matches_address(address, port)),
            None => {
                let name = host.strip_suffix('.').unwrap_or(host);
                self.0.iter().any(|pattern| pattern.matches_name(name, port))
            }
        }
    }
}

impl Pattern {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        let (place, port) = split_port(entry)?;
        let (host, bits) = match place.split_once('/') {
            Some((host, bits)) => (host, Some(target::port(bits)?)),
            None => (place, None),
        };
        if let Some(address) = target::address(host) {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(whole), |bits| u8::try_from(bits).ok()).filter(|bits| *bits <= whole)?;
            return Some(Self::Network { address, bits, port });
        }
        let name = host.strip_prefix('.').unwrap_or(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        (bits.is_none() && !name.is_empty()).then(|| Self::Name { name: name.to_owned(), port })
    }

    fn matches_name(&self, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Name { name, port: only } => only.is_none_or(|only| only == port) && is_or_is_below(host, name),
            Self::Network { .. } => false,
        }
    }

    fn matches_address(&self, host: IpAddr, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Name { .. } => false,
            Self::Network { address, bits, port: only } => {
                only.is_none_or(|only| only == port) && share_bits(host, *address, *bits)
            }
        }
    }
}

/// Splits the port off an entry: `host:port`, `[address]:port`. An IPv6 address without brackets has none.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    match entry.rsplit_once(':') {
        Some((place, port)) if !port.contains(']') && (place.contains(']') || !place.contains(':')) => {
            Some((place, Some(target::port(port)?)))
        }
        _ => Some((entry, None)),
    }
}

fn is_or_is_below(host: &str, name: &str) -> bool {
    let (host, name) = (host.as_bytes(), name.as_bytes());
    let Some(above) = host.len().checked_sub(name.len()) else { return false };
    let (above, tail) = host.split_at(above);
    tail.eq_ignore_ascii_case(name) && (above.is_empty() || above.ends_with(b"."))
}

fn share_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            (one.to_bits() ^ other.to_bits()) & mask == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            (one.to_bits() ^ other.to_bits()) & mask == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
