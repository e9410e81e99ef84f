//! Proxies: HTTP CONNECT (RFC 9110 §9.3.6), SOCKS5 (RFC 1928, RFC 1929) and SOCKS4a, as state machines over bytes.
//!
//! A [`ProxySelector`] holds the values of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` and names the [`Proxy`] for a host.
//! The application opens a socket to that proxy, with TLS where [`Proxy::uses_tls`] says so, and runs a [`ProxyHandshake`] on it. After
//! [`Connected`], the socket leads to the host itself: TLS to the host, or HTTP, begins on it.
//!
//! Names are never resolved here: the proxy receives the name and resolves it.
//!
//! ```
//! use turnwire::proxy::{Limits, ProxyHandshake, ProxySelector};
//!
//! let mut selector = ProxySelector::new();
//! selector.set_https_proxy("http://user:secret@proxy.example:3128")?;
//! selector.set_no_proxy("localhost, .internal.example, 10.0.0.0/8");
//! assert!(selector.select("db.internal.example", 443, true).is_none());
//!
//! let proxy = selector.select("api.example.com", 443, true).expect("a proxy is configured");
//! assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128));
//!
//! let mut handshake = ProxyHandshake::new(proxy, "api.example.com", 443, Limits::default())?;
//! let request = handshake.poll_transmit(); // to be written to the socket
//! assert!(request.starts_with(b"CONNECT api.example.com:443 HTTP/1.1\r\n"));
//! let written = request.len();
//! handshake.handle_written(written);
//! handshake.handle_input(b"HTTP/1.1 200 Connection established\r\n\r\n");
//! let connected = handshake.poll_result().expect("the proxy has responded")?;
//! assert!(connected.leftover.is_empty());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod challenge;
mod config;
mod error;
mod handshake;
mod http_connect;
mod limits;
mod no_proxy;
mod percent;
mod reply;
mod selector;
mod socks4a;
mod socks5;
mod target;

pub use config::{InvalidProxy, Proxy, ProxyCredentials, Scheme};
pub use error::{Error, Socks4Reply, Socks5Reply};
pub use handshake::{Connected, ProxyHandshake};
pub use limits::Limits;
pub use selector::ProxySelector;
pub use target::InvalidHandshake;
