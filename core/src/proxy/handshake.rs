//! The handshake with a proxy, for all protocols.

use alloc::vec::Vec;
use core::{fmt, mem};

use zeroize::Zeroize as _;

use super::config::{Proxy, Scheme};
use super::error::Error;
use super::http_connect::{self, HttpConnect};
use super::limits::Limits;
use super::socks4a::Socks4a;
use super::socks5::Socks5;
use super::target::{Host, InvalidHandshake};
use crate::http::HeaderValue;

impl Proxy {
    /// Returns the value of `Proxy-Authorization` for requests that the proxy forwards, or `None` without credentials.
    ///
    /// # Errors
    ///
    /// [`InvalidHandshake::UsernameColon`] if the username contains a colon, which Basic authentication cannot carry.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, InvalidHandshake> {
        self.credentials().map(http_connect::authorization).transpose()
    }
}

/// The proxy has connected the socket to the host.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// Bytes of the host that arrived with the proxy's last reply. They precede everything that the socket returns
    /// later.
    pub leftover: Vec<u8>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("leftover", &self.leftover.len()).finish()
    }
}

enum Protocol {
    Http(HttpConnect),
    Socks5(Socks5),
    Socks4a(Socks4a),
}

enum State {
    Running(Protocol),
    Ended(Result<Connected, Error>),
    Taken,
}

/// The handshake in which a proxy is asked, over a socket to it, to connect to a host.
///
/// Write what [`poll_transmit`](Self::poll_transmit) returns, pass in what the socket returns, and stop at the first
/// [`poll_result`](Self::poll_result). It has no deadline: the connect timeout includes it. `Debug` shows nothing that
/// was sent or received.
pub struct ProxyHandshake {
    state: State,
    /// The bytes to send, of which the first `written` are written.
    out: Vec<u8>,
    written: usize,
}

impl ProxyHandshake {
    /// Starts a handshake. `host` is a name, which the proxy resolves, or an IP address.
    ///
    /// # Errors
    ///
    /// [`InvalidHandshake`] if the proxy's protocol cannot carry the host, the port or the credentials.
    pub fn new(proxy: &Proxy, host: &str, port: u16, limits: Limits) -> Result<Self, InvalidHandshake> {
        let host = Host::parse(host).ok_or(InvalidHandshake::Host)?;
        if port == 0 {
            return Err(InvalidHandshake::Port);
        }
        let mut out = Vec::new();
        let credentials = proxy.credentials();
        let protocol = match proxy.scheme() {
            Scheme::Http | Scheme::Https => {
                Protocol::Http(HttpConnect::new(host, port, credentials, limits, &mut out)?)
            }
            Scheme::Socks5 => Protocol::Socks5(Socks5::new(host, port, credentials, &mut out)?),
            Scheme::Socks4a => Protocol::Socks4a(Socks4a::new(host, port, credentials, &mut out)?),
        };
        Ok(Self { state: State::Running(protocol), out, written: 0 })
    }

    /// Returns the bytes to write to the socket.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// Records that `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, length: usize) {
        self.written = self.written.saturating_add(length);
        if self.written >= self.out.len() {
            self.forget_output();
        }
    }

    /// Handles bytes from the socket. After the end of the handshake they belong to the host: until the result is taken
    /// they are appended to [`Connected::leftover`], and later they are ignored.
    pub fn handle_input(&mut self, mut input: &[u8]) {
        let result = match &mut self.state {
            State::Running(Protocol::Http(connect)) => connect.step(&mut input),
            State::Running(Protocol::Socks5(socks)) => socks.step(&mut input, &mut self.out),
            State::Running(Protocol::Socks4a(socks)) => socks.step(&mut input),
            State::Ended(Ok(connected)) => return connected.leftover.extend_from_slice(input),
            State::Ended(Err(_)) | State::Taken => return,
        };
        match result {
            Ok(false) => {}
            Ok(true) => self.state = State::Ended(Ok(Connected { leftover: input.to_vec() })),
            Err(error) => self.fail(error),
        }
    }

    /// Handles the end of the socket, of any kind.
    pub fn handle_eof(&mut self) {
        if matches!(self.state, State::Running(_)) {
            self.fail(Error::Closed);
        }
    }

    /// Returns the result of the handshake, once. A success is returned only when all bytes are written: otherwise the
    /// host's bytes would mix with the proxy's.
    pub fn poll_result(&mut self) -> Option<Result<Connected, Error>> {
        match mem::replace(&mut self.state, State::Taken) {
            State::Ended(Ok(connected)) if !self.poll_transmit().is_empty() => {
                self.state = State::Ended(Ok(connected));
                None
            }
            State::Ended(result) => Some(result),
            running @ State::Running(_) => {
                self.state = running;
                None
            }
            State::Taken => None,
        }
    }

    /// Returns whether more bytes of the proxy are needed. Further reads would take bytes of the host.
    #[must_use]
    pub const fn wants_input(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// Returns the number of buffered bytes.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        match &self.state {
            State::Running(Protocol::Http(connect)) => connect.buffered(),
            State::Ended(Ok(connected)) => connected.leftover.len(),
            // The bytes of a reply's head are part of the state.
            State::Running(Protocol::Socks5(_) | Protocol::Socks4a(_)) | State::Ended(Err(_)) | State::Taken => 0,
        }
    }

    fn fail(&mut self, error: Error) {
        self.forget_output();
        self.state = State::Ended(Err(error));
    }

    /// Wipes the output, which may contain credentials.
    fn forget_output(&mut self) {
        self.out.zeroize();
        self.written = 0;
    }
}

impl Drop for ProxyHandshake {
    fn drop(&mut self) {
        self.out.zeroize();
    }
}

impl fmt::Debug for ProxyHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Running(Protocol::Http(_)) => "waits for the response to CONNECT",
            State::Running(Protocol::Socks5(_)) => "waits for a reply of SOCKS5",
            State::Running(Protocol::Socks4a(_)) => "waits for the reply of SOCKS4a",
            State::Ended(Ok(_)) => "connected",
            State::Ended(Err(_)) => "failed",
            State::Taken => "finished",
        };
        f.debug_struct("ProxyHandshake").field("state", &state).finish_non_exhaustive()
    }
}
