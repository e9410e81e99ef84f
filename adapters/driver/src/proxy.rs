//! A proxy between a socket and the I/O loop.

use core::fmt;
use core::task::{Context, Poll, ready};
use std::io;
use std::time::SystemTime;

use turnwire::client::{ConnectError, ConnectTarget, ForwardProxy};
use turnwire::proxy::{self, Connected, Limits, Proxy, ProxyHandshake, ProxySelector};
use turnwire::time::Instant;

mod environment;

pub use environment::{InvalidProxySetting, proxies_from_environment};

use crate::io::Io;

/// Size of the read buffer during the handshake in bytes.
const READ: usize = 1024;

/// An [`Io`] that reaches the hosts that a [`ProxySelector`] names through a proxy, and the others directly.
///
/// It connects the wrapped `Io` to the proxy, with [`ConnectTarget::tls`] set if the proxy requires TLS, and runs the handshake. An
/// HTTP proxy gets requests for plain `http` in absolute form instead, as curl sends them: many proxies open tunnels to port 443
/// alone. A WebSocket always takes a tunnel (RFC 6455 §4.1). It never uses TLS to the host itself: wrap it in an `Io` that does. A host for which a proxy is selected is never reached
/// directly.
///
/// ```
/// use turnwire::client::Client;
/// use turnwire_driver::{ClientDriver, Io, ProxyIo, proxies_from_environment};
///
/// /// Drives a client without TLS over a socket, through the proxies of the environment.
/// fn drive<S: Io>(client: Client, socket: S) -> ClientDriver<ProxyIo<S>> {
///     ClientDriver::new(client, ProxyIo::new(socket, proxies_from_environment()))
/// }
/// ```
#[derive(Debug)]
pub struct ProxyIo<I> {
    io: I,
    /// `None` if there are no proxies, which is the usual case.
    proxies: Result<Option<Box<ProxySelector>>, Box<InvalidProxySetting>>,
    route: Option<Route>,
    /// The proxy to which the open socket leads, if it forwards requests.
    forward_proxy: Option<ForwardProxy>,
    /// Bytes of the host that arrived with the end of the handshake.
    leftover: Vec<u8>,
}

/// How the target of the current connection attempt is reached.
#[derive(Debug)]
enum Route {
    Direct(ConnectTarget),
    Proxy(Box<Attempt>),
    /// Through a proxy that forwards requests: its URL for errors, its address, and what the client needs to know of it.
    Forward(Box<(String, ConnectTarget, ForwardProxy)>),
}

/// An attempt to connect through a proxy.
#[derive(Debug)]
struct Attempt {
    /// The proxy as a URL, for errors.
    name: String,
    address: ConnectTarget,
    /// Whether the socket to the proxy is open.
    connected: bool,
    handshake: ProxyHandshake,
}

impl<I: Io> ProxyIo<I> {
    /// Wraps a socket of a client. If `proxies` is an error, every connection attempt fails with it.
    pub fn new(io: I, proxies: Result<ProxySelector, InvalidProxySetting>) -> Self {
        let proxies = match proxies {
            Ok(selector) => Ok((selector != ProxySelector::new()).then(|| Box::new(selector))),
            Err(error) => Err(Box::new(error)),
        };
        Self { io, proxies, route: None, forward_proxy: None, leftover: Vec::new() }
    }

    /// Returns the proxy through which `target` is reached, or `None` if it is reached directly.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProxySetting`] when the configuration is invalid: the target is not reached at all.
    pub fn proxy_for(&self, target: &ConnectTarget) -> Result<Option<&Proxy>, InvalidProxySetting> {
        let proxies = self.proxies.as_ref().map_err(|error| (**error).clone())?;
        Ok(proxies.as_ref().and_then(|proxies| proxies.select(&target.host, target.port, target.tls)))
    }

    fn route_to(&self, target: &ConnectTarget) -> Result<Route, ConnectError> {
        let invalid = |message: String| ConnectError::Proxy { message, retryable: false };
        let Some(proxy) = self.proxy_for(target).map_err(|error| invalid(error.to_string()))? else {
            return Ok(Route::Direct(ConnectTarget::new(&target.host, target.port, false)));
        };
        let address = ConnectTarget::new(proxy.host(), proxy.port(), proxy.uses_tls());
        let unusable = |error| invalid(format!("{proxy}: {error}"));
        if proxy.forwards_requests() && !target.tls && !target.websocket {
            let authorization = proxy.authorization().map_err(unusable)?;
            return Ok(Route::Forward(Box::new((proxy.to_string(), address, ForwardProxy::new(authorization)))));
        }
        let handshake = ProxyHandshake::new(proxy, &target.host, target.port, Limits::default()).map_err(unusable)?;
        Ok(Route::Proxy(Box::new(Attempt { name: proxy.to_string(), address, connected: false, handshake })))
    }
}

impl Attempt {
    fn poll(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<Result<Connected, ConnectError>> {
        let failed = |name: &str, error: &dyn fmt::Display, retryable| {
            Poll::Ready(Err(ConnectError::Proxy { message: format!("{name}: {error}"), retryable }))
        };
        if !self.connected {
            ready!(poll_connect_to_proxy(io, cx, &self.name, &self.address))?;
            self.connected = true;
        }
        match ready!(poll_handshake(io, &mut self.handshake, cx)) {
            Err(error) => failed(&self.name, &error, true),
            Ok(Err(error)) => failed(&self.name, &error, error.is_retryable()),
            Ok(Ok(connected)) => Poll::Ready(Ok(connected)),
        }
    }
}

fn poll_connect_to_proxy(
    io: &mut impl Io,
    cx: &mut Context<'_>,
    name: &str,
    address: &ConnectTarget,
) -> Poll<Result<(), ConnectError>> {
    io.poll_connect(cx, address).map_err(|error| {
        let retryable = !matches!(error, ConnectError::Tls(_));
        ConnectError::Proxy { message: format!("{name}: {error}"), retryable }
    })
}

/// Writes and reads until the handshake has ended. The outer error is that of the socket.
fn poll_handshake(
    io: &mut impl Io,
    handshake: &mut ProxyHandshake,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Result<Connected, proxy::Error>>> {
    let mut buffer = [0; READ];
    loop {
        while !handshake.poll_transmit().is_empty() {
            match io.poll_write(cx, handshake.poll_transmit()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(length) => handshake.handle_written(length?),
                Poll::Pending => break,
            }
        }
        if let Some(result) = handshake.poll_result() {
            return Poll::Ready(Ok(result));
        }
        if !handshake.wants_input() {
            // The rest of the request is to be written first.
            return Poll::Pending;
        }
        match ready!(io.poll_read(cx, &mut buffer))? {
            0 => handshake.handle_eof(),
            length => handshake.handle_input(&buffer[..length]),
        }
    }
}

impl<I: Io> Io for ProxyIo<I> {
    fn now(&self) -> Instant {
        self.io.now()
    }

    fn wall_clock(&self) -> SystemTime {
        self.io.wall_clock()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let route = match &mut self.route {
            Some(route) => route,
            None => self.route.insert(self.route_to(target)?),
        };
        let result = match route {
            Route::Direct(address) => ready!(self.io.poll_connect(cx, address)),
            Route::Proxy(attempt) => {
                ready!(attempt.poll(&mut self.io, cx)).map(|connected| self.leftover = connected.leftover)
            }
            Route::Forward(forward) => {
                let (name, address, proxy) = &mut **forward;
                let result = ready!(poll_connect_to_proxy(&mut self.io, cx, name, address));
                result.map(|()| self.forward_proxy = Some(core::mem::take(proxy)))
            }
        };
        self.route = None;
        if result.is_err() {
            self.disconnect();
        }
        Poll::Ready(result)
    }

    fn forward_proxy(&self) -> Option<&ForwardProxy> {
        self.forward_proxy.as_ref()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.leftover.is_empty() {
            return self.io.poll_read(cx, buffer);
        }
        let length = self.leftover.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.leftover[..length]);
        self.leftover.drain(..length);
        if self.leftover.is_empty() {
            self.leftover = Vec::new();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io.poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.io.poll_wait(cx, until)
    }

    fn disconnect(&mut self) {
        self.route = None;
        self.forward_proxy = None;
        self.leftover = Vec::new();
        self.io.disconnect();
    }
}
